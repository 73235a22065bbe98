// Queries about the tree as it was, and about what named snapshots hold.
#include <algorithm>
#include <limits>

#include "storage/sqlite/file/path_text.h"
#include "storage/sqlite/file/schema.h"
#include "storage/sqlite/read/queries.h"
#include "text/ascii.h"

namespace holdfast::storage::sqlite {

namespace {

constexpr std::size_t kAll = std::size_t{1} << 40;  // more rows than any collection has

std::int64_t second_of(Millis time) { return time / 1000 - (time % 1000 < 0 ? 1 : 0); }

// Returns the number of the entry of a tree in the trash.
std::int64_t number_of_key(std::string_view key) {
  const std::size_t first = key.find_first_not_of('0');
  if (first == std::string_view::npos) return 0;
  return static_cast<std::int64_t>(text::parse_number(key.substr(first)).value_or(0));
}

// Gives `file` the content of a version, and the dates that came with it.
void take_content(Resource& file, const Resource& from) {
  file.content = from.content;
  file.size = from.size;
  file.stored = from.stored;
  file.modified = from.modified;
  file.etag = from.etag;
}

}  // namespace

std::optional<Instant> Queries::instant_at(Millis wall) {
  const std::int64_t second = second_of(wall);
  {
    Run run(instant_before_, 0, second);
    if (!run.row() || run.null(0)) return std::nullopt;
  }
  Run run(instant_after_, second);
  if (!run.row()) return Instant();
  return Instant{run.integer(0), run.integer(1)};
}

Horizon Queries::horizon() {
  std::int64_t since = 0;
  {
    Run run(whole_since_);
    if (!run.row()) throw Error(Fault::corrupt, "the meta row is missing");
    since = run.integer(0);
  }
  return horizon(since);
}

Horizon Queries::horizon(std::int64_t whole_since) {
  Horizon horizon;
  horizon.whole = {whole_since, 0};
  Run run(instant_before_, whole_since, std::numeric_limits<std::int64_t>::max());
  if (!run.row() || run.null(0)) {
    horizon.begins_at = horizon.whole_at = wall_now_;
    return horizon;
  }
  horizon.begins_at = run.amount(0) * 1000;
  horizon.whole_at = run.null(1) ? horizon.begins_at : run.amount(1) * 1000;
  return horizon;
}

Instant Queries::present_instant() {
  Run run(present_);
  if (!run.row()) throw Error(Fault::corrupt, "the meta row is missing");
  return {run.integer(0), run.integer(1)};
}

std::optional<Version> Queries::version_after(NodeId node, std::int64_t instant) {
  std::optional<Version> first;
  for (Statement* statement : {&own_version_after_, &other_version_after_}) {
    Run run(*statement, node, instant);
    if (run.row() && (!first || run.integer(0) < first->id)) first = read_version(run);
  }
  return first;
}

std::int64_t Queries::second_after(const Instant& instant) {
  constexpr std::int64_t kNone = std::numeric_limits<std::int64_t>::max();
  if (instant.node == second_after_.first.node && instant.content == second_after_.first.content)
    return second_after_.second;
  std::int64_t from = 0;
  std::int64_t to = 0;
  {
    Run run(last_instant_);
    if (!run.row() || run.null(0)) return kNone;
    to = run.integer(0);
  }
  // Later seconds have no smaller ids.
  std::int64_t found = kNone;
  while (from <= to) {
    const std::int64_t middle = from + (to - from) / 2;
    Run run(instant_from_, middle);
    const bool row = run.row();
    if (row && (run.integer(1) < instant.node || run.integer(2) < instant.content)) {
      from = run.integer(0) + 1;
    } else {
      if (row) found = run.integer(0);
      to = middle - 1;
    }
  }
  if (found != kNone) second_after_ = {instant, found};
  return found;
}

// A version that was restored has its id again, so its date tells as well.
bool Queries::is_later(const Resource& content, const Instant& instant) {
  return content.content >= instant.content || second_of(content.stored) >= second_after(instant);
}

bool Queries::fill_content(const Instant& instant, PastMember& file) {
  Resource& then = file.resource;
  if (const std::optional<Version> version = version_after(then.id, instant.node)) {
    take_content(then, version->file);
    if (!file.exists) {
      then.owner = version->file.owner;
      then.created = version->file.created;
    }
    file.later = is_later(then, instant);
    return true;
  }
  if (file.exists) {
    file.later = is_later(then, instant);
    return true;
  }
  file.later = true;
  {
    Run run(line_version_after_, file.line, instant.node);
    if (run.row()) {
      const Version version = read_version(run);
      take_content(then, version.file);
      then.owner = version.file.owner;
      then.created = version.file.created;
      return true;
    }
  }
  std::optional<NodeRow> heir;
  {
    Run run(file_of_line_, file.line);
    if (run.row() && !run.null(0)) heir = row(run.integer(0));
  }
  if (!heir || heir->resource.is_collection()) return false;
  take_content(then, heir->resource);
  then.owner = heir->resource.owner;
  then.created = heir->resource.created;
  return true;
}

void Queries::read_place(const Run& run, PastMember& member) const {
  const bool exists = !run.null(0);
  if (exists) {
    read_resource(run, member.resource);
  } else {
    member.resource = {};
    member.resource.kind = Kind::file;
    member.resource.id = run.integer(13);
    member.resource.name.assign(run.null(3) ? run.text(2) : run.text(3));
  }
  member.resource.parent = run.integer(1);
  member.exists = exists;
  member.line = run.integer(12);
}

void Queries::members_at(const Instant& instant, NodeId collection,
                         const std::function<void(const PastMember&)>& visit) {
  // By the key of the name: that of now, where it is a member still, comes in this order.
  std::vector<std::pair<std::string, PastMember>> members;
  for (Run run(members_at_, collection, instant.node); run.row();) {
    auto& [key, member] = members.emplace_back();
    key = run.text(2);
    read_resource(run, member.resource);
    member.line = run.integer(12);
    if (member.line == 0) member.line = member.resource.id;
  }
  const std::size_t stayed = members.size();
  for (Run run(places_at_, collection, instant.node); run.row();) {
    auto& [key, member] = members.emplace_back();
    key = run.text(2);
    read_place(run, member);
  }
  if (members.size() > stayed)
    std::sort(members.begin(), members.end(),
              [](const auto& a, const auto& b) { return a.first < b.first; });
  for (auto& [key, member] : members)
    if (member.resource.is_collection() || fill_content(instant, member)) visit(member);
}

std::optional<PastMember> Queries::resolve_at(const Instant& instant, const Path& path) {
  PastMember at;
  at.resource = row(kRoot).value().resource;
  for (const std::string& segment : path.segments()) {
    if (!at.resource.is_collection()) return std::nullopt;
    const NameKey key(segment);
    const NodeId parent = at.resource.id;
    const NodeRow now = look(parent, key.view());
    if (now.mapped() && now.since() < instant.node) {
      at = {};
      at.resource = now.resource;
      at.line = now.line();
      continue;
    }
    Run run(place_of_key_, parent, instant.node, key.view());
    if (!run.row()) return std::nullopt;
    at = {};
    read_place(run, at);
  }
  if (!at.resource.is_collection() && !fill_content(instant, at)) return std::nullopt;
  return at;
}

Whereabouts Queries::whereabouts(NodeId id) {
  std::vector<std::string> names;
  const NodeId wanted = id;
  while (id != kRoot) {
    if (names.size() == kMostLevels) throw Error(Fault::corrupt, "a collection lies inside itself");
    std::optional<NodeRow> at = row(id);
    if (!at || at->resource.parent == kGivenUp) return {};
    if (at->resource.parent == kTrash)
      return {.path = std::nullopt, .trash = number_of_key(at->key), .is_root = id == wanted};
    names.push_back(std::move(at->resource.name));
    id = at->resource.parent;
  }
  std::reverse(names.begin(), names.end());
  return {.path = Path(std::move(names)), .trash = 0, .is_root = false};
}

std::vector<NamedSnapshot> Queries::named_snapshots() {
  std::vector<NamedSnapshot> all;
  for (Run run(snapshots_); run.row();)
    all.push_back({.name = std::string(run.text(0)),
                   .instant = {run.integer(1), run.integer(2)},
                   .root = run.integer(3),
                   .path = sqlite::path_of(run.text(4)),
                   .created = run.amount(5),
                   .creator = run.integer(6)});
  return all;
}

bool Queries::may_hold(const NamedSnapshot& snapshot, NodeId node, NodeId parent,
                       std::int64_t since) {
  for (std::size_t level = 0;; ++level) {
    if (level == kMostLevels) throw Error(Fault::corrupt, "a collection lies inside itself");
    if (node == snapshot.root) return true;
    if (node == kRoot) return false;
    if (since >= snapshot.instant.node) return true;
    if (parent == kTrash || parent == kGivenUp) return true;
    const std::optional<NodeRow> above = row(parent);
    if (!above) return true;
    node = parent;
    parent = above->resource.parent;
    since = above->since();
  }
}

bool Queries::needs_line(const NamedSnapshot& snapshot, std::int64_t line) {
  Run run(version_of_then_, line, snapshot.instant.node, snapshot.instant.content);
  return run.row();
}

bool Queries::needs_below(const NamedSnapshot& snapshot, NodeId collection) {
  std::vector<NodeId> collections{collection};
  while (!collections.empty()) {
    const NodeId next = collections.back();
    collections.pop_back();
    for (const NodeRow& member : rows_in(next, kAll)) {
      const bool existed = member.resource.id < snapshot.instant.node;
      if (existed && member.since() >= snapshot.instant.node) return true;
      if (member.resource.is_collection()) {
        collections.push_back(member.resource.id);
      } else if (needs_line(snapshot, member.line())) {
        return true;
      }
    }
  }
  return false;
}

std::optional<std::string> Queries::holder(const NodeRow& root, NodeId parent, std::int64_t ended) {
  for (const NamedSnapshot& snapshot : named_snapshots()) {
    const std::int64_t then = snapshot.instant.node;
    if (then > ended) continue;
    const NodeId id = root.resource.id;
    if (id < then && may_hold(snapshot, id, parent, root.since())) return snapshot.name;
    if (root.resource.is_collection()) {
      if (lies_in(snapshot.root, id) || needs_below(snapshot, id)) return snapshot.name;
      continue;
    }
    if (needs_line(snapshot, root.line())) return snapshot.name;
  }
  return std::nullopt;
}

std::optional<std::string> Queries::holder(const TrashEntry& entry) {
  const std::optional<NodeRow> root = row(entry.root.id);
  if (!root) return std::nullopt;
  return holder(*root, entry.root.parent, entry.id);
}

std::optional<std::string> Queries::holder(const Version& version) {
  NodeId node = 0;
  {
    Run run(node_of_version_, version.id);
    if (!run.row()) return std::nullopt;
    node = run.integer(0);
  }
  for (const NamedSnapshot& snapshot : named_snapshots()) {
    const std::int64_t then = snapshot.instant.node;
    if (then > version.id || node >= then || version.file.content >= snapshot.instant.content)
      continue;
    // Only the first one that was replaced since was the content of then.
    const std::optional<Version> first = version_after(node, then);
    if (!first || first->id != version.id) continue;
    const std::optional<NodeRow> file = row(node);
    if (!file || may_hold(snapshot, node, file->resource.parent, file->since()))
      return snapshot.name;
  }
  return std::nullopt;
}

}  // namespace holdfast::storage::sqlite
