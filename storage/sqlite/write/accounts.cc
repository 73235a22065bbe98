// Write operations on accounts and device tokens. All accounts are one value in memory
// (State::accounts), because they are few. Each change makes a new value; a rollback restores the
// old one, and a commit publishes the new one.
#include <algorithm>

#include "storage/name_key.h"
#include "storage/sqlite/write/statements.h"

namespace holdfast::storage::sqlite {

namespace {

// Returns "/" for the root, "/a/b" for others; no segment has a slash.
std::string written(const Path& path) {
  std::string text;
  for (const std::string& segment : path.segments()) text += "/" + segment;
  return text.empty() ? "/" : text;
}

Path path_of(std::string_view text) {
  std::vector<std::string> segments;
  while (!text.empty()) {
    const std::string_view segment = text.substr(0, text.find('/'));
    if (!segment.empty()) segments.emplace_back(segment);
    text.remove_prefix(std::min(text.size(), segment.size() + 1));
  }
  return Path(std::move(segments));
}

std::optional<std::uint64_t> quota(const Run& run, int column) {
  if (run.null(column)) return std::nullopt;
  return static_cast<std::uint64_t>(run.integer(column));
}

[[noreturn]] void refuse(const char* why) { throw Error(Fault::conflict, why); }

}  // namespace

Counters read_counters(Connection& connection) {
  Statement counters(connection,
                     "SELECT next_node, next_content, resources, bytes, "
                     "(SELECT count(*) FROM lock), next_account FROM meta");
  Run run(counters);
  if (!run.row()) throw Error(Fault::corrupt, "the meta row is missing");
  return {run.amount(0), run.amount(1), run.amount(2), run.amount(3), run.amount(4), run.amount(5)};
}

std::shared_ptr<const Accounts> read_accounts(Connection& connection) {
  auto all = std::make_shared<Accounts>();
  all->any_ever = read_counters(connection).next_account > 1;
  Statement accounts(connection,
                     "SELECT id, name, password_hash, digest_sha256, digest_md5, certificate, "
                     "home, quota_bytes, quota_resources, created FROM account ORDER BY name");
  Statement grants(connection,
                   "SELECT path, access FROM account_grant WHERE account = ?1 ORDER BY path");
  for (Run run(accounts); run.row();) {
    Account& account = all->accounts.emplace_back();
    account.id = run.integer(0);
    account.name = run.text(1);
    account.password_hash = run.text(2);
    account.digest_sha256 = run.text(3);
    account.digest_md5 = run.text(4);
    account.certificate = run.text(5);
    account.home = path_of(run.text(6));
    account.quota_bytes = quota(run, 7);
    account.quota_resources = quota(run, 8);
    account.created = run.amount(9);
    for (Run grant(grants, account.id); grant.row();)
      account.grants.push_back({path_of(grant.text(0)), static_cast<Right>(std::clamp<std::int64_t>(
                                                            grant.integer(1), 0, 2))});
  }
  Statement tokens(connection,
                   "SELECT id, account, label, hash, read_only, path, expires, created "
                   "FROM device_token ORDER BY id");
  for (Run run(tokens); run.row();) {
    DeviceToken& token = all->tokens.emplace_back();
    token.id = run.text(0);
    token.account = run.integer(1);
    token.label = run.text(2);
    run.bytes(3, token.hash);
    token.read_only = run.integer(4) != 0;
    token.path = path_of(run.text(5));
    if (!run.null(6)) token.expires = run.amount(6);
    token.created = run.amount(7);
  }
  return all;
}

std::shared_ptr<const Accounts> WriteTransaction::accounts() const { return state_.accounts; }

AccountId WriteTransaction::put_account(Account account) {
  const Accounts& now = *state_.accounts;
  if (!account_name_allowed(account.name)) refuse("a name that no account may have");
  const bool added = account.id == kNobody;
  const Account* const same_id = now.find(account.id);
  if (!added && (!same_id || same_id->name != account.name)) refuse("no such account");
  if (added && now.find(account.name)) refuse("an account of this name exists");
  // The order is that in which the database returns the grants.
  std::sort(account.grants.begin(), account.grants.end(),
            [](const Grant& a, const Grant& b) { return written(a.path) < written(b.path); });
  growing();

  if (added) {
    account.id = counters_.next_account++;
    Run(sql_->insert_usage, account.id).done();
  }
  Run(sql_->put_account, account.id, account.name, account.password_hash, account.digest_sha256,
      account.digest_md5, account.certificate, written(account.home), account.quota_bytes,
      account.quota_resources, account.created)
      .done();
  Run(sql_->delete_grants, account.id).done();
  for (const Grant& grant : account.grants)
    Run(sql_->insert_grant, account.id, written(grant.path), static_cast<int>(grant.right)).done();

  const AccountId id = account.id;
  auto next = std::make_shared<Accounts>(now);
  next->any_ever = true;
  std::erase_if(next->accounts, [&](const Account& other) { return other.id == id; });
  const auto place = std::lower_bound(
      next->accounts.begin(), next->accounts.end(), account.name,
      [](const Account& other, const std::string& name) { return other.name < name; });
  next->accounts.insert(place, std::move(account));
  state_.accounts = std::move(next);
  return id;
}

void WriteTransaction::remove_account(AccountId id) {
  const Account* const gone = state_.accounts->find(id);
  if (!gone) refuse("no such account");
  changing();
  Run(sql_->delete_account, id).done();
  Run(sql_->delete_grants, id).done();
  Run(sql_->delete_tokens, id).done();
  Run(sql_->delete_usage, id).done();
  Run(sql_->delete_locks_of, id).done();
  counters_.locks -= connection_.changes();

  auto next = std::make_shared<Accounts>(*state_.accounts);
  std::erase_if(next->accounts, [&](const Account& account) { return account.id == id; });
  std::erase_if(next->tokens, [&](const DeviceToken& token) { return token.account == id; });
  state_.accounts = std::move(next);
}

void WriteTransaction::put_token(DeviceToken token) {
  if (!state_.accounts->find(token.account)) refuse("no such account");
  growing();
  Run(sql_->put_token, token.id, token.account, token.label,
      Blob{token.hash.data(), token.hash.size()}, token.read_only, written(token.path),
      token.expires, token.created)
      .done();

  auto next = std::make_shared<Accounts>(*state_.accounts);
  std::erase_if(next->tokens, [&](const DeviceToken& other) { return other.id == token.id; });
  const auto place = std::lower_bound(
      next->tokens.begin(), next->tokens.end(), token.id,
      [](const DeviceToken& other, const std::string& wanted) { return other.id < wanted; });
  next->tokens.insert(place, std::move(token));
  state_.accounts = std::move(next);
}

bool WriteTransaction::remove_token(std::string_view id) {
  acting();
  Run(sql_->delete_token, id).done();
  if (connection_.changes() == 0) return false;
  changing();
  auto next = std::make_shared<Accounts>(*state_.accounts);
  std::erase_if(next->tokens, [&](const DeviceToken& token) { return token.id == id; });
  state_.accounts = std::move(next);
  return true;
}

}  // namespace holdfast::storage::sqlite
