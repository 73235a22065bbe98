#include "storage/changes.h"

#include <algorithm>
#include <map>
#include <optional>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "storage/name_key.h"

namespace holdfast::storage {

namespace {

constexpr std::size_t kMostAncestors = 4096;

// Finds the names of collections below the one that is looked at.
class Ways {
 public:
  Ways(const Snapshot& now, NodeId top, std::int64_t since) : now_(now), top_(top), since_(since) {}

  // Returns the names from the top to this collection when it lies there, and it and all between
  // came to their places before `since`; null otherwise.
  const std::vector<std::string>* to(NodeId collection) {
    std::vector<std::pair<NodeId, std::string>> up;
    NodeId id = collection;
    std::optional<std::vector<std::string>> way;
    for (;;) {
      if (id == top_) {
        way.emplace();
        break;
      }
      if (const auto known = ways_.find(id); known != ways_.end()) {
        way = known->second;
        break;
      }
      if (id <= 0 || up.size() == kMostAncestors) break;
      const std::optional<Standing> at = now_.standing(id);
      if (!at || at->since >= since_) {
        up.emplace_back(id, std::string());
        break;
      }
      up.emplace_back(id, at->resource.name);
      id = at->resource.parent;
    }
    // What came later, or lies elsewhere, has no way, and so has all below it.
    for (auto step = up.rbegin(); step != up.rend(); ++step) {
      if (way) way->push_back(step->second);
      ways_[step->first] = way;
    }
    if (collection == top_) return &none_;
    const std::optional<std::vector<std::string>>& found = ways_[collection];
    return found ? &*found : nullptr;
  }

 private:
  const Snapshot& now_;
  NodeId top_;
  std::int64_t since_;
  std::vector<std::string> none_;
  std::unordered_map<NodeId, std::optional<std::vector<std::string>>> ways_;
};

std::vector<std::string> below(const std::vector<std::string>& way, std::string_view name) {
  std::vector<std::string> segments = way;
  segments.emplace_back(name);
  return segments;
}

// The names that were left in a place since, and whether a collection had one of them.
struct Left {
  std::vector<std::vector<std::string>> spellings;
  bool collection = false;
};

}  // namespace

Steps steps_since(const Snapshot& now, const Resource& collection, const Since& since) {
  Steps steps;
  Ways ways(now, collection.id, since.number);
  std::map<std::pair<NodeId, std::string>, Left> left;
  std::unordered_set<NodeId> shown;
  std::uint64_t count = 0;
  std::size_t looked = 0;
  const bool deep = since.depth == Depth::infinity;
  const std::uint64_t most = since.most == 0 ? UINT64_MAX : since.most;
  steps.next = now.next_change();
  steps.complete = true;
  const auto stop = [&](const Change& change) {
    steps.next = change.number;
    steps.complete = false;
    return false;
  };
  now.changes(since.number, [&](const Change& change) {
    if (looked == std::max<std::size_t>(since.changes, 1)) return stop(change);
    ++looked;
    if (change.left != 0) {
      if (!deep && change.left != collection.id) return true;
      const std::vector<std::string>* way = ways.to(change.left);
      if (way == nullptr) return true;
      Left& at = left[{change.left, std::string(NameKey(change.name).view())}];
      std::vector<std::string> segments = below(*way, change.name);
      const bool known =
          std::find(at.spellings.begin(), at.spellings.end(), segments) != at.spellings.end();
      if (!known && count == most) return stop(change);
      at.collection = at.collection || change.collection;
      if (known) return true;
      at.spellings.push_back(std::move(segments));
      ++count;
      return true;
    }
    if (change.node == collection.id || shown.contains(change.node)) return true;
    const std::optional<Standing> at = now.standing(change.node);
    if (!at || (!deep && at->resource.parent != collection.id)) return true;
    // What came later is shown when it came.
    const bool came = at->since >= since.number;
    if (came && at->since != change.number) return true;
    const std::vector<std::string>* way = ways.to(at->resource.parent);
    if (way == nullptr) return true;
    const std::string& name = at->resource.name;
    const bool tree = came && deep && at->resource.is_collection();
    const auto before = left.find({at->resource.parent, std::string(NameKey(name).view())});
    // A collection that had the name takes its members along, which nobody knows any more.
    if (came && deep && before != left.end() && before->second.collection) return stop(change);
    const std::uint64_t more = tree ? now.count(at->resource, most) : 1;
    if (more > most - count) {
      steps.too_many = looked == 1;
      return stop(change);
    }
    count += more;
    shown.insert(change.node);
    steps.changed.push_back({.segments = below(*way, name),
                             .removed = false,
                             .collection = at->resource.is_collection(),
                             .tree = tree});
    if (came && before != left.end())
      std::erase(before->second.spellings, steps.changed.back().segments);
    return true;
  });
  for (auto& [place, names] : left)
    for (std::vector<std::string>& segments : names.spellings)
      steps.removed.push_back({.segments = std::move(segments),
                               .removed = true,
                               .collection = names.collection,
                               .tree = false});
  return steps;
}

}  // namespace holdfast::storage
