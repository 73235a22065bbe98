// A loop in which one thread answers the quick requests of many connections one after the other, as
// epoll reports them. No thread has to be put to sleep and woken between two of them. The thread is
// a worker's: the first worker that adds a connection leads the loop, and it leaves when no more
// requests arrive.
//
// No connection waits here for another's slow request. A request whose head shows that it is not
// quick goes to the workers before it is begun. A request can also prove slow while it is answered:
// its client does not take the answer, the disk does not answer, a password is hashed. Then all
// other connections go back to the poller, which finds workers for them, and the leading thread
// continues as the worker of the slow one.
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

#include "server/http1/buffers.h"
#include "server/http1/connection.h"
#include "server/loop/workers.h"
#include "server/net/thread_policy.h"
#include "storage/descriptor.h"

namespace holdfast::server::loop {

class QuickLoop {
 public:
  // Called with a connection that leaves the loop, and with what is to be done with it.
  using ReturnConnection = std::function<void(http1::Connection&, http1::Connection::Next)>;
  // `workers` must outlive the loop. Throws std::system_error without descriptors.
  QuickLoop(const Workers& workers, ReturnConnection return_connection);
  QuickLoop(const QuickLoop&) = delete;
  QuickLoop& operator=(const QuickLoop&) = delete;

  // Returns true when connections may be added. Any thread may call this.
  [[nodiscard]] bool is_open() const { return open_.load(std::memory_order_relaxed); }

  // Takes the connection from the calling worker. All its received bytes must have been read, so
  // that epoll reports the next ones. Returns at once when another thread leads; else the caller
  // leads, and this returns when no request has arrived for kSoon.
  void add(http1::Connection& connection, http1::Buffers& buffers);

  // Makes all other connections leave when a request has taken longer than kSlowRequest. Returns
  // true when it must be called again after that time. Only the poller's thread may call this.
  [[nodiscard]] bool release_if_slow(net::Clock::time_point now);
  static constexpr std::chrono::milliseconds kSlowRequest{10};

  // Makes all connections leave soon, and accepts no more.
  void stop();

 private:
  class LeaderPolicy;

  void lead(std::uint64_t term, http1::Buffers& buffers);
  [[nodiscard]] int wait(std::span<epoll_event> events) const;
  // A term is the time in which one thread leads. These two return false when the caller's term has
  // ended.
  [[nodiscard]] bool begin(std::uint64_t term, http1::Connection& connection);
  [[nodiscard]] bool finish(std::uint64_t term, http1::Connection& connection, bool stays);
  void let_idle_leave(std::uint64_t term, net::Clock::time_point now);
  // Ends the term: all connections but the one that is being served leave. The loop stays closed
  // for the time given. Returns false when the term had ended before.
  bool clear(std::uint64_t term, net::Clock::duration closed);
  // Call with `mutex_` held.
  void forget(http1::Connection& connection);

  const Workers& workers_;
  const ReturnConnection return_connection_;
  const storage::Descriptor epoll_;
  std::atomic<bool> open_{true};
  // The term of the leading thread, or else of the next one. Written under `mutex_`.
  std::atomic<std::uint64_t> term_{0};

  std::mutex mutex_;  // guards the members below
  bool led_ = false;
  bool stopped_ = false;
  net::Clock::time_point closed_until_;
  std::vector<http1::Connection*> connections_;
  http1::Connection* served_ = nullptr;  // one of the connections
  std::uint64_t served_count_ = 0;
  std::uint64_t served_count_seen_ = 0;  // the last count that release_if_slow read
};

// The policy of a worker that serves one connection. The connection may leave for `quick_loop`.
// Both arguments must outlive the policy.
class WorkerPolicy : public net::ThreadPolicy {
 public:
  WorkerPolicy(const Workers& workers, const QuickLoop& quick_loop)
      : workers_(workers), quick_loop_(quick_loop) {}
  void dedicate() noexcept override {}
  [[nodiscard]] bool is_dedicated() const override { return true; }
  [[nodiscard]] bool is_alone() const override { return true; }
  [[nodiscard]] bool threads_are_wanted() const override { return workers_.contended(); }
  [[nodiscard]] bool threads_are_plentiful() const override { return workers_.plentiful(); }
  [[nodiscard]] bool is_only_thread() const override { return workers_.alone(); }
  [[nodiscard]] bool takes_quick_connections() const override { return quick_loop_.is_open(); }

 private:
  const Workers& workers_;
  const QuickLoop& quick_loop_;
};

using QuickLoops = std::vector<std::unique_ptr<QuickLoop>>;

}  // namespace holdfast::server::loop
