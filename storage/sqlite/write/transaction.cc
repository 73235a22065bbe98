#include "storage/sqlite/write/transaction.h"

#include "storage/dates.h"
#include "storage/sqlite/file/inspect.h"
#include "storage/sqlite/file/schema.h"
#include "storage/sqlite/write/statements.h"

namespace holdfast::storage::sqlite {

WriteTransaction::WriteTransaction(Connection& connection, Queries& queries)
    : SnapshotBase<Transaction>(queries),
      connection_(connection),
      sql_(new Statements(connection)) {
  connection.execute(
      "CREATE TEMP TABLE tree (seq INTEGER PRIMARY KEY, id INTEGER NOT NULL UNIQUE, "
      "file INTEGER, bytes INTEGER NOT NULL, properties INTEGER NOT NULL, "
      "owner INTEGER NOT NULL)");
}

void WriteTransaction::Delete::operator()(Statements* statements) const { delete statements; }

void WriteTransaction::begin(const Counters& counters, std::shared_ptr<const Accounts> accounts) {
  restore(State{counters, std::move(accounts)});
  // What a batch that failed had written is not so.
  if (!above_is_committed_) above_.clear();
  above_is_committed_ = true;
  left_.clear();
  all_tags_changed_ = false;
  batch_node_ = counters_.next_node;
  batch_content_ = counters_.next_content;
  batch_began_ = false;
}

void WriteTransaction::begin_closure(Keeping keeping) {
  // A snapshot keeps what it has, whatever else is kept.
  keeping_ = counters_.held_content > 0 ? Keeping{true, true, keeping.changes} : keeping;
  author_ = kNobody;
  closure_node_ = counters_.next_node;
  closure_content_ = counters_.next_content;
  if (!batch_began_) batch_wall_ = wall_now();
  batch_began_ = true;
}

void WriteTransaction::restore(const State& saved) {
  // Ids only ever go up, also after a closure or a whole batch failed (invariant 2).
  const std::int64_t next_node = std::max(counters_.next_node, saved.counters.next_node);
  const std::int64_t next_content = std::max(counters_.next_content, saved.counters.next_content);
  const AccountId next_account = std::max(counters_.next_account, saved.counters.next_account);
  touched_.resize(std::min(touched_.size(), saved.touched));
  state_ = saved;
  none_late_before_ = 0;  // a lock that was removed may exist again
  counters_.next_node = next_node;
  counters_.next_content = next_content;
  counters_.next_account = next_account;
}

void WriteTransaction::write_counters() {
  note_instant();
  Run(sql_->write_counters, counters_.next_node, counters_.next_content, counters_.resources,
      counters_.bytes, counters_.locks, counters_.next_account, counters_.whole_since,
      counters_.changes_since)
      .done();
}

Usage WriteTransaction::usage() const {
  return {static_cast<std::uint64_t>(counters_.resources),
          static_cast<std::uint64_t>(counters_.bytes)};
}

NodeRow WriteTransaction::row(NodeId id) {
  std::optional<NodeRow> found = queries_.row(id);
  if (!found) throw Error(Fault::conflict, "resource " + std::to_string(id) + " is gone");
  return std::move(*found);
}

NodeRow WriteTransaction::collection(NodeId id) {
  NodeRow found = row(id);
  if (!found.resource.is_collection())
    throw Error(Fault::conflict, "the parent is not a collection");
  return found;
}

void WriteTransaction::insert_node(const NodeRow& row) {
  insert_row(row);
  note_change(row.resource.id, row.resource.id, row.resource.parent);
}

void WriteTransaction::insert_row(const NodeRow& row) {
  const Resource& resource = row.resource;
  std::optional<std::string_view> name;
  if (row.key != resource.name) name = resource.name;
  std::optional<std::int64_t> content, size, stored;
  if (!resource.is_collection()) {
    content = resource.content;
    size = static_cast<std::int64_t>(resource.size);
    stored = resource.stored;
  }
  Run(sql_->insert_node, resource.parent, row.key, resource.id, name, content, size, stored,
      resource.created, resource.modified.at, resource.property_set, row.height, row.reach,
      resource.owner, number_of(resource.modified.mark), row.property_bytes, row.own_line,
      row.author)
      .done();
  ++counters_.resources;
  counters_.bytes += row.bytes();
  owns(resource.owner, {.resources = 1, .bytes = row.bytes()});
}

void WriteTransaction::owns(AccountId owner, Owned change) {
  if (owner == kNobody) return;
  Run(sql_->add_usage, owner, change.resources, change.bytes, change.trash_bytes,
      change.version_bytes)
      .done();
}

void WriteTransaction::touch(const NodeRow& row, Date modified) {
  Run(sql_->touch, row.resource.parent, row.key, modified.at, number_of(modified.mark)).done();
}

void WriteTransaction::member_left(const NodeRow& parent, const Resource& lost) {
  touch(parent, date_after_loss(parent.resource.modified, wall_now(), lost));
}

void WriteTransaction::member_came(NodeRow parent, std::int64_t name_bytes, std::int64_t height,
                                   std::int64_t reach, Date modified) {
  std::int64_t needed_height = height + 1;
  std::int64_t needed_reach = reach + 1 + name_bytes;
  Run(sql_->touch_and_raise, parent.resource.parent, parent.key, modified.at, needed_height,
      needed_reach, number_of(modified.mark))
      .done();
  for (std::size_t level = 0; needed_height > parent.height || needed_reach > parent.reach;
       ++level) {
    if (parent.resource.id == kRoot) return;
    if (level == kMostLevels) throw Error(Fault::corrupt, "a collection lies inside itself");
    needed_height = std::max(needed_height, parent.height) + 1;
    needed_reach = std::max(needed_reach, parent.reach) + 1 +
                   static_cast<std::int64_t>(parent.resource.name.size());
    parent = row(parent.resource.parent);
    if (needed_height <= parent.height && needed_reach <= parent.reach) return;
    Run(sql_->raise, parent.resource.parent, parent.key, needed_height, needed_reach).done();
  }
}

Resource WriteTransaction::put(const Resource& parent, std::string_view name,
                               const Content& content, std::optional<Date> modified,
                               AccountId owner) {
  const NameKey key(name);
  NodeRow row = queries_.look(parent.id, key.view());
  const bool replaces = row.mapped();
  const Resource old = row.resource;
  if (replaces && old.is_collection()) throw Error(Fault::conflict, "a collection is in the way");
  std::optional<NodeRow> above;
  Following grants;
  if (!replaces) {
    above = collection(parent.id);
    grants = grants_of(nullptr, nullptr, parent, name);
  }

  Resource& file = row.resource;
  if (replaces) {
    // Nothing else changes, so remembered rows and locks stay.
    ++state_.begun;
    state_.changed = state_.must_flush = state_.grew = true;
  } else {
    growing();
    file.id = counters_.next_node++;
    file.parent = parent.id;
    file.name = name;
    file.kind = Kind::file;
    file.created = wall_now();
    file.owner = owner;
    row.own_line = line_left_at(parent.id, key.view());
  }
  end_late_locks(replaces ? old.id : parent.id);
  const Millis stored = replaces ? stored_after(old, wall_now()) : wall_now();
  const bool kept =
      replaces && keeping_.versions &&
      (is_kept(old.stored, row.author, old.size, stored, author_) || in_snapshot(old));
  if (replaces && !kept && in_snapshot(old)) require_not_held(row);
  if (kept) {
    const std::int64_t line = line_for_version(row);
    insert_version(row, line);
    if (line != row.line()) row.own_line = line;
  }
  row.author = author_;
  file.modified = modified.value_or(wall_now());
  file.size = content.size;
  file.stored = stored;
  file.content =
      replaces && !kept ? exchange_content(old.content, content) : insert_content(content);
  queries_.make_etag(file.content, file.etag);
  if (replaces) {
    Run(sql_->replace_content, parent.id, key.view(), file.content, file.size, file.stored,
        file.modified.at, number_of(file.modified.mark), row.author, row.own_line)
        .done();
    const auto before = static_cast<std::int64_t>(old.size);
    const std::int64_t more = static_cast<std::int64_t>(file.size) - (kept ? 0 : before);
    counters_.bytes += more;
    owns(file.owner, {.bytes = more, .version_bytes = kept ? before : 0});
    queries_.file_changed(row);
    note_change(kNewNumber, file.id, parent.id);
    return file;
  }
  insert_node(row);
  const Date came = date_after_arrival(above->resource.modified, wall_now());
  member_came(std::move(*above), static_cast<std::int64_t>(name.size()), 0, 0, came);
  follow(grants);
  return file;
}

Resource WriteTransaction::make_collection(const Resource& parent, std::string_view name,
                                           AccountId owner) {
  const NameKey key(name);
  NodeRow above = collection(parent.id);
  const Following grants = grants_of(nullptr, nullptr, parent, name);
  growing();
  end_late_locks(parent.id);
  NodeRow row;
  row.key = key.view();
  Resource& made = row.resource;
  made.id = counters_.next_node++;
  made.parent = parent.id;
  made.name = name;
  made.kind = Kind::collection;
  made.created = wall_now();
  // What is gone from the parent may have had members at the paths of future members.
  made.modified = date_after_arrival(above.resource.modified, wall_now());
  made.owner = owner;
  insert_node(row);
  member_came(std::move(above), static_cast<std::int64_t>(name.size()), 0, 0, made.modified);
  follow(grants);
  return made;
}

void WriteTransaction::set_owner(NodeId id, AccountId owner) {
  const NodeRow old = row(id);
  if (old.resource.owner == owner) return;
  changing();
  Run(sql_->own, old.resource.parent, old.key, owner).done();
  owns(old.resource.owner, {.resources = -1, .bytes = -old.bytes()});
  owns(owner, {.resources = 1, .bytes = old.bytes()});
}

void WriteTransaction::set_modified(NodeId id, Date modified) {
  const NodeRow old = row(id);
  changing();
  end_late_locks(id);
  if (old.resource.is_collection())
    modified = collection_date_set(modified, old.resource.modified, wall_now());
  touch(old, modified);
  note_change(kNewNumber, id, old.resource.is_collection() ? id : old.resource.parent);
}

NamespaceCheck WriteTransaction::repair() {
  acting();
  write_counters();
  NamespaceCheck result = inspect(connection_, true);
  if (result.repaired > 0) changing();
  outdate_all_copies();
  counters_ = read_counters(connection_);
  state_.accounts = read_accounts(connection_);
  queries_.forget();
  none_late_before_ = 0;
  return result;
}

void WriteTransaction::forget_garbage(std::span<const std::string> blobs) {
  acting();
  state_.changed = true;
  for (const std::string& blob : blobs) Run(sql_->delete_garbage, blob).done();
}

}  // namespace holdfast::storage::sqlite
