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
#include "dav/resumable_put.h"
#include "dav/rights.h"
#include "dav/storing.h"
#include "dav/sync_client.h"
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

Announced announced_by(const Call& call) {
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
  const RestsWhenSlow resting(*call.request.body, [&] { received.upload->rest(); });
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

Response answer(const Announced& announced, const Outcome& outcome) {
  Response response;
  response.status = outcome.replaced ? 204 : 201;
  response.set("ETag", "\"" + outcome.etag + "\"").set("Last-Modified", outcome.last_modified);
  if (announced.modified) response.set("X-OC-Mtime", "accepted");
  return response;
}

}  // namespace

// PUT (RFC 9110 §9.3.4, RFC 4918 §9.7).
Response handle_put(Call& call) {
  if (begins_upload(call)) {
    static_cast<void>(announced_by(call));  // refuses what no PUT may have
    return put_resumable(call);
  }
  const Announced announced = announced_by(call);
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
      check_target(call, conditions, *snapshot, before);
      if (is_discarded(call.options, before)) return discarded(before, snapshot->wall_now());
      room_bytes = check_room(call, *snapshot, before, announced.length, true);
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

  const Outcome outcome = store(call, conditions, locks ? &*locks : nullptr, *upload,
                                {.content = content,
                                 .modified = announced.modified,
                                 .checksums = announced.checksums,
                                 .judged = !arrived});

  Response response = answer(announced, outcome);
  if (outcome.content != 0) response.changed = http::Change{.bytes = content.size};
  add_file_id(response, call.options, outcome.id);
  if (announced.checksums.any()) response.set("OC-Checksum", oc_checksum(content.checksums));
  return response;
}

}  // namespace holdfast::dav
