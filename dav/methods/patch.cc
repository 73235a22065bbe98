// PATCH (RFC 5789) of a part of a file: application/x-sabredav-partialupdate with X-Update-Range.
// The new content is made of ranges of the old one and of the body, beside the old one, and then
// replaces it as a PUT does: all or nothing.
#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "dav/body.h"
#include "dav/conditions.h"
#include "dav/headers.h"
#include "dav/leases.h"
#include "dav/method.h"
#include "dav/methods/methods.h"
#include "dav/quota.h"
#include "dav/refusal.h"
#include "dav/rights.h"
#include "dav/storing.h"
#include "dav/sync_client.h"
#include "text/ascii.h"

namespace holdfast::dav {
namespace {

constexpr std::size_t kPieceBytes = 256 * 1024;

// Where the body goes, before the size of the file is known.
struct UpdateRange {
  enum class From { start, end } from = From::start;
  std::uint64_t offset = 0;  // from the start, or before the end
  std::optional<std::uint64_t> last{};
};

UpdateRange parse_range(const Fields& fields) {
  const auto field = fields.find("X-Update-Range");
  const auto malformed = [] {
    return Error(400, "X-Update-Range is neither append nor one range of bytes");
  };
  if (!field || fields.count("X-Update-Range") != 1) throw malformed();
  if (*field == "append") return {.from = UpdateRange::From::end};
  std::string_view text = *field;
  if (!text.starts_with("bytes=")) throw malformed();
  text.remove_prefix(6);
  const std::size_t dash = text.find('-');
  if (dash == std::string_view::npos) throw malformed();
  const auto first = text::parse_number(text.substr(0, dash));
  const auto last = text::parse_number(text.substr(dash + 1));
  if (dash == 0 && last) return {.from = UpdateRange::From::end, .offset = *last};
  const bool open = dash + 1 == text.size();
  if (!first || (!last && !open) || (last && *last < *first)) throw malformed();
  return {.offset = *first, .last = last};
}

Error out_of_range(std::string sentence, std::uint64_t size) {
  Error error(416, std::move(sentence));
  error.fields = "Content-Range: bytes */" + std::to_string(size) + "\r\n";
  return error;
}

// Returns the first byte that the body replaces. Throws Error 416.
std::uint64_t first_byte(const UpdateRange& range, std::uint64_t length, std::uint64_t size) {
  if (range.offset > size) throw out_of_range("the range begins behind the end of the file", size);
  if (range.last && *range.last - range.offset != length - 1)
    throw out_of_range("the range and the body have different lengths", size);
  return range.from == UpdateRange::From::end ? size - range.offset : range.offset;
}

// The content as it was when the request came.
struct Old {
  storage::Resource file;
  storage::Content content;
  std::unique_ptr<storage::ContentReader> reader;  // null for inline content
};

// Judges the request and opens the content. Returns nullopt when the content's file is gone,
// because it was replaced meanwhile.
std::optional<Old> open_old(Call& call, const Conditions& conditions, const UpdateRange& range,
                            std::uint64_t length, std::uint64_t& room_bytes) {
  const auto snapshot = call.names.snapshot();
  const storage::Resolution target = snapshot->resolve(call.target.path);
  const storage::Resource& file = existing(call, target);
  if (file.is_collection())
    throw not_allowed(target.resource, "PATCH changes a file, and a collection is stored here");
  check_target(call, conditions, *snapshot, target);
  const std::uint64_t first = first_byte(range, length, file.size);
  room_bytes = check_room(call, *snapshot, target, std::max(file.size, first + length), true);
  Old old{.file = file, .content = snapshot->content(file), .reader = nullptr};
  if (old.content.is_inline()) return old;
  old.reader = call.contents.open(old.content);
  if (!old.reader) return std::nullopt;
  return old;
}

}  // namespace

Response handle_patch(Call& call) {
  if (const auto target = call.names.snapshot()->resolve(call.target.path).resource;
      target && target->is_collection())
    throw not_allowed(target, "PATCH changes a file, and a collection is stored here");
  const Fields& fields = call.fields();
  const std::string_view type = fields.find("Content-Type").value_or("");
  if (!text::equal_ignoring_case(text::trimmed(type.substr(0, type.find(';'))),
                                 kPartialUpdateType)) {
    Error error(415, "PATCH takes the type " + std::string(kPartialUpdateType) + " only");
    error.fields = "Accept-Patch: " + std::string(kPartialUpdateType) + "\r\n";
    throw error;
  }
  const UpdateRange range = parse_range(fields);
  Body& body = *call.request.body;
  const auto length = body.length();
  if (!length) throw Error(411, "PATCH needs a Content-Length");
  if (*length == 0) throw Error(400, "PATCH needs a body");
  if (*length > body_limit_bytes(call)) throw body_too_large(call);
  const Conditions conditions(call);

  std::uint64_t room_bytes = 0;
  std::optional<Old> old;
  for (int attempt = 0; !old && attempt < 2; ++attempt)
    old = with_room(call, [&] { return open_old(call, conditions, range, *length, room_bytes); });
  if (!old) throw storage::Error(storage::Fault::corrupt, "a content file is missing");
  if (old->reader) old->reader->require_sound();
  if (!old->reader) call.contents.require_sound(old->file.content, old->content);

  const std::uint64_t size = old->file.size;
  const std::uint64_t first = first_byte(range, *length, size);
  std::optional<HeldLocks> locks;
  if (!conditions.submitted_tokens().empty()) locks.emplace(call, conditions);
  const std::unique_ptr<storage::Upload> upload = call.contents.begin(call.options.checksums);
  storage::SpaceLedger::Reservation space = call.space.upload(call.caller->account, room_bytes);
  const auto add = [&](std::span<const char> bytes) {
    reserve(call, space, bytes.size());
    upload->append(bytes);
  };
  const auto add_old = [&](std::uint64_t from, std::uint64_t to) {
    if (!old->reader) {
      if (from < to)
        add(std::span(old->content.bytes)
                .subspan(static_cast<std::size_t>(from), static_cast<std::size_t>(to - from)));
      return;
    }
    std::vector<char> buffer(kPieceBytes);
    while (from < to) {
      const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(to - from, kPieceBytes));
      const std::size_t got = old->reader->read(from, std::span(buffer).first(wanted));
      add(std::span<const char>(buffer).first(got));
      from += got;
    }
  };
  {
    const RestsWhenSlow resting(body, [&] { upload->rest(); });
    add_old(0, first);
    for (;;) {
      require_signed_in(call);
      if (locks) locks->keep();
      const Body::Piece piece = body.read();
      if (!piece.bytes.empty()) add(piece.bytes);
      if (piece.state == Body::State::complete) break;
      if (piece.state != Body::State::more) throw body_error(piece.state);
    }
    if (upload->size() != first + *length)
      throw Error(400, "the body has another length than announced");
    // What is replaced is read as well, because a content file is verified as a whole.
    std::vector<char> skipped(old->reader ? kPieceBytes : 0);
    for (std::uint64_t at = first; old->reader && at < std::min(size, first + *length);) {
      const std::uint64_t rest = std::min(size, first + *length) - at;
      const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(rest, kPieceBytes));
      at += old->reader->read(at, std::span(skipped).first(wanted));
    }
    add_old(std::min(size, first + *length), size);
  }
  const ExpectedChecksums none;
  const storage::Content& content = upload->seal();
  const Outcome outcome = store(call, conditions, locks ? &*locks : nullptr, *upload,
                                {.content = content,
                                 .modified = parse_oc_mtime(fields),
                                 .checksums = none,
                                 .replaces = old->file.content});
  Response response;
  response.status = 204;
  response.set("ETag", "\"" + outcome.etag + "\"").set("Last-Modified", outcome.last_modified);
  add_file_id(response, call.options, outcome.id);
  response.changed = http::Change{.bytes = content.size};
  return response;
}

}  // namespace holdfast::dav
