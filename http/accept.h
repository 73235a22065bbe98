// What representation a client prefers (RFC 9110 §12.5.1). Pure functions; any thread.
#pragma once

#include "http/message.h"

namespace holdfast::http {

// In which form a client reads what is neither content nor a 207: a refusal (docs/conflicts.md) and
// the listing that answers GET. JSON when Accept names
// application/json or application/problem+json, and no XML type of the same weight or more. HTML
// when it names text/html, and no XML or JSON type of the same weight or more. XML otherwise, as
// WebDAV has it: a wildcard names no type, because every client sends one.
enum class Preferred { xml, json, html };
[[nodiscard]] Preferred preferred_form(const Fields& fields);

}  // namespace holdfast::http
