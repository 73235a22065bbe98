#include "dav/storing.h"

#include <algorithm>
#include <limits>

#include "dav/body.h"
#include "dav/junk.h"
#include "dav/locks.h"
#include "dav/method.h"
#include "dav/quota.h"
#include "dav/refusal.h"
#include "dav/rights.h"
#include "http/date.h"
#include "storage/dates.h"
#include "text/ascii.h"

namespace holdfast::dav {
namespace {

// Returns true when missing collections above a new file are to be made. Nextcloud's clients
// request that (docs/clients.md R78).
bool makes_parents(const Call& call) {
  const auto asks = call.fields().find("X-NC-WebDAV-AutoMkcol");
  return asks && (*asks == "1" || text::equal_ignoring_case(*asks, "true"));
}

// Returns the collections that are missing above the target, the uppermost first.
std::vector<storage::Path> missing_parents(const storage::Resolution& target) {
  std::vector<storage::Path> missing;
  for (storage::Path path = target.path.parent(); path.depth() >= target.lineage.size();
       path = path.parent())
    missing.push_back(path);
  std::reverse(missing.begin(), missing.end());
  return missing;
}

// Checks that the missing collections may be made, as for a MKCOL of each, except for space. All
// below the first are new, so only locks from above can cover them.
void check_missing_parents(const Call& call, const Conditions& conditions,
                           const storage::Snapshot& snapshot, const storage::Resolution& target) {
  const std::vector<storage::Path> missing = missing_parents(target);
  for (const storage::Path& path : missing) require_right(call, path, true, storage::Right::write);
  const storage::Resolution first = snapshot.resolve(missing.front());
  require_parent(first);
  conditions.check(snapshot, target);
  require_tokens_to_add(call, conditions, snapshot, first);
}

void make_missing_parents(const Call& call, storage::Transaction& tx,
                          const storage::Resolution& target) {
  const storage::AccountId owner = call.caller->account;
  for (const storage::Path& path : missing_parents(target))
    tx.make_collection(*tx.resolve(path).parent, path.name(), owner);
}

// Returns the account that will own the file when it has `size` bytes.
storage::AccountId owner_of(const Call& call, const storage::Resolution& target,
                            std::uint64_t size) {
  if (!target.mapped()) return call.caller->account;
  return owner_after(call, *target.resource, size > target.resource->size);
}

}  // namespace

void check_target(const Call& call, const Conditions& conditions, const storage::Snapshot& snapshot,
                  const storage::Resolution& target) {
  if (target.resource && target.resource->is_collection())
    throw not_allowed(target.resource, "PUT writes a file, and a collection is stored here");
  if (call.target.trailing_slash) throw slash_after_file();
  if (!target.parent && makes_parents(call))
    return check_missing_parents(call, conditions, snapshot, target);
  require_parent(target);
  conditions.check(snapshot, target);
  if (target.mapped()) {
    require_tokens(call, conditions, snapshot, target.locks);
  } else {
    require_tokens_to_add(call, conditions, snapshot, target);
  }
}

std::uint64_t check_room(const Call& call, const storage::Snapshot& snapshot,
                         const storage::Resolution& target, std::optional<std::uint64_t> length,
                         bool early) {
  if (length && *length > body_limit_bytes(call)) throw body_too_large(call);
  constexpr std::uint64_t kAny = std::numeric_limits<std::uint64_t>::max();
  const std::uint64_t replaced = target.mapped() ? target.resource->size : 0;
  const storage::AccountId owner = owner_of(call, target, length.value_or(kAny));
  const QuotaCheck quota(call, snapshot, owner);
  const bool owned = target.mapped() && target.resource->owner == owner;
  if (!owned && length) quota.require_resource();
  std::uint64_t room = quota.room_bytes(owned ? replaced : 0, early ? &snapshot : nullptr);
  if (!length) room = std::max(room, replaced);  // what does not grow keeps its owner
  if (length.value_or(0) > room) throw quota.exceeded(*length - room);
  require_space(call, length.value_or(0));
  return room;
}

void reserve(const Call& call, storage::SpaceLedger::Reservation& space, std::uint64_t bytes) {
  using Verdict = storage::SpaceLedger::Verdict;
  Verdict verdict = space.grow(bytes);
  if (verdict == Verdict::floor && call.space.make_room({.bytes = call.space.missing(bytes)}))
    verdict = space.grow(bytes);
  switch (verdict) {
    case Verdict::granted:
      return;
    case Verdict::quota:
      throw quota_exceeded();
    case Verdict::floor:
      throw disk_is_full();
    case Verdict::share: {
      Error error = disk_is_full();
      error.detail = "one client's uploads would take almost all space above the floor";
      throw error;
    }
  }
}

// Returns the outcome for a file that is accepted and not stored. It has validators, because
// without one Finder requests the file at once and finds none.
Outcome discarded(const storage::Resolution& target, storage::Millis now) {
  if (!target.mapped())
    return {.etag = "discarded", .last_modified = http::last_modified(now, now)};
  return {.replaced = true,
          .etag = target.resource->etag,
          .last_modified = http::last_modified(target.resource->modified.at, now)};
}

Outcome store(Call& call, const Conditions& conditions, const HeldLocks* locks,
              storage::Upload& upload, const NewContent& what) {
  const storage::Content& content = what.content;
  Outcome outcome;
  try {
    write(call, storage::Flush::required, [&](storage::Transaction& tx) {
      storage::Resolution target = tx.resolve(call.target.path);
      if (revive_named_locks(call, conditions, tx, {&target}))
        target = tx.resolve(call.target.path);
      check_target(call, conditions, tx, target);
      if (what.replaces && (!target.mapped() || target.resource->content != *what.replaces))
        throw changed_meanwhile();
      if (locks != nullptr) locks->give_back(tx);
      if (!what.judged) {
        if (is_discarded(call.options, target)) {
          outcome = discarded(target, tx.wall_now());
          return;
        }
        static_cast<void>(check_room(call, tx, target, content.size, false));
        what.checksums.verify(content.checksums);
      }
      const storage::AccountId owner = owner_of(call, target, content.size);
      const QuotaCheck quota(call, tx, owner);
      if (!target.parent) {
        make_missing_parents(call, tx, target);
        target = tx.resolve(call.target.path);
      }
      const storage::Millis date = what.modified.value_or(tx.wall_now());
      const storage::Date modified =
          target.mapped() ? storage::date_of_content(date, *target.resource, *target.parent)
                          : storage::date_of_new(date, *target.parent);
      storage::Resource stored =
          tx.put(*target.parent, call.target.path.name(), content, modified, owner);
      if (stored.owner != owner) tx.set_owner(stored.id, owner);
      quota.require_within(tx);
      outcome = {target.mapped(), std::move(stored.etag),
                 http::last_modified(stored.modified.at, tx.wall_now()), stored.content, stored.id};
    });
  } catch (const storage::Error& error) {
    // The commit's outcome is unknown, and a row may name the content; if none does, the sweep of
    // the next start removes it. A full or busy store has certainly not committed, and kept content
    // would fill the disk with every retry.
    if (error.fault() != storage::Fault::full && error.fault() != storage::Fault::busy)
      upload.keep();
    throw;
  }
  upload.keep();
  if (content.is_inline() && outcome.content != 0) call.contents.note_sound(outcome.content);
  return outcome;
}

}  // namespace holdfast::dav
