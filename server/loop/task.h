// A connection that is being served: a fiber with its own buffers. While it waits for its client,
// or for its turn, it holds no thread; the poller sees what it waits for, and a worker goes on with
// it. The task is the thread policy of its connection (server/net/thread_policy.h).
#pragma once

#include <cstdint>

#include "fiber/fiber.h"
#include "fiber/wait.h"
#include "server/http1/buffers.h"
#include "server/http1/connection.h"
#include "server/http1/limits.h"
#include "server/net/thread_policy.h"
#include "server/net/wire.h"

namespace holdfast::server::loop {

class Poller;
class QuickLoop;
class Workers;

class Task final : public fiber::Fiber, public net::ThreadPolicy {
 public:
  // All arguments must outlive the task. Throws std::bad_alloc.
  Task(const http1::Limits& limits, Workers& workers, Poller& poller)
      : buffers(limits), workers_(workers), poller_(poller) {}

  // Sets the connection that the next run serves on a worker's thread. It may leave for
  // `quick_loop`.
  void serve(http1::Connection& connection, const QuickLoop& quick_loop) noexcept;
  // The same on the thread that leads the quick loop in this term.
  void serve_in(QuickLoop& quick_loop, std::uint64_t term, http1::Connection& connection) noexcept;

  // After the work has ended: the connection, and what is to be done with it.
  [[nodiscard]] http1::Connection& connection() const { return *connection_; }
  [[nodiscard]] http1::Connection::Next next() const { return next_; }
  // Returns true when the connection is not in a quick loop, or has left it.
  [[nodiscard]] bool has_left() const { return leading_ == nullptr; }

  // Of ThreadPolicy. The connection must be the task's own.
  [[nodiscard]] bool wait(bool for_room, net::Clock::time_point deadline,
                          std::span<char> unused) noexcept override;
  void dedicate() noexcept override;
  [[nodiscard]] bool is_dedicated() const override;
  [[nodiscard]] bool is_alone() const override;
  [[nodiscard]] bool threads_are_wanted() const override;
  [[nodiscard]] bool threads_are_plentiful() const override;
  [[nodiscard]] bool is_only_thread() const override;
  [[nodiscard]] bool takes_quick_connections() const override;

  http1::Buffers buffers;
  Task* next_in_list = nullptr;  // of the workers, who guard it

 private:
  // Waits without a thread.
  [[nodiscard]] bool park(bool for_room, net::Clock::time_point now,
                          net::Clock::time_point deadline, std::span<char> unused) noexcept;
  void work() noexcept override;
  void ready() noexcept override;
  [[nodiscard]] bool hold_thread() noexcept override;
  void release_thread() noexcept override;
  void will_wait() noexcept override;
  void add_deadline(fiber::Event& event, net::Clock::time_point deadline) noexcept override;
  void remove_deadline(fiber::Event& event) noexcept override;

  Workers& workers_;
  Poller& poller_;
  http1::Connection* connection_ = nullptr;
  http1::Connection::Next next_ = http1::Connection::Next::close;
  const QuickLoop* quick_loop_ = nullptr;
  QuickLoop* leading_ = nullptr;  // the loop whose leading thread runs the task; nullptr on workers
  std::uint64_t term_ = 0;
  bool client_is_quick_ = true;  // the last wait, if any, was short
};

}  // namespace holdfast::server::loop
