#include "tests/support/http_client.h"

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/support/server_process.h"
#include "tests/support/tls_client.h"

namespace holdfast::test {
namespace {

bool same_name(std::string_view a, std::string_view b) {
  return a.size() == b.size() && strncasecmp(a.data(), b.data(), a.size()) == 0;
}

std::uint64_t number(std::string_view text, int base) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (error != std::errc{} || end == text.data()) {
    throw HttpFailure("not a number: " + std::string(text));
  }
  return value;
}

}  // namespace

std::string_view Reply::field(std::string_view name) const {
  for (const auto& [key, value] : fields) {
    if (same_name(key, name)) return value;
  }
  return {};
}

HttpClient::HttpClient(std::uint16_t port, std::chrono::milliseconds timeout)
    : port_(port), timeout_(timeout) {}

HttpClient::HttpClient(const ServerProcess& server, std::chrono::milliseconds timeout)
    : port_(server.port()), timeout_(timeout), over_tls_(server.tls()) {}

HttpClient::~HttpClient() { close(); }

void HttpClient::close() {
  if (tls_) tls_->finish();
  tls_.reset();
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
  buffer_.clear();
}

void HttpClient::connect() {
  if (fd_ >= 0) {
    // A connection that the server has closed meanwhile cannot be used for a request.
    pollfd waiting{fd_, POLLIN, 0};
    if (poll(&waiting, 1, 0) == 0) return;
    // Over TLS the bytes may be a session ticket.
    if (char byte = 0; tls_ && tls_->receive(&byte, 1) < 0 && errno == EAGAIN) return;
    close();
  }
  fd_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port_);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const int on = 1;
  setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (::connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    const std::string reason = std::strerror(errno);
    close();
    throw HttpFailure("connect: " + reason);
  }
  if (!over_tls_) return;
  try {
    tls_ = std::make_unique<tests::TlsClient>(fd_);
  } catch (const std::runtime_error& error) {
    close();
    throw HttpFailure(error.what());
  }
}

ssize_t HttpClient::send_some(std::string_view bytes) {
  return tls_ ? tls_->send(bytes)
              : ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
}

// Over TLS, reads what has arrived, which may contain no application data. Returns true at the end
// of the stream as well.
bool HttpClient::fill_now() {
  std::array<char, 65536> bytes{};
  const auto got = tls_->receive(bytes.data(), bytes.size());
  if (got > 0) buffer_.append(bytes.data(), static_cast<std::size_t>(got));
  return got >= 0 || errno != EAGAIN;
}

bool HttpClient::received() const { return tls_ && tls_->pending(); }

void HttpClient::send(std::string_view bytes) {
  if (fd_ < 0) connect();
  const auto deadline = std::chrono::steady_clock::now() + timeout_;
  while (!bytes.empty()) {
    const auto sent = send_some(bytes);
    if (sent >= 0) {
      bytes.remove_prefix(static_cast<std::size_t>(sent));
      continue;
    }
    if (errno != EAGAIN && errno != EINTR) {
      // An early response may have arrived although the server no longer reads the rest.
      pollfd waiting{fd_, POLLIN, 0};
      if (poll(&waiting, 1, 0) == 1 && (waiting.revents & POLLIN) != 0) return;
      if (!buffer_.empty()) return;
      throw HttpFailure(std::string("send: ") + std::strerror(errno));
    }
    if (std::chrono::steady_clock::now() >= deadline) throw HttpFailure("send: timed out");
    std::array<pollfd, 1> waiting{pollfd{fd_, POLLOUT | POLLIN, 0}};
    poll(waiting.data(), 1, 1000);
    // A response came before the whole body was sent: the client stops sending, as RFC 9112 §9.5
    // says.
    if ((waiting[0].revents & POLLIN) != 0 && (!tls_ || fill_now())) return;
  }
}

void HttpClient::fill() {
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
      deadline_ - std::chrono::steady_clock::now());
  pollfd waiting{fd_, POLLIN, 0};
  if (left.count() <= 0 ||
      (!received() && poll(&waiting, 1, static_cast<int>(left.count())) == 0)) {
    throw HttpFailure("no answer in time");
  }
  std::array<char, 65536> bytes{};
  const auto got =
      tls_ ? tls_->receive(bytes.data(), bytes.size()) : recv(fd_, bytes.data(), bytes.size(), 0);
  if (got < 0 && (errno == EINTR || errno == EAGAIN)) return;
  if (got < 0) throw HttpFailure(std::string("recv: ") + std::strerror(errno));
  if (got == 0) throw HttpFailure("the server closed the connection");
  buffer_.append(bytes.data(), static_cast<std::size_t>(got));
}

std::string HttpClient::take_line() {
  std::size_t end = 0;
  while ((end = buffer_.find("\r\n")) == std::string::npos) fill();
  auto line = buffer_.substr(0, end);
  buffer_.erase(0, end + 2);
  return line;
}

std::string HttpClient::take(std::size_t count) {
  while (buffer_.size() < count) fill();
  auto bytes = buffer_.substr(0, count);
  buffer_.erase(0, count);
  return bytes;
}

Reply HttpClient::read_reply(bool to_head) {
  deadline_ = std::chrono::steady_clock::now() + timeout_;
  try {
    Reply reply;
    do {
      reply = {};
      const auto line = take_line();
      if (line.size() < 12 || !line.starts_with("HTTP/1.1 ")) {
        throw HttpFailure("not a status line: " + line);
      }
      reply.status = static_cast<int>(number(std::string_view(line).substr(9, 3), 10));
      reply.reason = line.size() > 13 ? line.substr(13) : "";
      for (auto text = take_line(); !text.empty(); text = take_line()) {
        const auto colon = text.find(':');
        if (colon == std::string::npos) throw HttpFailure("not a field: " + text);
        const auto start = std::min(text.find_first_not_of(" \t", colon + 1), text.size());
        reply.fields.emplace_back(text.substr(0, colon), text.substr(start));
      }
    } while (reply.status < 200);
    const bool close_after = same_name(reply.field("Connection"), "close");
    if (!to_head && reply.status != 204 && reply.status != 304) {
      if (same_name(reply.field("Transfer-Encoding"), "chunked")) {
        for (;;) {
          const auto size = number(take_line(), 16);
          if (size == 0) break;
          reply.body += take(size);
          if (!take_line().empty()) throw HttpFailure("a chunk is longer than it says");
        }
        while (!take_line().empty()) {
        }
      } else if (!reply.field("Content-Length").empty()) {
        reply.body = take(number(reply.field("Content-Length"), 10));
      } else {
        throw HttpFailure("an answer without a length");
      }
    }
    if (close_after) close();
    return reply;
  } catch (const HttpFailure&) {
    close();
    throw;
  }
}

void HttpClient::wait_for_continue() {
  deadline_ = std::chrono::steady_clock::now() + timeout_;
  const auto line = take_line();
  if (!line.starts_with("HTTP/1.1 100 ")) throw HttpFailure("not invited: " + line);
  while (!take_line().empty()) {
  }
}

Reply HttpClient::request(std::string_view method, std::string_view target, const Fields& fields,
                          std::string_view body) {
  std::string head;
  head.append(method).append(" ").append(target).append(" HTTP/1.1\r\n");
  bool has_host = false;
  for (const auto& [name, value] : fields) {
    has_host = has_host || same_name(name, "Host");
    head.append(name).append(": ").append(value).append("\r\n");
  }
  if (!has_host) head.append("Host: 127.0.0.1:").append(std::to_string(port_)).append("\r\n");
  if (!body.empty() || method == "PUT") {
    head.append("Content-Length: ").append(std::to_string(body.size())).append("\r\n");
  }
  head.append("\r\n").append(body);
  try {
    connect();
    send(head);
  } catch (const HttpFailure&) {
    close();
    throw;
  }
  return read_reply(method == "HEAD");
}

bool HttpClient::closed_by_server() {
  if (fd_ < 0) return true;
  deadline_ = std::chrono::steady_clock::now() + timeout_;
  pollfd waiting{fd_, POLLIN, 0};
  if (poll(&waiting, 1, static_cast<int>(timeout_.count())) != 1) return false;
  char byte = 0;
  const auto got = recv(fd_, &byte, 1, MSG_PEEK);
  return got == 0 || (got < 0 && errno == ECONNRESET);
}

}  // namespace holdfast::test
