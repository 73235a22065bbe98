// The program started by a service manager: sockets that listened before it was there
// (sd_listen_fds(3)), and what it tells the manager (sd_notify(3)).
#include <array>
#include <chrono>
#include <csignal>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <string>
#include <sys/socket.h>
#include <sys/un.h>
#include <thread>
#include <unistd.h>
#include <utility>
#include <vector>

#include "tests/support/http_client.h"
#include "tests/support/network.h"
#include "tests/support/process.h"
#include "tests/support/raw_http.h"
#include "tests/support/server_process.h"
#include "tests/support/temporary_folder.h"

namespace holdfast::test {
namespace {

using testing::HasSubstr;
using Environment = std::vector<std::pair<std::string, std::string>>;

// A TCP socket on a free port that children inherit.
class Socket {
 public:
  explicit Socket(bool listening = true, std::uint32_t address = INADDR_LOOPBACK,
                  int type = SOCK_STREAM)
      : fd_(::socket(AF_INET, type, 0)) {
    sockaddr_in own{};
    own.sin_family = AF_INET;
    own.sin_addr.s_addr = htonl(address);
    socklen_t size = sizeof own;
    if (::bind(fd_, reinterpret_cast<sockaddr*>(&own), size) != 0 ||
        (listening && ::listen(fd_, 100) != 0) ||
        ::getsockname(fd_, reinterpret_cast<sockaddr*>(&own), &size) != 0)
      throw std::runtime_error("no socket");
    port_ = ntohs(own.sin_port);
  }
  ~Socket() { ::close(fd_); }
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;
  [[nodiscard]] int fd() const { return fd_; }
  [[nodiscard]] std::uint16_t port() const { return port_; }

 private:
  int fd_;
  std::uint16_t port_ = 0;
};

class Activation : public testing::Test {
 protected:
  void TearDown() override { ::unsetenv("HOLDFAST_BINARY"); }

  // Has the program started with these descriptors as 3, 4, … (-1: that one is closed), and with
  // LISTEN_PID its own unless it is given.
  void pass_on(const std::vector<int>& descriptors, const std::string& names = {},
               const std::string& count = {}, const std::string& pid = "$$") {
    ::unsetenv("HOLDFAST_BINARY");
    const std::string real = holdfast_binary();
    const std::string script = folder_ / "started";
    std::ofstream out(script);
    // The program would warn of a variable of the tests.
    out << "#!/bin/sh\nunset HOLDFAST_BINARY\nexport LISTEN_PID=" << pid
        << " LISTEN_FDS=" << (count.empty() ? std::to_string(descriptors.size()) : count)
        << " LISTEN_FDNAMES='" << names << "'\nexec " << real << " \"$@\"";
    for (std::size_t i = 0; i < descriptors.size(); ++i)
      out << " " << i + 3 << (descriptors[i] < 0 ? ">&-" : "<&" + std::to_string(descriptors[i]));
    out << "\n";
    out.close();
    std::filesystem::permissions(script, std::filesystem::perms::owner_all);
    ::setenv("HOLDFAST_BINARY", script.c_str(), 1);
  }
  // Starts what pass_on has set up; one sentence and exit code 2, and no data folder.
  void expect_refused(const std::string& saying, const std::vector<std::string>& more = {}) {
    Command command;
    command.arguments = {holdfast_binary(), "serve", "--data", data_};
    command.arguments.insert(command.arguments.end(), more.begin(), more.end());
    command.timeout = std::chrono::seconds(60);
    const Outcome outcome = run(command);
    EXPECT_EQ(outcome.exit_code, 2) << outcome.output;
    EXPECT_THAT(outcome.output, testing::MatchesRegex("holdfast: [^\n]*[.]\n"));
    EXPECT_THAT(outcome.output, HasSubstr(saying));
    EXPECT_FALSE(std::filesystem::exists(data_));
  }

  TemporaryFolder folder_;
  const std::filesystem::path data_ = folder_ / "data";
};

constexpr const char* kAsk = "OPTIONS / HTTP/1.1\r\nHost: localhost\r\n\r\n";

TEST_F(Activation, WhoCameBeforeTheStartIsAnswered) {
  const Socket socket;
  pass_on({socket.fd()}, "holdfast.socket");
  ServerProcess server(data_);
  for (int run = 0; run < 2; ++run) {  // the second one while it restarts
    std::vector<std::unique_ptr<tests::RawClient>> early;
    for (int i = 0; i < 20; ++i) {
      early.push_back(std::make_unique<tests::RawClient>(socket.port()));
      EXPECT_TRUE(early.back()->send(kAsk));
    }
    server.start();
    EXPECT_EQ(server.port(), socket.port());
    for (const auto& client : early) {
      client->patience = std::chrono::seconds(60);
      const auto answer = client->receive();
      ASSERT_TRUE(answer) << client->error;
      EXPECT_EQ(answer->status, 200);
    }
    HttpClient later(socket.port());
    EXPECT_EQ(later.request("PUT", "/f", {}, "text").status, run == 0 ? 201 : 204);
    EXPECT_EQ(server.stop(), 0) << server.output();
  }
}

TEST_F(Activation, TheNamesTellWhichSocketIsWhich) {
  const Socket redirect;
  const Socket own;
  const Socket admin;
  pass_on({redirect.fd(), own.fd(), admin.fd()}, "http-redirect:any:admin-listen");
  ServerProcess server(data_, {"--tls-self-signed"});
  server.start();
  EXPECT_EQ(server.port(), own.port());
  EXPECT_TRUE(server.tls());
  EXPECT_EQ(HttpClient(server).request("OPTIONS", "/").status, 200);
  const Reply sent_on = HttpClient(redirect.port()).request("GET", "/f");
  EXPECT_EQ(sent_on.status, 301);
  EXPECT_THAT(std::string(sent_on.field("Location")), HasSubstr(":" + std::to_string(own.port())));
  EXPECT_EQ(HttpClient(admin.port()).request("GET", "/healthz").body, "ok\n");
  EXPECT_EQ(server.stop(), 0) << server.output();
}

TEST_F(Activation, SocketsOfAnotherProcessAreLeftAlone) {
  const Socket socket;
  for (const char* pid : {"1", "''", "$$0", "0$$"}) {
    pass_on({socket.fd()}, "", "", pid);
    ServerProcess server(data_);
    server.start();
    EXPECT_NE(server.port(), socket.port()) << pid;
    EXPECT_EQ(server.stop(), 0) << server.output();
  }
  // Not even looked at.
  const Socket unheard(false);
  pass_on({unheard.fd()}, "", "", "1");
  ServerProcess server(data_);
  server.start();
  EXPECT_EQ(server.stop(), 0) << server.output();
}

TEST_F(Activation, WhatIsNoListeningTcpSocketIsRefused) {
  const std::string none = "is no TCP socket that listens";
  const Socket socket;
  const Socket silent(false);
  pass_on({silent.fd()}, "holdfast.socket");
  expect_refused("Descriptor 3 (holdfast.socket) from LISTEN_FDS " + none);
  const Socket datagrams(false, INADDR_LOOPBACK, SOCK_DGRAM);
  pass_on({datagrams.fd()});
  expect_refused("Descriptor 3 from LISTEN_FDS " + none);
  pass_on({socket.fd(), -1});
  expect_refused("Descriptor 4 from LISTEN_FDS " + none);
  pass_on({0});
  expect_refused(none);
  {
    sockaddr_un path{};
    path.sun_family = AF_UNIX;
    std::strcpy(path.sun_path, (folder_ / "socket").c_str());
    const int local = ::socket(AF_UNIX, SOCK_STREAM, 0);
    ASSERT_EQ(::bind(local, reinterpret_cast<sockaddr*>(&path), sizeof path), 0);
    ASSERT_EQ(::listen(local, 1), 0);
    pass_on({local});
    expect_refused(none);
    ::close(local);
  }
  for (const char* count : {"x", "-1", "1x", "99999999999"}) {
    pass_on({socket.fd()}, "", count);
    expect_refused("LISTEN_FDS is \"");
  }
  const Socket other;
  pass_on({socket.fd(), other.fd()}, "a:b");
  expect_refused("is one too many: 127.0.0.1:" + std::to_string(socket.port()));
}

// The other side of the protocol as systemd has it. It waits for the first connection, and leaves
// it to the program to accept that.
TEST_F(Activation, SystemdsOwnToolStartsIt) {
  if (!program_exists("systemd-socket-activate")) GTEST_SKIP() << "systemd is not installed";
  // So that the port is free, which that tool cannot choose.
  if (const std::string why = enter_network(); !why.empty()) GTEST_SKIP() << why;
  const Child child =
      test::start({.arguments = {"systemd-socket-activate", "--listen=127.0.0.1:8080",
                                 "--fdname=holdfast.socket", holdfast_binary(), "serve", "--listen",
                                 "127.0.0.1:1", "--data", data_}});
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  int status = 0;
  while (status == 0 && std::chrono::steady_clock::now() < end) try {
      status = HttpClient(8080).request("PUT", "/f", {}, "text").status;
    } catch (const HttpFailure&) {
      std::this_thread::sleep_for(std::chrono::milliseconds(20));  // it does not listen yet
    }
  EXPECT_EQ(status, 201);
  EXPECT_EQ(HttpClient(8080).request("GET", "/f").body, "text");
  ::kill(child.pid, SIGTERM);
  EXPECT_EQ(wait_for(child.pid), 0);
  ::close(child.output_fd);
  ::close(child.input_fd);
}

// The default of --anonymous is for this machine only, and the socket says who else comes.
TEST_F(Activation, TheSocketsAddressDecidesWhoIsLetIn) {
  const Socket open(true, INADDR_ANY);
  pass_on({open.fd()});
  expect_refused("There are no accounts", {"--listen", "127.0.0.1:0"});
  const Socket socket;
  pass_on({socket.fd()}, "http-redirect");
  expect_refused("tls");
}

// Where a service manager is told of a service's state.
class Notifications {
 public:
  // A name that begins with '@' is one without a file.
  explicit Notifications(const std::string& name)
      : fd_(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un path{};
    path.sun_family = AF_UNIX;
    std::memcpy(path.sun_path, name.data(), name.size());
    if (name.front() == '@') path.sun_path[0] = '\0';
    const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size());
    EXPECT_EQ(::bind(fd_, reinterpret_cast<sockaddr*>(&path), size), 0);
    const timeval patience{.tv_sec = 60, .tv_usec = 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  }
  ~Notifications() { ::close(fd_); }
  Notifications(const Notifications&) = delete;
  Notifications& operator=(const Notifications&) = delete;

  std::string next() {
    std::array<char, 256> text{};
    const ssize_t size = ::recv(fd_, text.data(), text.size(), 0);
    return {text.data(), size < 0 ? 0 : static_cast<std::size_t>(size)};
  }
  [[nodiscard]] bool empty() {
    char byte = 0;
    return ::recv(fd_, &byte, 1, MSG_DONTWAIT) < 0;
  }

 private:
  int fd_;
};

TEST_F(Activation, TheManagerIsToldWhenItIsReadyAndWhenItStops) {
  for (const std::string& name :
       {std::string(folder_ / "notify"), "@holdfast-test-" + std::to_string(::getpid())}) {
    Notifications told(name);
    ServerProcess server(data_, {}, {{"NOTIFY_SOCKET", name}});
    server.start();
    EXPECT_EQ(told.next(), "READY=1");
    EXPECT_TRUE(told.empty());
    EXPECT_EQ(server.stop(), 0);
    EXPECT_EQ(told.next(), "STOPPING=1");
    EXPECT_TRUE(told.empty());
  }
  // Never ready.
  Notifications told(folder_ / "other");
  const Outcome refused = run({.arguments = {holdfast_binary(), "serve", "--data", "/dev/null"},
                               .environment = {{"NOTIFY_SOCKET", folder_ / "other"}}});
  EXPECT_EQ(refused.exit_code, 2);
  EXPECT_TRUE(told.empty());
  // Nobody listens there.
  ServerProcess server(data_, {}, {{"NOTIFY_SOCKET", "/nowhere/notify"}});
  server.start();
  EXPECT_EQ(server.stop(), 0);
}

}  // namespace
}  // namespace holdfast::test
