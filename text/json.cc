#include "text/json.h"

#include <algorithm>

#include "text/ascii.h"
#include "text/hex.h"
#include "text/utf8.h"

namespace holdfast::text {
namespace {

void append_unit(std::string& out, char32_t unit) {
  out += "\\u";
  for (int shift = 12; shift >= 0; shift -= 4) out += kHexDigits[unit >> shift & 15];
}

// Appends \u and four digits, or a surrogate pair of these (RFC 8259 §7).
void append_escape(std::string& out, char32_t c) {
  if (c < 0x10000) return append_unit(out, c);
  append_unit(out, 0xD800 + ((c - 0x10000) >> 10));
  append_unit(out, 0xDC00 + ((c - 0x10000) & 0x3FF));
}

}  // namespace

void append_json_text(std::string& out, std::string_view text, std::size_t limit_bytes) {
  const bool cut = text.size() > limit_bytes;
  text = text.substr(0, limit_bytes);
  while (!text.empty()) {
    const char c = text.front();
    std::size_t length = 1;
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (is_control(c)) {
      out += "\\u00";
      out += kHexDigits[byte(c) >> 4];
      out += kHexDigits[byte(c) & 15];
    } else if (is_ascii(c)) {
      out += c;
    } else {
      const CodePoint first = first_code_point(text);
      if (first.length == 0 || is_control_character(first.value)) {
        out += "\\ufffd";
      } else if (is_invisible(first.value)) {
        append_escape(out, first.value);
      } else {
        out += text.substr(0, first.length);
      }
      length = std::max<std::size_t>(first.length, 1);
    }
    text.remove_prefix(length);
  }
  if (cut) out += "…";
}

std::string escape_invisible(std::string_view text) {
  if (is_ascii(text) && !has_control(text)) return std::string(text);
  std::string out;
  while (!text.empty()) {
    const CodePoint first = first_code_point(text);
    const std::size_t length = std::max<std::size_t>(first.length, 1);
    if (first.length != 0 && is_invisible(first.value)) {
      append_escape(out, first.value);
    } else {
      out += text.substr(0, length);
    }
    text.remove_prefix(length);
  }
  return out;
}

void append_json_string(std::string& out, std::string_view text) {
  out += '"';
  append_json_text(out, text);
  out += '"';
}

void append_json_member(std::string& out, std::string_view name, std::string_view text) {
  out.append(",\"").append(name).append("\":");
  append_json_string(out, text);
}

}  // namespace holdfast::text
