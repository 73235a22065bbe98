#include "tests/support/memory_store.h"

#include <algorithm>
#include <cstdlib>
#include <set>
#include <sstream>
#include <utility>

#include "storage/dates.h"
#include "storage/name_key.h"
#include "text/utf8.h"

namespace holdfast::test {

using storage::Account;
using storage::AccountId;
using storage::Accounts;
using storage::Content;
using storage::Date;
using storage::Depth;
using storage::DeviceToken;
using storage::Session;
using storage::Share;
using storage::Error;
using storage::Fault;
using storage::Kind;
using storage::Lock;
using storage::Member;
using storage::Millis;
using storage::NodeId;
using storage::Path;
using storage::Property;
using storage::PropertyName;
using storage::Resolution;
using storage::Resource;
using storage::Wanted;

namespace {

constexpr NodeId kRoot = 1;
constexpr NodeId kTrash = -1;  // the parent of the trees in the trash
constexpr Millis kContinues = 10 * 60 * 1000;

[[noreturn]] void refuse(const std::string& why) { throw Error(Fault::conflict, why); }

}  // namespace

// Ids that are never given out twice, also not after a write that was undone.
struct MemoryNamespace::Counters {
  NodeId last_node = kRoot;
  std::int64_t last_content = 0;
  AccountId last_account = storage::kNobody;
  // Which file was at a place, and until when by the lease clock.
  std::map<std::pair<NodeId, std::string>, std::pair<NodeId, Millis>> departures;
};

struct MemoryNamespace::State {
  struct Node {
    Resource resource;
    std::map<PropertyName, std::string> properties;
    std::map<std::string, NodeId> members;  // by the NFC form of the name
    bool had_members = false;
    std::int64_t own_line = 0;
    std::int64_t since = 0;  // Standing::since
    std::int64_t tag = 0;    // Snapshot::last_change
    AccountId author = storage::kNobody;

    [[nodiscard]] std::int64_t line() const { return own_line != 0 ? own_line : resource.id; }
    [[nodiscard]] std::uint64_t property_bytes() const {
      std::uint64_t bytes = 0;
      for (const auto& [name, xml] : properties)
        bytes += name.xmlns.size() + name.name.size() + xml.size();
      return bytes;
    }
    [[nodiscard]] std::uint64_t bytes() const { return resource.size + property_bytes(); }
  };
  std::map<NodeId, Node> nodes;
  std::map<std::int64_t, std::shared_ptr<const Content>> contents;
  std::map<std::string, Lock> locks;             // by token; queries fill in `root`
  std::vector<std::string> garbage;              // oldest first
  std::map<std::string, Account> accounts;       // by name
  std::map<std::string, storage::Group> groups;  // by name
  std::map<std::string, DeviceToken> tokens;     // by id
  std::map<std::string, Session> sessions;       // by id
  std::map<std::string, Share> shares;           // by id
  bool any_account_ever = false;
  std::map<std::int64_t, storage::TrashEntry> trash;  // by id; `root` only has an id and a parent
  std::map<std::int64_t, storage::Version> versions;  // by id
  std::map<std::string, storage::NamedSnapshot> snapshots;  // by name
  std::int64_t whole_since = 0;
  std::int64_t next_change = kRoot + 1;
  std::int64_t changes_since = 0;
  std::vector<std::pair<storage::Change, Millis>> changes;  // with the time of the wall clock

  [[nodiscard]] std::shared_ptr<const Accounts> all_accounts() const {
    auto all = std::make_shared<Accounts>();
    for (const auto& [name, account] : accounts) all->accounts.push_back(account);
    for (const auto& [name, group] : groups) all->groups.push_back(group);
    for (const auto& [id, token] : tokens) all->tokens.push_back(token);
    for (const auto& [id, session] : sessions) all->sessions.push_back(session);
    for (const auto& [id, share] : shares) all->shares.push_back(share);
    all->any_ever = any_account_ever;
    return all;
  }

  [[nodiscard]] const Node& node(NodeId id) const {
    const auto found = nodes.find(id);
    if (found == nodes.end()) refuse("no resource has id " + std::to_string(id));
    return found->second;
  }
  [[nodiscard]] Node& node(NodeId id) { return const_cast<Node&>(std::as_const(*this).node(id)); }

  // Returns the ids from the root to `id`.
  [[nodiscard]] std::vector<NodeId> lineage(NodeId id) const {
    std::vector<NodeId> up;
    for (; id != kRoot && id != kTrash; id = node(id).resource.parent) up.push_back(id);
    if (id == kRoot) up.push_back(kRoot);
    std::reverse(up.begin(), up.end());
    return up;
  }
  [[nodiscard]] bool mapped(NodeId id) const {
    return nodes.contains(id) && lineage(id).front() == kRoot;
  }
  // Returns true when another file has the line of this one, or a mapped one that was made later.
  [[nodiscard]] bool shares_line(NodeId file, bool later) const {
    return std::ranges::any_of(nodes, [&](const auto& entry) {
      const auto& [id, other] = entry;
      return id != file && !other.resource.is_collection() && other.line() == node(file).line() &&
             (!later || (mapped(id) && id > file));
    });
  }
  [[nodiscard]] bool has_versions(std::int64_t line) const {
    return std::ranges::any_of(versions,
                               [&](const auto& entry) { return entry.second.line == line; });
  }
  [[nodiscard]] storage::TrashEntry shown(storage::TrashEntry entry) const {
    const NodeId parent = entry.root.parent;
    entry.root = node(entry.root.id).resource;
    entry.root.parent = parent;
    entry.collection = mapped(parent) ? std::optional(path(parent)) : std::nullopt;
    return entry;
  }
  [[nodiscard]] Path path(NodeId id) const {
    Path path;
    for (NodeId step : lineage(id))
      if (step != kRoot) path = path.child(node(step).resource.name);
    return path;
  }
  // Returns `id` and all that lies below it, every collection before its members.
  [[nodiscard]] std::vector<NodeId> tree(NodeId id) const {
    std::vector<NodeId> ids{id};
    for (std::size_t i = 0; i < ids.size(); ++i)
      for (const auto& [key, member] : node(ids[i]).members) ids.push_back(member);
    return ids;
  }
  [[nodiscard]] bool inside(NodeId id, NodeId tree_root) const {
    const std::vector<NodeId> up = lineage(id);
    return std::find(up.begin(), up.end(), tree_root) != up.end();
  }
  [[nodiscard]] storage::Standing standing(NodeId id) const {
    return {node(id).resource, node(id).since};
  }
  // Notes that something at or below this collection has changed.
  void tag(NodeId collection, std::int64_t number) {
    for (NodeId id = collection; nodes.contains(id); id = node(id).resource.parent)
      node(id).tag = number;
  }
  [[nodiscard]] std::optional<NodeId> member(NodeId collection, std::string_view name) const {
    const Node& parent = node(collection);
    const auto found = parent.members.find(text::nfc(name));
    if (found == parent.members.end()) return std::nullopt;
    return found->second;
  }

  // Drops the contents that no file has any more.
  void settle() {
    std::set<std::int64_t> used;
    for (const auto& [id, node] : nodes)
      if (!node.resource.is_collection()) used.insert(node.resource.content);
    for (const auto& [id, version] : versions) used.insert(version.file.content);
    std::set<std::string> named;
    for (std::int64_t id : used) named.insert(contents.at(id)->blob);
    for (auto it = contents.begin(); it != contents.end();) {
      if (used.contains(it->first)) {
        ++it;
        continue;
      }
      const std::string& blob = it->second->blob;
      if (!blob.empty() && !named.contains(blob)) garbage.push_back(blob);
      it = contents.erase(it);
    }
    std::erase_if(garbage, [&](const std::string& blob) { return named.contains(blob); });
  }
};

// A state of before: this store keeps every one. Instant::node is its number in the list, from 1.
struct MemoryNamespace::Former {
  std::shared_ptr<const State> state;
  Millis at = 0;  // wall clock; when it was made
};

namespace {

using State = MemoryNamespace::State;
using Formers = std::vector<MemoryNamespace::Former>;

// Of larger trees, and after so many writes, only the present is kept.
constexpr std::size_t kMostFormers = 1000;
constexpr std::size_t kMostNodes = 300;

// The reading functions, for Snapshot and for Transaction.
template <class Interface>
class Reading : public Interface {
 public:
  Reading(const State& state, std::shared_ptr<const Formers> formers, Millis lease, Millis wall)
      : state_(state), formers_(std::move(formers)), lease_(lease), wall_(wall) {}

  [[nodiscard]] std::string epoch() const override { return "m"; }
  [[nodiscard]] std::int64_t next_change() const override { return state_.next_change; }
  [[nodiscard]] bool knows_changes_since(std::int64_t number) const override {
    return number >= state_.changes_since && number <= state_.next_change;
  }
  void changes(std::int64_t from,
               const std::function<bool(const storage::Change&)>& visit) const override {
    for (const auto& [change, at] : state_.changes)
      if (change.number >= from && !visit(change)) return;
  }
  [[nodiscard]] std::int64_t last_change(const Resource& collection) const override {
    return state_.node(collection.id).tag;
  }
  [[nodiscard]] std::optional<storage::Standing> standing(NodeId id) const override {
    if (!state_.nodes.contains(id)) return std::nullopt;
    return state_.standing(id);
  }
  [[nodiscard]] std::optional<storage::Standing> standing(NodeId collection,
                                                          std::string_view name) const override {
    const auto id = state_.member(collection, name);
    if (!id) return std::nullopt;
    return state_.standing(*id);
  }

  [[nodiscard]] Resolution resolve(const Path& path) const override {
    Resolution result;
    result.path = path;
    result.lineage = {kRoot};
    for (const std::string& segment : path.segments()) {
      const auto next = state_.member(result.lineage.back(), segment);
      if (!next) break;
      result.lineage.push_back(*next);
      result.stored = result.stored.child(state_.node(*next).resource.name);
    }
    if (result.lineage.size() == path.depth() + 1)
      result.resource = state_.node(result.lineage.back()).resource;
    if (!path.is_root() && result.lineage.size() >= path.depth())
      result.parent = state_.node(result.lineage[path.depth() - 1]).resource;
    result.locks = covering(result.lineage, result.resource);
    if (!path.is_root()) {
      std::vector<NodeId> above = result.lineage;
      above.resize(std::min(above.size(), path.depth()));
      result.parent_locks = covering(above, result.parent);
    }
    return result;
  }

  void members(const Resolution& from, Depth depth, Wanted wanted,
               const std::function<void(const Member&)>& visit) const override {
    if (!from.resource) refuse("listing of an unmapped path");
    const std::size_t base = state_.path(from.resource->id).depth();
    std::vector<NodeId> ids{from.resource->id};
    if (depth == Depth::infinity) {
      ids = state_.tree(from.resource->id);
    } else if (depth == Depth::one) {
      for (const auto& [key, member] : state_.node(ids[0]).members) ids.push_back(member);
    }
    std::size_t left = ids.size();
    if (wanted.page) {
      left = wanted.page->most;
      ids.erase(ids.begin());
      std::erase_if(ids, [&](NodeId id) {
        return !wanted.page->after.empty() &&
               text::nfc(state_.node(id).resource.name) <= text::nfc(wanted.page->after);
      });
    }
    for (NodeId id : ids) {
      if (left == 0) break;
      const State::Node& node = state_.node(id);
      const Path path = state_.path(id);
      Member member{.resource = node.resource,
                    .segments = path.segments().subspan(base),
                    .properties = {},
                    .locks = {},
                    .checksums = std::nullopt};
      if (hidden(member, base, wanted)) continue;
      if (wanted.properties) member.properties = properties(node.resource);
      if (wanted.locks) member.locks = covering(state_.lineage(id), node.resource);
      if (wanted.checksums && !node.resource.is_collection())
        member.checksums = state_.contents.at(node.resource.content)->checksums;
      visit(member);
      --left;
    }
  }

  [[nodiscard]] std::uint64_t count(const Resource& root, std::uint64_t limit) const override {
    const std::uint64_t all = state_.tree(root.id).size();
    return all > limit ? limit + 1 : all;
  }

  [[nodiscard]] bool fits_below(const Resource& root, std::size_t levels,
                                std::size_t bytes) const override {
    const Path base = state_.path(root.id);
    for (NodeId id : state_.tree(root.id)) {
      const Path path = state_.path(id);
      if (path.depth() - base.depth() > levels || path.bytes() - base.bytes() > bytes) return false;
    }
    return true;
  }

  void locks_within(const Resource& root, storage::Among among,
                    const std::function<bool(const Lock&)>& visit) const override {
    std::vector<Lock> found = live([&](const Lock& lock) {
      return state_.inside(lock.root_id, root.id) &&
             (among == storage::Among::all || lock.scope == storage::LockScope::exclusive);
    });
    std::stable_sort(found.begin(), found.end(),
                     [](const Lock& a, const Lock& b) { return a.root_id < b.root_id; });
    for (const Lock& lock : found)
      if (!visit(lock)) return;
  }

  [[nodiscard]] std::vector<Property> properties(const Resource& resource) const override {
    std::vector<Property> all;
    for (const auto& [name, xml] : state_.node(resource.id).properties) all.push_back({name, xml});
    return all;
  }

  [[nodiscard]] Content content(const Resource& file) const override {
    const auto found = state_.contents.find(file.content);
    if (found != state_.contents.end()) return *found->second;
    for (const auto& former : *formers_)
      if (const auto then = former.state->contents.find(file.content);
          then != former.state->contents.end())
        return *then->second;
    refuse("no such content");
  }

  [[nodiscard]] Content facts(const Resource& file) const override {
    Content all = content(file);
    all.bytes.clear();
    return all;
  }

  [[nodiscard]] std::optional<Lock> find_lock(std::string_view token,
                                              std::int64_t grace_s) const override {
    const auto found = state_.locks.find(std::string(token));
    if (found == state_.locks.end()) return std::nullopt;
    const Millis late = lease_ - found->second.expires();
    if (late >= 0 && (grace_s <= 0 || late > grace_s * 1000)) return std::nullopt;
    return shown(found->second);
  }

  [[nodiscard]] std::optional<Lock> find_lock(const Resolution& at, std::string_view token,
                                              std::int64_t grace_s) const override {
    std::optional<Lock> lock = find_lock(token, grace_s);
    const bool covers = lock && at.mapped() &&
                        (lock->root_id == at.resource->id ||
                         (lock->infinite && std::find(at.lineage.begin(), at.lineage.end(),
                                                      lock->root_id) != at.lineage.end()));
    return covers ? lock : std::nullopt;
  }

  [[nodiscard]] std::vector<Lock> late_locks(const Resolution& at,
                                             std::int64_t grace_s) const override {
    std::vector<Lock> late;
    for (const auto& [token, lock] : state_.locks)
      if (!is_live(lock) && lock.timeout_s > 0 && find_lock(at, token, grace_s))
        late.push_back(shown(lock));
    return late;
  }

  [[nodiscard]] std::vector<Lock> all_locks(std::size_t limit) const override {
    std::vector<Lock> all = live([](const Lock&) { return true; });
    std::stable_sort(all.begin(), all.end(),
                     [](const Lock& a, const Lock& b) { return a.root < b.root; });
    if (all.size() > limit) all.resize(limit);
    return all;
  }

  [[nodiscard]] std::uint64_t locks_of(storage::AccountId creator) const override {
    return live([&](const Lock& lock) { return lock.creator == creator; }).size();
  }

  [[nodiscard]] storage::Usage usage() const override {
    storage::Usage usage;
    for (const auto& [id, node] : state_.nodes) {
      ++usage.resources;
      usage.bytes += node.bytes();
    }
    for (const auto& [id, version] : state_.versions) usage.bytes += version.file.size;
    return usage;
  }

  [[nodiscard]] storage::Usage usage_of(AccountId account) const override {
    storage::Usage usage;
    const auto all = state_.all_accounts();
    if (all->find_group(account)) {
      for (const Account& each : all->accounts) {
        if (std::ranges::find(each.groups, account) == each.groups.end()) continue;
        usage.resources += usage_of(each.id).resources;
        usage.bytes += usage_of(each.id).bytes;
      }
      return usage;
    }
    if (!all->find(account)) return usage;
    for (const auto& [id, node] : state_.nodes) {
      if (node.resource.owner != account) continue;
      ++usage.resources;
      usage.bytes += node.bytes();
    }
    for (const auto& [id, version] : state_.versions)
      if (version.file.owner == account) usage.bytes += version.file.size;
    return usage;
  }

  [[nodiscard]] storage::Kept kept_of(AccountId account) const override {
    storage::Kept kept;
    const auto all = state_.all_accounts();
    for (const Account& each : all->accounts) {
      if (each.id != account && std::ranges::find(each.groups, account) == each.groups.end())
        continue;
      for (const auto& [id, entry] : state_.trash)
        if (entry.size && state_.node(entry.root.id).resource.owner == each.id)
          kept.trash_bytes += entry.size->bytes;
      for (const auto& [id, version] : state_.versions)
        if (version.file.owner == each.id) kept.version_bytes += version.file.size;
    }
    return kept;
  }

  void trash(std::int64_t after,
             const std::function<bool(const storage::TrashEntry&)>& visit) const override {
    for (const auto& [id, entry] : state_.trash)
      if (id > after && !visit(state_.shown(entry))) return;
  }

  [[nodiscard]] std::optional<storage::TrashEntry> trash_entry(std::int64_t id) const override {
    const auto found = state_.trash.find(id);
    if (found == state_.trash.end()) return std::nullopt;
    return state_.shown(found->second);
  }

  [[nodiscard]] storage::TrashEntry::Size size_of_trash(
      const storage::TrashEntry& entry) const override {
    storage::TrashEntry::Size size;
    for (NodeId id : state_.tree(entry.root.id)) {
      ++size.resources;
      size.bytes += state_.node(id).bytes();
    }
    return size;
  }

  [[nodiscard]] std::vector<storage::Version> versions(const Resource& file) const override {
    std::vector<storage::Version> found;
    if (file.is_collection()) return found;
    for (const auto& [id, version] : state_.versions)
      if (version.line == state_.node(file.id).line()) found.insert(found.begin(), version);
    return found;
  }

  void all_versions(std::int64_t after,
                    const std::function<bool(const storage::Version&)>& visit) const override {
    for (const auto& [id, version] : state_.versions)
      if (id > after && !visit(version)) return;
  }

  [[nodiscard]] std::vector<storage::Dated> next_line(std::int64_t& after) const override {
    std::map<std::int64_t, std::vector<storage::Dated>> lines;
    for (const auto& [id, version] : state_.versions)
      lines[version.line].push_back({id, version.file.stored});
    const auto next = lines.upper_bound(after);
    if (next == lines.end()) return {};
    after = next->first;
    return next->second;
  }

  [[nodiscard]] std::optional<storage::Instant> instant_at(Millis wall) const override {
    std::int64_t number = 0;
    for (const auto& former : *formers_)
      if (former.at / 1000 <= wall / 1000) ++number;
    if (number == 0) return std::nullopt;
    return storage::Instant{number, number};
  }
  [[nodiscard]] storage::Instant present_instant() const override {
    const auto number = static_cast<std::int64_t>(formers_->size());
    return {number, number};
  }
  [[nodiscard]] storage::Horizon horizon() const override {
    storage::Horizon horizon;
    horizon.begins_at = formers_->empty() ? wall_ : formers_->front().at;
    horizon.whole = {0, 0};
    horizon.whole_at = horizon.begins_at;
    return horizon;
  }
  void members_at(const storage::Instant& instant, NodeId collection,
                  const std::function<void(const storage::PastMember&)>& visit) const override {
    const State& then = state_at(instant);
    if (!then.nodes.contains(collection)) return;
    for (const auto& [key, member] : then.node(collection).members) visit(as_of(then, member));
  }
  [[nodiscard]] std::optional<storage::PastMember> resolve_at(const storage::Instant& instant,
                                                              const Path& path) const override {
    const State& then = state_at(instant);
    NodeId at = kRoot;
    for (const std::string& segment : path.segments()) {
      const auto next = then.member(at, segment);
      if (!next) return std::nullopt;
      at = *next;
    }
    return as_of(then, at);
  }
  [[nodiscard]] storage::Whereabouts whereabouts(NodeId id) const override {
    if (!state_.nodes.contains(id)) return {};
    if (state_.mapped(id)) return {state_.path(id), 0, false};
    const NodeId root = state_.lineage(id).front();
    for (const auto& [entry, tree] : state_.trash)
      if (tree.root.id == root) return {std::nullopt, entry, root == id};
    return {};
  }
  [[nodiscard]] std::vector<storage::NamedSnapshot> named_snapshots() const override {
    std::vector<storage::NamedSnapshot> all;
    for (const auto& [name, snapshot] : state_.snapshots) all.push_back(snapshot);
    return all;
  }
  [[nodiscard]] std::optional<std::string> holder(const storage::TrashEntry& entry) const override {
    for (const auto& [name, snapshot] : state_.snapshots)
      for (const NodeId id : state_.tree(entry.root.id))
        if (was_in(snapshot, id)) return name;
    return std::nullopt;
  }
  [[nodiscard]] std::optional<std::string> holder(const storage::Version& version) const override {
    for (const auto& [name, snapshot] : state_.snapshots) {
      const State& then = state_at(snapshot.instant);
      for (const auto& [id, node] : then.nodes)
        if (node.resource.content == version.file.content && !node.resource.is_collection() &&
            was_in(snapshot, id))
          return name;
    }
    return std::nullopt;
  }
  [[nodiscard]] Millis lease_now() const override { return lease_; }
  [[nodiscard]] Millis wall_now() const override { return wall_; }

 protected:
  // Returns true when the listing leaves out the member or a collection above it.
  [[nodiscard]] bool hidden(const Member& member, std::size_t base, const Wanted& wanted) const {
    if (!wanted.shown) return false;
    const std::vector<NodeId> lineage = state_.lineage(member.resource.id);
    for (std::size_t level = 1; level <= member.segments.size(); ++level)
      if (!wanted.shown(state_.node(lineage[base + level]).resource, member.segments.first(level)))
        return true;
    return false;
  }
  [[nodiscard]] bool is_live(const Lock& lock) const { return lease_ < lock.expires(); }
  [[nodiscard]] Lock shown(Lock lock) const {
    lock.root = state_.path(lock.root_id);
    return lock;
  }
  template <class Predicate>
  [[nodiscard]] std::vector<Lock> live(Predicate wanted) const {
    std::vector<Lock> found;
    for (const auto& [token, lock] : state_.locks)
      if (is_live(lock) && wanted(lock)) found.push_back(shown(lock));
    return found;
  }
  // Returns the locks rooted at `resource`, and those with infinite depth rooted anywhere in
  // `lineage`.
  [[nodiscard]] std::vector<Lock> covering(const std::vector<NodeId>& lineage,
                                           const std::optional<Resource>& resource) const {
    return live([&](const Lock& lock) {
      if (resource && lock.root_id == resource->id) return true;
      return lock.infinite &&
             std::find(lineage.begin(), lineage.end(), lock.root_id) != lineage.end();
    });
  }

  [[nodiscard]] const State& state_at(const storage::Instant& instant) const {
    if (instant.node > static_cast<std::int64_t>(formers_->size())) return state_;
    return *formers_->at(static_cast<std::size_t>(instant.node - 1)).state;
  }
  [[nodiscard]] storage::PastMember as_of(const State& then, NodeId id) const {
    storage::PastMember member;
    member.resource = then.node(id).resource;
    member.line = then.node(id).line();
    member.exists = state_.nodes.contains(id);
    return member;
  }
  [[nodiscard]] bool in_snapshot(const Resource& file) const {
    return std::ranges::any_of(state_.snapshots, [&](const auto& entry) {
      const State& then = state_at(entry.second.instant);
      return std::ranges::any_of(then.nodes, [&](const auto& node) {
        return !node.second.resource.is_collection() &&
               node.second.resource.content == file.content;
      });
    });
  }
  [[nodiscard]] bool was_in(const storage::NamedSnapshot& snapshot, NodeId id) const {
    const State& then = state_at(snapshot.instant);
    return then.nodes.contains(id) && then.mapped(id) && then.inside(id, snapshot.root);
  }

  const State& state_;
  const std::shared_ptr<const Formers> formers_;
  const Millis lease_;
  const Millis wall_;
};

class MemorySnapshot final : public Reading<storage::Snapshot> {
 public:
  MemorySnapshot(std::shared_ptr<const State> state, std::shared_ptr<const Formers> formers,
                 Millis lease, Millis wall)
      : Reading(*state, std::move(formers), lease, wall), kept_(std::move(state)) {}

 private:
  std::shared_ptr<const State> kept_;
};

class MemoryTransaction final : public Reading<storage::Transaction> {
 public:
  MemoryTransaction(State& state, std::shared_ptr<const Formers> formers,
                    MemoryNamespace::Counters& counters, storage::Keeping keeping, Millis lease,
                    Millis wall)
      : Reading(state, std::move(formers), lease, wall),
        tree_(state),
        counters_(counters),
        keeping_(state.snapshots.empty() ? keeping : storage::Keeping{true, true}) {}

  Resource put(const Resource& parent, std::string_view name, const Content& content,
               std::optional<Date> modified, AccountId owner) override {
    std::optional<NodeId> id = place(parent.id, name);
    if (id && tree_.node(*id).resource.is_collection()) refuse("content for a collection");
    const bool fresh = !id;
    end_late_locks(fresh ? parent.id : *id);
    if (fresh) {
      id = add(parent.id, name, Kind::file, owner);
      tree_.node(*id).own_line = line_left_at(parent.id, name);
    }
    State::Node& node = tree_.node(*id);
    const Millis stored_at = fresh ? wall_ : storage::stored_after(node.resource, wall_);
    if (!fresh && keeping_.versions &&
        (storage::is_kept(node.resource.stored, node.author, node.resource.size, stored_at,
                          author_) ||
         in_snapshot(node.resource))) {
      if (tree_.shares_line(*id, true)) node.own_line = ++counters_.last_node;
      add_version(node);
    }
    node.author = author_;
    const std::int64_t number = ++counters_.last_content;
    tree_.contents[number] = std::make_shared<const Content>(content);
    Resource& file = node.resource;
    file.content = number;
    file.etag = "m-" + std::to_string(number);
    file.size = content.size;
    file.stored = stored_at;
    file.modified = modified.value_or(Date(wall_));
    if (!fresh) note_change(*id);
    const Resource stored = file;
    if (fresh) follow_grants();
    return stored;
  }

  Resource make_collection(const Resource& parent, std::string_view name,
                           AccountId owner) override {
    if (place(parent.id, name)) refuse("a collection where something is mapped");
    end_late_locks(parent.id);
    Resource& made = tree_.node(add(parent.id, name, Kind::collection, owner)).resource;
    made.modified = tree_.node(parent.id).resource.modified;
    follow_grants();
    return made;
  }

  Resource copy_tree(const Resource& source, bool recursive, const Resource& parent,
                     std::string_view name, AccountId owner) override {
    const std::optional<NodeId> replaced = place(parent.id, name);
    if (tree_.inside(parent.id, source.id)) refuse("copy into itself");
    if (replaced && tree_.inside(source.id, *replaced)) refuse("copy onto itself or an ancestor");
    end_late_locks(parent.id);
    if (replaced) end_late_locks(*replaced);
    std::vector<Lock> kept;
    std::int64_t line = 0;
    if (replaced) kept = give_place(*replaced, tree_.node(source.id), false, line);
    const Date above = tree_.node(parent.id).resource.modified;
    const NodeId copy = add(parent.id, name, tree_.node(source.id).resource.kind, owner);
    fill(copy, source.id, recursive);
    tree_.node(copy).own_line = line;
    settle_locks(kept, copy);
    tree_.node(copy).resource.modified = arrived(source, copy, above);
    follow_grants();
    return tree_.node(copy).resource;
  }

  std::shared_ptr<storage::TreeCopy> begin_copy(const Resource& source, AccountId owner) override {
    const auto copy = std::make_shared<Copying>();
    copy->source = source.id;
    copy->owner = owner;
    return copy;
  }
  // Nothing is made before the copy is placed: what counts is what the source has until then.
  bool copy_part(storage::TreeCopy& of, std::size_t) override {
    auto& copy = static_cast<Copying&>(of);
    if (copy.was.empty()) copy.was = shape(copy.source);
    return true;
  }
  std::optional<Resource> place_copy(storage::TreeCopy& of, const Resource& source,
                                     const Resource& parent, std::string_view name) override {
    const auto& copy = static_cast<const Copying&>(of);
    if (copy.source != source.id || copy.was.empty() || copy.was != shape(source.id))
      return std::nullopt;
    return copy_tree(source, true, parent, name, copy.owner);
  }
  Resource move_tree(const Resource& source, const Resource& parent,
                     std::string_view name) override {
    if (source.id == kRoot) refuse("move of the root");
    const std::optional<NodeId> replaced = place(parent.id, name);
    if (tree_.inside(parent.id, source.id)) refuse("move into itself");
    const bool respelt = replaced == source.id;
    if (replaced && !respelt && tree_.inside(source.id, *replaced)) refuse("move onto an ancestor");
    end_late_locks(tree_.node(source.id).resource.parent);
    end_late_locks(parent.id);
    if (replaced) end_late_locks(*replaced);
    std::vector<Lock> kept;
    if (!respelt) {
      std::erase_if(tree_.locks, [&](const auto& entry) {
        return tree_.inside(entry.second.root_id, source.id);
      });
      const State::Node moved = tree_.node(source.id);
      const bool is_file = !moved.resource.is_collection();
      const bool history = is_file && keeping_.versions && tree_.has_versions(moved.line());
      std::int64_t line = moved.own_line;
      if (replaced) {
        kept = give_place(*replaced, moved, history, line);
      } else if (is_file && !history) {
        if (const std::int64_t left = line_left_at(parent.id, name)) line = left;
      }
      tree_.node(source.id).own_line = line;
      if (is_file) note_departure(moved.resource);
    }
    note_leaving(tree_.node(source.id).resource);
    State::Node& node = tree_.node(source.id);
    State::Node& from = tree_.node(node.resource.parent);
    State::Node& to = tree_.node(parent.id);
    const Resource before = node.resource;
    if (respelt && before.is_collection()) {
      node.resource.modified =
          storage::collection_date_set(source.modified, before.modified, wall_);
    } else {
      node.resource.modified = arrived(source, source.id, to.resource.modified);
    }
    from.members.erase(text::nfc(before.name));
    if (!respelt)
      from.resource.modified = storage::date_after_loss(from.resource.modified, wall_, source);
    node.resource.parent = parent.id;
    node.resource.name = name;
    to.members[text::nfc(name)] = source.id;
    to.had_members = true;
    to.resource.modified = storage::date_after_arrival(to.resource.modified, wall_);
    note_arrival(source.id);
    settle_locks(kept, source.id);
    follow_grants();
    return node.resource;
  }

  void remove_tree(const Resource& root) override {
    if (root.id == kRoot) refuse("removal of the root");
    tree_changed_ = true;
    end_late_locks(tree_.node(root.id).resource.parent);
    (void)unlink(root.id);
    leave(root.id);
    follow_grants();
  }

  void acts_for(AccountId account) override { author_ = account; }
  void keep_nothing() override { keeping_ = {}; }

  Resource restore_trash(std::int64_t id, const Resource& parent, std::string_view name) override {
    const auto entry = tree_.trash.find(id);
    if (entry == tree_.trash.end()) refuse("no such tree in the trash");
    if (!tree_.mapped(parent.id)) refuse("a parent that is not mapped");
    if (place(parent.id, name)) refuse("the name is taken");
    end_late_locks(parent.id);
    const NodeId root = entry->second.root.id;
    tree_.trash.erase(entry);
    State::Node& node = tree_.node(root);
    State::Node& above = tree_.node(parent.id);
    node.resource.modified =
        node.resource.is_collection()
            ? arrived(node.resource, root, above.resource.modified)
            : storage::date_of_arrived(node.resource.modified, above.resource, nullptr);
    node.resource.parent = parent.id;
    node.resource.name = name;
    above.members[text::nfc(name)] = root;
    above.had_members = true;
    above.resource.modified = storage::date_after_arrival(above.resource.modified, wall_);
    note_arrival(root);
    follow_grants();
    return node.resource;
  }

  bool purge_trash(std::int64_t id) override {
    const auto entry = tree_.trash.find(id);
    if (entry == tree_.trash.end() || holder(entry->second)) return false;
    tree_changed_ = true;
    const NodeId root = entry->second.root.id;
    tree_.trash.erase(entry);
    erase_tree(root);
    return true;
  }

  void measure_trash(std::int64_t id, storage::TrashEntry::Size size) override {
    const auto entry = tree_.trash.find(id);
    if (entry == tree_.trash.end() || entry->second.size) return;
    tree_changed_ = true;
    entry->second.size = size;
  }

  Resource restore_version(const Resource& file, std::int64_t version, Date modified) override {
    State::Node& node = tree_.node(file.id);
    const auto found = tree_.versions.find(version);
    if (node.resource.is_collection() || found == tree_.versions.end() ||
        found->second.line != node.line())
      refuse("the file has no such version");
    tree_changed_ = true;
    end_late_locks(file.id);
    const storage::Version restored = found->second;
    add_version(node);
    Resource& now = node.resource;
    now.stored = storage::stored_after(now, wall_);
    now.content = restored.file.content;
    now.etag = restored.file.etag;
    now.size = restored.file.size;
    now.modified = modified;
    node.author = restored.author;
    note_change(file.id);
    return now;
  }

  bool purge_version(std::int64_t id) override {
    const auto found = tree_.versions.find(id);
    if (found == tree_.versions.end() || holder(found->second)) return false;
    tree_.versions.erase(found);
    tree_changed_ = true;
    return true;
  }

  Resource restore_content(const Resource& file, const storage::PastMember& then) override {
    State::Node& node = tree_.node(file.id);
    if (node.resource.is_collection()) refuse("a collection has no content");
    if (node.resource.content == then.resource.content) return node.resource;
    tree_changed_ = true;
    end_late_locks(file.id);
    add_version(node);
    Resource& now = node.resource;
    tree_.contents[then.resource.content] = std::make_shared<const Content>(content(then.resource));
    now.stored = storage::stored_after(now, wall_);
    now.modified =
        storage::date_of_content(then.resource.modified.at, now, tree_.node(now.parent).resource);
    now.content = then.resource.content;
    now.etag = then.resource.etag;
    now.size = then.resource.size;
    node.author = author_;
    note_change(file.id);
    return now;
  }

  Resource restore_file(const storage::PastMember& then, const Resource& parent,
                        std::string_view name) override {
    if (place(parent.id, name)) refuse("the name is taken");
    end_late_locks(parent.id);
    const bool shared = std::ranges::any_of(tree_.nodes, [&](const auto& entry) {
      return !entry.second.resource.is_collection() && entry.second.line() == then.line;
    });
    const NodeId id = add(parent.id, name, Kind::file, then.resource.owner);
    State::Node& node = tree_.node(id);
    node.own_line = shared ? 0 : then.line;
    node.author = author_;
    Resource& file = node.resource;
    tree_.contents[then.resource.content] = std::make_shared<const Content>(content(then.resource));
    file.content = then.resource.content;
    file.etag = then.resource.etag;
    file.size = then.resource.size;
    file.stored = then.resource.stored;
    file.created = then.resource.created;
    file.modified =
        storage::date_of_arrived(then.resource.modified, tree_.node(parent.id).resource, nullptr);
    follow_grants();
    return file;
  }

  Resource restore_member(const Resource& source, const Resource& parent,
                          std::string_view name) override {
    const storage::Whereabouts is = this->whereabouts(source.id);
    if (is.trash == 0 || is.is_root) refuse("no member of a tree in the trash");
    if (place(parent.id, name)) refuse("the name is taken");
    std::optional<storage::TrashEntry::Size>& size = tree_.trash.at(is.trash).size;
    if (size) {
      for (const NodeId id : tree_.tree(source.id)) {
        --size->resources;
        size->bytes -= tree_.node(id).bytes();
      }
    }
    return move_tree(tree_.node(source.id).resource, parent, name);
  }

  void add_snapshot(storage::NamedSnapshot snapshot) override {
    if (tree_.snapshots.contains(snapshot.name)) refuse("the name is taken");
    tree_changed_ = true;
    const auto number = static_cast<std::int64_t>(formers_->size());
    snapshot.instant = {number, number};
    snapshot.created = wall_;
    tree_.snapshots[snapshot.name] = snapshot;
  }

  bool remove_snapshot(std::string_view name) override {
    if (tree_.snapshots.erase(std::string(name)) == 0) return false;
    tree_changed_ = true;
    return true;
  }

  std::size_t forget_changes(Millis before, std::size_t most) override {
    std::size_t forgotten = 0;
    while (forgotten < most && forgotten < tree_.changes.size() &&
           tree_.changes[forgotten].second / 1000 < before / 1000)
      ++forgotten;
    if (forgotten == 0) return 0;
    tree_changed_ = true;
    const auto end = tree_.changes.begin() + static_cast<std::ptrdiff_t>(forgotten);
    tree_.changes_since = std::prev(end)->first.number + 1;
    tree_.changes.erase(tree_.changes.begin(), end);
    return forgotten;
  }

  NodeId forget_places(const storage::Instant&, NodeId, std::size_t) override { return 0; }

  storage::Usage adopt_tree(const Resource& root, AccountId owner) override {
    const auto all = tree_.all_accounts();
    if (!all->find(owner)) refuse("no such account");
    static_cast<void>(tree_.node(root.id));
    tree_changed_ = true;
    storage::Usage adopted;
    for (auto& [id, node] : tree_.nodes) {
      if (id == kRoot || !tree_.inside(id, root.id) || all->find(node.resource.owner)) continue;
      node.resource.owner = owner;
      ++adopted.resources;
      adopted.bytes += node.bytes();
    }
    return adopted;
  }

  void set_owner(NodeId id, AccountId owner) override {
    tree_changed_ = true;
    tree_.node(id).resource.owner = owner;
  }

  std::int64_t patch_properties(NodeId id,
                                std::span<const storage::PropertyChange> changes) override {
    tree_changed_ = true;
    State::Node& node = tree_.node(id);
    const std::uint64_t before = node.property_bytes();
    if (!changes.empty()) end_late_locks(id);
    for (const storage::PropertyChange& change : changes) {
      if (change.xml) {
        node.properties[change.name] = *change.xml;
      } else {
        node.properties.erase(change.name);
      }
    }
    node.resource.property_set = node.properties.empty() ? 0 : id;
    if (!changes.empty()) note_change(id);
    return static_cast<std::int64_t>(node.property_bytes()) - static_cast<std::int64_t>(before);
  }

  void set_modified(NodeId id, Date modified) override {
    tree_changed_ = true;
    Resource& of = tree_.node(id).resource;
    end_late_locks(id);
    of.modified =
        of.is_collection() ? storage::collection_date_set(modified, of.modified, wall_) : modified;
    note_change(id);
  }

  Lock add_lock(Lock lock) override {
    static_cast<void>(tree_.node(lock.root_id));
    if (tree_.locks.contains(lock.token)) refuse("two locks with one token");
    end_late_locks(lock.root_id);
    lock.granted = lease_;
    return shown(tree_.locks[lock.token] = lock);
  }

  Lock refresh_lock(const Lock& lock, std::int64_t timeout_s) override {
    const auto found = tree_.locks.find(lock.token);
    if (found == tree_.locks.end() || found->second.root_id != lock.root_id ||
        found->second.timeout_s == 0)
      refuse("refresh of no lock");
    found->second.granted = lease_;
    found->second.timeout_s = timeout_s;
    return shown(found->second);
  }

  bool remove_lock(const Lock& lock) override {
    return std::erase_if(tree_.locks, [&](const auto& entry) {
             return entry.first == lock.token && entry.second.root_id == lock.root_id;
           }) > 0;
  }

  [[nodiscard]] std::shared_ptr<const Accounts> accounts() const override {
    return tree_.all_accounts();
  }

  AccountId put_account(Account account) override {
    if (!storage::account_name_allowed(account.name)) refuse("a name that no account may have");
    const auto all = tree_.all_accounts();
    const Account* const same_name = all->find(account.name);
    const Account* const same_id = all->find(account.id);
    if (same_name && same_name->id != account.id) refuse("the name is another account's");
    if (account.id != storage::kNobody && !same_id) refuse("there is no such account");
    std::ranges::sort(account.groups);
    for (const AccountId group : account.groups)
      if (!all->find_group(group)) refuse("there is no such group");
    tree_changed_ = true;
    if (same_id && (same_id->password_hash != account.password_hash || account.suspended))
      end_sessions(account.id);
    if (same_id) tree_.accounts.erase(same_id->name);
    if (account.id == storage::kNobody) account.id = ++counters_.last_account;
    bind_grants(account.grants);
    tree_.accounts[account.name] = account;
    tree_.any_account_ever = true;
    return account.id;
  }

  AccountId put_group(storage::Group group) override {
    if (!storage::account_name_allowed(group.name)) refuse("a name that no group may have");
    const auto all = tree_.all_accounts();
    const storage::Group* const same_name = all->find_group(group.name);
    const storage::Group* const same_id = all->find_group(group.id);
    if (same_name && same_name->id != group.id) refuse("the name is another group's");
    if (group.id != storage::kNobody && !same_id) refuse("there is no such group");
    tree_changed_ = true;
    if (same_id) tree_.groups.erase(same_id->name);
    if (group.id == storage::kNobody) group.id = ++counters_.last_account;
    bind_grants(group.grants);
    tree_.groups[group.name] = group;
    return group.id;
  }

  void remove_group(AccountId id) override {
    const auto all = tree_.all_accounts();
    const storage::Group* const gone = all->find_group(id);
    if (!gone) refuse("there is no such group");
    tree_changed_ = true;
    tree_.groups.erase(gone->name);
    for (auto& [name, account] : tree_.accounts) std::erase(account.groups, id);
  }

  void remove_account(AccountId id) override {
    const auto gone = std::find_if(tree_.accounts.begin(), tree_.accounts.end(),
                                   [&](const auto& entry) { return entry.second.id == id; });
    if (gone == tree_.accounts.end()) refuse("no such account");
    tree_changed_ = true;
    std::erase_if(tree_.tokens, [&](const auto& entry) { return entry.second.account == id; });
    end_sessions(id);
    std::erase_if(tree_.shares, [&](const auto& entry) { return entry.second.account == id; });
    std::erase_if(tree_.locks, [&](const auto& entry) { return entry.second.creator == id; });
    tree_.accounts.erase(gone);
  }

  void put_token(DeviceToken token) override {
    if (!tree_.all_accounts()->find(token.account)) refuse("no such account");
    tree_changed_ = true;
    tree_.tokens[token.id] = token;
  }

  bool remove_token(std::string_view id) override {
    if (tree_.tokens.erase(std::string(id)) == 0) return false;
    tree_changed_ = true;
    return true;
  }

  void put_session(Session session) override {
    if (!tree_.all_accounts()->find(session.account)) refuse("no such account");
    tree_changed_ = true;
    tree_.sessions[session.id] = session;
  }

  bool remove_session(std::string_view id) override {
    if (tree_.sessions.erase(std::string(id)) == 0) return false;
    tree_changed_ = true;
    return true;
  }

  void put_share(Share share) override {
    if (!tree_.all_accounts()->find(share.account)) refuse("no such account");
    tree_changed_ = true;
    tree_.shares[share.id] = share;
  }

  bool remove_share(std::string_view id) override {
    if (tree_.shares.erase(std::string(id)) == 0) return false;
    tree_changed_ = true;
    return true;
  }

  // Returns true when something besides locks has changed, so that the write must be flushed
  // whatever the caller requested.
  [[nodiscard]] bool tree_changed() const { return tree_changed_; }

 private:
  void end_sessions(AccountId id) {
    std::erase_if(tree_.sessions, [&](const auto& entry) { return entry.second.account == id; });
  }

  std::int64_t note(storage::Change change) {
    change.number = ++counters_.last_node;
    tree_.changes.emplace_back(change, wall_);
    tree_.next_change = change.number + 1;
    return change.number;
  }
  void note_change(NodeId id) {
    const Resource& resource = tree_.node(id).resource;
    tree_.tag(resource.is_collection() ? id : resource.parent, note({.node = id}));
  }
  void note_arrival(NodeId id) {
    State::Node& node = tree_.node(id);
    node.since = note({.node = id});
    tree_.tag(id, node.since);
  }
  void note_leaving(const Resource& gone) {
    tree_.tag(gone.parent, note({.node = gone.id,
                                 .left = gone.parent,
                                 .name = gone.name,
                                 .collection = gone.is_collection()}));
  }

  // What storage/accounts.h says of grants and resources, one grant at a time.
  void follow_grants() {
    for (auto& [name, account] : tree_.accounts) follow_grants(account.grants);
    for (auto& [name, group] : tree_.groups) follow_grants(group.grants);
  }
  void follow_grants(std::vector<storage::Grant>& grants) {
    std::vector<storage::Grant> kept;
    for (storage::Grant grant : grants) {
      if (grant.node == 0 || !tree_.mapped(grant.node)) continue;
      grant.path = tree_.path(grant.node);
      kept.push_back(grant);
    }
    for (const storage::Grant& grant : grants) {
      if (grant.node != 0 && tree_.mapped(grant.node)) continue;
      if (grant.node != 0 && !resolve(grant.path).mapped()) continue;
      if (std::ranges::none_of(kept, [&](const storage::Grant& other) {
            return storage::same_path(other.path, grant.path);
          }))
        kept.push_back(grant);
    }
    bind_grants(kept);
    grants = std::move(kept);
  }

  void bind_grants(std::vector<storage::Grant>& grants) {
    std::sort(grants.begin(), grants.end(),
              [](const auto& a, const auto& b) { return a.path < b.path; });
    for (storage::Grant& grant : grants) {
      const Resolution found = resolve(grant.path);
      grant.node = found.mapped() ? found.resource->id : 0;
    }
  }

  // Ends for good the expired locks that cover this resource.
  void end_late_locks(NodeId changed) {
    const std::vector<NodeId> up = tree_.lineage(changed);
    for (auto& [token, lock] : tree_.locks) {
      const bool covers =
          lock.root_id == changed ||
          (lock.infinite && std::find(up.begin(), up.end(), lock.root_id) != up.end());
      if (!covers || this->is_live(lock)) continue;
      lock.granted = lock.expires();
      lock.timeout_s = 0;
    }
  }

  // Returns what is mapped at parent/name; throws where nothing can be mapped. Called before every
  // operation that maps a resource.
  std::optional<NodeId> place(NodeId parent, std::string_view name) {
    if (!tree_.node(parent).resource.is_collection()) refuse("the parent is a file");
    if (name.empty() || name.size() > 255 || name.find('/') != name.npos ||
        name.find('\0') != name.npos)
      refuse("not a name");
    tree_changed_ = true;
    return tree_.member(parent, name);
  }

  NodeId add(NodeId parent, std::string_view name, Kind kind, AccountId owner) {
    const NodeId id = ++counters_.last_node;
    Resource& resource = tree_.nodes[id].resource;
    resource.id = id;
    resource.parent = parent;
    resource.name = name;
    resource.kind = kind;
    resource.owner = owner;
    resource.created = wall_;
    resource.modified = wall_;
    State::Node& above = tree_.node(parent);
    above.members[text::nfc(name)] = id;
    above.had_members = true;
    above.resource.modified = storage::date_after_arrival(above.resource.modified, wall_);
    note_arrival(id);
    return id;
  }

  // Returns the date of what comes by COPY or MOVE as `node` to a collection dated `above`.
  [[nodiscard]] Date arrived(const Resource& source, NodeId node, Date above) const {
    if (!source.is_collection()) return source.modified;
    return storage::date_of_arrived_collection(source.modified, tree_.node(node).had_members, above,
                                               wall_);
  }

  // Makes the new resource `copy` equal to `source`, with all members when `recursive`.
  void fill(NodeId copy, NodeId source, bool recursive) {
    const State::Node from = tree_.node(source);
    if (recursive)
      for (const auto& [key, member] : from.members) {
        const Resource& resource = tree_.node(member).resource;
        const AccountId owner = tree_.node(copy).resource.owner;
        fill(add(copy, std::string(resource.name), resource.kind, owner), member, true);
      }
    State::Node& to = tree_.node(copy);
    to.properties = from.properties;
    if (recursive) to.had_members = from.had_members;
    to.resource.modified = from.resource.modified;
    to.resource.etag = from.resource.etag;
    to.resource.size = from.resource.size;
    to.resource.stored = from.resource.stored;
    to.resource.content = from.resource.content;
    to.author = from.author;
  }

  struct Copying final : storage::TreeCopy {
    NodeId source = 0;
    AccountId owner = storage::kNobody;
    std::string was;  // the source's shape when the first part was made
    [[nodiscard]] bool outdated() const override { return false; }
  };

  // Returns all of a tree that a copy of it has, but for the name and the date of its root.
  [[nodiscard]] std::string shape(NodeId top) const {
    if (!tree_.nodes.contains(top)) return "gone";
    std::ostringstream out;
    for (NodeId id : tree_.tree(top)) {
      const State::Node& node = tree_.node(id);
      const Resource& each = node.resource;
      if (id != top)
        out << each.parent << '/' << each.name << ' ' << each.modified.at << '/'
            << static_cast<int>(each.modified.mark);
      out << id << ' ' << each.content << ' ' << each.etag << ' ' << each.size << ' '
          << node.author;
      for (const auto& [name, xml] : node.properties)
        out << ' ' << name.xmlns << ' ' << name.name << ' ' << xml;
      out << '\n';
    }
    return out.str();
  }

  // Takes the tree from its place, without its locks; returns the locks that were rooted at `top`.
  std::vector<Lock> unlink(NodeId top) {
    note_leaving(tree_.node(top).resource);
    std::vector<Lock> rooted;
    for (NodeId id : tree_.tree(top))
      std::erase_if(tree_.locks, [&](const auto& entry) {
        if (entry.second.root_id != id) return false;
        if (id == top) rooted.push_back(entry.second);
        return true;
      });
    const Resource resource = tree_.node(top).resource;
    State::Node& parent = tree_.node(resource.parent);
    parent.members.erase(text::nfc(resource.name));
    parent.resource.modified = storage::date_after_loss(parent.resource.modified, wall_, resource);
    return rooted;
  }

  // Does with an unlinked tree what is done with what leaves: it becomes a version, goes to the
  // trash or is removed.
  void leave(NodeId top) {
    State::Node& node = tree_.node(top);
    if (!node.resource.is_collection()) {
      note_departure(node.resource);
      if (keeping_.versions && tree_.shares_line(top, true)) return become_version(top, true);
    }
    if (!keeping_.trash) return erase_tree(top);
    storage::TrashEntry entry;
    entry.id = ++counters_.last_node;
    entry.path = tree_.path(node.resource.parent).child(node.resource.name);
    entry.root.id = top;
    entry.root.parent = node.resource.parent;
    entry.removed = wall_;
    entry.remover = author_;
    if (!node.had_members) entry.size = {1, node.bytes()};
    node.resource.parent = kTrash;
    tree_.trash[entry.id] = entry;
  }

  // Takes `replaced` away for `next`, which gets the line.
  std::vector<Lock> give_place(NodeId replaced, const State::Node& next, bool history,
                               std::int64_t& line) {
    const std::vector<Lock> rooted = unlink(replaced);
    const State::Node& node = tree_.node(replaced);
    if (!keeping_.versions || history || node.resource.is_collection() ||
        next.resource.is_collection()) {
      leave(replaced);
      return rooted;
    }
    line = node.line();
    const bool kept =
        in_snapshot(node.resource) ||
        (node.resource.content != next.resource.content &&
         storage::is_kept(node.resource.stored, node.author, node.resource.size, wall_, author_));
    become_version(replaced, kept);
    return rooted;
  }

  void become_version(NodeId file, bool kept) {
    if (kept) add_version(tree_.node(file));
    tree_.nodes.erase(file);
  }

  void add_version(const State::Node& node) {
    storage::Version version;
    version.id = ++counters_.last_node;
    version.line = node.line();
    const Resource& file = node.resource;
    version.file.kind = Kind::file;
    version.file.content = file.content;
    version.file.etag = file.etag;
    version.file.size = file.size;
    version.file.stored = file.stored;
    version.file.created = file.created;
    version.file.modified = file.modified;
    version.file.owner = file.owner;
    version.author = node.author;
    version.replaced = wall_;
    tree_.versions[version.id] = version;
  }

  // Removes the tree, and the versions whose last file is gone.
  void erase_tree(NodeId top) {
    for (NodeId id : tree_.tree(top)) {
      const std::int64_t line = tree_.node(id).line();
      const bool last = !tree_.node(id).resource.is_collection() && !tree_.shares_line(id, false);
      tree_.nodes.erase(id);
      if (last)
        std::erase_if(tree_.versions, [&](const auto& entry) { return entry.second.line == line; });
    }
  }

  void note_departure(const Resource& file) {
    if (keeping_.versions)
      counters_.departures[{file.parent, text::nfc(file.name)}] = {file.id, lease_};
  }

  [[nodiscard]] std::int64_t line_left_at(NodeId parent, std::string_view name) const {
    const auto found = counters_.departures.find({parent, text::nfc(name)});
    if (!keeping_.versions || found == counters_.departures.end() ||
        lease_ - found->second.second > kContinues || !tree_.nodes.contains(found->second.first))
      return 0;
    return tree_.node(found->second.first).line();
  }

  void settle_locks(const std::vector<Lock>& kept, NodeId root) {
    for (Lock lock : kept) {
      lock.root_id = root;
      tree_.locks[lock.token] = lock;
    }
  }

  State& tree_;
  MemoryNamespace::Counters& counters_;
  storage::Keeping keeping_;
  AccountId author_ = storage::kNobody;
  bool tree_changed_ = false;
};

}  // namespace

MemoryNamespace::MemoryNamespace(const storage::Clock& clock)
    : clock_(clock),
      counters_(std::make_unique<Counters>()),
      formers_(std::make_shared<Formers>()) {
  auto state = std::make_shared<State>();
  Resource& root = state->nodes[kRoot].resource;
  root.id = kRoot;
  root.created = clock.wall();
  root.modified = clock.wall();
  current_ = std::move(state);
}

MemoryNamespace::~MemoryNamespace() = default;

std::shared_ptr<const MemoryNamespace::State> MemoryNamespace::current() const {
  const std::lock_guard lock(exchange_);
  return current_;
}

std::shared_ptr<const std::vector<MemoryNamespace::Former>> MemoryNamespace::formers() const {
  const std::lock_guard lock(exchange_);
  return formers_;
}

void MemoryNamespace::replace(std::shared_ptr<const State> next) {
  const std::lock_guard lock(exchange_);
  if (keeping_.load().trash && formers_->size() < kMostFormers && next->nodes.size() < kMostNodes) {
    auto formers = std::make_shared<Formers>(*formers_);
    formers->push_back({next, clock_.wall()});
    formers_ = std::move(formers);
  }
  current_ = std::move(next);
}

std::unique_ptr<const storage::Snapshot> MemoryNamespace::snapshot() const {
  return std::make_unique<MemorySnapshot>(current(), formers(), clock_.lease(), clock_.wall());
}

void MemoryNamespace::write(storage::Flush flush,
                            const std::function<void(storage::Transaction&)>& fn) {
  const std::lock_guard lock(writer_);
  if (rerun_) {
    State scratch = *current();
    MemoryTransaction transaction(scratch, formers(), *counters_, keeping_, clock_.lease(),
                                  clock_.wall());
    try {
      fn(transaction);
    } catch (...) {
      // An exception of the first run is ignored: the second run decides what is thrown.
    }
  }
  auto next = std::make_shared<State>(*current());
  MemoryTransaction transaction(*next, formers(), *counters_, keeping_, clock_.lease(),
                                clock_.wall());
  fn(transaction);
  next->settle();
  replace(std::move(next));
  ++batches_;
  if (flush == storage::Flush::required || transaction.tree_changed()) ++flushed_batches_;
  waits_.all_changed();
}

std::shared_ptr<const Accounts> MemoryNamespace::accounts() const {
  return current()->all_accounts();
}

std::vector<std::string> MemoryNamespace::garbage(std::size_t limit) const {
  std::vector<std::string> all = current()->garbage;
  if (all.size() > limit) all.resize(limit);
  return all;
}

void MemoryNamespace::forget_garbage(std::span<const std::string> blobs) {
  const std::lock_guard lock(writer_);
  auto next = std::make_shared<State>(*current());
  std::erase_if(next->garbage, [&](const std::string& blob) {
    return std::find(blobs.begin(), blobs.end(), blob) != blobs.end();
  });
  replace(std::move(next));
}

bool MemoryNamespace::names_blob(const std::string& blob) const {
  const auto state = current();
  return std::find(state->garbage.begin(), state->garbage.end(), blob) != state->garbage.end() ||
         std::any_of(state->contents.begin(), state->contents.end(),
                     [&](const auto& entry) { return entry.second->blob == blob; });
}

std::uint64_t MemoryNamespace::garbage_count() const { return current()->garbage.size(); }

void MemoryNamespace::for_each_blob(
    const std::function<void(std::int64_t, const Content&)>& visit) const {
  const auto state = current();
  for (const auto& [id, content] : state->contents)
    if (!content->is_inline()) visit(id, *content);
}

void MemoryNamespace::for_each_inline(
    const std::function<void(std::int64_t, const Content&)>& visit) const {
  const auto state = current();
  for (const auto& [id, content] : state->contents)
    if (content->is_inline()) visit(id, *content);
}

void MemoryNamespace::purge_expired_locks(std::int64_t grace_s) {
  const std::lock_guard lock(writer_);
  auto next = std::make_shared<State>(*current());
  std::erase_if(next->locks, [&](const auto& entry) {
    return clock_.lease() - entry.second.expires() > grace_s * 1000;
  });
  replace(std::move(next));
}

storage::NamespaceStats MemoryNamespace::stats() const {
  storage::NamespaceStats stats;
  stats.batches = batches_;
  stats.flushed_batches = flushed_batches_;
  stats.writes = batches_;
  stats.largest_batch = stats.batches > 0 ? 1 : 0;
  stats.batch_size_buckets.assign(12, 0);
  stats.batch_size_buckets[0] = stats.batches;
  const auto now = snapshot();
  stats.locks = now->all_locks(SIZE_MAX).size();
  stats.usage = now->usage();
  return stats;
}

storage::NamespaceCheck MemoryNamespace::check(bool /*repair*/) {
  const auto state = current();
  storage::NamespaceCheck check;
  check.resources = state->nodes.size();
  check.contents = state->contents.size();
  std::vector<NodeId> tree = state->tree(kRoot);
  for (const auto& [id, entry] : state->trash)
    for (const NodeId each : state->tree(entry.root.id)) tree.push_back(each);
  if (std::set<NodeId>(tree.begin(), tree.end()).size() != state->nodes.size())
    check.problems.emplace_back("A resource cannot be reached from the root.");
  for (const auto& [id, node] : state->nodes) {
    for (const auto& [key, member] : node.members)
      if (state->node(member).resource.parent != id ||
          text::nfc(state->node(member).resource.name) != key)
        check.problems.emplace_back("A member does not know its parent or its name.");
    if (!node.resource.is_collection() && !state->contents.contains(node.resource.content))
      check.problems.emplace_back("A file has no content.");
  }
  for (const auto& [token, lock] : state->locks)
    if (!state->nodes.contains(lock.root_id)) check.problems.emplace_back("A lock has no root.");
  return check;
}

}  // namespace holdfast::test
