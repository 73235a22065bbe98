#include "server/auth/secrets.h"

#include <cerrno>
#include <new>
#include <openssl/evp.h>
#include <sodium.h>
#include <stdexcept>

#include "text/base64.h"
#include "text/hex.h"
#include "text/utf8.h"

namespace holdfast::server::auth {
namespace {

constexpr unsigned long long kPasses = 2;
constexpr std::size_t kMemoryBytes = 19 * 1024 * 1024;

// Initialises libsodium once. Every function here that needs it calls this first.
void start_sodium() {
  static const bool ready = ::sodium_init() >= 0;
  if (!ready) throw std::runtime_error("libsodium cannot be used");
}

const std::uint8_t* bytes(std::string_view text) {
  return reinterpret_cast<const std::uint8_t*>(text.data());
}

std::string digest_secrets(std::string (*hash)(std::string_view), std::string_view name,
                           std::string_view password) {
  const std::string input =
      std::string(name).append(":").append(kRealm).append(":").append(password);
  std::string secrets = hash(input);
  if (const auto latin1 = text::latin1(input); latin1 && *latin1 != input)
    secrets.append(" ").append(hash(*latin1));
  return secrets;
}

}  // namespace

std::optional<std::string> why_no_password(std::string_view password, std::size_t least) {
  constexpr std::size_t kLimitBytes = 1024;
  if (password.empty() || password.size() > kLimitBytes || text::has_control(password) ||
      !text::valid_utf8(password))
    return "A password is UTF-8 text of 1 to 1024 bytes without control characters.";
  if (text::count_code_points(password) < least)
    return "The password is too short: it needs at least " + std::to_string(least) +
           " characters (--password-min).";
  return std::nullopt;
}

std::string hash_password(std::string_view password) {
  start_sodium();
  const std::string text = text::nfc(password);
  std::array<char, crypto_pwhash_STRBYTES> out{};
  if (::crypto_pwhash_str_alg(out.data(), text.data(), text.size(), kPasses, kMemoryBytes,
                              crypto_pwhash_ALG_ARGON2ID13) != 0)
    throw std::runtime_error("There is not enough memory to hash a password.");
  return out.data();
}

bool verify_password(const std::string& hash, std::string_view password) {
  start_sodium();
  const std::string text = text::nfc(password);
  errno = 0;
  if (!hash.empty() && ::crypto_pwhash_str_verify(hash.c_str(), text.data(), text.size()) == 0)
    return true;
  if (errno == ENOMEM) throw std::bad_alloc();
  return false;
}

const std::string& no_hash() {
  static const std::string hash = hash_password(new_token());
  return hash;
}

std::string digest_secrets_sha256(std::string_view name, std::string_view password) {
  return digest_secrets(sha256_hex, name, password);
}

std::string digest_secrets_md5(std::string_view name, std::string_view password) {
  return digest_secrets(md5_hex, name, password);
}

std::string new_token() { return text::base64_url(random_key()); }

std::string new_token_id() {
  constexpr std::size_t kLetters = 8;
  constexpr std::string_view kAlphabet = "abcdefghijklmnopqrstuvwxyz0123456789";
  const Key random = random_key();
  std::string id;
  for (std::size_t i = 0; i < kLetters; ++i) id += kAlphabet[random[i] % kAlphabet.size()];
  return id;
}

std::string token_text(std::string_view id) {
  return "holdfast_" + std::string(id) + "_" + new_token();
}

storage::Sha256 token_hash(std::string_view token) {
  storage::Sha256 out{};
  ::crypto_hash_sha256(out.data(), bytes(token), token.size());
  return out;
}

Key random_key() {
  start_sodium();
  Key key{};
  ::randombytes_buf(key.data(), key.size());
  return key;
}

Mac mac(const Key& key, std::span<const std::string_view> pieces) {
  crypto_auth_hmacsha256_state state;
  ::crypto_auth_hmacsha256_init(&state, key.data(), key.size());
  for (const std::string_view piece : pieces) {
    std::array<std::uint8_t, sizeof(std::uint64_t)> length{};
    for (std::size_t i = 0; i < length.size(); ++i)
      length[i] = static_cast<std::uint8_t>(std::uint64_t{piece.size()} >> (8 * i));
    ::crypto_auth_hmacsha256_update(&state, length.data(), length.size());
    ::crypto_auth_hmacsha256_update(&state, bytes(piece), piece.size());
  }
  Mac out{};
  ::crypto_auth_hmacsha256_final(&state, out.data());
  return out;
}

bool equal_in_constant_time(std::string_view a, std::string_view b) {
  return a.size() == b.size() && ::sodium_memcmp(a.data(), b.data(), a.size()) == 0;
}

std::string sha256_hex(std::string_view text) { return text::hex(token_hash(text)); }

std::string md5_hex(std::string_view text) {
  // MD5 is absent where only FIPS algorithms are allowed.
  static EVP_MD* const kMd5 = EVP_MD_fetch(nullptr, "MD5", nullptr);
  std::array<std::uint8_t, 16> out{};
  if (kMd5 == nullptr ||
      EVP_Digest(text.data(), text.size(), out.data(), nullptr, kMd5, nullptr) != 1)
    throw std::runtime_error("MD5 cannot be computed on this machine.");
  return text::hex(out);
}

}  // namespace holdfast::server::auth
