// The request header fields of RFC 4918 §10 and RFC 9110 as values. Pure functions, any thread.
// A field that cannot be understood throws Error 400 unless said otherwise.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "dav/error.h"
#include "dav/http.h"
#include "storage/content.h"
#include "storage/model.h"

namespace holdfast::dav {

// Depth (RFC 4918 §10.2), case-insensitive; nullopt when absent. 400 for anything else or twice.
[[nodiscard]] std::optional<storage::Depth> parse_depth(const Fields& fields);

// Overwrite (§10.6): true for T and when absent; 400 for anything but T or F (any case).
[[nodiscard]] bool parse_overwrite(const Fields& fields);

// Timeout (§10.7): the first alternative understood, in seconds, clamped to `maximum_s`;
// "Infinite", absent or nothing understood: `maximum_s`. Never fails; "Second-0" gives 1.
[[nodiscard]] std::int64_t parse_timeout(const Fields& fields, std::int64_t maximum_s);

// Lock-Token (§10.5): the state token without its brackets, which some clients leave out
// (docs/clients.md R71). nullopt when absent. 400 when empty, twice, or not an absolute URI.
[[nodiscard]] std::optional<std::string> parse_lock_token(const Fields& fields);

// HTTP-date (RFC 9110 §5.6.7): IMF-fixdate written, all three forms read; nullopt when malformed.
// Seconds since 1970. `now` only places the two-digit years of the obsolete RFC 850 form; without
// it the system's clock does.
[[nodiscard]] std::optional<std::int64_t> parse_http_date(std::string_view text);
[[nodiscard]] std::optional<std::int64_t> parse_http_date(std::string_view text, std::int64_t now);
// Times outside the years 0 to 9999 are written as the nearest that can be.
[[nodiscard]] std::string format_http_date(std::int64_t seconds);
// The Last-Modified of a resource with this modification date, in an answer that is made now: never
// later than its Date (RFC 9110 §8.8.2.1).
[[nodiscard]] std::string last_modified(storage::Millis modified, storage::Millis now);
// RFC 3339 with Z, for DAV:creationdate.
[[nodiscard]] std::string format_rfc3339(std::int64_t seconds);

// A list of entity tags (RFC 9110 §8.8.3, §13.1.1).
struct EntityTagList {
  bool any = false;        // "*"
  bool malformed = false;  // could not be parsed (Joplin's If-None-Match, docs/clients.md R34)
  struct Tag {
    bool weak = false;
    std::string opaque;  // without quotes
  };
  std::vector<Tag> tags;
  // Strong and weak comparison (§8.8.3.2) with a strong tag of ours; "*" matches always.
  [[nodiscard]] bool matches_strongly(std::string_view opaque) const;
  [[nodiscard]] bool matches_weakly(std::string_view opaque) const;
};
[[nodiscard]] EntityTagList parse_entity_tags(std::string_view text);

// One resolved byte range: offset and length inside the content; length > 0.
struct ByteRange {
  std::uint64_t offset = 0;
  std::uint64_t length = 0;
};
// Range (RFC 9110 §14.2) against a content of `size` bytes.
struct Ranges {
  enum class Kind {
    whole,          // no usable Range: send everything with 200
    some,           // 206 with `ranges` (one or more, in the order asked)
    unsatisfiable,  // 416
  };
  Kind kind = Kind::whole;
  std::vector<ByteRange> ranges;
};
inline constexpr std::size_t kRangeSpecLimit = 16;  // unless an option says otherwise
// More than `spec_limit` specs, overlapping ranges that add up to more than `size`, another unit,
// several Range fields, bad syntax or an empty content: whole. No number overflows.
[[nodiscard]] Ranges parse_range(const Fields& fields, std::uint64_t size,
                                 std::size_t spec_limit = kRangeSpecLimit);

// Checksums announced for a body: OC-Checksum (SHA1:, MD5:, SHA256:; hex), Content-MD5 (base64),
// Repr-Digest and Content-Digest (RFC 9530, sha-256). Unknown algorithms are ignored; a known one
// with a malformed value is 400.
struct ExpectedChecksums {
  std::optional<storage::Sha256> sha256;
  std::optional<storage::Sha1> sha1;
  std::optional<storage::Md5> md5;
  [[nodiscard]] storage::Digests digests() const {
    return {.sha1 = sha1.has_value(), .md5 = md5.has_value()};
  }
  [[nodiscard]] bool any() const { return sha256 || sha1 || md5; }
  // Throws Error 400 naming the checksum that differs.
  void verify(const storage::Checksums& actual) const;
  // True when a known checksum of the content differs; one that is not known cannot.
  [[nodiscard]] bool contradicts(const storage::Checksums& actual) const;
};
[[nodiscard]] ExpectedChecksums parse_checksums(const Fields& fields);
// The value of OC-Checksum, or the text inside {http://owncloud.org/ns}checksum. Throws Error 400
// as parse_checksums.
[[nodiscard]] ExpectedChecksums parse_oc_checksum(std::string_view text);
// One entry for an answer's OC-Checksum, in which older clients read but one: the SHA-1 or MD5 that
// somebody wanted, else the SHA-256.
[[nodiscard]] std::string oc_checksum(const storage::Checksums& checksums);

// X-OC-Mtime: Unix seconds (fraction dropped); nullopt when absent or not a number.
[[nodiscard]] std::optional<storage::Millis> parse_oc_mtime(const Fields& fields);

// True when Accept names application/json or application/problem+json with a higher weight than XML
// and "*/*" (docs/conflicts.md).
[[nodiscard]] bool prefers_json(const Fields& fields);

// scheme ":" and at least one more character, all of them visible ASCII without < > and ".
[[nodiscard]] bool is_absolute_uri(std::string_view text);

// Unsigned decimal digits only, no sign, no overflow.
[[nodiscard]] std::optional<std::uint64_t> parse_decimal(std::string_view text);

[[nodiscard]] std::string hex(std::span<const std::uint8_t> bytes);
[[nodiscard]] std::string base64(std::span<const std::uint8_t> bytes);

}  // namespace holdfast::dav
