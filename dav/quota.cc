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
  if (bytes_ && !resources_) resources_ = kResourcesAtLeast + *bytes_ / kBytesPerResource;
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
  if (!call.space.fits(bytes)) throw disk_is_full();
}

Error disk_is_full() {
  return {Precondition::sufficient_disk_space, "the free-space floor would be crossed"};
}

Error quota_exceeded() {
  return {Precondition::quota_not_exceeded, "an account's quota would be exceeded"};
}

}  // namespace holdfast::dav
