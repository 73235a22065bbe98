// A pool of threads: one is started when work waits and none is idle, up to a maximum; one that has
// been idle for a while ends. Work goes to the thread that became idle last, so that after a burst
// the others end also under light work. Blocked threads are cheap, so reading bodies and sending
// responses may block a worker. Any thread may call any function.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "Poco/Thread.h"
#include "server/http1/buffers.h"
#include "server/http1/limits.h"
#include "server/net/wire.h"
#include "server/observe/observer.h"

namespace holdfast::server::http1 {
class Connection;
}

namespace holdfast::server::loop {

class Workers {
 public:
  using Work = std::function<void(http1::Connection&, http1::Buffers&)>;
  // All arguments must outlive the pool.
  Workers(const http1::Limits& limits, observe::Observer& observer, Work work);
  // Joins every thread. begin_stop() must have been called, and the queue must be empty.
  ~Workers();
  Workers(const Workers&) = delete;
  Workers& operator=(const Workers&) = delete;

  // Gives the connection to a worker. Returns false when all are busy and the queue (or memory) is
  // full: the caller keeps the connection. With `again` the queue's limit does not count, because
  // the connection has been served before.
  [[nodiscard]] bool submit(http1::Connection& connection, bool again = false) noexcept;

  // Returns true when connections wait for a worker: a worker should end its current request and
  // return.
  [[nodiscard]] bool contended() const { return waiting_.load(std::memory_order_relaxed) > 0; }
  // Returns true when so few threads are in use that one may wait a moment for its client.
  [[nodiscard]] bool plentiful() const { return threads() * 2 <= limits_.workers; }
  // Returns true when at most one connection is being served.
  [[nodiscard]] bool alone() const { return serving_.load(std::memory_order_relaxed) <= 1; }

  // Returns the number of running threads.
  [[nodiscard]] std::size_t threads() const { return threads_.load(std::memory_order_relaxed); }

  // From now on threads end as soon as the queue is empty.
  void begin_stop();
  // Returns true when every thread has ended by `deadline`.
  [[nodiscard]] bool wait_until(net::Clock::time_point deadline);
  // Returns when every thread has ended.
  void join();

 private:
  struct Worker {
    explicit Worker(const http1::Limits& limits) : space(std::in_place, limits) {}
    std::optional<http1::Buffers> space;  // until the thread ends
    Poco::Thread thread;
    std::condition_variable called;  // with is_called, or stopping_
    bool is_called = false;
    std::list<std::unique_ptr<Worker>>::iterator self;
  };

  void run(Worker& worker);
  // Call with `mutex_` held.
  [[nodiscard]] bool start_one();
  // Returns how many connections in the queue no called worker will take.
  [[nodiscard]] std::size_t without_taker() const {
    return queue_.size() > called_ ? queue_.size() - called_ : 0;
  }
  void join_finished();

  const http1::Limits& limits_;
  observe::Observer& observer_;
  const Work work_;

  std::mutex mutex_;  // guards what follows
  std::condition_variable left_;
  std::deque<http1::Connection*> queue_;
  std::vector<Worker*> idle_;  // wait and are not called; the last one became idle last
  std::size_t called_ = 0;     // called workers that have not taken work yet
  bool stopping_ = false;
  std::list<std::unique_ptr<Worker>> running_;
  std::list<std::unique_ptr<Worker>> finished_;  // ended run(), and were not joined

  std::atomic<std::size_t> threads_{0};
  std::atomic<std::size_t> waiting_{0};  // without_taker()
  std::atomic<std::size_t> serving_{0};
};

}  // namespace holdfast::server::loop
