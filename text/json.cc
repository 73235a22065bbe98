#include "text/json.h"

#include <algorithm>

#include "text/ascii.h"
#include "text/hex.h"
#include "text/utf8.h"

namespace holdfast::text {

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
      } else {
        out += text.substr(0, first.length);
      }
      length = std::max<std::size_t>(first.length, 1);
    }
    text.remove_prefix(length);
  }
  if (cut) out += "…";
}

void append_json_string(std::string& out, std::string_view text) {
  out += '"';
  append_json_text(out, text);
  out += '"';
}

}  // namespace holdfast::text
