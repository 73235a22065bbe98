#include "storage/undo.h"

#include <algorithm>
#include <map>
#include <string>
#include <unordered_set>
#include <vector>

#include "storage/name_key.h"

namespace holdfast::storage {

namespace {

// A name with this many more bytes is always short enough.
constexpr std::size_t kMostStem = 200;

class Undo {
 public:
  Undo(Transaction& tx, const Path& path, const Instant& instant, const InView& in_view)
      : tx_(tx), path_(path), instant_(instant), in_view_(in_view) {}

  Undone run();

 private:
  void note_wanted(const PastMember& root);
  // Brings this to its place of then. `at` is what is there now.
  Resource bring(const PastMember& then, const Resolution& at);
  Resource settle_content(const PastMember& then, Resource now);
  void bring_members(NodeId collection, const Path& path);
  void vacate(const Resolution& at);
  void remove_newcomers();
  [[nodiscard]] bool has_wanted(const Resolution& at) const;
  // Returns true when moving this changes nothing outside the collection that is undone.
  [[nodiscard]] bool is_inside(const Resolution& at) const;

  Transaction& tx_;
  const Path& path_;
  const Instant& instant_;
  const InView& in_view_;
  std::unordered_set<NodeId> wanted_;  // ids of then, of what is in view
  std::unordered_set<NodeId> placed_;  // ids of what is where it was
  // Collections that are where they were and whose members are not yet: their ids of then, and
  // their paths.
  std::vector<std::pair<NodeId, Path>> below_;
  std::vector<Path> beside_;       // where what was in the way waits
  std::vector<Path> collections_;  // those with members that were not there
  Undone done_;
};

void Undo::note_wanted(const PastMember& root) {
  std::vector<NodeId> collections;
  const auto note = [&](const PastMember& member) {
    wanted_.insert(member.resource.id);
    if (member.resource.is_collection()) collections.push_back(member.resource.id);
  };
  note(root);
  while (!collections.empty()) {
    const NodeId next = collections.back();
    collections.pop_back();
    tx_.members_at(instant_, next, [&](const PastMember& member) {
      if (!in_view_ || in_view_(member)) note(member);
    });
  }
}

bool Undo::has_wanted(const Resolution& at) const {
  bool found = false;
  tx_.members(at, Depth::infinity, {},
              [&](const Member& member) { found = found || wanted_.contains(member.resource.id); });
  return found;
}

// What is in the way goes to the trash, unless something of it is wanted elsewhere: then it waits
// beside.
void Undo::vacate(const Resolution& at) {
  if (!at.mapped()) return;
  if (!has_wanted(at)) {
    ++done_.removed;
    tx_.remove_tree(*at.resource);
    return;
  }
  const std::string stem(at.resource->name.size() > kMostStem ? "" : at.resource->name + " ");
  for (std::uint64_t number = 1;; ++number) {
    const std::string name = stem + "(undone " + std::to_string(number) + ")";
    if (tx_.resolve(at.path.parent().child(name)).mapped()) continue;
    beside_.push_back(at.path.parent().child(name));
    tx_.move_tree(*at.resource, *at.parent, name);
    return;
  }
}

Resource Undo::settle_content(const PastMember& then, Resource now) {
  if (now.is_collection()) return now;
  if (then.later) ++done_.later;
  if (now.content == then.resource.content) return now;
  return tx_.restore_content(now, then);
}

// What waits beside is inside as well.
bool Undo::is_inside(const Resolution& at) const {
  const auto lies_below = [&](const Path& path, bool itself) {
    const Resolution top = tx_.resolve(path);
    return top.mapped() && at.at_or_below(*top.resource) &&
           (itself || at.resource->id != top.resource->id);
  };
  return lies_below(path_, false) ||
         std::ranges::any_of(beside_, [&](const Path& path) { return lies_below(path, true); });
}

Resource Undo::bring(const PastMember& then, const Resolution& at) {
  const Resource& wanted = then.resource;
  const std::string& name = wanted.name;
  if (at.mapped() && at.resource->id == wanted.id) {
    const bool respelt = at.resource->name != name && !at.path.is_root();
    Resource now = respelt ? tx_.move_tree(*at.resource, *at.parent, name) : *at.resource;
    const bool other = !now.is_collection() && now.content != wanted.content;
    if (respelt) {
      ++done_.moved;
    } else if (other) {
      ++done_.contents;
    }
    return settle_content(then, std::move(now));
  }
  if (!at.parent || !at.parent->is_collection())
    throw Error(Fault::conflict, "what had it as a member is no collection now");
  const Whereabouts was = tx_.whereabouts(wanted.id);
  const bool outside = was.path && !is_inside(tx_.resolve(*was.path));
  if (!then.exists || outside) {
    // What has taken its place goes on in its stead.
    if (at.mapped() && at.resource->kind == wanted.kind && !wanted_.contains(at.resource->id)) {
      if (at.resource->content != wanted.content) ++done_.contents;
      Resource now = settle_content(then, *at.resource);
      return now.name == name ? now : tx_.move_tree(now, *at.parent, name);
    }
  }
  if (!then.exists) {
    vacate(at);
    ++done_.restored;
    if (then.later) ++done_.later;
    return tx_.restore_file(then, *at.parent, name);
  }
  vacate(at);
  const Whereabouts is = tx_.whereabouts(wanted.id);
  if (is.path) {
    const Resolution from = tx_.resolve(*is.path);
    if (!outside) {
      ++done_.moved;
      return settle_content(then, tx_.move_tree(*from.resource, *at.parent, name));
    }
    ++done_.copied;
    return settle_content(
        then, tx_.copy_tree(*from.resource, false, *at.parent, name, from.resource->owner));
  }
  ++done_.restored;
  if (is.trash != 0 && is.is_root)
    return settle_content(then, tx_.restore_trash(is.trash, *at.parent, name));
  if (is.trash != 0) return settle_content(then, tx_.restore_member(wanted, *at.parent, name));
  // It is being removed for good.
  return settle_content(then, tx_.copy_tree(wanted, false, *at.parent, name, wanted.owner));
}

void Undo::bring_members(NodeId collection, const Path& path) {
  std::map<std::string, Resource> now;
  tx_.members(tx_.resolve(path), Depth::one, {}, [&](const Member& member) {
    if (!member.segments.empty())
      now.emplace(NameKey(member.resource.name).view(), member.resource);
  });
  std::vector<PastMember> members;
  tx_.members_at(instant_, collection, [&](const PastMember& member) {
    if (wanted_.contains(member.resource.id)) members.push_back(member);
  });
  std::size_t stayed = 0;
  for (const PastMember& then : members) {
    const Path place = path.child(then.resource.name);
    const auto there = now.find(std::string(NameKey(then.resource.name).view()));
    const bool same = there != now.end() && there->second.id == then.resource.id;
    Resource is;
    if (same && there->second.name == then.resource.name &&
        (then.resource.is_collection() || there->second.content == then.resource.content)) {
      is = there->second;
      if (then.later) ++done_.later;
    } else {
      is = bring(then, tx_.resolve(place));
    }
    if (same) ++stayed;
    placed_.insert(is.id);
    if (is.is_collection()) below_.emplace_back(then.resource.id, place);
  }
  if (stayed < now.size()) collections_.push_back(path);
}

// All that is wanted is where it was now, so what is left in these collections was not there. A
// tree that was restored from the trash may have more of it.
void Undo::remove_newcomers() {
  for (const Path& path : beside_) {
    const Resolution at = tx_.resolve(path);
    if (!at.mapped()) continue;
    if (placed_.contains(at.resource->id)) continue;
    ++done_.removed;
    tx_.remove_tree(*at.resource);
  }
  for (const Path& path : collections_) {
    const Resolution at = tx_.resolve(path);
    if (!at.mapped()) continue;
    std::vector<Resource> newcomers;
    tx_.members(at, Depth::one, {}, [&](const Member& member) {
      if (!member.segments.empty() && !placed_.contains(member.resource.id))
        newcomers.push_back(member.resource);
    });
    for (const Resource& newcomer : newcomers) tx_.remove_tree(newcomer);
    done_.removed += newcomers.size();
  }
}

Undone Undo::run() {
  const std::optional<PastMember> then = tx_.resolve_at(instant_, path_);
  if (!then) throw Error(Fault::conflict, "nothing was there");
  note_wanted(*then);
  const Resource is = bring(*then, tx_.resolve(path_));
  placed_.insert(is.id);
  if (is.is_collection()) below_.emplace_back(then->resource.id, path_);
  while (!below_.empty()) {
    const auto [collection, path] = std::move(below_.back());
    below_.pop_back();
    bring_members(collection, path);
  }
  remove_newcomers();
  return done_;
}

}  // namespace

Undone undo(Transaction& tx, const Path& path, const Instant& instant, const InView& in_view) {
  return Undo(tx, path, instant, in_view).run();
}

}  // namespace holdfast::storage
