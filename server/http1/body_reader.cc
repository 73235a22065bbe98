#include "server/http1/body_reader.h"

#include <algorithm>

namespace holdfast::server::http1 {

BodyReader::BodyReader(net::Wire& wire, const Limits& limits, const Head& head,
                       std::span<char> arrived, std::span<char> buffer)
    : wire_(wire),
      limits_(limits),
      length_(head.chunked ? std::nullopt
                           : std::optional<std::uint64_t>(head.content_length.value_or(0))),
      arrived_(arrived),
      buffer_(buffer),
      invitation_due_(head.expects_continue && head.has_body()),
      window_left_(std::chrono::seconds(limits.body_grace_s + limits.body_rate_window_s)) {
  if (!head.has_body()) {
    stop(State::complete);
  } else if (length_ && *length_ > limits.body_limit_bytes) {
    stop(State::too_large);
  }
}

bool BodyReader::invite() {
  if (!invitation_due_) return true;
  invitation_due_ = false;
  // A client that has begun to send needs no 100 (Continue) (RFC 9110 §10.1.1).
  return !arrived_.empty() || wire_.send_all({"HTTP/1.1 100 Continue\r\n\r\n"});
}

net::Wire::Received BodyReader::receive(std::span<char> room, net::Clock::time_point deadline) {
  const net::Clock::time_point slow = net::Clock::now() + kSlow;
  if (!rest_ || deadline <= slow) return wire_.receive_until(room, deadline);
  const net::Wire::Received received = wire_.receive_until(room, slow);
  if (received.state != net::Wire::Received::State::nothing) return received;
  rest_();
  return wire_.receive_until(room, deadline);
}

bool BodyReader::fill(net::Clock::time_point deadline) {
  const std::span<char> room = length_
                                   ? buffer_.first(static_cast<std::size_t>(std::min<std::uint64_t>(
                                         buffer_.size(), *length_ - received_)))
                                   : buffer_;
  net::Wire::Received received = wire_.receive_now(room);
  while (received.state == net::Wire::Received::State::nothing) {
    const net::Clock::time_point start = net::Clock::now();
    received = receive(room, std::min(start + window_left_, deadline));
    const net::Clock::time_point end = net::Clock::now();
    if (received.state == net::Wire::Received::State::nothing && end >= deadline) {
      stop(State::timed_out);
      return false;
    }
    window_left_ -= end - start;
    if (window_left_ > net::Clock::duration::zero()) continue;
    if (window_bytes_ < limits_.body_rate_bytes_per_s * limits_.body_rate_window_s) {
      stop(State::timed_out);
      return false;
    }
    window_left_ = std::chrono::seconds(limits_.body_rate_window_s);
    window_bytes_ = 0;
  }
  if (received.state == net::Wire::Received::State::ended) {
    stop(State::truncated);
    return false;
  }
  window_bytes_ += static_cast<std::int64_t>(received.count);
  arrived_ = buffer_.first(received.count);
  return true;
}

http::Body::Piece BodyReader::read() {
  if (state_ == State::more && !invite()) stop(State::truncated);
  return next(net::Clock::time_point::max());
}

http::Body::Piece BodyReader::next(net::Clock::time_point deadline) {
  while (state_ == State::more) {
    if (arrived_.empty() && !fill(deadline)) break;
    std::span<const char> data;
    if (length_) {
      data = arrived_.first(
          static_cast<std::size_t>(std::min<std::uint64_t>(arrived_.size(), *length_ - received_)));
      arrived_ = arrived_.subspan(data.size());
    } else {
      switch (chunks_.decode(arrived_, data)) {
        case ChunkedDecoder::State::more:
          break;
        case ChunkedDecoder::State::complete:
          stop(State::complete);
          break;
        case ChunkedDecoder::State::malformed:
          stop(State::malformed);
          return {state_, {}};
      }
    }
    received_ += data.size();
    if (received_ > limits_.body_limit_bytes) {
      stop(State::too_large);
      return {state_, {}};
    }
    if (length_ && received_ == *length_) stop(State::complete);
    if (!data.empty()) return {State::more, data};
  }
  return {state_, {}};
}

bool BodyReader::drain() {
  if (state_ == State::complete) return true;
  if (state_ != State::more || invitation_due_) return false;
  if (length_ && *length_ - received_ > limits_.drain_bytes) return false;
  const std::uint64_t most = received_ + limits_.drain_bytes;
  const net::Clock::time_point deadline =
      net::Clock::now() + std::chrono::seconds(limits_.drain_timeout_s);
  while (state_ == State::more && received_ <= most && net::Clock::now() < deadline) next(deadline);
  return state_ == State::complete;
}

}  // namespace holdfast::server::http1
