#include "server/cli/control_socket.h"

#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <exception>
#include <fcntl.h>
#include <poll.h>
#include <stdexcept>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <system_error>
#include <unistd.h>
#include <utility>

#include "storage/descriptor.h"
#include "text/ascii.h"

namespace holdfast::server::cli {
namespace {

constexpr const char* kSocketName = "control.sock";
constexpr std::chrono::seconds kRequestTimeout{5};
constexpr int kPollMillis = 100;

int open_folder(const std::string& folder) {
  return ::open(folder.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
}

// Returns the socket's address through the folder's descriptor: a Unix address has at most 107
// bytes, and the path of a data folder may be longer.
sockaddr_un socket_address(int folder_fd) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string path = "/proc/self/fd/" + std::to_string(folder_fd) + "/" + kSocketName;
  path.copy(address.sun_path, sizeof(address.sun_path) - 1);
  return address;
}

const sockaddr* generic(const sockaddr_un& address) {
  return reinterpret_cast<const sockaddr*>(&address);
}

bool wait_for(int fd, short events, int millis) {
  pollfd ready{.fd = fd, .events = events, .revents = 0};
  return ::poll(&ready, 1, millis) > 0;
}

bool send_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t sent = ::send(fd, text.data(), text.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent <= 0) return false;
    text.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

// Returns the user of the process that connected.
uid_t user_of(int fd) {
  ucred peer{};
  socklen_t size = sizeof(peer);
  if (::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) return ::geteuid();
  return peer.uid;
}

std::string header(const ControlReply& reply) {
  return std::to_string(reply.exit_code) + " " + std::to_string(reply.text.size()) + "\n";
}

[[noreturn]] void fail(const std::string& folder, const char* what) {
  throw std::system_error(errno, std::generic_category(),
                          "The control socket in " + folder + " " + what);
}

// Parses a complete "EXITCODE BYTES\nTEXT"; returns nullopt for anything else.
std::optional<ControlReply> parse_reply(std::string_view reply) {
  const std::size_t line = reply.find('\n');
  const std::size_t space = reply.find(' ');
  if (line == std::string_view::npos || space > line) return std::nullopt;
  ControlReply out;
  const auto code = text::parse_number<std::uint8_t>(reply.substr(0, space));
  const auto bytes = text::parse_number(reply.substr(space + 1, line - space - 1));
  if (!code || bytes != reply.size() - line - 1) return std::nullopt;
  out.exit_code = *code;
  out.text = reply.substr(line + 1);
  return out;
}

}  // namespace

ControlSocket::ControlSocket(const std::string& folder, Answer answer,
                             std::chrono::milliseconds hold_limit)
    : folder_(folder), answer_(std::move(answer)), hold_limit_(hold_limit) {
  storage::Descriptor folder_fd(open_folder(folder));
  if (folder_fd.get() < 0) fail(folder, "cannot be made");
  storage::Descriptor fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (fd.get() < 0) fail(folder, "cannot be made");

  if (::unlinkat(folder_fd.get(), kSocketName, 0) != 0 && errno != ENOENT)
    fail(folder, "cannot be replaced");
  const sockaddr_un address = socket_address(folder_fd.get());
  // Nobody can connect between bind and listen, so the mode is set before the first connection.
  if (::bind(fd.get(), generic(address), sizeof(address)) != 0 ||
      ::fchmodat(folder_fd.get(), kSocketName, 0600, 0) != 0 || ::listen(fd.get(), 8) != 0)
    fail(folder, "cannot be made");

  folder_fd_ = folder_fd.release();
  listen_fd_ = fd.release();
  acceptor_ = std::jthread([this](const std::stop_token& stop) { accept_loop(stop); });
}

ControlSocket::~ControlSocket() {
  acceptor_.request_stop();
  ::shutdown(listen_fd_, SHUT_RDWR);  // wakes the poll
  acceptor_.join();
  {
    const std::lock_guard lock(mutex_);
    for (Connection& connection : connections_) {
      connection.thread.request_stop();
      if (!connection.finished) ::shutdown(connection.fd, SHUT_RDWR);
    }
  }
  // Nothing adds to the list any more, and a connection takes the mutex only to mark itself as
  // done.
  connections_.clear();
  ::unlinkat(folder_fd_, kSocketName, 0);
  ::close(listen_fd_);
  ::close(folder_fd_);
}

void ControlSocket::accept_loop(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    join_finished();
    if (!wait_for(listen_fd_, POLLIN, kPollMillis)) continue;
    const int fd = ::accept4(listen_fd_, nullptr, nullptr, SOCK_CLOEXEC);
    if (fd < 0) {
      // Without descriptors the poll would return at once, again and again.
      if (!stop.stop_requested())
        std::this_thread::sleep_for(std::chrono::milliseconds(kPollMillis));
      continue;
    }
    timeval timeout{.tv_sec = kRequestTimeout.count(), .tv_usec = 0};
    ::setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout));

    const std::lock_guard lock(mutex_);
    if (connections_.size() >= kConnectionLimit) {
      const ControlReply busy{1, "Too many commands at once.\n"};
      send_all(fd, header(busy) + busy.text);
      ::close(fd);
      continue;
    }
    Connection& connection = connections_.emplace_back();
    connection.fd = fd;
    connection.thread = std::jthread(
        [this, &connection](const std::stop_token& its_stop) { serve(connection, its_stop); });
  }
}

void ControlSocket::join_finished() {
  std::list<Connection> finished;
  const std::lock_guard lock(mutex_);
  for (auto it = connections_.begin(); it != connections_.end();) {
    const auto next = std::next(it);
    if (it->finished) finished.splice(finished.end(), connections_, it);
    it = next;
  }
}

void ControlSocket::serve(Connection& connection, const std::stop_token& stop) {
  std::string request;
  const auto deadline = std::chrono::steady_clock::now() + kRequestTimeout;
  std::size_t searched = 0;
  const auto is_whole = [&] {
    const std::size_t from = std::exchange(searched, request.size());
    return request.find('\n', from) != std::string::npos;
  };
  while (!is_whole() && request.size() < kRequestLimitBytes &&
         std::chrono::steady_clock::now() < deadline && !stop.stop_requested()) {
    if (!wait_for(connection.fd, POLLIN, kPollMillis)) continue;
    std::array<char, 64 * 1024> bytes;
    const ssize_t got = ::recv(connection.fd, bytes.data(), bytes.size(), 0);
    if (got <= 0) break;
    request.append(bytes.data(), static_cast<std::size_t>(got));
  }

  if (const std::size_t line = request.find('\n'); line != std::string::npos) {
    ControlReply reply;
    try {
      reply = answer_(std::string_view(request).substr(0, line),
                      {.user = user_of(connection.fd), .stop = stop});
    } catch (const std::exception& error) {
      reply = {1, std::string(error.what()) + "\n"};
    }
    if (reply.text.size() > kReplyLimitBytes) reply = {1, "The answer is too long.\n"};
    const bool sent = send_all(connection.fd, header(reply)) && send_all(connection.fd, reply.text);
    if (sent && reply.held) hold_until_close(connection, stop);
  }
  const std::lock_guard lock(mutex_);
  ::close(connection.fd);
  connection.finished = true;
}

namespace {

// Sends a request. Returns the reply and the connection; nullopt when no server listens.
std::optional<std::pair<ControlReply, storage::Descriptor>> ask(const std::string& folder,
                                                                std::string_view request) {
  const storage::Descriptor folder_fd(open_folder(folder));
  if (folder_fd.get() < 0) return std::nullopt;
  storage::Descriptor fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (fd.get() < 0) fail(folder, "cannot be used");
  const sockaddr_un address = socket_address(folder_fd.get());
  if (::connect(fd.get(), generic(address), sizeof(address)) != 0) {
    if (errno == ENOENT || errno == ECONNREFUSED) return std::nullopt;
    fail(folder, "cannot be used");
  }
  // A busy server replies and closes before it has read anything, so an error here is ignored and
  // the reply counts.
  static_cast<void>(send_all(fd.get(), std::string(request) + "\n"));

  std::string reply;
  std::array<char, 64 * 1024> bytes;
  while (reply.size() <= ControlSocket::kReplyLimitBytes + 64) {
    if (std::optional<ControlReply> parsed = parse_reply(reply))
      return std::make_pair(std::move(*parsed), std::move(fd));
    const ssize_t got = ::recv(fd.get(), bytes.data(), bytes.size(), 0);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    reply.append(bytes.data(), static_cast<std::size_t>(got));
  }
  throw std::runtime_error("The server on " + folder + " ended before it had answered.");
}

}  // namespace

void ControlSocket::hold_until_close(const Connection& connection,
                                     const std::stop_token& stop) const {
  auto heard = std::chrono::steady_clock::now();
  while (!stop.stop_requested()) {
    if (std::chrono::steady_clock::now() - heard >= hold_limit_) {
      static_cast<void>(send_all(connection.fd, "\n"));
      return;
    }
    if (!wait_for(connection.fd, POLLIN, kPollMillis)) continue;
    std::array<char, 4096> bytes;
    const ssize_t got = ::recv(connection.fd, bytes.data(), bytes.size(), MSG_DONTWAIT);
    if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR)) return;
    if (got > 0) heard = std::chrono::steady_clock::now();
  }
}

std::optional<ControlReply> ask_server(const std::string& folder, std::string_view request) {
  auto asked = ask(folder, request);
  if (!asked) return std::nullopt;
  return std::move(asked->first);
}

std::optional<std::pair<ControlReply, ServerHold>> ask_server_to_hold(const std::string& folder,
                                                                      std::string_view request) {
  auto asked = ask(folder, request);
  if (!asked) return std::nullopt;
  return std::make_pair(std::move(asked->first), ServerHold(asked->second.release()));
}

ServerHold::ServerHold(ServerHold&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)), told_(other.told_) {}

ServerHold::~ServerHold() {
  if (fd_ >= 0) ::close(fd_);
}

ServerHold::State ServerHold::state() const {
  char byte = 0;
  const ssize_t got = ::recv(fd_, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  if (got > 0) return State::let_go;
  return got < 0 && (errno == EAGAIN || errno == EINTR) ? State::held : State::ended;
}

void ServerHold::goes_on() {
  const auto now = std::chrono::steady_clock::now();
  if (now - told_ < std::chrono::seconds(1)) return;
  told_ = now;
  // state() reports whether the server has ended.
  static_cast<void>(::send(fd_, "\n", 1, MSG_NOSIGNAL | MSG_DONTWAIT));
}

}  // namespace holdfast::server::cli
