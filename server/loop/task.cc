#include "server/loop/task.h"

#include <algorithm>
#include <chrono>

#include "server/loop/poller.h"
#include "server/loop/quick_loop.h"
#include "server/loop/workers.h"

namespace holdfast::server::loop {
namespace {

constexpr std::chrono::milliseconds kMoment{1};
// A task that has waited this long for its client gives memory back.
constexpr std::chrono::seconds kLong{1};
// One that may wait as long for something else does so at once.
constexpr std::chrono::seconds kVeryLong{10};

}  // namespace

void Task::serve(http1::Connection& connection, const QuickLoop& quick_loop) noexcept {
  connection_ = &connection;
  quick_loop_ = &quick_loop;
  leading_ = nullptr;
  client_is_quick_ = true;
}

void Task::serve_in(QuickLoop& quick_loop, std::uint64_t term,
                    http1::Connection& connection) noexcept {
  connection_ = &connection;
  quick_loop_ = leading_ = &quick_loop;
  term_ = term;
  client_is_quick_ = true;
}

void Task::work() noexcept { next_ = connection_->serve(buffers, *this); }

void Task::ready() noexcept { workers_.go_on(*this); }

bool Task::hold_thread() noexcept { return leading_ == nullptr && workers_.hold_thread(); }

void Task::release_thread() noexcept { workers_.release_thread(); }

// Whoever waits leaves the quick loop, whose thread goes on with the others.
void Task::will_wait() noexcept {
  if (leading_ != nullptr) leading_->leave(term_, *connection_);
  leading_ = nullptr;
}

void Task::add_deadline(fiber::Event& event, net::Clock::time_point deadline) noexcept {
  if (deadline > net::Clock::now() + kVeryLong) {
    buffers.trim();
    trim_stack();
  }
  poller_.deadlines().add(event, deadline);
}

void Task::remove_deadline(fiber::Event& event) noexcept { poller_.deadlines().remove(event); }

bool Task::wait(bool for_room, net::Clock::time_point deadline, std::span<char> unused) noexcept {
  // A client on this machine or in its network goes on within a moment. Then the thread waits,
  // which costs less than to leave it.
  net::Clock::time_point now = net::Clock::now();
  if (client_is_quick_ && leading_ == nullptr && workers_.plentiful()) {
    if (connection_->wire().block(for_room, std::min(deadline, now + kMoment))) return true;
    now = net::Clock::now();
  }
  will_wait();
  if (deadline <= now) return false;
  const bool is_ready = park(for_room, now, deadline, unused);
  client_is_quick_ = is_ready && net::Clock::now() < now + kMoment;
  return is_ready;
}

bool Task::park(bool for_room, net::Clock::time_point now, net::Clock::time_point deadline,
                std::span<char> unused) noexcept {
  if (deadline <= now + kLong) return poller_.wait(*connection_, for_room, deadline);
  if (poller_.wait(*connection_, for_room, now + kLong)) return true;
  fiber::give_back_pages(unused.data(), unused.size());
  buffers.trim();
  trim_stack();
  return poller_.wait(*connection_, for_room, deadline);
}

void Task::dedicate() noexcept {
  if (is_dedicated()) return;
  // Nobody else is in the loop: its thread becomes a worker's, which is quicker than to find one.
  if (leading_->has_one_connection()) return leading_->end_term(term_);
  will_wait();
  yield();
}

bool Task::is_dedicated() const { return leading_ == nullptr || !leading_->is_term(term_); }

bool Task::is_alone() const { return leading_ == nullptr || leading_->has_one_connection(); }

bool Task::threads_are_wanted() const { return workers_.contended(); }

bool Task::threads_are_plentiful() const { return workers_.plentiful(); }

bool Task::is_only_thread() const { return workers_.alone(); }

bool Task::takes_quick_connections() const { return quick_loop_->is_open(); }

}  // namespace holdfast::server::loop
