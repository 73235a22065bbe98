#include <algorithm>
#include <limits>

#include "dav/body.h"
#include "dav/conditions.h"
#include "dav/headers.h"
#include "dav/junk.h"
#include "dav/leases.h"
#include "dav/locks.h"
#include "dav/method.h"
#include "dav/methods/methods.h"
#include "dav/quota.h"
#include "dav/refusal.h"
#include "dav/rights.h"
#include "http/date.h"
#include "storage/dates.h"
#include "text/ascii.h"

namespace holdfast::dav {
namespace {

// What the header section of a PUT announces.
struct Announced {
  std::optional<std::uint64_t> length;
  ExpectedChecksums checksums;
  std::optional<storage::Millis> modified;
};

Error coded_content() {
  Error error(415, "PUT takes content without a content coding");
  error.message =
      "Content with a Content-Encoding is not taken: it would be stored as it is and served "
      "without "
      "that field.";
  error.fields = "Accept-Encoding: identity\r\n";
  return error;
}

Announced parse(const Call& call) {
  const Fields& fields = call.fields();
  // If a part of an old chunked upload were stored as a file, its client would take it for the
  // whole and then remove the user's own file (docs/clients.md R77).
  if (const auto chunked = fields.find("OC-Chunked");
      chunked && !chunked->empty() && *chunked != "0" &&
      !text::equal_ignoring_case(*chunked, "false")) {
    Error error(501, "chunked uploads with OC-Chunked are not offered");
    error.message = "Uploads in pieces (OC-Chunked) are not offered here; nothing was stored.";
    throw error;
  }
  // A fragment stored as the whole file would destroy it (RFC 9110 §14.5, docs/clients.md R40).
  if (fields.find("Content-Range")) throw Error(400, "PUT with Content-Range is not supported");
  if (const auto coding = fields.find("Content-Encoding");
      coding && !coding->empty() && !text::equal_ignoring_case(*coding, "identity"))
    throw coded_content();
  Announced announced;
  announced.length = call.request.body->length();
  if (const auto expected = fields.find("X-Expected-Entity-Length")) {
    const auto length = text::parse_number(*expected);
    if (!length) throw Error(400, "X-Expected-Entity-Length is not a number");
    if (announced.length && *announced.length != *length)
      throw Error(400, "X-Expected-Entity-Length and Content-Length differ");
    announced.length = length;
  }
  announced.checksums = parse_checksums(fields);
  announced.modified = parse_oc_mtime(fields);
  return announced;
}

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

// Makes all checks, in the order of docs/conflicts.md#order-of-the-checks. They run before the body
// is requested, and again in the transaction that commits.
void check(const Call& call, const Conditions& conditions, const storage::Snapshot& snapshot,
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

// Returns the account that will own the file when it has `size` bytes.
storage::AccountId owner_of(const Call& call, const storage::Resolution& target,
                            std::uint64_t size) {
  if (!target.mapped()) return call.caller->account;
  return owner_after(call, *target.resource, size > target.resource->size);
}

// Refuses what does not fit; returns the most bytes that the quota of the file's future owner
// permits. With `early`, the body is still to come.
std::uint64_t check_space(const Call& call, const storage::Snapshot& snapshot,
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

// Has an upload rest whenever the client is slow, while this exists.
class RestsWhenSlow {
 public:
  RestsWhenSlow(Body& body, storage::Upload& upload) : body_(body) {
    body.when_slow([&upload] { upload.rest(); });
  }
  ~RestsWhenSlow() { body_.when_slow({}); }
  RestsWhenSlow(const RestsWhenSlow&) = delete;
  RestsWhenSlow& operator=(const RestsWhenSlow&) = delete;

 private:
  Body& body_;
};

// Passes the body to `take` piece by piece, at most `room_bytes` of it. Returns when the whole body
// has arrived, as long as announced. Keeps the locks, if any, alive until then. Throws Error
// otherwise, and as soon as the client is not signed in any more.
template <class Take>
void read_whole(Call& call, const Announced& announced, std::uint64_t room_bytes, HeldLocks* locks,
                Take take) {
  std::uint64_t size = 0;
  for (;;) {
    require_signed_in(call);
    if (locks != nullptr) locks->keep();
    const Body::Piece piece = call.request.body->read();
    if (!piece.bytes.empty()) {
      if (piece.bytes.size() > body_limit_bytes(call) - size) throw body_too_large(call);
      if (piece.bytes.size() > room_bytes - size) throw quota_exceeded();
      size += piece.bytes.size();
      take(piece.bytes);
    }
    if (piece.state == Body::State::complete) break;
    if (piece.state != Body::State::more) throw body_error(piece.state);
  }
  if (announced.length && *announced.length != size)
    throw Error(400, "the body has another length than announced");
}

// Reserves space for the next bytes of a body. Throws Error 507.
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

// An upload, and the space that it holds until a row names it: none when the body has arrived,
// because then it is committed at once.
struct Received {
  std::unique_ptr<storage::Upload> upload;
  std::optional<storage::SpaceLedger::Reservation> space;
};

Received receive(Call& call, const Announced& announced, bool arrived, std::uint64_t room_bytes,
                 HeldLocks* locks) {
  storage::Digests digests = announced.checksums.digests();
  // A client that sends one of SHA-1 and MD5 in OC-Checksum may compare the other later: rclone
  // sends SHA-1, and its check uses MD5.
  const bool both = call.fields().find("OC-Checksum") && (digests.sha1 || digests.md5);
  digests.sha1 |= both || call.options.checksums.sha1;
  digests.md5 |= both || call.options.checksums.md5;
  Received received{call.contents.begin(digests), std::nullopt};
  if (!arrived) received.space.emplace(call.space.upload(call.caller->account, room_bytes));
  const RestsWhenSlow resting(*call.request.body, *received.upload);
  read_whole(call, announced, room_bytes, locks, [&](std::span<const char> bytes) {
    if (received.space) reserve(call, *received.space, bytes.size());
    try {
      received.upload->append(bytes);
    } catch (const storage::Error& error) {
      // What was written so far may be incomplete, so only the next request finds the room.
      if (error.fault() == storage::Fault::full)
        static_cast<void>(call.space.make_room({.bytes = received.upload->size() + bytes.size()}));
      throw;
    }
  });
  return received;
}

// What the response to a PUT says about the file.
struct Outcome {
  bool replaced = false;
  std::string etag;
  std::string last_modified;
  std::int64_t content = 0;  // the id of the stored content; 0: none was stored
};

Response answer(const Announced& announced, const Outcome& outcome) {
  Response response;
  response.status = outcome.replaced ? 204 : 201;
  response.set("ETag", "\"" + outcome.etag + "\"").set("Last-Modified", outcome.last_modified);
  if (announced.modified) response.set("X-OC-Mtime", "accepted");
  return response;
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

}  // namespace

// PUT (RFC 9110 §9.3.4, RFC 4918 §9.7).
Response handle_put(Call& call) {
  const Announced announced = parse(call);
  const Conditions conditions(call);
  const std::uint64_t limit = body_limit_bytes(call);
  // A small body that has arrived is checked only in the transaction: an earlier check would save
  // nothing.
  const bool arrived = call.request.body->has_arrived() && announced.length &&
                       *announced.length <= std::min(limit, storage::kInlineLimitBytes);
  std::uint64_t room_bytes = limit;
  std::optional<HeldLocks> locks;
  if (!arrived) {
    if (!conditions.submitted_tokens().empty()) locks.emplace(call, conditions);
    const auto discards = with_room(call, [&]() -> std::optional<Outcome> {
      const auto snapshot = call.names.snapshot();
      const storage::Resolution before = snapshot->resolve(call.target.path);
      check(call, conditions, *snapshot, before);
      if (is_discarded(call.options, before)) return discarded(before, snapshot->wall_now());
      room_bytes = check_space(call, *snapshot, before, announced.length, true);
      return std::nullopt;
    });
    if (discards) {
      read_whole(call, announced, limit, nullptr, [](std::span<const char>) {});
      return answer(announced, *discards);
    }
  }

  const Received received =
      receive(call, announced, arrived, room_bytes, locks ? &*locks : nullptr);
  const auto& upload = received.upload;
  if (!arrived) with_room(call, [&] { require_space(call); });
  const storage::Content& content = upload->seal();
  if (!arrived) announced.checksums.verify(content.checksums);

  Outcome outcome;
  try {
    write(call, storage::Flush::required, [&](storage::Transaction& tx) {
      storage::Resolution target = tx.resolve(call.target.path);
      if (revive_named_locks(call, conditions, tx, {&target}))
        target = tx.resolve(call.target.path);
      check(call, conditions, tx, target);
      if (locks) locks->give_back(tx);
      if (arrived) {
        if (is_discarded(call.options, target)) {
          outcome = discarded(target, tx.wall_now());
          return;
        }
        check_space(call, tx, target, content.size, false);
        announced.checksums.verify(content.checksums);
      }
      const storage::AccountId owner = owner_of(call, target, content.size);
      const QuotaCheck quota(call, tx, owner);
      if (!target.parent) {
        make_missing_parents(call, tx, target);
        target = tx.resolve(call.target.path);
      }
      const storage::Millis date = announced.modified.value_or(tx.wall_now());
      const storage::Date modified =
          target.mapped() ? storage::date_of_content(date, *target.resource, *target.parent)
                          : storage::date_of_new(date, *target.parent);
      storage::Resource stored =
          tx.put(*target.parent, call.target.path.name(), content, modified, owner);
      if (stored.owner != owner) tx.set_owner(stored.id, owner);
      quota.require_within(tx);
      outcome = {target.mapped(), std::move(stored.etag),
                 http::last_modified(stored.modified.at, tx.wall_now()), stored.content};
    });
  } catch (const storage::Error& error) {
    // The commit's outcome is unknown, and a row may name the content; if none does, the sweep of
    // the next start removes it. A full or busy store has certainly not committed, and kept content
    // would fill the disk with every retry.
    if (error.fault() != storage::Fault::full && error.fault() != storage::Fault::busy)
      upload->keep();
    throw;
  }
  upload->keep();
  if (content.is_inline() && outcome.content != 0) call.contents.note_sound(outcome.content);

  Response response = answer(announced, outcome);
  if (outcome.content != 0) response.changed = http::Change{.bytes = content.size};
  if (announced.checksums.any()) response.set("OC-Checksum", oc_checksum(content.checksums));
  return response;
}

}  // namespace holdfast::dav
