// The preference to wait (RFC 7240 §4.3). Pure functions; any thread.
#pragma once

#include <cstdint>
#include <optional>

#include "http/message.h"

namespace holdfast::http {

// Returns the seconds of `wait` in Prefer; nullopt when it is absent or malformed. Of several the
// first one counts (RFC 7240 §2). A number that is too large is the largest one.
[[nodiscard]] std::optional<std::uint64_t> preferred_wait_s(const Fields& fields);

}  // namespace holdfast::http
