#include "dav/quota.h"

#include <algorithm>
#include <limits>

namespace holdfast::dav {

QuotaCheck::QuotaCheck(const Call& call, const storage::Snapshot& snapshot,
                       storage::AccountId account)
    : account_(account) {
  const Caller& caller = *call.caller;
  if (account == storage::kNobody) return;
  if (account == caller.account) {
    bytes_ = caller.quota_bytes;
    resources_ = caller.quota_resources;
  } else if (const auto accounts = call.names.accounts();
             const storage::Account* owner = accounts->find(account)) {
    bytes_ = owner->quota_bytes;
    resources_ = owner->quota_resources;
  }
  if (bytes_ || resources_) before_ = snapshot.usage_of(account);
}

std::uint64_t QuotaCheck::room_bytes(std::uint64_t replaced) const {
  if (!bytes_) return std::numeric_limits<std::uint64_t>::max();
  return std::max(*bytes_, before_.bytes) - before_.bytes + replaced;
}

void QuotaCheck::require_resource() const {
  if (resources_ && before_.resources >= *resources_) throw quota_exceeded();
}

void QuotaCheck::require_within(const storage::Transaction& tx) const {
  if (!bytes_ && !resources_) return;
  const storage::Usage after = tx.usage_of(account_);
  if ((bytes_ && after.bytes > std::max(*bytes_, before_.bytes)) ||
      (resources_ && after.resources > std::max(*resources_, before_.resources)))
    throw quota_exceeded();
}

void require_space(const Call& call, std::uint64_t bytes) {
  const std::uint64_t floor = call.options.free_space_floor_bytes;
  if (floor == 0) return;
  const std::uint64_t available = call.contents.space().available;
  if (available < floor || bytes > available - floor)
    throw Error(Precondition::sufficient_disk_space, "the free-space floor would be crossed");
}

Error quota_exceeded() {
  return {Precondition::quota_not_exceeded, "an account's quota would be exceeded"};
}

}  // namespace holdfast::dav
