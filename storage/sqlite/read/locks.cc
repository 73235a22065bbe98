// Queries about locks.
#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include "storage/sqlite/file/schema.h"
#include "storage/sqlite/read/queries.h"
#include "storage/sqlite/read/tree_walk.h"

namespace holdfast::storage::sqlite {

namespace {

// Finds which of many collections lie inside another. What their ways up have in common is walked
// once.
class Inside {
 public:
  Inside(Queries& queries, NodeId above) : queries_(queries), known_{{kRoot, above == kRoot}} {
    known_.insert_or_assign(above, true);
  }

  [[nodiscard]] bool has(NodeId id) {
    way_.clear();
    bool inside = false;
    while (true) {
      if (const auto found = known_.find(id); found != known_.end()) {
        inside = found->second;
        break;
      }
      if (way_.size() == kMostLevels)
        throw Error(Fault::corrupt, "a collection lies inside itself");
      way_.push_back(id);
      const std::optional<NodeId> parent = queries_.parent_of(id);
      if (!parent) break;
      id = *parent;
    }
    for (const NodeId each : way_) known_.emplace(each, inside);
    return inside;
  }

 private:
  Queries& queries_;
  std::unordered_map<NodeId, bool> known_;
  std::vector<NodeId> way_;
};

}  // namespace

// A lock that ran out exactly `grace_s` seconds ago still counts; a live one has not run out now.
Millis Queries::expired_after(std::int64_t grace_s) const {
  return grace_s > 0 ? lease_now_ - grace_s * 1000 - 1 : lease_now_;
}

void Queries::locks_at(NodeId parent, NodeId node, std::vector<Lock>& out) {
  if (const LookupCache::Locked* known = remembered_.locked(node)) {
    if (known->lock && known->lock->expires() > lease_now_) out.push_back(*known->lock);
    return;
  }
  const std::size_t before = out.size();
  Run run(locks_at_, parent, node, lease_now_);
  while (run.row()) read_lock(run, out.emplace_back());
  if (out.size() == before) remembered_.keep_unlocked(node);
  if (out.size() == before + 1) remembered_.keep_locked(out.back());
}

void Queries::locks_at(NodeId parent, NodeId node, const Path& root, std::vector<Lock>& out) {
  const std::size_t before = out.size();
  locks_at(parent, node, out);
  for (std::size_t i = before; i < out.size(); ++i) out[i].root = root;
}

void Queries::lock_came(const Lock& lock) {
  const LookupCache::Locked* known = remembered_.locked(lock.root_id);
  const bool first = remembered_.any_locks() == false || (known != nullptr && !known->lock);
  remembered_.keep_any_locks(true);
  if (first) {
    remembered_.keep_locked(lock);
  } else {
    remembered_.forget_locked(lock.root_id);
  }
}

void Queries::lock_went(const Lock& lock) {
  const LookupCache::Locked* known = remembered_.locked(lock.root_id);
  if (known != nullptr && known->lock && known->lock->token == lock.token) {
    remembered_.keep_unlocked(lock.root_id);
  } else {
    remembered_.forget_locked(lock.root_id);
  }
}

std::optional<NodeId> Queries::next_lock_parent(NodeId after) {
  Run run(next_lock_parent_, after);
  if (!run.row()) return std::nullopt;
  return run.integer(0);
}

std::optional<NodeId> Queries::next_locked(NodeId parent, NodeId after) {
  Run run(next_locked_, parent, after);
  if (!run.row()) return std::nullopt;
  return run.integer(0);
}

std::optional<NodeId> Queries::next_live(NodeId parent, NodeId after, Among among) {
  Run run(next_live_, parent, after, lease_now_, among == Among::all);
  if (!run.row()) return std::nullopt;
  return run.integer(0);
}

void Queries::lock_parents(const Resource& root, const std::function<bool(NodeId)>& visit) {
  if (!any_locks() || !root.is_collection()) return;
  std::unordered_set<NodeId> visited;
  if (root.id != kRoot) {
    // The tree is small and the locks are many: fewer collections are in the tree than hold locks.
    // Each is visited at once, because `visit` may end the search.
    std::uint64_t left = std::min(static_cast<std::uint64_t>(commits_.locks.load()), kSmallTree);
    TreeWalk walk(*this, TreeWalk::Select::brief);
    const auto enter = [&](NodeId collection) {
      visited.insert(collection);
      if (!visit(collection)) return false;
      walk.descend(collection);
      return true;
    };
    if (!enter(root.id)) return;
    while (walk.depth() > 0 && left > 0) {
      const Run* row = walk.next();
      if (!row) {
        walk.ascend();
        continue;
      }
      --left;
      if (row->null(TreeWalk::content) && !enter(row->integer(TreeWalk::id))) return;
    }
    if (walk.depth() == 0) return;
  }
  // The `parent` of a live lock is the parent of its resource (invariant 7), so the values of
  // `parent` name all collections whose members have locks; 0 is above the root.
  Inside inside(*this, root.id);
  std::optional<NodeId> parent = 0;
  while ((parent = next_lock_parent(*parent)))
    if (!visited.contains(*parent) && inside.has(*parent) && !visit(*parent)) return;
}

void Queries::locks_within(const Resource& root, Among among,
                           const std::function<bool(const Lock&)>& visit) {
  if (!any_locks()) return;
  std::vector<Lock> here;
  const auto look_at = [&](NodeId parent, NodeId node) {
    here.clear();
    locks_at(parent, node, here);
    if (here.empty()) return true;
    const std::optional<Path> path = path_of(node);
    if (!path) return true;
    for (Lock& lock : here) {
      if (among == Among::exclusive && lock.scope != LockScope::exclusive) continue;
      lock.root = *path;
      if (!visit(lock)) return false;
    }
    return true;
  };
  if (const auto parent = parent_of(root.id); parent && !look_at(*parent, root.id)) return;
  lock_parents(root, [&](NodeId parent) {
    std::optional<NodeId> node = 0;
    while ((node = next_live(parent, *node, among)))
      if (!look_at(parent, *node)) return false;
    return true;
  });
}

std::optional<Lock> Queries::find_lock(std::string_view token, std::int64_t grace_s) {
  Run run(lock_by_token_, token, expired_after(grace_s));
  if (!run.row()) return std::nullopt;
  Lock lock;
  read_lock(run, lock);
  std::optional<Path> root = path_of(lock.root_id);
  if (!root) return std::nullopt;
  lock.root = std::move(*root);
  return lock;
}

std::optional<Lock> Queries::find_lock(const Resolution& at, std::string_view token,
                                       std::int64_t grace_s) {
  if (!at.mapped()) return std::nullopt;
  for (const Lock& lock : at.locks)
    if (lock.token == token) return lock;
  if (grace_s <= 0 || !any_locks()) return std::nullopt;
  for (std::size_t level = 0; level < at.lineage.size(); ++level) {
    Run run(late_locks_at_, level > 0 ? at.lineage[level - 1] : 0, at.lineage[level],
            expired_after(grace_s), lease_now_, static_cast<std::int64_t>(kLateLocks));
    while (run.row()) {
      Lock lock;
      read_lock(run, lock);
      if (lock.token != token) continue;
      if (!lock.infinite && level + 1 < at.lineage.size()) return std::nullopt;
      const auto names = at.stored.segments().first(level);
      lock.root = Path({names.begin(), names.end()});
      return lock;
    }
  }
  return std::nullopt;
}

std::vector<Lock> Queries::late_locks(const Resolution& at, std::int64_t grace_s) {
  std::vector<Lock> late;
  if (!at.mapped() || grace_s <= 0 || !any_locks()) return late;
  for (std::size_t level = 0; level < at.lineage.size(); ++level) {
    Run run(late_locks_at_, level > 0 ? at.lineage[level - 1] : 0, at.lineage[level],
            expired_after(grace_s), lease_now_, static_cast<std::int64_t>(kLateLocks));
    while (run.row()) {
      Lock lock;
      read_lock(run, lock);
      if (lock.timeout_s == 0 || (!lock.infinite && level + 1 < at.lineage.size())) continue;
      const auto names = at.stored.segments().first(level);
      lock.root = Path({names.begin(), names.end()});
      late.push_back(std::move(lock));
    }
  }
  return late;
}

std::uint64_t Queries::locks_of(AccountId creator) {
  Run run(locks_of_, creator, lease_now_);
  return run.row() ? static_cast<std::uint64_t>(run.integer(0)) : 0;
}

std::vector<Lock> Queries::all_locks(std::size_t limit) {
  Resource top;
  top.id = kRoot;
  std::vector<Lock> found;
  locks_within(top, Among::all, [&](const Lock& lock) {
    found.push_back(lock);
    return true;
  });
  std::sort(found.begin(), found.end(), [](const Lock& a, const Lock& b) {
    return a.root != b.root ? a.root < b.root : a.token < b.token;
  });
  if (found.size() > limit) found.resize(limit);
  return found;
}

}  // namespace holdfast::storage::sqlite
