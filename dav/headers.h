// The request header fields of RFC 4918 §10, and those of sync clients, as values; http/ parses
// those of RFC 9110. Pure functions; any thread.
// A malformed field throws Error 400 unless a comment says otherwise.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "dav/error.h"
#include "dav/message.h"
#include "storage/content.h"
#include "storage/model.h"

namespace holdfast::dav {

// Parses Depth (RFC 4918 §10.2), case-insensitive. Returns nullopt when absent. Throws Error 400
// for anything else, or for two that differ.
[[nodiscard]] std::optional<storage::Depth> parse_depth(const Fields& fields);

// Parses Overwrite (RFC 4918 §10.6). Returns true for T and when absent. Throws Error 400 for
// anything but T or F (any case), or for two that differ.
[[nodiscard]] bool parse_overwrite(const Fields& fields);

// Parses Timeout (RFC 4918 §10.7). Returns the first alternative understood, in seconds, clamped to
// 1 and `maximum_s`; returns `maximum_s` for "Infinite", or when the field is absent or not
// understood. It never fails.
[[nodiscard]] std::int64_t parse_timeout(const Fields& fields, std::int64_t maximum_s);

// Parses Lock-Token (RFC 4918 §10.5). Returns the state token without its brackets, which some
// clients leave out (docs/clients.md R71); nullopt when absent. Throws Error 400 when it is empty,
// sent twice, or not an absolute URI.
[[nodiscard]] std::optional<std::string> parse_lock_token(const Fields& fields);

// Checksums that a client sends for a body: OC-Checksum (SHA1:, MD5:, SHA256:; hex), Content-MD5
// (base64), Repr-Digest and Content-Digest (RFC 9530, sha-256). Unknown algorithms are ignored; a
// known one with a malformed value is 400.
struct ExpectedChecksums {
  std::optional<storage::Sha256> sha256;
  std::optional<storage::Sha1> sha1;
  std::optional<storage::Md5> md5;
  [[nodiscard]] storage::Digests digests() const {
    return {.sha1 = sha1.has_value(), .md5 = md5.has_value()};
  }
  [[nodiscard]] bool any() const { return sha256 || sha1 || md5; }
  // Throws Error 400 that names the checksum that differs.
  void verify(const storage::Checksums& actual) const;
  // Returns true when a known checksum of the content differs.
  [[nodiscard]] bool contradicts(const storage::Checksums& actual) const;
};
[[nodiscard]] ExpectedChecksums parse_checksums(const Fields& fields);
// Parses the value of OC-Checksum, or the text inside {http://owncloud.org/ns}checksum. Throws
// Error 400 as parse_checksums does.
[[nodiscard]] ExpectedChecksums parse_oc_checksum(std::string_view text);
// Returns one entry for a response's OC-Checksum, because older clients read only one: the SHA-1 or
// MD5 if it was computed, else the SHA-256.
[[nodiscard]] std::string oc_checksum(const storage::Checksums& checksums);

// Parses X-OC-Mtime: Unix seconds, before 1970 when negative, rounded down. Returns nullopt when it
// is absent, not a number, or out of the range of dates.
[[nodiscard]] std::optional<storage::Millis> parse_oc_mtime(const Fields& fields);

// Returns true for scheme ":" and at least one more character, all of them visible ASCII without <
// > and ".
[[nodiscard]] bool is_absolute_uri(std::string_view text);

}  // namespace holdfast::dav
