// Checks the free space on the disk and the quota of an account (RFC 4331), which limits what the
// account may own in the whole store, in bytes and in resources. The store counts in the same
// transaction what an account owns, so of two writes that fit only alone, one succeeds. One thread
// at a time.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "dav/call.h"
#include "dav/error.h"
#include "storage/namespace.h"

namespace holdfast::dav {

// Returns the account that counts `resource` once the caller has written to it: its owner, or the
// caller when nobody owns it (the owner may be gone) or when the caller makes it `grow`. Anonymous
// clients own nothing that an account owns already.
[[nodiscard]] storage::AccountId owner_after(const Call& call, const storage::Resource& resource,
                                             bool grows);

// The quotas of an account and its groups, before something is stored that the account will own. A
// quota below what is owned already forbids only writes that add to it. With a quota of bytes and
// none of resources, 10,000 resources may be owned and one more for each 4 KiB: names take space,
// too.
class QuotaCheck {
 public:
  // Reads what `account` and the members of its groups own in `snapshot`; kNobody has no quota.
  // Only accounts and groups with a quota are looked up.
  QuotaCheck(const Call& call, const storage::Snapshot& snapshot, storage::AccountId account);
  // Does the same for an account as `accounts` has it.
  QuotaCheck(const storage::Accounts& accounts, const storage::Snapshot& snapshot,
             storage::AccountId account);

  // Returns the most bytes that a file may have when it replaces one of `replaced` bytes. With the
  // snapshot of before, what is kept of the past counts as room, because it can be given up.
  [[nodiscard]] std::uint64_t room_bytes(std::uint64_t replaced,
                                         const storage::Snapshot* past = nullptr) const;
  // Returns a refusal of a file with this many bytes more than its room.
  [[nodiscard]] Error exceeded(std::uint64_t bytes) const;
  // Refuses when the account may own no further resource. Throws Error 507 quota-not-exceeded.
  void require_resource() const;
  // Refuses when the account owns more than its quota after what `tx` has done since. Throws Error
  // 507 quota-not-exceeded.
  void require_within(const storage::Transaction& tx) const;

 private:
  // The quota of an account or a group.
  struct Limit {
    storage::AccountId of = storage::kNobody;
    storage::Usage before{};
    std::optional<std::uint64_t> bytes{};
    std::optional<std::uint64_t> resources{};
  };
  template <class Quotas>
  void add(const storage::Snapshot& snapshot, storage::AccountId of, const Quotas& quotas);
  void add_groups(const storage::Accounts& accounts, const storage::Snapshot& snapshot,
                  const storage::Account& of);

  std::vector<Limit> limits_;
};

// Refuses when less free space than Options::free_space_floor_bytes would be left after storing
// `bytes` more and what uploads under way have yet to write. Call for every operation that adds to
// the store; those that remove, move or unlock need no space. Throws Error 507
// sufficient-disk-space.
void require_space(const Call& call, std::uint64_t bytes = 0);

// Returns a 507 sufficient-disk-space.
[[nodiscard]] Error disk_is_full();
// Returns a 507 quota-not-exceeded.
[[nodiscard]] Error quota_exceeded();

// Gives up what is kept of the past when the exception being handled is a want of room, where
// `attempt` counts from 0. Returns when the request can be judged again; otherwise rethrows.
void make_room(const Call& call, int attempt);

// Calls `act`, which has no snapshot or transaction around it, and returns its result. When it is
// refused for want of room, what is kept of the past gives way, and it is called again.
template <class Act>
auto with_room(const Call& call, Act act) {
  for (int attempt = 0;; ++attempt) try {
      return act();
    } catch (...) {
      make_room(call, attempt);
    }
}

}  // namespace holdfast::dav
