#include <algorithm>

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
#include "http/date.h"
#include "storage/dates.h"
#include "text/ascii.h"

namespace holdfast::dav {
namespace {

// What the head of a PUT announces.
struct Announced {
  std::optional<std::uint64_t> length;
  ExpectedChecksums checksums;
  std::optional<storage::Millis> modified;
};

Announced parse(const Call& call) {
  const Fields& fields = call.fields();
  // A fragment stored as the whole file would destroy it (RFC 9110 §14.5, docs/clients.md R40).
  if (fields.find("Content-Range")) throw Error(400, "PUT with Content-Range is not supported");
  if (const auto coding = fields.find("Content-Encoding");
      coding && !coding->empty() && !text::equal_ignoring_case(*coding, "identity"))
    throw Error(415, "PUT takes content without a content coding");
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

// Everything that can refuse, in the order of docs/conflicts.md#order-of-the-checks; run before the
// body is invited and again in the transaction that commits.
void check(const Call& call, const Conditions& conditions, const storage::Snapshot& snapshot,
           const storage::Resolution& target) {
  if (target.resource && target.resource->is_collection())
    throw not_allowed(target.resource, "PUT writes a file, and a collection is stored here");
  if (call.target.trailing_slash) throw slash_after_file();
  require_parent(target);
  conditions.check(snapshot, target);
  if (target.mapped()) {
    require_tokens(call, conditions, snapshot, target.locks);
  } else {
    require_tokens_to_add(call, conditions, snapshot, target);
  }
}

// Whose the file is or will be.
storage::AccountId owner_of(const Call& call, const storage::Resolution& target) {
  return target.mapped() ? target.resource->owner : call.caller->account;
}

// Refuses what will not fit; returns the most bytes that will, by the quota of the file's owner.
std::uint64_t check_space(const Call& call, const storage::Snapshot& snapshot,
                          const storage::Resolution& target, std::optional<std::uint64_t> length) {
  if (length && *length > body_limit_bytes(call)) throw body_too_large(call);
  const QuotaCheck quota(call, snapshot, owner_of(call, target));
  if (!target.mapped()) quota.require_resource();
  const std::uint64_t room = quota.room_bytes(target.mapped() ? target.resource->size : 0);
  if (length.value_or(0) > room) throw quota_exceeded();
  require_space(call, length.value_or(0));
  return room;
}

// Hands the body on piece by piece, at most `room_bytes` of it; returns only when all of it has
// arrived, as long as announced. Keeps the locks, if any, until then.
template <class Take>
void read_whole(Call& call, const Announced& announced, std::uint64_t room_bytes, HeldLocks* locks,
                Take take) {
  std::uint64_t size = 0;
  for (;;) {
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

std::unique_ptr<storage::Upload> receive(Call& call, const Announced& announced,
                                         std::uint64_t room_bytes, HeldLocks* locks) {
  storage::Digests digests = announced.checksums.digests();
  // Clients that announce the one in OC-Checksum may compare the other later: rclone sends SHA-1,
  // and its check asks for MD5.
  const bool both = call.fields().find("OC-Checksum") && (digests.sha1 || digests.md5);
  digests.sha1 |= both || call.options.checksums.sha1;
  digests.md5 |= both || call.options.checksums.md5;
  auto upload = call.contents.begin(digests);
  read_whole(call, announced, room_bytes, locks,
             [&](std::span<const char> bytes) { upload->append(bytes); });
  return upload;
}

// What the answer to a PUT tells of the file.
struct Outcome {
  bool replaced = false;
  std::string etag;
  std::string last_modified;
  std::int64_t content = 0;  // the id of what was stored; 0: nothing was
};

Response answer(const Announced& announced, const Outcome& outcome) {
  Response response;
  response.status = outcome.replaced ? 204 : 201;
  response.set("ETag", "\"" + outcome.etag + "\"").set("Last-Modified", outcome.last_modified);
  if (announced.modified) response.set("X-OC-Mtime", "accepted");
  return response;
}

// Of a file that is taken and dropped. The answer has what clients look for after a PUT: without a
// validator Finder asks for the file at once, and finds none.
Outcome discarded(const storage::Resolution& target, storage::Millis now) {
  if (!target.mapped())
    return {.etag = "discarded", .last_modified = http::last_modified(now, now)};
  return {.replaced = true,
          .etag = target.resource->etag,
          .last_modified = http::last_modified(target.resource->modified.at, now)};
}

}  // namespace

// RFC 9110 §9.3.4, RFC 4918 §9.7.
Response handle_put(Call& call) {
  const Announced announced = parse(call);
  const Conditions conditions(call);
  const std::uint64_t limit = body_limit_bytes(call);
  // A small body that is here: the transaction is its only judgement, because an earlier one could
  // spare nobody anything.
  const bool arrived = call.request.body->has_arrived() && announced.length &&
                       *announced.length <= std::min(limit, storage::kInlineLimitBytes);
  std::uint64_t room_bytes = limit;
  std::optional<HeldLocks> locks;
  if (!arrived) {
    if (!conditions.submitted_tokens().empty()) locks.emplace(call, conditions);
    auto snapshot = call.names.snapshot();
    const storage::Resolution before = snapshot->resolve(call.target.path);
    check(call, conditions, *snapshot, before);
    if (is_discarded(call.options, before)) {
      const Outcome outcome = discarded(before, snapshot->wall_now());
      snapshot.reset();  // what follows waits for the client
      read_whole(call, announced, limit, nullptr, [](std::span<const char>) {});
      return answer(announced, outcome);
    }
    room_bytes = check_space(call, *snapshot, before, announced.length);
  }

  const auto upload = receive(call, announced, room_bytes, locks ? &*locks : nullptr);
  const storage::Content& content = upload->seal();
  if (!arrived) announced.checksums.verify(content.checksums);

  Outcome outcome;
  try {
    call.names.write(storage::Flush::required, [&](storage::Transaction& tx) {
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
        check_space(call, tx, target, content.size);
        announced.checksums.verify(content.checksums);
      }
      const storage::Millis date = announced.modified.value_or(tx.wall_now());
      const storage::Date modified =
          target.mapped() ? storage::date_of_content(date, *target.resource, *target.parent)
                          : storage::date_of_new(date, *target.parent);
      const QuotaCheck quota(call, tx, owner_of(call, target));
      storage::Resource stored =
          tx.put(*target.parent, call.target.path.name(), content, modified, call.caller->account);
      quota.require_within(tx);
      outcome = {target.mapped(), std::move(stored.etag),
                 http::last_modified(stored.modified.at, tx.wall_now()), stored.content};
    });
  } catch (const storage::Error& error) {
    // The commit's outcome is unknown, and a row may name the content: the next start sweeps it if
    // none does. But a full or busy store has not committed, and would fill with every retry.
    if (error.fault() != storage::Fault::full && error.fault() != storage::Fault::busy)
      upload->keep();
    throw;
  }
  upload->keep();
  if (content.is_inline() && outcome.content != 0) call.contents.note_sound(outcome.content);

  Response response = answer(announced, outcome);
  if (announced.checksums.any()) response.set("OC-Checksum", oc_checksum(content.checksums));
  return response;
}

}  // namespace holdfast::dav
