// The representation that a client prefers (RFC 9110 §12.5). Pure functions; any thread.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

#include "http/message.h"

namespace holdfast::http {

// The form of a body that is neither content nor a 207: of a refusal (docs/conflicts.md) and of the
// listing for GET on a collection. It is JSON when Accept names
// application/json or application/problem+json, and no XML type of the same weight or more. It is
// HTML when Accept names text/html, and no XML or JSON type of the same weight or more. It is XML
// otherwise. A wildcard names no type, because every client sends one.
enum class Preferred { xml, json, html };
[[nodiscard]] Preferred preferred_form(const Fields& fields);

// Returns the index of the language in `available` that Accept-Language prefers (RFC 9110 §12.5.4):
// a range such as "de-AT" matches "de" as well. It is 0, the default, when none is named. Tags are
// compared without case.
[[nodiscard]] std::size_t preferred_language(const Fields& fields,
                                             std::span<const std::string_view> available);

// Returns true when Accept-Encoding names gzip or "*" with a weight above 0 (RFC 9110 §12.5.3).
[[nodiscard]] bool accepts_gzip(const Fields& fields);

}  // namespace holdfast::http
