// Why a request cannot be applied to the current state, and how the client is told: the one module
// that decides between 409, 412 and 423, and that writes every refusal (RFC 4918 §16, RFC 9457;
// docs/conflicts.md is the table). Pure functions, any thread.
#pragma once

#include <string>

#include "dav/engine.h"
#include "dav/error.h"
#include "dav/message.h"
#include "storage/error.h"
#include "storage/model.h"

namespace holdfast::dav {

// LOCK refused by `lock`: 423 no-conflicting-lock with the lock root's href (RFC 4918 §9.10.6).
[[nodiscard]] Error lock_refused(const storage::Lock& lock, std::string root_href);
// A write without the token of `lock`: 423 lock-token-submitted with the lock root's href (§16).
[[nodiscard]] Error token_missing(const storage::Lock& lock, std::string root_href);
// If-Match does not match: 412 with the current entity tag, if there is one, in ETag.
// `current`: opaque-tag of the stored file, empty when unmapped or a collection.
[[nodiscard]] Error stale_version(std::string_view current, std::string_view if_match);
// What storage could not do, as a refusal: busy and unavailable 503, full 507, conflict 409,
// corrupt 500.
[[nodiscard]] Error to_refusal(const storage::Error& error);

// The one place where an Error becomes a Response. Chooses the status by `options.conflict_status`
// and Accept, and the body between DAV:error and a problem document.
[[nodiscard]] Response answer(const Error& error, const Request& request, const Options& options);

}  // namespace holdfast::dav
