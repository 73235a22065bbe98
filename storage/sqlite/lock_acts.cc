// Acts on locks. Alone they need no flush (robustness D1).
#include "storage/sqlite/act_statements.h"

namespace holdfast::storage::sqlite {

Lock Acts::add_lock(Lock lock) {
  std::optional<Path> root = queries_.path_of(lock.root_id);
  const std::optional<NodeId> parent = queries_.parent_of(lock.root_id);
  if (!root || !parent) throw Error(Fault::conflict, "a lock on nothing");
  lock.root = std::move(*root);
  lock.granted = lease_now();
  ++state_.acts;
  state_.changed = state_.grew = true;
  Run(sql_->insert_lock, lock.token, lock.root_id, lock.scope == LockScope::shared, lock.infinite,
      lock.owner, lock.principal, lock.granted, lock.timeout_s, lock.expires(), *parent)
      .done();
  queries_.lock_came(lock);
  ++counters_.locks;
  return lock;
}

Lock Acts::refresh_lock(std::string_view token, std::int64_t timeout_s) {
  acting();
  state_.changed = true;
  Run(sql_->refresh_lock, token, lease_now(), timeout_s, lease_now() + timeout_s * 1000).done();
  std::optional<Lock> lock;
  if (connection_.changes() > 0) lock = queries_.find_lock(token, 0);
  if (!lock) throw Error(Fault::conflict, "no such lock");
  return std::move(*lock);
}

bool Acts::remove_lock(std::string_view token) {
  ++state_.acts;
  Run(sql_->delete_lock, token).done();
  if (connection_.changes() == 0) return false;
  queries_.lock_went(token);
  state_.changed = true;
  --counters_.locks;
  return true;
}

void Acts::purge_expired_locks(std::int64_t grace_s) {
  acting();
  Run(sql_->purge_locks, lease_now() - grace_s * 1000).done();
  if (connection_.changes() == 0) return;
  state_.changed = true;
  counters_.locks -= connection_.changes();
}

}  // namespace holdfast::storage::sqlite
