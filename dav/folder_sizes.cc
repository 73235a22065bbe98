#include "dav/folder_sizes.h"

#include <string>
#include <utility>
#include <vector>

#include "dav/junk.h"
#include "dav/rights.h"

namespace holdfast::dav {
namespace {

// A collection whose members are being added up.
struct Adding {
  storage::Path path;
  storage::NodeId id = 0;
  std::int64_t change = 0;
  std::uint64_t bytes = 0;
  bool whole = false;                // everything below can be read
  std::vector<std::string> pending;  // the collections in it that are not added yet
};

bool is_whole(const std::shared_ptr<const Caller>& caller, const storage::Path& path) {
  const VisibleTree visible(caller, path);
  return visible.right({}) >= storage::Right::read && !visible.filter();
}

}  // namespace

std::optional<std::uint64_t> FolderSizes::find(const storage::Snapshot& snapshot,
                                               const storage::Resource& collection) {
  Sum sum;
  {
    const std::lock_guard lock(mutex_);
    const auto found = sums_.find(collection.id);
    if (found == sums_.end()) return std::nullopt;
    sum = found->second;
  }
  if (sum.change != snapshot.last_change(collection)) return std::nullopt;
  return sum.bytes;
}

void FolderSizes::remember(storage::NodeId id, const Sum& sum) {
  const std::lock_guard lock(mutex_);
  if (sums_.size() >= kRemembered) sums_.clear();
  sums_[id] = sum;
}

std::optional<std::uint64_t> FolderSizes::below(const storage::Snapshot& snapshot,
                                                const std::shared_ptr<const Caller>& caller,
                                                const Options& options, const storage::Path& path,
                                                std::uint64_t& looks) {
  // Adds up what lies directly in a collection. Returns false once `looks` is used up.
  const auto begin = [&](Adding& adding) {
    const storage::Resolution from = snapshot.resolve(adding.path);
    adding.id = from.resource->id;
    adding.change = snapshot.last_change(*from.resource);
    storage::Wanted wanted;
    wanted.page = {.after = {}, .most = looks};
    wanted.shown = VisibleTree(caller, adding.path).filter();
    snapshot.members(from, storage::Depth::one, wanted, [&](const storage::Member& member) {
      --looks;
      const storage::Resource& resource = member.resource;
      if (!resource.is_collection()) {
        if (!is_hidden(options, resource)) adding.bytes += resource.size;
        return;
      }
      const bool whole = adding.whole || is_whole(caller, adding.path.child(resource.name));
      const auto known = whole ? find(snapshot, resource) : std::nullopt;
      if (known) {
        adding.bytes += *known;
      } else {
        adding.pending.push_back(resource.name);
      }
    });
    return looks > 0;
  };

  std::vector<Adding> open;
  open.push_back({.path = path, .whole = is_whole(caller, path), .pending = {}});
  if (open.back().whole) {
    const storage::Resolution from = snapshot.resolve(path);
    if (const auto known = find(snapshot, *from.resource)) return known;
  }
  if (!begin(open.back())) return std::nullopt;
  while (true) {
    Adding& last = open.back();
    if (!last.pending.empty()) {
      Adding next{.path = last.path.child(last.pending.back()), .whole = last.whole, .pending = {}};
      last.pending.pop_back();
      if (!next.whole) next.whole = is_whole(caller, next.path);
      if (!begin(next)) return std::nullopt;
      open.push_back(std::move(next));
      continue;
    }
    const std::uint64_t bytes = last.bytes;
    if (last.whole) remember(last.id, {.change = last.change, .bytes = bytes});
    open.pop_back();
    if (open.empty()) return bytes;
    open.back().bytes += bytes;
  }
}

}  // namespace holdfast::dav
