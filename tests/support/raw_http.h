// A client that sends exactly the bytes of a test and parses the server's responses strictly. For
// tests on loopback. One thread at a time.
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
  // Connects to 127.0.0.1. A small `receive_buffer` makes a client that soon reads no more.
  explicit RawClient(std::uint16_t port, int receive_buffer = 0);
  // Connects over TLS and completes the handshake. Throws std::runtime_error when it fails.
  [[nodiscard]] static RawClient over_tls(std::uint16_t port, const TlsWish& wish = {},
                                          int receive_buffer = 0);
  ~RawClient();
  RawClient(RawClient&& other) noexcept;
  RawClient(const RawClient&) = delete;
  RawClient& operator=(const RawClient&) = delete;
  RawClient& operator=(RawClient&&) = delete;

  // Sends all bytes; returns false when the server has closed.
  bool send(std::string_view bytes);
  // Sends one byte for each segment and TLS record.
  bool send_slowly(std::string_view bytes);
  // Ends sending, over TLS after a close_notify.
  void finish_sending();
  // Ends sending without close_notify.
  void cut_sending();
  // Closes with a reset.
  void reset();

  // Returns the next final response; 1xx responses before it are counted in `interim`. Returns
  // nullopt when the connection ended first, nothing came for `patience`, or the response is
  // malformed (then `error` says why). `to_head` means that it is a response to HEAD.
  std::optional<RawResponse> receive(bool to_head = false);
  // Returns true when the server closes (or resets) the connection without sending anything more.
  bool closed();
  // Returns true when nothing comes for `time` and the connection stays open.
  bool silent(std::chrono::milliseconds time);
  // Returns all bytes until the server closes.
  std::string receive_all();

  int interim = 0;
  bool was_reset = false;  // also over TLS without close_notify
  std::string error;
  std::chrono::milliseconds patience{10'000};

  [[nodiscard]] int descriptor() const { return descriptor_; }
  // Returns nullptr without TLS.
  [[nodiscard]] TlsClient* tls() const { return tls_.get(); }

 private:
  // Reads more; returns false at the end.
  bool fill();
  std::optional<std::string> line();
  bool take(std::size_t count, std::string& into);
  bool read_body(RawResponse& response);
  bool fail(std::string why);

  // Waits for `events`; returns false when none occurs within `time`.
  [[nodiscard]] bool wait_for(short events, std::chrono::milliseconds time) const;
  [[nodiscard]] ssize_t receive_some(char* into, std::size_t size);

  int descriptor_ = -1;
  std::unique_ptr<TlsClient> tls_;
  std::string buffer_;
};

// Sends `bytes` on a new connection and returns the first response.
std::optional<RawResponse> ask(std::uint16_t port, std::string_view bytes);

}  // namespace holdfast::tests
