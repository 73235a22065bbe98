// Write operations on accounts, device tokens and sessions. All accounts are one value in memory
// (State::accounts), because they are few. Each change makes a new value; a rollback restores the
// old one, and a commit publishes the new one.
#include <algorithm>

#include "storage/name_key.h"
#include "storage/sqlite/file/path_text.h"
#include "storage/sqlite/write/statements.h"

namespace holdfast::storage::sqlite {

namespace {

std::optional<std::uint64_t> quota(const Run& run, int column) {
  if (run.null(column)) return std::nullopt;
  return static_cast<std::uint64_t>(run.integer(column));
}

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : ",") + word;
  return text;
}

std::vector<std::string> split(std::string_view text) {
  std::vector<std::string> words;
  while (!text.empty()) {
    words.emplace_back(text.substr(0, text.find(',')));
    text.remove_prefix(std::min(text.size(), words.back().size() + 1));
  }
  return words;
}

// Puts `row` in place of the one with its id, or adds it; `rows` are in name order.
template <class Row>
void put_by_name(std::vector<Row>& rows, Row row) {
  std::erase_if(rows, [&](const Row& other) { return other.id == row.id; });
  const auto place =
      std::lower_bound(rows.begin(), rows.end(), row.name,
                       [](const Row& other, const std::string& name) { return other.name < name; });
  rows.insert(place, std::move(row));
}

}  // namespace

Counters read_counters(Connection& connection) {
  Statement counters(connection,
                     "SELECT next_node, next_content, resources, bytes, "
                     "(SELECT count(*) FROM lock), next_account, whole_since, "
                     "(SELECT max(second) FROM instant), "
                     "(SELECT coalesce(max(content), 0) FROM snapshot), changes_since FROM meta");
  Run run(counters);
  if (!run.row()) throw Error(Fault::corrupt, "the meta row is missing");
  Counters read{run.amount(0), run.amount(1), run.amount(2),
                run.amount(3), run.amount(4), run.amount(5)};
  read.whole_since = run.amount(6);
  if (!run.null(7)) read.last_second = run.amount(7);
  read.held_content = run.amount(8);
  read.changes_since = run.amount(9);
  return read;
}

std::shared_ptr<const Accounts> read_accounts(Connection& connection) {
  auto all = std::make_shared<Accounts>();
  all->any_ever = read_counters(connection).next_account > 1;
  Statement accounts(connection,
                     "SELECT id, name, password_hash, digest_sha256, digest_md5, certificate, "
                     "home, quota_bytes, quota_resources, created, suspended, networks "
                     "FROM account ORDER BY name");
  Statement grants(connection,
                   "SELECT path, access, node FROM account_grant WHERE account = ?1 ORDER BY path");
  const auto read_grants = [&](AccountId of, std::vector<Grant>& into) {
    for (Run grant(grants, of); grant.row();)
      into.push_back({sqlite::path_of(grant.text(0)),
                      static_cast<Right>(std::clamp<std::int64_t>(grant.integer(1), 0, 2)),
                      grant.integer(2)});
  };
  Statement memberships(connection,
                        "SELECT member_of FROM group_member WHERE account = ?1 ORDER BY member_of");
  for (Run run(accounts); run.row();) {
    Account& account = all->accounts.emplace_back();
    account.id = run.integer(0);
    account.name = run.text(1);
    account.password_hash = run.text(2);
    account.digest_sha256 = run.text(3);
    account.digest_md5 = run.text(4);
    account.certificate = run.text(5);
    account.home = sqlite::path_of(run.text(6));
    account.quota_bytes = quota(run, 7);
    account.quota_resources = quota(run, 8);
    account.created = run.amount(9);
    account.suspended = run.integer(10) != 0;
    account.networks = split(run.text(11));
    read_grants(account.id, account.grants);
    for (Run member(memberships, account.id); member.row();)
      account.groups.push_back(member.integer(0));
  }
  Statement groups(connection,
                   "SELECT id, name, quota_bytes, quota_resources, created FROM account_group "
                   "ORDER BY name");
  for (Run run(groups); run.row();) {
    Group& group = all->groups.emplace_back();
    group.id = run.integer(0);
    group.name = run.text(1);
    group.quota_bytes = quota(run, 2);
    group.quota_resources = quota(run, 3);
    group.created = run.amount(4);
    read_grants(group.id, group.grants);
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
    token.path = sqlite::path_of(run.text(5));
    if (!run.null(6)) token.expires = run.amount(6);
    token.created = run.amount(7);
  }
  Statement sessions(connection,
                     "SELECT id, account, hash, client, created, used FROM session ORDER BY id");
  for (Run run(sessions); run.row();) {
    Session& session = all->sessions.emplace_back();
    session.id = run.text(0);
    session.account = run.integer(1);
    run.bytes(2, session.hash);
    session.client = run.text(3);
    session.created = run.amount(4);
    session.used = run.amount(5);
  }
  Statement shares(connection,
                   "SELECT id, account, label, hash, password_hash, path, node, expires, uses, "
                   "used, created FROM share ORDER BY id");
  for (Run run(shares); run.row();) {
    Share& share = all->shares.emplace_back();
    share.id = run.text(0);
    share.account = run.integer(1);
    share.label = run.text(2);
    run.bytes(3, share.hash);
    share.password_hash = run.text(4);
    share.path = sqlite::path_of(run.text(5));
    share.node = run.integer(6);
    if (!run.null(7)) share.expires = run.amount(7);
    share.uses = static_cast<std::uint64_t>(run.amount(8));
    if (!run.null(9)) share.used = run.amount(9);
    share.created = run.amount(10);
  }
  all->index();
  return all;
}

std::shared_ptr<const Accounts> WriteTransaction::accounts() const { return state_.accounts; }

std::shared_ptr<Accounts> WriteTransaction::changing_accounts() {
  granted_ = {};
  // A value that only this transaction has was made by it, and is not made anew for each of many
  // accounts.
  if (state_.accounts.use_count() == 1)
    return std::const_pointer_cast<Accounts>(std::move(state_.accounts));
  return std::make_shared<Accounts>(*state_.accounts);
}

void WriteTransaction::write_grants(AccountId of, std::vector<Grant>& grants) {
  // The order is that in which the database returns the grants.
  std::sort(grants.begin(), grants.end(),
            [](const Grant& a, const Grant& b) { return text_of(a.path) < text_of(b.path); });
  Run(sql_->delete_grants, of).done();
  for (Grant& grant : grants) {
    const Resolution found = resolve(grant.path);
    grant.node = found.mapped() ? found.resource->id : 0;
    Run(sql_->insert_grant, of, text_of(grant.path), static_cast<int>(grant.right), grant.node)
        .done();
  }
}

AccountId WriteTransaction::put_account(Account account) {
  const Accounts& now = *state_.accounts;
  if (!account_name_allowed(account.name)) refuse("a name that no account may have");
  const bool added = account.id == kNobody;
  if (!added && !now.find(account.id)) refuse("no such account");
  const Account* const same_name = now.find(account.name);
  if (same_name && same_name->id != account.id) refuse("an account of this name exists");
  std::sort(account.groups.begin(), account.groups.end());
  for (const AccountId group : account.groups)
    if (!now.find_group(group)) refuse("no such group");
  administering();

  if (added) {
    account.id = counters_.next_account++;
    Run(sql_->insert_usage, account.id).done();
  }
  Run(sql_->put_account, account.id, account.name, account.password_hash, account.digest_sha256,
      account.digest_md5, account.certificate, text_of(account.home), account.quota_bytes,
      account.quota_resources, account.created, account.suspended, joined(account.networks))
      .done();
  write_grants(account.id, account.grants);
  Run(sql_->delete_memberships, account.id).done();
  for (const AccountId group : account.groups) Run(sql_->insert_member, account.id, group).done();

  const AccountId id = account.id;
  const Account* const before = added ? nullptr : now.find(id);
  const bool ends_sessions = before != nullptr && (before->password_hash != account.password_hash ||
                                                   account.suspended);
  if (ends_sessions) Run(sql_->delete_sessions, id).done();
  auto next = changing_accounts();
  next->any_ever = true;
  if (ends_sessions)
    std::erase_if(next->sessions, [&](const Session& session) { return session.account == id; });
  put_by_name(next->accounts, std::move(account));
  next->index();
  state_.accounts = std::move(next);
  return id;
}

AccountId WriteTransaction::put_group(Group group) {
  const Accounts& now = *state_.accounts;
  if (!account_name_allowed(group.name)) refuse("a name that no group may have");
  const bool added = group.id == kNobody;
  if (!added && !now.find_group(group.id)) refuse("no such group");
  const Group* const same_name = now.find_group(group.name);
  if (same_name && same_name->id != group.id) refuse("a group of this name exists");
  administering();

  if (added) {
    group.id = counters_.next_account++;
    Run(sql_->insert_group_usage, group.id).done();
  }
  Run(sql_->put_group, group.id, group.name, group.quota_bytes, group.quota_resources,
      group.created)
      .done();
  write_grants(group.id, group.grants);

  const AccountId id = group.id;
  auto next = changing_accounts();
  put_by_name(next->groups, std::move(group));
  next->index();
  state_.accounts = std::move(next);
  return id;
}

void WriteTransaction::remove_group(AccountId id) {
  if (!state_.accounts->find_group(id)) refuse("no such group");
  changing();
  Run(sql_->delete_group_usage, id).done();
  Run(sql_->delete_members, id).done();
  Run(sql_->delete_grants, id).done();
  Run(sql_->delete_group, id).done();

  auto next = changing_accounts();
  std::erase_if(next->groups, [&](const Group& group) { return group.id == id; });
  for (Account& account : next->accounts) std::erase(account.groups, id);
  next->index();
  state_.accounts = std::move(next);
}

void WriteTransaction::remove_account(AccountId id) {
  const Account* const gone = state_.accounts->find(id);
  if (!gone) refuse("no such account");
  changing();
  Run(sql_->delete_account, id).done();
  Run(sql_->delete_grants, id).done();
  Run(sql_->delete_memberships, id).done();
  Run(sql_->delete_tokens, id).done();
  Run(sql_->delete_sessions, id).done();
  Run(sql_->delete_shares, id).done();
  Run(sql_->delete_usage, id).done();
  Run(sql_->delete_locks_of, id).done();
  counters_.locks -= connection_.changes();

  auto next = changing_accounts();
  std::erase_if(next->accounts, [&](const Account& account) { return account.id == id; });
  std::erase_if(next->tokens, [&](const DeviceToken& token) { return token.account == id; });
  std::erase_if(next->sessions, [&](const Session& session) { return session.account == id; });
  std::erase_if(next->shares, [&](const Share& share) { return share.account == id; });
  next->index();
  state_.accounts = std::move(next);
}

void WriteTransaction::put_token(DeviceToken token) {
  if (!state_.accounts->find(token.account)) refuse("no such account");
  administering();
  Run(sql_->put_token, token.id, token.account, token.label,
      Blob{token.hash.data(), token.hash.size()}, token.read_only, text_of(token.path),
      token.expires, token.created)
      .done();

  auto next = changing_accounts();
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
  auto next = changing_accounts();
  std::erase_if(next->tokens, [&](const DeviceToken& token) { return token.id == id; });
  state_.accounts = std::move(next);
  return true;
}

void WriteTransaction::put_session(Session session) {
  if (!state_.accounts->find(session.account)) refuse("no such account");
  administering();
  Run(sql_->put_session, session.id, session.account,
      Blob{session.hash.data(), session.hash.size()}, session.client, session.created, session.used)
      .done();

  auto next = changing_accounts();
  std::erase_if(next->sessions, [&](const Session& other) { return other.id == session.id; });
  const auto place = std::lower_bound(
      next->sessions.begin(), next->sessions.end(), session.id,
      [](const Session& other, const std::string& wanted) { return other.id < wanted; });
  next->sessions.insert(place, std::move(session));
  state_.accounts = std::move(next);
}

bool WriteTransaction::remove_session(std::string_view id) {
  acting();
  Run(sql_->delete_session, id).done();
  if (connection_.changes() == 0) return false;
  changing();
  auto next = changing_accounts();
  std::erase_if(next->sessions, [&](const Session& session) { return session.id == id; });
  state_.accounts = std::move(next);
  return true;
}

void WriteTransaction::put_share(Share share) {
  if (!state_.accounts->find(share.account)) refuse("no such account");
  administering();
  Run(sql_->put_share, share.id, share.account, share.label,
      Blob{share.hash.data(), share.hash.size()}, share.password_hash, text_of(share.path),
      share.node, share.expires, share.uses, share.used, share.created)
      .done();

  auto next = changing_accounts();
  std::erase_if(next->shares, [&](const Share& other) { return other.id == share.id; });
  const auto place =
      std::lower_bound(next->shares.begin(), next->shares.end(), share.id,
                       [](const Share& other, const std::string& wanted) { return other.id < wanted; });
  next->shares.insert(place, std::move(share));
  state_.accounts = std::move(next);
}

bool WriteTransaction::remove_share(std::string_view id) {
  acting();
  Run(sql_->delete_share, id).done();
  if (connection_.changes() == 0) return false;
  changing();
  auto next = changing_accounts();
  std::erase_if(next->shares, [&](const Share& share) { return share.id == id; });
  state_.accounts = std::move(next);
  return true;
}

}  // namespace holdfast::storage::sqlite
