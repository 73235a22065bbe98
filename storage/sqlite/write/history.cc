// Write operations on what is kept of the past: trees in the trash, and versions of files.
#include <algorithm>
#include <string>
#include <vector>

#include "storage/dates.h"
#include "storage/name_key.h"
#include "storage/sqlite/file/path_text.h"
#include "storage/sqlite/file/schema.h"
#include "storage/sqlite/write/statements.h"

namespace holdfast::storage::sqlite {

namespace {

// A file that comes to a place continues the history of the one that left it at most this long ago.
constexpr Millis kContinues = 10 * 60 * 1000;
constexpr std::size_t kMostDepartures = 4096;

std::string place(NodeId parent, std::string_view key) {
  return std::to_string(parent).append("/").append(key);
}

}  // namespace

std::string key_without_place(std::int64_t id) {
  constexpr std::size_t kDigits = 19;
  const std::string digits = std::to_string(id);
  return std::string(kDigits - std::min(kDigits, digits.size()), '0') + digits;
}

void WriteTransaction::to_trash(const NodeRow& gone) {
  const Resource& root = gone.resource;
  const std::int64_t id = counters_.next_node++;
  std::optional<std::int64_t> resources, bytes;
  if (gone.height == 0) {
    resources = 1;
    bytes = gone.bytes();
    owns(root.owner, {.trash_bytes = *bytes});
  }
  Run(sql_->insert_trash, id, root.id, root.parent, text_of(path_of(root.id)), wall_now(), author_,
      root.owner, resources, bytes)
      .done();
  end_place(gone, id);
  Run(sql_->relocate, root.parent, gone.key, kTrash, key_without_place(id), root.name,
      root.modified.at, number_of(root.modified.mark), gone.own_line, gone.came)
      .done();
}

void WriteTransaction::give_up(const NodeRow& gone) {
  const Resource& root = gone.resource;
  Run(sql_->relocate, root.parent, gone.key, kGivenUp, key_without_place(counters_.next_node++),
      root.name, root.modified.at, number_of(root.modified.mark), gone.own_line, gone.came)
      .done();
}

Resource WriteTransaction::restore_trash(std::int64_t id, const Resource& parent,
                                         std::string_view name) {
  const std::optional<TrashEntry> entry = queries_.trash_entry(id);
  if (!entry) refuse("no such tree in the trash");
  NodeRow root = row(entry->root.id);
  NodeRow above = collection(parent.id);
  if (!queries_.path_of(parent.id)) refuse("the parent is not mapped");
  const NameKey key(name);
  if (queries_.look(parent.id, key.view()).mapped()) refuse("the name is taken");
  const Following grants = grants_of(nullptr, nullptr, parent, name);
  growing();
  end_late_locks(parent.id);
  const bool is_file = !root.resource.is_collection();
  const Date modified = is_file
                            ? date_of_arrived(root.resource.modified, above.resource, nullptr)
                            : date_of_arrived_collection(root.resource.modified, root.height > 0,
                                                         above.resource.modified, wall_now());
  std::optional<std::string_view> stored_name;
  if (!key.is_name()) stored_name = name;
  const std::int64_t came_at = counters_.next_node++;
  Run(sql_->relocate, kTrash, root.key, parent.id, key.view(), stored_name, modified.at,
      number_of(modified.mark), root.own_line, came_at)
      .done();
  if (connection_.changes() != 1) refuse("the tree is not in the trash");
  above_.erase(root.resource.id);
  note_change(came_at, root.resource.id, parent.id);
  Run(sql_->delete_trash, id).done();
  if (entry->size)
    owns(entry->root.owner, {.trash_bytes = -static_cast<std::int64_t>(entry->size->bytes)});
  const Date came = date_after_arrival(above.resource.modified, wall_now());
  member_came(std::move(above), static_cast<std::int64_t>(name.size()), root.height, root.reach,
              came);
  follow(grants);
  return row(root.resource.id).resource;
}

bool WriteTransaction::purge_trash(std::int64_t id) {
  const std::optional<TrashEntry> entry = queries_.trash_entry(id);
  if (!entry) return false;
  const NodeRow root = row(entry->root.id);
  if (counters_.held_content > 0 && queries_.holder(*entry)) return false;
  changing();
  Run(sql_->delete_trash, id).done();
  lose(id);
  if (entry->size)
    owns(entry->root.owner, {.trash_bytes = -static_cast<std::int64_t>(entry->size->bytes)});
  give_up(root);
  return true;
}

void WriteTransaction::measure_trash(std::int64_t id, TrashEntry::Size size) {
  const std::optional<TrashEntry> entry = queries_.trash_entry(id);
  if (!entry || entry->size) return;
  changing();
  const auto bytes = static_cast<std::int64_t>(size.bytes);
  Run(sql_->measure_trash, id, size.resources, bytes).done();
  owns(entry->root.owner, {.trash_bytes = bytes});
}

void WriteTransaction::insert_version(const NodeRow& old, std::int64_t line) {
  const Resource& file = old.resource;
  Run(sql_->insert_version, counters_.next_node++, line, file.content, file.size, file.stored,
      file.created, file.modified.at, number_of(file.modified.mark), old.author, file.owner,
      wall_now(), file.id == line ? 0 : file.id)
      .done();
}

void WriteTransaction::become_version(const NodeRow& gone, std::int64_t line, bool kept) {
  const Resource& file = gone.resource;
  Run(sql_->delete_node, file.id).done();
  if (connection_.changes() != 1) refuse("the resource is gone");
  release_set(file.property_set);
  // The place ends with the version, or where it would have been.
  end_place(gone, counters_.next_node);
  if (!kept) ++counters_.next_node;
  if (kept) {
    insert_version(gone, line);
  } else {
    release(file.content);
  }
  const std::int64_t fewer = kept ? gone.property_bytes : gone.bytes();
  --counters_.resources;
  counters_.bytes -= fewer;
  owns(file.owner, {.resources = -1,
                    .bytes = -fewer,
                    .version_bytes = kept ? static_cast<std::int64_t>(file.size) : 0});
}

Resource WriteTransaction::restore_version(const Resource& file, std::int64_t version,
                                           Date modified) {
  NodeRow at = row(file.id);
  Resource& now = at.resource;
  std::int64_t content = 0;
  std::int64_t size = 0;
  AccountId author = kNobody;
  {
    Run run(sql_->version, version);
    if (now.is_collection() || !run.row() || run.integer(0) != at.line())
      refuse("the file has no such version");
    content = run.integer(1);
    size = run.amount(2);
    author = run.integer(3);
  }
  return exchange_version(at, content, static_cast<std::uint64_t>(size), modified, author);
}

bool WriteTransaction::purge_version(std::int64_t id) { return purge_version(id, Holds::count); }

bool WriteTransaction::purge_version(std::int64_t id, Holds holds) {
  std::int64_t content = 0;
  std::int64_t size = 0;
  AccountId owner = kNobody;
  {
    Run run(sql_->version, id);
    if (!run.row()) return false;
    content = run.integer(1);
    size = run.amount(2);
    owner = run.integer(4);
  }
  if (holds == Holds::count && content < counters_.held_content) {
    Version version;
    version.id = id;
    version.file.content = content;
    if (queries_.holder(version)) return false;
  }
  changing();
  drop_version(id, content, size, owner);
  return true;
}

void WriteTransaction::drop_version(std::int64_t id, std::int64_t content, std::int64_t size,
                                    AccountId owner) {
  Run(sql_->delete_version, id).done();
  release(content, true);
  counters_.bytes -= size;
  owns(owner, {.bytes = -size, .version_bytes = -size});
}

bool WriteTransaction::shares_line(const NodeRow& file, Sharing which) {
  if (which == Sharing::any) return Run(sql_->sharers, file.line(), file.resource.id).row();
  std::vector<NodeId> others;
  for (Run run(sql_->placed_sharers, file.line(), file.resource.id); run.row();)
    others.push_back(run.integer(0));
  return std::any_of(others.begin(), others.end(),
                     [&](NodeId id) { return queries_.path_of(id).has_value(); });
}

std::int64_t WriteTransaction::line_for_version(const NodeRow& file) {
  return shares_line(file, Sharing::made_later) ? counters_.next_node++ : file.line();
}

void WriteTransaction::note_departure(const NodeRow& file) {
  if (!keeping_.versions) return;
  if (departures_.size() == kMostDepartures) departures_.clear();
  departures_[place(file.resource.parent, file.key)] = {file.resource.id, lease_now()};
}

std::int64_t WriteTransaction::line_left_at(NodeId parent, std::string_view key) {
  if (!keeping_.versions || departures_.empty()) return 0;
  const auto found = departures_.find(place(parent, key));
  if (found == departures_.end() || lease_now() - found->second.at > kContinues) return 0;
  const std::optional<NodeRow> file = queries_.row(found->second.node);
  if (!file || file->resource.is_collection() || file->resource.parent == kGivenUp) return 0;
  return file->line();
}

std::size_t WriteTransaction::purge_file(const NodeRow& file, std::size_t most) {
  std::vector<std::int64_t> ids;
  if (!shares_line(file, Sharing::any))
    for (Run run(sql_->versions_of_line, file.line(), most); run.row();)
      ids.push_back(run.integer(0));
  // A tree with what a snapshot holds is not given up.
  for (const std::int64_t id : ids) purge_version(id, Holds::ignore);
  if (ids.size() == most) return most;
  drop_row(file, true);
  return ids.size() + 1;
}

std::size_t WriteTransaction::purge(std::size_t most) {
  std::size_t done = 0;
  while (done < most) {
    // Copies that are being made lie there, too.
    const std::vector<NodeRow> trees = queries_.rows_in(kGivenUp, 1 + copies_.size());
    const auto first = std::find_if(trees.begin(), trees.end(), [&](const NodeRow& tree) {
      return !is_being_made(tree.resource.id);
    });
    if (first == trees.end()) break;
    const NodeRow& root = *first;
    changing();
    if (!root.resource.is_collection()) {
      done += purge_file(root, most - done);
      continue;
    }
    const std::vector<NodeRow> members = queries_.rows_in(root.resource.id, most - done);
    for (const NodeRow& member : members) {
      const Resource& resource = member.resource;
      // What cannot be removed in one step loses its place here, and is removed on its own.
      if (resource.is_collection() ? member.height > 0 : queries_.has_versions(member.line())) {
        give_up(member);
      } else {
        drop_row(member, true);
      }
    }
    done += members.size();
    if (!members.empty()) continue;
    drop_row(root, true);
    ++done;
  }
  return done;
}

}  // namespace holdfast::storage::sqlite
