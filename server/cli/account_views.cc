#include "server/cli/account_views.h"

#include <algorithm>
#include <string>
#include <vector>

#include "server/auth/account_index.h"
#include "server/cli/table.h"
#include "server/cli/values.h"
#include "server/json/writer.h"

namespace holdfast::server::cli {
namespace {

using storage::Account;
using storage::Accounts;
using storage::DeviceToken;
using storage::Grant;
using storage::Group;
using storage::Namespace;

std::vector<std::string> ways_to_sign_in(const Account& account) {
  std::vector<std::string> ways;
  if (!account.password_hash.empty()) ways.emplace_back("password");
  if (!account.digest_sha256.empty() || !account.digest_md5.empty()) ways.emplace_back("digest");
  if (!account.certificate.empty()) ways.emplace_back("certificate");
  return ways;
}

std::vector<std::string> shown_grants(const std::vector<Grant>& grants) {
  std::vector<std::string> out;
  for (const Grant& grant : grants)
    out.push_back(shown(grant.path) + "=" + std::string(to_string(grant.right)));
  return out;
}

std::vector<std::string> groups_of(const Accounts& all, const Account& account) {
  std::vector<std::string> out;
  for (const storage::AccountId id : account.groups)
    if (const Group* group = all.find_group(id)) out.push_back(group->name);
  std::sort(out.begin(), out.end());
  return out;
}

std::vector<std::string> members_of(const Accounts& all, const Group& group) {
  std::vector<std::string> out;
  for (const Account& account : all.accounts)
    if (std::binary_search(account.groups.begin(), account.groups.end(), group.id))
      out.push_back(account.name);
  return out;
}

std::vector<std::string> shown_all(std::vector<std::string> names) {
  for (std::string& name : names) name = shown(std::string_view(name));
  return names;
}

std::string of_quota(std::uint64_t used, std::optional<std::uint64_t> quota) {
  return std::to_string(used) + (quota ? "/" + std::to_string(*quota) : std::string());
}

void append_grants(json::Writer& json, const std::vector<Grant>& grants) {
  json.key("grants").array([&] {
    for (const Grant& grant : grants)
      json.object([&] {
        json.member("path", shown(grant.path));
        json.member("right", to_string(grant.right));
        json.member("exists", grant.node != 0);
      });
  });
}

// Returns how many of the bytes are kept of the past.
std::uint64_t kept_bytes(const storage::Snapshot& snapshot, storage::AccountId of) {
  const storage::Kept kept = snapshot.kept_of(of);
  return kept.trash_bytes + kept.version_bytes;
}

template <class Owner>
void append_quota(json::Writer& json, const Owner& owner, const storage::Snapshot& snapshot) {
  const storage::Usage used = snapshot.usage_of(owner.id);
  const storage::Kept kept = snapshot.kept_of(owner.id);
  json.member("used_resources", used.resources);
  json.member("quota_resources", owner.quota_resources);
  json.member("used_bytes", used.bytes);
  json.member("quota_bytes", owner.quota_bytes);
  json.member("trash_bytes", kept.trash_bytes);
  json.member("version_bytes", kept.version_bytes);
}

void append_token(json::Writer& json, const DeviceToken& token, const Account& owner,
                  storage::Millis now) {
  json.object([&] {
    json.member("id", token.id);
    json.member("account", owner.name);
    json.member("label", token.label);
    json.member("right", token.read_only ? "read" : "write");
    json.member("path", shown(token.path));
    json.member("created", moment(token.created));
    json.member("expires", token.expires ? std::optional(moment(*token.expires)) : std::nullopt);
    json.member("expired", token.expires && *token.expires <= now);
  });
}

void append_account(json::Writer& json, const Accounts& all, const Account& account,
                    const storage::Snapshot& snapshot) {
  json.object([&] {
    json.member("name", account.name);
    json.member("suspended", account.suspended);
    json.member("sign_in", ways_to_sign_in(account));
    json.member("networks", account.networks);
    json.member("home", shown(account.home));
    json.member("groups", groups_of(all, account));
    append_grants(json, account.grants);
    append_quota(json, account, snapshot);
    json.member("created", moment(account.created));
    json.key("tokens").array([&] {
      for (const DeviceToken& token : all.tokens)
        if (token.account == account.id) append_token(json, token, account, snapshot.wall_now());
    });
  });
}

void append_group(json::Writer& json, const Accounts& all, const Group& group,
                  const storage::Snapshot& snapshot) {
  json.object([&] {
    json.member("name", group.name);
    json.member("members", members_of(all, group));
    append_grants(json, group.grants);
    append_quota(json, group, snapshot);
    json.member("created", moment(group.created));
  });
}

std::vector<std::string> row_of(const DeviceToken& token, const Account& owner,
                                storage::Millis now) {
  std::string expires = "never";
  if (token.expires) expires = *token.expires <= now ? "expired" : day(*token.expires);
  return {token.id,
          shown(std::string_view(owner.name)),
          token.read_only ? "read" : "write",
          shown(token.path),
          day(token.created),
          std::move(expires),
          shown(std::string_view(token.label))};
}

void append_grant_rows(Table& table, const std::vector<Grant>& grants, const std::string& whose) {
  for (const Grant& grant : grants)
    table.push_back({shown(grant.path), std::string(to_string(grant.right)), whose,
                     grant.node == 0 ? "nothing is there yet" : ""});
}

// A table with its rows below the heading; nothing for a table without rows.
std::string section(const Table& table) {
  return table.size() > 1 ? "\n" + text_of(table) : std::string();
}

}  // namespace

const Account& find_account(const Accounts& all, std::string_view name) {
  if (const Account* found = all.find(name)) return *found;
  throw process::UsageError("There is no account " + in_quotes(name) + ".");
}

const Group& find_group(const Accounts& all, std::string_view name) {
  if (const Group* found = all.find_group(name)) return *found;
  throw process::UsageError("There is no group " + in_quotes(name) + ".");
}

ControlReply list_accounts(const Namespace& names, bool json) {
  const auto now = names.accounts();
  const auto snapshot = names.snapshot();
  if (json) {
    json::Writer out;
    out.object([&] {
      out.key("accounts").array([&] {
        for (const Account& account : now->accounts) append_account(out, *now, account, *snapshot);
      });
    });
    return {0, out.text()};
  }
  std::vector<std::size_t> tokens(now->accounts.size());
  for (const DeviceToken& token : now->tokens)
    if (const Account* owner = now->find(token.account))
      ++tokens[static_cast<std::size_t>(owner - now->accounts.data())];
  Table table = {
      {"NAME", "SIGN-IN", "RESOURCES", "BYTES", "HISTORY", "TOKENS", "HOME", "GROUPS", "GRANTS"}};
  for (std::size_t i = 0; i < now->accounts.size(); ++i) {
    const Account& account = now->accounts[i];
    const storage::Usage usage = snapshot->usage_of(account.id);
    table.push_back({shown(std::string_view(account.name)),
                     account.suspended ? "suspended" : joined(ways_to_sign_in(account)),
                     of_quota(usage.resources, account.quota_resources),
                     of_quota(usage.bytes, account.quota_bytes),
                     std::to_string(kept_bytes(*snapshot, account.id)), std::to_string(tokens[i]),
                     shown(account.home), joined(shown_all(groups_of(*now, account))),
                     joined(shown_grants(account.grants))});
  }
  const std::string total = counted(now->accounts.size(), "account.\n", "accounts.\n");
  return {0, (now->accounts.empty() ? std::string() : text_of(table)) + total};
}

ControlReply show_account(const Namespace& names, std::string_view name, bool json) {
  const auto now = names.accounts();
  const auto snapshot = names.snapshot();
  const Account& account = find_account(*now, name);
  if (json) {
    json::Writer out;
    append_account(out, *now, account, *snapshot);
    return {0, out.text()};
  }
  const storage::Usage used = snapshot->usage_of(account.id);
  const std::vector<std::string> networks = account.networks;
  std::string text =
      text_of({{"name", shown(std::string_view(account.name))},
               {"sign-in", account.suspended ? "suspended" : joined(ways_to_sign_in(account))},
               {"networks", networks.empty() ? "any" : joined(networks)},
               {"home", shown(account.home)},
               {"groups", joined(shown_all(groups_of(*now, account)))},
               {"resources", of_quota(used.resources, account.quota_resources)},
               {"bytes", of_quota(used.bytes, account.quota_bytes)},
               {"history", std::to_string(kept_bytes(*snapshot, account.id))},
               {"created", moment(account.created)}});
  Table grants = {{"PATH", "RIGHT", "OF", ""}};
  append_grant_rows(grants, account.grants, "the account");
  for (const storage::AccountId id : account.groups)
    if (const Group* group = now->find_group(id))
      append_grant_rows(grants, group->grants, "group " + shown(std::string_view(group->name)));
  text += section(grants);
  Table tokens = {{"ID", "ACCOUNT", "RIGHT", "PATH", "CREATED", "EXPIRES", "LABEL"}};
  for (const DeviceToken& token : now->tokens)
    if (token.account == account.id) tokens.push_back(row_of(token, account, snapshot->wall_now()));
  return {0, text + section(tokens)};
}

ControlReply list_tokens(const Namespace& names, std::string_view only, bool json) {
  const auto now = names.accounts();
  const storage::Millis time = names.snapshot()->wall_now();
  const Account* const one = only.empty() ? nullptr : &find_account(*now, only);
  Table table = {{"ID", "ACCOUNT", "RIGHT", "PATH", "CREATED", "EXPIRES", "LABEL"}};
  json::Writer out;
  out.object([&] {
    out.key("tokens").array([&] {
      for (const DeviceToken& token : now->tokens) {
        const Account* const owner = now->find(token.account);
        if (!owner || (one && owner != one)) continue;
        append_token(out, token, *owner, time);
        table.push_back(row_of(token, *owner, time));
      }
    });
  });
  if (json) return {0, out.text()};
  const std::string total = counted(table.size() - 1, "token.\n", "tokens.\n");
  return {0, (table.size() == 1 ? std::string() : text_of(table)) + total};
}

ControlReply list_shares(const Namespace& names, std::string_view only, bool json) {
  const auto now = names.accounts();
  const auto snapshot = names.snapshot();
  const Account* const one = only.empty() ? nullptr : &find_account(*now, only);
  Table table = {{"ID", "ACCOUNT", "PATH", "PASSWORD", "EXPIRES", "USES", "LABEL"}};
  const auto moment_of = [](const std::optional<storage::Millis>& at) {
    return at ? std::optional(moment(*at)) : std::nullopt;
  };
  json::Writer out;
  out.object([&] {
    out.key("shares").array([&] {
      for (const storage::Share& share : now->shares) {
        const Account* const owner = now->find(share.account);
        if (!owner || (one && owner != one)) continue;
        const storage::Resolution at = snapshot->resolve(share.path);
        const bool ended = !at.mapped() || at.resource->id != share.node ||
                           (share.expires && *share.expires <= snapshot->wall_now());
        out.object([&] {
          out.member("id", share.id);
          out.member("account", owner->name);
          out.member("path", shown(share.path));
          out.member("label", share.label);
          out.member("password", !share.password_hash.empty());
          out.member("created", moment(share.created));
          out.member("expires", moment_of(share.expires));
          out.member("uses", share.uses);
          out.member("used", moment_of(share.used));
          out.member("ended", ended);
        });
        table.push_back({share.id, shown(std::string_view(owner->name)), shown(share.path),
                         share.password_hash.empty() ? "no" : "yes",
                         ended           ? "ended"
                         : share.expires ? day(*share.expires)
                                         : "never",
                         std::to_string(share.uses), shown(std::string_view(share.label))});
      }
    });
  });
  if (json) return {0, out.text()};
  const std::string total = counted(table.size() - 1, "link.\n", "links.\n");
  return {0, (table.size() == 1 ? std::string() : text_of(table)) + total};
}

ControlReply list_sessions(const Namespace& names, std::string_view only, bool json) {
  const auto now = names.accounts();
  const storage::Millis time = names.snapshot()->wall_now();
  const Account* const one = only.empty() ? nullptr : &find_account(*now, only);
  Table table = {{"ID", "ACCOUNT", "SINCE", "USED", "ENDS", "CLIENT"}};
  json::Writer out;
  out.object([&] {
    out.key("sessions").array([&] {
      for (const storage::Session& session : now->sessions) {
        const Account* const owner = now->find(session.account);
        if (!owner || (one && owner != one)) continue;
        const storage::Millis ends = auth::end_of(session);
        out.object([&] {
          out.member("id", session.id);
          out.member("account", owner->name);
          out.member("client", session.client);
          out.member("created", moment(session.created));
          out.member("used", moment(session.used));
          out.member("ends", moment(ends));
          out.member("ended", ends <= time);
        });
        table.push_back({session.id, shown(std::string_view(owner->name)), day(session.created),
                         day(session.used), ends <= time ? "ended" : day(ends),
                         shown(std::string_view(session.client))});
      }
    });
  });
  if (json) return {0, out.text()};
  const std::string total = counted(table.size() - 1, "session.\n", "sessions.\n");
  return {0, (table.size() == 1 ? std::string() : text_of(table)) + total};
}

ControlReply list_groups(const Namespace& names, bool json) {
  const auto now = names.accounts();
  const auto snapshot = names.snapshot();
  if (json) {
    json::Writer out;
    out.object([&] {
      out.key("groups").array([&] {
        for (const Group& group : now->groups) append_group(out, *now, group, *snapshot);
      });
    });
    return {0, out.text()};
  }
  Table table = {{"NAME", "MEMBERS", "RESOURCES", "BYTES", "GRANTS"}};
  for (const Group& group : now->groups) {
    const storage::Usage usage = snapshot->usage_of(group.id);
    table.push_back({shown(std::string_view(group.name)),
                     std::to_string(members_of(*now, group).size()),
                     of_quota(usage.resources, group.quota_resources),
                     of_quota(usage.bytes, group.quota_bytes), joined(shown_grants(group.grants))});
  }
  const std::string total = counted(now->groups.size(), "group.\n", "groups.\n");
  return {0, (now->groups.empty() ? std::string() : text_of(table)) + total};
}

ControlReply show_group(const Namespace& names, std::string_view name, bool json) {
  const auto now = names.accounts();
  const auto snapshot = names.snapshot();
  const Group& group = find_group(*now, name);
  if (json) {
    json::Writer out;
    append_group(out, *now, group, *snapshot);
    return {0, out.text()};
  }
  const storage::Usage used = snapshot->usage_of(group.id);
  std::string text = text_of({{"name", shown(std::string_view(group.name))},
                              {"members", joined(shown_all(members_of(*now, group)))},
                              {"resources", of_quota(used.resources, group.quota_resources)},
                              {"bytes", of_quota(used.bytes, group.quota_bytes)},
                              {"history", std::to_string(kept_bytes(*snapshot, group.id))},
                              {"created", moment(group.created)}});
  Table grants = {{"PATH", "RIGHT", "OF", ""}};
  append_grant_rows(grants, group.grants, "the group");
  return {0, text + section(grants)};
}

}  // namespace holdfast::server::cli
