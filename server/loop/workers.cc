#include "server/loop/workers.h"

#include <exception>
#include <new>
#include <pthread.h>
#include <utility>

#include "server/process/signals.h"

namespace holdfast::server::loop {
namespace {

constexpr std::chrono::seconds kIdleThread{3};
constexpr std::size_t kMostHeld = 64;  // threads that wait for others, beside those that work

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr int kStackBytes = 4 * 1024 * 1024;
// Tasks that are kept for the next requests. The sanitizers keep some MiB for each.
constexpr std::size_t kSpareTasks = 8;
#else
constexpr int kStackBytes = 256 * 1024;
constexpr std::size_t kSpareTasks = 64;
#endif

}  // namespace

Workers::Workers(const http1::Limits& limits, observe::Observer& observer, Uses uses)
    : limits_(limits), observer_(observer), uses_(std::move(uses)) {
  spare_.reserve(kSpareTasks);
}

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
  if (call_one() || (!running_.empty() && (again || queue_.size() <= limits_.queued))) {
    note_waiting();
    return true;
  }
  queue_.pop_back();
  return false;
}

void Workers::go_on(Task& task) noexcept {
  const std::scoped_lock lock(mutex_);
  task.next_in_list = nullptr;
  *resumed_end_ = &task;
  resumed_end_ = &task.next_in_list;
  ++resumed_count_;
  // While there are tasks there is a thread, which takes this one when it has time.
  call_one();
  note_waiting();
}

bool Workers::call_one() {
  // Who was called calls the next one when it takes its work and there is more. So no more threads
  // wake than the processor has time for.
  if (called_ > 0) return true;
  if (!idle_.empty()) {
    Worker& worker = *idle_.back();
    idle_.pop_back();
    ++called_;
    worker.is_called = true;
    worker.called.notify_one();
    return true;
  }
  return running_.size() < limits_.workers + held_.load(std::memory_order_relaxed) && start_one();
}

void Workers::note_waiting() {
  waiting_.store(all_are_busy() ? queued() : 0, std::memory_order_relaxed);
}

bool Workers::hold_thread() noexcept {
  if (held_.fetch_add(1, std::memory_order_relaxed) >= kMostHeld) {
    release_thread();
    return false;
  }
  if (contended()) {
    const std::scoped_lock lock(mutex_);
    call_one();
    note_waiting();
  }
  return true;
}

std::unique_ptr<Task> Workers::task() noexcept {
  {
    const std::scoped_lock lock(mutex_);
    if (!spare_.empty()) {
      std::unique_ptr<Task> task = std::move(spare_.back());
      spare_.pop_back();
      return task;
    }
  }
  try {
    return uses_.make_task();
  } catch (const std::bad_alloc&) {
    return nullptr;
  }
}

void Workers::give_back(std::unique_ptr<Task> task) noexcept {
  const std::scoped_lock lock(mutex_);
  if (task && spare_.size() < kSpareTasks) spare_.push_back(std::move(task));
}

bool Workers::begin(Task& task) noexcept {
  ++tasks_;
  return resume(task);
}

bool Workers::resume(Task& task) noexcept {
  if (!task.run()) return false;
  if (--tasks_ > 0 || !stopping_) return true;
  const std::scoped_lock lock(mutex_);
  for (Worker* worker : idle_) worker->called.notify_one();
  return true;
}

void Workers::trim() noexcept {
  std::vector<std::unique_ptr<Task>> freed;
  const std::scoped_lock lock(mutex_);
  freed.swap(spare_);
}

bool Workers::start_one() {
  join_finished();
  const std::size_t before = running_.size();
  try {
    running_.push_front(std::make_unique<Worker>());
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
  ++called_;
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
  worker.is_called = false;
  --called_;
  for (;;) {
    if (!queue_.empty() || resumed_ != nullptr) call_one();
    const bool resumes = resumed_ != nullptr && (resumed_is_next_ || queue_.empty());
    resumed_is_next_ = !resumes;
    if (resumes) {
      Task& task = *resumed_;
      resumed_ = task.next_in_list;
      if (resumed_ == nullptr) resumed_end_ = &resumed_;
      --resumed_count_;
      note_waiting();
      lock.unlock();
      go_on_with(task);
      lock.lock();
      continue;
    }
    if (!queue_.empty()) {
      http1::Connection& connection = *queue_.front();
      queue_.pop_front();
      note_waiting();
      lock.unlock();
      serve(connection);
      lock.lock();
      continue;
    }
    if (is_done()) break;
    idle_.push_back(&worker);
    worker.called.wait_for(lock, kIdleThread, [&] { return worker.is_called || is_done(); });
    if (!worker.is_called) {
      std::erase(idle_, &worker);
      // The last thread stays as long as a task may go on: there might be none to start then.
      if (!is_done() && (running_.size() > 1 || tasks_ == 0)) break;
      continue;
    }
    worker.is_called = false;
    --called_;
  }
  finished_.splice(finished_.end(), running_, worker.self);
  threads_.store(running_.size(), std::memory_order_relaxed);
  observer_.workers_changed(static_cast<int>(running_.size()));
  left_.notify_all();
}

void Workers::serve(http1::Connection& connection) {
  std::unique_ptr<Task> own = task();
  if (!own) return uses_.end(connection, http1::Connection::Next::close);
  uses_.begin(*own, connection);
  serving_.fetch_add(1, std::memory_order_relaxed);
  // A task that waits belongs to whoever goes on with it.
  Task* const begun = own.release();
  if (begin(*begun)) end(*begun);
  serving_.fetch_sub(1, std::memory_order_relaxed);
}

void Workers::go_on_with(Task& task) {
  serving_.fetch_add(1, std::memory_order_relaxed);
  if (resume(task)) end(task);
  serving_.fetch_sub(1, std::memory_order_relaxed);
}

void Workers::end(Task& task) {
  http1::Connection& connection = task.connection();
  const http1::Connection::Next next = task.next();
  give_back(std::unique_ptr<Task>(&task));
  uses_.end(connection, next);
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
