// A chunked body read a second time (RFC 9112 §7.1), whole and by regular structure rather than
// byte by byte. Strict as the server is; knows nothing of its limit on bodies made mostly of
// framing.
#pragma once

#include <string>
#include <string_view>

namespace holdfast::fuzz {

struct NaiveChunked {
  enum class End { complete, malformed, open } end = End::open;  // open: could go on
  std::string data;
  std::size_t used = 0;  // when complete
};

// The part of `bytes` before the next CRLF at `at`, which moves behind it; false when there is
// none.
inline bool naive_line(std::string_view bytes, std::size_t& at, std::string_view& line) {
  const std::size_t end = bytes.find("\r\n", at);
  if (end == std::string_view::npos) return false;
  line = bytes.substr(at, end - at);
  at = end + 2;
  return true;
}

// No control characters but tabs.
inline bool naive_text(std::string_view text) {
  for (const char c : text)
    if ((c >= 0 && c < ' ' && c != '\t') || c == '\x7f') return false;
  return true;
}

// Open means here: no complete body, and the line that is missing its end may still get it; whether
// what stands in it is good is not judged.
inline NaiveChunked read_chunked(std::string_view bytes) {
  NaiveChunked body;
  constexpr auto malformed = NaiveChunked::End::malformed;
  std::size_t at = 0;
  std::string_view line;
  for (;;) {
    if (!naive_line(bytes, at, line)) return body;
    const std::size_t digits =
        std::min(line.find_first_not_of("0123456789abcdefABCDEF"), line.size());
    const std::string_view extension = line.substr(digits);
    const std::size_t semicolon = extension.find_first_not_of(" \t");
    if (digits < 1 || digits > 8 || extension.size() > 1024 || !naive_text(extension) ||
        (!extension.empty() &&
         (semicolon == std::string_view::npos || extension[semicolon] != ';'))) {
      body.end = malformed;
      return body;
    }
    const std::size_t size = std::stoul(std::string(line.substr(0, digits)), nullptr, 16);
    if (size == 0) break;
    body.data += bytes.substr(at, size);
    if (bytes.size() - at < size + 2) {
      const std::string_view rest = bytes.substr(std::min(at + size, bytes.size()));
      if (!rest.empty() && rest != "\r") body.end = malformed;
      return body;
    }
    if (bytes.substr(at + size, 2) != "\r\n") {
      body.end = malformed;
      return body;
    }
    at += size + 2;
  }
  for (std::size_t trailers = 0; naive_line(bytes, at, line);) {
    trailers += line.size() + 1;
    if (!naive_text(line) || trailers > 8 * 1024) {
      body.end = malformed;
      return body;
    }
    if (!line.empty()) continue;
    body.end = NaiveChunked::End::complete;
    body.used = at;
    return body;
  }
  return body;
}

}  // namespace holdfast::fuzz
