// What a thread that serves a connection may do for it while others want threads too. The loops
// decide it (server/loop/quick_loop.h); connections ask.
#pragma once

namespace holdfast::server::net {

// For the thread that serves the connection; one thread at a time.
class ThreadPolicy {
 public:
  virtual ~ThreadPolicy() = default;
  // Makes the thread serve this connection alone: no other connection waits for the thread any
  // more. Call it before the thread waits for the connection's client, or works long for it. May be
  // called again.
  virtual void dedicate() noexcept = 0;
  [[nodiscard]] virtual bool is_dedicated() const = 0;
  // No other connection is there that could wait for this thread.
  [[nodiscard]] virtual bool is_alone() const = 0;

  // Requests wait for any thread: finish what is begun and let go.
  [[nodiscard]] virtual bool threads_are_wanted() const = 0;
  // So few threads are in use that one may wait a moment for its client.
  [[nodiscard]] virtual bool threads_are_plentiful() const = 0;
  // No thread but this one serves a connection.
  [[nodiscard]] virtual bool is_only_thread() const = 0;
  // A connection with quick requests may leave for a loop that answers many of them in turn.
  [[nodiscard]] virtual bool takes_quick_connections() const = 0;
};

}  // namespace holdfast::server::net
