// Status codes (RFC 9110 §15, RFC 4918 §11). Pure functions; any thread.
#pragma once

#include <string_view>

namespace holdfast::http {

// Returns the reason phrase, such as "Conflict" for 409; empty for a status that this server never
// sends.
[[nodiscard]] std::string_view reason_phrase(int status);

}  // namespace holdfast::http
