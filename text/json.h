// Text inside JSON (RFC 8259 §7), safe for a terminal, too. Pure functions; any thread.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace holdfast::text {

// Appends the text as it is written between the quotes of a JSON string. A byte that is not UTF-8
// becomes U+FFFD, and so does a control character above U+007F, because some terminals obey it.
// Other characters that nobody sees (is_invisible in text/utf8.h) are written as escapes, because
// they can make a line look like another one. Of a text longer than `limit_bytes`, only the first
// `limit_bytes` bytes are written, with "…" after them.
void append_json_text(std::string& out, std::string_view text,
                      std::size_t limit_bytes = std::string_view::npos);
// Appends the text as append_json_text does, with quotes around it.
void append_json_string(std::string& out, std::string_view text);
// Appends a member of an object that is not its first: a comma, the name, which needs no escapes, a
// colon and the text.
void append_json_member(std::string& out, std::string_view name, std::string_view text);

// Returns a text for people with every code point that nobody sees as such an escape: \u202e. A
// byte that is not UTF-8 stays as it is.
[[nodiscard]] std::string escape_invisible(std::string_view text);

}  // namespace holdfast::text
