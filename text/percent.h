// Percent-encoding (RFC 3986 §2.1). Pure functions; any thread.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "text/ascii.h"
#include "text/hex.h"

namespace holdfast::text {

// Returns the byte, from 0 to 255, that the escape at text[at] encodes; -1 when no escape begins
// there.
[[nodiscard]] constexpr int escaped_byte(std::string_view text, std::size_t at) {
  if (text.size() - at < 3 || text[at] != '%') return -1;
  const int high = hex_value(text[at + 1]);
  const int low = hex_value(text[at + 2]);
  return high < 0 || low < 0 ? -1 : high * 16 + low;
}

// Appends "%" and two digits in upper case (RFC 3986 §2.1).
void append_escape(std::string& out, char c);
// Appends the text with an escape for each byte that is not in `plain`.
void append_encoded(std::string& out, std::string_view text, const ByteSet& plain);

// Returns the text with each escape replaced by its byte; nullopt when a "%" begins no escape.
[[nodiscard]] std::optional<std::string> percent_decoded(std::string_view text);
// Does the same, but a "%" that begins no escape stays as it is.
[[nodiscard]] std::string percent_decoded_leniently(std::string_view text);

}  // namespace holdfast::text
