#include "dav/quota.h"

#include <algorithm>
#include <limits>

namespace holdfast::dav {

QuotaCheck::QuotaCheck(const Call& call, const storage::Snapshot& snapshot,
                       storage::AccountId account) {
  if (account == storage::kNobody) return;
  const auto add = [&](storage::AccountId of, const auto& quotas) {
    if (quotas.quota_bytes || quotas.quota_resources)
      limits_.push_back({of, snapshot.usage_of(of), quotas.quota_bytes, quotas.quota_resources});
  };
  const auto accounts = call.names.accounts();
  const storage::Account* const owner = accounts->find(account);
  if (account == call.caller->account) {
    add(account, *call.caller);
  } else if (owner != nullptr) {
    add(account, *owner);
  }
  if (owner == nullptr) return;
  for (const storage::AccountId id : owner->groups)
    if (const storage::Group* group = accounts->find_group(id)) add(id, *group);
}

std::uint64_t QuotaCheck::room_bytes(std::uint64_t replaced) const {
  std::uint64_t room = std::numeric_limits<std::uint64_t>::max();
  for (const Limit& limit : limits_)
    if (limit.bytes)
      room = std::min(room,
                      std::max(*limit.bytes, limit.before.bytes) - limit.before.bytes + replaced);
  return room;
}

void QuotaCheck::require_resource() const {
  for (const Limit& limit : limits_)
    if (limit.resources && limit.before.resources >= *limit.resources) throw quota_exceeded();
}

void QuotaCheck::require_within(const storage::Transaction& tx) const {
  for (const Limit& limit : limits_) {
    const storage::Usage after = tx.usage_of(limit.of);
    if ((limit.bytes && after.bytes > std::max(*limit.bytes, limit.before.bytes)) ||
        (limit.resources && after.resources > std::max(*limit.resources, limit.before.resources)))
      throw quota_exceeded();
  }
}

void require_space(const Call& call, std::uint64_t bytes) {
  const std::uint64_t floor = call.options.free_space_floor_bytes;
  if (floor == 0) return;
  const std::uint64_t available = call.contents.space().available;
  if (available < floor || bytes > available - floor)
    throw Error(Precondition::sufficient_disk_space, "the free-space floor would be crossed");
}

Error quota_exceeded() {
  return {Precondition::quota_not_exceeded, "the quota of an account or a group would be exceeded"};
}

}  // namespace holdfast::dav
