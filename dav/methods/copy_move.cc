// COPY and MOVE (RFC 4918 §9.8, §9.9): whole trees, all or nothing. The checks are the same but for
// what MOVE does to the source. A large copy is made a part at a time where nobody sees it, so that
// others write in between, and is put into its place in one transaction.
#include <algorithm>
#include <memory>
#include <utility>

#include "dav/conditions.h"
#include "dav/file_history.h"
#include "dav/headers.h"
#include "dav/junk.h"
#include "dav/leases.h"
#include "dav/locks.h"
#include "dav/method.h"
#include "dav/methods/methods.h"
#include "dav/past.h"
#include "dav/quota.h"
#include "dav/refusal.h"
#include "dav/rights.h"
#include "dav/sync_client.h"
#include "storage/dates.h"

namespace holdfast::dav {
namespace {

// What the row of a resource and its entry in the index take, with a name of usual length.
constexpr std::uint64_t kRowBytes = 256;
// A COPY of more resources is made in parts of this many. Others wait for one part at most.
constexpr std::uint64_t kMostAtOnce = 5000;
constexpr std::size_t kPart = 1000;
// So often a copy begins anew because its source has changed. Then it is made at once.
constexpr int kMostBeginnings = 3;

struct Transfer {
  bool moves = false;
  Target destination;
  bool overwrite = true;
  std::optional<storage::Depth> depth;
  std::optional<storage::Millis> modified;
};

Transfer parse(const Call& call, bool moves) {
  Transfer transfer;
  transfer.moves = moves;
  const auto destination = call.fields().find("Destination");
  if (!destination) throw Error(400, "the Destination field is missing");
  transfer.destination = parse_reference(*destination, call.options.space, call.host());
  if (transfer.destination.above_prefix) throw Error(502, "the destination is above the prefix");
  require_present(call.options, transfer.destination);
  transfer.overwrite = parse_overwrite(call.fields());
  transfer.depth = parse_depth(call.fields());
  if (transfer.depth == storage::Depth::one)
    throw Error(400, "COPY and MOVE have Depth 0 or infinity");
  transfer.modified = parse_oc_mtime(call.fields());
  return transfer;
}

// Refuses a source and a destination that make no sense together or would lose data. Call before
// every other check.
void check_source_and_destination(const Transfer& transfer, const storage::Resolution& source,
                                  const storage::Resolution& destination) {
  const storage::Resource& resource = *source.resource;
  const storage::Path& to = transfer.destination.path;
  if (source.path.is_root() || to.is_root())
    throw Error(403, "the root is neither source nor destination");
  if (destination.resource && destination.resource->id == resource.id) {
    // The two are the same resource; only a MOVE to another spelling of its name changes anything.
    if (!transfer.moves || to.name() == resource.name)
      throw Error(403, "source and destination are the same resource");
    return;
  }
  if (resource.is_collection() && destination.at_or_below(resource))
    throw Error(403, "the destination lies inside the source");
  if (destination.resource && source.at_or_below(*destination.resource))
    throw Error(403, "the destination is an ancestor of the source");
}

// Checks the rights on members. The engine has checked the source's own path, and transfer() the
// destination's.
void check_rights(const Call& call, const Transfer& transfer, const storage::Snapshot& snapshot,
                  bool recursive) {
  const storage::Path& from = call.target.path;
  const storage::Path& to = transfer.destination.path;
  if (recursive) {
    require_right_within(call, snapshot, from,
                         transfer.moves ? storage::Right::write : storage::Right::read);
    require_right_at_destination(call, snapshot, from, to);
  }
  require_right_within(call, snapshot, to, storage::Right::write);
}

Error too_many() { return {507, "the tree has more resources than one COPY may make"}; }

// Returns how many resources the tree has that a COPY makes, counted up to `most` + 1.
std::uint64_t check_limits(const Call& call, const Transfer& transfer,
                           const storage::Snapshot& snapshot, const storage::Resource& source,
                           bool recursive, std::uint64_t most) {
  if (!recursive || !source.is_collection()) return 1;
  const storage::Path& to = transfer.destination.path;
  // parse_reference has checked the destination itself, so neither difference is negative.
  const PathLimits& limits = call.options.space.limits;
  if (!snapshot.fits_below(source, limits.depth - to.depth(), limits.path_bytes - to.bytes()))
    throw Error(403, "a member's path would become too deep or too long");
  if (transfer.moves) return 0;
  const std::uint64_t count = snapshot.count(source, std::min(most, call.options.copy_limit));
  if (count > call.options.copy_limit) throw too_many();
  return count;
}

// Makes all parts of a copy of the collection at the request's path, for `owner`.
void make_parts(Call& call, storage::TreeCopy& copy, storage::AccountId owner) {
  {
    const auto now = call.names.snapshot();
    const storage::Resolution source = now->resolve(call.target.path);
    const std::uint64_t most = call.options.copy_limit;
    if (source.mapped() && now->count(*source.resource, most) > most) throw too_many();
  }
  for (bool made = false; !made;)
    write(call, storage::Flush::required, [&](storage::Transaction& tx) {
      require_space(call, kPart * kRowBytes);
      const QuotaCheck quota(call, tx, owner);
      made = tx.copy_part(copy, kPart);
      quota.require_within(tx);
    });
}

// Returns the resource with the date that it will have at the destination. The store computes
// collections' dates.
storage::Resource dated_at(const Transfer& transfer, storage::Resource resource,
                           const storage::Resolution& destination) {
  const storage::Date date = transfer.modified ? *transfer.modified : resource.modified;
  if (resource.is_collection()) {
    if (transfer.modified) resource.modified = {*transfer.modified, storage::DateMark::set};
  } else if (!destination.mapped() || destination.resource->id != resource.id) {
    const storage::Resource* replaced = destination.mapped() ? &*destination.resource : nullptr;
    resource.modified = storage::date_of_arrived(date, *destination.parent, replaced);
  } else if (transfer.modified) {
    resource.modified = storage::date_set(date.at, resource, *destination.parent);
  }
  return resource;
}

Response transfer(Call& call, bool moves) {
  const Conditions conditions(call);
  const Transfer transfer = parse(call, moves);
  const bool recursive = transfer.depth != storage::Depth::zero;

  bool replaced = false;
  bool discards = false;
  bool waits = false;  // for the parts of its copy
  int beginnings = 0;
  std::shared_ptr<storage::TreeCopy> begun, parts;
  storage::Resource placed;
  const auto act = [&](storage::Transaction& tx) {
    waits = false;
    // The right is checked before any answer could show what is mapped there.
    require_right(call, transfer.destination.path, transfer.destination.trailing_slash,
                  storage::Right::write);
    storage::Resolution source = tx.resolve(call.target.path);
    discards = !source.mapped() && is_discarded(call.options, source) &&
               is_discarded(call.options, tx.resolve(transfer.destination.path));
    if (discards) return;
    storage::Resolution destination = tx.resolve(transfer.destination.path);
    if (revive_named_locks(call, conditions, tx, {&source, &destination})) {
      source = tx.resolve(call.target.path);
      destination = tx.resolve(transfer.destination.path);
    }
    const storage::Resource& resource = existing(call, source);
    if (moves && resource.is_collection() && !recursive)
      throw Error(400, "MOVE of a collection has Depth: infinity only");
    check_source_and_destination(transfer, source, destination);
    check_rights(call, transfer, tx, recursive);
    require_parent(destination);
    const bool in_parts = !moves && beginnings < kMostBeginnings;
    std::uint64_t most = in_parts ? kMostAtOnce : call.options.copy_limit;
    if (parts) most = 0;  // they are counted
    const std::uint64_t count = check_limits(call, transfer, tx, resource, recursive, most);

    conditions.check(tx, source);
    replaced = destination.mapped() && destination.resource->id != resource.id;
    if (replaced && !transfer.overwrite)
      throw condition_failed("the destination is mapped and Overwrite is F");

    if (moves) {
      require_tokens(call, conditions, tx, source.parent_locks);
      require_tokens_within(call, conditions, tx, source);
    }
    // What replaces a member is also added to its collection (RFC 4918 §7.4).
    require_tokens_to_add(call, conditions, tx, destination);
    if (replaced) require_tokens_within(call, conditions, tx, destination);

    // A copy shares content and properties, so only its rows take space.
    if (!moves) require_space(call, count * kRowBytes);
    const std::string_view name = transfer.destination.path.name();
    const storage::AccountId owner = call.caller->account;
    const QuotaCheck quota(call, tx, moves ? storage::kNobody : owner);  // MOVE keeps owners
    const storage::Resource dated = dated_at(transfer, resource, destination);
    if (moves) {
      placed = tx.move_tree(dated, *destination.parent, name);
    } else if (parts) {
      const auto made = tx.place_copy(*parts, dated, *destination.parent, name);
      waits = !made;
      if (made) placed = *made;
    } else if (in_parts && count > kMostAtOnce) {
      waits = true;
      begun = tx.begin_copy(resource, owner);
    } else {
      placed = tx.copy_tree(dated, recursive, *destination.parent, name, owner);
    }
    quota.require_within(tx);
  };
  for (;;) {
    write(call, storage::Flush::required, act);
    if (!waits) break;
    // A copy that was not placed is outdated.
    parts = parts ? nullptr : std::exchange(begun, nullptr);
    if (!parts) continue;
    ++beginnings;
    make_parts(call, *parts, call.caller->account);
  }

  Response response;
  response.status = replaced ? 204 : 201;
  if (!discards)
    response.changed = http::Change{.destination = href({}, transfer.destination.path, false)};
  if (transfer.modified) response.set("X-OC-Mtime", "accepted");
  if (call.options.for_sync_clients && !placed.etag.empty())
    response.set("ETag", "\"" + placed.etag + "\"");
  add_file_id(response, call.options, discards ? 0 : placed.id);
  return response;
}

// Makes what the view has at `source` anew at the destination, owned by `owner`.
void make_as_it_was(storage::Transaction& tx, const storage::Snapshot& view,
                    const storage::Resolution& source, bool recursive,
                    const storage::Resolution& destination, storage::AccountId owner) {
  const std::string_view name = destination.path.name();
  // The collections that lead to the member that is made.
  std::vector<storage::Resource> above;
  const auto depth = recursive ? storage::Depth::infinity : storage::Depth::zero;
  view.members(source, depth, {}, [&](const storage::Member& member) {
    const std::size_t level = member.segments.size();
    above.resize(level);
    const storage::Resource& parent = level == 0 ? *destination.parent : above.back();
    const std::string_view as = level == 0 ? name : member.segments.back();
    if (member.resource.is_collection()) {
      above.push_back(tx.make_collection(parent, as, owner));
      return;
    }
    storage::PastMember then;
    then.resource = member.resource;
    then.resource.owner = owner;
    static_cast<void>(tx.restore_file(then, parent, as));
  });
}

// COPY of a version: onto its file, which so gets a new version, or to another place, where no
// history comes with it.
Response copy_version(Call& call, std::int64_t version) {
  const Transfer transfer = parse(call, false);
  const storage::Path from = call.target.path;
  // From here on the request is about its destination.
  call.target = transfer.destination;
  const Conditions conditions(call);
  const storage::Path& to = transfer.destination.path;
  if (to.is_root()) throw Error(403, "the root is no destination");
  bool replaced = false;
  storage::Resource placed;
  write(call, storage::Flush::required, [&](storage::Transaction& tx) {
    require_right(call, to, transfer.destination.trailing_slash, storage::Right::write);
    require_right(call, from, false, storage::Right::write);
    const storage::Resolution source = tx.resolve(from);
    if (!source.mapped() || source.resource->is_collection())
      throw Error(404, "there is no such file");
    storage::Resolution destination = tx.resolve(to);
    if (revive_named_locks(call, conditions, tx, {&destination})) destination = tx.resolve(to);
    require_parent(destination);
    storage::PastMember then;
    then.resource = version_of(call, tx, source, version);
    conditions.check(tx, destination);
    replaced = destination.mapped();
    if (replaced && !transfer.overwrite)
      throw condition_failed("the destination is mapped and Overwrite is F");
    require_tokens_to_add(call, conditions, tx, destination);
    if (replaced) {
      require_tokens_within(call, conditions, tx, destination);
      require_right_within(call, tx, to, storage::Right::write);
    }
    require_space(call, kRowBytes);
    const bool onto_itself = replaced && destination.resource->id == source.resource->id;
    const bool onto_file = replaced && !destination.resource->is_collection();
    const storage::AccountId owner =
        onto_file ? owner_after(call, *destination.resource,
                                then.resource.size > destination.resource->size)
                  : call.caller->account;
    const QuotaCheck quota(call, tx, owner);
    if (onto_itself) {
      const storage::Date date =
          transfer.modified
              ? storage::date_set(*transfer.modified, *source.resource, *source.parent)
              : storage::date_of_content(tx.wall_now(), *source.resource, *source.parent);
      placed = tx.restore_version(*source.resource, version, date);
    } else if (onto_file) {
      placed = tx.restore_content(*destination.resource, then);
    } else {
      if (replaced) tx.remove_tree(*destination.resource);
      then.resource.owner = owner;
      placed = tx.restore_file(then, *destination.parent, to.name());
    }
    if (onto_file && owner != destination.resource->owner) tx.set_owner(placed.id, owner);
    quota.require_within(tx);
  });
  Response response;
  response.status = replaced ? 204 : 201;
  response.changed = http::Change{.destination = {}};
  if (transfer.modified) response.set("X-OC-Mtime", "accepted");
  return response;
}

}  // namespace

Response copy_from_past(Call& call, const storage::Instant& instant, const storage::Path& source) {
  const Transfer transfer = parse(call, false);
  const bool recursive = transfer.depth != storage::Depth::zero;
  // From here on the request is about its destination.
  call.target = transfer.destination;
  const Conditions conditions(call);
  const storage::Path& to = transfer.destination.path;
  if (to.is_root()) throw Error(403, "the root is no destination");
  bool replaced = false;
  write(call, storage::Flush::required, [&](storage::Transaction& tx) {
    require_right(call, to, transfer.destination.trailing_slash, storage::Right::write);
    const std::shared_ptr<const Caller> reader = reader_of_past(*call.caller);
    if (right_on(*reader, source) < storage::Right::read)
      require_right(call, source, false, storage::Right::write);
    const auto view = storage::view_past(tx, instant, seen_by(reader, tx));
    const storage::Resolution from = view->resolve(source);
    if (!from.mapped()) throw Error(404, "nothing was there");
    const storage::Resource& resource = *from.resource;
    if (recursive) {
      require_right_within(call, *view, source, storage::Right::write);
      require_right_within(call, tx, to, storage::Right::write);
    }
    storage::Resolution destination = tx.resolve(to);
    if (revive_named_locks(call, conditions, tx, {&destination})) destination = tx.resolve(to);
    require_parent(destination);
    const std::uint64_t count =
        check_limits(call, transfer, *view, resource, recursive, call.options.copy_limit);
    conditions.check(tx, destination);
    replaced = destination.mapped();
    if (replaced && !transfer.overwrite)
      throw condition_failed("the destination is mapped and Overwrite is F");
    require_tokens_to_add(call, conditions, tx, destination);
    if (replaced) require_tokens_within(call, conditions, tx, destination);
    require_space(call, count * kRowBytes);
    const storage::AccountId owner = call.caller->account;
    const QuotaCheck quota(call, tx, owner);
    if (replaced && !destination.resource->is_collection() && !resource.is_collection()) {
      storage::PastMember then;
      then.resource = resource;
      static_cast<void>(tx.restore_content(*destination.resource, then));
    } else {
      if (replaced) tx.remove_tree(*destination.resource);
      make_as_it_was(tx, *view, from, recursive, destination, owner);
    }
    quota.require_within(tx);
  });
  Response response;
  response.status = replaced ? 204 : 201;
  response.changed = http::Change{.destination = {}};
  return response;
}

Response handle_copy(Call& call) {
  if (const auto asked = asked_history(call.request.target)) {
    if (!asked->version) throw not_allowed_on_version();
    return copy_version(call, *asked->version);
  }
  return transfer(call, false);
}

Response handle_move(Call& call) { return transfer(call, true); }

}  // namespace holdfast::dav
