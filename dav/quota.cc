#include "dav/quota.h"

#include <algorithm>
#include <limits>

namespace holdfast::dav {
namespace {

constexpr std::uint64_t kResourcesAtLeast = 10'000;
constexpr std::uint64_t kBytesPerResource = 4096;

}  // namespace

storage::AccountId owner_after(const Call& call, const storage::Resource& resource, bool grows) {
  const storage::AccountId writer = call.caller->account;
  if (writer == storage::kNobody || writer == resource.owner) return resource.owner;
  if (grows || resource.owner == storage::kNobody) return writer;
  return call.names.accounts()->find(resource.owner) ? resource.owner : writer;
}

QuotaCheck::QuotaCheck(const Call& call, const storage::Snapshot& snapshot,
                       storage::AccountId account) {
  if (account == storage::kNobody) return;
  const auto add = [&](storage::AccountId of, const auto& quotas) {
    if (!quotas.quota_bytes && !quotas.quota_resources) return;
    std::optional<std::uint64_t> resources = quotas.quota_resources;
    if (!resources) resources = kResourcesAtLeast + *quotas.quota_bytes / kBytesPerResource;
    limits_.push_back({of, snapshot.usage_of(of), quotas.quota_bytes, resources});
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
  if (!call.space.fits(bytes)) throw disk_is_full();
}

Error disk_is_full() {
  return {Precondition::sufficient_disk_space, "the free-space floor would be crossed"};
}

Error quota_exceeded() {
  return {Precondition::quota_not_exceeded, "the quota of an account or a group would be exceeded"};
}

}  // namespace holdfast::dav
