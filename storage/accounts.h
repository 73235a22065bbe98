// Accounts: who may ask for what, how they prove who they are, and how much they may keep. Plain
// values without HTTP, SQL or hashing. Kept in the namespace's store, changed in its transactions
// (Transaction::put_account and its neighbours), read as one immutable value (Namespace::accounts).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "storage/clock.h"
#include "storage/model.h"

namespace holdfast::storage {

// In rising order. write includes read, locking and removing.
enum class Right { none, read, write };

// On the collection or file at `path` and all below it, until a longer path says otherwise. Paths
// and not resources: a grant stays where it is when a resource moves.
struct Grant {
  Path path;
  Right right = Right::none;
  friend bool operator==(const Grant&, const Grant&) = default;
};

struct Account {
  AccountId id = kNobody;
  std::string name;           // 1 to 64 bytes of UTF-8 in NFC, no ':', no control characters
  std::string password_hash;  // argon2id, as libsodium writes it; empty: no password opens it
  // For Digest (RFC 7616 §3.4.2): H(name ":" realm ":" password) in lower-case hex; of several
  // encodings of name and password with a blank between them. Empty unless the password was set
  // while --digest offered the algorithm.
  std::string digest_sha256;
  std::string digest_md5;
  std::string certificate;  // SHA-256 of a client certificate (DER) in lower-case hex; empty: none
  Path home;                // a collection on which the account has the right to write
  std::vector<Grant> grants;                     // home's not among them; no path twice
  std::optional<std::uint64_t> quota_bytes;      // of the files it owns, together
  std::optional<std::uint64_t> quota_resources;  // that it owns
  Millis created = 0;                            // wall clock
  friend bool operator==(const Account&, const Account&) = default;
};

// The rule that Account::name states.
[[nodiscard]] bool account_name_allowed(std::string_view name);

// A password of its own for one device, never more than its account may: at most `read_only`, at
// most below `path`.
struct DeviceToken {
  std::string id;  // public, to name it by: 8 letters and digits
  AccountId account = kNobody;
  std::string label;  // what its owner calls the device; UTF-8 without control characters
  Sha256 hash{};      // of the secret, which has 256 random bits and so needs no slow hash
  bool read_only = false;
  Path path;
  std::optional<Millis> expires;  // wall clock
  Millis created = 0;
  friend bool operator==(const DeviceToken&, const DeviceToken&) = default;
};

// All of them, as of one commit.
struct Accounts {
  std::vector<Account> accounts;    // in name order, by bytes
  std::vector<DeviceToken> tokens;  // in id order

  [[nodiscard]] const Account* find(std::string_view name) const;
  [[nodiscard]] const Account* find(AccountId id) const;
  [[nodiscard]] const DeviceToken* find_token(std::string_view id) const;
};

}  // namespace holdfast::storage
