// Whether there is room: on the disk, and in the quota of an account (RFC 4331), which says how
// much the account may own in the whole store, in bytes and in resources. The store counts in the
// same transaction what an account owns, so of two writes that fit alone and not together only one
// gets through. One thread at a time.
#pragma once

#include <cstdint>
#include <optional>

#include "dav/call.h"
#include "storage/namespace.h"

namespace holdfast::dav {

// One account's quota before something is stored that it will own. A quota that was set below what
// is owned already forbids only what adds to it.
class QuotaCheck {
 public:
  // What `account` owns in `snapshot`; nobody has no quota.
  QuotaCheck(const Call& call, const storage::Snapshot& snapshot, storage::AccountId account);

  // The most bytes that a file may have which replaces one of `replaced` bytes.
  [[nodiscard]] std::uint64_t room_bytes(std::uint64_t replaced) const;
  // Refuses when the account may own no further resource. Throws Error 507 quota-not-exceeded.
  void require_resource() const;
  // Refuses when the account owns more than its quota after what `tx` has done since. Throws Error
  // 507 quota-not-exceeded.
  void require_within(const storage::Transaction& tx) const;

 private:
  storage::AccountId account_;
  storage::Usage before_;
  std::optional<std::uint64_t> bytes_;
  std::optional<std::uint64_t> resources_;
};

// Refuses when less free space than Options::free_space_floor_bytes would be left after storing
// `bytes` more. For everything that adds to the store; what removes, moves or unlocks needs none.
// Throws Error 507 sufficient-disk-space.
void require_space(const Call& call, std::uint64_t bytes = 0);

// 507 quota-not-exceeded.
[[nodiscard]] Error quota_exceeded();

}  // namespace holdfast::dav
