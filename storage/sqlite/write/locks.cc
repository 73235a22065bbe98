// Write operations on locks. Transactions with no other operations need no flush
// (docs/robustness.md G1).
#include <algorithm>
#include <limits>

#include "storage/sqlite/file/schema.h"
#include "storage/sqlite/write/statements.h"

namespace holdfast::storage::sqlite {

bool WriteTransaction::any_late_locks() {
  if (lease_now() < none_late_before_ || !queries_.any_locks()) return false;
  Run run(sql_->first_expiry);
  none_late_before_ = run.row() ? run.integer(0) : std::numeric_limits<Millis>::max();
  return none_late_before_ <= lease_now();
}

void WriteTransaction::end_late_locks(NodeId changed) {
  if (!any_late_locks()) return;
  NodeId node = changed;
  for (std::size_t level = 0; level <= kMostLevels; ++level) {
    const std::optional<NodeId> parent = queries_.parent_of(node);
    if (!parent) return;
    Run(sql_->forget_late_locks, *parent, node, lease_now(), static_cast<std::int64_t>(kLateLocks))
        .done();
    counters_.locks -= connection_.changes();
    Run(sql_->end_late_locks, *parent, node, lease_now(), node == changed).done();
    if (node == kRoot) return;
    node = *parent;
  }
  throw Error(Fault::corrupt, "a collection lies inside itself");
}

void WriteTransaction::lasts_until(Millis expires) {
  none_late_before_ = std::min(none_late_before_, expires);
}

Lock WriteTransaction::add_lock(Lock lock) {
  std::optional<Path> root = queries_.path_of(lock.root_id);
  const std::optional<NodeId> parent = queries_.parent_of(lock.root_id);
  if (!root || !parent) throw Error(Fault::conflict, "a lock on nothing");
  lock.root = std::move(*root);
  lock.granted = lease_now();
  ++state_.begun;
  state_.changed = state_.grew = true;
  end_late_locks(lock.root_id);
  Run(sql_->insert_lock, lock.token, lock.root_id, lock.scope == LockScope::shared, lock.infinite,
      lock.owner, lock.creator, lock.granted, lock.timeout_s, lock.expires(), *parent)
      .done();
  queries_.lock_came(lock);
  lasts_until(lock.expires());
  ++counters_.locks;
  return lock;
}

Lock WriteTransaction::refresh_lock(const Lock& lock, std::int64_t timeout_s) {
  const std::optional<NodeId> parent = queries_.parent_of(lock.root_id);
  if (!parent) throw Error(Fault::conflict, "no such lock");
  acting();
  state_.changed = true;
  Lock refreshed = lock;
  refreshed.granted = lease_now();
  refreshed.timeout_s = timeout_s;
  Run(sql_->refresh_lock, *parent, lock.root_id, lock.expires(), lock.token, refreshed.granted,
      timeout_s, refreshed.expires())
      .done();
  if (connection_.changes() == 0) throw Error(Fault::conflict, "no such lock");
  lasts_until(refreshed.expires());
  return refreshed;
}

bool WriteTransaction::remove_lock(const Lock& lock) {
  const std::optional<NodeId> parent = queries_.parent_of(lock.root_id);
  if (!parent) return false;
  ++state_.begun;
  Run(sql_->delete_lock, *parent, lock.root_id, lock.expires(), lock.token).done();
  if (connection_.changes() == 0) return false;
  queries_.lock_went(lock);
  state_.changed = true;
  --counters_.locks;
  return true;
}

void WriteTransaction::purge_expired_locks(std::int64_t grace_s, std::size_t most) {
  acting();
  Run(sql_->purge_locks, lease_now() - grace_s * 1000, static_cast<std::int64_t>(most)).done();
  if (connection_.changes() == 0) return;
  state_.changed = true;
  counters_.locks -= connection_.changes();
}

}  // namespace holdfast::storage::sqlite
