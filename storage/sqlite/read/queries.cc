#include "storage/sqlite/read/queries.h"

#include <algorithm>

#include "storage/sqlite/file/schema.h"
#include "storage/sqlite/read/tree_walk.h"

namespace holdfast::storage::sqlite {

namespace {

// read_resource expects these columns first, in this order.
constexpr const char* kChild =
    "SELECT id, parent, key, name, content, size, stored, created, modified, properties, owner, "
    "date_mark, height, reach, property_bytes, line, author, since FROM node "
    "WHERE parent = ?1 AND key = ?2";
constexpr const char* kChildrenAfter =
    "SELECT id, parent, key, name, content, size, stored, created, modified, properties, owner, "
    "date_mark FROM node WHERE parent = ?1 AND key > ?2 ORDER BY key LIMIT ?3";
constexpr const char* kById =
    "SELECT id, parent, key, name, content, size, stored, created, modified, properties, owner, "
    "date_mark, height, reach, property_bytes, line, author, since FROM node WHERE id = ?1";

constexpr const char* kRowsIn =
    "SELECT id, parent, key, name, content, size, stored, created, modified, properties, owner, "
    "date_mark, height, reach, property_bytes, line, author, since FROM node WHERE parent = ?1 "
    "ORDER BY key LIMIT ?2";

// read_facts expects these columns first, in this order.
constexpr const char* kFacts = "SELECT size, sha256, sha1, md5, blob FROM content WHERE id = ?1";
constexpr const char* kFactsAfter =
    "SELECT size, sha256, sha1, md5, blob, id FROM content WHERE id > ?1 ORDER BY id LIMIT ?2";

// read_lock expects these columns.
constexpr const char* kLocksAt =
    "SELECT token, node, shared, infinite, owner, creator, granted, timeout_s "
    "FROM lock WHERE parent = ?1 AND node = ?2 AND expires > ?3";
// Selects the locks that ran out last.
constexpr const char* kLateLocksAt =
    "SELECT token, node, shared, infinite, owner, creator, granted, timeout_s "
    "FROM lock WHERE parent = ?1 AND node = ?2 AND expires > ?3 AND expires <= ?4 "
    "ORDER BY expires DESC LIMIT ?5";
// Only a search for exclusive locks reads the table as well as the index.
constexpr const char* kNextLive =
    "SELECT node FROM lock INDEXED BY lock_node WHERE parent = ?1 AND node > ?2 AND expires > ?3 "
    "AND (?4 OR shared = 0) ORDER BY node LIMIT 1";
constexpr const char* kLockByToken =
    "SELECT token, node, shared, infinite, owner, creator, granted, timeout_s "
    "FROM lock WHERE token = ?1 AND expires > ?2";

constexpr const char* kKeptOf =
    "SELECT coalesce(sum(min(max(trash_bytes, 0), 1 << 53)), 0), "
    "coalesce(sum(min(max(version_bytes, 0), 1 << 53)), 0) FROM account_usage "
    "WHERE account = ?1 OR account IN (SELECT account FROM group_member WHERE member_of = ?1)";
constexpr const char* kTrashAfter =
    "SELECT n.id, n.parent, n.key, n.name, n.content, n.size, n.stored, n.created, n.modified, "
    "n.properties, n.owner, n.date_mark, t.id, t.parent, t.path, t.removed, t.remover, "
    "t.resources, t.bytes FROM trash t CROSS JOIN node n ON n.id = t.node "
    "WHERE t.id > ?1 AND n.parent = -1 ORDER BY t.id LIMIT ?2";
// read_version expects these columns.
constexpr const char* kVersionsAfter =
    "SELECT id, line, content, size, stored, created, modified, date_mark, author, owner, replaced "
    "FROM version WHERE id > ?1 ORDER BY id LIMIT ?2";
constexpr const char* kVersionsOf =
    "SELECT id, line, content, size, stored, created, modified, date_mark, author, owner, replaced "
    "FROM version WHERE line = ?1 ORDER BY id DESC";

// Selects the members of now that were there at the instant ?2 already. read_resource expects the
// first columns.
constexpr const char* kMembersAt =
    "SELECT id, parent, key, name, content, size, stored, created, modified, properties, owner, "
    "date_mark, line FROM node WHERE parent = ?1 AND max(id, since) < ?2 ORDER BY key";
// Selects those that have left since then; the columns of `node` are NULL for what has no row.
#define HOLDFAST_PLACES                                                                        \
  "SELECT n.id, p.parent, p.key, p.name, n.content, n.size, n.stored, n.created, n.modified, " \
  "n.properties, n.owner, n.date_mark, p.line, p.node FROM place p "                           \
  "LEFT JOIN node n ON n.id = p.node WHERE p.parent = ?1 AND p.id >= ?2 AND p.since < ?2"
// Selects the first version of a file that was replaced at or after an instant. These three expect
// the columns of read_version.
#define HOLDFAST_VERSION_AFTER                                                            \
  "SELECT id, line, content, size, stored, created, modified, date_mark, author, owner, " \
  "replaced FROM version "

// Rows to remember: for a reader what one request needs, for the writer what some dozens of clients
// work on.
constexpr std::size_t kLittle = 8;
constexpr std::size_t kWrites = 512;

void check_level(std::size_t level) {
  if (level == kMostLevels) throw Error(Fault::corrupt, "a collection lies inside itself");
}

}  // namespace

Queries::Queries(Connection& connection, std::string epoch, const CommitCounter& commits,
                 Remembers remembers)
    : connection_(connection),
      epoch_(std::move(epoch)),
      commits_(commits),
      remembers_(remembers == Remembers::writes),
      remembered_(remembers_ ? kWrites : kLittle, remembers_ ? kWrites : 0),
      child_(connection, kChild),
      children_after_(connection, kChildrenAfter),
      step_(connection, "SELECT id, name FROM node WHERE parent = ?1 AND key = ?2"),
      by_id_(connection, kById),
      rows_in_(connection, kRowsIn),
      parent_of_(connection, "SELECT parent FROM node WHERE id = ?1"),
      bounds_(connection, "SELECT height, reach FROM node WHERE id = ?1"),
      first_lock_(connection, "SELECT 1 FROM lock LIMIT 1"),
      locks_at_(connection, kLocksAt),
      late_locks_at_(connection, kLateLocksAt),
      // Each run is one step in the index, past all locks with the same parent.
      next_lock_parent_(connection,
                        "SELECT parent FROM lock WHERE parent > ?1 ORDER BY parent LIMIT 1"),
      next_locked_(connection,
                   "SELECT node FROM lock WHERE parent = ?1 AND node > ?2 ORDER BY node LIMIT 1"),
      next_live_(connection, kNextLive),
      lock_by_token_(connection, kLockByToken),
      properties_(connection,
                  "SELECT xmlns, name, xml FROM property WHERE property_set = ?1 "
                  "ORDER BY xmlns, name"),
      facts_(connection, kFacts),
      facts_after_(connection, kFactsAfter),
      inline_(connection, "SELECT bytes FROM inline_content WHERE id = ?1"),
      usage_(connection, "SELECT resources, bytes FROM meta"),
      usage_of_(connection,
                "SELECT resources, bytes FROM account_usage WHERE account = ?1 "
                "UNION ALL SELECT resources, bytes FROM group_usage "
                "WHERE member_of = ?1"),
      kept_of_(connection, kKeptOf),
      trash_(connection, kTrashAfter),
      versions_after_(connection, kVersionsAfter),
      versions_of_(connection, kVersionsOf),
      next_line_(connection,
                 "SELECT id, stored, line FROM version WHERE line = "
                 "(SELECT line FROM version WHERE line > ?1 ORDER BY line LIMIT 1) ORDER BY id"),
      any_version_(connection, "SELECT 1 FROM version WHERE line = ?1 LIMIT 1"),
      instant_after_(connection,
                     "SELECT node, content FROM instant WHERE second > ?1 ORDER BY second LIMIT 1"),
      instant_before_(connection,
                      "SELECT min(second), max(iif(node < ?1, second, NULL)) FROM instant "
                      "WHERE second <= ?2"),
      instant_from_(connection,
                    "SELECT second, node, content FROM instant WHERE second >= ?1 ORDER BY second "
                    "LIMIT 1"),
      last_instant_(connection, "SELECT max(second) FROM instant"),
      whole_since_(connection, "SELECT whole_since FROM meta"),
      present_(connection, "SELECT next_node, next_content FROM meta"),
      members_at_(connection, kMembersAt),
      places_at_(connection, HOLDFAST_PLACES),
      place_of_key_(connection, HOLDFAST_PLACES " AND p.key = ?3 LIMIT 1"),
      own_version_after_(connection, HOLDFAST_VERSION_AFTER
                         "WHERE line = ?1 AND node = 0 AND id >= ?2 ORDER BY id LIMIT 1"),
      other_version_after_(connection, HOLDFAST_VERSION_AFTER
                           "WHERE node = ?1 AND node <> 0 AND id >= ?2 ORDER BY id LIMIT 1"),
      line_version_after_(
          connection, HOLDFAST_VERSION_AFTER "WHERE line = ?1 AND id >= ?2 ORDER BY id LIMIT 1"),
      // The condition on 0 lets SQLite use node_line.
      file_of_line_(connection,
                    "SELECT max(id) FROM (SELECT id FROM node WHERE line = ?1 AND line <> 0 "
                    "UNION ALL SELECT id FROM node WHERE id = ?1 AND line = 0)"),
      snapshots_(connection,
                 "SELECT name, node, content, root, path, created, creator FROM snapshot "
                 "ORDER BY name"),
      version_of_then_(connection,
                       "SELECT 1 FROM version WHERE line = ?1 AND id >= ?2 AND content < ?3 "
                       "LIMIT 1"),
      node_of_version_(connection, "SELECT iif(node <> 0, node, line) FROM version WHERE id = ?1"),
      changes_known_(connection,
                     "SELECT changes_since > 0 AND ?1 >= changes_since AND NOT EXISTS (SELECT 1 "
                     "FROM change_gap "
                     "WHERE first < ?1 AND after > ?1) FROM meta"),
      changes_after_(
          connection,
          "SELECT id, node, parent, name, collection FROM change WHERE id >= ?1 ORDER BY id "
          "LIMIT ?2"),
      tag_(connection, "SELECT change FROM collection_tag WHERE node = ?1"),
      // The condition on 0 lets SQLite use lock_creator, which has no locks of anonymous clients.
      locks_of_(connection,
                "SELECT count(*) FROM lock INDEXED BY lock_creator "
                "WHERE creator = ?1 AND creator <> 0 AND expires > ?2") {}

void Queries::begin(Millis lease_now, Millis wall_now) {
  lease_now_ = lease_now;
  wall_now_ = wall_now;
}

bool Queries::any_locks() {
  if (const std::optional<bool> known = remembered_.any_locks()) return *known;
  Run run(first_lock_);
  const bool any = run.row();
  remembered_.keep_any_locks(any);
  return any;
}

void Queries::make_etag(std::int64_t content, std::string& etag) const {
  constexpr std::string_view kDigits = "0123456789abcdefghijklmnopqrstuvwxyz";
  std::array<char, 16> buffer{};
  std::size_t at = buffer.size();
  for (auto rest = static_cast<std::uint64_t>(content); at > 0; rest /= 36) {
    buffer[--at] = kDigits[rest % 36];
    if (rest < 36) break;
  }
  etag.assign(epoch_);
  etag += '-';
  etag.append(buffer.data() + at, buffer.size() - at);
}

void Queries::read_resource(const Run& run, Resource& resource) const {
  resource.id = run.integer(0);
  resource.parent = run.integer(1);
  resource.name.assign(run.null(3) ? run.text(2) : run.text(3));
  resource.created = run.amount(7);
  resource.modified = read_date(run, 8, 11);
  resource.property_set = run.integer(9);
  resource.owner = run.integer(10);
  if (run.null(4)) {
    resource.kind = Kind::collection;
    resource.etag.clear();
    resource.content = 0;
    resource.size = 0;
    resource.stored = 0;
    return;
  }
  resource.kind = Kind::file;
  resource.content = run.integer(4);
  resource.size = static_cast<std::uint64_t>(run.amount(5));
  resource.stored = run.amount(6);
  make_etag(resource.content, resource.etag);
}

void Queries::read_lock(const Run& run, Lock& lock) const {
  lock.token = run.text(0);
  lock.root_id = run.integer(1);
  lock.scope = run.integer(2) != 0 ? LockScope::shared : LockScope::exclusive;
  lock.infinite = run.integer(3) != 0;
  lock.owner = run.text(4);
  lock.creator = run.integer(5);
  lock.granted = run.amount(6);
  lock.timeout_s = run.amount(7);
}

void Queries::read_row(const Run& run, NodeRow& row) const {
  read_resource(run, row.resource);
  row.key = run.text(2);
  row.height = run.amount(12);
  row.reach = run.amount(13);
  row.property_bytes = run.amount(14);
  row.own_line = run.integer(15);
  row.author = run.integer(16);
  row.came = run.integer(17);
}

const NodeRow& Queries::look(NodeId parent, std::string_view key) {
  if (const NodeRow* known = remembered_.row(parent, key)) return *known;
  NodeRow row;
  if (Run run(child_, parent, key); run.row()) {
    read_row(run, row);
  } else {
    row.resource.parent = parent;
    row.key = key;
  }
  return remembered_.keep(std::move(row));
}

std::optional<Resource> Queries::child(NodeId parent, std::string_view key) {
  const NodeRow& row = look(parent, key);
  if (!row.mapped()) return std::nullopt;
  return row.resource;
}

void Queries::children_after(NodeId parent, std::string_view key, std::size_t most,
                             const std::function<void(std::string_view, const Resource&)>& visit) {
  Run run(children_after_, parent, key, most);
  Resource resource;
  while (run.row()) {
    read_resource(run, resource);
    visit(run.text(2), resource);
  }
}

std::optional<NodeRow> Queries::row(NodeId id) {
  if (const NodeRow* known = remembered_.row(id)) return *known;
  Run run(by_id_, id);
  if (!run.row()) return std::nullopt;
  std::optional<NodeRow> row(std::in_place);
  read_row(run, *row);
  return row;
}

std::vector<NodeRow> Queries::rows_in(NodeId parent, std::size_t most) {
  std::vector<NodeRow> rows;
  for (Run run(rows_in_, parent, most); run.row();) read_row(run, rows.emplace_back());
  return rows;
}

Resolution Queries::resolve(const Path& path) {
  Resolution answer;
  answer.path = path;
  const auto segments = path.segments();
  const std::size_t depth = segments.size();
  answer.lineage.reserve(depth + 1);
  answer.lineage.push_back(kRoot);
  std::vector<std::string> stored;
  stored.reserve(depth);
  if (depth == 0) answer.resource = child(0, "");
  if (depth == 1) answer.parent = child(0, "");

  for (std::size_t i = 0; i < depth; ++i) {
    const NameKey key(segments[i]);
    if (i + 2 < depth) {  // of the farther ancestors only the ids are needed
      if (remembers_) {
        const NodeRow& row = look(answer.lineage.back(), key.view());
        if (!row.mapped()) break;
        answer.lineage.push_back(row.resource.id);
        stored.push_back(row.resource.name);
        continue;
      }
      Run run(step_, answer.lineage.back(), key.view());
      if (!run.row()) break;
      answer.lineage.push_back(run.integer(0));
      stored.emplace_back(run.null(1) ? key.view() : run.text(1));
      continue;
    }
    std::optional<Resource>& found = i + 1 == depth ? answer.resource : answer.parent;
    found = child(answer.lineage.back(), key.view());
    if (!found) break;
    answer.lineage.push_back(found->id);
    stored.push_back(found->name);
  }
  answer.stored = Path(std::move(stored));

  if (any_locks()) {
    std::vector<Lock> here;
    for (std::size_t level = 0; level < answer.lineage.size(); ++level) {
      here.clear();
      locks_at(level > 0 ? answer.lineage[level - 1] : 0, answer.lineage[level], here);
      const auto names = answer.stored.segments().first(level);
      for (Lock& lock : here) {
        lock.root = Path({names.begin(), names.end()});
        if (level == depth || lock.infinite) answer.locks.push_back(lock);
        if (level + 1 == depth || (level < depth && lock.infinite)) {
          answer.parent_locks.push_back(lock);
        }
      }
    }
  }
  return answer;
}

Resolution Queries::resolve_member(const Resolution& parent, const Path& path,
                                   std::optional<Resource> member, bool locked) {
  Resolution answer;
  answer.path = path;
  answer.parent = parent.resource;
  answer.lineage = parent.lineage;
  answer.stored = parent.stored;
  answer.resource = std::move(member);
  if (answer.resource) {
    answer.lineage.push_back(answer.resource->id);
    answer.stored = parent.stored.child(answer.resource->name);
  }
  if (!any_locks()) return answer;
  for (const Lock& lock : parent.locks) {
    if (lock.expires() <= lease_now_) continue;
    answer.parent_locks.push_back(lock);
    if (lock.infinite) answer.locks.push_back(lock);
  }
  if (answer.resource && locked)
    locks_at(answer.resource->parent, answer.resource->id, answer.stored, answer.locks);
  return answer;
}

std::optional<Path> Queries::path_of(NodeId id) {
  std::vector<std::string> names;
  while (id != kRoot) {
    check_level(names.size());
    if (const NodeRow* known = remembered_.row(id)) {
      names.push_back(known->resource.name);
      id = known->resource.parent;
      continue;
    }
    Run run(by_id_, id);
    if (!run.row()) return std::nullopt;
    names.emplace_back(run.null(3) ? run.text(2) : run.text(3));
    id = run.integer(1);
  }
  std::reverse(names.begin(), names.end());
  return Path(std::move(names));
}

std::optional<NodeId> Queries::parent_of(NodeId id) {
  if (const NodeRow* known = remembered_.row(id)) return known->resource.parent;
  Run run(parent_of_, id);
  if (!run.row()) return std::nullopt;
  return run.integer(0);
}

bool Queries::lies_in(NodeId id, NodeId above) {
  for (std::size_t level = 0; id != above; ++level) {
    check_level(level);
    if (id == kRoot) return false;
    const std::optional<NodeId> parent = parent_of(id);
    if (!parent) return false;
    id = *parent;
  }
  return true;
}

std::vector<Property> Queries::properties(const Resource& resource) {
  std::vector<Property> found;
  if (resource.property_set == 0) return found;
  Run run(properties_, resource.property_set);
  while (run.row()) {
    Property& property = found.emplace_back();
    property.name.xmlns = run.text(0);
    property.name.name = run.text(1);
    property.xml = run.text(2);
  }
  return found;
}

Content Queries::content(const Resource& file) {
  Content content = facts(file);
  if (content.is_inline()) read_inline(file.content, content);
  return content;
}

Content Queries::facts(const Resource& file) {
  Run run(facts_, file.content);
  if (!run.row()) {
    throw Error(Fault::corrupt, "content " + std::to_string(file.content) + " is missing");
  }
  return read_facts(run);
}

void Queries::facts_after(std::int64_t id, std::size_t most,
                          const std::function<void(std::int64_t, const Content&)>& visit) {
  Run run(facts_after_, id, most);
  while (run.row()) visit(run.integer(5), read_facts(run));
}

Content Queries::read_facts(const Run& run) {
  Content content;
  content.size = static_cast<std::uint64_t>(run.integer(0));
  run.bytes(1, content.checksums.sha256);
  if (!run.null(2)) run.bytes(2, content.checksums.sha1.emplace());
  if (!run.null(3)) run.bytes(3, content.checksums.md5.emplace());
  if (!run.null(4)) content.blob = run.text(4);
  return content;
}

void Queries::read_inline(std::int64_t id, Content& content) {
  Run run(inline_, id);
  if (!run.row()) {
    throw Error(Fault::corrupt, "bytes of content " + std::to_string(id) + " are missing");
  }
  content.bytes = run.blob(0);
  if (content.bytes.size() != content.size) {
    throw Error(Fault::corrupt, "content " + std::to_string(id) + " has another size");
  }
}

Usage Queries::usage() {
  Run run(usage_);
  if (!run.row()) throw Error(Fault::corrupt, "the meta row is missing");
  return {static_cast<std::uint64_t>(run.integer(0)), static_cast<std::uint64_t>(run.integer(1))};
}

Usage Queries::usage_of(AccountId account) {
  Run run(usage_of_, account);
  if (!run.row()) return {};
  return {static_cast<std::uint64_t>(run.amount(0)), static_cast<std::uint64_t>(run.amount(1))};
}

}  // namespace holdfast::storage::sqlite
