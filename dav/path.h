// Converts between URL text and storage::Path (RFC 3986 §3.3, docs/robustness.md#paths-and-names).
// Request-URI, Destination, If tags and hrefs in bodies are parsed alike: the path is split on "/"
// before decoding, each segment is decoded once, what is not plain UTF-8 text is refused, and empty
// segments are merged. No I/O, any thread.
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

// Limits of a path, decoded and without the prefix (docs/operations.md#settings).
struct PathLimits {
  std::size_t segment_bytes = 255;  // 400
  std::size_t path_bytes = 4096;    // with a slash before each segment; 414
  std::size_t depth = 256;          // segments; 403
};

// The part of the URL space that this server serves.
struct UrlSpace {
  std::vector<std::string> prefix;  // decoded segments; empty when mounted at "/"
  // Origins of this server besides the host of the request (--public-url).
  std::vector<http::Origin> origins;
  PathLimits limits{};
  // For a link to a collection: the prefix, whose last segment then is the link's, stands for `base`
  // and not for the root. Nothing outside of it has a URL.
  bool link = false;
  storage::Path base{};
};

// Parses "/dav/x" into {"dav", "x"}. Throws std::invalid_argument with one sentence when the text
// is not an absolute path that could be a prefix.
[[nodiscard]] std::vector<std::string> parse_prefix(std::string_view text);

// A URL inside the server's URL space, or above its prefix.
struct Target {
  storage::Path path;  // below the prefix
  bool trailing_slash = false;
  // The path component exactly as the client spelt it, prefix included, without query. Starts with
  // "/".
  std::string spelling;
  // True when the URL names a proper ancestor of the prefix, which is not in the namespace and
  // answers OPTIONS and PROPFIND only. Then `path` is empty and `ancestor_depth` says how many
  // prefix segments it has.
  bool above_prefix = false;
  std::size_t ancestor_depth = 0;
};

// Parses a request target in origin-form or absolute-form, or an href. `host` is the host of the
// request. Raw UTF-8 counts as if it were encoded. An absolute form must name `host` or one of the
// space's origins, as http/origin.h compares; http and https are not distinguished, because TLS may
// end at a proxy. Throws Error 400 (bad escape, bad UTF-8, dot segment, encoded slash or NUL, raw
// control character or space, segment too long), 414 (path too long), 403 (too deep), 404 (outside
// the prefix), 502 (another authority).
[[nodiscard]] Target parse_url(std::string_view text, const UrlSpace& space, std::string_view host);

// Does what parse_url does, for a Destination or If tag. It also accepts spaces (docs/clients.md
// R23), drops user information, and compares only the hosts when the reference or `host` has no
// port. A URL outside the prefix, its ancestors included, is 502 here. A fragment is 400, and so is
// a query: a client that does not escape a name with "?" means another resource than the path
// before the "?".
[[nodiscard]] Target parse_reference(std::string_view text, const UrlSpace& space,
                                     std::string_view host);

// Percent-encodes one segment: everything but unreserved characters (RFC 3986 §2.3) and
// "!$()*+,;=:@". "&" and "'" are encoded too, because XML and HTML would need them escaped.
[[nodiscard]] std::string encode_segment(std::string_view segment);
void append_encoded_segment(std::string& out, std::string_view segment);

// Returns the href of a member: `requested` as the client spelt the collection (a missing final
// slash is added when segments follow), then the encoded segments, then "/" for a collection.
// Without segments it is `requested` itself, with or without its final slash as `collection` says
// (docs/clients.md R9, R10). It begins with one slash, whatever the client spelt. Characters in
// `requested` that XML must escape are percent-encoded.
[[nodiscard]] std::string href(std::string_view requested, std::span<const std::string> segments,
                               bool collection);
// Returns the canonical href of a stored path: prefix and encoded segments. In the space of a link,
// a path outside of its collection, such as the root, has the href of the root, without the link.
[[nodiscard]] std::string href(const UrlSpace& space, const storage::Path& path, bool collection);

}  // namespace holdfast::dav
