// Quotas (RFC 4331): how much an account may own, in bytes and in resources, over the whole store.
// What it owns is counted by the store in the same transaction, so two writes that fit alone and
// not together cannot both get through. One thread at a time.
#pragma once

#include <cstdint>
#include <optional>

#include "dav/call.h"
#include "storage/namespace.h"

namespace holdfast::dav {

// One account's quota before something is stored that it will own. A quota that was set below what
// is owned already forbids only what adds to it.
class Charge {
 public:
  // What `account` owns in `snapshot`; nobody has no quota.
  Charge(const Call& call, const storage::Snapshot& snapshot, storage::AccountId account);

  // The most bytes that a file may have which takes the place of `replaced` ones.
  [[nodiscard]] std::uint64_t room_bytes(std::uint64_t replaced) const;
  // Refuses one resource too many. Throws Error 507 quota-not-exceeded.
  void require_resource() const;
  // Refuses what has been done since in this transaction. Throws Error 507 quota-not-exceeded.
  void settle(const storage::Transaction& tx) const;

 private:
  storage::AccountId account_;
  storage::Usage before_;
  std::optional<std::uint64_t> bytes_;
  std::optional<std::uint64_t> resources_;
};

[[nodiscard]] Error quota_exceeded();

}  // namespace holdfast::dav
