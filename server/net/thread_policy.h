// Whether a thread serves one connection or many (server/loop/quick_loop.h).
#pragma once

namespace holdfast::server {

// For the thread that serves a connection; one thread at a time.
class ThreadPolicy {
 public:
  virtual ~ThreadPolicy() = default;
  // Makes the thread serve this connection alone: no other connection waits for the thread any
  // more. Call it before the thread waits for the connection's client, or works long for it. May be
  // called again.
  virtual void dedicate() noexcept = 0;
  [[nodiscard]] virtual bool is_dedicated() const = 0;
  // No other connection is there that could wait.
  [[nodiscard]] virtual bool is_alone() const = 0;
};

}  // namespace holdfast::server
