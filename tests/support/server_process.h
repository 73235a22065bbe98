// Starts, stops, kills and restarts the real program, `holdfast serve`, on a free loopback port and
// a data folder of the test. The process ends with the test.
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

// Returns the path of the program that this build made, or the one in HOLDFAST_BINARY.
[[nodiscard]] std::filesystem::path holdfast_binary();

// Only the thread that calls start() may use the object.
class ServerProcess {
 public:
  // `environment` is added to the test's. With --listen in `arguments`, the server must be
  // reachable on 127.0.0.1.
  explicit ServerProcess(std::filesystem::path data, std::vector<std::string> arguments = {},
                         std::vector<std::pair<std::string, std::string>> environment = {});
  ~ServerProcess();
  ServerProcess(const ServerProcess&) = delete;
  ServerProcess& operator=(const ServerProcess&) = delete;

  // Starts the server and waits until it has printed its URL. Throws std::runtime_error with its
  // output when it ends or 60 s pass without a URL.
  void start();

  // Sends SIGTERM and returns the exit code (128 + signal). After `patience`, kills the server and
  // returns 137.
  int stop(std::chrono::seconds patience = std::chrono::seconds{20});

  // Sends SIGKILL; returns when the process is gone.
  void kill();

  // Waits for a server that ends by itself; returns the exit code as stop() does. Kills it after
  // `patience`.
  int wait_for_end(std::chrono::seconds patience = std::chrono::seconds{60});

  // Adds variables to the environment at the next start.
  void set_environment(std::vector<std::pair<std::string, std::string>> added);

  [[nodiscard]] bool running() const { return pid_ > 0; }
  [[nodiscard]] pid_t pid() const { return pid_; }
  [[nodiscard]] std::uint16_t port() const { return port_; }
  [[nodiscard]] bool tls() const { return tls_; }
  [[nodiscard]] std::string url() const;  // ends in a slash
  [[nodiscard]] const std::filesystem::path& data() const { return data_; }

  // Returns the server's output since its last start, both streams; at most the last 1 MiB.
  [[nodiscard]] std::string output() const;
  // Returns the output after the first `position` bytes, as far as it is kept; sets `position` to
  // its end.
  [[nodiscard]] std::string output_since(std::uint64_t& position) const;

  // Returns the output up to the URL, which includes the durability mode.
  [[nodiscard]] std::string banner() const;

 private:
  void read_output(int fd);
  void finish();  // joins the reader, after the process has ended

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
