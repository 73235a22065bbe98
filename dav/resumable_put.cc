#include "dav/resumable_put.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <string>

#include "dav/body.h"
#include "dav/conditions.h"
#include "dav/headers.h"
#include "dav/leases.h"
#include "dav/refusal.h"
#include "dav/staged_upload.h"
#include "text/ascii.h"

namespace holdfast::dav {
namespace {

constexpr std::string_view kVersionField = "Upload-Draft-Interop-Version";
constexpr std::string_view kType = "application/partial-upload";

// Parses a Boolean of RFC 9651 §3.3.6. Other values count as none.
std::optional<bool> completeness(const Fields& fields) {
  const auto field = fields.find("Upload-Complete");
  if (field == "?1") return true;
  if (field == "?0") return false;
  return std::nullopt;
}

std::optional<std::uint64_t> number_in(const Fields& fields, std::string_view name) {
  const auto field = fields.find(name);
  return field ? text::parse_number(*field) : std::nullopt;
}

// Returns how long the whole content will be, if the request says so. Throws Error 400 when it says
// so twice, and differently.
std::optional<std::uint64_t> whole_length(const Call& call, std::uint64_t offset) {
  std::optional<std::uint64_t> length = number_in(call.fields(), "Upload-Length");
  const auto body = call.request.body->length();
  if (completeness(call.fields()) != true || !body) return length;
  if (length && *length != offset + *body)
    throw Error(400, "Upload-Length and the length of the body contradict each other");
  return offset + *body;
}

// Adds the body, and stores the file when the request completes the upload.
Response add(Call& file, storage::Staged& upload, std::uint64_t room_bytes,
             const Conditions& conditions, const std::optional<std::uint64_t>& length) {
  std::optional<HeldLocks> locks;
  if (!conditions.submitted_tokens().empty()) locks.emplace(file, conditions);
  const std::optional<std::uint64_t> left =
      length ? std::optional(*length - upload.size()) : std::nullopt;
  if (left && file.request.body->length().value_or(0) > *left)
    throw Error(413, "the upload would become longer than its Upload-Length");
  add_body(file, locks ? &*locks : nullptr, upload, room_bytes);
  const bool whole = completeness(file.fields()) == true;
  const std::uint64_t size = upload.size();
  Response response;
  if (!whole) {
    upload.keep();
    response.set("Upload-Offset", std::to_string(size)).set("Upload-Complete", "?0");
    return response;
  }
  if (length && *length != size)
    throw Error(400, "the upload has another length than its Upload-Length");
  const ExpectedChecksums none;
  const Outcome outcome =
      complete(file, conditions, locks ? &*locks : nullptr, upload, none, upload.info().modified);
  response.status = outcome.replaced ? 204 : 201;
  response.set("Upload-Offset", std::to_string(size))
      .set("Upload-Complete", "?1")
      .set("ETag", "\"" + outcome.etag + "\"")
      .set("Last-Modified", outcome.last_modified);
  if (upload.info().modified) response.set("X-OC-Mtime", "accepted");
  if (outcome.content != 0)
    response.changed =
        http::Change{.bytes = size, .path = href({}, file.target.path, false), .destination = {}};
  return response;
}

void add_version(Response& response, const Call& call) {
  if (const auto version = call.fields().find(kVersionField)) response.set(kVersionField, *version);
}

// Adds what the server says of all such uploads.
void add_limits(Response& response, const Call& call, storage::Millis touched) {
  const storage::Millis left =
      touched + call.options.upload_keep_s * 1000 - call.names.snapshot()->wall_now();
  response.set("Upload-Limit",
               "max-size=" + std::to_string(call.options.body_limit_bytes) +
                   ", max-age=" + std::to_string(std::max<storage::Millis>(left, 0) / 1000));
}

}  // namespace

bool begins_upload(const Call& call) {
  return call.staging != nullptr && completeness(call.fields()) == false;
}

Response put_resumable(Call& call) {
  const std::optional<std::uint64_t> length = whole_length(call, 0);
  Call file = as_storing(call, call.target.path);
  file.target.trailing_slash = call.target.trailing_slash;
  const Conditions conditions(file);
  const std::uint64_t room = judge(file, conditions, length);
  storage::StagedInfo info;
  info.modified = parse_oc_mtime(call.fields());
  info.label = kResumablePut;
  const std::string id = begin_upload(file, std::move(info));
  const std::string location = href(call.options.space, {}, true) + "?upload=" + id;
  try {
    Response response = add(file, *claim(file, id), room, conditions, length);
    response.status = 201;
    response.set("Location", href(call.options.space, {}, true) + "?upload=" + id);
    add_limits(response, call, call.names.snapshot()->wall_now());
    add_version(response, call);
    return response;
  } catch (...) {
    // The client does not learn the URL.
    staging_of(call).remove(id);
    throw;
  }
}

Response look_at_resumable(const Call& call, const storage::StagedStatus& status) {
  Response response;
  response.status = 204;
  response.set("Upload-Offset", std::to_string(status.kept))
      .set("Upload-Complete", "?0")
      .set("Cache-Control", "no-store");
  add_limits(response, call, status.touched);
  add_version(response, call);
  return response;
}

Response finished_resumable(std::uint64_t size) {
  Response response;
  response.status = 204;
  response.set("Upload-Offset", std::to_string(size))
      .set("Upload-Complete", "?1")
      .set("Cache-Control", "no-store");
  return response;
}

Response add_to_resumable(Call& call, const storage::StagedStatus& status) {
  const Fields& fields = call.fields();
  const std::string_view type = fields.find("Content-Type").value_or("");
  if (!text::equal_ignoring_case(text::trimmed(type.substr(0, type.find(';'))), kType))
    throw Error(415, "the bytes of an upload have the type " + std::string(kType));
  const auto offset = number_in(fields, "Upload-Offset");
  if (!offset) throw Error(400, "Upload-Offset is missing or malformed");
  if (!completeness(fields)) throw Error(400, "Upload-Complete is missing or malformed");
  Call file = as_storing(call, status.info.target);
  const Conditions conditions(file);
  const std::unique_ptr<storage::Staged> upload = claim(file, status.info.id);
  if (*offset != upload->size()) throw upload_offset_differs(upload->size());
  const std::optional<std::uint64_t> length = whole_length(call, *offset);
  if (length && *length < *offset) throw Error(400, "Upload-Length is less than what has arrived");
  const std::uint64_t room = judge(file, conditions, length);
  Response response = add(file, *upload, room, conditions, length);
  if (response.find("Upload-Complete") == "?0") {
    response.status = 204;
    add_limits(response, call, status.touched);
  }
  add_version(response, call);
  return response;
}

}  // namespace holdfast::dav
