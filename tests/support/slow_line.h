// A slow line to a server on this machine: what a client sends to its port goes on to the server's
// at a chosen pace, what the server answers comes back at once.
//
//   SlowLine line(200'000);              // bytes per second that go up
//   server.start();
//   line.lead_to(server.port());         // clients use line.port()
#pragma once

#include <arpa/inet.h>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <netinet/in.h>
#include <poll.h>
#include <stdexcept>
#include <string>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>
#include <vector>

namespace holdfast::test {

class SlowLine {
 public:
  explicit SlowLine(std::size_t bytes_per_second) : pace_(bytes_per_second) {
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address = loopback(0);
    socklen_t size = sizeof address;
    if (::bind(listener_, reinterpret_cast<sockaddr*>(&address), size) != 0 ||
        ::listen(listener_, 16) != 0 ||
        ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) != 0)
      throw std::runtime_error("no free port");
    port_ = ntohs(address.sin_port);
    acceptor_ = std::thread([this] { accept_all(); });
  }
  // Every connection is cut.
  ~SlowLine() {
    ended_ = true;
    acceptor_.join();
    for (auto& each : connections_) each.join();
    ::close(listener_);
  }
  SlowLine(const SlowLine&) = delete;
  SlowLine& operator=(const SlowLine&) = delete;

  [[nodiscard]] std::uint16_t port() const { return port_; }
  [[nodiscard]] std::string url() const {
    return "http://127.0.0.1:" + std::to_string(port_) + "/";
  }
  // Before this a connection is closed at once.
  void lead_to(std::uint16_t port) { target_ = port; }
  // Bytes that have gone up.
  [[nodiscard]] std::uint64_t sent() const { return sent_; }

 private:
  static constexpr std::chrono::milliseconds kStep{20};

  static sockaddr_in loopback(std::uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
  }
  static bool readable(int fd, std::chrono::milliseconds patience) {
    pollfd wait{.fd = fd, .events = POLLIN, .revents = 0};
    return ::poll(&wait, 1, static_cast<int>(patience.count())) > 0;
  }

  void accept_all() {
    while (!ended_) {
      if (!readable(listener_, kStep)) continue;
      const int client = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
      if (client >= 0) connections_.emplace_back([this, client] { carry(client); });
    }
  }

  void carry(int client) {
    const int server = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const sockaddr_in address = loopback(target_);
    if (::connect(server, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) {
      std::thread down([&] {
        while (!ended_ && pass(server, client, 1 << 16) >= 0) {
        }
        ::shutdown(client, SHUT_WR);
      });
      const std::size_t step = pace_ * static_cast<std::size_t>(kStep.count()) / 1000;
      for (ssize_t now = 0; !ended_ && now >= 0; now = pass(client, server, step)) {
        sent_ += static_cast<std::uint64_t>(now);
        if (now > 0) std::this_thread::sleep_for(kStep);
      }
      ::shutdown(server, ended_ ? SHUT_RDWR : SHUT_WR);
      down.join();
    }
    ::close(server);
    ::close(client);
  }

  // How many bytes went on, 0 when none came in time, -1 when nothing more can come.
  static ssize_t pass(int from, int to, std::size_t most) {
    if (!readable(from, kStep)) return 0;
    std::vector<char> bytes(most);
    const ssize_t count = ::recv(from, bytes.data(), bytes.size(), 0);
    for (ssize_t done = 0; done < count;) {
      const ssize_t now =
          ::send(to, bytes.data() + done, static_cast<std::size_t>(count - done), MSG_NOSIGNAL);
      if (now <= 0) return -1;
      done += now;
    }
    return count > 0 ? count : -1;
  }

  const std::size_t pace_;
  int listener_ = -1;
  std::uint16_t port_ = 0;
  std::atomic<std::uint16_t> target_ = 0;
  std::atomic<bool> ended_ = false;
  std::atomic<std::uint64_t> sent_ = 0;
  std::thread acceptor_;
  std::vector<std::thread> connections_;  // the acceptor's, then the destructor's
};

}  // namespace holdfast::test
