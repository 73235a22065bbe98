#include "dav/xml/encoding.h"

#include <algorithm>

#include "dav/error.h"
#include "text/ascii.h"
#include "text/utf8.h"

namespace holdfast::dav::xml {
namespace {

using text::byte;

std::string from_utf16(std::string_view body, Encoding encoding) {
  if (body.size() % 2 != 0) throw Error(400, "The UTF-16 body ends inside a character.");
  const std::size_t high = encoding == Encoding::utf16be ? 0 : 1;
  const auto unit = [&](std::size_t i) {
    return static_cast<std::uint32_t>(byte(body[i + high]) << 8 | byte(body[i + 1 - high]));
  };
  std::string text;
  text.reserve(body.size() / 2);
  for (std::size_t i = 0; i < body.size(); i += 2) {
    std::uint32_t c = unit(i);
    if (c >= 0xD800 && c < 0xE000) {
      const std::uint32_t second = i + 2 < body.size() ? unit(i + 2) : 0;
      if (c >= 0xDC00 || second < 0xDC00 || second >= 0xE000)
        throw Error(400, "The UTF-16 body has a lone surrogate.");
      c = 0x10000 + ((c - 0xD800) << 10) + (second - 0xDC00);
      i += 2;
    }
    text::append_utf8(text, c);
  }
  return text;
}

// Returns true when well-formed UTF-8 has only characters that XML allows.
bool all_chars(std::string_view text) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    const std::uint8_t b = byte(text[i]);
    if (b < 0x20 && !is_char(b)) return false;
    // U+FFFE and U+FFFF are EF BF BE and EF BF BF.
    if (b == 0xEF && byte(text[i + 1]) == 0xBF && byte(text[i + 2]) >= 0xBE) return false;
  }
  return true;
}

}  // namespace

bool is_name_start(std::uint32_t c) {
  if (c < 0x80) return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
  return (c >= 0xC0 && c <= 0x2FF && c != 0xD7 && c != 0xF7) || (c >= 0x370 && c <= 0x37D) ||
         (c >= 0x37F && c <= 0x1FFF) || c == 0x200C || c == 0x200D ||
         (c >= 0x2070 && c <= 0x218F) || (c >= 0x2C00 && c <= 0x2FEF) ||
         (c >= 0x3001 && c <= 0xD7FF) || (c >= 0xF900 && c <= 0xFDCF) ||
         (c >= 0xFDF0 && c <= 0xFFFD) || (c >= 0x10000 && c <= 0xEFFFF);
}

bool is_name_char(std::uint32_t c) {
  return is_name_start(c) || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == 0xB7 ||
         (c >= 0x300 && c <= 0x36F) || c == 0x203F || c == 0x2040;
}

Decoded decode_utf8(std::string_view text) {
  const text::CodePoint first = text::first_code_point(text);
  return {.character = first.value, .length = first.length};
}

DecodedBody decode_body(std::string_view body) {
  DecodedBody decoded;
  if (body.substr(0, 2) == "\xFF\xFE") {
    decoded.encoding = Encoding::utf16le;
    decoded.text = from_utf16(body.substr(2), Encoding::utf16le);
  } else if (body.substr(0, 2) == "\xFE\xFF") {
    decoded.encoding = Encoding::utf16be;
    decoded.text = from_utf16(body.substr(2), Encoding::utf16be);
  } else {
    if (body.substr(0, 3) == "\xEF\xBB\xBF") body.remove_prefix(3);
    if (!text::valid_utf8(body)) throw Error(400, "The body is neither UTF-8 nor UTF-16.");
    decoded.text = body;
  }
  if (!all_chars(decoded.text)) throw Error(400, "The body has a character that XML forbids.");
  return decoded;
}

void normalise_line_ends(std::string& text) {
  std::size_t to = text.find('\r');
  if (to == std::string::npos) return;
  for (std::size_t from = to; from < text.size(); ++from) {
    char c = text[from];
    if (c == '\r') {
      if (from + 1 < text.size() && text[from + 1] == '\n') continue;
      c = '\n';
    }
    text[to++] = c;
  }
  text.resize(to);
}

}  // namespace holdfast::dav::xml
