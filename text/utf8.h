// UTF-8 (RFC 3629) and Unicode's normal form C (UAX #15), by utf8proc. Pure functions; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace holdfast::text {

// Returns true when all bytes are below 0x80.
[[nodiscard]] bool is_ascii(std::string_view text);
// Returns true when the text is well-formed UTF-8: no overlong forms, no surrogates, nothing above
// U+10FFFF.
[[nodiscard]] bool valid_utf8(std::string_view text);

struct CodePoint {
  char32_t value = 0;
  std::size_t length = 0;  // in bytes; 0 when the text does not begin with well-formed UTF-8
};
// Returns the first code point of the text. The length is 0 for an empty text as well.
[[nodiscard]] CodePoint first_code_point(std::string_view text);
// Appends a code point, which must not be a surrogate or above U+10FFFF.
void append_utf8(std::string& out, char32_t code_point);
// Returns true when the code point is a control character (category Cc): U+0000 to U+001F, U+007F
// to U+009F.
[[nodiscard]] constexpr bool is_control_character(char32_t c) {
  return c < 0x20 || (c >= 0x7F && c < 0xA0);
}

// Returns true for a code point that a reader does not see, or that changes how the text around it
// looks: control and format characters (Cc, Cf), line and paragraph separators (Zl, Zp).
[[nodiscard]] bool is_invisible(char32_t c);
// Returns true for a code point that may be part of the name of an account: what is assigned and
// seen, and no space. It leaves out Cc, Cf, Cn, Co, Cs, Zl, Zp, Zs and what Unicode tells programs
// to ignore in display (as RFC 8264 §8 and §9 do).
[[nodiscard]] bool is_name_character(char32_t c);

// Returns how many code points a well-formed text has.
[[nodiscard]] std::size_t count_code_points(std::string_view utf8);
// Returns the longest beginning of a well-formed text that has at most `limit_bytes` bytes and ends
// between code points.
[[nodiscard]] std::string_view cut_to(std::string_view utf8, std::size_t limit_bytes);

// Returns the text itself when it is UTF-8. Any other text is read as ISO 8859-1, which clients
// without UTF-8 send.
[[nodiscard]] std::string as_utf8(std::string_view text);

// Returns the text in ISO 8859-1; nullopt when it is not UTF-8 or has a code point above U+00FF.
[[nodiscard]] std::optional<std::string> latin1(std::string_view utf8);

// Returns the text in normal form C. Names and passwords are compared in it, because it does not
// depend on the system on which they were typed. A text that is not UTF-8 stays as it is.
[[nodiscard]] std::string nfc(std::string_view text);

// Returns the text without case and without marks such as accents (Unicode's case folding of the
// decomposed form, UAX #15 and §5.18), to look for names and to order them (text/natural.h). A text
// that is not UTF-8 stays as it is.
[[nodiscard]] std::string folded(std::string_view text);

}  // namespace holdfast::text
