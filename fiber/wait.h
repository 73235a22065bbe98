// Waits for what another thread or fiber does. On a fiber, the fiber waits and its thread goes on
// with something else; elsewhere, the thread waits.
#pragma once

#include <atomic>
#include <condition_variable>
#include <mutex>

#include "fiber/fiber.h"

namespace holdfast::fiber {

// Something that happens once and that the fiber or thread which made this object waits for.
class Event {
 public:
  Event() noexcept : fiber_(Fiber::current()) {}
  ~Event() = default;
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;

  // Says that it has happened. Once, any thread; the one who waits may destroy the event before
  // this returns.
  void set() noexcept;
  // Returns when set() was called.
  void wait() noexcept;
  // Returns true when set() was called, false when `deadline` came first. Then set() may still be
  // called: the caller waits again, or prevents it before it destroys the event.
  [[nodiscard]] bool wait_until(Clock::time_point deadline) noexcept;
  // Ends a wait as its deadline does. Called by whoever got Fiber::add_deadline.
  void expire() noexcept;

 private:
  friend class Fiber;
  friend class Deadlines;
  enum class State { unset, waits, set, expired };

  // Forgets that a deadline has come.
  void renew() noexcept;
  // Returns true when the fiber waits from now on, false when it need not.
  [[nodiscard]] bool park() noexcept;

  Fiber* fiber_;
  std::atomic<State> state_{State::unset};
  // For a thread.
  std::mutex mutex_;
  std::condition_variable changed_;
  // For Deadlines.
  Event* next_ = nullptr;
  Event** link_ = nullptr;
  Clock::time_point deadline_;
};

// A condition variable for fibers and threads. All functions must be called with the same mutex
// locked.
class Condition {
 public:
  // Each of the two gives the mutex up while it waits.
  template <typename Predicate>
  void wait(std::unique_lock<std::mutex>& lock, Predicate predicate) {
    while (!predicate()) static_cast<void>(wait_once(lock, Clock::time_point::max()));
  }
  // Returns what the predicate says in the end.
  template <typename Predicate>
  [[nodiscard]] bool wait_until(std::unique_lock<std::mutex>& lock, Clock::time_point deadline,
                                Predicate predicate) {
    while (!predicate())
      if (!wait_once(lock, deadline)) return predicate();
    return true;
  }
  void notify_one() noexcept;
  void notify_all() noexcept;

 private:
  struct Waiter {
    Event event;
    Waiter* next = nullptr;
  };
  // Returns false when the deadline has come.
  [[nodiscard]] bool wait_once(std::unique_lock<std::mutex>& lock,
                               Clock::time_point deadline) noexcept;

  Waiter* first_ = nullptr;  // in the order in which they came
  Waiter** end_ = &first_;
};

// Events that are to expire. Any thread.
class Deadlines {
 public:
  void add(Event& event, Clock::time_point deadline) noexcept;
  void remove(Event& event) noexcept;
  // Expires all whose deadline is not after `now`.
  void expire(Clock::time_point now) noexcept;

 private:
  std::mutex mutex_;
  Event* first_ = nullptr;
};

}  // namespace holdfast::fiber
