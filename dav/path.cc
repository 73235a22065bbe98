#include "dav/path.h"

#include <algorithm>
#include <stdexcept>

#include "text/ascii.h"
#include "text/percent.h"
#include "text/utf8.h"

namespace holdfast::dav {
namespace {

enum class Spelling { strict, tolerant };

// The bytes that a written segment has without encoding: pchar without "%", "&" and "'".
constexpr auto kPlainInSegment = text::ByteSet::alphanumeric_and("-._~!$()*+,;=:@");
// The bytes that stay in the client's own spelling of a path; "%" begins an escape there.
constexpr auto kPlainInSpelling = text::ByteSet::alphanumeric_and("-._~!$()*+,;=:@/'");

[[noreturn]] void refuse(const char* why) { throw Error(400, why); }

// Decodes one raw segment once and checks it (docs/robustness.md#paths-and-names).
std::string decode_segment(std::string_view raw) {
  std::string segment;
  segment.reserve(raw.size());
  for (std::size_t i = 0; i < raw.size(); ++i) {
    char c = raw[i];
    if (c == '%') {
      const int escaped = text::escaped_byte(raw, i);
      if (escaped < 0) refuse("A percent sign in the URL is not followed by two hex digits.");
      c = static_cast<char>(escaped);
      i += 2;
      if (c == '/') refuse("The URL has an encoded slash inside a segment.");
      if (c == '\0') refuse("The URL has a NUL.");
    } else if (text::is_control(c)) {
      refuse("The URL has a control character that is not percent-encoded.");
    }
    segment += c;
  }
  if (segment == "." || segment == "..") refuse("The URL has a dot segment.");
  if (!text::valid_utf8(segment)) refuse("A segment of the URL is not valid UTF-8.");
  return segment;
}

// Returns the non-empty segments of an absolute path, decoded.
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

// Returns the authority without user information, which does not identify the server.
std::string_view without_user(std::string_view authority) {
  const std::size_t at = authority.find('@');
  if (at == std::string_view::npos) return authority;
  if (!http::is_user_information(authority.substr(0, at)))
    refuse("The URL's user information is malformed.");
  return authority.substr(at + 1);
}

// Returns true when a reference to `named` means the host `asked` of the request. A proxy may leave
// the port out of Host, and a client out of its references, so the ports count only when both have
// one.
bool is_asked(const http::Authority& named, const http::Authority& asked, http::Scheme scheme,
              Spelling spelling) {
  if (spelling == Spelling::tolerant && (!named.port || !asked.port))
    return http::same_host(named.host, asked.host);
  return named.is(asked, scheme);
}

// Refuses an authority that is malformed or names another server.
void check_authority(std::string_view text, http::Scheme scheme, const UrlSpace& space,
                     std::string_view host, Spelling spelling) {
  if (spelling == Spelling::tolerant) text = without_user(text);
  if (text.find('@') != std::string_view::npos) refuse("The URL has user information.");
  const auto named = http::Authority::parse(text);
  if (!named) refuse("The URL's authority is malformed.");
  const auto asked = http::Authority::parse(host);
  if (asked && is_asked(*named, *asked, scheme, spelling)) return;
  for (const http::Origin& own : space.origins)
    if (named->is(own.authority(), scheme)) return;
  throw Error(502, "The URL names another server.");
}

// Returns the path component of a URL in absolute-form; refuses one that names another server.
std::string_view path_of_absolute(std::string_view text, const UrlSpace& space,
                                  std::string_view host, Spelling spelling) {
  const auto url = http::split_absolute_form(text);
  if (!url) refuse("The URL is neither an absolute path nor an absolute URL.");
  const auto scheme = http::parse_scheme(url->scheme);
  if (!scheme) throw Error(502, "The URL's scheme is neither http nor https.");
  check_authority(url->authority, *scheme, space, host, spelling);
  return url->path;
}

Target parse(std::string_view text, const UrlSpace& space, std::string_view host,
             Spelling spelling) {
  for (const char c : text) {
    if (text::is_control(c)) refuse("The URL has a control character.");
    if (c == '#') refuse("The URL has a fragment.");
    if (c == '?' && spelling == Spelling::tolerant) refuse("The URL has a query.");
    if (spelling == Spelling::strict && c == ' ') refuse("The URL has a space.");
  }
  std::string_view path = text.substr(0, text.find('?'));
  if (path.empty()) refuse("The URL is empty.");
  if (path.front() != '/') path = path_of_absolute(path, space, host, spelling);
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
  if (space.link)
    segments.insert(segments.begin(), space.base.segments().begin(), space.base.segments().end());
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
  text::append_encoded(out, segment, kPlainInSegment);
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
  // Two slashes at the beginning would name a host (RFC 3986 §4.2).
  while (requested.starts_with("//")) requested.remove_prefix(1);
  for (std::size_t i = 0; i < requested.size(); ++i) {
    const char c = requested[i];
    if (kPlainInSpelling.has(c) || text::escaped_byte(requested, i) >= 0) {
      out += c;
    } else {
      text::append_escape(out, c);
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
  std::span<const std::string> prefix = space.prefix;
  std::span<const std::string> segments = path.segments();
  if (space.link) {
    const auto base = space.base.segments();
    if (segments.size() >= base.size() && std::ranges::equal(base, segments.first(base.size()))) {
      segments = segments.subspan(base.size());
    } else {
      prefix = prefix.first(prefix.size() - 1);
      segments = {};
      collection = true;
    }
  }
  for (const std::string& segment : prefix) append_encoded_segment(out += '/', segment);
  for (const std::string& segment : segments) append_encoded_segment(out += '/', segment);
  if (out.empty() || collection) out += '/';
  return out;
}

}  // namespace holdfast::dav
