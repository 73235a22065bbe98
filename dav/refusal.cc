#include "dav/refusal.h"

#include "dav/headers.h"
#include "dav/locks.h"
#include "dav/page/frame.h"
#include "dav/path.h"
#include "dav/xml/output.h"
#include "http/accept.h"
#include "http/date.h"
#include "http/status.h"
#include "text/ascii.h"
#include "text/json.h"
#include "text/utf8.h"

namespace holdfast::dav {
namespace {

// Returns the sentence for a status when no reason is known or may be shown.
std::string_view sentence_of(int status) {
  switch (status) {
    case 400:
      return "The request is malformed.";
    case 401:
      return "Sign in with the name and password of an account.";
    case 403:
      return "The request is not allowed.";
    case 404:
      return "There is nothing at this URL.";
    case 405:
      return "The method cannot be used on this resource.";
    case 408:
      return "The request arrived too slowly.";
    case 409:
      return "The parent collection does not exist.";
    case 412:
      return "A precondition of the request does not hold.";
    case 413:
      return "The request body is too large.";
    case 414:
      return "The URL is too long.";
    case 415:
      return "The request body has a type that is not supported here.";
    case 416:
      return "The range lies outside the resource.";
    case 421:
      return "This server does not serve the requested host.";
    case 422:
      return "The request cannot be processed.";
    case 429:
      return "There were too many failed attempts; try again later.";
    case 460:
      return "The bytes do not have the checksum that was announced.";
    case 501:
      return "The method is not implemented.";
    case 502:
      return "The destination is on another server.";
    case 503:
      return "The server cannot do this now; try again.";
    case 507:
      return "A limit of this server is reached.";  // for disk space there is sufficient_disk_space
    default:
      return "The request failed.";
  }
}

// Makes "The method is unknown." of "the method is unknown".
std::string as_sentence(std::string text) {
  if (!text.empty()) text[0] = text::upper(text[0]);
  if (!text.ends_with('.')) text += '.';
  return text;
}

// Returns the sentence for people. A refusal for lack of rights, and a 404, show no reason: it
// could disclose what the caller may not see. The reason of a server error goes only to the log
// (docs/robustness.md O3).
std::string sentence(const Error& error, int status) {
  if (!error.message.empty()) return error.message;
  if (const auto own = sentence_of(error.precondition); !own.empty()) return std::string(own);
  if (error.conflict == Error::Conflict::stale_version)
    return "The resource is no longer the version named in If-Match.";
  const bool own_failure = error.status == 500 || error.status == 503;
  const bool tells = error.is_told && !error.lacks_right && !error.detail.empty() &&
                     error.status != 401 && error.status != 404 && !own_failure;
  return tells ? as_sentence(error.detail) : std::string(sentence_of(status));
}

// Returns the value of X-MSDAVEXT_ERROR ([MS-WDV]): 0x0009000E, "checked out", and a
// percent-encoded sentence from which Office takes the name of the holder (docs/clients.md R74).
// `error` must have a lock.
std::string office_error(const Error& error) {
  constexpr std::size_t kNameBytes = 128;
  std::string name = holder_of(*error.lock, error.lock_creator);
  name.resize(text::cut_to(name, kNameBytes).size());
  const std::string sentence =
      name.empty() ? "The file is locked." : "The file is locked by " + name;
  std::string value = "589838; ";
  append_encoded_segment(value, sentence);
  return value;
}

std::string_view exception_name(int status) {
  switch (status) {
    case 401:
      return "NotAuthenticated";
    case 403:
      return "Forbidden";
    case 404:
      return "NotFound";
    case 405:
      return "MethodNotAllowed";
    case 409:
      return "Conflict";
    case 412:
      return "PreconditionFailed";
    case 415:
      return "UnsupportedMediaType";
    case 423:
      return "Locked";
    case 501:
      return "NotImplemented";
    case 507:
      return "InsufficientStorage";
    default:
      return status < 500 ? "BadRequest" : "InternalError";
  }
}

std::string xml_body(const Error& error, int status) {
  std::string body(xml::kDeclaration);
  body += "<D:error xmlns:D=\"DAV:\" xmlns:s=\"http://sabredav.org/ns\">";
  if (error.precondition != Precondition::none) {
    const std::string_view name = element_name(error.precondition);
    body.append("<D:").append(name).append(">");
    const bool rights = error.precondition == Precondition::need_privileges;
    for (const std::string& href : error.hrefs) {
      if (rights) body += "<D:resource>";
      body += "<D:href>";
      xml::append_escaped(body, href);
      body += "</D:href>";
      if (rights)
        body.append("<D:privilege><D:")
            .append(error.privilege)
            .append("/></D:privilege></D:resource>");
    }
    body.append("</D:").append(name).append(">");
  }
  // Sync clients show these two elements to their user (docs/clients.md R28).
  body.append("<s:exception>").append(exception_name(status)).append("</s:exception><s:message>");
  xml::append_escaped(body, sentence(error, status));
  return body += "</s:message></D:error>";
}

std::string_view problem_type(const Error& error, int status) {
  if (error.conflict == Error::Conflict::stale_version) return "urn:holdfast:problem:stale-version";
  if (error.conflict == Error::Conflict::lock) return "urn:holdfast:problem:locked";
  if (status == 409 && error.precondition == Precondition::none)
    return "urn:holdfast:problem:missing-parent";
  if (status == 412) return "urn:holdfast:problem:precondition-failed";
  return "about:blank";
}

// Makes a problem document (RFC 9457 §3). The lock's token is a capability and is never shown.
std::string json_body(const Error& error, const Request& request, int status) {
  std::string body = "{\"type\":";
  text::append_json_string(body, problem_type(error, status));
  body += ",\"title\":";
  text::append_json_string(body, http::reason_phrase(status));
  body += ",\"status\":" + std::to_string(status) + ",\"detail\":";
  text::append_json_string(body, sentence(error, status));
  body += ",\"instance\":";
  text::append_json_string(body, text::valid_utf8(request.target) ? request.target : "");
  if (!error.current_version.empty()) {
    body += ",\"current_version\":";
    text::append_json_string(body, error.current_version);
  }
  if (!error.your_version.empty() && text::valid_utf8(error.your_version)) {
    body += ",\"your_version\":";
    text::append_json_string(body, error.your_version);
  }
  if (error.lock) {
    body += ",\"lock\":{\"owner\":";
    text::append_json_string(body, error.lock->owner);
    body.append(",\"scope\":\"")
        .append(error.lock->scope == storage::LockScope::exclusive ? "exclusive" : "shared")
        .append("\",\"depth\":\"")
        .append(error.lock->infinite ? "infinity" : "0")
        .append("\",\"holder\":");
    text::append_json_string(body, holder_of(*error.lock, error.lock_creator));
    body += ",\"expires\":";
    text::append_json_string(body, http::format_rfc3339(error.lock->expires() / 1000));
    if (!error.hrefs.empty()) {
      body += ",\"root\":";
      text::append_json_string(body, error.hrefs.front());
    }
    body += "}";
  }
  return body += "}";
}

// Returns the refusal of a request that `lock` forbids.
Error locked(Precondition precondition, std::string detail, const storage::Lock& lock,
             std::string root_href) {
  Error error(precondition, std::move(detail));
  error.hrefs.push_back(std::move(root_href));
  error.conflict = Error::Conflict::lock;
  error.lock = lock;
  return error;
}

}  // namespace

Error lock_refused(const storage::Lock& lock, std::string root_href) {
  return locked(Precondition::no_conflicting_lock, "an existing lock conflicts", lock,
                std::move(root_href));
}

Error token_missing(const storage::Lock& lock, std::string root_href) {
  return locked(Precondition::lock_token_submitted, "the token of a covering lock is missing", lock,
                std::move(root_href));
}

Error token_of_no_lock_to_refresh() {
  return {412, Precondition::lock_token_matches_request_uri,
          "no submitted token is of a lock on this resource"};
}

Error token_of_no_lock_to_remove() {
  return {Precondition::lock_token_matches_request_uri,
          "the token is not of a lock on this resource"};
}

Error condition_failed(std::string detail) { return {412, std::move(detail)}; }

Error parent_missing(std::string detail) { return {409, std::move(detail)}; }

Error slash_after_file() {
  Error error(409, "a file's URL does not end in a slash");
  error.message = "A file's URL has no final slash; only a collection's has.";
  return error;
}

Error stale_version(std::string_view current, std::string_view if_match) {
  Error error = condition_failed("If-Match does not match what is stored");
  error.conflict = Error::Conflict::stale_version;
  error.your_version = if_match;
  if (!current.empty()) {
    error.current_version = "\"" + std::string(current) + "\"";
    error.fields = "ETag: " + error.current_version + "\r\n";
  }
  return error;
}

Error held_by_snapshot() { return {409, "a snapshot holds it"}; }

Error changed_meanwhile() { return {409, "the file got other content while the request arrived"}; }

Error upload_offset_differs(std::uint64_t kept) {
  Error error(409, "the upload goes on at byte " + std::to_string(kept));
  error.fields = "Upload-Offset: " + std::to_string(kept) + "\r\n";
  return error;
}

Error upload_is_busy() {
  Error error(423, "another request adds to the upload");
  error.fields = "Retry-After: 1\r\n";
  return error;
}

Error unknown_tus_version() {
  Error error(412, "the request needs the field Tus-Resumable: 1.0.0");
  error.fields = "Tus-Version: 1.0.0\r\n";
  return error;
}

Error to_refusal(const storage::Error& error) {
  const auto refused = [&error](int status) {
    Error refusal(status, error.what());
    refusal.is_told = false;
    return refusal;
  };
  switch (error.fault()) {
    case storage::Fault::full: {
      Error refusal(Precondition::sufficient_disk_space, error.what());
      refusal.is_told = false;
      if (dynamic_cast<const storage::HeldError*>(&error) != nullptr)
        refusal.message =
            "There is no room left, and what would make room is held by a snapshot: remove other "
            "files, or ask the administrator.";
      return refusal;
    }
    case storage::Fault::conflict:
      return refused(409);
    case storage::Fault::corrupt:
      return refused(500);
    case storage::Fault::busy:
    case storage::Fault::unavailable:
    case storage::Fault::read_only:
      break;
  }
  Error refusal = refused(503);
  refusal.fields = "Retry-After: 5\r\n";
  return refusal;
}

Response to_response(const Error& error, const Request& request, const Options& options) {
  const http::Preferred preferred = http::preferred_form(request.fields);
  const bool json = preferred == http::Preferred::json;
  Response response;
  response.status = error.status;
  if (error.conflict != Error::Conflict::none &&
      (options.conflict_status == ConflictStatus::always_409 ||
       (options.conflict_status == ConflictStatus::automatic && json))) {
    response.status = 409;
  }
  response.fields = error.fields;
  response.log_detail = error.detail;
  response.log_condition = element_name(error.precondition);
  response.lacks_right = error.lacks_right;
  response.signed_out = error.signed_out;
  if (response.status < 400) return response;  // a 304 has no body
  // Without this field, Windows caches a 404 for a minute, for any case of the name
  // (docs/clients.md R25).
  if (response.status == 404) response.set("Cache-Control", "no-store");
  if (error.lock) response.set("X-MSDAVEXT_ERROR", office_error(error));
  if (json) {
    response.set("Content-Type", "application/problem+json");
    response.body = json_body(error, request, response.status);
  } else if (preferred == http::Preferred::html) {
    page::set_fields(response, false);
    response.body =
        page::refusal_page(request, options, response.status, http::reason_phrase(response.status),
                           sentence(error, response.status));
  } else {
    response.set("Content-Type", "application/xml; charset=utf-8");
    response.body = xml_body(error, response.status);
  }
  return response;
}

Response refusal(const Request& request, const Options& options, int status,
                 std::string_view detail, std::string_view sentence) {
  Error error(status, std::string(detail));
  error.message = sentence;
  error.is_told = false;
  return to_response(error, request, options);
}

}  // namespace holdfast::dav
