// The caller of a request and its rights: those of an account, restricted by a device token if the
// caller signed in with one, or those of anonymous clients. An immutable value, made once per
// sign-in and shared by requests; any thread.
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
  storage::Path home;
  // The grant with the longest path at or above a resource decides; without such a grant there is
  // no right.
  std::vector<storage::Grant> grants;
  // The limits of a device token: no right outside `scope`, and never more than `most`.
  storage::Path scope;
  storage::Right most = storage::Right::write;
  std::optional<std::uint64_t> quota_bytes;
  std::optional<std::uint64_t> quota_resources;
};

// Returns the caller for a client that signed in to `account`, which is one of `accounts`: with a
// password, Digest or a certificate, or with `token`, a device token of the account. Its grants are
// those of the account and of its groups: at one path the account's own decides, else the most
// permissive.
[[nodiscard]] std::shared_ptr<const Caller> caller_of(
    const std::shared_ptr<const storage::Accounts>& accounts, const storage::Account& account,
    const storage::DeviceToken* token = nullptr);

// Returns the caller for anonymous clients with one right everywhere; `right` may be none.
[[nodiscard]] std::shared_ptr<const Caller> anonymous_caller(storage::Right right);

}  // namespace holdfast::dav
