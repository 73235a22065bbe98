// Secrets in the form in which the store keeps them: argon2id of passwords (libsodium), SHA-256 of
// device tokens, and the hashes for Digest (RFC 7616 §3.4.2). Any thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "storage/model.h"

namespace holdfast::server::auth {

// The realm of every challenge; Digest's stored secrets depend on it.
inline constexpr std::string_view kRealm = "Holdfast";

// Returns why a text, in NFC, is no new password, as a sentence; nullopt when it is one: 1 to 1024
// bytes of UTF-8 without control characters, which clients can send (RFC 7617 §2), and at least
// `least` code points.
[[nodiscard]] std::optional<std::string> why_no_password(std::string_view password,
                                                         std::size_t least);

// Returns argon2id with 19 MiB and two passes (about 20 ms) and a new salt, as libsodium writes it.
// Throws std::runtime_error without memory.
[[nodiscard]] std::string hash_password(std::string_view password);
// Takes as long as hash_password. Returns false at once for an empty `hash`; use `no_hash` to take
// the usual time. Throws std::bad_alloc without memory.
[[nodiscard]] bool verify_password(const std::string& hash, std::string_view password);
// Returns a hash that no password fits; verifying against it takes the usual time.
[[nodiscard]] const std::string& no_hash();

// The algorithms that the server offers for Digest (RFC 7616 §3.3).
struct DigestAlgorithms {
  bool sha256 = false;
  bool md5 = false;

  [[nodiscard]] bool any() const { return sha256 || md5; }
  friend bool operator==(const DigestAlgorithms&, const DigestAlgorithms&) = default;
};

// These return what the store keeps of a password for Digest: H(name ":" realm ":" password) in
// lower-case hex, of the UTF-8 text. When the text in ISO 8859-1 has other bytes, its hash follows
// behind a space, because clients without UTF-8 hash that.
[[nodiscard]] std::string digest_secrets_sha256(std::string_view name, std::string_view password);
[[nodiscard]] std::string digest_secrets_md5(std::string_view name, std::string_view password);

// Returns a new device token: 256 random bits as 43 letters, digits, '-' and '_'.
[[nodiscard]] std::string new_token();
// Returns a new public id of a device token, and the text of a new token with this id.
[[nodiscard]] std::string new_token_id();
[[nodiscard]] std::string token_text(std::string_view id);
// Returns what the store keeps of a device token.
[[nodiscard]] storage::Sha256 token_hash(std::string_view token);

using Key = std::array<std::uint8_t, 32>;
[[nodiscard]] Key random_key();
using Mac = std::array<std::uint8_t, 32>;
// Returns HMAC-SHA-256 of all pieces, each preceded by its length.
[[nodiscard]] Mac mac(const Key& key, std::span<const std::string_view> pieces);
// Compares in a time that does not depend on where the texts differ.
[[nodiscard]] bool equal_in_constant_time(std::string_view a, std::string_view b);

// These return the hash of `text` in lower-case hex.
[[nodiscard]] std::string sha256_hex(std::string_view text);
[[nodiscard]] std::string md5_hex(std::string_view text);

}  // namespace holdfast::server::auth
