// Hexadecimal (RFC 4648 §8), on libsodium. Pure functions; any thread.
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

// What each byte is worth as a hex digit of either case, from 0 to 15; -1 for what is none.
inline constexpr std::array<std::int8_t, 256> kHexValues = [] {
  std::array<std::int8_t, 256> values{};
  values.fill(-1);
  for (std::size_t i = 0; i < kHexDigits.size(); ++i)
    values[byte(kHexDigits[i])] = values[byte(kUpperHexDigits[i])] = static_cast<std::int8_t>(i);
  return values;
}();
[[nodiscard]] constexpr int hex_value(char c) { return kHexValues[byte(c)]; }

// Whether the text has digits and the letters a to f only, as `hex` writes. True when empty.
[[nodiscard]] bool is_lower_hex(std::string_view text);

// Two digits for each byte, in lower case.
[[nodiscard]] std::string hex(std::span<const std::uint8_t> bytes);
// Appends the two digits of one byte in upper case.
void append_upper_hex(std::string& out, std::uint8_t byte);
// Fills `out`. False, and `out` undefined, unless `text` is exactly its bytes in hex of any case.
[[nodiscard]] bool decode_hex(std::string_view text, std::span<std::uint8_t> out);

}  // namespace holdfast::text
