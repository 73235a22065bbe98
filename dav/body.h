// Reads request bodies that are needed as a whole, and makes the refusal of a body that did not
// arrive as a whole. Called in the request's thread, which owns the body.
#pragma once

#include <cstdint>
#include <string>

#include "dav/call.h"
#include "dav/error.h"
#include "dav/message.h"

namespace holdfast::dav {

// Returns the most bytes that a body may have for the call's method.
[[nodiscard]] std::uint64_t body_limit_bytes(const Call& call);

// Returns the refusal of a larger body: 413, with the name of the setting that limits it.
[[nodiscard]] Error body_too_large(const Call& call);

// Reads the whole body, at most body_limit_bytes. Throws Error 413 above that, 400 when the body is
// truncated or malformed, 408 when it is too slow.
[[nodiscard]] std::string read_body(const Call& call);

// Returns the refusal of a body that ended in `state`, which is neither `more` nor `complete`: 400,
// 408 or 413.
[[nodiscard]] Error body_error(Body::State state);

}  // namespace holdfast::dav
