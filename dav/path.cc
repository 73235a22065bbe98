#include "dav/path.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <stdexcept>

#include "dav/http.h"

namespace holdfast::dav {
namespace {

enum class Spelling { strict, tolerant };

constexpr std::uint8_t byte(char c) { return static_cast<std::uint8_t>(c); }

constexpr bool is_alphanumeric(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

constexpr int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

constexpr std::array<bool, 256> byte_set(std::string_view others) {
  std::array<bool, 256> set{};
  for (std::size_t i = 0; i < 128; ++i) set[i] = is_alphanumeric(static_cast<char>(i));
  for (const char c : others) set[byte(c)] = true;
  return set;
}

// What stays as it is when a segment is written: pchar without "%", "&" and "'".
constexpr std::array<bool, 256> kPlainInSegment = byte_set("-._~!$()*+,;=:@");
// What stays as it is in the client's own spelling of a path; "%" begins an escape there.
constexpr std::array<bool, 256> kPlainInSpelling = byte_set("-._~!$()*+,;=:@/'");

void append_escape(std::string& out, char c) {
  constexpr char kDigits[] = "0123456789ABCDEF";
  out += '%';
  out += kDigits[byte(c) >> 4];
  out += kDigits[byte(c) & 15];
}

[[noreturn]] void refuse(const char* why) { throw Error(400, why); }

// One raw segment, decoded once and checked (docs/robustness.md#paths-and-names).
std::string decode_segment(std::string_view raw) {
  std::string segment;
  segment.reserve(raw.size());
  for (std::size_t i = 0; i < raw.size(); ++i) {
    char c = raw[i];
    if (c == '%') {
      const int high = i + 2 < raw.size() ? hex_value(raw[i + 1]) : -1;
      const int low = i + 2 < raw.size() ? hex_value(raw[i + 2]) : -1;
      if (high < 0 || low < 0)
        refuse("A percent sign in the URL is not followed by two hex digits.");
      c = static_cast<char>(high * 16 + low);
      i += 2;
      if (c == '/') refuse("The URL has an encoded slash inside a segment.");
    }
    if (byte(c) < 0x20 || byte(c) == 0x7F) refuse("The URL has a control character.");
    segment += c;
  }
  if (segment == "." || segment == "..") refuse("The URL has a dot segment.");
  if (!valid_utf8(segment)) refuse("A segment of the URL is not valid UTF-8.");
  return segment;
}

// The non-empty segments of an absolute path, decoded.
std::vector<std::string> decode_path(std::string_view path) {
  std::vector<std::string> segments;
  segments.reserve(static_cast<std::size_t>(std::count(path.begin(), path.end(), '/')));
  while (!path.empty()) {
    path.remove_prefix(1);  // the slash
    const std::size_t end = std::min(path.find('/'), path.size());
    if (end > 0) segments.push_back(decode_segment(path.substr(0, end)));
    path.remove_prefix(end);
  }
  return segments;
}

bool valid_port(std::string_view port) {
  return port.size() <= 5 &&
         std::all_of(port.begin(), port.end(), [](char c) { return c >= '0' && c <= '9'; });
}

bool valid_host(std::string_view host) {
  if (host.empty()) return false;
  if (host.front() == '[') {
    return host.size() > 2 && host.back() == ']' &&
           std::all_of(host.begin() + 1, host.end() - 1,
                       [](char c) { return hex_value(c) >= 0 || c == ':' || c == '.'; });
  }
  return std::all_of(host.begin(), host.end(), [](char c) {
    return is_alphanumeric(c) || byte(c) >= 0x80 ||
           std::string_view("-._~%!$&'()*+,;=").find(c) != std::string_view::npos;
  });
}

// An authority split for a loose comparison; the default ports of http and https count as none.
struct Authority {
  std::string_view host;
  std::string_view port;
  explicit Authority(std::string_view text) : host(text) {
    const std::size_t colon = text.rfind(':');
    if (colon == std::string_view::npos || text.find(']', colon) != std::string_view::npos) return;
    host = text.substr(0, colon);
    port = text.substr(colon + 1);
    if (port == "80" || port == "443") port = {};
  }
  [[nodiscard]] bool same(const Authority& other) const {
    return port == other.port && equal_ignoring_case(host, other.host);
  }
};

void check_authority(std::string_view text, const UrlSpace& space, std::string_view host) {
  if (text.find('@') != std::string_view::npos) refuse("The URL has user information.");
  const Authority authority(text);
  if (!valid_host(authority.host) || !valid_port(authority.port))
    refuse("The URL's authority is malformed.");
  if (authority.same(Authority(host))) return;
  for (const std::string& own : space.authorities)
    if (authority.same(Authority(own))) return;
  throw Error(502, "The URL names another server.");
}

bool valid_scheme(std::string_view scheme) {
  if (scheme.empty() || !is_alphanumeric(scheme[0]) || scheme[0] <= '9') return false;
  return std::all_of(scheme.begin(), scheme.end(),
                     [](char c) { return is_alphanumeric(c) || c == '+' || c == '-' || c == '.'; });
}

// The path component of a URL in absolute-form whose authority is ours.
std::string_view path_of_absolute(std::string_view text, const UrlSpace& space,
                                  std::string_view host) {
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos || !valid_scheme(text.substr(0, colon)) ||
      text.substr(colon, 3) != "://")
    refuse("The URL is neither an absolute path nor an absolute URL.");
  const std::string_view scheme = text.substr(0, colon);
  text.remove_prefix(colon + 3);
  const std::size_t slash = std::min(text.find('/'), text.size());
  if (!equal_ignoring_case(scheme, "http") && !equal_ignoring_case(scheme, "https"))
    throw Error(502, "The URL's scheme is neither http nor https.");
  check_authority(text.substr(0, slash), space, host);
  return text.substr(slash);
}

Target parse(std::string_view text, const UrlSpace& space, std::string_view host,
             Spelling spelling) {
  for (const char c : text) {
    if (byte(c) < 0x20 || byte(c) == 0x7F) refuse("The URL has a control character.");
    if (c == '#') refuse("The URL has a fragment.");
    if (spelling == Spelling::strict && (c == ' ' || byte(c) >= 0x80))
      refuse("The URL has a character that must be percent-encoded.");
  }
  std::string_view path = text.substr(0, text.find('?'));
  if (path.empty()) refuse("The URL is empty.");
  if (path.front() != '/') path = path_of_absolute(path, space, host);
  if (path.empty()) path = "/";

  Target target;
  target.trailing_slash = path.back() == '/';
  std::vector<std::string> segments = decode_path(path);
  const std::size_t shared = std::min(segments.size(), space.prefix.size());
  if (!std::equal(segments.begin(), segments.begin() + static_cast<std::ptrdiff_t>(shared),
                  space.prefix.begin()))
    throw Error(404, "The URL is outside this server's prefix.");
  target.spelling = path;
  if (shared < space.prefix.size()) {
    target.above_prefix = true;
    target.ancestor_depth = shared;
    return target;
  }
  segments.erase(segments.begin(), segments.begin() + static_cast<std::ptrdiff_t>(shared));
  for (const std::string& segment : segments)
    if (segment.size() > space.limits.segment_bytes) refuse("A segment of the URL is too long.");
  target.path = storage::Path(std::move(segments));
  if (target.path.bytes() > space.limits.path_bytes)
    throw Error(414, "The URL's path is too long.");
  if (target.path.depth() > space.limits.depth)
    throw Error(403, "The URL's path has too many segments.");
  return target;
}

}  // namespace

std::vector<std::string> parse_prefix(std::string_view text) {
  if (text.empty() || text.front() != '/')
    throw std::invalid_argument("The prefix must begin with a slash.");
  if (text.find_first_of("?# ") != std::string_view::npos)
    throw std::invalid_argument("The prefix must be a path without query, fragment or spaces.");
  try {
    return decode_path(text);
  } catch (const Error& error) {
    throw std::invalid_argument("The prefix is not a valid path: " + error.detail);
  }
}

Target parse_url(std::string_view text, const UrlSpace& space, std::string_view host) {
  return parse(text, space, host, Spelling::strict);
}

Target parse_reference(std::string_view text, const UrlSpace& space, std::string_view host) {
  try {
    Target target = parse(text, space, host, Spelling::tolerant);
    if (!target.above_prefix) return target;
  } catch (const Error& error) {
    if (error.status != 404) throw;
  }
  throw Error(502, "The URL is outside this server's prefix.");
}

void append_encoded_segment(std::string& out, std::string_view segment) {
  for (const char c : segment) {
    if (kPlainInSegment[byte(c)]) {
      out += c;
    } else {
      append_escape(out, c);
    }
  }
}

std::string encode_segment(std::string_view segment) {
  std::string out;
  out.reserve(segment.size() + segment.size() / 2);
  append_encoded_segment(out, segment);
  return out;
}

std::string href(std::string_view requested, std::span<const std::string> segments,
                 bool collection) {
  std::string out;
  out.reserve(requested.size() + segments.size() * 24 + 2);
  for (std::size_t i = 0; i < requested.size(); ++i) {
    const char c = requested[i];
    const bool escape = c == '%' && i + 2 < requested.size() && hex_value(requested[i + 1]) >= 0 &&
                        hex_value(requested[i + 2]) >= 0;
    if (escape || kPlainInSpelling[byte(c)]) {
      out += c;
    } else {
      append_escape(out, c);
    }
  }
  if (segments.empty()) {
    if (!collection)
      while (out.size() > 1 && out.back() == '/') out.pop_back();
  } else {
    for (const std::string& segment : segments) {
      if (out.empty() || out.back() != '/') out += '/';
      append_encoded_segment(out, segment);
    }
  }
  if (out.empty() || (collection && out.back() != '/')) out += '/';
  return out;
}

std::string href(const UrlSpace& space, const storage::Path& path, bool collection) {
  std::string out;
  for (const std::string& segment : space.prefix) append_encoded_segment(out += '/', segment);
  for (const std::string& segment : path.segments()) append_encoded_segment(out += '/', segment);
  if (out.empty() || collection) out += '/';
  return out;
}

bool valid_utf8(std::string_view text) {
  std::size_t i = 0;
  while (i < text.size()) {
    if (text.size() - i >= 8) {
      std::uint64_t eight = 0;
      std::memcpy(&eight, text.data() + i, 8);
      if ((eight & 0x8080808080808080U) == 0) {
        i += 8;
        continue;
      }
    }
    const std::uint8_t first = byte(text[i]);
    if (first < 0x80) {
      ++i;
      continue;
    }
    // The range of the second byte excludes overlong forms, surrogates and what exceeds U+10FFFF.
    std::size_t length = 0;
    std::uint8_t low = 0x80;
    std::uint8_t high = 0xBF;
    if (first >= 0xC2 && first <= 0xDF) {
      length = 2;
    } else if (first >= 0xE0 && first <= 0xEF) {
      length = 3;
      if (first == 0xE0) low = 0xA0;
      if (first == 0xED) high = 0x9F;
    } else if (first >= 0xF0 && first <= 0xF4) {
      length = 4;
      if (first == 0xF0) low = 0x90;
      if (first == 0xF4) high = 0x8F;
    } else {
      return false;
    }
    if (text.size() - i < length) return false;
    if (byte(text[i + 1]) < low || byte(text[i + 1]) > high) return false;
    for (std::size_t k = 2; k < length; ++k)
      if ((byte(text[i + k]) & 0xC0) != 0x80) return false;
    i += length;
  }
  return true;
}

}  // namespace holdfast::dav
