// What representation a client prefers (RFC 9110 §12.5.1). Pure functions; any thread.
#pragma once

#include "http/message.h"

namespace holdfast::http {

// True when Accept names application/json or application/problem+json with a higher weight than XML
// and "*/*" (docs/conflicts.md).
[[nodiscard]] bool prefers_json(const Fields& fields);

}  // namespace holdfast::http
