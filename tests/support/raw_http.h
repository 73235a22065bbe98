// A client that speaks bytes: what a test writes is what the server gets, and what the server sends
// is parsed strictly. For tests on loopback. One thread at a time.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "tests/support/tls_client.h"

namespace holdfast::tests {

struct RawResponse {
  int status = 0;
  std::string reason;
  std::multimap<std::string, std::string> fields;  // names in lower case
  std::string body;

  [[nodiscard]] std::string field(const std::string& lower_case_name) const;
};

class RawClient {
 public:
  // Connects to 127.0.0.1. A small `receive_buffer` makes a client that soon takes no more.
  explicit RawClient(std::uint16_t port, int receive_buffer = 0);
  // The same over TLS, after the handshake. Throws std::runtime_error when there is none.
  [[nodiscard]] static RawClient over_tls(std::uint16_t port, const TlsWish& wish = {});
  ~RawClient();
  RawClient(RawClient&& other) noexcept;
  RawClient(const RawClient&) = delete;
  RawClient& operator=(const RawClient&) = delete;
  RawClient& operator=(RawClient&&) = delete;

  // Sends all of it; false when the server has closed.
  bool send(std::string_view bytes);
  // One byte a segment, and a TLS record.
  bool send_slowly(std::string_view bytes);
  // Ends the connection in this direction, over TLS with close_notify before.
  void finish_sending();
  // The same without close_notify.
  void cut_sending();
  // Closes with a reset.
  void reset();

  // The next final answer; 1xx answers before it are counted in `interim`. nullopt when the
  // connection ended first, nothing came for `patience`, or what came is no well-formed answer (see
  // `error`). `to_head`: the answer is one to HEAD.
  std::optional<RawResponse> receive(bool to_head = false);
  // True when the server closes (or resets) and sends nothing more before that.
  bool closed();
  // True when nothing comes for `time`, and the connection stays.
  bool silent(std::chrono::milliseconds time);
  // All bytes until the server closes.
  std::string receive_all();

  int interim = 0;
  bool was_reset = false;  // over TLS also: ended without close_notify
  std::string error;
  std::chrono::milliseconds patience{10'000};

  [[nodiscard]] int descriptor() const { return descriptor_; }
  // nullptr without TLS.
  [[nodiscard]] TlsClient* tls() const { return tls_.get(); }

 private:
  // Reads more; false at the end.
  bool fill();
  std::optional<std::string> line();
  bool take(std::size_t count, std::string& into);
  bool read_body(RawResponse& response);
  bool fail(std::string why);

  // Waits for `events`; false when none come for `time`.
  [[nodiscard]] bool wait_for(short events, std::chrono::milliseconds time) const;
  [[nodiscard]] ssize_t receive_some(char* into, std::size_t size);

  int descriptor_ = -1;
  std::unique_ptr<TlsClient> tls_;
  std::string buffer_;
};

// Sends `bytes` on a connection of its own and returns the first answer.
std::optional<RawResponse> ask(std::uint16_t port, std::string_view bytes);

}  // namespace holdfast::tests
