// The representation that a client prefers (RFC 9110 §12.5.1). Pure functions; any thread.
#pragma once

#include "http/message.h"

namespace holdfast::http {

// The form of a body that is neither content nor a 207: of a refusal (docs/conflicts.md) and of the
// listing for GET on a collection. It is JSON when Accept names
// application/json or application/problem+json, and no XML type of the same weight or more. It is
// HTML when Accept names text/html, and no XML or JSON type of the same weight or more. It is XML
// otherwise. A wildcard names no type, because every client sends one.
enum class Preferred { xml, json, html };
[[nodiscard]] Preferred preferred_form(const Fields& fields);

}  // namespace holdfast::http
