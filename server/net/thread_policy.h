// Says how long a thread that serves a connection may work for it while other connections need
// threads, and how the connection waits for its client. server/loop/task.h implements it;
// connections call it.
#pragma once

#include <chrono>
#include <cstddef>
#include <span>

namespace holdfast::server::net {

// Only the thread that serves the connection may call it.
class ThreadPolicy {
 public:
  virtual ~ThreadPolicy() = default;
  // Waits until the connection's socket is readable, or writable with `for_room`, or has an error,
  // and returns true; false when `deadline` comes first. Other connections use the thread
  // meanwhile. The content of `unused` may be lost.
  [[nodiscard]] virtual bool wait(bool for_room, std::chrono::steady_clock::time_point deadline,
                                  std::span<char> unused) noexcept = 0;
  // Makes the thread serve only this connection, so that no other one waits for the thread. Call it
  // before the thread works long for the connection. It may be called again.
  virtual void dedicate() noexcept = 0;
  [[nodiscard]] virtual bool is_dedicated() const = 0;
  // Returns true when no other connection could wait for this thread.
  [[nodiscard]] virtual bool is_alone() const = 0;

  // Returns true when requests wait for a thread: the caller should end its current request and
  // return.
  [[nodiscard]] virtual bool threads_are_wanted() const = 0;
  // Returns true when so few threads are in use that one may wait a moment for its client.
  [[nodiscard]] virtual bool threads_are_plentiful() const = 0;
  // Call before the thread waits for milliseconds at the most. While it does, another one may be
  // started in its place. Returns false when too many wait: then it must not.
  [[nodiscard]] virtual bool hold_thread() noexcept = 0;
  // Call after that.
  virtual void release_thread() noexcept = 0;
  // Returns true when no other thread serves a connection.
  [[nodiscard]] virtual bool is_only_thread() const = 0;
  // Returns true when a connection with quick requests may leave for a loop that answers many
  // connections in turn.
  [[nodiscard]] virtual bool takes_quick_connections() const = 0;
};

}  // namespace holdfast::server::net
