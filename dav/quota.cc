#include "dav/quota.h"

#include <algorithm>
#include <limits>

namespace holdfast::dav {
namespace {

constexpr std::uint64_t kResourcesAtLeast = 10'000;
constexpr std::uint64_t kBytesPerResource = 4096;
// What was made may be gone again.
constexpr int kMostAttempts = 3;
// More than the store wants to be free on a disk that was full before it stores anything again.
constexpr std::uint64_t kForTheStoreBytes = 32 << 20;

}  // namespace

storage::AccountId owner_after(const Call& call, const storage::Resource& resource, bool grows) {
  const storage::AccountId writer = call.caller->account;
  if (writer == storage::kNobody || writer == resource.owner) return resource.owner;
  if (grows || resource.owner == storage::kNobody) return writer;
  return call.names.accounts()->find(resource.owner) ? resource.owner : writer;
}

template <class Quotas>
void QuotaCheck::add(const storage::Snapshot& snapshot, storage::AccountId of,
                     const Quotas& quotas) {
  if (!quotas.quota_bytes && !quotas.quota_resources) return;
  std::optional<std::uint64_t> resources = quotas.quota_resources;
  if (!resources) resources = kResourcesAtLeast + *quotas.quota_bytes / kBytesPerResource;
  limits_.push_back({of, snapshot.usage_of(of), quotas.quota_bytes, resources});
}

void QuotaCheck::add_groups(const storage::Accounts& accounts, const storage::Snapshot& snapshot,
                            const storage::Account& of) {
  for (const storage::AccountId id : of.groups)
    if (const storage::Group* group = accounts.find_group(id)) add(snapshot, id, *group);
}

QuotaCheck::QuotaCheck(const Call& call, const storage::Snapshot& snapshot,
                       storage::AccountId account) {
  if (account == storage::kNobody) return;
  const auto accounts = call.names.accounts();
  const storage::Account* const owner = accounts->find(account);
  if (account == call.caller->account) {
    add(snapshot, account, *call.caller);
  } else if (owner != nullptr) {
    add(snapshot, account, *owner);
  }
  if (owner != nullptr) add_groups(*accounts, snapshot, *owner);
}

QuotaCheck::QuotaCheck(const storage::Accounts& accounts, const storage::Snapshot& snapshot,
                       storage::AccountId account) {
  const storage::Account* const owner = accounts.find(account);
  if (owner == nullptr) return;
  add(snapshot, account, *owner);
  add_groups(accounts, snapshot, *owner);
}

std::uint64_t QuotaCheck::room_bytes(std::uint64_t replaced, const storage::Snapshot* past) const {
  std::uint64_t room = std::numeric_limits<std::uint64_t>::max();
  for (const Limit& limit : limits_) {
    if (!limit.bytes) continue;
    std::uint64_t before = limit.before.bytes;
    if (past != nullptr) {
      const storage::Kept kept = past->kept_of(limit.of);
      before -= std::min(kept.trash_bytes + kept.version_bytes, before);
    }
    room = std::min(room, std::max(*limit.bytes, before) - before + replaced);
  }
  return room;
}

Error QuotaCheck::exceeded(std::uint64_t bytes) const {
  Error error = quota_exceeded();
  // Which quota is used up most decides whose past gives way first.
  std::uint64_t least = std::numeric_limits<std::uint64_t>::max();
  for (const Limit& limit : limits_) {
    if (!limit.bytes) continue;
    const std::uint64_t room = std::max(*limit.bytes, limit.before.bytes) - limit.before.bytes;
    if (room > least) continue;
    least = room;
    error.shortage = {.of = limit.of, .bytes = bytes};
  }
  return error;
}

void QuotaCheck::require_resource() const {
  for (const Limit& limit : limits_)
    if (limit.resources && limit.before.resources >= *limit.resources) {
      Error error = quota_exceeded();
      error.shortage = {.of = limit.of, .resources = limit.before.resources - *limit.resources + 1};
      throw error;
    }
}

void QuotaCheck::require_within(const storage::Transaction& tx) const {
  for (const Limit& limit : limits_) {
    const storage::Usage after = tx.usage_of(limit.of);
    storage::Shortage shortage{.of = limit.of};
    const auto over = [](std::uint64_t now, std::uint64_t before,
                         const std::optional<std::uint64_t>& most) {
      const std::uint64_t allowed = std::max(most.value_or(now), before);
      return now > allowed ? now - allowed : 0;
    };
    shortage.bytes = over(after.bytes, limit.before.bytes, limit.bytes);
    shortage.resources = over(after.resources, limit.before.resources, limit.resources);
    if (shortage.bytes == 0 && shortage.resources == 0) continue;
    Error error = quota_exceeded();
    error.shortage = shortage;
    throw error;
  }
}

void require_space(const Call& call, std::uint64_t bytes) {
  if (call.space.fits(bytes)) return;
  Error error = disk_is_full();
  error.shortage = {.bytes = call.space.missing(bytes)};
  throw error;
}

void make_room(const Call& call, int attempt) {
  try {
    throw;
  } catch (const Error& error) {
    if (error.shortage && attempt < kMostAttempts && call.space.make_room(*error.shortage)) return;
    throw;
  } catch (const storage::Error& error) {
    if (error.fault() != storage::Fault::full || attempt == kMostAttempts ||
        !call.space.make_room({.bytes = kForTheStoreBytes}))
      throw;
  }
}

Error disk_is_full() {
  return {Precondition::sufficient_disk_space, "the free-space floor would be crossed"};
}

Error quota_exceeded() {
  return {Precondition::quota_not_exceeded, "the quota of an account or a group would be exceeded"};
}

}  // namespace holdfast::dav
