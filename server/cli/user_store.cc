// The store's half of `holdfast user …`.
#include "server/cli/user_store.h"

#include <algorithm>
#include <array>
#include <ctime>
#include <iterator>
#include <stdexcept>
#include <vector>

#include "dav/error.h"
#include "dav/path.h"
#include "server/cli/table.h"
#include "server/observe/access_log.h"
#include "storage/name_key.h"
#include "text/ascii.h"
#include "text/json.h"
#include "text/utf8.h"

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

constexpr std::size_t kShownBytes = 200;
constexpr std::size_t kLabelBytes = 200;

std::string shown(std::string_view text) {
  std::string out;
  text::append_json_text(out, text, kShownBytes);
  return out;
}

std::string quoted(std::string_view text) { return '"' + shown(text) + '"'; }

std::string shown(const Path& path) { return dav::href({}, path, false); }

std::string_view to_string(Right right) {
  return right == Right::write ? "write" : right == Right::read ? "read" : "none";
}

Right parse_right(std::string_view text) {
  for (const Right right : {Right::none, Right::read, Right::write})
    if (text == to_string(right)) return right;
  throw process::UsageError("A grant is read, write or none, and not " + quoted(text) + ".");
}

// Parses a path as in a URL, percent-encoded or not.
Path parse_path(std::string_view text) {
  if (!text.starts_with('/'))
    throw process::UsageError("A path begins with a slash, " + quoted(text) + " does not.");
  if (text.find('?') != text.npos || text.find('#') != text.npos)
    throw process::UsageError("In a path, write ? as %3F and # as %23.");
  try {
    return dav::parse_reference(text, dav::UrlSpace{}, "").path;
  } catch (const dav::Error& error) {
    throw process::UsageError(quoted(text) + " is no path: " + error.detail + ".");
  }
}

// Parses a quota; "none" removes it.
std::optional<std::uint64_t> parse_quota(std::string_view text, bool bytes) {
  if (text == "none") return std::nullopt;
  try {
    return config::parse_number(text, bytes);
  } catch (const process::UsageError& error) {
    throw process::UsageError("The quota " + quoted(text) + " cannot be used: " + error.what() +
                              ".");
  }
}

void take_quotas(Account& account, const UserRequest& request) {
  if (request.has("bytes")) account.quota_bytes = parse_quota(request.value("bytes"), true);
  if (request.has("resources"))
    account.quota_resources = parse_quota(request.value("resources"), false);
}

// Parses a time from now, in seconds. The number must have a unit: without one it would be in
// seconds, and a user who writes 90 means days.
std::int64_t parse_expiry_s(std::string_view text) {
  constexpr std::int64_t kMost_s = std::int64_t{100} * 365 * 24 * 60 * 60;
  if (!text.empty() && text::is_letter(text.back())) try {
      const std::int64_t seconds = config::parse_seconds(text);
      if (seconds > 0 && seconds <= kMost_s) return seconds;
    } catch (const process::UsageError&) {
      // The error is reported below.
    }
  throw process::UsageError("A token expires after a time like 30m, 12h, 90d or 2w, and not " +
                            quoted(text) + ".");
}

void check_label(std::string_view label) {
  if (label.empty() || label.size() > kLabelBytes || text::has_control(label) ||
      !text::valid_utf8(label))
    throw process::UsageError("A label has 1 to 200 bytes of UTF-8 and no control characters.");
}

const Account& find(const Accounts& all, std::string_view name) {
  if (const Account* found = all.find(name)) return *found;
  throw process::UsageError("There is no account " + quoted(name) + ".");
}

process::UsageError exists_already(std::string_view name) {
  return process::UsageError("The account " + quoted(name) + " exists already.");
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

// Asks when the home that an account gets by its name is in use already: whoever made it for
// something else would let the account write there.
void ask_about_home(const storage::Snapshot& snapshot, const UserRequest& request) {
  if (request.has("home") || request.has("yes")) return;
  const Path home = home_of(request);
  const storage::Resolution found = snapshot.resolve(home);
  if (found.mapped() && snapshot.count(*found.resource, 1) > 1)
    throw Question("The account could write in " + shown(home) + ", where something is stored");
}

ControlReply add(Namespace& names, const UserRequest& request) {
  Account account;
  account.name = request.value("name");
  if (!storage::new_account_name_allowed(account.name))
    throw process::UsageError(quoted(account.name) + " is no name for an account.");
  account.home = home_of(request);
  take_password(account, request);
  take_quotas(account, request);
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
  std::string text =
      "Account " + quoted(account.name) + " added, with its home at " + shown(account.home) + ".\n";
  if (first)
    text +=
        "From now on nothing is open to clients without an account, unless --anonymous says so.\n";
  if (first && there > 0 && !account.home.is_root())
    text += "What was stored before, " + counted(there, "resource", "resources") +
            ", is nobody's, and the account sees none of it outside of its home. To let it:\n"
            "  holdfast user grant " +
            quoted(account.name) +
            " / write\n"
            "  holdfast user adopt " +
            quoted(account.name) + " /\n";
  return {0, std::move(text)};
}

// Applies `change` to the account that the request names.
ControlReply change(Namespace& names, const UserRequest& request, const std::string& done,
                    const std::function<void(Account&, const Accounts&)>& change_it) {
  names.write(Flush::required, [&](Transaction& tx) {
    const auto now = tx.accounts();
    Account account = find(*now, request.value("name"));
    change_it(account, *now);
    tx.put_account(std::move(account));
  });
  return {0, "Account " + quoted(request.value("name")) + " " + done + ".\n"};
}

ControlReply passwd(Namespace& names, const UserRequest& request) {
  return change(names, request,
                request.has("hash") ? "has a new password" : "has no password any more",
                [&](Account& account, const Accounts&) { take_password(account, request); });
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
                                                quoted(other.name) + "'s.");
                  account.certificate = sha256;
                });
}

std::vector<Grant>::iterator grant_at(Account& account, const Path& path) {
  return std::find_if(account.grants.begin(), account.grants.end(),
                      [&](const Grant& grant) { return storage::same_path(grant.path, path); });
}

ControlReply grant(Namespace& names, const UserRequest& request) {
  const Path path = parse_path(request.value("path"));
  const Right right = parse_right(request.value("right"));
  const std::string done = "may " +
                           std::string(right == Right::none ? "do nothing" : to_string(right)) +
                           " at " + shown(path) + " and below";
  return change(names, request, done, [&](Account& account, const Accounts&) {
    if (storage::same_path(account.home, path))
      throw process::UsageError(shown(path) + " is the account's home, where it may always write.");
    const auto known = grant_at(account, path);
    if (known != account.grants.end()) {
      known->right = right;
    } else {
      account.grants.push_back({path, right});
    }
  });
}

ControlReply revoke(Namespace& names, const UserRequest& request) {
  const Path path = parse_path(request.value("path"));
  return change(names, request, "has no grant at " + shown(path) + " any more",
                [&](Account& account, const Accounts&) {
                  const auto known = grant_at(account, path);
                  if (known == account.grants.end())
                    throw process::UsageError("The account " + quoted(account.name) +
                                              " has no grant at " + shown(path) + ".");
                  account.grants.erase(known);
                });
}

ControlReply adopt(Namespace& names, const UserRequest& request) {
  const Path path = parse_path(request.value("path"));
  storage::Usage adopted;
  storage::Usage owned;
  Account account;
  names.write(Flush::required, [&](Transaction& tx) {
    account = find(*tx.accounts(), request.value("name"));
    const storage::Resolution found = tx.resolve(path);
    if (!found.mapped()) throw process::UsageError("There is nothing at " + shown(path) + ".");
    adopted = tx.adopt_tree(*found.resource, account.id);
    owned = tx.usage_of(account.id);
  });
  std::string text = "Account " + quoted(account.name) + " owns " +
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
    const Account& gone = find(*now, request.value("name"));
    left = tx.usage_of(gone.id).resources;
    last = now->accounts.size() == 1;
    if (last && !request.has("yes"))
      throw Question("Account " + quoted(gone.name) +
                     " is the last one: without it nobody can sign in, and anonymous clients may "
                     "do only what --anonymous says, by default nothing");
    tx.remove_account(gone.id);
  });
  std::string text = "Account " + quoted(request.value("name")) +
                     " removed, with its tokens and locks. What it owned stays: " +
                     counted(left, "resource.", "resources.") + "\n";
  if (last)
    text +=
        "There are no accounts any more: anonymous clients may do what --anonymous says, by "
        "default "
        "nothing.\n";
  return {0, std::move(text)};
}

std::string of_quota(std::uint64_t used, std::optional<std::uint64_t> quota) {
  return std::to_string(used) + (quota ? "/" + std::to_string(*quota) : std::string());
}

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : ",") + word;
  return text.empty() ? "-" : text;
}

ControlReply list(const Namespace& names) {
  const auto now = names.accounts();
  const auto snapshot = names.snapshot();
  Table table = {{"NAME", "SIGN-IN", "RESOURCES", "BYTES", "TOKENS", "HOME", "GRANTS"}};
  for (const Account& account : now->accounts) {
    std::vector<std::string> ways;
    if (!account.password_hash.empty()) ways.emplace_back("password");
    if (!account.digest_sha256.empty()) ways.emplace_back("digest");
    if (!account.certificate.empty()) ways.emplace_back("certificate");
    std::vector<std::string> grants;
    for (const Grant& grant : account.grants)
      grants.push_back(shown(grant.path) + "=" + std::string(to_string(grant.right)));
    const auto tokens =
        std::count_if(now->tokens.begin(), now->tokens.end(),
                      [&](const DeviceToken& token) { return token.account == account.id; });
    const storage::Usage usage = snapshot->usage_of(account.id);
    table.push_back({shown(account.name), joined(ways),
                     of_quota(usage.resources, account.quota_resources),
                     of_quota(usage.bytes, account.quota_bytes), std::to_string(tokens),
                     shown(account.home), joined(grants)});
  }
  const std::string total = counted(now->accounts.size(), "account.\n", "accounts.\n");
  return {0, (now->accounts.empty() ? std::string() : text_of(table)) + total};
}

std::string day(storage::Millis millis) {
  const auto seconds = static_cast<std::time_t>(millis / 1000);
  std::tm parts{};
  std::array<char, 16> text{};
  ::gmtime_r(&seconds, &parts);
  std::strftime(text.data(), text.size(), "%Y-%m-%d", &parts);
  return text.data();
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
    made.account = find(*now, request.value("name")).id;
    if (now->find_token(made.id)) throw process::UsageError("The token's id is taken; try again.");
    made.created = tx.wall_now();
    if (lives_s) made.expires = made.created + *lives_s * 1000;
    tx.put_token(std::move(made));
  });
  return {0, "Token " + token.id + " added. It is shown only here:\n"};
}

ControlReply token_list(const Namespace& names, const UserRequest& request) {
  const auto now = names.accounts();
  const storage::Millis time = names.snapshot()->wall_now();
  const Account* only = nullptr;
  if (request.has("name")) only = &find(*now, request.value("name"));
  Table table = {{"ID", "ACCOUNT", "RIGHT", "PATH", "CREATED", "EXPIRES", "LABEL"}};
  for (const DeviceToken& token : now->tokens) {
    const Account* const owner = now->find(token.account);
    if (!owner || (only && owner != only)) continue;
    std::string expires = "never";
    if (token.expires) expires = *token.expires <= time ? "expired" : day(*token.expires);
    table.push_back({token.id, shown(owner->name), token.read_only ? "read" : "write",
                     shown(token.path), day(token.created), std::move(expires),
                     shown(token.label)});
  }
  const std::string total = counted(table.size() - 1, "token.\n", "tokens.\n");
  return {0, (table.size() == 1 ? std::string() : text_of(table)) + total};
}

ControlReply token_remove(Namespace& names, const UserRequest& request) {
  const std::string_view id = request.value("id");
  names.write(Flush::required, [&](Transaction& tx) {
    if (!tx.remove_token(id)) throw process::UsageError("There is no token " + quoted(id) + ".");
  });
  return {0, "Token " + shown(id) + " removed.\n"};
}

// Answers the request that look_request() made.
ControlReply look(const Namespace& names, const UserRequest& request) {
  const auto now = names.accounts();
  const std::string_view name = request.value("name");
  if (!request.has("new")) static_cast<void>(find(*now, name));
  if (request.has("new") && now->find(name)) throw exists_already(name);
  if (request.has("new")) ask_about_home(*names.snapshot(), request);
  return {};
}

ControlReply act(Namespace& names, const UserRequest& request) {
  if (request.verb == "add") return add(names, request);
  if (request.verb == "passwd") return passwd(names, request);
  if (request.verb == "look") return look(names, request);
  if (request.verb == "list") return list(names);
  if (request.verb == "remove") return remove(names, request);
  if (request.verb == "grant") return grant(names, request);
  if (request.verb == "revoke") return revoke(names, request);
  if (request.verb == "quota") return quota(names, request);
  if (request.verb == "adopt") return adopt(names, request);
  if (request.verb == "certificate") return certificate(names, request);
  if (request.verb == "token-add") return token_add(names, request);
  if (request.verb == "token-list") return token_list(names, request);
  if (request.verb == "token-remove") return token_remove(names, request);
  return {1, "The server does not know this command; is it of another version?\n"};
}

}  // namespace

void check_values(const UserRequest& request) {
  for (const char* key : {"home", "path"})
    if (request.has(key)) static_cast<void>(parse_path(request.value(key)));
  if (request.has("right")) static_cast<void>(parse_right(request.value("right")));
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
