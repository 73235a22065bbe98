// A request's body on the wire (RFC 9112 §6): knows exactly where it ends, tells a whole body from
// a broken one, invites it with 100 Continue on the first read, and holds the client to a rate. One
// thread at a time.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "http/message.h"
#include "server/http1/chunked.h"
#include "server/http1/head.h"
#include "server/http1/limits.h"
#include "server/net/wire.h"

namespace holdfast::server::http1 {

class BodyReader final : public http::Body {
 public:
  // `arrived` is what came after the head in the same reads; `buffer` receives the rest.
  BodyReader(net::Wire& wire, const Limits& limits, const Head& head, std::span<char> arrived,
             std::span<char> buffer);

  [[nodiscard]] std::optional<std::uint64_t> length() const override { return length_; }
  // False for a chunked body, whose end is not known before it is read, and for one that waits for
  // an invitation, even if it was sent without.
  [[nodiscard]] bool has_arrived() const override {
    return state_ == State::complete ||
           (!invitation_due_ && length_ && *length_ - received_ <= arrived_.size());
  }
  // Bytes come with State::more only.
  Piece read() override;

  // Reads and drops the rest so that the connection can go on. False when that would take more than
  // limits.drain_bytes or limits.drain_timeout_s, or the body is broken, or it was never invited.
  [[nodiscard]] bool drain();

  [[nodiscard]] State state() const { return state_; }
  // Bytes of body handed out or dropped.
  [[nodiscard]] std::uint64_t received() const { return received_; }
  // After the end of the body: what arrived behind it. The next request begins here.
  [[nodiscard]] std::span<char> leftover() const { return arrived_; }

 private:
  Piece next(net::Clock::time_point deadline);
  [[nodiscard]] bool invite();
  [[nodiscard]] bool fill(net::Clock::time_point deadline);
  void stop(State state) { state_ = state; }

  net::Wire& wire_;
  const Limits& limits_;
  std::optional<std::uint64_t> length_;
  ChunkedDecoder chunks_;
  std::span<char> arrived_;  // received, not decoded
  std::span<char> buffer_;
  State state_ = State::more;
  bool invitation_due_;
  std::uint64_t received_ = 0;
  // The rate: waiting time left and bytes received in the current window. Only waiting counts,
  // never the time that the handler takes.
  net::Clock::duration window_left_;
  std::int64_t window_bytes_ = 0;
};

}  // namespace holdfast::server::http1
