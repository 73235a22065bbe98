// What proves who a client is, as the store keeps it: argon2id of passwords (libsodium), SHA-256 of
// device tokens, and what Digest needs (RFC 7616 §3.4.2). Any thread.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "storage/model.h"

namespace holdfast::server::auth {

// The realm of every challenge; Digest's stored secrets depend on it.
inline constexpr std::string_view kRealm = "Holdfast";

// argon2id with 19 MiB and two passes (about 20 ms), with a salt of its own, as libsodium writes
// it. Throws std::runtime_error without memory.
[[nodiscard]] std::string hash_password(std::string_view password);
// Takes as long as hash_password. False as well for an empty `hash`, at once: see `no_hash`.
// Throws std::bad_alloc without memory.
[[nodiscard]] bool verify_password(const std::string& hash, std::string_view password);
// A hash that no password fits, for the time that verifying takes.
[[nodiscard]] const std::string& no_hash();

// The algorithms that Digest is offered with (RFC 7616 §3.3).
struct DigestAlgorithms {
  bool sha256 = false;
  bool md5 = false;

  [[nodiscard]] bool any() const { return sha256 || md5; }
  friend bool operator==(const DigestAlgorithms&, const DigestAlgorithms&) = default;
};

// What is kept of a password for Digest: H(name ":" realm ":" password) in lower-case hex, of the
// UTF-8 text; then, behind a blank, of the same text in ISO 8859-1 when that is another one,
// because clients that know no UTF-8 hash that.
[[nodiscard]] std::string digest_secrets_sha256(std::string_view name, std::string_view password);
[[nodiscard]] std::string digest_secrets_md5(std::string_view name, std::string_view password);

// A new device token: 256 random bits as 43 letters, digits, '-' and '_'.
[[nodiscard]] std::string new_token();
// What is kept of it.
[[nodiscard]] storage::Sha256 token_hash(std::string_view token);

using Key = std::array<std::uint8_t, 32>;
[[nodiscard]] Key random_key();
using Mac = std::array<std::uint8_t, 32>;
// HMAC-SHA-256 of all pieces, each with its length before it.
[[nodiscard]] Mac mac(const Key& key, std::span<const std::string_view> pieces);
// In a time that does not depend on where they differ.
[[nodiscard]] bool equal_in_constant_time(std::string_view a, std::string_view b);

// Lower-case hex of the hash of `text`.
[[nodiscard]] std::string sha256_hex(std::string_view text);
[[nodiscard]] std::string md5_hex(std::string_view text);

}  // namespace holdfast::server::auth
