// Basic credentials (RFC 7617), for a client to send.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace holdfast::test {

// RFC 4648 §4.
inline std::string base64(std::string_view text) {
  static constexpr std::string_view kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  for (std::size_t i = 0; i < text.size(); i += 3) {
    unsigned group = 0;
    for (std::size_t j = i; j < i + 3; ++j)
      group = group << 8 | (j < text.size() ? static_cast<unsigned char>(text[j]) : 0U);
    for (std::size_t j = 0; j < 4; ++j)
      out += i + j > text.size() ? '=' : kDigits[group >> (18 - 6 * j) & 63];
  }
  return out;
}

// The value of Authorization.
inline std::string basic(const std::string& name, const std::string& password) {
  return "Basic " + base64(name + ":" + password);
}

}  // namespace holdfast::test
