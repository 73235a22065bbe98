// Request bodies that are read whole, and how one that did not arrive whole is refused. The body
// belongs to the request's thread.
#pragma once

#include <cstdint>
#include <string>

#include "dav/call.h"
#include "dav/error.h"
#include "dav/message.h"

namespace holdfast::dav {

// The most bytes of a body that the call's method takes.
[[nodiscard]] std::uint64_t body_limit_bytes(const Call& call);

// The refusal of a body with more: 413, and the setting that says how much.
[[nodiscard]] Error body_too_large(const Call& call);

// Reads the whole body, at most body_limit_bytes. Throws Error 413 above that, 400 when the body is
// truncated or malformed, 408 when it is too slow.
[[nodiscard]] std::string read_body(const Call& call);

// The refusal of a body that ended in `state`, which is neither `more` nor `complete`.
[[nodiscard]] Error body_error(Body::State state);

}  // namespace holdfast::dav
