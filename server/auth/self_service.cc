#include "server/auth/self_service.h"

#include <algorithm>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "dav/error.h"
#include "dav/past.h"
#include "dav/path.h"
#include "dav/query.h"
#include "dav/quota.h"
#include "dav/refusal.h"
#include "dav/rights.h"
#include "dav/trash.h"
#include "http/date.h"
#include "server/auth/account_index.h"
#include "server/json/object.h"
#include "server/json/writer.h"
#include "storage/dates.h"
#include "storage/history.h"
#include "storage/undo.h"
#include "text/ascii.h"
#include "text/utf8.h"

namespace holdfast::server::auth {
namespace {

constexpr std::string_view kQuery = "account";
constexpr std::size_t kLongestLabel = 200;
constexpr std::size_t kMostListed = 10'000;
constexpr std::uint64_t kMostId = std::uint64_t{1} << 53;
constexpr std::uint64_t kMostSeconds = std::uint64_t{100} * 365 * 24 * 60 * 60;

// A refusal on the way to an answer.
struct Refused {
  int status = 400;
  std::string sentence;  // for the client
  std::string fields{};
};

http::Response json_answer(int status, std::string body) {
  http::Response response;
  response.status = status;
  response.set("Content-Type", "application/json").set("Cache-Control", "no-store");
  response.body = std::move(body);
  return response;
}

http::Response empty_answer() {
  http::Response response;
  response.status = 204;
  response.set("Cache-Control", "no-store");
  return response;
}

// Reads the body, which must be one JSON object. A page of another origin can send a form without
// asking first, and no JSON (Fetch §4.8).
json::Object read_object(http::Request& request) {
  const std::string_view type = request.fields.find("Content-Type").value_or("");
  if (!text::equal_ignoring_case(text::trimmed(type.substr(0, type.find(';'))), "application/json"))
    throw Refused{415, "Send the request's body as application/json."};
  std::string body;
  for (;;) {
    const http::Body::Piece piece = request.body->read();
    if (piece.bytes.size() > SelfService::kBodyLimitBytes - body.size())
      throw Refused{413, "The body is too large."};
    body.append(piece.bytes.data(), piece.bytes.size());
    if (piece.state == http::Body::State::complete) break;
    if (piece.state != http::Body::State::more) throw Refused{400, "The body is not whole."};
  }
  if (auto object = json::parse_object(body)) return *std::move(object);
  throw Refused{400, "The body is no flat JSON object."};
}

// Refuses a name that has no meaning here, so that a misspelt restriction is not ignored.
void require_known(const json::Object& object, std::initializer_list<std::string_view> names) {
  for (const auto& [name, value] : object)
    if (std::find(names.begin(), names.end(), name) == names.end())
      throw Refused{400, "The object has a name that is not known here."};
}

std::string password_in(const json::Object& object, std::string_view name, std::size_t least) {
  std::string password = text::nfc(json::text_of(object, name));
  if (auto why = why_no_password(password, least)) throw Refused{400, *std::move(why)};
  return password;
}

bool read_only_in(const json::Object& object) {
  const auto found = object.find("read_only");
  if (found == object.end()) return false;
  if (const bool* value = std::get_if<bool>(&found->second)) return *value;
  throw Refused{400, "read_only is true or false."};
}

std::optional<std::uint64_t> lifetime_s_in(const json::Object& object) {
  const auto found = object.find("expires_in");
  if (found == object.end() || std::holds_alternative<std::nullptr_t>(found->second))
    return std::nullopt;
  const auto* seconds = std::get_if<std::uint64_t>(&found->second);
  if (seconds == nullptr || *seconds == 0 || *seconds > kMostSeconds)
    throw Refused{400, "expires_in is a number of seconds."};
  return *seconds;
}

storage::Path path_in(const json::Object& object, std::string_view name = "path") try {
  if (!object.contains(name)) return {};
  const std::string_view text = json::text_of(object, name);
  if (!text.starts_with('/')) throw Refused{400, "A path begins with a slash."};
  return dav::parse_reference(text, dav::UrlSpace{}, "").path;
} catch (const dav::Error&) {
  throw Refused{400, "The path is none."};
}

std::string label_in(const json::Object& object) {
  std::string label(json::text_of(object, "label"));
  if (label.empty() || label.size() > kLongestLabel || text::has_control(label))
    throw Refused{400, "A label has 1 to 200 bytes and no control characters."};
  return label;
}

// Returns the caller by the accounts of this transaction. What it does from now on is the
// account's.
std::shared_ptr<const dav::Caller> caller_in(storage::Transaction& tx, storage::AccountId id) {
  const auto accounts = tx.accounts();
  const storage::Account* const account = accounts->find(id);
  if (account == nullptr) throw Refused{403, "The account is gone."};
  tx.acts_for(id);
  return dav::caller_of(accounts, *account);
}

std::uint64_t id_in(const json::Object& object, std::string_view name, const char* what) {
  const auto found = object.find(name);
  const auto* const id =
      found == object.end() ? nullptr : std::get_if<std::uint64_t>(&found->second);
  if (id == nullptr || *id > kMostId)
    throw Refused{400, std::string(name) + " is the id of a " + what + "."};
  return *id;
}

// "2026-11-30T14:00:00Z", or as ?account=history says it.
storage::Instant instant_in(const json::Object& object, const storage::Snapshot& snapshot) {
  const std::string_view text = json::text_of(object, "at");
  storage::Instant instant;
  if (const auto ids = storage::instant_of(text)) {
    instant = *ids;
    if (instant.node > snapshot.present_instant().node)
      throw Refused{409, "That instant has not come yet."};
  } else {
    const auto second = http::parse_any_date(text);
    if (!second) throw Refused{400, "at is a time like 2026-11-30T14:00:00Z."};
    if (*second > snapshot.wall_now() / 1000) throw Refused{409, "That time has not come yet."};
    const auto found = snapshot.instant_at(*second * 1000);
    if (!found) throw Refused{409, "The history does not reach back so far."};
    instant = *found;
  }
  return instant;
}

// The quotas of all accounts that have one.
class Quotas {
 public:
  explicit Quotas(const storage::Transaction& tx) {
    const auto accounts = tx.accounts();
    for (const storage::Account& account : accounts->accounts)
      checks_.emplace_back(*accounts, tx, account.id);
  }
  void require_within(const storage::Transaction& tx) const {
    for (const dav::QuotaCheck& check : checks_) check.require_within(tx);
  }

 private:
  std::vector<dav::QuotaCheck> checks_;
};

}  // namespace

struct SelfService::Asking {
  http::Request& request;
  const http1::Peer& peer;
  const dav::Caller& caller;
};

bool SelfService::concerns(const http::Request& request, const dav::UrlSpace& space) {
  return dav::root_query(request, space, kQuery).has_value();
}

http::Response SelfService::answer(http::Request& request, const http1::Peer& peer,
                                   const dav::Caller& caller, const dav::Options& options) {
  const Asking asking{request, peer, caller};
  std::string_view what = dav::query_of(request.target).substr(kQuery.size());
  const auto refuse = [&](const Refused& refused) {
    http::Response response =
        dav::refusal(request, options, refused.status, refused.sentence, refused.sentence);
    response.fields += refused.fields;
    return response;
  };
  try {
    const bool reads = request.method == "GET" || request.method == "HEAD";
    if (what.empty() && reads) return show(asking);
    if (what.empty()) throw Refused{405, "Only GET and HEAD.", "Allow: GET, HEAD\r\n"};
    if (what == "=trash" && reads) return show_trash(asking);
    if (what == "=history" && reads) return show_history(asking);
    if (what == "=shares" && reads && caller.token.empty()) return show_shares(asking);
    if (!caller.token.empty())
      throw Refused{403, "A device token may not change its account: sign in with the password."};
    if (what == "=password") {
      if (request.method != "POST") throw Refused{405, "Only POST.", "Allow: POST\r\n"};
      return set_password(asking);
    }
    if (what == "=tokens") {
      if (request.method != "POST") throw Refused{405, "Only POST.", "Allow: POST\r\n"};
      const json::Object object = read_object(request);
      return object.contains("remove") ? remove_token(asking, object) : add_token(asking, object);
    }
    if (what == "=shares") {
      if (request.method != "POST")
        throw Refused{405, "Only GET, HEAD and POST.", "Allow: GET, HEAD, POST\r\n"};
      const json::Object object = read_object(request);
      return object.contains("remove") ? remove_share(asking, object)
                                       : add_share(asking, object, options.space);
    }
    if (what == "=sessions") {
      if (request.method != "POST") throw Refused{405, "Only POST.", "Allow: POST\r\n"};
      return end_session(asking);
    }
    if (what == "=trash") {
      if (request.method != "POST")
        throw Refused{405, "Only GET, HEAD and POST.", "Allow: GET, HEAD, POST\r\n"};
      return restore_trash(asking);
    }
    if (what == "=versions") {
      if (request.method != "POST") throw Refused{405, "Only POST.", "Allow: POST\r\n"};
      return restore_version(asking);
    }
    if (what == "=history") {
      if (request.method != "POST")
        throw Refused{405, "Only GET, HEAD and POST.", "Allow: GET, HEAD, POST\r\n"};
      return undo(asking);
    }
    throw Refused{400,
                  "The query is none of ?account, ?account=password, ?account=tokens, "
                  "?account=sessions, ?account=shares, ?account=trash, ?account=versions and ?account=history."};
  } catch (const Refused& refused) {
    return refuse(refused);
  } catch (const dav::Error& error) {
    return dav::to_response(error, request, options);
  } catch (const storage::Error& error) {
    return dav::to_response(dav::to_refusal(error), request, options);
  }
}

http::Response SelfService::shown(const Asking& asking, const json::Writer& out) {
  http::Response response = json_answer(200, out.text());
  if (asking.request.method == "HEAD") {
    response.head_length = out.text().size();
    response.body = std::monostate{};
  }
  return response;
}

http::Response SelfService::show(const Asking& asking) const {
  const dav::Caller& caller = asking.caller;
  const auto accounts = names_.accounts();
  const auto snapshot = names_.snapshot();
  const storage::Account* const account = accounts->find(caller.account);
  if (account == nullptr) throw Refused{403, "The account is gone."};
  const storage::Usage used = snapshot->usage_of(account->id);
  const storage::Kept kept = snapshot->kept_of(account->id);
  json::Writer out;
  out.object([&] {
    out.member("name", account->name);
    out.member("home", dav::href({}, account->home, false));
    out.key("groups").array([&] {
      for (const storage::AccountId id : account->groups)
        if (const storage::Group* group = accounts->find_group(id)) out.value(group->name);
    });
    out.key("rights").array([&] {
      for (const storage::Grant& grant : caller.grants)
        out.object([&] {
          out.member("path", dav::href({}, grant.path, false));
          out.member("right", grant.right == storage::Right::write  ? "write"
                              : grant.right == storage::Right::read ? "read"
                                                                    : "none");
        });
    });
    out.member("used_bytes", used.bytes);
    out.member("quota_bytes", account->quota_bytes);
    out.member("used_resources", used.resources);
    out.member("quota_resources", account->quota_resources);
    out.member("trash_bytes", kept.trash_bytes);
    out.member("version_bytes", kept.version_bytes);
    if (!caller.token.empty()) {
      out.member("token", caller.token);  // a token does not see the others
      return;
    }
    out.key("tokens").array([&] {
      for (const storage::DeviceToken& token : accounts->tokens) {
        if (token.account != account->id) continue;
        out.object([&] {
          out.member("id", token.id);
          out.member("label", token.label);
          out.member("read_only", token.read_only);
          out.member("path", dav::href({}, token.path, false));
          out.member("created", http::format_rfc3339(token.created / 1000));
          out.member("expires", token.expires
                                    ? std::optional(http::format_rfc3339(*token.expires / 1000))
                                    : std::nullopt);
        });
      }
    });
    out.key("sessions").array([&] {
      for (const storage::Session& session : accounts->sessions) {
        if (session.account != account->id || end_of(session) <= snapshot->wall_now()) continue;
        out.object([&] {
          out.member("id", session.id);
          out.member("client", session.client);
          out.member("created", http::format_rfc3339(session.created / 1000));
          out.member("used", http::format_rfc3339(session.used / 1000));
          out.member("ends", http::format_rfc3339(end_of(session) / 1000));
          out.member("this", session.id == caller.session);
        });
      }
    });
  });
  return shown(asking, out);
}

http::Response SelfService::set_password(const Asking& asking) {
  const json::Object object = read_object(asking.request);
  require_known(object, {"old", "new"});
  const std::string before = password_in(object, "old", 1);
  const std::string after = password_in(object, "new", password_min_);
  const auto known = names_.accounts();
  const storage::Account* const account = known->find(asking.caller.account);
  if (account == nullptr || account->password_hash.empty())
    throw Refused{403, "The account has no password that could be changed here."};

  // The old password is verified, and wrong ones are held up, as when somebody signs in with it.
  const SignIn::Decision decision =
      sign_in_.identify_by_password(account->name, before, asking.peer);
  if (const auto* refusal = std::get_if<SignIn::Refusal>(&decision)) {
    if (refusal->status == 429 || refusal->status == 503)
      throw Refused{refusal->status, "Try again later.", refusal->fields};
    throw Refused{403, "The old password is wrong."};
  }
  const dav::Caller& verified = *std::get<SignIn::CallerPtr>(decision);
  if (verified.account != account->id || !verified.token.empty())
    throw Refused{403, "The old password is wrong."};

  const std::string hash = [&] {
    const std::unique_lock one(hashing_, std::try_to_lock);
    if (!one.owns_lock()) throw Refused{503, "Try again later.", "Retry-After: 1\r\n"};
    return hash_password(after);
  }();
  names_.write(storage::Flush::required, [&](storage::Transaction& tx) {
    const storage::Account* const now = tx.accounts()->find(asking.caller.account);
    if (now == nullptr || now->password_hash != account->password_hash)
      throw Refused{403, "The password was changed meanwhile."};
    storage::Account changed = *now;
    changed.password_hash = hash;
    changed.digest_sha256 = digest_.sha256 ? digest_secrets_sha256(now->name, after) : "";
    changed.digest_md5 = digest_.md5 ? digest_secrets_md5(now->name, after) : "";
    tx.put_account(std::move(changed));
  });
  record(asking, "account password", {}, 204);
  return empty_answer();
}

std::optional<std::string> SelfService::grant_token(http::Request& request, const http1::Peer& peer,
                                                    const dav::Caller& caller,
                                                    std::string_view label) {
  storage::DeviceToken token;
  token.label = text::cut_to(text::without_controls(label, ' '), kLongestLabel);
  if (token.label.empty()) token.label = "a client";
  try {
    return make_token({request, peer, caller}, token, std::nullopt);
  } catch (const Refused&) {
    return std::nullopt;
  }
}

std::string SelfService::make_token(const Asking& asking, storage::DeviceToken& token,
                                    std::optional<std::uint64_t> lifetime_s) {
  token.account = asking.caller.account;
  token.id = new_token_id();
  std::string secret = token_text(token.id);
  token.hash = token_hash(secret);
  names_.write(storage::Flush::required, [&](storage::Transaction& tx) {
    const auto now = tx.accounts();
    if (now->find(token.account) == nullptr) throw Refused{403, "The account is gone."};
    const auto count = std::count_if(
        now->tokens.begin(), now->tokens.end(),
        [&](const storage::DeviceToken& other) { return other.account == token.account; });
    if (static_cast<std::size_t>(count) >= kTokensPerAccount)
      throw Refused{403, "The account has as many tokens as it may have: remove one first."};
    if (now->find_token(token.id) != nullptr)
      throw Refused{503, "Try again later.", "Retry-After: 1\r\n"};
    storage::DeviceToken made = token;
    made.created = tx.wall_now();
    if (lifetime_s) made.expires = made.created + static_cast<storage::Millis>(*lifetime_s) * 1000;
    tx.put_token(std::move(made));
  });
  record(asking, "account token add", "id=" + token.id, 201);
  return secret;
}

http::Response SelfService::add_token(const Asking& asking, const json::Object& object) {
  require_known(object, {"label", "read_only", "path", "expires_in"});
  storage::DeviceToken token;
  token.label = label_in(object);
  token.read_only = read_only_in(object);
  token.path = path_in(object);
  const std::string secret = make_token(asking, token, lifetime_s_in(object));
  json::Writer out;
  out.object([&] {
    out.member("id", token.id);
    out.member("secret", secret);
  });
  return json_answer(201, out.text());
}

http::Response SelfService::remove_token(const Asking& asking, const json::Object& object) {
  require_known(object, {"remove"});
  const std::string_view id = json::text_of(object, "remove");
  names_.write(storage::Flush::required, [&](storage::Transaction& tx) {
    const auto now = tx.accounts();
    const storage::DeviceToken* const token = now->find_token(id);
    if (token == nullptr || token->account != asking.caller.account)
      throw Refused{404, "The account has no token of this id."};
    tx.remove_token(id);
  });
  record(asking, "account token remove", "id=" + std::string(id), 204);
  return empty_answer();
}

http::Response SelfService::show_shares(const Asking& asking) const {
  const auto accounts = names_.accounts();
  const auto snapshot = names_.snapshot();
  json::Writer out;
  out.object([&] {
    out.key("shares").array([&] {
      for (const storage::Share& share : accounts->shares) {
        if (share.account != asking.caller.account) continue;
        const storage::Resolution at = snapshot->resolve(share.path);
        out.object([&] {
          const auto second = [](const std::optional<storage::Millis>& when) {
            return when ? std::optional(http::format_rfc3339(*when / 1000)) : std::nullopt;
          };
          out.member("id", share.id);
          out.member("path", dav::href({}, share.path, true));
          out.member("label", share.label);
          out.member("password", !share.password_hash.empty());
          out.member("created", http::format_rfc3339(share.created / 1000));
          out.member("expires", second(share.expires));
          out.member("uses", share.uses);
          out.member("used", second(share.used));
          out.member("ended", !at.mapped() || at.resource->id != share.node ||
                                  (share.expires && *share.expires <= snapshot->wall_now()));
        });
      }
    });
  });
  return shown(asking, out);
}

http::Response SelfService::add_share(const Asking& asking, const json::Object& object,
                                      const dav::UrlSpace& space) {
  require_known(object, {"path", "label", "expires_in", "password"});
  if (!object.contains("path")) throw Refused{400, "path is the collection to be shared."};
  storage::Share share;
  share.account = asking.caller.account;
  if (object.contains("label")) share.label = label_in(object);
  const storage::Path path = path_in(object);
  const auto lifetime_s = lifetime_s_in(object);
  if (object.contains("password")) {
    const std::string password = password_in(object, "password", password_min_);
    const std::unique_lock one(hashing_, std::try_to_lock);
    if (!one.owns_lock()) throw Refused{503, "Try again later.", "Retry-After: 1\r\n"};
    share.password_hash = hash_password(password);
  }
  share.id = new_token_id();
  const std::string secret = token_text(share.id);
  share.hash = token_hash(secret);
  names_.write(storage::Flush::required, [&](storage::Transaction& tx) {
    const auto now = tx.accounts();
    const auto caller = caller_in(tx, share.account);
    if (dav::right_on(*caller, path) < storage::Right::read)
      throw Refused{403, "You may not read there."};
    const storage::Resolution at = tx.resolve(path);
    if (!at.mapped() || !at.resource->is_collection() || path.is_root())
      throw Refused{404, "There is no such collection that could be shared."};
    const auto count = std::ranges::count(now->shares, share.account, &storage::Share::account);
    if (static_cast<std::size_t>(count) >= kTokensPerAccount)
      throw Refused{403, "The account has as many links as it may have: remove one first."};
    if (now->find_share(share.id) != nullptr)
      throw Refused{503, "Try again later.", "Retry-After: 1\r\n"};
    storage::Share made = share;
    made.path = at.stored;
    made.node = at.resource->id;
    made.created = tx.wall_now();
    if (lifetime_s) made.expires = made.created + static_cast<storage::Millis>(*lifetime_s) * 1000;
    tx.put_share(std::move(made));
  });
  record(asking, "account share add",
         "id=" + share.id + " path=" + dav::href({}, path, true), 201);
  json::Writer out;
  out.object([&] {
    out.member("id", share.id);
    out.member("url", dav::href(space, storage::Path({secret}), true));
  });
  return json_answer(201, out.text());
}

http::Response SelfService::remove_share(const Asking& asking, const json::Object& object) {
  require_known(object, {"remove"});
  const std::string_view id = json::text_of(object, "remove");
  names_.write(storage::Flush::required, [&](storage::Transaction& tx) {
    const auto now = tx.accounts();
    const storage::Share* const share = now->find_share(id);
    if (share == nullptr || share->account != asking.caller.account)
      throw Refused{404, "The account has no link of this id."};
    tx.remove_share(id);
  });
  record(asking, "account share remove", "id=" + std::string(id), 204);
  return empty_answer();
}

http::Response SelfService::end_session(const Asking& asking) {
  const json::Object object = read_object(asking.request);
  require_known(object, {"end"});
  const std::string_view id = json::text_of(object, "end");
  names_.write(storage::Flush::required, [&](storage::Transaction& tx) {
    const auto now = tx.accounts();
    const storage::Session* const session = now->find_session(id);
    if (session == nullptr || session->account != asking.caller.account)
      throw Refused{404, "The account has no session of this id."};
    tx.remove_session(id);
  });
  record(asking, "account session end", "id=" + std::string(id), 204);
  return empty_answer();
}

http::Response SelfService::show_trash(const Asking& asking) const {
  const auto snapshot = names_.snapshot();
  json::Writer out;
  std::size_t listed = 0;
  out.object([&] {
    out.key("trash").array([&] {
      snapshot->trash(0, [&](const storage::TrashEntry& entry) {
        if (!dav::may_restore(asking.caller, entry)) return true;
        out.object([&] {
          out.member("id", entry.id);
          out.member("path", dav::href({}, dav::place_of(entry), entry.root.is_collection()));
          out.member("removed", http::format_rfc3339(entry.removed / 1000));
          out.member("collection", entry.root.is_collection());
          out.member("resources", entry.size ? std::optional(entry.size->resources) : std::nullopt);
          out.member("bytes", entry.size ? std::optional(entry.size->bytes) : std::nullopt);
        });
        return ++listed < kMostListed;
      });
    });
  });
  return shown(asking, out);
}

http::Response SelfService::restore_trash(const Asking& asking) {
  const json::Object object = read_object(asking.request);
  require_known(object, {"restore", "path"});
  const std::uint64_t id = id_in(object, "restore", "removed tree");
  const std::optional<storage::Path> wanted =
      object.contains("path") ? std::optional(path_in(object)) : std::nullopt;
  std::string place;
  names_.write(storage::Flush::required, [&](storage::Transaction& tx) {
    const auto caller = caller_in(tx, asking.caller.account);
    const auto entry = tx.trash_entry(static_cast<std::int64_t>(id));
    if (!entry || !dav::may_restore(*caller, *entry))
      throw Refused{404, "Nothing that you removed or own in the trash has this id."};
    const storage::Path to = wanted ? *wanted : dav::place_of(*entry);
    if (dav::right_on(*caller, to) < storage::Right::write)
      throw Refused{403, "You may not write there."};
    const storage::Resolution at = tx.resolve(to);
    if (!at.parent || !at.parent->is_collection())
      throw Refused{409, "The collection is gone: restore it first, or say another path."};
    if (to.is_root() || at.mapped())
      throw Refused{409, "The name is taken: move what has it, or say another path."};
    if (!at.parent_locks.empty()) throw Refused{423, "The collection is locked."};
    tx.restore_trash(entry->id, *at.parent, to.name());
    place = dav::href({}, to, entry->root.is_collection());
  });
  record(asking, "account trash restore", "id=" + std::to_string(id) + " path=" + place, 200);
  json::Writer out;
  out.object([&] { out.member("path", place); });
  return json_answer(200, out.text());
}

http::Response SelfService::restore_version(const Asking& asking) {
  const json::Object object = read_object(asking.request);
  require_known(object, {"restore", "path"});
  const std::uint64_t id = id_in(object, "restore", "version");
  const storage::Path path = path_in(object);
  names_.write(storage::Flush::required, [&](storage::Transaction& tx) {
    const auto caller = caller_in(tx, asking.caller.account);
    if (dav::right_on(*caller, path) < storage::Right::write)
      throw Refused{403, "You may not write there."};
    const storage::Resolution at = tx.resolve(path);
    if (!at.mapped() || at.resource->is_collection()) throw Refused{404, "There is no such file."};
    if (!at.locks.empty()) throw Refused{423, "The file is locked."};
    const auto versions = tx.versions(*at.resource);
    const auto version =
        std::ranges::find(versions, static_cast<std::int64_t>(id), &storage::Version::id);
    if (version == versions.end()) throw Refused{404, "The file has no such version."};
    const dav::QuotaCheck quota(*tx.accounts(), tx, at.resource->owner);
    const storage::Date date = storage::date_of_content(tx.wall_now(), *at.resource, *at.parent);
    static_cast<void>(tx.restore_version(*at.resource, version->id, date));
    quota.require_within(tx);
  });
  const std::string place = dav::href({}, path, false);
  record(asking, "account version restore", "id=" + std::to_string(id) + " path=" + place, 200);
  json::Writer out;
  out.object([&] { out.member("path", place); });
  return json_answer(200, out.text());
}

http::Response SelfService::show_history(const Asking& asking) const {
  const auto snapshot = names_.snapshot();
  const storage::Horizon horizon = snapshot->horizon();
  json::Writer out;
  out.object([&] {
    out.member("whole_since", http::format_rfc3339(horizon.whole_at / 1000));
    out.member("begins", http::format_rfc3339(horizon.begins_at / 1000));
    out.member("now", storage::text_of(snapshot->present_instant()));
  });
  return shown(asking, out);
}

http::Response SelfService::undo(const Asking& asking) {
  const json::Object object = read_object(asking.request);
  require_known(object, {"undo", "at"});
  if (!object.contains("undo")) throw Refused{400, "undo is the path of a collection or file."};
  const storage::Path path = path_in(object, "undo");
  storage::Undone done;
  storage::Instant before;
  names_.write(storage::Flush::required, [&](storage::Transaction& tx) {
    const auto caller = caller_in(tx, asking.caller.account);
    if (dav::right_on(*caller, path) < storage::Right::write ||
        dav::find_lesser_within(*caller, tx, path, storage::Right::write))
      throw Refused{403, "You may not write there, or not everywhere below."};
    const storage::Instant instant = instant_in(object, tx);
    const storage::Resolution now = tx.resolve(path);
    if (!path.is_root() && (!now.parent || !now.parent->is_collection()))
      throw Refused{409, "The collection above is gone: undo what has become of it first."};
    bool locked = !now.locks.empty() || (!now.mapped() && !now.parent_locks.empty());
    if (now.mapped())
      tx.locks_within(*now.resource, storage::Among::all, [&](const storage::Lock&) {
        locked = true;
        return false;
      });
    if (locked) throw Refused{423, "There is a lock on it or below."};
    if (!tx.resolve_at(instant, path)) throw Refused{404, "Nothing was there then."};
    before = tx.present_instant();
    const Quotas quotas(tx);
    done = storage::undo(tx, path, instant, dav::seen_by(dav::reader_of_past(*caller), tx));
    quotas.require_within(tx);
  });
  const std::string place = dav::href({}, path, false);
  record(asking, "account history undo",
         "path=" + place + " at=" + std::string(json::text_of(object, "at")), 200);
  json::Writer out;
  out.object([&] {
    out.member("path", place);
    out.member("before", storage::text_of(before));
    out.member("moved", done.moved);
    out.member("restored", done.restored);
    out.member("copied", done.copied);
    out.member("contents", done.contents);
    out.member("removed", done.removed);
    out.member("later", done.later);
  });
  return json_answer(200, out.text());
}

void SelfService::record(const Asking& asking, std::string_view method, std::string_view detail,
                         int status) const {
  if (audit_log_ == nullptr) return;
  audit_log_->append({.over = "page",
                      .from = asking.peer.address,
                      .account = asking.caller.name,
                      .method = method,
                      .subject = asking.caller.name,
                      .detail = detail,
                      .status = status});
}

}  // namespace holdfast::server::auth
