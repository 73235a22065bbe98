#include "server/auth/account_index.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace holdfast::server::auth {
namespace {

// How many right credentials, and as many wrong ones, are remembered.
constexpr std::size_t kVerified = 4096;

dav::Caller caller_of(const storage::Account& account) {
  dav::Caller caller;
  caller.account = account.id;
  caller.name = account.name;
  caller.home = account.home;
  caller.grants = account.grants;
  // The home is a grant as well, unless another grant is for the same path.
  const bool named =
      std::any_of(account.grants.begin(), account.grants.end(),
                  [&](const storage::Grant& grant) { return grant.path == account.home; });
  if (!named) caller.grants.push_back({.path = account.home, .right = storage::Right::write});
  caller.quota_bytes = account.quota_bytes;
  caller.quota_resources = account.quota_resources;
  return caller;
}

dav::Caller narrowed(dav::Caller caller, const storage::DeviceToken& token) {
  caller.scope = token.path;
  caller.most = token.read_only ? storage::Right::read : storage::Right::write;
  return caller;
}

std::shared_ptr<const dav::Caller> shared(dav::Caller caller) {
  return std::make_shared<const dav::Caller>(std::move(caller));
}

std::uint64_t first_bytes(const storage::Sha256& hash) {
  std::uint64_t out = 0;
  std::memcpy(&out, hash.data(), sizeof out);
  return out;
}

std::string_view text(const storage::Sha256& hash) {
  return {reinterpret_cast<const char*>(hash.data()), hash.size()};
}

}  // namespace

AccountIndex::AccountIndex(std::shared_ptr<const storage::Accounts> accounts,
                           const storage::Clock& clock)
    : accounts_(std::move(accounts)), verified_(clock, kVerified) {
  for (const storage::Account& account : accounts_->accounts) {
    const Entry& entry =
        by_name_.emplace(account.name, Entry{&account, shared(caller_of(account))}).first->second;
    if (!account.certificate.empty()) by_certificate_.emplace(account.certificate, &entry);
  }
  for (const storage::DeviceToken& token : accounts_->tokens)
    if (const storage::Account* account = accounts_->find(token.account))
      tokens_.emplace(first_bytes(token.hash),
                      TokenEntry{&token, account, shared(narrowed(caller_of(*account), token))});
}

const AccountIndex::Entry* AccountIndex::find(std::string_view name) const {
  auto found = by_name_.find(name);
  if (const std::size_t slash = name.rfind('\\');
      found == by_name_.end() && slash != std::string_view::npos)
    found = by_name_.find(name.substr(slash + 1));
  return found == by_name_.end() ? nullptr : &found->second;
}

const AccountIndex::TokenEntry* AccountIndex::find_token(std::string_view secret) const {
  if (tokens_.empty()) return nullptr;
  const storage::Sha256 hash = token_hash(secret);
  const auto found = tokens_.find(first_bytes(hash));
  if (found == tokens_.end()) return nullptr;
  const TokenEntry& entry = found->second;
  return equal_in_constant_time(text(hash), text(entry.token->hash)) ? &entry : nullptr;
}

const AccountIndex::Entry* AccountIndex::find_certificate(std::string_view sha256) const {
  if (sha256.empty()) return nullptr;
  const auto found = by_certificate_.find(sha256);
  return found == by_certificate_.end() ? nullptr : found->second;
}

}  // namespace holdfast::server::auth
