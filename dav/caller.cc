#include "dav/caller.h"

#include <algorithm>
#include <array>
#include <utility>

namespace holdfast::dav {
namespace {

Caller anonymous(storage::Right right) {
  Caller caller;
  caller.grants.push_back({.path = {}, .right = right});
  return caller;
}

// Returns true when what opened the account without a device token still does. Who changes a
// password wants those out who know the old one.
bool opens_the_same(const storage::Account& before, const storage::Account& now) {
  return before.password_hash == now.password_hash && before.certificate == now.certificate;
}

}  // namespace

std::shared_ptr<const Caller> caller_of(const std::shared_ptr<const storage::Accounts>& accounts,
                                        const storage::Account& account,
                                        const storage::DeviceToken* token) {
  auto caller = std::make_shared<Caller>();
  caller->account = account.id;
  caller->name = account.name;
  caller->home = account.home;
  caller->grants = account.grants;
  // The home is a grant as well, unless another grant is for the same path.
  const bool named =
      std::any_of(account.grants.begin(), account.grants.end(),
                  [&](const storage::Grant& grant) { return grant.path == account.home; });
  if (!named) caller->grants.push_back({.path = account.home, .right = storage::Right::write});
  caller->quota_bytes = account.quota_bytes;
  caller->quota_resources = account.quota_resources;
  caller->accounts = accounts;
  if (token != nullptr) {
    caller->scope = token->path;
    caller->most = token->read_only ? storage::Right::read : storage::Right::write;
    caller->token = token->id;
  }
  return caller;
}

std::shared_ptr<const Caller> caller_as_of(const std::shared_ptr<const Caller>& caller,
                                           const std::shared_ptr<const storage::Accounts>& now) {
  if (!caller->accounts || caller->accounts == now) return caller;
  if (caller->account == storage::kNobody) return now->accounts.empty() ? caller : nullptr;
  const storage::Account* const account = now->find(caller->account);
  if (account == nullptr) return nullptr;
  if (caller->token.empty()) {
    const storage::Account* const before = caller->accounts->find(caller->account);
    const bool same = before != nullptr && opens_the_same(*before, *account);
    return same ? caller_of(now, *account) : nullptr;
  }
  const storage::DeviceToken* const token = now->find_token(caller->token);
  const storage::DeviceToken* const before = caller->accounts->find_token(caller->token);
  const bool same = token != nullptr && before != nullptr && token->account == account->id &&
                    token->hash == before->hash;
  return same ? caller_of(now, *account, token) : nullptr;
}

std::shared_ptr<const Caller> anonymous_caller(storage::Right right) {
  // The callers are made once, because every request begins as one of them.
  static const std::array<std::shared_ptr<const Caller>, 3> callers = [] {
    std::array<std::shared_ptr<const Caller>, 3> made;
    for (const auto each : {storage::Right::none, storage::Right::read, storage::Right::write})
      made.at(static_cast<std::size_t>(each)) = std::make_shared<const Caller>(anonymous(each));
    return made;
  }();
  return callers.at(static_cast<std::size_t>(right));
}

std::shared_ptr<const Caller> anonymous_caller(storage::Right right,
                                               std::shared_ptr<const storage::Accounts> accounts) {
  Caller caller = anonymous(right);
  caller.accounts = std::move(accounts);
  return std::make_shared<const Caller>(std::move(caller));
}

}  // namespace holdfast::dav
