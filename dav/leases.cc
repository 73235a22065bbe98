#include "dav/leases.h"

#include <algorithm>
#include <limits>

#include "dav/locks.h"
#include "dav/rights.h"

namespace holdfast::dav {
namespace {

using storage::Lock;
using storage::Millis;
using storage::Resolution;

// A held lock has at least this long left during a wait for the client; a client may not be silent
// for longer (docs/operations.md#settings, body-grace and body-rate-window).
constexpr std::int64_t kLeastLeftS = 60;
// The timeout with which a held lock is refreshed, unless its own is longer.
constexpr std::int64_t kStretchS = 120;

bool has_token(const std::vector<Lock>& locks, const std::string& token) {
  return std::any_of(locks.begin(), locks.end(),
                     [&](const Lock& lock) { return lock.token == token; });
}

// Returns the submitted tokens that belong to no live lock on what was resolved.
std::vector<std::string_view> pending_tokens(const Conditions& conditions,
                                             std::initializer_list<const Resolution*> resolved) {
  std::vector<std::string_view> pending;
  for (const std::string& token : conditions.submitted_tokens()) {
    const bool live = std::any_of(resolved.begin(), resolved.end(), [&](const Resolution* each) {
      return has_token(each->locks, token) || has_token(each->parent_locks, token);
    });
    if (!live && token != "DAV:no-lock") pending.emplace_back(token);
  }
  return pending;
}

// Returns true when no lock or limit forbids that the lock lives again.
bool may_live(const Call& call, const storage::Transaction& tx, const Lock& lock) {
  const Resolution root = tx.resolve(lock.root);
  return root.mapped() && root.resource->id == lock.root_id &&
         !conflicting_lock(tx, root, lock.scope, lock.infinite) &&
         too_many_locks(call.options, root.locks, lock).empty() &&
         (lock.creator == storage::kNobody ||
          tx.locks_of(lock.creator) < call.options.locks_per_account);
}

bool revive_at(const Call& call, storage::Transaction& tx, const Resolution& at,
               std::vector<std::string_view>& pending) {
  bool revived = false;
  for (const Lock& lock : tx.late_locks(at, kLateLockS)) {
    const auto named = std::find(pending.begin(), pending.end(), lock.token);
    if (named == pending.end() || !may_use(lock, *call.caller)) continue;
    pending.erase(named);
    if (!may_live(call, tx, lock)) continue;
    (void)tx.refresh_lock(lock, lock.timeout_s);
    revived = true;
  }
  return revived;
}

}  // namespace

bool revive_named_locks(const Call& call, const Conditions& conditions, storage::Transaction& tx,
                        std::initializer_list<const Resolution*> resolved) {
  if (conditions.submitted_tokens().empty()) return false;
  std::vector<std::string_view> pending = pending_tokens(conditions, resolved);
  bool revived = false;
  const auto look_at = [&](const Resolution& at) {
    if (!pending.empty() && at.mapped()) revived |= revive_at(call, tx, at, pending);
  };
  for (const Resolution* each : resolved) {
    look_at(*each);
    if (!pending.empty() && each->parent) look_at(tx.resolve(each->path.parent()));
  }
  for (const std::optional<storage::Path>& tag : conditions.tagged()) {
    if (pending.empty()) break;
    if (!tag) continue;
    // A lock on something that the request does not change stays expired.
    const Resolution at = tx.resolve(*tag);
    const bool touched = std::any_of(resolved.begin(), resolved.end(), [&](const Resolution* each) {
      return each->mapped() && at.at_or_below(*each->resource);
    });
    if (touched) look_at(at);
  }
  return revived;
}

HeldLocks::HeldLocks(Call& call, const Conditions& conditions)
    : call_(call), conditions_(conditions), due_(std::numeric_limits<Millis>::max()) {
  if (conditions.submitted_tokens().empty()) return;
  Resolution target = call.names.snapshot()->resolve(call.target.path);
  if (!pending_tokens(conditions, {&target}).empty()) {
    write(call, storage::Flush::deferrable, [&](storage::Transaction& tx) {
      target = tx.resolve(call.target.path);
      if (revive_named_locks(call, conditions, tx, {&target}))
        target = tx.resolve(call.target.path);
    });
  }
  look(target);
}

void HeldLocks::look(const Resolution& target) {
  for (const std::vector<Lock>* locks : {&target.locks, &target.parent_locks})
    for (const Lock& lock : *locks) {
      const bool known = std::any_of(held_.begin(), held_.end(), [&](const Held& held) {
        return held.lock.token == lock.token;
      });
      if (known || !conditions_.submitted(lock.token) || !may_use(lock, *call_.caller)) continue;
      held_.push_back({.lock = lock, .expires = lock.expires()});
      due_ = std::min(due_, lock.expires() - kLeastLeftS * 1000);
    }
}

void HeldLocks::keep() {
  if (held_.empty() || call_.names.lease_now() < due_) return;
  stretch();
}

void HeldLocks::stretch() {
  std::vector<Held> kept;
  write(call_, storage::Flush::deferrable, [&](storage::Transaction& tx) {
    kept.clear();
    for (const Held& held : held_) {
      const auto lock = tx.find_lock(tx.resolve(held.lock.root), held.lock.token);
      if (!lock) continue;  // unlocked meanwhile
      Held& again = kept.emplace_back(held);
      again.expires = lock->expires();
      if (lock->expires() - tx.lease_now() > (kLeastLeftS + 1) * 1000) continue;
      again.stretched = true;
      again.expires = tx.refresh_lock(*lock, std::max(held.lock.timeout_s, kStretchS)).expires();
    }
  });
  held_ = std::move(kept);
  due_ = std::numeric_limits<Millis>::max();
  for (const Held& held : held_) due_ = std::min(due_, held.expires - kLeastLeftS * 1000);
}

void HeldLocks::give_back(storage::Transaction& tx) const {
  for (const Held& held : held_) {
    if (!held.stretched) continue;
    if (const auto lock = tx.find_lock(tx.resolve(held.lock.root), held.lock.token))
      (void)tx.refresh_lock(*lock, held.lock.timeout_s);
  }
}

}  // namespace holdfast::dav
