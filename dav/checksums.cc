// Parses the checksum fields of dav/headers.h.
#include <algorithm>

#include "dav/headers.h"
#include "text/ascii.h"
#include "text/base64.h"
#include "text/hex.h"

namespace holdfast::dav {
namespace {

using text::trimmed;

template <class Digest, class Decode>
void expect(std::optional<Digest>& expected, std::string_view text, Decode decode,
            std::string_view field) {
  Digest digest{};
  if (!decode(text, digest)) throw Error(400, std::string(field) + " has a malformed checksum.");
  if (expected && *expected != digest)
    throw Error(400, std::string(field) + " contradicts another checksum of the request.");
  expected = digest;
}

// Reads OC-Checksum: "SHA1:hex", several separated by spaces.
void read_oc_checksum(std::string_view text, ExpectedChecksums& expected) {
  while (!text.empty()) {
    const std::size_t end = std::min(text.find_first_of(" \t,"), text.size());
    const std::string_view entry = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    const std::size_t colon = entry.find(':');
    if (colon == std::string_view::npos) continue;
    const std::string_view algorithm = entry.substr(0, colon);
    const std::string_view value = entry.substr(colon + 1);
    if (text::equal_ignoring_case(algorithm, "SHA256")) {
      expect(expected.sha256, value, text::decode_hex, "OC-Checksum");
    } else if (text::equal_ignoring_case(algorithm, "SHA1")) {
      expect(expected.sha1, value, text::decode_hex, "OC-Checksum");
    } else if (text::equal_ignoring_case(algorithm, "MD5")) {
      expect(expected.md5, value, text::decode_hex, "OC-Checksum");
    }
  }
}

// Reads Repr-Digest and Content-Digest: a dictionary, "sha-256=:base64:, …".
void read_digest(std::string_view text, std::string_view field, ExpectedChecksums& expected) {
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(','), text.size());
    const std::string_view member = text::trimmed(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    const std::size_t equals = member.find('=');
    if (member.substr(0, std::min(equals, member.find(';'))) != "sha-256") continue;
    std::string_view value =
        equals == std::string_view::npos ? std::string_view() : member.substr(equals + 1);
    value = text::trimmed(value.substr(0, value.find(';')));
    if (value.size() < 2 || value.front() != ':' || value.back() != ':')
      throw Error(400, std::string(field) + " has a malformed checksum.");
    expect(expected.sha256, value.substr(1, value.size() - 2), text::decode_base64, field);
  }
}

}  // namespace

ExpectedChecksums parse_checksums(const Fields& fields) {
  ExpectedChecksums expected;
  if (const auto value = fields.joined("OC-Checksum")) read_oc_checksum(*value, expected);
  // The value is base64 by the standard, and hex from some clients. No value is valid in both
  // forms.
  if (const auto value = fields.joined("Content-MD5"); value && !trimmed(*value).empty()) {
    const std::string_view text = trimmed(*value);
    if (text.size() == 2 * storage::Md5().size()) {
      expect(expected.md5, text, text::decode_hex, "Content-MD5");
    } else {
      expect(expected.md5, text, text::decode_base64, "Content-MD5");
    }
  }
  for (const std::string_view field : {"Repr-Digest", "Content-Digest"})
    if (const auto value = fields.joined(field)) read_digest(*value, field, expected);
  return expected;
}

ExpectedChecksums parse_oc_checksum(std::string_view text) {
  ExpectedChecksums expected;
  read_oc_checksum(text, expected);
  return expected;
}

bool ExpectedChecksums::contradicts(const storage::Checksums& actual) const {
  return (sha256 && *sha256 != actual.sha256) || (sha1 && actual.sha1 && *sha1 != *actual.sha1) ||
         (md5 && actual.md5 && *md5 != *actual.md5);
}

std::string oc_checksum(const storage::Checksums& checksums) {
  if (checksums.sha1) return "SHA1:" + text::hex(*checksums.sha1);
  if (checksums.md5) return "MD5:" + text::hex(*checksums.md5);
  return "SHA256:" + text::hex(checksums.sha256);
}

void ExpectedChecksums::verify(const storage::Checksums& actual) const {
  if (sha256 && *sha256 != actual.sha256)
    throw Error(400, "The body's SHA-256 differs from the one announced.");
  if (sha1 && actual.sha1 != sha1)
    throw Error(400, "The body's SHA-1 differs from the one announced.");
  if (md5 && actual.md5 != md5) throw Error(400, "The body's MD5 differs from the one announced.");
}

}  // namespace holdfast::dav
