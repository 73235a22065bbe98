#include "dav/quota.h"

#include <algorithm>
#include <limits>

namespace holdfast::dav {

Charge::Charge(const Call& call, const storage::Snapshot& snapshot, storage::AccountId account)
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

std::uint64_t Charge::room_bytes(std::uint64_t replaced) const {
  if (!bytes_) return std::numeric_limits<std::uint64_t>::max();
  return std::max(*bytes_, before_.bytes) - before_.bytes + replaced;
}

void Charge::require_resource() const {
  if (resources_ && before_.resources >= *resources_) throw quota_exceeded();
}

void Charge::settle(const storage::Transaction& tx) const {
  if (!bytes_ && !resources_) return;
  const storage::Usage after = tx.usage_of(account_);
  if ((bytes_ && after.bytes > std::max(*bytes_, before_.bytes)) ||
      (resources_ && after.resources > std::max(*resources_, before_.resources)))
    throw quota_exceeded();
}

Error quota_exceeded() {
  return {507, Precondition::quota_not_exceeded, "an account's quota would be exceeded"};
}

}  // namespace holdfast::dav
