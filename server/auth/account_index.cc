#include "server/auth/account_index.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "server/auth/secrets.h"

namespace holdfast::server::auth {
namespace {

std::uint64_t first_bytes(const storage::Sha256& hash) {
  std::uint64_t out = 0;
  std::memcpy(&out, hash.data(), sizeof out);
  return out;
}

std::string_view text(const storage::Sha256& hash) {
  return {reinterpret_cast<const char*>(hash.data()), hash.size()};
}

}  // namespace

storage::Millis end_of(const storage::Session& session) {
  return std::min(session.created + kSessionLifetime, session.used + kSessionIdle);
}

const std::shared_ptr<const dav::Caller>& LazyCaller::get() const {
  std::call_once(made_, [this] { caller_ = dav::caller_of(accounts_, account_, token_, session_); });
  return caller_;
}

AccountIndex::AccountIndex(std::shared_ptr<const storage::Accounts> accounts)
    : accounts_(std::move(accounts)) {
  if (empty())
    for (const auto right : {storage::Right::none, storage::Right::read, storage::Right::write})
      anonymous_.at(static_cast<std::size_t>(right)) = dav::anonymous_caller(right, accounts_);
  for (const storage::Account& account : accounts_->accounts) {
    const Entry& entry = by_name_.try_emplace(account.name, accounts_, account).first->second;
    if (!account.certificate.empty()) by_certificate_.emplace(account.certificate, &entry);
    if (account.networks.empty()) continue;
    std::string list;
    for (const std::string& network : account.networks)
      list.append(list.empty() ? "" : ",").append(network);
    // A list that only damage makes unreadable lets nobody in.
    networks_.emplace(account.id, net::Networks::parse(list).value_or(net::Networks()));
  }
  for (const storage::DeviceToken& token : accounts_->tokens)
    if (const storage::Account* account = accounts_->find(token.account))
      tokens_.try_emplace(first_bytes(token.hash), accounts_, *account, token);
  for (const storage::Session& session : accounts_->sessions)
    if (const storage::Account* account = accounts_->find(session.account))
      sessions_.try_emplace(first_bytes(session.hash), accounts_, *account, session);
  for (const storage::Share& share : accounts_->shares)
    if (const storage::Account* account = accounts_->find(share.account))
      shares_.try_emplace(first_bytes(share.hash),
                          ShareEntry{&share, account, dav::caller_of(accounts_, *account, share)});
}

std::string_view AccountIndex::barred(const storage::Account& account,
                                      std::string_view address) const {
  if (account.suspended) return "suspended account";
  if (account.networks.empty()) return {};
  const auto networks = networks_.find(account.id);
  const bool allowed = networks != networks_.end() && networks->second.contains(address);
  return allowed ? std::string_view() : "an address outside of the account's networks";
}

std::string_view AccountIndex::meant(std::string_view name) const {
  const std::size_t slash = name.rfind('\\');
  if (slash == std::string_view::npos || by_name_.contains(name)) return name;
  return name.substr(slash + 1);
}

const AccountIndex::Entry* AccountIndex::find(std::string_view name) const {
  const auto found = by_name_.find(meant(name));
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

const AccountIndex::SessionEntry* AccountIndex::find_session(std::string_view secret) const {
  if (sessions_.empty()) return nullptr;
  const storage::Sha256 hash = token_hash(secret);
  const auto found = sessions_.find(first_bytes(hash));
  if (found == sessions_.end()) return nullptr;
  const SessionEntry& entry = found->second;
  return equal_in_constant_time(text(hash), text(entry.session->hash)) ? &entry : nullptr;
}

const AccountIndex::ShareEntry* AccountIndex::find_share(std::string_view secret) const {
  if (shares_.empty()) return nullptr;
  const storage::Sha256 hash = token_hash(secret);
  const auto found = shares_.find(first_bytes(hash));
  if (found == shares_.end()) return nullptr;
  const ShareEntry& entry = found->second;
  return equal_in_constant_time(text(hash), text(entry.share->hash)) ? &entry : nullptr;
}

const AccountIndex::Entry* AccountIndex::find_certificate(std::string_view sha256) const {
  if (sha256.empty()) return nullptr;
  const auto found = by_certificate_.find(sha256);
  return found == by_certificate_.end() ? nullptr : found->second;
}

}  // namespace holdfast::server::auth
