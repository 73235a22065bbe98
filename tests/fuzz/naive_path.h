// The path of a URL read a second time, by definition and slowly (RFC 3986 §3.3,
// docs/robustness.md#paths-and-names).
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace holdfast::fuzz {

inline bool naive_utf8(std::string_view text) {
  for (std::size_t i = 0; i < text.size();) {
    const auto byte = [&](std::size_t at) {
      return at < text.size() ? static_cast<unsigned char>(text[at]) : 0U;
    };
    unsigned value = byte(i);
    std::size_t more = 0;
    if (value >= 0x80) {
      more = value >> 5 == 6 ? 1 : value >> 4 == 14 ? 2 : value >> 3 == 30 ? 3 : 0;
      if (more == 0) return false;
      value &= 63U >> more;
    }
    for (std::size_t k = 1; k <= more; ++k) {
      if (byte(i + k) >> 6 != 2) return false;
      value = value << 6 | (byte(i + k) & 63);
    }
    const unsigned least[] = {0, 0x80, 0x800, 0x10000};
    if (value < least[more] || value > 0x10FFFF || value >> 11 == 27) return false;
    i += more + 1;
  }
  return true;
}

// The non-empty segments of an absolute path, decoded; nullopt when one is not acceptable.
inline std::optional<std::vector<std::string>> naive_segments(std::string_view path) {
  std::vector<std::string> raw(1);
  for (const char c : path.substr(1)) {
    if (c == '/') {
      raw.emplace_back();
    } else {
      raw.back() += c;
    }
  }
  std::vector<std::string> segments;
  for (const std::string& each : raw) {
    if (each.empty()) continue;
    std::string decoded;
    for (std::size_t i = 0; i < each.size(); ++i) {
      if (each[i] != '%') {
        if (each[i] == '\x7f' || (each[i] >= 0 && each[i] < ' ')) return std::nullopt;
        decoded += each[i];
        continue;
      }
      const std::string digits = each.substr(i + 1, 2);
      if (digits.size() < 2 || digits.find_first_not_of("0123456789abcdefABCDEF") < 2)
        return std::nullopt;
      decoded += static_cast<char>(std::stoi(digits, nullptr, 16));
      i += 2;
    }
    if (decoded == "." || decoded == ".." || decoded.size() > 255 || !naive_utf8(decoded))
      return std::nullopt;
    for (const char c : decoded)
      if (c == '/' || c == '\0') return std::nullopt;
    segments.push_back(decoded);
  }
  return segments;
}

}  // namespace holdfast::fuzz
