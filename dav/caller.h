// The caller of a request and its rights: those of an account, restricted by a device token if the
// caller signed in with one, or those of anonymous clients. An immutable value, made from the
// accounts as of one commit and shared by requests. A request that writes is judged again by the
// accounts as of its own commit: caller_as_of() returns its caller by them. Any thread.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "storage/accounts.h"
#include "storage/model.h"

namespace holdfast::dav {

struct Caller {
  storage::AccountId account = storage::kNobody;
  std::string name;   // empty for anonymous clients
  std::string token;  // the id of the device token that it signed in with; empty: none
  std::string share;    // the id of the link by which it came; then the account is the link's owner
  std::string session;  // the id of the session whose cookie it sent; empty: it did not need one
  storage::Path home;
  // The grant with the longest path at or above a resource decides; without such a grant there is
  // no right.
  std::vector<storage::Grant> grants;
  // The limits of a device token: no right outside `scope`, and never more than `most`.
  storage::Path scope;
  storage::Right most = storage::Right::write;
  std::optional<std::uint64_t> quota_bytes;
  std::optional<std::uint64_t> quota_resources;
  // The accounts that the caller was made from. Null for a caller that depends on no account: for
  // anonymous clients who may do the same while there are accounts.
  std::shared_ptr<const storage::Accounts> accounts;
};

// Returns the caller for a client that signed in to `account`, which is one of `accounts`: with a
// password, Digest or a certificate, with `token`, a device token of the account, or with the cookie
// of `session`, one of the account's. Its grants are
// those of the account and of its groups: at one path the account's own decides, else the most
// permissive.
[[nodiscard]] std::shared_ptr<const Caller> caller_of(
    const std::shared_ptr<const storage::Accounts>& accounts, const storage::Account& account,
    const storage::DeviceToken* token = nullptr, const storage::Session* session = nullptr);

// Returns the caller for people who came by `share`, one of the account's links: it may read what
// the account may read, at the link's path and below. Its name is "link:ID", which no account has.
[[nodiscard]] std::shared_ptr<const Caller> caller_of(
    const std::shared_ptr<const storage::Accounts>& accounts, const storage::Account& account,
    const storage::Share& share);

// Returns the caller that `caller` is by other accounts, `now`: it has the rights and the quota of
// its account as `now` has them. Returns null when the client is not signed in any more: its
// account, its device token, its session or its link is gone, the password or the certificate of the account
// was changed,
// or it was anonymous and may not be since there are accounts. A device token that expires while a
// request runs lets the request finish.
[[nodiscard]] std::shared_ptr<const Caller> caller_as_of(
    const std::shared_ptr<const Caller>& caller,
    const std::shared_ptr<const storage::Accounts>& now);

// Returns the caller for anonymous clients with one right everywhere; `right` may be none.
[[nodiscard]] std::shared_ptr<const Caller> anonymous_caller(storage::Right right);
// Returns the same for a time without accounts, which `accounts` has none of: the caller's rights
// end with the first account.
[[nodiscard]] std::shared_ptr<const Caller> anonymous_caller(
    storage::Right right, std::shared_ptr<const storage::Accounts> accounts);

}  // namespace holdfast::dav
