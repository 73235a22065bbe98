#include "text/percent.h"

namespace holdfast::text {
namespace {

// Returns true when every "%" began an escape. A "%" that did not is copied.
bool decode(std::string_view text, std::string& out) {
  bool sound = true;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    const int escaped = escaped_byte(text, i);
    if (escaped >= 0) {
      out += static_cast<char>(escaped);
      i += 2;
    } else {
      sound = sound && text[i] != '%';
      out += text[i];
    }
  }
  return sound;
}

}  // namespace

void append_escape(std::string& out, char c) {
  out += '%';
  append_upper_hex(out, byte(c));
}

void append_encoded(std::string& out, std::string_view text, const ByteSet& plain) {
  // Plain bytes are appended a run at a time, because listings do this for every member.
  std::size_t begin = 0;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (plain.has(text[at])) continue;
    out.append(text.substr(begin, at - begin));
    append_escape(out, text[at]);
    begin = at + 1;
  }
  out.append(text.substr(begin));
}

std::optional<std::string> percent_decoded(std::string_view text) {
  std::string out;
  if (!decode(text, out)) return std::nullopt;
  return out;
}

std::string percent_decoded_leniently(std::string_view text) {
  std::string out;
  static_cast<void>(decode(text, out));
  return out;
}

}  // namespace holdfast::text
