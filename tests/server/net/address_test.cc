// Addresses as texts and as the system has them, and whom a connection counts against.
#include "server/net/address.h"

#include <arpa/inet.h>
#include <cstring>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <string>

namespace holdfast::server::net {
namespace {

Client client(const std::string& address) {
  sockaddr_storage storage{};
  if (address.find(':') == std::string::npos) {
    sockaddr_in v4{};
    v4.sin_family = AF_INET;
    EXPECT_EQ(::inet_pton(AF_INET, address.c_str(), &v4.sin_addr), 1);
    std::memcpy(&storage, &v4, sizeof v4);
  } else {
    sockaddr_in6 v6{};
    v6.sin6_family = AF_INET6;
    EXPECT_EQ(::inet_pton(AF_INET6, address.c_str(), &v6.sin6_addr), 1);
    std::memcpy(&storage, &v6, sizeof v6);
  }
  return describe(storage);
}

TEST(Client, LoopbackCountsAgainstNobody) {
  for (const char* address : {"127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"}) {
    EXPECT_TRUE(client(address).loopback) << address;
    EXPECT_EQ(client(address).key, 0u) << address;
  }
  EXPECT_FALSE(client("192.0.2.1").loopback);
  EXPECT_FALSE(client("2001:db8::1").loopback);
}

TEST(Client, MappedAddressesAreTheIpv4Ones) {
  EXPECT_EQ(client("::ffff:192.0.2.1").address, "192.0.2.1");
  EXPECT_EQ(client("::ffff:192.0.2.1").key, client("192.0.2.1").key);
}

TEST(Client, Ipv6NetworksAreOneClient) {
  EXPECT_EQ(client("2001:db8:0:1::1").key, client("2001:db8:0:1:ffff::").key);
  EXPECT_NE(client("2001:db8:0:1::1").key, client("2001:db8:0:2::1").key);
}

TEST(IpAddress, IsReadStrictly) {
  for (const std::string_view bad : {"", "localhost", "127.1", "1", "0x7f.0.0.1", "127.0.0.01",
                                     "127.0.0.1.", "256.0.0.1", "127.0.0.1:80", "[::1]", "::1%lo",
                                     "1::2::3", ":::", "::g", "1:2:3:4:5:6:7", " ::1", "::1 "})
    EXPECT_FALSE(IpAddress::parse(bad)) << bad;
  const struct {
    std::string_view text;
    std::string_view canonical;
    bool v4;
    bool loopback;
  } rows[] = {
      {"127.0.0.1", "127.0.0.1", true, true},
      {"127.255.0.9", "127.255.0.9", true, true},
      {"192.0.2.1", "192.0.2.1", true, false},
      {"::ffff:192.0.2.1", "192.0.2.1", true, false},
      {"::FFFF:7f00:1", "127.0.0.1", true, true},
      {"::1", "::1", false, true},
      {"0:0:0:0:0:0:0:1", "::1", false, true},
      {"::", "::", false, false},
      {"2001:DB8:0:0::1", "2001:db8::1", false, false},
      {"::127.0.0.1", "::127.0.0.1", false, false},
  };
  for (const auto& row : rows) {
    const auto address = IpAddress::parse(row.text);
    ASSERT_TRUE(address) << row.text;
    EXPECT_EQ(address->text(), row.canonical) << row.text;
    EXPECT_EQ(address->is_v4(), row.v4) << row.text;
    EXPECT_EQ(address->is_loopback(), row.loopback) << row.text;
  }
}

TEST(Address, IsANumberOrLocalhostWithAPort) {
  for (const std::string_view bad :
       {"", ":", ":80", "127.0.0.1", "127.0.0.1:", "127.0.0.1:x", "127.0.0.1:-1", "127.0.0.1:65536",
        "127.0.0.1:000080", "127.0.0.1:80x", "nowhere:80", "::1:80", "[127.0.0.1]:80", "[]:80",
        "[::1]", "[::1]80", "[::1:80", "::1]:80", "[localhost]:80"})
    EXPECT_FALSE(Address::parse(bad)) << bad;
  const struct {
    std::string_view text;
    std::string_view host;
    std::string_view numeric;
    std::uint16_t port;
    bool loopback;
  } rows[] = {
      {"127.0.0.1:8080", "127.0.0.1", "127.0.0.1", 8080, true},
      {"localhost:0", "localhost", "127.0.0.1", 0, true},
      {"0.0.0.0:80", "0.0.0.0", "0.0.0.0", 80, false},
      {"192.0.2.1:65535", "192.0.2.1", "192.0.2.1", 65535, false},
      {"[::1]:8443", "::1", "::1", 8443, true},
      {"[::]:80", "::", "::", 80, false},
      {"[2001:db8::1]:80", "2001:db8::1", "2001:db8::1", 80, false},
  };
  for (const auto& row : rows) {
    const auto address = Address::parse(row.text);
    ASSERT_TRUE(address) << row.text;
    EXPECT_EQ(address->host, row.host) << row.text;
    EXPECT_EQ(address->numeric_host(), row.numeric) << row.text;
    EXPECT_EQ(address->port, row.port) << row.text;
    EXPECT_EQ(address->loopback, row.loopback) << row.text;
  }
}

}  // namespace
}  // namespace holdfast::server::net
