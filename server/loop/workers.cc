#include "server/loop/workers.h"

#include <exception>
#include <new>
#include <pthread.h>
#include <utility>

#include "server/process/signals.h"

namespace holdfast::server::loop {
namespace {

constexpr std::chrono::seconds kIdleThread{3};

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr int kStackBytes = 4 * 1024 * 1024;
#else
constexpr int kStackBytes = 256 * 1024;
#endif

}  // namespace

Workers::Workers(const http1::Limits& limits, observe::Observer& observer, Work work)
    : limits_(limits), observer_(observer), work_(std::move(work)) {}

Workers::~Workers() {
  begin_stop();
  join();
}

bool Workers::submit(http1::Connection& connection, bool again) noexcept {
  const std::scoped_lock lock(mutex_);
  try {
    queue_.push_back(&connection);
  } catch (const std::bad_alloc&) {
    return false;
  }
  if (without_taker() == 0) return true;
  if (!idle_.empty()) {
    Worker& worker = *idle_.back();
    idle_.pop_back();
    ++called_;
    worker.is_called = true;
    worker.called.notify_one();
    return true;
  }
  if (running_.size() < limits_.workers && start_one()) return true;
  if (!running_.empty() && (again || without_taker() <= limits_.queued)) {
    waiting_.store(without_taker(), std::memory_order_relaxed);
    return true;
  }
  queue_.pop_back();
  return false;
}

bool Workers::start_one() {
  join_finished();
  const std::size_t before = running_.size();
  try {
    running_.push_front(std::make_unique<Worker>(limits_));
    Worker& worker = *running_.front();
    worker.self = running_.begin();
    idle_.reserve(running_.size());
    worker.thread.setStackSize(kStackBytes);
    worker.thread.startFunc([this, &worker] { run(worker); });
  } catch (const std::exception&) {
    // The machine has no more threads or memory: the existing workers must suffice.
    if (running_.size() > before) running_.pop_front();
    return false;
  }
  threads_.store(running_.size(), std::memory_order_relaxed);
  observer_.workers_changed(static_cast<int>(running_.size()));
  return true;
}

void Workers::join_finished() {
  // They no longer take the mutex, so joining them here takes no time.
  for (const auto& worker : finished_) worker->thread.join();
  finished_.clear();
}

void Workers::run(Worker& worker) {
  // The main thread takes the signals, and SIGPIPE must not be raised when a client has gone.
  process::block_all_signals();
  std::unique_lock lock(mutex_);
  for (;;) {
    if (!queue_.empty()) {
      http1::Connection& connection = *queue_.front();
      queue_.pop_front();
      waiting_.store(without_taker(), std::memory_order_relaxed);
      lock.unlock();
      serving_.fetch_add(1, std::memory_order_relaxed);
      work_(connection, *worker.space);
      serving_.fetch_sub(1, std::memory_order_relaxed);
      lock.lock();
      continue;
    }
    if (stopping_) break;
    idle_.push_back(&worker);
    worker.called.wait_for(lock, kIdleThread, [&] { return worker.is_called || stopping_; });
    if (!worker.is_called) {
      std::erase(idle_, &worker);
      if (!stopping_) break;
      continue;
    }
    worker.is_called = false;
    --called_;
  }
  worker.space.reset();
  finished_.splice(finished_.end(), running_, worker.self);
  threads_.store(running_.size(), std::memory_order_relaxed);
  observer_.workers_changed(static_cast<int>(running_.size()));
  left_.notify_all();
}

void Workers::begin_stop() {
  const std::scoped_lock lock(mutex_);
  stopping_ = true;
  for (Worker* worker : idle_) worker->called.notify_one();
}

bool Workers::wait_until(net::Clock::time_point deadline) {
  std::unique_lock lock(mutex_);
  if (!left_.wait_until(lock, deadline, [this] { return running_.empty(); })) return false;
  join_finished();
  return true;
}

void Workers::join() {
  std::unique_lock lock(mutex_);
  left_.wait(lock, [this] { return running_.empty(); });
  join_finished();
}

}  // namespace holdfast::server::loop
