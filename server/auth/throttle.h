// Slows down guessing. After some failures, attempts from an address, and attempts on an account
// from one network, must wait, twice as long after each further failure. An account alone is never
// delayed, so that nobody can lock its owner out (docs/robustness.md S3). Only what was found wrong
// counts as a failure; how many passwords are being verified is for HashSlots to limit, and so many
// guesses more than are allowed may pass. Memory is bounded: the entry that was used longest ago is
// removed first. Any thread.
//
//   const Throttle::Source source = throttle.source("203.0.113.7", "alice");
//   if (const std::int64_t wait_s = throttle.wait_s(source)) ... 429, Retry-After: wait_s
//   ... throttle.record(source, Throttle::Outcome::failed);
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
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
    std::int64_t free;            // failures before the first delay
    storage::Millis longest;      // longest delay; the first is a second. 0: there are no delays
    storage::Millis forgiveness;  // time after which one failure is forgotten
    std::int64_t most;            // failures that are counted
  };
  static constexpr std::int64_t kAll = std::numeric_limits<std::int64_t>::max();
  // Many people may share an address.
  static constexpr Rule kAddress{20, 60'000, 60'000, kAll};
  static constexpr Rule kAccount{5, 300'000, 300'000, kAll};
  // A network is never delayed. Its failures decide whose password is verified first.
  static constexpr Rule kNetwork{0, 0, 60'000, 60};

  // Remembers at most `capacity` addresses and accounts in total, and as many networks.
  Throttle(const storage::Clock& clock, std::size_t capacity);

  // What an attempt counts for, as keys of this object.
  struct Source {
    std::uint64_t network = 0;
    std::uint64_t address = 0;
    std::optional<std::uint64_t> account;  // the account together with the network
  };
  // `address` is numeric; an IPv6 address counts as its /64. `account` is the name that is meant,
  // whether the account exists or not; nullopt when the client sent none. The account's network is
  // a /24 or a /56. Other networks are a /24 or a /48: whoever has one IPv6 network may have
  // 65,536 of /64.
  [[nodiscard]] Source source(std::string_view address,
                              std::optional<std::string_view> account) const;

  // Returns how many seconds an attempt must wait; 0 when it may be made now.
  [[nodiscard]] std::int64_t wait_s(const Source& source) const;

  enum class Outcome {
    failed,
    succeeded,    // forgets the account's failures from this network
    turned_away,  // was not verified for want of a place: counts as a failure of its network alone
  };
  void record(const Source& source, Outcome outcome);
  // Does what wait_s() does and, when the result is 0, what record() does, at one instant: for an
  // attempt whose outcome is known at once.
  [[nodiscard]] std::int64_t judge(const Source& source, Outcome outcome);

  // The failures of late.
  struct Failures {
    std::int64_t network = 0;
    std::int64_t address = 0;
  };
  [[nodiscard]] Failures failures(const Source& source) const;

  // Returns the number of entries.
  [[nodiscard]] std::size_t size() const;

 private:
  struct Entry {
    std::uint64_t key = 0;
    std::int64_t failures = 0;
    storage::Millis counted = 0;     // when `failures` was last updated
    storage::Millis not_before = 0;  // lease time
  };
  struct Table {
    std::list<Entry> entries;  // the last touched entry is first
    std::unordered_map<std::uint64_t, std::list<Entry>::iterator> index;

    // Returns null when there is no entry.
    [[nodiscard]] const Entry* find(std::uint64_t key) const;
    // Returns the entry, made when there is none.
    [[nodiscard]] Entry& touch(std::uint64_t key, storage::Millis now, std::size_t capacity);
    void remove(std::uint64_t key);
  };

  [[nodiscard]] std::uint64_t key_of(std::string_view kind, std::string_view network,
                                     std::string_view account) const;
  // Call these with `mutex_` held.
  [[nodiscard]] std::int64_t wait_s(const Source& source, storage::Millis now) const;
  void record(const Source& source, Outcome outcome, storage::Millis now);
  void record_failure(Table& table, std::uint64_t key, const Rule& rule, storage::Millis now);

  const storage::Clock& clock_;
  const std::size_t capacity_;
  const Key key_;
  mutable std::mutex mutex_;  // guards what follows
  Table tried_;               // addresses and accounts
  Table networks_;
};

}  // namespace holdfast::server::auth
