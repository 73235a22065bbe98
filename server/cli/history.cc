#include "server/cli/history.h"

#include <algorithm>
#include <string>
#include <vector>

#include "dav/trash.h"
#include "server/cli/account_views.h"
#include "server/cli/table.h"
#include "server/cli/values.h"
#include "server/json/writer.h"
#include "storage/dates.h"
#include "text/ascii.h"

namespace holdfast::server::cli {
namespace {

using process::UsageError;
using storage::Flush;
using storage::Path;
using storage::Transaction;
using storage::TrashEntry;
using storage::Version;

// Rows that one write removes, because other writes wait meanwhile.
constexpr std::size_t kAtOnce = 500;
constexpr std::size_t kListed = 100'000;

std::int64_t parse_id(std::string_view text) {
  const auto id = text::parse_number(text);
  if (!id || *id == 0 || *id > std::uint64_t{1} << 53)
    throw UsageError("An id is a number as the list shows it, and not " + in_quotes(text) + ".");
  return static_cast<std::int64_t>(*id);
}

// Returns the account's name; nullopt when there is none.
std::optional<std::string> name_of(const storage::Accounts& accounts, storage::AccountId id) {
  const storage::Account* account = accounts.find(id);
  return account ? std::optional(account->name) : std::nullopt;
}

std::string cell(const std::optional<std::string>& name) {
  return name ? shown(std::string_view(*name)) : "-";
}

TrashEntry entry_of(const storage::Snapshot& snapshot, std::int64_t id) {
  if (auto entry = snapshot.trash_entry(id)) return *std::move(entry);
  throw UsageError("Nothing in the trash has the id " + std::to_string(id) + ".");
}

// Returns where the tree was, by the names of now.
Path place_of(const storage::Snapshot& snapshot, const TrashEntry& entry) {
  if (entry.collection) return entry.collection->child(entry.root.name);
  const storage::Resolution before = snapshot.resolve(entry.path);
  if (before.parent && before.parent->is_collection()) return entry.path;
  throw UsageError("The collection " + shown(entry.path.parent()) +
                   " is gone: restore it first, or say with --to where this one goes.");
}

storage::Resource file_at(const storage::Snapshot& snapshot, const Path& path) {
  const storage::Resolution found = snapshot.resolve(path);
  if (!found.mapped()) throw UsageError("There is no file " + shown(path) + ".");
  if (found.resource->is_collection())
    throw UsageError(shown(path) + " is a collection, and only files have versions.");
  return *found.resource;
}

// Removes what was given up, in slices between which others may write.
void purge(storage::Namespace& names) {
  while (names.purge(kAtOnce) == kAtOnce) {
  }
}

std::string id_text(std::int64_t id) { return std::to_string(id); }

}  // namespace

ControlReply list_trash(const storage::Namespace& names, const UserRequest& request) {
  const auto accounts = names.accounts();
  const auto snapshot = names.snapshot();
  const storage::Account* const only =
      request.has("name") ? &find_account(*accounts, request.value("name")) : nullptr;
  Table table = {{"ID", "REMOVED", "BY", "OWNER", "RESOURCES", "BYTES", "PATH"}};
  json::Writer out;
  out.object([&] {
    out.key("trash").array([&] {
      snapshot->trash(0, [&](const TrashEntry& entry) {
        if (only && entry.root.owner != only->id) return true;
        const auto by = name_of(*accounts, entry.remover);
        const auto owner = name_of(*accounts, entry.root.owner);
        const auto number = [&](std::uint64_t TrashEntry::Size::*which) {
          return entry.size ? std::optional(*entry.size.*which) : std::nullopt;
        };
        const auto resources = number(&TrashEntry::Size::resources);
        const auto bytes = number(&TrashEntry::Size::bytes);
        out.object([&] {
          out.member("id", entry.id);
          out.member("removed", moment(entry.removed));
          out.member("by", by);
          out.member("owner", owner);
          out.member("collection", entry.root.is_collection());
          out.member("resources", resources);
          out.member("bytes", bytes);
          out.member("path", shown(entry.path));
        });
        table.push_back({id_text(entry.id), moment(entry.removed), cell(by), cell(owner),
                         resources ? std::to_string(*resources) : "-",
                         bytes ? std::to_string(*bytes) : "-",
                         shown(entry.path) + (entry.root.is_collection() ? "/" : "")});
        return table.size() <= kListed;
      });
    });
  });
  if (request.has("json")) return {0, out.text()};
  const std::string total = counted(table.size() - 1, "tree", "trees") +
                            (table.size() > kListed ? ", and perhaps more.\n" : ".\n");
  return {0, (table.size() == 1 ? std::string() : text_of(table)) + total};
}

ControlReply restore_trash(storage::Namespace& names, const UserRequest& request) {
  const std::int64_t id = parse_id(request.value("id"));
  std::optional<std::string> question;
  Path place;
  names.write(Flush::required, [&](Transaction& tx) {
    question.reset();
    const TrashEntry entry = entry_of(tx, id);
    place = request.has("to") ? parse_path(request.value("to")) : place_of(tx, entry);
    if (place.is_root()) throw UsageError("The root is taken.");
    storage::Resolution at = tx.resolve(place);
    if (!at.parent || !at.parent->is_collection())
      throw UsageError("There is no collection " + shown(place.parent()) + ".");
    if (!at.parent_locks.empty())
      throw UsageError("The collection " + shown(place.parent()) +
                       " is locked: holdfast lock list says by whom.");
    if (at.mapped()) {
      if (request.has("to")) throw UsageError(shown(place) + " is taken.");
      const Path other = dav::free_name_beside(tx, place, !entry.root.is_collection());
      if (!request.has("yes")) {
        question = shown(place) + " is taken, so it would become " + shown(other);
        return;
      }
      place = other;
      at = tx.resolve(place);
    }
    static_cast<void>(tx.restore_trash(id, *at.parent, place.name()));
  });
  if (question) return {kAsksExit, *question};
  return {0, shown(place) + " restored.\n"};
}

ControlReply purge_trash(storage::Namespace& names, const UserRequest& request) {
  if (!request.has("all")) {
    const std::int64_t id = parse_id(request.value("id"));
    names.write(Flush::required, [&](Transaction& tx) {
      if (const auto by = tx.holder(entry_of(tx, id)))
        throw UsageError("The snapshot " + shown(std::string_view(*by)) + " holds it.");
      static_cast<void>(tx.purge_trash(id));
    });
    purge(names);
    return {0, "1 tree removed for good.\n"};
  }
  std::vector<std::int64_t> ids;
  names.snapshot()->trash(0, [&](const TrashEntry& entry) {
    ids.push_back(entry.id);
    return true;
  });
  std::size_t removed = 0;
  for (std::size_t at = 0; at < ids.size(); at += kAtOnce) {
    std::size_t gone = 0;
    names.write(Flush::required, [&](Transaction& tx) {
      gone = 0;
      for (std::size_t i = at; i < std::min(ids.size(), at + kAtOnce); ++i)
        gone += tx.purge_trash(ids[i]) ? 1U : 0U;
    });
    removed += gone;
  }
  purge(names);
  return {0, counted(removed, "tree", "trees") + " removed for good.\n"};
}

ControlReply list_versions(const storage::Namespace& names, const UserRequest& request) {
  const auto accounts = names.accounts();
  const auto snapshot = names.snapshot();
  const Path path = parse_path(request.value("path"));
  const std::vector<Version> versions = snapshot->versions(file_at(*snapshot, path));
  if (request.has("json")) {
    json::Writer out;
    out.object([&] {
      out.member("path", shown(path));
      out.key("versions").array([&] {
        for (const Version& version : versions)
          out.object([&] {
            out.member("id", version.id);
            out.member("stored", moment(version.file.stored));
            out.member("modified", moment(version.file.modified.at));
            out.member("replaced", moment(version.replaced));
            out.member("by", name_of(*accounts, version.author));
            out.member("bytes", version.file.size);
            out.member("etag", version.file.etag);
          });
      });
    });
    return {0, out.text()};
  }
  Table table = {{"ID", "STORED", "BY", "BYTES", "REPLACED", "ETAG"}};
  for (const Version& version : versions)
    table.push_back({id_text(version.id), moment(version.file.stored),
                     cell(name_of(*accounts, version.author)), std::to_string(version.file.size),
                     moment(version.replaced), version.file.etag});
  return {0, (versions.empty() ? std::string() : text_of(table)) +
                 counted(versions.size(), "version", "versions") + ".\n"};
}

ControlReply restore_version(storage::Namespace& names, const UserRequest& request) {
  const std::int64_t id = parse_id(request.value("id"));
  const Path path = parse_path(request.value("path"));
  names.write(Flush::required, [&](Transaction& tx) {
    const storage::Resource file = file_at(tx, path);
    const std::vector<Version> versions = tx.versions(file);
    if (std::ranges::none_of(versions, [&](const Version& each) { return each.id == id; }))
      throw UsageError(shown(path) + " has no version " + std::to_string(id) + ".");
    const storage::Resolution at = tx.resolve(path);
    static_cast<void>(
        tx.restore_version(file, id, storage::date_of_content(tx.wall_now(), file, *at.parent)));
  });
  return {0, shown(path) + " is as it was in version " + std::to_string(id) + ".\n"};
}

ControlReply purge_versions(storage::Namespace& names, const UserRequest& request) {
  const Path path = parse_path(request.value("path"));
  std::vector<std::int64_t> ids;
  {
    const auto snapshot = names.snapshot();
    for (const Version& version : snapshot->versions(file_at(*snapshot, path)))
      ids.push_back(version.id);
  }
  if (!request.has("all")) {
    const std::int64_t id = parse_id(request.value("id"));
    if (std::ranges::find(ids, id) == ids.end())
      throw UsageError(shown(path) + " has no version " + std::to_string(id) + ".");
    ids = {id};
  }
  std::size_t removed = 0;
  for (std::size_t at = 0; at < ids.size(); at += kAtOnce) {
    std::size_t gone = 0;
    names.write(Flush::required, [&](Transaction& tx) {
      gone = 0;
      for (std::size_t i = at; i < std::min(ids.size(), at + kAtOnce); ++i)
        gone += tx.purge_version(ids[i]) ? 1U : 0U;
    });
    removed += gone;
  }
  return {0, counted(removed, "version", "versions") + " removed for good.\n"};
}

}  // namespace holdfast::server::cli
