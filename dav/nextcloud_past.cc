#include "dav/nextcloud_past.h"

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "dav/body.h"
#include "dav/conditions.h"
#include "dav/file_history.h"
#include "dav/headers.h"
#include "dav/leases.h"
#include "dav/locks.h"
#include "dav/method.h"
#include "dav/methods/methods.h"
#include "dav/multistatus.h"
#include "dav/propfind_cache.h"
#include "dav/refusal.h"
#include "dav/rights.h"
#include "dav/trash.h"
#include "text/ascii.h"

namespace holdfast::dav {
namespace {

constexpr std::size_t kMostListed = 10'000;
constexpr std::size_t kGivenUpAtOnce = 100;
// Stands between the name and the id in the URL of what was removed.
constexpr std::string_view kMark = ".d";

std::string entry_name(const storage::TrashEntry& entry) {
  return entry.root.name + std::string(kMark) + std::to_string(entry.id);
}

// Returns what the caller has removed under this name; nullopt for everything else.
std::optional<storage::TrashEntry> find_entry(const Caller& caller,
                                              const storage::Snapshot& snapshot,
                                              std::string_view name) {
  const std::size_t mark = name.rfind(kMark);
  if (mark == std::string_view::npos) return std::nullopt;
  const auto id = text::parse_number(name.substr(mark + kMark.size()));
  if (!id || *id > std::uint64_t{1} << 53) return std::nullopt;
  auto entry = snapshot.trash_entry(static_cast<std::int64_t>(*id));
  if (!entry || entry_name(*entry) != name || !may_restore(caller, *entry)) return std::nullopt;
  return entry;
}

Error no_such_entry() { return {404, "there is nothing of this name in the trash"}; }

// What both kinds of listings need.
struct Listing {
  Listing(Call& call, const storage::Snapshot& snapshot)
      : propfind(call.propfinds.parse(read_body(call))) {
    const auto asked = parse_depth(call.fields()).value_or(storage::Depth::infinity);
    if (asked == storage::Depth::infinity)
      throw Error(Precondition::propfind_finite_depth, "this is listed with Depth 0 or 1");
    members = asked == storage::Depth::one;
    context.options = &call.options;
    context.caller = call.caller;
    context.lease_now = snapshot.lease_now();
    self = href(call.target.spelling, {}, true);
    multistatus::begin(out);
  }
  // Appends the collection that is listed, or one in it.
  void add_collection(std::string_view name, const std::string& at) {
    storage::Member member;
    member.resource.name = name;
    multistatus::append_member(out, *propfind, member, at, context);
  }
  Response answer() {
    multistatus::end(out);
    Response response = multistatus::answer();
    response.body = std::move(out);
    return response;
  }

  std::shared_ptr<const PropFind> propfind;
  PropertyContext context;
  bool members = false;
  std::string self;  // the URL of what is listed
  std::string out;
};

void add_entry(Listing& listing, const storage::TrashEntry& entry, const std::string& at) {
  const storage::Path place = place_of(entry);
  std::string location;
  for (const std::string& segment : place.segments())
    location.append(location.empty() ? "" : "/").append(segment);
  const TrashFacts facts{.name = std::string(place.name()),
                         .location = std::move(location),
                         .removed_s = entry.removed / 1000};
  storage::Member member;
  member.resource = entry.root;
  listing.context.trash = &facts;
  multistatus::append_member(listing.out, *listing.propfind, member, at, listing.context);
  listing.context.trash = nullptr;
}

Response list_trash(Call& call, const SyncTarget& target) {
  const auto snapshot = call.names.snapshot();
  Listing listing(call, *snapshot);
  if (target.rest.empty()) {
    listing.add_collection("trashbin", listing.self);
    if (listing.members)
      for (const char* name : {"restore", "trash"})
        listing.add_collection(name, listing.self + name + "/");
    return listing.answer();
  }
  if (target.rest.size() == 2) {
    const auto entry = find_entry(*call.caller, *snapshot, target.rest[1]);
    if (!entry) throw no_such_entry();
    add_entry(listing, *entry, href(call.target.spelling, {}, entry->root.is_collection()));
    return listing.answer();
  }
  listing.add_collection("trash", listing.self);
  if (!listing.members) return listing.answer();
  std::size_t listed = 0;
  bool cut_off = false;
  snapshot->trash(0, [&](const storage::TrashEntry& entry) {
    if (!may_restore(*call.caller, entry)) return true;
    cut_off = listed++ == kMostListed;
    if (cut_off) return false;
    const storage::Path name = storage::Path().child(entry_name(entry));
    // The name begins after the slash of the listing's own URL.
    add_entry(listing, entry, listing.self + href({}, name, entry.root.is_collection()).substr(1));
    return true;
  });
  if (cut_off)
    multistatus::append_status(listing.out, listing.self, 507,
                               Precondition::number_of_matches_within_limits);
  return listing.answer();
}

// Returns the last segments of Destination below the user's URLs of `which`. Throws Error 400, 502.
std::vector<std::string> destination_below(const Call& call, std::string_view which) {
  const auto destination = call.fields().find("Destination");
  if (!destination) throw Error(400, "the Destination field is missing");
  // The prefix of the user's files ends in files and USER.
  UrlSpace space = call.options.space;
  space.prefix[space.prefix.size() - 2] = which;
  const Target to = parse_reference(*destination, space, call.host());
  if (to.above_prefix) throw Error(502, "the destination is not among these URLs");
  const auto segments = to.path.segments();
  return {segments.begin(), segments.end()};
}

void require_restoring(const Call& call, std::string_view which) {
  const std::vector<std::string> to = destination_below(call, which);
  if (to.size() != 2 || to.front() != "restore")
    throw Error(403, "what is kept goes back by a MOVE into the collection restore");
}

Response restore_entry(Call& call, const SyncTarget& target) {
  require_restoring(call, "trashbin");
  const Conditions conditions(call);
  storage::Path place;
  storage::Resource restored;
  write(call, storage::Flush::required, [&](storage::Transaction& tx) {
    const auto entry = find_entry(*call.caller, tx, target.rest[1]);
    if (!entry) throw no_such_entry();
    place = place_of(*entry);
    storage::Resolution at = tx.resolve(place);
    if (!at.parent || !at.parent->is_collection())
      throw parent_missing("the collection where it was is gone: restore that first");
    if (place.is_root() || at.mapped()) {
      place = free_name_beside(tx, place, !entry->root.is_collection());
      at = tx.resolve(place);
    }
    require_right(call, place, false, storage::Right::write);
    if (revive_named_locks(call, conditions, tx, {&at})) at = tx.resolve(place);
    require_tokens_to_add(call, conditions, tx, at);
    restored = tx.restore_trash(entry->id, *at.parent, place.name());
  });
  Response response;
  response.status = 201;
  add_file_id(response, call.options, restored.id);
  response.changed = http::Change{.path = href({}, place, false), .destination = {}};
  return response;
}

Response give_up_entries(Call& call, const SyncTarget& target) {
  if (target.rest.size() == 2) {
    write(call, storage::Flush::required, [&](storage::Transaction& tx) {
      const auto entry = find_entry(*call.caller, tx, target.rest[1]);
      if (!entry) throw no_such_entry();
      if (!tx.purge_trash(entry->id)) throw held_by_snapshot();
    });
  } else {
    std::int64_t after = 0;
    for (std::size_t found = kGivenUpAtOnce; found == kGivenUpAtOnce;)
      write(call, storage::Flush::required, [&](storage::Transaction& tx) {
        std::vector<std::int64_t> ids;
        tx.trash(after, [&](const storage::TrashEntry& entry) {
          if (may_restore(*call.caller, entry)) ids.push_back(entry.id);
          return ids.size() < kGivenUpAtOnce;
        });
        // What a snapshot holds stays.
        for (const std::int64_t id : ids) static_cast<void>(tx.purge_trash(id));
        found = ids.size();
        if (found == kGivenUpAtOnce) after = ids.back();
      });
  }
  Response response;
  response.status = 204;
  return response;
}

// Returns the file with this id, which the caller may write. Throws Error 403, 404.
storage::Resolution file_with_id(const Call& call, const storage::Snapshot& snapshot,
                                 std::string_view text) {
  // Both forms are taken: oc:fileid, and oc:id, which has letters behind it.
  const std::size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
  const auto id = text::parse_number(text.substr(0, digits));
  std::optional<storage::Path> path;
  if (id && *id <= std::uint64_t{1} << 53)
    path = snapshot.whereabouts(static_cast<storage::NodeId>(*id)).path;
  if (!path || right_on(*call.caller, *path) < storage::Right::read)
    throw Error(404, "there is no file with this id");
  storage::Resolution file = snapshot.resolve(*path);
  if (!file.mapped() || file.resource->is_collection())
    throw Error(404, "there is no file with this id");
  require_right_to_past(call, file);
  return file;
}

Response list_versions(Call& call, const SyncTarget& target) {
  const auto snapshot = call.names.snapshot();
  Listing listing(call, *snapshot);
  if (target.rest.size() != 2) {
    listing.add_collection("versions", listing.self);
    if (target.rest.empty() && listing.members)
      for (const char* name : {"restore", "versions"})
        listing.add_collection(name, listing.self + name + "/");
    return listing.answer();
  }
  const storage::Resolution file = file_with_id(call, *snapshot, target.rest[1]);
  listing.add_collection(target.rest[1], listing.self);
  if (!listing.members) return listing.answer();
  const auto accounts = call.names.accounts();
  for (const storage::Version& version : snapshot->versions(*file.resource)) {
    VersionFacts facts;
    facts.name = std::to_string(version.id);
    if (const storage::Account* author = accounts->find(version.author))
      facts.creator = author->name;
    storage::Member member;
    member.resource = version.file;
    member.resource.name = file.resource->name;
    listing.context.version = &facts;
    multistatus::append_member(listing.out, *listing.propfind, member, listing.self + facts.name,
                               listing.context);
    listing.context.version = nullptr;
  }
  return listing.answer();
}

// Answers as if the request had named the version by the file's own URL, with a COPY onto the file
// when it is to be restored.
Response answer_version(Call& call, const SyncTarget& target, bool restores) {
  const auto version = text::parse_number(target.rest[2]);
  if (!version || *version > std::uint64_t{1} << 53) throw Error(404, "there is no such version");
  storage::Path path;
  {
    const auto snapshot = call.names.snapshot();
    path = file_with_id(call, *snapshot, target.rest[1]).path;
  }
  const std::string file = href(call.options.space, path, false);
  const std::string url = version_href(file, static_cast<std::int64_t>(*version));
  http::Fields fields;
  for (const auto& field : call.request.fields.all())
    if (!text::equal_ignoring_case(field.name, "Destination") &&
        !text::equal_ignoring_case(field.name, "Overwrite"))
      fields.add(field.name, field.value);
  if (restores) fields.add("Destination", file);
  const std::string_view asked = std::exchange(call.request.target, url);
  std::swap(call.request.fields, fields);
  call.target.path = std::move(path);
  const auto as_asked = [&] {
    call.request.target = asked;
    std::swap(call.request.fields, fields);
  };
  try {
    Response response = restores ? handle_copy(call) : call.method.handle(call);
    if (response.changed) response.changed->path = href({}, call.target.path, false);
    as_asked();
    return response;
  } catch (...) {
    as_asked();
    throw;
  }
}

}  // namespace

Response handle_trashbin(Call& call, const SyncTarget& target) {
  const auto handler = call.method.handle;
  if (handler == handle_options) return handle_options(call);
  const std::size_t size = target.rest.size();
  const bool in_trash = size >= 1 && target.rest[0] == "trash";
  if (size > 2 || (size > 0 && !in_trash))
    throw Error(404, "what was removed is listed as a whole, in the collection trash");
  if (handler == handle_propfind) return list_trash(call, target);
  if (handler == handle_move && size == 2) return restore_entry(call, target);
  if (handler == handle_delete && in_trash) return give_up_entries(call, target);
  throw Error(405, "the method cannot be used in the trash");
}

Response handle_versions(Call& call, const SyncTarget& target) {
  const auto handler = call.method.handle;
  if (handler == handle_options) return handle_options(call);
  const std::size_t size = target.rest.size();
  if (size > 3 || (size > 0 && target.rest[0] != "versions"))
    throw Error(404, "versions have URLs like versions/FILEID/VERSION");
  if (size < 3 && handler == handle_propfind) return list_versions(call, target);
  if (size == 3 && (handler == handle_get || handler == handle_propfind))
    return answer_version(call, target, false);
  if (size == 3 && (handler == handle_copy || handler == handle_move)) {
    require_restoring(call, "versions");
    return answer_version(call, target, true);
  }
  throw Error(405, "the method cannot be used on versions");
}

}  // namespace holdfast::dav
