#include "server/auth/nonces.h"

#include <algorithm>
#include <array>
#include <charconv>

namespace holdfast::server {
namespace {

// A nonce: when it was made and a serial number, 16 hex digits each, and a MAC of them.
constexpr std::size_t kMade = 16;
constexpr std::size_t kUnique = 32;
constexpr std::size_t kNonce = kUnique + 64;

std::string hex16(std::uint64_t number) {
  std::string out(16, '0');
  for (std::size_t i = out.size(); number != 0; number >>= 4)
    out[--i] = "0123456789abcdef"[number & 15];
  return out;
}

std::string hex_of(const Mac& bytes) {
  std::string out;
  for (const std::uint8_t byte : bytes) {
    out += "0123456789abcdef"[byte >> 4];
    out += "0123456789abcdef"[byte & 15];
  }
  return out;
}

}  // namespace

Nonces::Nonces(const storage::Clock& clock, std::size_t capacity)
    : clock_(clock), capacity_(capacity), key_(random_key()) {}

std::string Nonces::tag(std::string_view made, std::string_view address) const {
  return hex_of(mac(key_, std::array{made, address}));
}

std::string Nonces::make(std::string_view address) {
  std::uint64_t serial = 0;
  {
    const std::scoped_lock lock(mutex_);
    serial = ++serial_;
  }
  const std::string made = hex16(static_cast<std::uint64_t>(clock_.lease())) + hex16(serial);
  return made + tag(made, address);
}

storage::Millis Nonces::made_at(std::string_view nonce) {
  std::uint64_t made = 0;
  std::from_chars(nonce.data(), nonce.data() + kMade, made, 16);
  return static_cast<storage::Millis>(made);
}

Nonces::State Nonces::look(std::string_view nonce, std::string_view address,
                           std::string_view name) const {
  if (nonce.size() != kNonce ||
      !equal_in_constant_time(tag(nonce.substr(0, kUnique), address), nonce.substr(kUnique)))
    return State::stale;
  const storage::Millis made = made_at(nonce);
  if (clock_.lease() - made >= kLifetime) return State::stale;
  const std::scoped_lock lock(mutex_);
  const auto known = index_.find(nonce);
  if (known != index_.end()) return known->second->name == name ? State::used : State::fresh;
  return made <= forgotten_ ? State::stale : State::fresh;
}

bool Nonces::use(std::string_view nonce, std::string_view name, std::uint32_t count) {
  if (nonce.size() != kNonce) return false;
  const std::scoped_lock lock(mutex_);
  const auto known = index_.find(nonce);
  if (known == index_.end()) {
    const storage::Millis made = made_at(nonce);
    if (made <= forgotten_) return false;
    if (entries_.size() >= capacity_) {
      forgotten_ = std::max(forgotten_, entries_.front().made);
      index_.erase(entries_.front().nonce);
      entries_.pop_front();
      if (made <= forgotten_) return false;
    }
    entries_.push_back({std::string(nonce), std::string(name), made, count, 1});
    index_.emplace(entries_.back().nonce, std::prev(entries_.end()));
    return true;
  }
  Entry& entry = *known->second;
  if (count > entry.highest) {
    const std::uint32_t ahead = count - entry.highest;
    entry.seen = ahead < 64 ? entry.seen << ahead | 1 : 1;
    entry.highest = count;
    return true;
  }
  const std::uint32_t behind = entry.highest - count;
  if (behind >= 64 || (entry.seen >> behind & 1) != 0) return false;
  entry.seen |= std::uint64_t{1} << behind;
  return true;
}

}  // namespace holdfast::server
