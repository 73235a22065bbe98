#include "dav/chunked_upload.h"

#include <algorithm>
#include <memory>
#include <string>
#include <utility>

#include "dav/body.h"
#include "dav/conditions.h"
#include "dav/headers.h"
#include "dav/leases.h"
#include "dav/method.h"
#include "dav/methods/methods.h"
#include "dav/multistatus.h"
#include "dav/propfind_cache.h"
#include "dav/quota.h"
#include "dav/refusal.h"
#include "dav/rights.h"
#include "dav/staged_upload.h"
#include "text/ascii.h"

namespace holdfast::dav {
namespace {

constexpr std::string_view kWhole = ".file";
constexpr std::size_t kIdBytes = 128;
constexpr std::size_t kPartsPerUpload = 10'000;
// Clients send so many digits, and read them as numbers.
constexpr std::size_t kDigits = 16;

std::string part_name(std::uint64_t number) {
  std::string name = std::to_string(number);
  if (name.size() < kDigits) name.insert(0, kDigits - name.size(), '0');
  return name;
}

// Returns the number that a part has in the order of the file: all of its name, or, of a name like
// "000000000-000009999", its first byte. Throws Error 400.
std::uint64_t number_of(std::string_view name) {
  std::string_view digits = name.substr(0, name.find('-'));
  const auto number = text::parse_number(digits);
  const bool is_range = digits.size() < name.size();
  if (number && *number < std::uint64_t{1} << 62 &&
      (!is_range || text::parse_number(name.substr(digits.size() + 1))))
    return *number;
  throw Error(400, "a part of an upload has a number for a name");
}

storage::StagedStatus found(const Call& call, const SyncTarget& target) {
  auto upload = staging_of(call).find(call.caller->account, target.upload);
  if (upload && upload->info.in_parts) return *std::move(upload);
  throw Error(404, "there is no such upload");
}

// Refuses a caller who may write nowhere.
void require_writer(const Call& call) {
  if (call.caller->most >= storage::Right::write) return;
  throw Error(Precondition::need_privileges, "the caller may not write");
}

Response begin(Call& call, const SyncTarget& target) {
  if (target.upload.empty() || !target.part.empty())
    throw Error(405, "an upload has no collections below it");
  if (target.upload.size() > kIdBytes) throw Error(400, "the id of an upload is too long");
  if (!read_body(call).empty()) throw Error(415, "MKCOL takes no body");
  require_writer(call);
  if (staging_of(call).find(call.caller->account, target.upload))
    throw Error(405, "there is an upload with this id already");
  storage::StagedInfo info;
  info.label = target.upload;
  info.in_parts = true;
  static_cast<void>(begin_upload(call, std::move(info)));
  Response response;
  response.status = 201;
  return response;
}

Response add_part(Call& call, const SyncTarget& target) {
  const storage::StagedStatus upload = found(call, target);
  if (target.part.empty() || target.part == kWhole)
    throw Error(405, "a part of an upload has a number for a name");
  const std::uint64_t number = number_of(target.part);
  Body& body = *call.request.body;
  const auto length = body.length();
  if (!length) throw Error(411, "a part of an upload needs a Content-Length");
  const std::uint64_t most = call.options.body_limit_bytes;
  if (upload.kept > most || *length > most - upload.kept)
    throw Error(413, "the upload is larger than the limit, which is the setting body-limit");
  if (upload.parts.size() >= kPartsPerUpload && !upload.parts.contains(number))
    throw Error(507, "an upload has 10000 parts at most");
  require_writer(call);
  const std::uint64_t room = with_room(call, [&] {
    const auto snapshot = call.names.snapshot();
    require_space(call, *length);
    return QuotaCheck(call, *snapshot, call.caller->account).room_bytes(0, &*snapshot);
  });
  const std::unique_ptr<storage::StagedPart> part =
      staging_of(call).add_part(upload.info.id, number, *length);
  if (!part) throw upload_is_busy();
  storage::SpaceLedger::Reservation space = call.space.upload(call.caller->account, room);
  std::uint64_t size = 0;
  for (;;) {
    require_signed_in(call);
    const Body::Piece piece = body.read();
    if (!piece.bytes.empty()) {
      reserve(call, space, piece.bytes.size());
      part->append(piece.bytes);
      size += piece.bytes.size();
    }
    if (piece.state == Body::State::complete) break;
    if (piece.state != Body::State::more) throw body_error(piece.state);
  }
  if (size != *length) throw Error(400, "the body has another length than announced");
  part->keep();
  Response response;
  response.status = 201;
  return response;
}

Response list(Call& call, const SyncTarget& target) {
  const auto depth = parse_depth(call.fields()).value_or(storage::Depth::infinity);
  const auto propfind = call.propfinds.parse(read_body(call));
  const storage::StagedStatus upload = found(call, target);
  if (!target.part.empty()) throw Error(404, "a part of an upload is listed with the upload only");
  PropertyContext context;
  context.options = &call.options;
  context.caller = call.caller;
  context.lease_now = call.names.lease_now();
  storage::Member member;
  member.resource.name = target.upload;
  member.resource.created = member.resource.modified.at = upload.info.created;
  const std::string self = href(call.target.spelling, {}, true);
  std::string out;
  multistatus::begin(out);
  multistatus::append_member(out, *propfind, member, self, context);
  if (depth != storage::Depth::zero) {
    member.resource.kind = storage::Kind::file;
    for (const auto& [number, size] : upload.parts) {
      member.resource.name = part_name(number);
      member.resource.size = size;
      member.resource.etag = member.resource.name + "-" + std::to_string(size);
      multistatus::append_member(out, *propfind, member, self + member.resource.name, context);
    }
  }
  multistatus::end(out);
  Response response = multistatus::answer();
  response.body = std::move(out);
  return response;
}

Response give_up(Call& call, const SyncTarget& target) {
  const storage::StagedStatus upload = found(call, target);
  if (!target.part.empty()) throw Error(405, "a part of an upload is not removed by itself");
  staging_of(call).remove(upload.info.id);
  Response response;
  response.status = 204;
  return response;
}

Response put_together(Call& call, const SyncTarget& target) {
  const Fields& fields = call.fields();
  const storage::StagedStatus status = found(call, target);
  if (target.part != kWhole) throw Error(405, "only .file of an upload can be moved");
  const auto destination = fields.find("Destination");
  if (!destination) throw Error(400, "Destination is missing");
  Target place = parse_reference(*destination, call.options.space, call.host());
  if (place.trailing_slash) throw slash_after_file();
  if (status.parts.empty()) throw Error(400, "no part of the upload has arrived");
  if (const auto total = fields.find("OC-Total-Length"))
    if (text::parse_number(*total) != status.kept)
      throw Error(400, "the parts have " + std::to_string(status.kept) +
                           " bytes together, and OC-Total-Length says otherwise");
  const ExpectedChecksums checksums = parse_checksums(fields);
  const std::optional<storage::Millis> modified = parse_oc_mtime(fields);
  Call file = as_storing(call, std::move(place.path));
  const Conditions conditions(file);
  if (fields.find("Overwrite") == "F" && file.names.snapshot()->resolve(file.target.path).mapped())
    throw condition_failed("the destination is mapped and Overwrite is F");
  static_cast<void>(judge(file, conditions, status.kept));
  const std::unique_ptr<storage::Staged> upload = claim(call, status.info.id);
  std::optional<HeldLocks> locks;
  if (!conditions.submitted_tokens().empty()) locks.emplace(file, conditions);
  const Outcome outcome =
      complete(file, conditions, locks ? &*locks : nullptr, *upload, checksums, modified);
  Response response;
  response.status = outcome.replaced ? 204 : 201;
  response.set("ETag", "\"" + outcome.etag + "\"").set("Last-Modified", outcome.last_modified);
  if (modified) response.set("X-OC-Mtime", "accepted");
  add_file_id(response, call.options, outcome.id);
  if (outcome.content != 0)
    response.changed = http::Change{
        .bytes = status.kept, .path = href({}, file.target.path, false), .destination = {}};
  return response;
}

}  // namespace

Response handle_chunks(Call& call, const SyncTarget& target) {
  const auto handler = call.method.handle;
  if (handler == handle_options) return handle_options(call);
  if (handler == handle_mkcol) return begin(call, target);
  if (handler == handle_put) return add_part(call, target);
  if (handler == handle_propfind) return list(call, target);
  if (handler == handle_delete) return give_up(call, target);
  if (handler == handle_move) return put_together(call, target);
  throw Error(405, "the method cannot be used on an upload");
}

}  // namespace holdfast::dav
