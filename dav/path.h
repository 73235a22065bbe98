// Between URL text and storage::Path (RFC 3986 §3.3, docs/robustness.md#paths-and-names). The same
// function serves Request-URI, Destination, If tags and hrefs in bodies: split on "/" before
// decoding, decode each segment once, refuse what is not plain UTF-8 text, merge empty segments. No
// I/O, any thread.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "dav/error.h"
#include "http/origin.h"
#include "storage/model.h"

namespace holdfast::dav {

// How long a path may be, decoded and without the prefix (docs/operations.md#settings).
struct PathLimits {
  std::size_t segment_bytes = 255;  // 400
  std::size_t path_bytes = 4096;    // with a slash before each segment; 414
  std::size_t depth = 256;          // segments; 403
};

// The part of the URL space that is ours.
struct UrlSpace {
  std::vector<std::string> prefix;  // decoded segments; empty when mounted at "/"
  // What this server is besides the host that was asked for (--public-url).
  std::vector<http::Origin> origins;
  PathLimits limits{};
};

// "/dav/x" → {"dav", "x"}. Throws std::invalid_argument with one sentence when it is not an
// absolute path that could be a prefix.
[[nodiscard]] std::vector<std::string> parse_prefix(std::string_view text);

// A URL inside (or just above) our space.
struct Target {
  storage::Path path;  // below the prefix
  bool trailing_slash = false;
  // The path component exactly as the client spelt it, prefix included, without query. Starts with
  // "/".
  std::string spelling;
  // The URL names a proper ancestor of the prefix: not in the namespace, answers OPTIONS and
  // PROPFIND only. Then `path` is empty and `ancestor_depth` says how many prefix segments it has.
  bool above_prefix = false;
  std::size_t ancestor_depth = 0;
};

// Parses a request target in origin-form or absolute-form, or an href. `host` is the one that the
// client asked for. An absolute form must name it or one of the space's origins, as http/origin.h
// compares; whether under http or https does not matter, because TLS may end before us. Throws
// Error 400 (bad escape, bad UTF-8, dot segment, encoded slash, control character, segment too
// long), 414 (path too long), 403 (too deep), 404 (outside the prefix), 502 (another authority).
[[nodiscard]] Target parse_url(std::string_view text, const UrlSpace& space, std::string_view host);

// parse_url for a Destination or If tag: also tolerates raw UTF-8 and spaces (docs/clients.md R23),
// drops user information, and compares the hosts alone when the reference or `host` names no port.
// Outside the prefix is 502 here, its ancestors included. A fragment is 400, and so is a query: who
// does not escape a name with "?" means another resource than the one before it.
[[nodiscard]] Target parse_reference(std::string_view text, const UrlSpace& space,
                                     std::string_view host);

// One segment percent-encoded: everything but unreserved characters (RFC 3986 §2.3) and
// "!$&'()*+,;=:@" minus the ones XML or HTML would need escaped ("&" and "'").
[[nodiscard]] std::string encode_segment(std::string_view segment);
void append_encoded_segment(std::string& out, std::string_view segment);

// The href of a member: `requested` as the client spelt the collection (a missing final slash is
// added when members follow), then the encoded segments, then "/" for a collection. With no
// segments: `requested` itself, with or without its final slash as `collection` asks
// (docs/clients.md R9, R10). Characters in `requested` that XML must escape are percent-encoded.
[[nodiscard]] std::string href(std::string_view requested, std::span<const std::string> segments,
                               bool collection);
// The canonical href of a stored path: prefix and encoded segments.
[[nodiscard]] std::string href(const UrlSpace& space, const storage::Path& path, bool collection);

}  // namespace holdfast::dav
