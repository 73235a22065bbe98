// The real program, `holdfast serve`, as tests start, stop, kill and restart it: on a free loopback
// port, on a data folder of the test's own. The process dies with the test.
//
//   ServerProcess server(folder / "data", {"--durability", "full"});
//   server.start();                          // returns when it answers
//   HttpClient client(server.port());
//   server.kill();                           // SIGKILL, as a power cut for the program
//   server.start();                          // same data, same port
//   EXPECT_EQ(server.stop(), 0);             // SIGTERM
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <filesystem>
#include <mutex>
#include <string>
#include <sys/types.h>
#include <thread>
#include <utility>
#include <vector>

namespace holdfast::test {

// The program that this build made, or the one that HOLDFAST_BINARY names.
[[nodiscard]] std::filesystem::path holdfast_binary();

// One test uses one object from one thread (the one that starts it).
class ServerProcess {
 public:
  // `environment` is added to ours. With a --listen of its own it must be reached on 127.0.0.1.
  explicit ServerProcess(std::filesystem::path data, std::vector<std::string> arguments = {},
                         std::vector<std::pair<std::string, std::string>> environment = {});
  ~ServerProcess();
  ServerProcess(const ServerProcess&) = delete;
  ServerProcess& operator=(const ServerProcess&) = delete;

  // Starts it and waits until it has printed its URL. Throws std::runtime_error with what it
  // printed when it ends or 60 s pass without one.
  void start();

  // SIGTERM; its exit code (128 + signal). Kills it after `patience` and returns 137.
  int stop(std::chrono::seconds patience = std::chrono::seconds{20});

  // SIGKILL; returns when it is gone.
  void kill();

  // For a server that ends by itself: its exit code, as stop(). Kills it after `patience`.
  int wait_for_end(std::chrono::seconds patience = std::chrono::seconds{60});

  // Added to the environment at the next start.
  void set_environment(std::vector<std::pair<std::string, std::string>> added);

  [[nodiscard]] bool running() const { return pid_ > 0; }
  [[nodiscard]] pid_t pid() const { return pid_; }
  [[nodiscard]] std::uint16_t port() const { return port_; }
  [[nodiscard]] bool tls() const { return tls_; }
  [[nodiscard]] std::string url() const;  // ends in a slash
  [[nodiscard]] const std::filesystem::path& data() const { return data_; }

  // What it has printed since its last start, both streams; at most the last 1 MiB after the start.
  [[nodiscard]] std::string output() const;
  // What it has printed since it had printed `position` bytes, as far as it is kept; moves
  // `position` on.
  [[nodiscard]] std::string output_since(std::uint64_t& position) const;

  // What it printed before and with its URL: where it says its durability mode.
  [[nodiscard]] std::string banner() const;

 private:
  void read_output(int fd);
  void finish();  // the process has ended: joins the reader

  std::filesystem::path data_;
  std::vector<std::string> arguments_;
  std::vector<std::pair<std::string, std::string>> environment_;
  std::uint16_t port_ = 0;
  bool tls_ = false;
  pid_t pid_ = -1;
  std::thread reader_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::string output_;
  std::uint64_t dropped_ = 0;  // bytes before output_
  std::string banner_;
  bool ended_ = false;
};

}  // namespace holdfast::test
