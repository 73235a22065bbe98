// One client connection: reads heads, runs exchanges, and returns when no request of its client is
// here. At any time either the poller, a quick loop or one task (server/loop/task.h) has it; the
// poller's mutex protects the transfer.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>

#include "fiber/wait.h"
#include "server/http1/buffers.h"
#include "server/http1/exchange.h"
#include "server/http1/handler.h"
#include "server/http1/head.h"
#include "server/net/address.h"
#include "server/net/wire.h"

namespace holdfast::server::http1 {

class Connection {
 public:
  Connection(const Service& service, net::Wire wire, Peer peer, net::ClientKey key);

  // What is done with the connection after serve.
  enum class Next {
    park,        // wait until bytes arrive
    quick_loop,  // wait until bytes arrive; the next request is likely to be quick
    again,       // a request may be waiting, but others wait longer for a worker
    linger,      // sending has ended: read until the client closes
    close,
  };
  // Serves the connection. Until the thread is dedicated, other connections wait for it, so a
  // request that is not quick is left for a worker.
  [[nodiscard]] Next serve(Buffers& space, net::ThreadPolicy& policy) noexcept;

  // The poller may call these while no task serves the connection.
  [[nodiscard]] const net::Wire& wire() const { return wire_; }
  [[nodiscard]] const Peer& peer() const { return peer_; }
  [[nodiscard]] net::ClientKey key() const { return key_; }
  // Returns when the last request was answered, for the quick loop.
  [[nodiscard]] net::Clock::time_point waits_since() const { return since_; }
  // Returns when the poller should close the connection.
  [[nodiscard]] net::Clock::time_point deadline(bool crowded) const;
  // Ends a wait that has lasted too long: sends 408 if a request had begun. Returns true when the
  // connection must linger, false when it must be closed.
  [[nodiscard]] bool expire();
  // Sends 503, or an alert in place of a handshake, without waiting.
  void turn_away();

  // With `waiting`, its task waits for the socket in the middle of a request.
  enum class Place { parked, working, waiting, lingering };
  Place place = Place::working;       // guarded by the poller's mutex, as are the four that follow
  std::size_t index = 0;              // its place among the poller's connections
  fiber::Event* awaited = nullptr;    // what its task waits for
  net::Clock::time_point wait_until;  // when that wait ends
  bool wait_is_over = false;          // the last wait ended at its deadline
  bool admitted = false;              // counts against the limits; else it is turned away
  bool has_linger_slot = false;       // counts against the limit of lingering connections
  net::Clock::time_point linger_until;  // the deadline without another byte
  net::Clock::time_point linger_at_most;
  std::size_t quick_loop_index = 0;  // guarded by the quick loop's mutex

 private:
  [[nodiscard]] Next serve_requests(Buffers& space, net::ThreadPolicy& policy);
  // Continues the handshake. Returns nullopt when requests may follow.
  [[nodiscard]] std::optional<Next> secure();
  void hold(std::span<char> bytes);
  [[nodiscard]] Next end(Fate fate);

  const Service& service_;
  net::Wire wire_;
  Peer peer_;
  net::ClientKey key_;
  HeadScanner scanner_;
  std::string held_;  // the part of a head received when the worker left
  net::Clock::time_point
      since_;            // when the wait began: for the next request, or for the rest of its head
  bool served_ = false;  // at least one request was served
  bool soon_ = false;    // the last request came within net::kSoon of the answer before
  unsigned quick_ = 0;   // requests in a row up to the last, kQuickInARow at most
};

}  // namespace holdfast::server::http1
