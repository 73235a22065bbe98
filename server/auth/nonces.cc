#include "server/auth/nonces.h"

#include <algorithm>
#include <array>

#include "text/ascii.h"
#include "text/hex.h"

namespace holdfast::server::auth {
namespace {

// A nonce is the time when it was made and a serial number, 16 hex digits each, and a MAC of both.
constexpr std::size_t kMade = 16;
constexpr std::size_t kUnique = 32;
constexpr std::size_t kNonce = kUnique + 64;

std::string hex_of(std::uint64_t number) {
  std::array<std::uint8_t, sizeof number> bytes{};
  for (std::size_t i = bytes.size(); i-- > 0; number >>= 8)
    bytes[i] = static_cast<std::uint8_t>(number & 0xFF);
  return text::hex(bytes);
}

}  // namespace

Nonces::Nonces(const storage::Clock& clock, std::size_t capacity)
    : clock_(clock), capacity_(capacity), key_(random_key()) {}

std::string Nonces::tag(std::string_view made, std::string_view address) const {
  return text::hex(mac(key_, std::array{made, address}));
}

std::string Nonces::make(std::string_view address) {
  std::uint64_t serial = 0;
  {
    const std::scoped_lock lock(mutex_);
    serial = ++serial_;
  }
  const std::string made = hex_of(static_cast<std::uint64_t>(clock_.lease())) + hex_of(serial);
  return made + tag(made, address);
}

storage::Millis Nonces::made_at(std::string_view nonce) {
  return static_cast<storage::Millis>(text::parse_number(nonce.substr(0, kMade), 16).value_or(0));
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

}  // namespace holdfast::server::auth
