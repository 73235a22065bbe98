#include "text/utf8.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <utf8proc.h>

#include "text/ascii.h"

namespace holdfast::text {
namespace {

const utf8proc_uint8_t* bytes(std::string_view text) {
  return reinterpret_cast<const utf8proc_uint8_t*>(text.data());
}

bool is_continuation(char c) { return (byte(c) & 0xC0) == 0x80; }

// Returns a number of ASCII bytes with which the text begins. It checks eight bytes at a time, so
// the true number may be larger.
std::size_t ascii_prefix(std::string_view text) {
  std::size_t i = 0;
  for (std::uint64_t eight = 0; text.size() - i >= sizeof eight; i += sizeof eight) {
    std::memcpy(&eight, text.data() + i, sizeof eight);
    if ((eight & 0x8080808080808080U) != 0) break;
  }
  return i;
}

// Returns the text as utf8proc maps it with these options; a text that is not UTF-8 stays as it is.
std::string mapped(std::string_view text, int options) {
  utf8proc_uint8_t* out = nullptr;
  const utf8proc_ssize_t size =
      ::utf8proc_map(bytes(text), static_cast<utf8proc_ssize_t>(text.size()), &out,
                     static_cast<utf8proc_option_t>(options));
  const std::unique_ptr<utf8proc_uint8_t, decltype(&std::free)> owner(out, &std::free);
  if (size < 0) return std::string(text);
  return {reinterpret_cast<const char*>(out), static_cast<std::size_t>(size)};
}

}  // namespace

bool is_ascii(std::string_view text) {
  const std::string_view rest = text.substr(ascii_prefix(text));
  return std::all_of(rest.begin(), rest.end(), [](char c) { return is_ascii(c); });
}

bool valid_utf8(std::string_view text) {
  for (;;) {
    text.remove_prefix(ascii_prefix(text));
    while (!text.empty() && is_ascii(text.front())) text.remove_prefix(1);
    if (text.empty()) return true;
    do {
      const std::size_t length = first_code_point(text).length;
      if (length == 0) return false;
      text.remove_prefix(length);
    } while (!text.empty() && !is_ascii(text.front()));
  }
}

CodePoint first_code_point(std::string_view text) {
  if (text.empty()) return {};
  if (is_ascii(text.front())) return {byte(text.front()), 1};
  utf8proc_int32_t value = 0;
  const utf8proc_ssize_t length =
      ::utf8proc_iterate(bytes(text), static_cast<utf8proc_ssize_t>(text.size()), &value);
  if (length <= 0) return {};
  return {static_cast<char32_t>(value), static_cast<std::size_t>(length)};
}

bool is_invisible(char32_t c) {
  switch (::utf8proc_category(static_cast<utf8proc_int32_t>(c))) {
    case UTF8PROC_CATEGORY_CC:
    case UTF8PROC_CATEGORY_CF:
    case UTF8PROC_CATEGORY_ZL:
    case UTF8PROC_CATEGORY_ZP:
      return true;
    default:
      return false;
  }
}

bool is_name_character(char32_t c) {
  switch (::utf8proc_category(static_cast<utf8proc_int32_t>(c))) {
    case UTF8PROC_CATEGORY_CN:
    case UTF8PROC_CATEGORY_CO:
    case UTF8PROC_CATEGORY_CS:
    case UTF8PROC_CATEGORY_ZS:
      return false;
    default:
      return !is_invisible(c) &&
             ::utf8proc_get_property(static_cast<utf8proc_int32_t>(c))->ignorable == 0;
  }
}

void append_utf8(std::string& out, char32_t code_point) {
  std::array<char, 4> buffer;
  const utf8proc_ssize_t length =
      ::utf8proc_encode_char(static_cast<utf8proc_int32_t>(code_point),
                             reinterpret_cast<utf8proc_uint8_t*>(buffer.data()));
  out.append(buffer.data(), static_cast<std::size_t>(length));
}

std::size_t count_code_points(std::string_view utf8) {
  return static_cast<std::size_t>(
      std::count_if(utf8.begin(), utf8.end(), [](char c) { return !is_continuation(c); }));
}

std::string_view cut_to(std::string_view utf8, std::size_t limit_bytes) {
  if (utf8.size() <= limit_bytes) return utf8;
  while (limit_bytes > 0 && is_continuation(utf8[limit_bytes])) --limit_bytes;
  return utf8.substr(0, limit_bytes);
}

std::string as_utf8(std::string_view text) {
  if (valid_utf8(text)) return std::string(text);
  std::string out;
  for (const char c : text) append_utf8(out, byte(c));
  return out;
}

std::optional<std::string> latin1(std::string_view utf8) {
  std::string out;
  while (!utf8.empty()) {
    const CodePoint next = first_code_point(utf8);
    if (next.length == 0 || next.value > 0xFF) return std::nullopt;
    out += static_cast<char>(next.value);
    utf8.remove_prefix(next.length);
  }
  return out;
}

std::string nfc(std::string_view text) {
  if (is_ascii(text)) return std::string(text);
  return mapped(text, UTF8PROC_STABLE | UTF8PROC_COMPOSE);
}

std::string folded(std::string_view text) {
  if (is_ascii(text)) return lower(text);
  return mapped(text,
                UTF8PROC_STABLE | UTF8PROC_DECOMPOSE | UTF8PROC_CASEFOLD | UTF8PROC_STRIPMARK);
}

}  // namespace holdfast::text
