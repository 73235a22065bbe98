// Refusals of requests that cannot be applied to the current state, and the responses to them (RFC
// 4918 §16, RFC 9457; docs/conflicts.md has the table). Only this module refuses a request with
// 409, 412 or 423, and only it writes the response to a refusal. The status of a single property
// inside a 207 is made elsewhere. Pure functions, any thread.
#pragma once

#include <string>

#include "dav/error.h"
#include "dav/message.h"
#include "dav/options.h"
#include "storage/error.h"
#include "storage/model.h"

namespace holdfast::dav {

// `lock` forbids a LOCK: 423 no-conflicting-lock with the lock root's href (RFC 4918 §9.10.6).
[[nodiscard]] Error lock_refused(const storage::Lock& lock, std::string root_href);
// A write lacks the token of `lock`: 423 lock-token-submitted with the lock root's href (RFC 4918
// §16).
[[nodiscard]] Error token_missing(const storage::Lock& lock, std::string root_href);
// If-Match does not match: 412 with the current entity tag, if there is one, in ETag.
// `current`: opaque-tag of the stored file, empty when unmapped or a collection.
[[nodiscard]] Error stale_version(std::string_view current, std::string_view if_match);
// A LOCK has no body, and no token in If belongs to a lock on the resource: 412
// lock-token-matches-request-uri (RFC 4918 §9.10.2).
[[nodiscard]] Error token_of_no_lock_to_refresh();
// The token of an UNLOCK belongs to no lock on the resource: 409 lock-token-matches-request-uri
// (RFC 4918 §9.11.1).
[[nodiscard]] Error token_of_no_lock_to_remove();
// A condition of the request does not hold: 412 (RFC 9110 §13.2, RFC 4918 §10.4, §10.6). `detail`
// is for the log.
[[nodiscard]] Error condition_failed(std::string detail);
// The parent collection of the URL is missing: 409 (RFC 4918 §9.3.1, §9.7.1, §9.8.5, §9.9.4,
// §9.10.4). `detail` is for the log.
[[nodiscard]] Error parent_missing(std::string detail);
// A file is to be written at a URL that ends in a slash: 409.
[[nodiscard]] Error slash_after_file();
// The file got other content while a request arrived that changes a part of it: 409.
[[nodiscard]] Error changed_meanwhile();
// An upload goes on at `kept` and not at the offset of the request: 409 with Upload-Offset
// (tus 1.0).
[[nodiscard]] Error upload_offset_differs(std::uint64_t kept);
// What is to be given up belongs to a named snapshot: 409.
[[nodiscard]] Error held_by_snapshot();
// Another request adds to the upload: 423 (tus 1.0).
[[nodiscard]] Error upload_is_busy();
// The request names no version of tus that is spoken here: 412 with Tus-Version (tus 1.0).
[[nodiscard]] Error unknown_tus_version();
// Turns an error of storage into a refusal: busy, unavailable and read_only 503, full 507, conflict
// 409, corrupt 500.
[[nodiscard]] Error to_refusal(const storage::Error& error);

// Turns an Error into a Response; no other function does. `options.conflict_status` and Accept
// choose between the error's own status and 409 for conflicts; Accept alone chooses between
// DAV:error, a problem document and a page for the body. All three have the same sentence.
[[nodiscard]] Response to_response(const Error& error, const Request& request,
                                   const Options& options);

// Makes the response for a refusal that is decided outside the engine (421, 403 for a foreign
// Origin, 503). `detail` is for the log. `sentence` is for the client, instead of the status's own
// sentence; it is copied.
[[nodiscard]] Response refusal(const Request& request, const Options& options, int status,
                               std::string_view detail, std::string_view sentence = {});

}  // namespace holdfast::dav
