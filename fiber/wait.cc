#include "fiber/wait.h"

namespace holdfast::fiber {

void Event::set() noexcept {
  Fiber* const fiber = fiber_;
  if (fiber != nullptr) {
    // Only a fiber that waits is sure to be there afterwards.
    if (state_.exchange(State::set) == State::waits) fiber->ready();
    return;
  }
  // The thread that waits returns only after the mutex is free.
  const std::scoped_lock lock(mutex_);
  state_ = State::set;
  changed_.notify_one();
}

void Event::expire() noexcept {
  for (State state : {State::waits, State::unset})
    if (State expected = state; state_.compare_exchange_strong(expected, State::expired)) {
      if (state == State::waits) fiber_->ready();
      return;
    }
  // The fiber may have begun to wait in between.
  if (State expected = State::waits; state_.compare_exchange_strong(expected, State::expired))
    fiber_->ready();
}

bool Event::park() noexcept {
  State expected = State::unset;
  return state_.compare_exchange_strong(expected, State::waits);
}

void Event::renew() noexcept {
  State expected = State::expired;
  state_.compare_exchange_strong(expected, State::unset);
}

void Event::wait() noexcept {
  if (fiber_ != nullptr) {
    renew();
    if (state_ == State::unset) fiber_->wait_for(*this);
    return;
  }
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return state_ == State::set; });
}

bool Event::wait_until(Clock::time_point deadline) noexcept {
  if (deadline == Clock::time_point::max()) {
    wait();
    return true;
  }
  if (fiber_ != nullptr) {
    renew();
    if (state_ == State::set) return true;
    fiber_->add_deadline(*this, deadline);
    if (state_ == State::unset) fiber_->wait_for(*this);
    fiber_->remove_deadline(*this);
    return state_ == State::set;
  }
  std::unique_lock lock(mutex_);
  return changed_.wait_until(lock, deadline, [this] { return state_ == State::set; });
}

bool Condition::wait_once(std::unique_lock<std::mutex>& lock, Clock::time_point deadline) noexcept {
  Waiter own;
  *end_ = &own;
  end_ = &own.next;
  lock.unlock();
  const bool is_set = own.event.wait_until(deadline);
  lock.lock();
  for (Waiter** each = &first_; *each != nullptr; each = &(*each)->next)
    if (*each == &own) {
      *each = own.next;
      if (end_ == &own.next) end_ = each;
      break;
    }
  return is_set;
}

void Condition::notify_one() noexcept {
  if (first_ == nullptr) return;
  Waiter& waiter = *first_;
  first_ = waiter.next;
  if (first_ == nullptr) end_ = &first_;
  waiter.event.set();
}

void Condition::notify_all() noexcept {
  while (first_ != nullptr) notify_one();
}

void Deadlines::add(Event& event, Clock::time_point deadline) noexcept {
  const std::scoped_lock lock(mutex_);
  event.deadline_ = deadline;
  event.next_ = first_;
  event.link_ = &first_;
  if (first_ != nullptr) first_->link_ = &event.next_;
  first_ = &event;
}

void Deadlines::remove(Event& event) noexcept {
  const std::scoped_lock lock(mutex_);
  *event.link_ = event.next_;
  if (event.next_ != nullptr) event.next_->link_ = event.link_;
}

void Deadlines::expire(Clock::time_point now) noexcept {
  const std::scoped_lock lock(mutex_);
  for (Event* each = first_; each != nullptr; each = each->next_)
    if (each->deadline_ <= now) each->expire();
}

}  // namespace holdfast::fiber
