// The request header fields of RFC 4918 §10, and those of sync clients, as values; http/ has those
// of RFC 9110. Pure functions; any thread.
// A field that cannot be understood throws Error 400 unless said otherwise.
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

// Depth (RFC 4918 §10.2), case-insensitive; nullopt when absent. 400 for anything else, or for two
// that differ.
[[nodiscard]] std::optional<storage::Depth> parse_depth(const Fields& fields);

// Overwrite (§10.6): true for T and when absent; 400 for anything but T or F (any case), or for
// two that differ.
[[nodiscard]] bool parse_overwrite(const Fields& fields);

// Timeout (§10.7): the first alternative understood, in seconds, clamped to `maximum_s`;
// "Infinite", absent or nothing understood: `maximum_s`. Never fails; "Second-0" gives 1.
[[nodiscard]] std::int64_t parse_timeout(const Fields& fields, std::int64_t maximum_s);

// Lock-Token (§10.5): the state token without its brackets, which some clients leave out
// (docs/clients.md R71). nullopt when absent. 400 when empty, twice, or not an absolute URI.
[[nodiscard]] std::optional<std::string> parse_lock_token(const Fields& fields);

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

// X-OC-Mtime: Unix seconds, before 1970 when negative, rounded down; nullopt when absent or not a
// number that a date can have.
[[nodiscard]] std::optional<storage::Millis> parse_oc_mtime(const Fields& fields);

// scheme ":" and at least one more character, all of them visible ASCII without < > and ".
[[nodiscard]] bool is_absolute_uri(std::string_view text);

}  // namespace holdfast::dav
