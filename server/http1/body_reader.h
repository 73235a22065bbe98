// Reads a request's body from the connection (RFC 9112 §6): finds its exact end, detects an
// incomplete or malformed body, sends 100 (Continue) at the first read, and enforces a minimum
// rate. One thread at a time.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <utility>

#include "http/message.h"
#include "server/http1/chunked.h"
#include "server/http1/head.h"
#include "server/http1/limits.h"
#include "server/net/wire.h"

namespace holdfast::server::http1 {

class BodyReader final : public http::Body {
 public:
  // `arrived` is what was received after the head in the same reads; `buffer` receives the rest.
  BodyReader(net::Wire& wire, const Limits& limits, const Head& head, std::span<char> arrived,
             std::span<char> buffer);

  [[nodiscard]] std::optional<std::uint64_t> length() const override { return length_; }
  // Returns false for a chunked body, whose end is not known before it is read, and for a body with
  // Expect: 100-continue, even if the client has sent it already.
  [[nodiscard]] bool has_arrived() const override {
    return state_ == State::complete ||
           (!invitation_due_ && length_ && *length_ - received_ <= arrived_.size());
  }
  // Returns bytes with State::more only.
  Piece read() override;
  void when_slow(std::function<void()> rest) override { rest_ = std::move(rest); }
  // A client that has sent nothing for this long is slow.
  static constexpr std::chrono::seconds kSlow{1};

  // Reads and drops the rest of the body so that the connection can be reused. Returns false when
  // that would take more than limits.drain_bytes or limits.drain_timeout_s, or the body is
  // malformed, or the client waits for a 100 (Continue) that was not sent.
  [[nodiscard]] bool drain();

  [[nodiscard]] State state() const { return state_; }
  // Returns the bytes of the body that were returned by read() or dropped.
  [[nodiscard]] std::uint64_t received() const { return received_; }
  // After the end of the body, returns what was received behind it: the beginning of the next
  // request.
  [[nodiscard]] std::span<char> leftover() const { return arrived_; }

 private:
  Piece next(net::Clock::time_point deadline);
  [[nodiscard]] bool invite();
  [[nodiscard]] bool fill(net::Clock::time_point deadline);
  [[nodiscard]] net::Wire::Received receive(std::span<char> room, net::Clock::time_point deadline);
  void stop(State state) { state_ = state; }

  net::Wire& wire_;
  const Limits& limits_;
  std::optional<std::uint64_t> length_;
  ChunkedDecoder chunks_;
  std::span<char> arrived_;  // received and not yet decoded
  std::span<char> buffer_;
  State state_ = State::more;
  bool invitation_due_;
  std::uint64_t received_ = 0;
  std::function<void()> rest_;
  // The rate: waiting time left and bytes received in the current window. Only the time spent
  // waiting for the client counts.
  net::Clock::duration window_left_;
  std::int64_t window_bytes_ = 0;
};

}  // namespace holdfast::server::http1
