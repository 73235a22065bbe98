#include "server/auth/throttle.h"

#include <algorithm>
#include <cstring>
#include <string>
#include <utility>

#include "server/net/address.h"

namespace holdfast::server::auth {
namespace {

constexpr storage::Millis kFirstDelay = 1000;

// Returns the first bytes of an address, which identify one client or its network.
std::string network_of(std::string_view address, std::size_t v4_bytes, std::size_t v6_bytes) {
  const auto ip = net::IpAddress::parse(address);
  if (!ip) return std::string(address);
  const auto* bytes = reinterpret_cast<const char*>(ip->bytes().data());
  if (ip->is_v4()) return {bytes + net::kV4Offset, v4_bytes};
  return {bytes, v6_bytes};
}

storage::Millis delay(std::int64_t failures, const Throttle::Rule& rule) {
  if (failures < rule.free) return 0;
  const std::int64_t doublings = std::min<std::int64_t>(failures - rule.free, 30);
  return std::min(kFirstDelay << doublings, rule.longest);
}

}  // namespace

Throttle::Throttle(const storage::Clock& clock, std::size_t capacity)
    : clock_(clock), capacity_(capacity), key_(random_key()) {}

std::uint64_t Throttle::key_of(std::string_view kind, std::string_view network,
                               std::string_view account) const {
  // The hash is keyed, so that a client cannot construct a collision with another's key.
  const Mac hash = mac(key_, std::array{kind, network, account});
  std::uint64_t out = 0;
  std::memcpy(&out, hash.data(), sizeof out);
  return out;
}

Throttle::Entry& Throttle::touch(std::uint64_t key, const Rule& rule, storage::Millis now) {
  const auto known = index_.find(key);
  if (known != index_.end()) {
    entries_.splice(entries_.begin(), entries_, known->second);
  } else {
    entries_.push_front({.key = key, .counted = now});
    index_.emplace(key, entries_.begin());
    // Entries with attempts in progress are kept: the number of workers bounds them.
    for (auto last = std::prev(entries_.end());
         entries_.size() > capacity_ && last != entries_.begin();) {
      const auto oldest = last--;
      if (oldest->in_progress > 0) continue;
      index_.erase(oldest->key);
      entries_.erase(oldest);
    }
  }
  Entry& entry = entries_.front();
  const std::int64_t forgiven = std::max<std::int64_t>((now - entry.counted) / rule.forgiveness, 0);
  entry.failures = std::max<std::int64_t>(entry.failures - forgiven, 0);
  entry.counted = entry.failures == 0 ? now : entry.counted + forgiven * rule.forgiveness;
  return entry;
}

std::int64_t Throttle::wait_s(const Entry& entry, const Rule& rule, storage::Millis now) {
  if (now < entry.not_before) return (entry.not_before - now + 999) / 1000;
  const bool another_is_judged = entry.in_progress > 0;
  return another_is_judged && entry.failures + entry.in_progress >= rule.free ? 1 : 0;
}

Throttle::Attempt Throttle::begin(std::string_view address,
                                  std::optional<std::string_view> account) {
  Attempt attempt;
  attempt.address_ = key_of("address", network_of(address, 4, 8), "");
  if (account) attempt.account_ = key_of("account", network_of(address, 3, 7), *account);

  const std::scoped_lock lock(mutex_);
  const storage::Millis now = clock_.lease();
  // The account is touched last, so that adding the address's entry cannot remove the account's.
  Entry& from_address = touch(attempt.address_, kAddress, now);
  attempt.wait_s = wait_s(from_address, kAddress, now);
  ++from_address.in_progress;
  if (attempt.account_) {
    Entry& to_account = touch(*attempt.account_, kAccount, now);
    attempt.wait_s = std::max(attempt.wait_s, wait_s(to_account, kAccount, now));
    ++to_account.in_progress;
  }
  if (attempt.wait_s > 0) {
    record(attempt.address_, kAddress, Outcome::undecided, now);
    if (attempt.account_) record(*attempt.account_, kAccount, Outcome::undecided, now);
  } else {
    attempt.throttle_ = this;
  }
  return attempt;
}

void Throttle::record(std::uint64_t key, const Rule& rule, Outcome outcome, storage::Millis now) {
  Entry& entry = touch(key, rule, now);
  --entry.in_progress;
  if (outcome == Outcome::failed) {
    ++entry.failures;
    entry.not_before = std::max(entry.not_before, now + delay(entry.failures, rule));
  }
  if (entry.failures > 0 || entry.in_progress > 0 || now < entry.not_before) return;
  index_.erase(key);
  entries_.pop_front();
}

Throttle::Attempt::Attempt(Attempt&& other) noexcept
    : wait_s(other.wait_s),
      throttle_(std::exchange(other.throttle_, nullptr)),
      address_(other.address_),
      account_(other.account_) {}

Throttle::Attempt::~Attempt() { end(Outcome::undecided); }

void Throttle::Attempt::end(Outcome outcome) {
  if (throttle_ == nullptr) return;
  Throttle& throttle = *std::exchange(throttle_, nullptr);
  const std::scoped_lock lock(throttle.mutex_);
  const storage::Millis now = throttle.clock_.lease();
  throttle.record(address_, kAddress, outcome, now);
  if (!account_) return;
  if (outcome == Outcome::succeeded) {
    Entry& entry = throttle.touch(*account_, kAccount, now);
    entry.failures = 0;
    entry.not_before = 0;
  }
  throttle.record(*account_, kAccount, outcome, now);
}

std::size_t Throttle::size() const {
  const std::scoped_lock lock(mutex_);
  return entries_.size();
}

}  // namespace holdfast::server::auth
