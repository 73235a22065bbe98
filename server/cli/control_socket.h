// The control socket: a Unix stream socket "control.sock" in the data folder, mode 0600, through
// which commands use the store of a running server. Only users who may open the data folder can use
// it.
//
// One request and one reply per connection: a line ("lock-list", "lock-break TOKEN", "check"), then
// "EXITCODE BYTES\n" and that many bytes of text for the command to print. Both sides limit what
// they read and how long they wait for a request. With some replies the server holds something for
// the command (ControlReply::held) until the command closes the connection or dies. The command
// sends a byte from time to time to show that it does not hang; when none comes for `kHoldLimit`,
// the server stops holding, sends a byte and closes the connection.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <thread>
#include <utility>

namespace holdfast::server::cli {

struct ControlReply {
  int exit_code = 0;
  std::string text;
  // The server keeps this until the command has closed the connection. It is not sent.
  std::shared_ptr<void> held = {};
};

// Who sent a request to a server.
struct Asker {
  uid_t user = 0;          // of the command's process
  std::stop_token stop{};  // the answer should return soon once a stop is requested
};

class ControlSocket {
 public:
  static constexpr std::size_t kRequestLimitBytes = 8 << 20;
  static constexpr std::size_t kReplyLimitBytes = 64 << 20;
  static constexpr std::size_t kConnectionLimit = 8;  // at once; further ones are refused

  static constexpr std::chrono::minutes kHoldLimit{10};

  // Answers one request, on a thread of its own. An exception becomes a reply with exit code 1.
  using Answer = std::function<ControlReply(std::string_view request, const Asker& asker)>;

  // Listens in `folder`, whose lock the caller must hold: a leftover socket is replaced. Throws
  // std::system_error with one sentence.
  ControlSocket(const std::string& folder, Answer answer,
                std::chrono::milliseconds hold_limit = kHoldLimit);
  // Ends every connection and removes the socket.
  ~ControlSocket();
  ControlSocket(const ControlSocket&) = delete;
  ControlSocket& operator=(const ControlSocket&) = delete;

 private:
  struct Connection {
    int fd = -1;
    bool finished = false;
    std::jthread thread;
  };

  void hold_until_close(const Connection& connection, const std::stop_token& stop) const;
  void accept_loop(const std::stop_token& stop);
  void serve(Connection& connection, const std::stop_token& stop);
  void join_finished();

  std::string folder_;
  Answer answer_;
  std::chrono::milliseconds hold_limit_;
  int folder_fd_ = -1;
  int listen_fd_ = -1;
  std::mutex mutex_;
  std::list<Connection> connections_;  // guarded by `mutex_`
  std::jthread acceptor_;
};

// Sends a request to the server that runs on `folder`. Returns nullopt when none listens there.
// Throws std::runtime_error when the reply is malformed or missing.
[[nodiscard]] std::optional<ControlReply> ask_server(const std::string& folder,
                                                     std::string_view request);

// What the server holds for this process, as long as this object exists and the server runs.
class ServerHold {
 public:
  explicit ServerHold(int fd) : fd_(fd) {}
  ServerHold(ServerHold&& other) noexcept;
  ServerHold& operator=(ServerHold&&) = delete;
  ~ServerHold();
  enum class State {
    held,
    let_go,  // the server stopped holding, because goes_on() was not called for too long
    ended,   // the server ended
  };
  [[nodiscard]] State state() const;
  // Signals the server that this process continues. It is cheap: it sends at most once a second.
  void goes_on();

 private:
  int fd_;
  std::chrono::steady_clock::time_point told_{};
};

// Does what ask_server does, for a request whose reply has something `held`; the ServerHold keeps
// it.
[[nodiscard]] std::optional<std::pair<ControlReply, ServerHold>> ask_server_to_hold(
    const std::string& folder, std::string_view request);

}  // namespace holdfast::server::cli
