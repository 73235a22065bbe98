// Acts on locks. Alone they need no flush (docs/robustness.md G1).
#include "storage/sqlite/write/statements.h"

namespace holdfast::storage::sqlite {

Lock WriteTransaction::add_lock(Lock lock) {
  std::optional<Path> root = queries_.path_of(lock.root_id);
  const std::optional<NodeId> parent = queries_.parent_of(lock.root_id);
  if (!root || !parent) throw Error(Fault::conflict, "a lock on nothing");
  lock.root = std::move(*root);
  lock.granted = lease_now();
  ++state_.begun;
  state_.changed = state_.grew = true;
  Run(sql_->insert_lock, lock.token, lock.root_id, lock.scope == LockScope::shared, lock.infinite,
      lock.owner, lock.creator, lock.granted, lock.timeout_s, lock.expires(), *parent)
      .done();
  queries_.lock_came(lock);
  ++counters_.locks;
  return lock;
}

Lock WriteTransaction::refresh_lock(const Lock& lock, std::int64_t timeout_s) {
  const std::optional<NodeId> parent = queries_.parent_of(lock.root_id);
  if (!parent || lock.expires() <= lease_now()) throw Error(Fault::conflict, "no such lock");
  acting();
  state_.changed = true;
  Lock refreshed = lock;
  refreshed.granted = lease_now();
  refreshed.timeout_s = timeout_s;
  Run(sql_->refresh_lock, *parent, lock.root_id, lock.expires(), lock.token, refreshed.granted,
      timeout_s, refreshed.expires())
      .done();
  if (connection_.changes() == 0) throw Error(Fault::conflict, "no such lock");
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
