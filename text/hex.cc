#include "text/hex.h"

#include <sodium.h>

namespace holdfast::text {

bool is_lower_hex(std::string_view text) {
  return text.find_first_not_of(kHexDigits) == std::string_view::npos;
}

std::string hex(std::span<const std::uint8_t> bytes) {
  std::string out(bytes.size() * 2 + 1, '\0');  // libsodium writes a NUL at the end
  ::sodium_bin2hex(out.data(), out.size(), bytes.data(), bytes.size());
  out.pop_back();
  return out;
}

void append_upper_hex(std::string& out, std::uint8_t byte) {
  out += kUpperHexDigits[byte >> 4];
  out += kUpperHexDigits[byte & 15];
}

bool decode_hex(std::string_view text, std::span<std::uint8_t> out) {
  if (out.empty()) return text.empty();  // libsodium takes no null pointer
  std::size_t size = 0;
  const char* end = nullptr;
  return text.size() == out.size() * 2 &&
         ::sodium_hex2bin(out.data(), out.size(), text.data(), text.size(), nullptr, &size, &end) ==
             0 &&
         size == out.size() && end == text.data() + text.size();
}

}  // namespace holdfast::text
