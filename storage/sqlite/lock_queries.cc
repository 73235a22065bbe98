// Queries about locks.
#include <algorithm>

#include "storage/sqlite/queries.h"
#include "storage/sqlite/schema.h"
#include "storage/sqlite/tree_walk.h"

namespace holdfast::storage::sqlite {

void Queries::locks_at(NodeId node, const Path& root, std::vector<Lock>& out) {
  Run run(locks_at_, node, lease_now_);
  while (run.row()) {
    Lock& lock = out.emplace_back();
    read_lock(run, lock);
    lock.root = root;
  }
}

std::vector<Lock> Queries::locks_within(const Resource& root) {
  if (!any_locks()) return {};
  std::uint64_t locks = 0;
  {
    Run run(lock_count_);
    if (run.row()) locks = static_cast<std::uint64_t>(run.integer(0));
  }
  const std::uint64_t few = std::min(locks, kSmallTree);
  return root.id != kRoot && count(root, few) <= few ? locks_by_tree(root) : locks_by_lock(root);
}

// Few locks, large tree: look upward from each lock.
std::vector<Lock> Queries::locks_by_lock(const Resource& root) {
  std::vector<Lock> found;
  Inside inside(*this, root.id);
  Run run(locks_all_, lease_now_);
  while (run.row()) {
    const NodeId node = run.integer(1);
    if (run.null(8) || !inside.has(node, run.integer(8))) continue;
    std::optional<Path> path = path_of(node);
    if (!path) continue;
    Lock& lock = found.emplace_back();
    read_lock(run, lock);
    lock.root = std::move(*path);
  }
  return found;
}

// Small tree, many locks: look at each resource.
std::vector<Lock> Queries::locks_by_tree(const Resource& root) {
  std::vector<Lock> found;
  const std::optional<Path> top = path_of(root.id);
  if (!top) return found;
  locks_at(root.id, *top, found);
  if (!root.is_collection()) return found;
  Path open = *top;
  TreeWalk walk(*this, TreeWalk::Select::brief);
  walk.descend(root.id);
  while (walk.depth() > 0) {
    const Run* row = walk.next();
    if (!row) {
      walk.ascend();
      open = open.parent();
      continue;
    }
    const NodeId id = row->integer(TreeWalk::id);
    Path path = open.child(row->null(TreeWalk::name) ? row->text(TreeWalk::key)
                                                     : row->text(TreeWalk::name));
    locks_at(id, path, found);
    if (row->null(TreeWalk::content)) {
      open = std::move(path);
      walk.descend(id);
    }
  }
  return found;
}

std::optional<Lock> Queries::find_lock(std::string_view token, std::int64_t grace_s) {
  std::optional<Lock> lock;
  // A lock that ran out exactly `grace_s` seconds ago still counts; a live one has not run out now.
  const Millis after = grace_s > 0 ? lease_now_ - grace_s * 1000 - 1 : lease_now_;
  Run run(lock_by_token_, token, after);
  if (!run.row()) return lock;
  std::optional<Path> path = path_of(run.integer(1));
  if (!path) return lock;
  lock.emplace();
  read_lock(run, *lock);
  lock->root = std::move(*path);
  return lock;
}

std::uint64_t Queries::locks_of(std::string_view principal) {
  Run run(locks_of_, principal, lease_now_);
  return run.row() ? static_cast<std::uint64_t>(run.integer(0)) : 0;
}

std::vector<Lock> Queries::all_locks(std::size_t limit) {
  std::vector<Lock> found;
  Resource top;
  top.id = kRoot;
  found = locks_by_lock(top);
  std::sort(found.begin(), found.end(), [](const Lock& a, const Lock& b) {
    return a.root != b.root ? a.root < b.root : a.token < b.token;
  });
  if (found.size() > limit) found.resize(limit);
  return found;
}

}  // namespace holdfast::storage::sqlite
