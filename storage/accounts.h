// Accounts and groups of accounts: what each may do, how accounts authenticate, and how much they
// may store. Plain values without HTTP, SQL or hashing. The namespace's store keeps them.
// Transaction::put_account and the functions after it change them; Namespace::accounts returns all
// of them as one immutable value.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "storage/clock.h"
#include "storage/model.h"

namespace holdfast::storage {

// The order is rising: `write` includes `read`, locking and removing.
enum class Right { none, read, write };

// A right to the collection or file at `path` and to all below it. A grant for a longer path takes
// precedence. At one path the account's own grant decides, else the most permissive of its groups'.
//
// A grant belongs to the resource at its path, and the store keeps both together: when the resource
// moves, the path becomes its new one; when it is removed, the grant is removed with it; when
// something replaces it, the grant belongs to that. A grant for a path where nothing is waits there
// for what is made there first.
struct Grant {
  Path path;
  Right right = Right::none;
  NodeId node = 0;  // the resource; 0: nothing is there yet. The store sets it
  friend bool operator==(const Grant& a, const Grant& b) {
    return a.path == b.path && a.right == b.right;
  }
};

struct Account {
  AccountId id = kNobody;
  std::string name;           // 1 to 64 bytes of UTF-8 in NFC, no ':', no control characters
  std::string password_hash;  // argon2id, as libsodium writes it; empty: no password opens it
  // For Digest (RFC 7616 §3.4.2): H(name ":" realm ":" password) in lower-case hex. For several
  // encodings of name and password, the hashes are separated by spaces. Empty unless the password
  // was set while --digest offered the algorithm.
  std::string digest_sha256;
  std::string digest_md5;
  std::string certificate;  // SHA-256 of a client certificate (DER) in lower-case hex; empty: none
  Path home;                // a collection on which the account has the right to write
  bool suspended = false;   // it cannot sign in, whatever its credentials
  // Addresses and networks ("10.0.0.0/8") from which it can sign in; empty: from everywhere.
  std::vector<std::string> networks;
  std::vector<AccountId> groups;                 // ids of its groups, rising
  std::vector<Grant> grants;                     // without the one for `home`; no path twice
  std::optional<std::uint64_t> quota_bytes;      // limit on the sum of the files that it owns
  std::optional<std::uint64_t> quota_resources;  // that it owns
  Millis created = 0;                            // wall clock
  friend bool operator==(const Account&, const Account&) = default;
};

// Returns true when `name` follows the rule that Account::name states.
[[nodiscard]] bool account_name_allowed(std::string_view name);
// Returns true when an account may be added under this name: one that is allowed, whose characters
// are all seen (text::is_name_character), and that has at most one space between any two others.
// That is RFC 8265 §3.1 and §3.4 as far as the categories of Unicode tell.
//
// Accounts with other names, from before this rule, stay.
[[nodiscard]] bool new_account_name_allowed(std::string_view name);

// Accounts that have rights and a quota together. Groups and accounts have names of their own and
// ids in common.
struct Group {
  AccountId id = kNobody;
  std::string name;           // follows the rule of account names
  std::vector<Grant> grants;  // no path twice
  // Limits on what the members own together.
  std::optional<std::uint64_t> quota_bytes;
  std::optional<std::uint64_t> quota_resources;
  Millis created = 0;  // wall clock
  friend bool operator==(const Group&, const Group&) = default;
};

// A password for one device. It never permits more than its account may do; `read_only` and `path`
// restrict it further.
struct DeviceToken {
  std::string id;  // public name: 8 letters and digits
  AccountId account = kNobody;
  std::string label;  // what its owner calls the device; UTF-8 without control characters
  Sha256 hash{};      // of the secret, which has 256 random bits and so needs no slow hash
  bool read_only = false;
  Path path;
  std::optional<Millis> expires;  // wall clock
  Millis created = 0;
  friend bool operator==(const DeviceToken&, const DeviceToken&) = default;
};

// A browser in which somebody has signed in to an account with its password. It ends when the
// password of the account changes, and when the account is suspended or removed.
struct Session {
  std::string id;  // public name: 8 letters and digits
  AccountId account = kNobody;
  Sha256 hash{};       // of the secret, which has 256 random bits and so needs no slow hash
  std::string client;  // what the browser calls itself; UTF-8 without control characters
  Millis created = 0;  // wall clock
  Millis used = 0;     // wall clock; the last use that was written down
  friend bool operator==(const Session&, const Session&) = default;
};

// A link by which people without an account read a collection and what is below it. It never
// permits more than the account that made it may do.
struct Share {
  std::string id;  // public name: 8 letters and digits
  AccountId account = kNobody;
  std::string label;          // what its owner calls it; UTF-8 without control characters
  Sha256 hash{};              // of the secret, which has 256 random bits and so needs no slow hash
  std::string password_hash;  // argon2id, as libsodium writes it; empty: it needs no password
  Path path;
  NodeId node = 0;               // the collection: the link ends when another one is at `path`
  std::optional<Millis> expires;  // wall clock
  std::uint64_t uses = 0;         // how often its page was opened, as far as it was written down
  std::optional<Millis> used;     // wall clock; the last of these
  Millis created = 0;
  friend bool operator==(const Share&, const Share&) = default;
};

// All accounts, groups, device tokens, sessions and links, as of one commit.
struct Accounts {
  std::vector<Account> accounts;    // in name order, by bytes
  std::vector<Group> groups;        // in name order, by bytes
  std::vector<DeviceToken> tokens;  // in id order
  std::vector<Session> sessions;    // in id order
  std::vector<Share> shares;        // in id order
  bool any_ever = false;            // an account was made at some time, and may be gone since

  [[nodiscard]] const Account* find(std::string_view name) const;
  // The functions that find by id cost O(log n) after index(), and O(n) otherwise.
  [[nodiscard]] const Account* find(AccountId id) const;
  [[nodiscard]] const Group* find_group(std::string_view name) const;
  [[nodiscard]] const Group* find_group(AccountId id) const;
  [[nodiscard]] const DeviceToken* find_token(std::string_view id) const;
  [[nodiscard]] const Session* find_session(std::string_view id) const;
  [[nodiscard]] const Share* find_share(std::string_view id) const;

  // Makes the functions that find by id quick. Call it after the last change.
  void index();

 private:
  // Positions in `accounts` and `groups`, in the order of ids. Of another size they are not made.
  std::vector<std::uint32_t> accounts_by_id_;
  std::vector<std::uint32_t> groups_by_id_;
};

}  // namespace holdfast::storage
