// The accounts as of one commit, indexed for signing in, with a caller for each account, each
// device token and each session. It is replaced as a whole when an account, a grant or a token changes. Immutable;
// any thread. It is made in a time that grows with the accounts and tokens alone: the grants of an
// account's groups are put together when the account is first asked for.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string_view>
#include <unordered_map>

#include "dav/caller.h"
#include "server/net/networks.h"
#include "storage/accounts.h"

namespace holdfast::server::auth {

// A session ends when its browser has not asked for anything for so long, and at the latest so long
// after somebody signed in. Its use is written down once an hour.
inline constexpr storage::Millis kSessionIdle = storage::Millis{24} * 60 * 60 * 1000;
inline constexpr storage::Millis kSessionLifetime = 14 * kSessionIdle;
inline constexpr storage::Millis kSessionNoted = kSessionIdle / 24;

// Returns when the session ends unless it is used, by the wall clock.
[[nodiscard]] storage::Millis end_of(const storage::Session& session);

// The caller for an account, or for one of its device tokens or sessions, made when it is first
// asked for. Any thread.
class LazyCaller {
 public:
  // All arguments must outlive this object. `token` and `session` may be null.
  LazyCaller(const std::shared_ptr<const storage::Accounts>& accounts,
             const storage::Account& account, const storage::DeviceToken* token,
             const storage::Session* session = nullptr)
      : accounts_(accounts), account_(account), token_(token), session_(session) {}

  [[nodiscard]] const std::shared_ptr<const dav::Caller>& get() const;
  // NOLINTNEXTLINE(google-explicit-constructor): it stands for the caller.
  operator const std::shared_ptr<const dav::Caller>&() const { return get(); }

 private:
  const std::shared_ptr<const storage::Accounts>& accounts_;
  const storage::Account& account_;
  const storage::DeviceToken* token_;
  const storage::Session* session_;
  mutable std::once_flag made_;
  mutable std::shared_ptr<const dav::Caller> caller_;
};

class AccountIndex {
 public:
  explicit AccountIndex(std::shared_ptr<const storage::Accounts> accounts);

  AccountIndex(const AccountIndex&) = delete;
  AccountIndex& operator=(const AccountIndex&) = delete;

  struct Entry {
    Entry(const std::shared_ptr<const storage::Accounts>& accounts, const storage::Account& of)
        : account(&of), caller(accounts, of, nullptr) {}
    const storage::Account* account;
    LazyCaller caller;
  };
  struct TokenEntry {
    TokenEntry(const std::shared_ptr<const storage::Accounts>& accounts, const storage::Account& of,
               const storage::DeviceToken& with)
        : token(&with), account(&of), caller(accounts, of, &with) {}
    const storage::DeviceToken* token;
    const storage::Account* account;
    LazyCaller caller;  // with the rights that the token leaves
  };
  struct SessionEntry {
    SessionEntry(const std::shared_ptr<const storage::Accounts>& accounts,
                 const storage::Account& of, const storage::Session& in)
        : session(&in), account(&of), caller(accounts, of, nullptr, &in) {}
    const storage::Session* session;
    const storage::Account* account;
    LazyCaller caller;
  };
  struct ShareEntry {
    const storage::Share* share;
    const storage::Account* account;
    std::shared_ptr<const dav::Caller> caller;
  };
  // Returns the account; nullptr when there is none. `name` is in NFC. For a Windows name such as
  // DOMAIN\alice, the part behind the backslash is tried as well.
  [[nodiscard]] const Entry* find(std::string_view name) const;
  // Returns the name of the account that find() returns, or would return if there were one: without
  // a DOMAIN in front of it. Failures count for this name, whatever stands before it. It is a view
  // of `name`.
  [[nodiscard]] std::string_view meant(std::string_view name) const;
  // Returns the token with this secret, expired or not.
  [[nodiscard]] const TokenEntry* find_token(std::string_view secret) const;
  // Returns the session with this secret, over or not.
  [[nodiscard]] const SessionEntry* find_session(std::string_view secret) const;
  // Returns the link with this secret, expired or not.
  [[nodiscard]] const ShareEntry* find_share(std::string_view secret) const;
  [[nodiscard]] const Entry* find_certificate(std::string_view sha256) const;

  // Returns why nobody can sign in as the account from this numeric address, as a static text for
  // the log: it is suspended, or its networks do not have the address. Empty when somebody can.
  [[nodiscard]] std::string_view barred(const storage::Account& account,
                                        std::string_view address) const;

  // Returns the caller for anonymous clients whose right ends with the first account. Call only
  // while there is none.
  [[nodiscard]] std::shared_ptr<const dav::Caller> anonymous_until_accounts(
      storage::Right right) const {
    return anonymous_.at(static_cast<std::size_t>(right));
  }

  // Returns true when there was an account at some time.
  [[nodiscard]] bool any_ever() const { return accounts_->any_ever || !empty(); }
  [[nodiscard]] bool empty() const { return accounts_->accounts.empty(); }
  [[nodiscard]] const std::shared_ptr<const storage::Accounts>& accounts() const {
    return accounts_;
  }

 private:
  std::shared_ptr<const storage::Accounts> accounts_;
  std::array<std::shared_ptr<const dav::Caller>, 3> anonymous_;
  std::unordered_map<std::string_view, Entry> by_name_;
  std::unordered_map<std::string_view, const Entry*> by_certificate_;
  std::unordered_map<storage::AccountId, net::Networks> networks_;  // of accounts that have some
  // By the first bytes of the hashes.
  std::unordered_map<std::uint64_t, TokenEntry> tokens_;
  std::unordered_map<std::uint64_t, SessionEntry> sessions_;
  std::unordered_map<std::uint64_t, ShareEntry> shares_;
};

}  // namespace holdfast::server::auth
