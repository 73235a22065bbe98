#include "tests/support/raw_http.h"

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <cctype>
#include <cerrno>
#include <charconv>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdexcept>
#include <sys/socket.h>
#include <unistd.h>
#include <utility>

namespace holdfast::tests {
namespace {

std::string lower(std::string_view text) {
  std::string result(text);
  std::transform(result.begin(), result.end(), result.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return result;
}

bool number(std::string_view text, int base, std::size_t& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  return !text.empty() && error == std::errc{} && end == text.data() + text.size();
}

}  // namespace

std::string RawResponse::field(const std::string& lower_case_name) const {
  const auto entry = fields.find(lower_case_name);
  return entry == fields.end() ? std::string() : entry->second;
}

RawClient::RawClient(std::uint16_t port, int receive_buffer)
    : descriptor_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  if (receive_buffer > 0)
    ::setsockopt(descriptor_, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
  const int on = 1;
  ::setsockopt(descriptor_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(descriptor_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    ::close(descriptor_);
    throw std::runtime_error("cannot connect to port " + std::to_string(port));
  }
}

RawClient RawClient::over_tls(std::uint16_t port, const TlsWish& wish, int receive_buffer) {
  RawClient client(port, receive_buffer);
  client.tls_ = std::make_unique<TlsClient>(client.descriptor_, wish);
  return client;
}

RawClient::~RawClient() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

RawClient::RawClient(RawClient&& other) noexcept
    : interim(other.interim),
      was_reset(other.was_reset),
      error(std::move(other.error)),
      patience(other.patience),
      descriptor_(std::exchange(other.descriptor_, -1)),
      tls_(std::move(other.tls_)),
      buffer_(std::move(other.buffer_)) {}

bool RawClient::send(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent =
        tls_ ? tls_->send(bytes) : ::send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent < 0 && tls_ && errno == EAGAIN) {
      if (wait_for(POLLOUT, std::chrono::minutes(1))) continue;
      return false;
    }
    if (sent < 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

bool RawClient::send_slowly(std::string_view bytes) {
  return std::all_of(bytes.begin(), bytes.end(), [&](char c) { return send({&c, 1}); });
}

void RawClient::finish_sending() {
  if (tls_) tls_->finish();
  cut_sending();
}

void RawClient::cut_sending() { ::shutdown(descriptor_, SHUT_WR); }

void RawClient::reset() {
  const linger at_once{1, 0};
  ::setsockopt(descriptor_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  ::close(std::exchange(descriptor_, -1));
}

bool RawClient::wait_for(short events, std::chrono::milliseconds time) const {
  if (tls_ && events == POLLIN && tls_->pending()) return true;
  pollfd entry{descriptor_, events, 0};
  return ::poll(&entry, 1, static_cast<int>(time.count())) > 0;
}

ssize_t RawClient::receive_some(char* into, std::size_t size) {
  return tls_ ? tls_->receive(into, size) : ::recv(descriptor_, into, size, 0);
}

bool RawClient::fill() {
  std::array<char, 64 * 1024> bytes;
  ssize_t count = 0;
  do {
    if (!wait_for(POLLIN, patience)) return fail("nothing came");
    count = receive_some(bytes.data(), bytes.size());
  } while (count < 0 && errno == EAGAIN);
  if (count > 0) {
    buffer_.append(bytes.data(), static_cast<std::size_t>(count));
    return true;
  }
  if (count < 0) was_reset = errno == ECONNRESET || errno == EPROTO;
  return fail("the connection ended");
}

std::optional<std::string> RawClient::line() {
  std::size_t end = 0;
  while ((end = buffer_.find('\n')) == std::string::npos)
    if (!fill()) return std::nullopt;
  if (end == 0 || buffer_[end - 1] != '\r') {
    fail("a line without CR");
    return std::nullopt;
  }
  std::string result = buffer_.substr(0, end - 1);
  buffer_.erase(0, end + 1);
  return result;
}

bool RawClient::take(std::size_t count, std::string& into) {
  while (buffer_.size() < count)
    if (!fill()) return false;
  into.append(buffer_, 0, count);
  buffer_.erase(0, count);
  return true;
}

bool RawClient::fail(std::string why) {
  error = std::move(why);
  return false;
}

bool RawClient::read_body(RawResponse& response) {
  if (response.fields.count("transfer-encoding") > 0) {
    if (response.field("transfer-encoding") != "chunked" ||
        response.fields.count("content-length") > 0)
      return fail("bad framing fields");
    for (;;) {
      const auto size_line = line();
      std::size_t size = 0;
      if (!size_line) return false;
      if (!number(*size_line, 16, size)) return fail("bad chunk size");
      if (!take(size, response.body)) return false;
      const auto after = line();
      if (!after) return false;
      if (!after->empty()) return fail("a chunk without its end");
      if (size == 0) return true;
    }
  }
  if (response.fields.count("content-length") > 0) {
    std::size_t size = 0;
    if (response.fields.count("content-length") > 1 ||
        !number(response.field("content-length"), 10, size))
      return fail("bad Content-Length");
    return take(size, response.body);
  }
  while (fill()) {
  }
  response.body = std::exchange(buffer_, {});
  return error == "the connection ended" && !was_reset;
}

std::optional<RawResponse> RawClient::receive(bool to_head) {
  for (;;) {
    const auto status_line = line();
    if (!status_line) return std::nullopt;
    std::size_t status = 0;
    if (!status_line->starts_with("HTTP/1.1 ") || status_line->size() < 13 ||
        (*status_line)[12] != ' ' || !number(status_line->substr(9, 3), 10, status)) {
      fail("bad status line: " + *status_line);
      return std::nullopt;
    }
    RawResponse response;
    response.status = static_cast<int>(status);
    response.reason = status_line->substr(13);
    for (;;) {
      const auto field = line();
      if (!field) return std::nullopt;
      if (field->empty()) break;
      const std::size_t colon = field->find(": ");
      if (colon == std::string::npos || colon == 0) {
        fail("bad field: " + *field);
        return std::nullopt;
      }
      response.fields.emplace(lower(field->substr(0, colon)), field->substr(colon + 2));
    }
    if (status < 200) {
      ++interim;
      continue;
    }
    if (to_head || status == 204 || status == 304) return response;
    if (!read_body(response)) return std::nullopt;
    return response;
  }
}

bool RawClient::closed() {
  if (!buffer_.empty()) return false;
  return !fill() && error == "the connection ended";
}

bool RawClient::silent(std::chrono::milliseconds time) {
  const auto end = std::chrono::steady_clock::now() + time;
  while (buffer_.empty()) {
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(end - std::chrono::steady_clock::now());
    if (!wait_for(POLLIN, std::max(left, std::chrono::milliseconds(0)))) return true;
    if (!tls_) return false;
    // A record need not have application data.
    std::array<char, 16 * 1024> bytes;
    const ssize_t count = tls_->receive(bytes.data(), bytes.size());
    if (count < 0 && errno == EAGAIN) continue;
    if (count <= 0) return false;
    buffer_.append(bytes.data(), static_cast<std::size_t>(count));
  }
  return false;
}

std::string RawClient::receive_all() {
  while (fill()) {
  }
  return std::exchange(buffer_, {});
}

std::optional<RawResponse> ask(std::uint16_t port, std::string_view bytes) {
  RawClient client(port);
  client.send(bytes);
  return client.receive();
}

}  // namespace holdfast::tests
