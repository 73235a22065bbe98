// The control socket: a Unix stream socket "control.sock" in the data folder, mode 0600, through
// which commands act on the store of a running server. Who may open the data folder may use it;
// nobody else.
//
// One request and one reply per connection: a line ("lock-list", "lock-break TOKEN", "check"), then
// "EXITCODE BYTES\n" and that many bytes of text for the command to print. Both sides bound what
// they read and how long they wait for a request. With some replies the server holds something for
// the command (ControlReply::held) until the command closes the connection, or dies, or has not
// sent a byte for `kHoldLimit`, which says that it goes on: a process that hangs does not. Then the
// server sends a byte itself before it closes the connection.
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
#include <thread>
#include <utility>

namespace holdfast::server::cli {

struct ControlReply {
  int exit_code = 0;
  std::string text;
  // On the server's side: kept until the other side has closed the connection. Not sent.
  std::shared_ptr<void> held = {};
};

class ControlSocket {
 public:
  static constexpr std::size_t kRequestLimitBytes = 16 * 1024;
  static constexpr std::size_t kReplyLimitBytes = 64 << 20;
  static constexpr std::size_t kConnectionLimit = 8;  // at once; then a reply that says so

  static constexpr std::chrono::minutes kHoldLimit{10};

  // Answers one request, on a thread of its own. Should return soon once a stop is requested. What
  // it throws becomes a reply with exit code 1.
  using Answer = std::function<ControlReply(std::string_view request, const std::stop_token&)>;

  // Listens in `folder`, whose lock the caller holds: a socket left over there is replaced. Throws
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
  std::list<Connection> connections_;  // guarded by mutex_
  std::jthread acceptor_;
};

// Asks the server that runs on `folder`; nullopt when none listens there. Throws std::runtime_error
// when the server does not answer as it should.
[[nodiscard]] std::optional<ControlReply> ask_server(const std::string& folder,
                                                     std::string_view request);

// What the server holds for this process, for as long as this object lives and the server does.
class ServerHold {
 public:
  explicit ServerHold(int fd) : fd_(fd) {}
  ServerHold(ServerHold&& other) noexcept;
  ServerHold& operator=(ServerHold&&) = delete;
  ~ServerHold();
  enum class State {
    held,
    let_go,  // this process has not said for too long that it goes on
    ended,   // the server has
  };
  [[nodiscard]] State state() const;
  // Tells the server that this process goes on. Cheap: sends at most once a second.
  void goes_on();

 private:
  int fd_;
  std::chrono::steady_clock::time_point told_{};
};

// As ask_server, for a request whose reply has something `held`: the second holds it.
[[nodiscard]] std::optional<std::pair<ControlReply, ServerHold>> ask_server_to_hold(
    const std::string& folder, std::string_view request);

}  // namespace holdfast::server::cli
