#include "server/http1/connection.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "dav/method.h"

namespace holdfast::server::http1 {
namespace {

// A fatal alert, "internal error", which clients of TLS 1.2 and later understand in place of a
// handshake.
constexpr std::string_view kHandshakeRefused("\x15\x03\x01\x00\x02\x02\x50", 7);

// After this many quick requests in a row, the next one is likely to be quick as well.
constexpr unsigned kQuickInARow = 3;
// A client that sends more requests at once than this leaves the thread that serves many
// connections.
constexpr int kMostAtOnce = 8;

// Returns true when the head shows that the answer can be expected from memory and that the body
// has arrived; `arrived` is the number of bytes received after the head.
bool looks_quick(const Head& head, std::size_t arrived) {
  if (head.chunked || head.expects_continue || head.content_length.value_or(0) > arrived)
    return false;
  const dav::Method* const method = dav::find_method(head.method);
  return method != nullptr && dav::is_quick(*method, head.fields);
}

}  // namespace

Connection::Connection(const Service& service, net::Wire wire, Peer peer, net::ClientKey key)
    : service_(service),
      wire_(std::move(wire)),
      peer_(std::move(peer)),
      key_(key),
      scanner_(service.limits),
      since_(net::Clock::now()) {}

Connection::Next Connection::serve(Buffers& space, net::ThreadPolicy& policy) noexcept {
  Next next = Next::close;
  wire_.set_thread_policy(&policy);
  try {
    next = serve_requests(space, policy);
  } catch (...) {
    // Without memory no response can be made.
    wire_.reset_on_close();
  }
  wire_.set_thread_policy(nullptr);
  return next;
}

void Connection::hold(std::span<char> bytes) { held_.assign(bytes.data(), bytes.size()); }

Connection::Next Connection::end(Fate fate) {
  if (fate == Fate::close) return Next::close;
  wire_.finish_sending();
  return Next::linger;
}

std::optional<Connection::Next> Connection::secure() {
  switch (wire_.handshake()) {
    case tls::TlsSession::Handshake::done:
      break;
    case tls::TlsSession::Handshake::wants_bytes:
    case tls::TlsSession::Handshake::wants_room:
      return Next::park;
    case tls::TlsSession::Handshake::plain_text:
      wire_.drop_tls();
      refuse(service_, wire_, peer_, Refusal{400, "this port speaks TLS: use https"}, {});
      return end(Fate::linger);
    case tls::TlsSession::Handshake::failed:
      return end(Fate::linger);  // the client can then read the alert
    case tls::TlsSession::Handshake::ended:
      return Next::close;
  }
  peer_.tls = true;
  peer_.certificate = wire_.client_certificate();
  since_ = net::Clock::now();
  if (admitted) return std::nullopt;
  turn_away();
  return Next::linger;
}

Connection::Next Connection::serve_requests(Buffers& space, net::ThreadPolicy& policy) {
  const auto others_wait = [&policy] { return !policy.is_dedicated(); };
  if (wire_.securing())
    if (const std::optional<Next> next = secure()) return *next;
  const std::span<char> buffer = space.head_buffer();
  std::size_t filled = held_.size();
  std::memcpy(buffer.data(), held_.data(), filled);
  held_ = std::string();
  int at_once = 0;
  bool may_wait = false;  // the client was just answered and may send the next request at once
  for (;;) {
    const std::string_view arrived(buffer.data(), filled);
    switch (scanner_.scan(arrived)) {
      case HeadScanner::State::more: {
        const std::span<char> room = buffer.subspan(filled);
        // The connection goes to its quick loop, where epoll reports the next request.
        const bool between = filled == 0 && quick_ >= kQuickInARow;
        if (between && may_wait && !wire_.has_received() &&
            (others_wait() || (policy.takes_quick_connections() && policy.threads_are_plentiful())))
          return Next::quick_loop;
        const bool between_requests = may_wait && filled == 0;
        const bool holds = between_requests && soon_ && policy.hold_thread();
        const net::Wire::Received received =
            holds || (between_requests && policy.threads_are_plentiful())
                ? wire_.receive_soon(room, policy.is_only_thread())
                : wire_.receive_now(room);
        if (holds) policy.release_thread();
        may_wait = false;
        if (received.state == net::Wire::Received::State::ended) return Next::close;
        if (received.state == net::Wire::Received::State::nothing) {
          hold(buffer.first(filled));
          return between && others_wait() ? Next::quick_loop : Next::park;
        }
        if (filled == 0) {
          const net::Clock::time_point now = net::Clock::now();
          soon_ = served_ && now - since_ <= net::kSoon;
          since_ = now;
        }
        filled += received.count;
        continue;
      }
      case HeadScanner::State::refused:
        refuse(service_, wire_, peer_, scanner_.refusal(), arrived);
        return end(Fate::linger);
      case HeadScanner::State::complete:
        break;
    }
    const std::size_t head_end = scanner_.end();
    const std::string_view bytes = arrived.substr(scanner_.begin(), head_end - scanner_.begin());
    if (const auto refusal = parse_head(bytes, space.head)) {
      refuse(service_, wire_, peer_, *refusal, arrived);
      return end(Fate::linger);
    }
    space.head_bytes = filled;
    const bool quick = looks_quick(space.head, filled - head_end);
    if (!quick && others_wait()) {
      if (!policy.is_alone()) {
        quick_ = 0;
        hold(buffer.first(filled));
        scanner_.reset();
        return Next::again;
      }
      policy.dedicate();
    }
    const ExchangeEnd ended =
        exchange(service_, wire_, space, peer_, buffer.subspan(head_end, filled - head_end));
    served_ = true;
    quick_ = quick && ended.small ? std::min(quick_ + 1, kQuickInARow) : 0;
    if (ended.fate != Fate::go_on) return end(ended.fate);
    filled = ended.leftover.size();
    if (filled > 0) std::memmove(buffer.data(), ended.leftover.data(), filled);
    scanner_.reset();
    since_ = net::Clock::now();
    may_wait = true;
    const bool too_many = filled > 0 && others_wait() && ++at_once == kMostAtOnce;
    if (policy.threads_are_wanted() || too_many) {
      hold(buffer.first(filled));
      return filled > 0 || wire_.has_received() ? Next::again : Next::park;
    }
  }
}

net::Clock::time_point Connection::deadline(bool crowded) const {
  const Limits& limits = service_.limits;
  if (wire_.securing()) return since_ + std::chrono::seconds(limits.handshake_timeout_s);
  if (!served_ || !held_.empty()) return since_ + std::chrono::seconds(limits.head_timeout_s);
  return since_ +
         std::chrono::seconds(crowded ? limits.busy_idle_timeout_s : limits.idle_timeout_s);
}

bool Connection::expire() {
  if (held_.empty()) return false;
  refuse(service_, wire_, peer_, Refusal{408, "the request's header took too long"}, held_);
  wire_.finish_sending();
  return true;
}

void Connection::turn_away() {
  const bool securing = wire_.securing();
  if (securing) wire_.drop_tls();
  (void)wire_.send_now({securing ? kHandshakeRefused : kUnavailable});
  wire_.finish_sending();
}

}  // namespace holdfast::server::http1
