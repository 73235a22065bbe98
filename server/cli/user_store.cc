// The store's half of `holdfast user …`.
#include "server/cli/user_store.h"

#include <algorithm>
#include <iterator>
#include <optional>
#include <stdexcept>
#include <vector>

#include "server/cli/account_views.h"
#include "server/cli/history.h"
#include "server/cli/past.h"
#include "server/cli/table.h"
#include "server/cli/values.h"
#include "storage/name_key.h"

namespace holdfast::server::cli {
namespace {

using storage::Account;
using storage::AccountId;
using storage::Accounts;
using storage::DeviceToken;
using storage::Flush;
using storage::Grant;
using storage::Namespace;
using storage::Path;
using storage::Right;
using storage::Transaction;

// Sets the quotas of an account or a group.
template <class Owner>
void take_quotas(Owner& owner, const UserRequest& request) {
  if (request.has("bytes")) owner.quota_bytes = parse_quota(request.value("bytes"), true);
  if (request.has("resources"))
    owner.quota_resources = parse_quota(request.value("resources"), false);
}

process::UsageError exists_already(std::string_view name) {
  return process::UsageError("The account " + in_quotes(name) + " exists already.");
}

// Makes missing collections on the way to the home; the account owns only the home itself.
void make_home(Transaction& tx, const Path& home, AccountId owner) {
  Path at;
  for (const std::string& segment : home.segments()) {
    at = at.child(segment);
    const storage::Resolution found = tx.resolve(at);
    if (!found.mapped()) {
      tx.make_collection(*found.parent, segment,
                         at.depth() == home.depth() ? owner : storage::kNobody);
    } else if (!found.resource->is_collection()) {
      throw process::UsageError("The home cannot be " + shown(home) + ", because " + shown(at) +
                                " is a file.");
    }
  }
}

void take_password(Account& account, const UserRequest& request) {
  account.password_hash = request.value("hash");
  account.digest_sha256 = request.value("digest-sha256");
  account.digest_md5 = request.value("digest-md5");
}

// Ends a command that must ask first.
struct Question : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// Returns the home that an account of this name gets.
Path home_of(const UserRequest& request) {
  const std::string_view name = request.value("name");
  if (request.has("home")) return parse_path(request.value("home"));
  if (name.find('/') != std::string_view::npos || name == "." || name == "..")
    throw process::UsageError("With this name, say where the home is: --home PATH.");
  return Path().child(std::string(name));
}

// Returns the home that an account gets by its name alone when something is stored there already:
// whoever made it for something else would let the account write there.
std::optional<std::string> home_in_use(const storage::Snapshot& snapshot,
                                       const UserRequest& request) {
  if (request.has("home") || request.has("yes")) return std::nullopt;
  const Path home = home_of(request);
  const storage::Resolution found = snapshot.resolve(home);
  if (!found.mapped() || snapshot.count(*found.resource, 1) <= 1) return std::nullopt;
  return shown(home);
}

void ask_about_home(const storage::Snapshot& snapshot, const UserRequest& request) {
  if (const auto home = home_in_use(snapshot, request))
    throw Question("The account could write in " + *home + ", where something is stored");
}

// Returns the account that a request to add one describes, without an id.
Account new_account(const UserRequest& request) {
  Account account;
  account.name = request.value("name");
  if (!storage::new_account_name_allowed(account.name))
    throw process::UsageError(in_quotes(account.name) + " is no name for an account.");
  account.home = home_of(request);
  take_password(account, request);
  take_quotas(account, request);
  return account;
}

ControlReply add(Namespace& names, const UserRequest& request) {
  const Account account = new_account(request);
  bool first = false;
  std::uint64_t there = 0;
  names.write(Flush::required, [&](Transaction& tx) {
    const auto now = tx.accounts();
    if (now->find(account.name)) throw exists_already(account.name);
    ask_about_home(tx, request);
    first = now->accounts.empty();
    there = tx.usage().resources - 1;  // the root
    Account made = account;
    made.created = tx.wall_now();
    make_home(tx, made.home, tx.put_account(made));
  });
  std::string text = "Account " + in_quotes(account.name) + " added, with its home at " +
                     shown(account.home) + ".\n";
  if (first)
    text +=
        "From now on nothing is open to clients without an account, unless --anonymous says so.\n";
  if (first && there > 0 && !account.home.is_root())
    text += "What was stored before, " + counted(there, "resource", "resources") +
            ", is nobody's, and the account sees none of it outside of its home. To let it:\n"
            "  holdfast user grant " +
            in_quotes(account.name) +
            " / write\n"
            "  holdfast user adopt " +
            in_quotes(account.name) + " /\n";
  return {0, std::move(text)};
}

// Adds the accounts of a request, each one line as for adding it alone, with the line of the file
// that it came from.
ControlReply import_accounts(Namespace& names, const UserRequest& request) {
  struct Line {
    std::string number;
    UserRequest request;
    Account account;
    std::vector<std::string> groups;
  };
  std::vector<Line> lines;
  for (std::string_view rest = request.value("accounts"); !rest.empty();) {
    const std::string_view text = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(rest.size(), text.size() + 1));
    const auto each = parse_user_request(text);
    if (!each) return {1, "The server does not understand this file; is it of another version?\n"};
    Line line;
    line.number = each->value("line");
    try {
      line.account = new_account(*each);
    } catch (const process::UsageError& error) {
      throw process::UsageError("Line " + line.number + ": " + error.what());
    }
    for (std::string_view all = each->value("groups"); !all.empty();) {
      const std::string_view group = all.substr(0, all.find('\n'));
      all.remove_prefix(std::min(all.size(), group.size() + 1));
      line.groups.emplace_back(group);
    }
    line.request = *each;
    lines.push_back(std::move(line));
  }
  names.write(Flush::required, [&](Transaction& tx) {
    for (const Line& line : lines) try {
        Account made = line.account;
        made.created = tx.wall_now();
        {
          const auto now = tx.accounts();
          if (now->find(made.name)) throw exists_already(made.name);
          if (const auto home = home_in_use(tx, line.request))
            throw process::UsageError("The account could write in " + *home +
                                      ", where something is stored; say its home in the file.");
          for (const std::string& group : line.groups)
            made.groups.push_back(find_group(*now, group).id);
        }
        std::sort(made.groups.begin(), made.groups.end());
        make_home(tx, made.home, tx.put_account(made));
      } catch (const process::UsageError& error) {
        throw process::UsageError("Line " + line.number + ": " + error.what());
      }
  });
  return {0, counted(lines.size(), "account added.\n", "accounts added.\n")};
}

// Applies `change` to the account that the request names.
ControlReply change(Namespace& names, const UserRequest& request, const std::string& done,
                    const std::function<void(Account&, const Accounts&)>& change_it) {
  names.write(Flush::required, [&](Transaction& tx) {
    const auto now = tx.accounts();
    Account account = find_account(*now, request.value("name"));
    change_it(account, *now);
    tx.put_account(std::move(account));
  });
  return {0, "Account " + in_quotes(request.value("name")) + " " + done + ".\n"};
}

ControlReply passwd(Namespace& names, const UserRequest& request) {
  return change(names, request,
                request.has("hash") ? "has a new password" : "has no password any more",
                [&](Account& account, const Accounts&) { take_password(account, request); });
}

ControlReply rename(Namespace& names, const UserRequest& request) {
  const std::string name(request.value("name"));
  const std::string new_name(request.value("new-name"));
  if (!storage::new_account_name_allowed(new_name))
    throw process::UsageError(std::string(kNameRule));
  bool had_digest = false;
  names.write(Flush::required, [&](Transaction& tx) {
    const auto now = tx.accounts();
    Account account = find_account(*now, name);
    if (now->find(new_name)) throw exists_already(new_name);
    account.name = new_name;
    // The secrets contain the name.
    had_digest = !account.digest_sha256.empty() || !account.digest_md5.empty();
    account.digest_sha256.clear();
    account.digest_md5.clear();
    tx.put_account(std::move(account));
  });
  std::string text = "Account " + in_quotes(name) + " is " + in_quotes(new_name) +
                     " now. Its home, grants, tokens and locks stay as they are.\n";
  if (had_digest)
    text += "It signs in by Digest no more, because that needs the name: set its password again.\n";
  return {0, std::move(text)};
}

ControlReply suspend(Namespace& names, const UserRequest& request, bool suspended) {
  return change(names, request,
                suspended ? "is suspended: nobody signs in as it. Its locks stay until they expire"
                          : "can sign in again",
                [&](Account& account, const Accounts&) { account.suspended = suspended; });
}

ControlReply networks(Namespace& names, const UserRequest& request) {
  const std::vector<std::string> wanted = parse_networks(request.value("networks"));
  return change(
      names, request,
      wanted.empty() ? "signs in from everywhere" : "signs in from " + joined(wanted) + " only",
      [&](Account& account, const Accounts&) { account.networks = wanted; });
}

ControlReply group_add(Namespace& names, const UserRequest& request) {
  storage::Group group;
  group.name = request.value("group");
  if (!storage::new_account_name_allowed(group.name))
    throw process::UsageError(std::string(kNameRule));
  take_quotas(group, request);
  names.write(Flush::required, [&](Transaction& tx) {
    if (tx.accounts()->find_group(group.name))
      throw process::UsageError("The group " + in_quotes(group.name) + " exists already.");
    storage::Group made = group;
    made.created = tx.wall_now();
    tx.put_group(std::move(made));
  });
  return {0, "Group " + in_quotes(group.name) + " added. It has no members and no grants yet.\n"};
}

ControlReply group_remove(Namespace& names, const UserRequest& request) {
  const std::string_view name = request.value("group");
  names.write(Flush::required,
              [&](Transaction& tx) { tx.remove_group(find_group(*tx.accounts(), name).id); });
  return {0, "Group " + in_quotes(name) + " removed, with its grants. Its members stay.\n"};
}

ControlReply group_quota(Namespace& names, const UserRequest& request) {
  if (!request.has("bytes") && !request.has("resources"))
    throw process::UsageError("Say which quota is meant: --bytes N, --resources N, or both.");
  const std::string_view name = request.value("group");
  names.write(Flush::required, [&](Transaction& tx) {
    storage::Group group = find_group(*tx.accounts(), name);
    take_quotas(group, request);
    tx.put_group(std::move(group));
  });
  return {0, "Group " + in_quotes(name) + " has a new quota.\n"};
}

ControlReply group_join(Namespace& names, const UserRequest& request, bool joins) {
  const std::string_view group = request.value("group");
  return change(names, request, "is in group " + in_quotes(group) + (joins ? "" : " no more"),
                [&](Account& account, const Accounts& all) {
                  const AccountId id = find_group(all, group).id;
                  const auto known = std::find(account.groups.begin(), account.groups.end(), id);
                  if (joins == (known != account.groups.end()))
                    throw process::UsageError("The account " + in_quotes(account.name) +
                                              (joins ? " is in group " : " is not in group ") +
                                              in_quotes(group) + (joins ? " already." : "."));
                  if (joins) {
                    account.groups.push_back(id);
                  } else {
                    account.groups.erase(known);
                  }
                });
}

ControlReply quota(Namespace& names, const UserRequest& request) {
  if (!request.has("bytes") && !request.has("resources"))
    throw process::UsageError("Say which quota is meant: --bytes N, --resources N, or both.");
  return change(names, request, "has a new quota",
                [&](Account& account, const Accounts&) { take_quotas(account, request); });
}

ControlReply certificate(Namespace& names, const UserRequest& request) {
  const std::string_view sha256 = request.value("sha256");
  return change(names, request,
                sha256.empty() ? "has no certificate any more" : "has a certificate",
                [&](Account& account, const Accounts& all) {
                  for (const Account& other : all.accounts)
                    if (!sha256.empty() && other.id != account.id && other.certificate == sha256)
                      throw process::UsageError("That certificate is the account " +
                                                in_quotes(other.name) + "'s.");
                  account.certificate = sha256;
                });
}

// Where grants are: the account or the group that a request names.
struct Holder {
  bool is_group = false;
  std::string name;

  [[nodiscard]] std::string text() const {
    return std::string(is_group ? "group " : "account ") + in_quotes(name);
  }
};

Holder holder_of(const UserRequest& request) {
  return {request.has("group"),
          std::string(request.value(request.has("group") ? "group" : "name"))};
}

// Returns the subject of a sentence.
std::string subject(const Holder& holder) {
  std::string text = holder.text();
  text.front() = static_cast<char>(text.front() - 'a' + 'A');
  return text;
}

// Applies `change_it` to the grants of the account or group.
void change_grants(Namespace& names, const Holder& holder,
                   const std::function<void(std::vector<Grant>&, const Account*)>& change_it) {
  names.write(Flush::required, [&](Transaction& tx) {
    const auto now = tx.accounts();
    if (holder.is_group) {
      storage::Group group = find_group(*now, holder.name);
      change_it(group.grants, nullptr);
      tx.put_group(std::move(group));
    } else {
      Account account = find_account(*now, holder.name);
      change_it(account.grants, &account);
      tx.put_account(std::move(account));
    }
  });
}

std::vector<Grant>::iterator grant_at(std::vector<Grant>& grants, const Path& path) {
  return std::find_if(grants.begin(), grants.end(),
                      [&](const Grant& grant) { return storage::same_path(grant.path, path); });
}

ControlReply grant(Namespace& names, const UserRequest& request) {
  const Path path = parse_path(request.value("path"));
  const Right right = parse_right(request.value("right"));
  const Holder holder = holder_of(request);
  change_grants(names, holder, [&](std::vector<Grant>& grants, const Account* account) {
    if (account && storage::same_path(account->home, path))
      throw process::UsageError(shown(path) + " is the account's home, where it may always write.");
    const auto known = grant_at(grants, path);
    if (known != grants.end()) {
      known->right = right;
    } else {
      grants.push_back({path, right});
    }
  });
  std::string text = subject(holder) + " may " +
                     std::string(right == Right::none ? "do nothing" : to_string(right)) + " at " +
                     shown(path) + " and below.\n";
  if (!names.snapshot()->resolve(path).mapped())
    text += "Nothing is there yet: the grant waits for what is made there first.\n";
  return {0, std::move(text)};
}

ControlReply revoke(Namespace& names, const UserRequest& request) {
  const Path path = parse_path(request.value("path"));
  const Holder holder = holder_of(request);
  change_grants(names, holder, [&](std::vector<Grant>& grants, const Account*) {
    const auto known = grant_at(grants, path);
    if (known == grants.end())
      throw process::UsageError("The " + holder.text() + " has no grant at " + shown(path) + ".");
    grants.erase(known);
  });
  return {0, subject(holder) + " has no grant at " + shown(path) + " any more.\n"};
}

ControlReply adopt(Namespace& names, const UserRequest& request) {
  const Path path = parse_path(request.value("path"));
  storage::Usage adopted;
  storage::Usage owned;
  Account account;
  names.write(Flush::required, [&](Transaction& tx) {
    account = find_account(*tx.accounts(), request.value("name"));
    const storage::Resolution found = tx.resolve(path);
    if (!found.mapped()) throw process::UsageError("There is nothing at " + shown(path) + ".");
    adopted = tx.adopt_tree(*found.resource, account.id);
    owned = tx.usage_of(account.id);
  });
  std::string text = "Account " + in_quotes(account.name) + " owns " +
                     counted(adopted.resources, "more resource", "more resources") + " with " +
                     counted(adopted.bytes, "byte.", "bytes.") + "\n";
  if (owned.bytes > account.quota_bytes.value_or(owned.bytes) ||
      owned.resources > account.quota_resources.value_or(owned.resources))
    text += "That is more than its quota: it can add nothing until it removes some.\n";
  return {0, std::move(text)};
}

ControlReply remove(Namespace& names, const UserRequest& request) {
  std::uint64_t left = 0;
  bool last = false;
  names.write(Flush::required, [&](Transaction& tx) {
    const auto now = tx.accounts();
    const Account& gone = find_account(*now, request.value("name"));
    left = tx.usage_of(gone.id).resources;
    last = now->accounts.size() == 1;
    if (last && !request.has("yes"))
      throw Question("Account " + in_quotes(gone.name) +
                     " is the last one: without it nobody can sign in, and anonymous clients may "
                     "do only what --anonymous says, by default nothing");
    tx.remove_account(gone.id);
  });
  std::string text = "Account " + in_quotes(request.value("name")) +
                     " removed, with its tokens and locks. What it owned stays: " +
                     counted(left, "resource.", "resources.") + "\n";
  if (last)
    text +=
        "There are no accounts any more: anonymous clients may do what --anonymous says, by "
        "default "
        "nothing.\n";
  return {0, std::move(text)};
}

ControlReply token_add(Namespace& names, const UserRequest& request) {
  DeviceToken token;
  token.id = request.value("id");
  token.label = request.value("label");
  const std::string_view hash = request.value("hash");
  if (token.id.empty() || hash.size() != token.hash.size())
    return {1, "The server does not understand this token; is it of another version?\n"};
  std::copy(hash.begin(), hash.end(), token.hash.begin());
  check_label(token.label);
  token.read_only = request.has("read-only");
  if (request.has("path")) token.path = parse_path(request.value("path"));
  std::optional<std::int64_t> lives_s;
  if (request.has("expires")) lives_s = parse_expiry_s(request.value("expires"));
  names.write(Flush::required, [&](Transaction& tx) {
    const auto now = tx.accounts();
    DeviceToken made = token;
    made.account = find_account(*now, request.value("name")).id;
    if (now->find_token(made.id)) throw process::UsageError("The token's id is taken; try again.");
    made.created = tx.wall_now();
    if (lives_s) made.expires = made.created + *lives_s * 1000;
    tx.put_token(std::move(made));
  });
  return {0, "Token " + token.id + " added. It is shown only here:\n"};
}

ControlReply token_remove(Namespace& names, const UserRequest& request) {
  const std::string_view id = request.value("id");
  names.write(Flush::required, [&](Transaction& tx) {
    if (!tx.remove_token(id)) throw process::UsageError("There is no token " + in_quotes(id) + ".");
  });
  return {0, "Token " + shown(id) + " removed.\n"};
}

ControlReply share_add(Namespace& names, const UserRequest& request) {
  storage::Share share;
  share.id = request.value("id");
  share.label = request.value("label");
  share.password_hash = request.value("hash");
  const std::string_view hash = request.value("secret-hash");
  if (share.id.empty() || hash.size() != share.hash.size())
    return {1, "The server does not understand this link; is it of another version?\n"};
  std::copy(hash.begin(), hash.end(), share.hash.begin());
  if (!share.label.empty()) check_label(share.label);
  const storage::Path path = parse_path(request.value("path"));
  std::optional<std::int64_t> lives_s;
  if (request.has("expires")) lives_s = parse_expiry_s(request.value("expires"));
  names.write(Flush::required, [&](Transaction& tx) {
    const auto now = tx.accounts();
    storage::Share made = share;
    made.account = find_account(*now, request.value("name")).id;
    if (now->find_share(made.id)) throw process::UsageError("The link's id is taken; try again.");
    const storage::Resolution at = tx.resolve(path);
    if (path.is_root() || !at.mapped() || !at.resource->is_collection())
      throw process::UsageError("There is no collection at " + shown(path) +
                                " that could be shared.");
    made.path = at.stored;
    made.node = at.resource->id;
    made.created = tx.wall_now();
    if (lives_s) made.expires = made.created + *lives_s * 1000;
    tx.put_share(std::move(made));
  });
  return {0, "Link " + share.id + " added. Its path, below the URL of the server, is shown only "
             "here:\n"};
}

ControlReply share_remove(Namespace& names, const UserRequest& request) {
  const std::string_view id = request.value("id");
  names.write(Flush::required, [&](Transaction& tx) {
    if (!tx.remove_share(id)) throw process::UsageError("There is no link " + in_quotes(id) + ".");
  });
  return {0, "Link " + shown(id) + " removed.\n"};
}

ControlReply session_end(Namespace& names, const UserRequest& request) {
  const std::string_view id = request.value("id");
  names.write(Flush::required, [&](Transaction& tx) {
    if (!tx.remove_session(id))
      throw process::UsageError("There is no session " + in_quotes(id) + ".");
  });
  return {0, "Session " + shown(id) + " ended.\n"};
}

// Answers the request that look_request() made.
ControlReply look(const Namespace& names, const UserRequest& request) {
  const auto now = names.accounts();
  const std::string_view name = request.value("name");
  if (!request.has("new")) static_cast<void>(find_account(*now, name));
  if (request.has("new") && now->find(name)) throw exists_already(name);
  if (request.has("new")) ask_about_home(*names.snapshot(), request);
  return {};
}

ControlReply act(Namespace& names, const UserRequest& request) {
  if (request.verb == "add") return add(names, request);
  if (request.verb == "import") return import_accounts(names, request);
  if (request.verb == "passwd") return passwd(names, request);
  if (request.verb == "look") return look(names, request);
  const bool json = request.has("json");
  if (request.verb == "list") return list_accounts(names, json);
  if (request.verb == "show") return show_account(names, request.value("name"), json);
  if (request.verb == "rename") return rename(names, request);
  if (request.verb == "suspend") return suspend(names, request, true);
  if (request.verb == "resume") return suspend(names, request, false);
  if (request.verb == "networks") return networks(names, request);
  if (request.verb == "remove") return remove(names, request);
  if (request.verb == "grant") return grant(names, request);
  if (request.verb == "revoke") return revoke(names, request);
  if (request.verb == "quota") return quota(names, request);
  if (request.verb == "adopt") return adopt(names, request);
  if (request.verb == "certificate") return certificate(names, request);
  if (request.verb == "share-add") return share_add(names, request);
  if (request.verb == "share-list") return list_shares(names, request.value("name"), json);
  if (request.verb == "share-remove") return share_remove(names, request);
  if (request.verb == "session-list") return list_sessions(names, request.value("name"), json);
  if (request.verb == "session-end") return session_end(names, request);
  if (request.verb == "token-add") return token_add(names, request);
  if (request.verb == "token-list") return list_tokens(names, request.value("name"), json);
  if (request.verb == "token-remove") return token_remove(names, request);
  if (request.verb == "group-add") return group_add(names, request);
  if (request.verb == "group-remove") return group_remove(names, request);
  if (request.verb == "group-list") return list_groups(names, json);
  if (request.verb == "group-show") return show_group(names, request.value("group"), json);
  if (request.verb == "group-grant") return grant(names, request);
  if (request.verb == "group-revoke") return revoke(names, request);
  if (request.verb == "group-quota") return group_quota(names, request);
  if (request.verb == "group-join") return group_join(names, request, true);
  if (request.verb == "group-leave") return group_join(names, request, false);
  if (request.verb == "trash-list") return list_trash(names, request);
  if (request.verb == "trash-restore") return restore_trash(names, request);
  if (request.verb == "trash-purge") return purge_trash(names, request);
  if (request.verb == "versions-list") return list_versions(names, request);
  if (request.verb == "versions-restore") return restore_version(names, request);
  if (request.verb == "versions-purge") return purge_versions(names, request);
  if (request.verb == "history-show") return show_history(names, request);
  if (request.verb == "history-list") return list_past(names, request);
  if (request.verb == "history-undo") return undo_past(names, request);
  if (request.verb == "snapshot-add") return add_snapshot(names, request);
  if (request.verb == "snapshot-list") return list_snapshots(names, request);
  if (request.verb == "snapshot-remove") return remove_snapshot(names, request);
  return {1, "The server does not know this command; is it of another version?\n"};
}

}  // namespace

void check_values(const UserRequest& request) {
  for (const char* key : {"home", "path", "to"})
    if (request.has(key)) static_cast<void>(parse_path(request.value(key)));
  if (request.has("right")) static_cast<void>(parse_right(request.value("right")));
  if (request.has("networks")) static_cast<void>(parse_networks(request.value("networks")));
  if (request.has("label")) check_label(request.value("label"));
  if (request.has("expires")) static_cast<void>(parse_expiry_s(request.value("expires")));
  Account nobody;
  take_quotas(nobody, request);
}

ControlReply answer_user(Namespace& names, const UserRequest& request) {
  try {
    return act(names, request);
  } catch (const process::UsageError& error) {
    return {process::kUsageExit, std::string("holdfast: ") + error.what() + "\n"};
  } catch (const Question& question) {
    return {kAsksExit, question.what()};
  }
}

}  // namespace holdfast::server::cli
