// A loop in which one thread answers the quick requests of many connections one after the other, as
// epoll reports them. No thread has to be put to sleep and woken between two of them. The thread is
// a worker's: the first worker that adds a connection leads the loop, and it leaves when no more
// requests arrive.
//
// No connection waits here for another's slow request. A request whose head shows that it is not
// quick goes to the workers before it is begun. One that must wait, for its client or for its turn,
// or whose answer is large, leaves the loop for a worker. A request can also prove slow while it is
// answered: the disk does not answer, a password is hashed. Then all other connections go back to
// the poller, which finds workers for them, and the leading thread continues as the worker of the
// slow one.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <sys/epoll.h>
#include <vector>

#include "server/http1/connection.h"
#include "server/loop/workers.h"
#include "server/net/wire.h"
#include "storage/descriptor.h"

namespace holdfast::server::loop {

class Task;

class QuickLoop {
 public:
  // Called with a connection that leaves the loop, and with what is to be done with it.
  using ReturnConnection = std::function<void(http1::Connection&, http1::Connection::Next)>;
  // `workers` must outlive the loop. Throws std::system_error without descriptors.
  QuickLoop(Workers& workers, ReturnConnection return_connection);
  QuickLoop(const QuickLoop&) = delete;
  QuickLoop& operator=(const QuickLoop&) = delete;

  // Returns true when connections may be added. Any thread may call this.
  [[nodiscard]] bool is_open() const { return open_.load(std::memory_order_relaxed); }

  // Takes the connection from the calling worker. All its received bytes must have been read, so
  // that epoll reports the next ones. Returns at once when another thread leads; else the caller
  // leads, and this returns when no request has arrived for kSoon.
  void add(http1::Connection& connection);

  // Makes all other connections leave when a request has taken longer than kSlowRequest. Returns
  // true when it must be called again after that time. Only the poller's thread may call this.
  [[nodiscard]] bool release_if_slow(net::Clock::time_point now);
  static constexpr std::chrono::milliseconds kSlowRequest{10};

  // Makes all connections leave soon, and accepts no more.
  void stop();

  // For the task that the leading thread runs (server/loop/task.h). A term is the time in which one
  // thread leads.
  [[nodiscard]] bool is_term(std::uint64_t term) const {
    return term_.load(std::memory_order_relaxed) == term;
  }
  [[nodiscard]] bool has_one_connection() const;
  // Takes the connection that is being served out of the loop, which goes on without it.
  void leave(std::uint64_t term, http1::Connection& connection) noexcept;
  // Makes all other connections leave. The loop stays closed for a moment.
  void end_term(std::uint64_t term) noexcept;

 private:
  void lead(std::uint64_t term);
  // Serves the connection. Returns false when the term has ended.
  [[nodiscard]] bool serve(std::uint64_t term, http1::Connection& connection,
                           std::unique_ptr<Task>& task);
  [[nodiscard]] int wait(std::span<epoll_event> events) const;
  // These two return false when the caller's term has ended.
  [[nodiscard]] bool begin(std::uint64_t term, http1::Connection& connection);
  [[nodiscard]] bool finish(std::uint64_t term, http1::Connection& connection, bool stays);
  void let_idle_leave(std::uint64_t term, net::Clock::time_point now);
  // Ends the term: all connections but the one that is being served leave. The loop stays closed
  // for the time given. Returns false when the term had ended before.
  bool clear(std::uint64_t term, net::Clock::duration closed);
  // Call with `mutex_` held.
  void forget(http1::Connection& connection);

  Workers& workers_;
  const ReturnConnection return_connection_;
  const storage::Descriptor epoll_;
  std::atomic<bool> open_{true};
  // The term of the leading thread, or else of the next one. Written under `mutex_`.
  std::atomic<std::uint64_t> term_{0};

  mutable std::mutex mutex_;  // guards the members below
  bool led_ = false;
  bool stopped_ = false;
  net::Clock::time_point closed_until_;
  std::vector<http1::Connection*> connections_;
  http1::Connection* served_ = nullptr;  // one of the connections
  std::uint64_t served_count_ = 0;
  std::uint64_t served_count_seen_ = 0;  // the last count that release_if_slow read
};

using QuickLoops = std::vector<std::unique_ptr<QuickLoop>>;

}  // namespace holdfast::server::loop
