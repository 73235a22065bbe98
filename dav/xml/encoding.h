// Characters and encodings of XML 1.0 (§2.2, §2.3, §4.3.3). Pure functions, any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace holdfast::dav::xml {

// Char (XML 1.0 §2.2): a character that a document may have, directly or as a character reference.
[[nodiscard]] constexpr bool is_char(std::uint32_t c) {
  if (c < 0x20) return c == '\t' || c == '\n' || c == '\r';
  return c < 0xD800 || (c >= 0xE000 && c <= 0xFFFD) || (c >= 0x10000 && c <= 0x10FFFF);
}
// NameStartChar and NameChar (XML 1.0 §2.3) without the colon, as in Namespaces in XML.
[[nodiscard]] bool is_name_start(std::uint32_t c);
[[nodiscard]] bool is_name_char(std::uint32_t c);

struct Decoded {
  std::uint32_t character = 0;
  std::size_t length = 0;  // bytes; 0 when `text` does not begin with well-formed UTF-8
};
// Decodes the first character of a non-empty text.
[[nodiscard]] Decoded decode_utf8(std::string_view text);

enum class Encoding { utf8, utf16le, utf16be };
struct DecodedBody {
  Encoding encoding = Encoding::utf8;
  std::string text;  // UTF-8, every character a Char, without byte order mark
};
// Decodes UTF-8 or UTF-16 as the byte order mark says, UTF-8 without one. Throws Error 400 for
// bytes that are malformed or not allowed in XML.
[[nodiscard]] DecodedBody decode_body(std::string_view body);

// Replaces CR LF and CR by LF (XML 1.0 §2.11).
void normalise_line_ends(std::string& text);

}  // namespace holdfast::dav::xml
