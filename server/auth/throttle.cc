#include "server/auth/throttle.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <string>

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
  if (rule.longest == 0 || failures < rule.free) return 0;
  const std::int64_t doublings = std::min<std::int64_t>(failures - rule.free, 30);
  return std::min(kFirstDelay << doublings, rule.longest);
}

// Returns how many failures are forgiven between two times.
std::int64_t forgiven(storage::Millis from, storage::Millis now, const Throttle::Rule& rule) {
  return std::max<std::int64_t>((now - from) / rule.forgiveness, 0);
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

Throttle::Source Throttle::source(std::string_view address,
                                  std::optional<std::string_view> account) const {
  Source source{.network = key_of("network", network_of(address, 3, 6), ""),
                .address = key_of("address", network_of(address, 4, 8), ""),
                .account = {}};
  if (account) source.account = key_of("account", network_of(address, 3, 7), *account);
  return source;
}

const Throttle::Entry* Throttle::Table::find(std::uint64_t key) const {
  const auto known = index.find(key);
  return known == index.end() ? nullptr : &*known->second;
}

Throttle::Entry& Throttle::Table::touch(std::uint64_t key, storage::Millis now,
                                        std::size_t capacity) {
  if (const auto known = index.find(key); known != index.end()) {
    entries.splice(entries.begin(), entries, known->second);
    return entries.front();
  }
  entries.push_front({.key = key, .counted = now});
  index.emplace(key, entries.begin());
  if (entries.size() > capacity) {
    index.erase(entries.back().key);
    entries.pop_back();
  }
  return entries.front();
}

void Throttle::Table::remove(std::uint64_t key) {
  const auto known = index.find(key);
  if (known == index.end()) return;
  entries.erase(known->second);
  index.erase(known);
}

std::int64_t Throttle::wait_s(const Source& source) const {
  const std::scoped_lock lock(mutex_);
  return wait_s(source, clock_.lease());
}

std::int64_t Throttle::wait_s(const Source& source, storage::Millis now) const {
  storage::Millis wait = 0;
  const auto look = [&](std::uint64_t key) {
    if (const Entry* entry = tried_.find(key)) wait = std::max(wait, entry->not_before - now);
  };
  look(source.address);
  if (source.account) look(*source.account);
  return (wait + 999) / 1000;
}

void Throttle::record(const Source& source, Outcome outcome) {
  const std::scoped_lock lock(mutex_);
  record(source, outcome, clock_.lease());
}

std::int64_t Throttle::judge(const Source& source, Outcome outcome) {
  const std::scoped_lock lock(mutex_);
  const storage::Millis now = clock_.lease();
  const std::int64_t wait = wait_s(source, now);
  if (wait == 0) record(source, outcome, now);
  return wait;
}

void Throttle::record(const Source& source, Outcome outcome, storage::Millis now) {
  if (outcome == Outcome::succeeded) {
    if (source.account) tried_.remove(*source.account);
    return;
  }
  record_failure(networks_, source.network, kNetwork, now);
  if (outcome == Outcome::turned_away) return;
  record_failure(tried_, source.address, kAddress, now);
  if (source.account) record_failure(tried_, *source.account, kAccount, now);
}

void Throttle::record_failure(Table& table, std::uint64_t key, const Rule& rule,
                              storage::Millis now) {
  Entry& entry = table.touch(key, now, capacity_);
  const std::int64_t forgotten = forgiven(entry.counted, now, rule);
  entry.failures = std::max<std::int64_t>(entry.failures - forgotten, 0);
  entry.counted = entry.failures == 0 ? now : entry.counted + forgotten * rule.forgiveness;
  entry.failures = std::min(entry.failures + 1, rule.most);
  entry.not_before = std::max(entry.not_before, now + delay(entry.failures, rule));
}

Throttle::Failures Throttle::failures(const Source& source) const {
  const std::scoped_lock lock(mutex_);
  const storage::Millis now = clock_.lease();
  const auto count = [&](const Table& table, std::uint64_t key, const Rule& rule) {
    const Entry* entry = table.find(key);
    if (entry == nullptr) return std::int64_t{0};
    return std::max<std::int64_t>(entry->failures - forgiven(entry->counted, now, rule), 0);
  };
  return {.network = count(networks_, source.network, kNetwork),
          .address = count(tried_, source.address, kAddress)};
}

std::size_t Throttle::size() const {
  const std::scoped_lock lock(mutex_);
  return tried_.entries.size() + networks_.entries.size();
}

}  // namespace holdfast::server::auth
