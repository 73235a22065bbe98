// Clients at other addresses than loopback, in a network of the test's own that has nothing but a
// loopback device with more addresses.
#include <arpa/inet.h>
#include <cstring>
#include <gtest/gtest.h>
#include <memory>
#include <netinet/in.h>
#include <string>
#include <sys/socket.h>
#include <unistd.h>
#include <vector>

#include "tests/support/network.h"
#include "tests/support/server_process.h"
#include "tests/support/temporary_folder.h"

namespace holdfast::test {
namespace {

sockaddr_in ipv4(const char* address, std::uint16_t port = 0) {
  sockaddr_in out{};
  out.sin_family = AF_INET;
  out.sin_port = htons(port);
  EXPECT_EQ(::inet_pton(AF_INET, address, &out.sin_addr), 1);
  return out;
}

// A connection from `address` that has asked something, and the status it got.
class Caller {
 public:
  Caller(const char* address, std::uint16_t port) : fd_(::socket(AF_INET, SOCK_STREAM, 0)) {
    const sockaddr_in from = ipv4(address);
    const sockaddr_in to = ipv4("192.0.2.1", port);
    const timeval patience{.tv_sec = 60, .tv_usec = 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    EXPECT_EQ(::bind(fd_, reinterpret_cast<const sockaddr*>(&from), sizeof from), 0);
    EXPECT_EQ(::connect(fd_, reinterpret_cast<const sockaddr*>(&to), sizeof to), 0)
        << std::strerror(errno);
    const std::string request = "OPTIONS * HTTP/1.1\r\nHost: localhost\r\n\r\n";
    // Who is turned away may be so before it has asked.
    ::send(fd_, request.data(), request.size(), MSG_NOSIGNAL);
    std::string answer(12, ' ');
    EXPECT_EQ(::recv(fd_, answer.data(), answer.size(), MSG_WAITALL), 12);
    status = std::atoi(answer.c_str() + 9);
  }
  ~Caller() { ::close(fd_); }
  Caller(const Caller&) = delete;
  Caller& operator=(const Caller&) = delete;

  int status = 0;

 private:
  int fd_;
};

// docs/operations.md#settings
TEST(Addresses, AreLimitedInTheirConnectionsButForTrustedProxies) {
  if (const std::string why = enter_network(); !why.empty()) GTEST_SKIP() << why;
  const TemporaryFolder folder;
  ServerProcess server(folder / "data",
                       {"--listen", "0.0.0.0:0", "--anonymous", "write", "--connections-per-client",
                        "3", "--trusted-proxies", "192.0.2.8/31"});
  server.start();
  std::vector<std::unique_ptr<Caller>> callers;
  const auto call = [&](const char* address) {
    return callers.emplace_back(std::make_unique<Caller>(address, server.port()))->status;
  };
  for (int i = 0; i < 3; ++i) EXPECT_EQ(call("192.0.2.7"), 200);
  EXPECT_EQ(call("192.0.2.7"), 503);
  for (int i = 0; i < 10; ++i) EXPECT_EQ(call("192.0.2.8"), 200) << "a proxy";
  for (int i = 0; i < 10; ++i) EXPECT_EQ(call("192.0.2.9"), 200) << "another one";
  for (int i = 0; i < 3; ++i) EXPECT_EQ(call("192.0.2.10"), 200);
  EXPECT_EQ(call("192.0.2.10"), 503) << "no proxy";
  for (int i = 0; i < 10; ++i) EXPECT_EQ(call("127.0.0.1"), 200);
  callers.clear();
  EXPECT_EQ(server.stop(), 0) << server.output();
}

}  // namespace
}  // namespace holdfast::test
