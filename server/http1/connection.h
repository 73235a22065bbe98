// One client connection between its requests: reads heads, runs exchanges, and says when it needs
// its worker no longer. At any time either the poller or one worker has it (the poller's mutex
// hands it over).
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>

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

  // What the worker does with the connection after serve.
  enum class Next {
    park,        // nothing to do until bytes arrive
    quick_loop,  // the same, and its next request is likely to be quick
    again,       // a request may be waiting, but others wait longer for a worker
    linger,      // finish_sending was called: read until the client closes
    close,
  };
  // Until the thread is dedicated, other connections wait for it: until then nothing here waits for
  // the client, and a request that is not quick is left for a worker.
  [[nodiscard]] Next serve(Buffers& space, net::ThreadPolicy& policy) noexcept;

  // For the poller, while nobody serves the connection.
  [[nodiscard]] const net::Wire& wire() const { return wire_; }
  [[nodiscard]] const Peer& peer() const { return peer_; }
  [[nodiscard]] net::ClientKey key() const { return key_; }
  // For the quick loop. When the last request had its answer.
  [[nodiscard]] net::Clock::time_point waits_since() const { return since_; }
  // When the poller should give up on it.
  [[nodiscard]] net::Clock::time_point deadline(bool crowded) const;
  // Ends a wait that has lasted too long: 408 if a request had begun. True: linger, else close.
  [[nodiscard]] bool expire();
  // Answers 503, or an alert in place of a handshake, without waiting.
  void turn_away();

  enum class Place { parked, working, lingering };
  Place place = Place::working;         // guarded by the poller's mutex, as is
  std::size_t index = 0;                // its place among the poller's connections
  bool admitted = false;                // counts against the limits; else it is to be turned away
  bool has_linger_slot = false;         // counts against the connections that may linger
  net::Clock::time_point linger_until;  // without another byte
  net::Clock::time_point linger_at_most;
  std::size_t quick_loop_index = 0;  // its place at the quick loop, guarded by that one's mutex

 private:
  [[nodiscard]] Next serve_requests(Buffers& space, net::ThreadPolicy& policy);
  // nullopt when requests may follow.
  [[nodiscard]] std::optional<Next> secure();
  void hold(std::span<char> bytes);
  [[nodiscard]] Next end(Fate fate);

  const Service& service_;
  net::Wire wire_;
  Peer peer_;
  net::ClientKey key_;
  HeadScanner scanner_;
  std::string held_;  // what had arrived of a head when the worker left
  net::Clock::time_point
      since_;            // when the wait began: for the next request, or for the rest of its head
  bool served_ = false;  // had a request before
  unsigned quick_ = 0;   // requests in a row up to the last, kQuickInARow at most
};

}  // namespace holdfast::server::http1
