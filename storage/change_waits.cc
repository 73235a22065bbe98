#include "storage/change_waits.h"

#include <utility>

namespace holdfast::storage {
namespace {

// How many a commit wakes itself, and how many each of those that wake up.
constexpr std::size_t kWokenFirst = 8;
constexpr std::size_t kWokenEach = 2;

}  // namespace

ChangeWaits::Wait::Wait(ChangeWaits& waits, AccountId account)
    : waits_(waits), account_(account), own_{this}, self_(own_.begin()) {
  const std::lock_guard lock(waits_.mutex_);
  if (waits_.ended_ || waits_.count() >= waits_.limits_.all) return;
  std::size_t& of_account = waits_.by_account_[account];
  const Limits& limits = waits_.limits_;
  if (of_account < (account == kNobody ? limits.of_anonymous : limits.of_one)) {
    ++of_account;
    waits_.count_.fetch_add(1);
    admitted_ = true;
  } else if (of_account == 0) {
    waits_.by_account_.erase(account);
  }
}

ChangeWaits::Wait::~Wait() {
  if (!admitted_) return;
  const std::lock_guard lock(waits_.mutex_);
  forget();
  if (own_.empty()) waits_.to_wake_.erase(self_);
  const auto of_account = waits_.by_account_.find(account_);
  if (--of_account->second == 0) waits_.by_account_.erase(of_account);
  waits_.count_.fetch_sub(1);
  waits_.wake(kWokenEach);
}

void ChangeWaits::Wait::forget() {
  bool first = true;
  for (const Waits::iterator place : places_)
    (std::exchange(first, false) ? waits_.at_ : waits_.on_the_way_).erase(place);
  places_.clear();
  collections_.clear();
}

bool ChangeWaits::Wait::watch(std::vector<NodeId> collections) {
  const std::lock_guard lock(waits_.mutex_);
  if (collections == collections_) return false;
  forget();
  places_.reserve(collections.size());
  places_.push_back(waits_.at_.emplace(collections.back(), this));
  for (std::size_t i = 1; i < collections.size(); ++i)
    places_.push_back(waits_.on_the_way_.emplace(collections[i], this));
  collections_ = std::move(collections);
  return true;
}

void ChangeWaits::Wait::rearm() {
  const std::lock_guard lock(waits_.mutex_);
  signalled_ = false;
}

bool ChangeWaits::Wait::until(fiber::Clock::time_point deadline) {
  std::unique_lock lock(waits_.mutex_);
  // Whoever was woken wakes others, also one that did not wait at that moment.
  waits_.wake(kWokenEach);
  static_cast<void>(
      awaited_.wait_until(lock, deadline, [this] { return signalled_ || waits_.ended_; }));
  waits_.wake(kWokenEach);
  return signalled_ && !waits_.ended_;
}

void ChangeWaits::limit(Limits limits) {
  const std::lock_guard lock(mutex_);
  limits_ = limits;
}

void ChangeWaits::signal(Wait& wait) noexcept {
  wait.signalled_ = true;
  if (!wait.own_.empty()) to_wake_.splice(to_wake_.end(), wait.own_);
}

void ChangeWaits::signal_all() noexcept {
  for (const auto& [id, wait] : at_) signal(*wait);
  wake(kWokenFirst);
}

void ChangeWaits::wake(std::size_t most) noexcept {
  for (; most > 0 && !to_wake_.empty(); --most) {
    Wait& wait = *to_wake_.front();
    wait.own_.splice(wait.own_.begin(), to_wake_, to_wake_.begin());
    wait.awaited_.notify_all();
  }
}

void ChangeWaits::changed(const std::unordered_set<NodeId>& collections,
                          const std::vector<NodeId>& left) noexcept {
  if (count() == 0) return;
  const std::lock_guard lock(mutex_);
  const auto signal_in = [this](const Waits& waits, NodeId id) {
    const auto [first, end] = waits.equal_range(id);
    for (auto each = first; each != end; ++each) signal(*each->second);
  };
  for (const NodeId id : collections) signal_in(at_, id);
  for (const NodeId id : left) signal_in(on_the_way_, id);
  wake(kWokenFirst);
}

void ChangeWaits::all_changed() noexcept {
  const std::lock_guard lock(mutex_);
  signal_all();
}

void ChangeWaits::end() noexcept {
  const std::lock_guard lock(mutex_);
  ended_ = true;
  signal_all();
}

}  // namespace holdfast::storage
