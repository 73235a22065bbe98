#include "server/loop/quick_loop.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <new>
#include <sched.h>
#include <system_error>
#include <utility>

namespace holdfast::server {
namespace {

constexpr std::size_t kEventsAtOnce = 64;
// After a request that was expected to be slow, and after one that was not.
constexpr std::chrono::milliseconds kClosedShortly{100};
constexpr std::chrono::milliseconds kClosed{1000};
// Who asks for nothing while others do leaves after so long.
constexpr std::chrono::seconds kIdle{1};

int epoll() {
  const int descriptor = ::epoll_create1(EPOLL_CLOEXEC);
  if (descriptor < 0) throw std::system_error(errno, std::generic_category(), "epoll_create1");
  return descriptor;
}

}  // namespace

class Desk::AttendedTurn final : public Turn {
 public:
  AttendedTurn(Desk& desk, std::uint64_t seat) : desk_(desk), seat_(seat) {}
  void end() noexcept override {
    if (!has_ended()) desk_.clear(seat_, kClosedShortly);
  }
  [[nodiscard]] bool has_ended() const override {
    return desk_.seat_.load(std::memory_order_relaxed) != seat_;
  }
  [[nodiscard]] bool is_alone() const override {
    const std::scoped_lock lock(desk_.mutex_);
    return desk_.present_.size() <= 1;
  }

 private:
  Desk& desk_;
  const std::uint64_t seat_;
};

Desk::Desk(const Workers& workers, Settle settle)
    : workers_(workers), settle_(std::move(settle)), epoll_(epoll()) {}

void Desk::bring(Connection& connection, Workspace& space) {
  bool taken = false;
  bool attends = false;
  std::uint64_t seat = 0;
  try {
    const std::scoped_lock lock(mutex_);
    if (is_open()) {
      present_.push_back(&connection);
      connection.desk_index = present_.size() - 1;
      epoll_event event{};
      event.events = EPOLLIN;
      event.data.ptr = &connection;
      taken = ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, connection.wire().descriptor(), &event) == 0;
      if (!taken) present_.pop_back();
    }
    attends = taken && !std::exchange(attended_, attended_ || taken);
    seat = seat_.load(std::memory_order_relaxed);
  } catch (const std::bad_alloc&) {
    // Parked then, like one that comes when the desk is closed.
  }
  if (!taken) return settle_(connection, Connection::Next::park);
  if (attends) attend(seat, space);
}

void Desk::attend(std::uint64_t seat, Workspace& space) {
  Clock::time_point look_for_idle = Clock::now() + kIdle;
  std::array<epoll_event, kEventsAtOnce> events;
  for (;;) {
    const int count = wait(events);
    if (count <= 0 || !is_open() || workers_.contended()) {
      clear(seat, Clock::duration::zero());
      return;
    }
    for (int i = 0; i < count; ++i) {
      auto& connection = *static_cast<Connection*>(events[static_cast<std::size_t>(i)].data.ptr);
      if (!begin(seat, connection)) return;
      AttendedTurn turn(*this, seat);
      const Connection::Next next = connection.serve(workers_, *this, space, &turn);
      const bool stays = next == Connection::Next::desk;
      if (!finish(seat, connection, stays))
        return settle_(connection, stays ? Connection::Next::park : next);
      if (!stays) settle_(connection, next);
    }
    if (const Clock::time_point now = Clock::now(); now >= look_for_idle) {
      let_idle_leave(seat, now);
      look_for_idle = now + kIdle;
    }
  }
}

int Desk::wait(std::span<epoll_event> events) const {
  const auto room = static_cast<int>(events.size());
  // On a busy machine requests come while others run, on an idle one after a moment; then the
  // thread need not be put to sleep and woken (Wire::receive_soon).
  const Clock::time_point sleep = Clock::now() + kAwake;
  do {
    const int count = ::epoll_wait(epoll_.get(), events.data(), room, 0);
    if (count != 0) return count;
    ::sched_yield();
  } while (Clock::now() < sleep);
  return ::epoll_wait(epoll_.get(), events.data(), room, static_cast<int>(kSoon.count()));
}

bool Desk::begin(std::uint64_t seat, Connection& connection) {
  const std::scoped_lock lock(mutex_);
  if (seat_.load(std::memory_order_relaxed) != seat) return false;
  served_ = &connection;
  ++turns_;
  return true;
}

bool Desk::finish(std::uint64_t seat, Connection& connection, bool stays) {
  const std::scoped_lock lock(mutex_);
  if (seat_.load(std::memory_order_relaxed) != seat) return false;
  served_ = nullptr;
  if (!stays) forget(connection);
  return true;
}

void Desk::forget(Connection& connection) {
  ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, connection.wire().descriptor(), nullptr);
  present_[connection.desk_index] = present_.back();
  present_[connection.desk_index]->desk_index = connection.desk_index;
  present_.pop_back();
}

void Desk::let_idle_leave(std::uint64_t seat, Clock::time_point now) {
  for (;;) {
    Connection* idle = nullptr;
    {
      const std::scoped_lock lock(mutex_);
      if (seat_.load(std::memory_order_relaxed) != seat) return;
      const auto found = std::ranges::find_if(
          present_, [&](const Connection* one) { return one->waits_since() + kIdle <= now; });
      if (found == present_.end()) return;
      idle = *found;
      forget(*idle);
    }
    settle_(*idle, Connection::Next::park);
  }
}

bool Desk::clear(std::uint64_t seat, Clock::duration closed) {
  std::vector<Connection*> leaving;
  {
    const std::scoped_lock lock(mutex_);
    if (seat_.load(std::memory_order_relaxed) != seat) return false;
    seat_.store(seat + 1, std::memory_order_relaxed);
    attended_ = false;
    if (closed > Clock::duration::zero()) {
      open_.store(false, std::memory_order_relaxed);
      closed_until_ = Clock::now() + closed;
    }
    leaving.swap(present_);
    for (const Connection* connection : leaving)
      ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, connection->wire().descriptor(), nullptr);
    if (served_ != nullptr) std::erase(leaving, served_);
    served_ = nullptr;
  }
  for (Connection* connection : leaving) settle_(*connection, Connection::Next::park);
  return true;
}

bool Desk::look_after(Clock::time_point now) {
  std::uint64_t seat = 0;
  {
    const std::scoped_lock lock(mutex_);
    if (!closed_for_good_ && now >= closed_until_) open_.store(true, std::memory_order_relaxed);
    const bool seen = std::exchange(turns_seen_, turns_) == turns_;
    if (!seen) return true;
    if (served_ == nullptr) return false;
    seat = seat_.load(std::memory_order_relaxed);
  }
  clear(seat, kClosed);
  return true;
}

void Desk::close_for_good() {
  const std::scoped_lock lock(mutex_);
  closed_for_good_ = true;
  open_.store(false, std::memory_order_relaxed);
}

}  // namespace holdfast::server
