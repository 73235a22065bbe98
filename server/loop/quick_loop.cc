#include "server/loop/quick_loop.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <new>
#include <sched.h>
#include <system_error>
#include <utility>

#include "server/loop/task.h"

namespace holdfast::server::loop {
namespace {

constexpr std::size_t kEventsAtOnce = 64;
// How long the loop stays closed after a request that was expected to be slow, and after one that
// was not.
constexpr std::chrono::milliseconds kClosedShortly{100};
constexpr std::chrono::milliseconds kClosed{1000};
// A connection without a request for this long leaves while others have requests.
constexpr std::chrono::seconds kIdle{1};

int epoll() {
  const int descriptor = ::epoll_create1(EPOLL_CLOEXEC);
  if (descriptor < 0) throw std::system_error(errno, std::generic_category(), "epoll_create1");
  return descriptor;
}

}  // namespace

QuickLoop::QuickLoop(Workers& workers, ReturnConnection return_connection)
    : workers_(workers), return_connection_(std::move(return_connection)), epoll_(epoll()) {}

void QuickLoop::add(http1::Connection& connection) {
  bool taken = false;
  bool leads = false;
  std::uint64_t term = 0;
  try {
    const std::scoped_lock lock(mutex_);
    if (is_open()) {
      connections_.push_back(&connection);
      connection.quick_loop_index = connections_.size() - 1;
      epoll_event event{};
      event.events = EPOLLIN;
      event.data.ptr = &connection;
      taken = ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, connection.wire().descriptor(), &event) == 0;
      if (!taken) connections_.pop_back();
    }
    leads = taken && !std::exchange(led_, led_ || taken);
    term = term_.load(std::memory_order_relaxed);
  } catch (const std::bad_alloc&) {
    // The connection is then parked, like one that is added while the loop is closed.
  }
  if (!taken) return return_connection_(connection, http1::Connection::Next::park);
  if (leads) lead(term);
}

void QuickLoop::lead(std::uint64_t term) {
  net::Clock::time_point look_for_idle = net::Clock::now() + kIdle;
  std::array<epoll_event, kEventsAtOnce> events;
  std::unique_ptr<Task> task;  // for the next request
  for (;;) {
    const int count = wait(events);
    if (count <= 0 || !is_open() || workers_.contended()) {
      clear(term, net::Clock::duration::zero());
      return workers_.give_back(std::move(task));
    }
    for (int i = 0; i < count; ++i) {
      auto& connection =
          *static_cast<http1::Connection*>(events[static_cast<std::size_t>(i)].data.ptr);
      if (!serve(term, connection, task)) return workers_.give_back(std::move(task));
    }
    if (const net::Clock::time_point now = net::Clock::now(); now >= look_for_idle) {
      let_idle_leave(term, now);
      look_for_idle = now + kIdle;
    }
  }
}

bool QuickLoop::serve(std::uint64_t term, http1::Connection& connection,
                      std::unique_ptr<Task>& task) {
  if (!begin(term, connection)) return false;
  if (!task) task = workers_.task();
  http1::Connection::Next next = http1::Connection::Next::close;  // without memory
  bool has_left = false;
  if (task) {
    task->serve_in(*this, term, connection);
    Task& begun = *task.release();
    // What waits has left the loop, and a worker goes on with it.
    if (!workers_.begin(begun)) return is_term(term);
    task.reset(&begun);
    next = task->next();
    has_left = task->has_left();
  }
  const bool stays = next == http1::Connection::Next::quick_loop;
  const bool leads = has_left ? is_term(term) : finish(term, connection, stays);
  if (has_left || !leads) {
    return_connection_(connection, stays ? http1::Connection::Next::park : next);
  } else if (!stays) {
    return_connection_(connection, next);
  }
  return leads;
}

int QuickLoop::wait(std::span<epoll_event> events) const {
  const auto room = static_cast<int>(events.size());
  // On a busy machine, requests arrive while others run; on an idle one, after a moment. Polling
  // for that moment spares putting the thread to sleep and waking it (Wire::receive_soon).
  const net::Clock::time_point sleep = net::Clock::now() + net::kAwake;
  do {
    const int count = ::epoll_wait(epoll_.get(), events.data(), room, 0);
    if (count != 0) return count;
    ::sched_yield();
  } while (net::Clock::now() < sleep);
  return ::epoll_wait(epoll_.get(), events.data(), room, static_cast<int>(net::kSoon.count()));
}

bool QuickLoop::begin(std::uint64_t term, http1::Connection& connection) {
  const std::scoped_lock lock(mutex_);
  if (term_.load(std::memory_order_relaxed) != term) return false;
  served_ = &connection;
  ++served_count_;
  return true;
}

bool QuickLoop::finish(std::uint64_t term, http1::Connection& connection, bool stays) {
  const std::scoped_lock lock(mutex_);
  if (term_.load(std::memory_order_relaxed) != term) return false;
  served_ = nullptr;
  if (!stays) forget(connection);
  return true;
}

bool QuickLoop::has_one_connection() const {
  const std::scoped_lock lock(mutex_);
  return connections_.size() <= 1;
}

void QuickLoop::leave(std::uint64_t term, http1::Connection& connection) noexcept {
  const std::scoped_lock lock(mutex_);
  if (!is_term(term)) return;
  served_ = nullptr;
  forget(connection);
}

void QuickLoop::end_term(std::uint64_t term) noexcept { clear(term, kClosedShortly); }

void QuickLoop::forget(http1::Connection& connection) {
  ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, connection.wire().descriptor(), nullptr);
  connections_[connection.quick_loop_index] = connections_.back();
  connections_[connection.quick_loop_index]->quick_loop_index = connection.quick_loop_index;
  connections_.pop_back();
}

void QuickLoop::let_idle_leave(std::uint64_t term, net::Clock::time_point now) {
  for (;;) {
    http1::Connection* idle = nullptr;
    {
      const std::scoped_lock lock(mutex_);
      if (term_.load(std::memory_order_relaxed) != term) return;
      const auto found = std::ranges::find_if(connections_, [&](const http1::Connection* one) {
        return one->waits_since() + kIdle <= now;
      });
      if (found == connections_.end()) return;
      idle = *found;
      forget(*idle);
    }
    return_connection_(*idle, http1::Connection::Next::park);
  }
}

bool QuickLoop::clear(std::uint64_t term, net::Clock::duration closed) {
  std::vector<http1::Connection*> leaving;
  {
    const std::scoped_lock lock(mutex_);
    if (term_.load(std::memory_order_relaxed) != term) return false;
    term_.store(term + 1, std::memory_order_relaxed);
    led_ = false;
    if (closed > net::Clock::duration::zero()) {
      open_.store(false, std::memory_order_relaxed);
      closed_until_ = net::Clock::now() + closed;
    }
    leaving.swap(connections_);
    for (const http1::Connection* connection : leaving)
      ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, connection->wire().descriptor(), nullptr);
    if (served_ != nullptr) std::erase(leaving, served_);
    served_ = nullptr;
  }
  for (http1::Connection* connection : leaving)
    return_connection_(*connection, http1::Connection::Next::park);
  return true;
}

bool QuickLoop::release_if_slow(net::Clock::time_point now) {
  std::uint64_t term = 0;
  {
    const std::scoped_lock lock(mutex_);
    if (!stopped_ && now >= closed_until_) open_.store(true, std::memory_order_relaxed);
    const bool seen = std::exchange(served_count_seen_, served_count_) == served_count_;
    if (!seen) return true;
    if (served_ == nullptr) return false;
    term = term_.load(std::memory_order_relaxed);
  }
  clear(term, kClosed);
  return true;
}

void QuickLoop::stop() {
  const std::scoped_lock lock(mutex_);
  stopped_ = true;
  open_.store(false, std::memory_order_relaxed);
}

}  // namespace holdfast::server::loop
