// A pool of threads for requests. None of them waits for a client: a task that waits leaves its
// thread (server/loop/task.h). So few threads serve many connections, and work waits in a queue
// until one is free. One that waits for others, for milliseconds, does not count. A thread is
// started when work waits and none is idle, up to a maximum; one that has been idle for a while
// ends. Work goes to the thread that became idle last, so that after a burst the others end also
// under light work. Any thread may call any function.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <vector>

#include "Poco/Thread.h"
#include "server/http1/limits.h"
#include "server/loop/task.h"
#include "server/net/wire.h"
#include "server/observe/observer.h"

namespace holdfast::server::http1 {
class Connection;
}

namespace holdfast::server::loop {

class Workers {
 public:
  // What the pool asks of its owner.
  struct Uses {
    // Makes a task. May throw std::bad_alloc.
    std::function<std::unique_ptr<Task>()> make_task;
    // Prepares a task for the connection.
    std::function<void(Task&, http1::Connection&)> begin;
    // Called when a task has ended, in its last thread, which it may keep.
    std::function<void(http1::Connection&, http1::Connection::Next)> end;
  };
  // All arguments must outlive the pool.
  Workers(const http1::Limits& limits, observe::Observer& observer, Uses uses);
  // Joins every thread. begin_stop() must have been called, and the queue must be empty.
  ~Workers();
  Workers(const Workers&) = delete;
  Workers& operator=(const Workers&) = delete;

  // Gives the connection to a worker. Returns false when all are busy and the queue (or memory) is
  // full: the caller keeps the connection. With `again` the queue's limit does not count, because
  // the connection has been served before.
  [[nodiscard]] bool submit(http1::Connection& connection, bool again = false) noexcept;
  // Has a worker go on with a task that waited.
  void go_on(Task& task) noexcept;

  // Returns a task that nobody uses; nullptr without memory.
  [[nodiscard]] std::unique_ptr<Task> task() noexcept;
  void give_back(std::unique_ptr<Task> task) noexcept;
  // Begins the work of a task in the calling thread, a worker's. Returns true when it has ended.
  // After false the task belongs to the pool, which goes on with it and ends it.
  [[nodiscard]] bool begin(Task& task) noexcept;

  // Returns true when work waits for a worker: a worker should end its current request and return.
  [[nodiscard]] bool contended() const { return waiting_.load(std::memory_order_relaxed) > 0; }
  // Returns true when so few threads are in use that one may wait a moment for its client.
  [[nodiscard]] bool plentiful() const {
    return !contended() && serving_.load(std::memory_order_relaxed) * 4 <= limits_.workers * 3;
  }
  // Call before a thread of the pool waits for what others do within milliseconds. While it waits,
  // another may be started in its place. Returns false when too many wait: then it must not.
  [[nodiscard]] bool hold_thread() noexcept;
  // Call after that.
  void release_thread() noexcept { held_.fetch_sub(1, std::memory_order_relaxed); }
  // Returns true when at most one connection is being served.
  [[nodiscard]] bool alone() const { return serving_.load(std::memory_order_relaxed) <= 1; }

  // Returns the number of running threads.
  [[nodiscard]] std::size_t threads() const { return threads_.load(std::memory_order_relaxed); }

  // From now on threads end as soon as nothing is left to do and no task waits.
  void begin_stop();
  // Returns true when every thread has ended by `deadline`.
  [[nodiscard]] bool wait_until(net::Clock::time_point deadline);
  // Returns when every thread has ended.
  void join();
  // Frees the memory of tasks that were used lately.
  void trim() noexcept;

 private:
  struct Worker {
    Poco::Thread thread;
    std::condition_variable called;  // with is_called, or stopping_
    bool is_called = true;
    std::list<std::unique_ptr<Worker>>::iterator self;
  };

  void run(Worker& worker);
  void serve(http1::Connection& connection);
  void go_on_with(Task& task);
  [[nodiscard]] bool resume(Task& task) noexcept;
  void end(Task& task);
  // Call these with `mutex_` held.
  [[nodiscard]] bool start_one();
  // Has a thread take what was put into a queue. Returns false when all are busy.
  bool call_one();
  void note_waiting();
  [[nodiscard]] bool is_done() const { return stopping_ && tasks_ <= 0; }
  [[nodiscard]] std::size_t queued() const { return queue_.size() + resumed_count_; }
  [[nodiscard]] bool all_are_busy() const { return called_ == 0 && idle_.empty(); }
  void join_finished();

  const http1::Limits& limits_;
  observe::Observer& observer_;
  const Uses uses_;

  std::mutex mutex_;  // guards what follows
  std::condition_variable left_;
  std::deque<http1::Connection*> queue_;
  // Tasks that waited and may go on, the first and the end of a list.
  Task* resumed_ = nullptr;
  Task** resumed_end_ = &resumed_;
  std::size_t resumed_count_ = 0;
  bool resumed_is_next_ = true;  // the two queues are served in turns
  std::vector<std::unique_ptr<Task>> spare_;
  std::vector<Worker*> idle_;  // wait and are not called; the last one became idle last
  std::size_t called_ = 0;     // called or new workers that have not taken work yet
  std::list<std::unique_ptr<Worker>> running_;
  std::list<std::unique_ptr<Worker>> finished_;  // ended run(), and were not joined

  std::atomic<bool> stopping_{false};
  std::atomic<std::int64_t> tasks_{0};  // whose work has begun and not ended
  std::atomic<std::size_t> threads_{0};
  std::atomic<std::size_t> waiting_{0};  // what waits while all workers are busy
  std::atomic<std::size_t> serving_{0};
  std::atomic<std::size_t> held_{0};  // of those that serve
};

}  // namespace holdfast::server::loop
