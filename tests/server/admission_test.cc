// Whom a connection counts against, and when one is too many.
#include "server/loop/admission.h"

#include <arpa/inet.h>
#include <cstring>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <string>

namespace holdfast::server {
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

TEST(Admission, LoopbackCountsAgainstNobody) {
  for (const char* address : {"127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"}) {
    EXPECT_TRUE(client(address).loopback) << address;
    EXPECT_EQ(client(address).key, 0u) << address;
  }
  EXPECT_FALSE(client("192.0.2.1").loopback);
  EXPECT_FALSE(client("2001:db8::1").loopback);
}

TEST(Admission, MappedAddressesAreTheIpv4Ones) {
  EXPECT_EQ(client("::ffff:192.0.2.1").address, "192.0.2.1");
  EXPECT_EQ(client("::ffff:192.0.2.1").key, client("192.0.2.1").key);
}

TEST(Admission, Ipv6NetworksAreOneClient) {
  EXPECT_EQ(client("2001:db8:0:1::1").key, client("2001:db8:0:1:ffff::").key);
  EXPECT_NE(client("2001:db8:0:1::1").key, client("2001:db8:0:2::1").key);
}

TEST(Admission, LimitsAllAndEach) {
  Limits limits;
  limits.connections = 4;
  limits.connections_per_client = 2;
  Admission admission(limits);
  EXPECT_TRUE(admission.admit(1));
  EXPECT_TRUE(admission.admit(1));
  EXPECT_FALSE(admission.admit(1));
  EXPECT_TRUE(admission.admit(0));
  EXPECT_FALSE(admission.crowded());
  EXPECT_TRUE(admission.admit(0));
  EXPECT_TRUE(admission.crowded());
  EXPECT_FALSE(admission.admit(2));
  admission.leave(1);
  EXPECT_TRUE(admission.admit(1));
  EXPECT_EQ(admission.total(), 4u);
}

}  // namespace
}  // namespace holdfast::server
