#include "dav/caller.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "storage/name_key.h"

namespace holdfast::dav {
namespace {

// Returns a text that is equal for paths that lead to one resource, and for no others.
std::string key_of(const storage::Path& path) {
  std::string key;
  for (const std::string& segment : path.segments())
    key.append("/").append(storage::NameKey(segment).view());
  return key;
}

// Adds the grants of the account's groups where the account has none of its own.
void add_grants_of_groups(std::vector<storage::Grant>& grants, const storage::Accounts& accounts,
                          const storage::Account& account) {
  if (account.groups.empty()) return;
  const std::size_t own = grants.size();
  std::unordered_map<std::string, std::size_t> places;  // in `grants`, by key
  for (std::size_t i = 0; i < own; ++i) places.emplace(key_of(grants[i].path), i);
  for (const storage::AccountId id : account.groups) {
    const storage::Group* const group = accounts.find_group(id);
    if (group == nullptr) continue;
    for (const storage::Grant& grant : group->grants) {
      const auto [place, added] = places.emplace(key_of(grant.path), grants.size());
      if (added) {
        grants.push_back(grant);
      } else if (place->second >= own) {
        storage::Right& right = grants[place->second].right;
        right = std::max(right, grant.right);
      }
    }
  }
}

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
                                        const storage::DeviceToken* token,
                                        const storage::Session* session) {
  auto caller = std::make_shared<Caller>();
  caller->account = account.id;
  caller->name = account.name;
  caller->home = account.home;
  caller->grants = account.grants;
  // The home is a grant as well, unless another grant is for the same path.
  const bool named = std::any_of(
      account.grants.begin(), account.grants.end(),
      [&](const storage::Grant& grant) { return storage::same_path(grant.path, account.home); });
  if (!named) caller->grants.push_back({.path = account.home, .right = storage::Right::write});
  add_grants_of_groups(caller->grants, *accounts, account);
  caller->quota_bytes = account.quota_bytes;
  caller->quota_resources = account.quota_resources;
  caller->accounts = accounts;
  if (token != nullptr) {
    caller->scope = token->path;
    caller->most = token->read_only ? storage::Right::read : storage::Right::write;
    caller->token = token->id;
  }
  if (session != nullptr) caller->session = session->id;
  return caller;
}

std::shared_ptr<const Caller> caller_of(const std::shared_ptr<const storage::Accounts>& accounts,
                                        const storage::Account& account,
                                        const storage::Share& share) {
  auto caller = std::make_shared<Caller>(*caller_of(accounts, account));
  caller->name = "link:" + share.id;
  caller->share = share.id;
  caller->scope = share.path;
  caller->most = storage::Right::read;
  return caller;
}

std::shared_ptr<const Caller> caller_as_of(const std::shared_ptr<const Caller>& caller,
                                           const std::shared_ptr<const storage::Accounts>& now) {
  if (!caller->accounts || caller->accounts == now) return caller;
  if (caller->account == storage::kNobody) return now->accounts.empty() ? caller : nullptr;
  const storage::Account* const account = now->find(caller->account);
  if (account == nullptr || account->suspended) return nullptr;
  if (!caller->share.empty()) {
    const storage::Share* const share = now->find_share(caller->share);
    const storage::Share* const before = caller->accounts->find_share(caller->share);
    const bool same = share != nullptr && before != nullptr && share->account == account->id &&
                      share->hash == before->hash &&
                      share->password_hash == before->password_hash;
    return same ? caller_of(now, *account, *share) : nullptr;
  }
  if (!caller->session.empty()) {
    const storage::Session* const session = now->find_session(caller->session);
    const storage::Session* const before = caller->accounts->find_session(caller->session);
    const bool same = session != nullptr && before != nullptr && session->account == account->id &&
                      session->hash == before->hash;
    return same ? caller_of(now, *account, nullptr, session) : nullptr;
  }
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
