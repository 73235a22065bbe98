// Queries that walk a tree.
#include <algorithm>
#include <limits>

#include "storage/name_key.h"
#include "storage/sqlite/read/queries.h"
#include "storage/sqlite/read/tree_walk.h"

namespace holdfast::storage::sqlite {

namespace {

constexpr std::array<const char*, 3> kChildren = {
    "SELECT id, parent, key, name, content, size, stored, created, modified, properties, owner, "
    "date_mark FROM node WHERE parent = ?1 AND key > ?2 ORDER BY key",
    "SELECT n.id, n.parent, n.key, n.name, n.content, n.size, n.stored, n.created, n.modified, "
    "n.properties, n.owner, n.date_mark, c.sha256, c.sha1, c.md5 "
    "FROM node n LEFT JOIN content c ON c.id = n.content WHERE n.parent = ?1 AND n.key > ?2 "
    "ORDER BY n.key",
    "SELECT id, content, key, name, size, property_bytes FROM node WHERE parent = ?1 AND key > ?2"};

constexpr int kSha256 = 12;
constexpr int kSha1 = 13;
constexpr int kMd5 = 14;

void read_checksums(const Run& run, std::optional<Checksums>& checksums) {
  checksums.reset();
  if (run.null(kSha256)) return;
  checksums.emplace();
  run.bytes(kSha256, checksums->sha256);
  if (!run.null(kSha1)) run.bytes(kSha1, checksums->sha1.emplace());
  if (!run.null(kMd5)) run.bytes(kMd5, checksums->md5.emplace());
}

// Knows which members of a collection have locks rooted at them, unless there are too many: a
// listing then needs no lookup for each of the others.
class LockedMembers {
 public:
  LockedMembers(Queries& queries, NodeId collection) {
    std::optional<NodeId> next = queries.next_locked(collection, 0);
    for (; next && nodes_.size() < kMost; next = queries.next_locked(collection, *next))
      nodes_.push_back(*next);
    complete_ = !next;
  }
  [[nodiscard]] bool may_have(NodeId id) const {
    return !complete_ || std::binary_search(nodes_.begin(), nodes_.end(), id);
  }

 private:
  static constexpr std::size_t kMost = 1000;
  std::vector<NodeId> nodes_;  // in the order of ids
  bool complete_ = false;
};

// An open collection of a listing.
struct Open {
  // The locks of Depth: infinity that cover its members.
  std::vector<Lock> covering;
  LockedMembers locked;
};

std::vector<Lock> infinite(const std::vector<Lock>& locks) {
  std::vector<Lock> found;
  std::copy_if(locks.begin(), locks.end(), std::back_inserter(found),
               [](const Lock& lock) { return lock.infinite; });
  return found;
}

}  // namespace

TreeWalk::~TreeWalk() {
  while (!levels_.empty()) ascend();
}

void TreeWalk::descend(NodeId collection, std::string_view after) {
  // In a damaged database, collections may form a circle; the way down would have no end.
  for (const Level& above : levels_)
    if (above.collection == collection)
      throw Error(Fault::corrupt, "a collection lies inside itself");
  const auto select = static_cast<std::size_t>(select_);
  auto& idle = queries_.idle_children_[select];
  // The memory is reserved before a statement is taken, so that giving it back cannot fail.
  idle.reserve(idle.size() + levels_.size() + 1);
  if (idle.empty())
    idle.push_back(std::make_unique<Statement>(queries_.connection_, kChildren[select]));
  Level& level = levels_.emplace_back();
  level.collection = collection;
  level.statement = std::move(idle.back());
  idle.pop_back();
  level.run.emplace(*level.statement, collection, after);
}

void TreeWalk::ascend() {
  Level& level = levels_.back();
  level.run.reset();
  queries_.idle_children_[static_cast<std::size_t>(select_)].push_back(std::move(level.statement));
  levels_.pop_back();
}

void Queries::members(const Resolution& from, Depth depth, Wanted wanted,
                      const std::function<void(const Member&)>& visit) {
  if (!from.resource) throw Error(Fault::conflict, "a listing of an unmapped path");
  Member member;
  member.resource = *from.resource;
  if (wanted.properties) member.properties = properties(member.resource);
  if (wanted.locks) member.locks = from.locks;
  if (wanted.checksums && !member.resource.is_collection()) {
    member.checksums = facts(member.resource).checksums;
  }
  if (!wanted.page) visit(member);
  if (depth == Depth::zero || !from.resource->is_collection()) return;

  const bool locks = wanted.locks && any_locks();
  std::vector<Open> open;
  const auto enter = [&](NodeId collection, const std::vector<Lock>& covering) {
    if (locks) open.push_back({infinite(covering), LockedMembers(*this, collection)});
  };
  enter(from.resource->id, from.locks);

  std::vector<std::string> segments;  // never shrinks, so that its strings keep their memory
  TreeWalk walk(*this, wanted.checksums ? TreeWalk::Select::checksums : TreeWalk::Select::resource);
  const std::string_view after = wanted.page ? std::string_view(wanted.page->after) : "";
  const NameKey after_key(after);
  walk.descend(from.resource->id, after_key.view());
  std::size_t left = wanted.page ? wanted.page->most : std::numeric_limits<std::size_t>::max();
  while (walk.depth() > 0 && left > 0) {
    const Run* row = walk.next();
    if (!row) {
      walk.ascend();
      if (locks) open.pop_back();
      continue;
    }
    const std::size_t level = walk.depth();
    read_resource(*row, member.resource);
    if (segments.size() < level) segments.resize(level);
    segments[level - 1].assign(member.resource.name);
    member.segments = std::span<const std::string>(segments).first(level);
    if (wanted.shown && !wanted.shown(member.resource, member.segments)) continue;
    if (wanted.properties) member.properties = properties(member.resource);
    if (wanted.checksums) read_checksums(*row, member.checksums);
    if (locks) {
      member.locks = open.back().covering;
      if (open.back().locked.may_have(member.resource.id)) {
        const auto above = from.stored.segments();
        std::vector<std::string> names(above.begin(), above.end());
        names.insert(names.end(), member.segments.begin(), member.segments.end());
        locks_at(member.resource.parent, member.resource.id, Path(std::move(names)), member.locks);
      }
    } else {
      member.locks.clear();
    }
    visit(member);
    --left;
    if (depth == Depth::infinity && member.resource.is_collection()) {
      enter(member.resource.id, member.locks);
      walk.descend(member.resource.id);
    }
  }
}

std::uint64_t Queries::count(const Resource& root, std::uint64_t limit) {
  std::uint64_t counted = 1;
  if (!root.is_collection()) return counted;
  TreeWalk walk(*this, TreeWalk::Select::brief);
  walk.descend(root.id);
  while (walk.depth() > 0 && counted <= limit) {
    const Run* row = walk.next();
    if (!row) {
      walk.ascend();
      continue;
    }
    ++counted;
    if (row->null(TreeWalk::content)) walk.descend(row->integer(TreeWalk::id));
  }
  return counted;
}

bool Queries::fits_below(const Resource& root, std::size_t levels, std::size_t bytes) {
  {
    Run run(bounds_, root.id);
    if (!run.row()) throw Error(Fault::conflict, "a resource that is gone");
    if (static_cast<std::uint64_t>(run.integer(0)) <= levels &&
        static_cast<std::uint64_t>(run.integer(1)) <= bytes) {
      return true;
    }
  }
  // The bounds may be too large (invariant 6), so a tree beyond them may still fit.
  std::vector<std::size_t> reached{0};  // bytes of the path from `root` to each open collection
  TreeWalk walk(*this, TreeWalk::Select::brief);
  walk.descend(root.id);
  while (walk.depth() > 0) {
    const Run* row = walk.next();
    if (!row) {
      walk.ascend();
      reached.pop_back();
      continue;
    }
    const std::string_view name =
        row->null(TreeWalk::name) ? row->text(TreeWalk::key) : row->text(TreeWalk::name);
    const std::size_t here = reached.back() + 1 + name.size();
    if (walk.depth() > levels || here > bytes) return false;
    if (row->null(TreeWalk::content)) {
      reached.push_back(here);
      walk.descend(row->integer(TreeWalk::id));
    }
  }
  return true;
}

}  // namespace holdfast::storage::sqlite
