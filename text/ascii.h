// ASCII text: classes of bytes, case, numbers, the lists of HTTP. The locale has no effect, and
// bytes from 0x80 on belong to no class. Pure functions; any thread.
#pragma once

#include <array>
#include <charconv>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>

namespace holdfast::text {

// Returns a char as a byte, 0 to 255.
[[nodiscard]] constexpr std::uint8_t byte(char c) { return static_cast<std::uint8_t>(c); }

// DIGIT and ALPHA of RFC 5234 appendix B.1.
[[nodiscard]] constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }
[[nodiscard]] constexpr bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
[[nodiscard]] constexpr bool is_alphanumeric(char c) { return is_digit(c) || is_letter(c); }
// CTL of RFC 5234 appendix B.1: 0x00 to 0x1F, and 0x7F.
[[nodiscard]] constexpr bool is_control(char c) { return byte(c) < 0x20 || c == 0x7F; }
// Returns true when the byte is ASCII.
[[nodiscard]] constexpr bool is_ascii(char c) { return byte(c) < 0x80; }

// A set of bytes, looked up in a table.
class ByteSet {
 public:
  // Makes the set of the bytes of `members`.
  constexpr explicit ByteSet(std::string_view members) {
    for (const char c : members) set_[byte(c)] = true;
  }
  // Returns the set of letters, digits and the bytes of `others`.
  [[nodiscard]] static constexpr ByteSet alphanumeric_and(std::string_view others) {
    ByteSet out(others);
    for (std::size_t i = 0; i < 0x80; ++i)
      if (is_alphanumeric(static_cast<char>(i))) out.set_[i] = true;
    return out;
  }
  [[nodiscard]] constexpr bool has(char c) const { return set_[byte(c)]; }
  // Returns true when every byte of `text` is a member, and for an empty text.
  [[nodiscard]] constexpr bool has_all(std::string_view text) const {
    for (const char c : text)
      if (!has(c)) return false;
    return true;
  }

 private:
  std::array<bool, 256> set_{};
};

// tchar (RFC 9110 §5.6.2).
inline constexpr ByteSet kTokenBytes = ByteSet::alphanumeric_and("!#$%&'*+-.^_`|~");
// token (RFC 9110 §5.6.2).
[[nodiscard]] constexpr bool is_token(std::string_view text) {
  return !text.empty() && kTokenBytes.has_all(text);
}

// Returns true when the text has a control byte (is_control).
[[nodiscard]] constexpr bool has_control(std::string_view text) {
  for (const char c : text)
    if (is_control(c)) return true;
  return false;
}
// Returns the text with `substitute` for each control byte, so that it stays on one line of a log
// or of a terminal.
[[nodiscard]] std::string without_controls(std::string_view text, char substitute);

[[nodiscard]] constexpr char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
}
[[nodiscard]] constexpr char upper(char c) {
  return c >= 'a' && c <= 'z' ? static_cast<char>(c - ('a' - 'A')) : c;
}
[[nodiscard]] std::string lower(std::string_view text);
// Compares as field names and most tokens are compared (RFC 9110 §5.1).
[[nodiscard]] bool equal_ignoring_case(std::string_view a, std::string_view b);

// Returns the text without leading and trailing spaces and tabs (OWS, RFC 9110 §5.6.3).
[[nodiscard]] std::string_view trimmed(std::string_view text);

// Removes the next element of a comma-separated list (RFC 9110 §5.6.1) from its front and returns
// it without surrounding OWS. Empty elements are returned, too. Returns nullopt at the end of the
// list.
[[nodiscard]] std::optional<std::string_view> next_element(std::string_view& list);

// Returns the number that the whole text is, in digits only: no sign, no space, no prefix. Returns
// nullopt for anything else, for an empty text, and for a number that the type cannot hold.
template <std::unsigned_integral Number = std::uint64_t>
[[nodiscard]] std::optional<Number> parse_number(std::string_view text, int base = 10) {
  Number number = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, number, base);
  if (stop != end || error != std::errc{}) return std::nullopt;
  return number;
}
// Removes the decimal number from the front of `text` and returns it. A number that is too large
// becomes the largest there is. Returns nullopt when the text does not begin with a digit.
[[nodiscard]] std::optional<std::uint64_t> take_saturated(std::string_view& text);

// Appends the number, without leading zeros.
template <std::integral Number>
void append_number(std::string& out, Number number, int base = 10) {
  std::array<char, 66> digits;  // enough for 64 bits in base 2 with a sign
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number, base).ptr;
  out.append(digits.data(), end);
}

}  // namespace holdfast::text
