// Hexadecimal (RFC 4648 §8), by libsodium. Pure functions; any thread.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "text/ascii.h"

namespace holdfast::text {

inline constexpr std::string_view kHexDigits = "0123456789abcdef";
inline constexpr std::string_view kUpperHexDigits = "0123456789ABCDEF";

// The value of each byte as a hex digit of either case, from 0 to 15; -1 for a byte that is no hex
// digit.
inline constexpr std::array<std::int8_t, 256> kHexValues = [] {
  std::array<std::int8_t, 256> values{};
  values.fill(-1);
  for (std::size_t i = 0; i < kHexDigits.size(); ++i)
    values[byte(kHexDigits[i])] = values[byte(kUpperHexDigits[i])] = static_cast<std::int8_t>(i);
  return values;
}();
[[nodiscard]] constexpr int hex_value(char c) { return kHexValues[byte(c)]; }

// Returns true when the text has only digits and the letters a to f, as `hex` writes, and when it
// is empty.
[[nodiscard]] bool is_lower_hex(std::string_view text);

// Returns two digits for each byte, in lower case.
[[nodiscard]] std::string hex(std::span<const std::uint8_t> bytes);
// Appends the two digits of one byte in upper case.
void append_upper_hex(std::string& out, std::uint8_t byte);
// Fills `out`. Returns false, and leaves `out` undefined, unless `text` encodes exactly out.size()
// bytes, in either case.
[[nodiscard]] bool decode_hex(std::string_view text, std::span<std::uint8_t> out);

}  // namespace holdfast::text
