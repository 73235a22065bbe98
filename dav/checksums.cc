// The checksum fields of dav/headers.h and the codes they are written in (RFC 4648, RFC 9530).
#include <algorithm>
#include <cstdint>

#include "dav/headers.h"

namespace holdfast::dav {
namespace {

constexpr std::string_view kBase64 =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// True when `text` is exactly `out.size()` bytes in hex.
bool decode_hex(std::string_view text, std::span<std::uint8_t> out) {
  if (text.size() != out.size() * 2) return false;
  for (std::size_t i = 0; i < out.size(); ++i) {
    const int high = hex_value(text[i * 2]);
    const int low = hex_value(text[i * 2 + 1]);
    if (high < 0 || low < 0) return false;
    out[i] = static_cast<std::uint8_t>(high * 16 + low);
  }
  return true;
}

// True when `text` is exactly `out.size()` bytes in padded base64.
bool decode_base64(std::string_view text, std::span<std::uint8_t> out) {
  const std::size_t padding = (3 - out.size() % 3) % 3;
  if (text.size() != (out.size() + 2) / 3 * 4) return false;
  if (text.substr(text.size() - padding) != std::string_view("==").substr(0, padding)) return false;
  text.remove_suffix(padding);
  std::uint32_t bits = 0;
  int count = 0;
  std::size_t done = 0;
  for (const char c : text) {
    const std::size_t value = kBase64.find(c);
    if (value == std::string_view::npos) return false;
    bits = (bits << 6 | static_cast<std::uint32_t>(value)) & 0xFFFFFF;
    count += 6;
    if (count < 8) continue;
    count -= 8;
    out[done++] = static_cast<std::uint8_t>(bits >> count & 0xFF);
  }
  return done == out.size() && (bits & ((1U << count) - 1)) == 0;
}

template <class Digest, class Decode>
void expect(std::optional<Digest>& expected, std::string_view text, Decode decode,
            std::string_view field) {
  Digest digest{};
  if (!decode(text, digest)) throw Error(400, std::string(field) + " has a malformed checksum.");
  if (expected && *expected != digest)
    throw Error(400, std::string(field) + " contradicts another checksum of the request.");
  expected = digest;
}

// OC-Checksum: "SHA1:hex", several separated by spaces.
void read_oc_checksum(std::string_view text, ExpectedChecksums& expected) {
  while (!text.empty()) {
    const std::size_t end = std::min(text.find_first_of(" \t,"), text.size());
    const std::string_view entry = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    const std::size_t colon = entry.find(':');
    if (colon == std::string_view::npos) continue;
    const std::string_view algorithm = entry.substr(0, colon);
    const std::string_view value = entry.substr(colon + 1);
    if (equal_ignoring_case(algorithm, "SHA256")) {
      expect(expected.sha256, value, decode_hex, "OC-Checksum");
    } else if (equal_ignoring_case(algorithm, "SHA1")) {
      expect(expected.sha1, value, decode_hex, "OC-Checksum");
    } else if (equal_ignoring_case(algorithm, "MD5")) {
      expect(expected.md5, value, decode_hex, "OC-Checksum");
    }
  }
}

// Repr-Digest, Content-Digest: a dictionary, "sha-256=:base64:, …".
void read_digest(std::string_view text, std::string_view field, ExpectedChecksums& expected) {
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(','), text.size());
    const std::string_view member = trimmed(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    const std::size_t equals = member.find('=');
    if (member.substr(0, std::min(equals, member.find(';'))) != "sha-256") continue;
    std::string_view value =
        equals == std::string_view::npos ? std::string_view() : member.substr(equals + 1);
    value = trimmed(value.substr(0, value.find(';')));
    if (value.size() < 2 || value.front() != ':' || value.back() != ':')
      throw Error(400, std::string(field) + " has a malformed checksum.");
    expect(expected.sha256, value.substr(1, value.size() - 2), decode_base64, field);
  }
}

}  // namespace

ExpectedChecksums parse_checksums(const Fields& fields) {
  ExpectedChecksums expected;
  if (const auto value = fields.joined("OC-Checksum")) read_oc_checksum(*value, expected);
  if (const auto value = fields.joined("Content-MD5"))
    expect(expected.md5, *value, decode_base64, "Content-MD5");
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
  if (checksums.sha1) return "SHA1:" + hex(*checksums.sha1);
  if (checksums.md5) return "MD5:" + hex(*checksums.md5);
  return "SHA256:" + hex(checksums.sha256);
}

void ExpectedChecksums::verify(const storage::Checksums& actual) const {
  if (sha256 && *sha256 != actual.sha256)
    throw Error(400, "The body's SHA-256 differs from the one announced.");
  if (sha1 && actual.sha1 != sha1)
    throw Error(400, "The body's SHA-1 differs from the one announced.");
  if (md5 && actual.md5 != md5) throw Error(400, "The body's MD5 differs from the one announced.");
}

std::string hex(std::span<const std::uint8_t> bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string out;
  out.reserve(bytes.size() * 2);
  for (const std::uint8_t b : bytes) {
    out += kDigits[b >> 4];
    out += kDigits[b & 15];
  }
  return out;
}

std::string base64(std::span<const std::uint8_t> bytes) {
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const std::size_t count = std::min<std::size_t>(3, bytes.size() - i);
    std::uint32_t bits = 0;
    for (std::size_t k = 0; k < 3; ++k)
      bits = bits << 8 | (k < count ? bytes[i + k] : std::uint32_t{0});
    for (std::size_t k = 0; k < 4; ++k)
      out += k <= count ? kBase64[bits >> (18 - 6 * k) & 63] : '=';
  }
  return out;
}

}  // namespace holdfast::dav
