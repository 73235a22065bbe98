#include "dav/tus.h"

#include <algorithm>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "dav/body.h"
#include "dav/conditions.h"
#include "dav/headers.h"
#include "dav/method.h"
#include "dav/path.h"
#include "dav/refusal.h"
#include "dav/resumable_put.h"
#include "dav/staged_upload.h"
#include "http/date.h"
#include "text/ascii.h"
#include "text/base64.h"

namespace holdfast::dav {
namespace {

using text::equal_ignoring_case;
using text::trimmed;

constexpr std::string_view kQuery = "upload";
// Precedes Upload-Metadata in StagedInfo::label, so that no metadata means another protocol.
constexpr std::string_view kTus = "tus ";
constexpr std::string_view kVersion = "1.0.0";
constexpr std::string_view kContentType = "application/offset+octet-stream";
constexpr std::string_view kExtensions =
    "creation,creation-with-upload,creation-defer-length,expiration,checksum,termination";
constexpr std::string_view kAllowed = "OPTIONS, POST, HEAD, PATCH, DELETE";
constexpr std::size_t kMetadataLimitBytes = 4096;

const ExpectedChecksums kNoChecksums;

// Returns the number in the field; nullopt when there is none. Throws Error 400.
std::optional<std::uint64_t> number_in(const Fields& fields, std::string_view name) {
  const auto text = fields.find(name);
  if (!text) return std::nullopt;
  if (const auto number = text::parse_number(*text); number && fields.count(name) == 1)
    return number;
  throw Error(400, std::string(name) + " is not a number");
}

// Returns the value of "filename" in Upload-Metadata, if there is one. Throws Error 400 when the
// field is malformed.
std::optional<std::string> filename_in(std::string_view metadata) {
  if (metadata.size() > kMetadataLimitBytes) throw Error(400, "Upload-Metadata is too long");
  std::optional<std::string> filename;
  std::set<std::string_view> keys;
  while (auto pair = text::next_element(metadata)) {
    if (pair->empty()) continue;
    const std::size_t space = std::min(pair->find(' '), pair->size());
    const std::string_view key = pair->substr(0, space);
    const auto value = text::decode_unpadded_base64(trimmed(pair->substr(space)));
    if (!value || !keys.insert(key).second) throw Error(400, "Upload-Metadata is malformed");
    if (key == "filename") filename = *value;
  }
  return filename;
}

template <class Digest>
void read_checksum(std::optional<Digest>& into, std::string_view text) {
  Digest digest{};
  if (!text::decode_base64(text, digest)) throw Error(400, "Upload-Checksum is malformed");
  into = digest;
}

std::optional<ExpectedChecksums> checksum_in(const Fields& fields) {
  const auto field = fields.find("Upload-Checksum");
  if (!field) return std::nullopt;
  const std::size_t space = std::min(field->find(' '), field->size());
  const std::string_view algorithm = field->substr(0, space);
  const std::string_view value = trimmed(field->substr(space));
  ExpectedChecksums expected;
  if (algorithm == "sha1") {
    read_checksum(expected.sha1, value);
  } else if (algorithm == "md5") {
    read_checksum(expected.md5, value);
  } else if (algorithm == "sha256") {
    read_checksum(expected.sha256, value);
  } else {
    throw Error(400, "Upload-Checksum names an algorithm that is not in Tus-Checksum-Algorithm");
  }
  return expected;
}

void require_content_type(const Fields& fields) {
  const std::string_view type = fields.find("Content-Type").value_or("");
  if (!equal_ignoring_case(trimmed(type.substr(0, type.find(';'))), kContentType))
    throw Error(415, "the bytes of an upload have the type " + std::string(kContentType));
}

std::string upload_href(const Call& call, std::string_view id) {
  return href(call.options.space, {}, true).append("?upload=").append(id);
}

void set_expiry(Response& response, const Call& call, storage::Millis touched) {
  response.set("Upload-Expires",
               http::format_date(http::second_of(touched) + call.options.upload_keep_s));
}

// Returns the path of the file that a POST creates an upload for: the target itself, or, when that
// ends in a slash, the member of it that "filename" names. Throws Error 400.
storage::Path file_of(const Call& call, const std::optional<std::string>& filename) {
  if (!call.target.trailing_slash && !call.target.path.is_root()) return call.target.path;
  if (!filename) throw Error(400, "an upload to a collection needs a filename in Upload-Metadata");
  std::string url = href(call.options.space, call.target.path, true);
  append_encoded_segment(url, *filename);
  const Target file = parse_url(url, call.options.space, call.host());
  if (file.path.depth() != call.target.path.depth() + 1)
    throw Error(400, "the filename in Upload-Metadata names no member of the collection");
  return file.path;
}

// Adds the request's bytes, and stores the file when the upload is whole. Returns the response
// without its status.
Response add(Call& file, storage::Staged& upload, std::uint64_t room_bytes,
             const Conditions& conditions) {
  const std::optional<ExpectedChecksums> expected = checksum_in(file.fields());
  if (expected) upload.sum_from_here(expected->digests());
  std::optional<HeldLocks> locks;
  if (!conditions.submitted_tokens().empty()) locks.emplace(file, conditions);
  try {
    add_body(file, locks ? &*locks : nullptr, upload, room_bytes);
    if (expected && expected->contradicts(upload.sum())) throw Error(460, "");
  } catch (...) {
    // Bytes with a checksum are kept together or not at all.
    if (expected) upload.drop();
    throw;
  }
  const std::uint64_t size = upload.size();
  const bool whole = upload.info().length == size;
  if (!whole || expected) upload.keep();
  Response response;
  response.set("Upload-Offset", std::to_string(size));
  if (!whole) {
    if (const auto status = staging_of(file).find(upload.info().id))
      set_expiry(response, file, status->touched);
    return response;
  }
  const Outcome outcome = complete(file, conditions, locks ? &*locks : nullptr, upload,
                                   kNoChecksums, upload.info().modified);
  response.set("ETag", "\"" + outcome.etag + "\"").set("Last-Modified", outcome.last_modified);
  if (outcome.content != 0)
    response.changed =
        http::Change{.bytes = size, .path = href({}, file.target.path, false), .destination = {}};
  return response;
}

Response create(Call& call) {
  const Fields& fields = call.fields();
  const std::string metadata(fields.find("Upload-Metadata").value_or(""));
  const std::optional<std::uint64_t> length = number_in(fields, "Upload-Length");
  const auto deferred = fields.find("Upload-Defer-Length");
  if (deferred && *deferred != "1") throw Error(400, "Upload-Defer-Length is not 1");
  if (length.has_value() == deferred.has_value())
    throw Error(400, "a new upload has either Upload-Length or Upload-Defer-Length");
  if (call.request.body->length() != 0) require_content_type(fields);
  Call file = as_storing(call, file_of(call, filename_in(metadata)));
  const Conditions conditions(file);
  const std::uint64_t room = judge(file, conditions, length);
  const std::string id = begin_upload(file, {.length = length,
                                             .modified = parse_oc_mtime(fields),
                                             .label = std::string(kTus) + metadata});
  Response response;
  try {
    response = add(file, *claim(file, id), room, conditions);
  } catch (...) {
    // The client does not learn the URL.
    staging_of(file).remove(id);
    throw;
  }
  response.status = 201;
  response.set("Location", upload_href(call, id));
  return response;
}

Response patch(Call& call, std::string_view id) {
  const Fields& fields = call.fields();
  const storage::StagedStatus status = upload_of(call, id);
  require_content_type(fields);
  const auto offset = number_in(fields, "Upload-Offset");
  if (!offset) throw Error(400, "Upload-Offset is missing");
  const auto length = number_in(fields, "Upload-Length");
  Call file = as_storing(call, status.info.target);
  const Conditions conditions(file);
  const std::unique_ptr<storage::Staged> upload = claim(file, id);
  if (*offset != upload->size()) throw upload_offset_differs(upload->size());
  if (length && upload->info().length && *length != *upload->info().length)
    throw Error(400, "Upload-Length differs from that of the upload");
  if (length && *length < upload->size())
    throw Error(400, "Upload-Length is less than what has arrived");
  const std::uint64_t room = judge(file, conditions, length ? length : upload->info().length);
  if (length && !upload->info().length) upload->set_length(*length);
  Response response = add(file, *upload, room, conditions);
  response.status = 204;
  return response;
}

Response head(Call& call, std::string_view id) {
  Response response;
  response.set("Cache-Control", "no-store");
  if (const auto size = staging_of(call).finished(call.caller->account, id)) {
    response.set("Upload-Offset", std::to_string(*size))
        .set("Upload-Length", std::to_string(*size));
    return response;
  }
  const storage::StagedStatus status = upload_of(call, id);
  static_cast<void>(as_storing(call, status.info.target));
  response.set("Upload-Offset", std::to_string(status.kept));
  if (status.info.length) {
    response.set("Upload-Length", std::to_string(*status.info.length));
  } else {
    response.set("Upload-Defer-Length", "1");
  }
  if (status.info.label.size() > kTus.size())
    response.set("Upload-Metadata", status.info.label.substr(kTus.size()));
  set_expiry(response, call, status.touched);
  return response;
}

Response terminate(Call& call, std::string_view id) {
  const storage::StagedStatus status = upload_of(call, id);
  static_cast<void>(as_storing(call, status.info.target));
  staging_of(call).remove(status.info.id);
  Response response;
  response.status = 204;
  return response;
}

Response describe(const Call& call) {
  Response response;
  response.status = 204;
  response.set("Tus-Version", kVersion)
      .set("Tus-Max-Size", std::to_string(call.options.body_limit_bytes))
      .set("Tus-Extension", kExtensions)
      .set("Tus-Checksum-Algorithm", "sha1,md5,sha256")
      .set("Allow", kAllowed);
  return response;
}

// Returns what the method of the request does with an upload.
UploadUse use_of(const Request& request) {
  const Method* const method = find_method(request.method);
  return method == nullptr ? UploadUse::none : method->upload;
}

Error not_for_uploads() {
  Error error(405, "the method cannot be used on an upload");
  error.fields = "Allow: " + std::string(kAllowed) + "\r\n";
  return error;
}

Response answer(Call& call, std::string_view id) {
  const UploadUse use = use_of(call.request);
  if (use == UploadUse::describe && call.staging != nullptr) return describe(call);
  static_cast<void>(staging_of(call));
  if (const auto put = staging_of(call).find(id); put && put->info.label == kResumablePut) {
    const storage::StagedStatus status = upload_of(call, id);
    if (!call.target.path.is_root()) throw Error(404, "uploads have no URLs but on the root");
    static_cast<void>(as_storing(call, status.info.target));
    if (use == UploadUse::look) return look_at_resumable(call, status);
    if (use == UploadUse::add) return add_to_resumable(call, status);
    if (use == UploadUse::remove) return terminate(call, id);
    throw not_for_uploads();
  }
  if (const auto size = staging_of(call).finished(call.caller->account, id);
      size && use == UploadUse::look && !call.fields().find("Tus-Resumable"))
    return finished_resumable(*size);
  if (call.fields().find("Tus-Resumable") != kVersion) throw unknown_tus_version();
  if (use == UploadUse::begin && id.empty()) return create(call);
  if (!call.target.path.is_root()) throw Error(404, "uploads have no URLs but on the root");
  if (use == UploadUse::look) return head(call, id);
  if (use == UploadUse::add) return patch(call, id);
  if (use == UploadUse::remove) return terminate(call, id);
  throw not_for_uploads();
}

}  // namespace

std::optional<std::string_view> upload_in(const Request& request) {
  const std::size_t mark = request.target.find('?');
  if (mark == std::string_view::npos) return std::nullopt;
  std::string_view query = request.target.substr(mark + 1);
  if (!query.starts_with(kQuery)) return std::nullopt;
  query.remove_prefix(kQuery.size());
  if (!query.empty()) return query.front() == '=' ? std::optional(query.substr(1)) : std::nullopt;
  const UploadUse use = use_of(request);
  if (use == UploadUse::begin || use == UploadUse::describe) return query;
  return std::nullopt;
}

bool changes_upload(const Request& request) {
  const UploadUse use = use_of(request);
  return upload_in(request) && use != UploadUse::look && use != UploadUse::describe;
}

Response handle_upload(Call& call, std::string_view id) {
  const std::string field = "Tus-Resumable: " + std::string(kVersion) + "\r\n";
  try {
    Response response = answer(call, id);
    response.fields += field;
    return response;
  } catch (Error& error) {
    error.fields += field;
    throw;
  }
}

}  // namespace holdfast::dav
