// Text inside of JSON (RFC 8259 §7), fit for a terminal, too. Pure functions; any thread.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace holdfast::text {

// Appends the text as it stands between the quotes of a JSON string. A byte that is no UTF-8, and a
// control character above U+007F, which some terminals obey, becomes U+FFFD. Of a text longer than
// `limit_bytes` only these are written, and "…" after them.
void append_json_text(std::string& out, std::string_view text,
                      std::size_t limit_bytes = std::string_view::npos);
// The same with quotes around it.
void append_json_string(std::string& out, std::string_view text);

}  // namespace holdfast::text
