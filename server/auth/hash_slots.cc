#include "server/auth/hash_slots.h"

#include <iterator>
#include <new>
#include <tuple>

namespace holdfast::server::auth {
namespace {

// How many last turns are remembered. Without them the order is that of failures and arrival.
constexpr std::size_t kTurns = 65'536;

}  // namespace

HashSlots::Place HashSlots::enter(const Claim& claim) {
  std::unique_lock lock(mutex_);
  if (inside_ < bounds_.at_once) {
    begin(claim);
    return Place(this);
  }
  if (stopped_) return Place(nullptr);
  Waiter own{.claim = claim, .decided = {}};
  const auto waiter = waiting_.insert(waiting_.end(), &own);
  if (waiting_.size() > bounds_.waiting) decide(last(), State::turned_away);
  if (!own.decided.wait_until(lock, fiber::Clock::now() + bounds_.patience,
                              [&] { return own.state != State::waiting; }))
    waiting_.erase(waiter);
  return Place(own.state == State::given ? this : nullptr);
}

void HashSlots::stop() {
  const std::scoped_lock lock(mutex_);
  stopped_ = true;
  while (!waiting_.empty()) decide(waiting_.begin(), State::turned_away);
}

std::size_t HashSlots::waiting() const {
  const std::scoped_lock lock(mutex_);
  return waiting_.size();
}

std::uint64_t HashSlots::turn_of(std::uint64_t key) const {
  const auto turn = last_turns_.find(key);
  return turn == last_turns_.end() ? 0 : turn->second;
}

HashSlots::Rank HashSlots::rank_of(const Claim& claim) const {
  return {.stranger = !claim.known,
          .network_failures = claim.failures.network,
          .network_turn = turn_of(claim.source.network),
          .address_failures = claim.failures.address,
          .address_turn = turn_of(claim.source.address)};
}

// The first waiter of the lowest rank, and the last one of the highest: among equals, who came
// first comes first.
HashSlots::Waiters::iterator HashSlots::first() {
  auto best = waiting_.begin();
  Rank lowest = rank_of((*best)->claim);
  for (auto each = std::next(best); each != waiting_.end(); ++each)
    if (const Rank rank = rank_of((*each)->claim); rank < lowest) {
      lowest = rank;
      best = each;
    }
  return best;
}

// Among networks that failed as often, one of those with the most waiters: at the beginning of a
// flood none of its networks has failed yet.
HashSlots::Waiters::iterator HashSlots::last() {
  std::unordered_map<std::uint64_t, std::size_t> crowds;
  for (const Waiter* each : waiting_) ++crowds[each->claim.source.network];
  const auto order_of = [&](const Waiter& waiter) {
    const Rank rank = rank_of(waiter.claim);
    return std::tuple(rank.stranger, rank.network_failures, crowds[waiter.claim.source.network],
                      rank);
  };
  auto worst = waiting_.begin();
  auto highest = order_of(**worst);
  for (auto each = std::next(worst); each != waiting_.end(); ++each)
    if (const auto order = order_of(**each); order >= highest) {
      highest = order;
      worst = each;
    }
  return worst;
}

void HashSlots::begin(const Claim& claim) noexcept {
  ++inside_;
  ++turns_;
  try {
    if (last_turns_.size() >= kTurns) last_turns_.clear();
    last_turns_[claim.source.network] = turns_;
    last_turns_[claim.source.address] = turns_;
  } catch (const std::bad_alloc&) {
    // Without memory for the turns the order is that of failures and arrival.
  }
}

void HashSlots::decide(Waiters::iterator waiter, State state) {
  Waiter& decided = **waiter;
  waiting_.erase(waiter);
  decided.state = state;
  if (state == State::given) begin(decided.claim);
  decided.decided.notify_one();
}

void HashSlots::leave() {
  const std::scoped_lock lock(mutex_);
  --inside_;
  if (waiting_.empty())
    last_turns_.clear();
  else
    decide(first(), State::given);
}

HashSlots::Place::~Place() {
  if (owner_ != nullptr) owner_->leave();
}

}  // namespace holdfast::server::auth
