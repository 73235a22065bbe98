// A thread's turn with one connection while others wait for the same thread (server/desk).
#pragma once

namespace holdfast::server {

class Turn {
 public:
  virtual ~Turn() = default;
  // Before the thread waits for this connection's client, or works long for it: nobody else is to
  // wait for the thread from now on. Any number of times.
  virtual void end() noexcept = 0;
  [[nodiscard]] virtual bool has_ended() const = 0;
  // Nobody else is there who could wait.
  [[nodiscard]] virtual bool is_alone() const = 0;
};

}  // namespace holdfast::server
