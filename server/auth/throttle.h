// Slows down guessing. After some failures, attempts from an address, and attempts on an account
// from one network, must wait, twice as long after each further failure. An account alone is never
// delayed, so that nobody can lock its owner out (docs/robustness.md S3). Attempts in progress
// count as failures, so that many simultaneous guesses do not pass. Memory is bounded: the entry
// that was used longest ago is removed first. Any thread.
//
//   const auto attempt = throttle.begin("203.0.113.7", "alice");
//   if (attempt.wait_s > 0) ... 429, Retry-After: wait_s
//   ... attempt.end(Throttle::Outcome::failed)
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <list>
#include <mutex>
#include <optional>
#include <string_view>
#include <unordered_map>

#include "server/auth/secrets.h"
#include "storage/clock.h"

namespace holdfast::server::auth {

class Throttle {
 public:
  struct Rule {
    std::int64_t free = 0;            // failures before the first delay
    storage::Millis longest = 0;      // longest delay; the first is a second
    storage::Millis forgiveness = 0;  // time after which one failure is forgotten
  };
  // Many people may share an address.
  static constexpr Rule kAddress{.free = 20, .longest = 60'000, .forgiveness = 60'000};
  static constexpr Rule kAccount{.free = 5, .longest = 300'000, .forgiveness = 300'000};

  // Remembers at most `capacity` addresses and accounts in total.
  Throttle(const storage::Clock& clock, std::size_t capacity);

  enum class Outcome {
    failed,
    succeeded,  // forgets the account's failures from this network
    undecided,
  };
  class Attempt {
   public:
    ~Attempt();
    Attempt(Attempt&& other) noexcept;
    Attempt(const Attempt&) = delete;
    Attempt& operator=(const Attempt&) = delete;
    Attempt& operator=(Attempt&&) = delete;
    void end(Outcome outcome);

    std::int64_t wait_s = 0;  // more than 0: the attempt is refused for this many seconds

   private:
    friend class Throttle;
    Attempt() = default;
    Throttle* throttle_ = nullptr;  // null when it has ended or not begun
    std::uint64_t address_ = 0;
    std::optional<std::uint64_t> account_;
  };
  // Begins an attempt. `address` is numeric; an IPv6 address counts as its /64. `account` is the
  // name that the client sent, whether the account exists or not; nullopt when it sent none. The
  // account's network is a /24 or a /56.
  [[nodiscard]] Attempt begin(std::string_view address, std::optional<std::string_view> account);

  [[nodiscard]] std::size_t size() const;

 private:
  struct Entry {
    std::uint64_t key = 0;
    std::int64_t failures = 0;
    std::int64_t in_progress = 0;
    storage::Millis counted = 0;     // when `failures` was last updated
    storage::Millis not_before = 0;  // lease time
  };
  using Entries = std::list<Entry>;

  [[nodiscard]] std::uint64_t key_of(std::string_view kind, std::string_view network,
                                     std::string_view account) const;
  // Call with `mutex_` held.
  Entry& touch(std::uint64_t key, const Rule& rule, storage::Millis now);
  [[nodiscard]] static std::int64_t wait_s(const Entry& entry, const Rule& rule,
                                           storage::Millis now);
  void record(std::uint64_t key, const Rule& rule, Outcome outcome, storage::Millis now);

  const storage::Clock& clock_;
  const std::size_t capacity_;
  const Key key_;
  mutable std::mutex mutex_;  // guards what follows
  Entries entries_;           // the last touched entry is first
  std::unordered_map<std::uint64_t, Entries::iterator> index_;
};

}  // namespace holdfast::server::auth
