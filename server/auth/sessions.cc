#include "server/auth/sessions.h"

#include <algorithm>
#include <exception>
#include <memory>
#include <utility>
#include <vector>

#include "dav/error.h"
#include "dav/page/sign_in.h"
#include "dav/path.h"
#include "dav/query.h"
#include "dav/refusal.h"
#include "server/auth/account_index.h"
#include "server/auth/form.h"
#include "server/auth/secrets.h"
#include "text/ascii.h"
#include "text/percent.h"
#include "text/utf8.h"

namespace holdfast::server::auth {
namespace {

constexpr std::string_view kSessionQuery = "session";
constexpr std::string_view kCookie = "holdfast-session";
constexpr std::string_view kCookieOverTls = "__Host-holdfast-session";
constexpr std::size_t kClientBytes = 200;

// Returns where to go: a path of this server.
std::string place_here(std::string_view to, const dav::UrlSpace& space) {
  return place_below(to, dav::href(space, {}, true));
}

http::Response see_other(std::string_view url) {
  http::Response response;
  response.status = 303;
  response.set("Location", url).set("Cache-Control", "no-store");
  return response;
}

std::string cookie(const http1::Peer& peer, std::string_view value) {
  std::string text(peer.tls ? kCookieOverTls : kCookie);
  text.append("=").append(value).append("; Path=/; HttpOnly; SameSite=Strict");
  if (peer.tls) text += "; Secure";
  if (value.empty()) text += "; Max-Age=0";
  return text;
}

// Returns what the browser calls itself, as text that can be shown.
std::string client_of(const http::Request& request) {
  const std::string name = text::as_utf8(request.fields.find("User-Agent").value_or(""));
  return std::string(text::cut_to(text::without_controls(name, ' '), kClientBytes));
}

// Removes the sessions that are over and, when `account` has as many as it may have, the one that
// was not used for the longest time.
void make_room(storage::Transaction& tx, storage::AccountId account) {
  constexpr std::size_t kAtOnce = 100;
  const auto now = tx.accounts();
  std::vector<std::string> gone;
  std::vector<const storage::Session*> own;
  for (const storage::Session& session : now->sessions) {
    if (tx.wall_now() >= end_of(session)) {
      if (gone.size() < kAtOnce) gone.push_back(session.id);
    } else if (session.account == account) {
      own.push_back(&session);
    }
  }
  if (own.size() >= Sessions::kPerAccount)
    gone.push_back((*std::ranges::min_element(own, {}, &storage::Session::used))->id);
  for (const std::string& id : gone) static_cast<void>(tx.remove_session(id));
}

const storage::Session* find_by_secret(const storage::Accounts& accounts, std::string_view secret) {
  const storage::Sha256 hash = token_hash(secret);
  const auto found = std::ranges::find(accounts.sessions, hash, &storage::Session::hash);
  return found == accounts.sessions.end() ? nullptr : &*found;
}

}  // namespace

bool Sessions::concerns(const http::Request& request, const dav::UrlSpace& space) {
  return dav::root_query(request, space, kSessionQuery).has_value();
}

std::string_view Sessions::secret_of(const http::Request& request, const http1::Peer& peer) {
  return cookie_in(request, peer.tls ? kCookieOverTls : kCookie);
}

std::string_view Sessions::cookie_in(const http::Request& request, std::string_view name) {
  for (const http::Fields::Field& field : request.fields.all()) {
    if (!text::equal_ignoring_case(field.name, "Cookie")) continue;
    std::string_view rest = field.value;
    while (!rest.empty()) {
      const std::string_view pair = text::trimmed(rest.substr(0, rest.find(';')));
      rest.remove_prefix(std::min(rest.find(';'), rest.size() - 1) + 1);
      if (pair.starts_with(name) && pair.substr(name.size()).starts_with('='))
        return pair.substr(name.size() + 1);
    }
  }
  return {};
}

bool Sessions::is_navigation(const http::Request& request) {
  const std::string_view accept = request.fields.find("Accept").value_or("");
  if (accept.find("text/html") == std::string_view::npos) return false;
  if (const auto mode = request.fields.find("Sec-Fetch-Mode")) return *mode == "navigate";
  // Over plain HTTP browsers do not say so. What mounts drives may call itself Mozilla and accept
  // HTML, as KIO does; only browsers ask for XHTML.
  return request.method == "GET" &&
         accept.find("application/xhtml+xml") != std::string_view::npos &&
         request.fields.find("User-Agent").value_or("").starts_with("Mozilla/5.0");
}

http::Response Sessions::ask(const http::Request& request, const dav::Options& options) {
  const std::string to =
      place_here(request.method == "GET" ? request.target : std::string_view(), options.space);
  const std::string_view site = request.fields.find("Sec-Fetch-Site").value_or("");
  return dav::page::sign_in(request, options,
                            {.status = 401,
                             .to = to,
                             .again = site == "cross-site" || site == "same-site"});
}

http::Response Sessions::answer(http::Request& request, http1::Peer& peer,
                                const dav::Options& options, bool own_page) {
  const std::string_view what = dav::query_of(request.target).substr(kSessionQuery.size());
  const auto refuse = [&](int status, std::string_view sentence, std::string_view allow = {}) {
    http::Response response = dav::refusal(request, options, status, sentence, sentence);
    if (!allow.empty()) response.set("Allow", allow);
    return response;
  };
  if (!sign_in_.has_accounts()) return refuse(403, "There are no accounts here.");
  if (what == "=end") {
    if (request.method != "POST") return refuse(405, "Only POST.", "POST");
    if (!own_page) return refuse(403, "Only a page of this server itself may sign out.");
    return end(request, peer, options);
  }
  if (request.method == "GET" || request.method == "HEAD")
    return dav::page::sign_in(
        request, options,
        {.to = place_here(text::percent_decoded_leniently(what.substr(std::min<std::size_t>(1, what.size()))), options.space)});
  if (request.method != "POST")
    return refuse(405, "Only GET, HEAD and POST.", "GET, HEAD, POST");
  if (!own_page) return refuse(403, "Only a page of this server itself may sign in here.");
  return begin(request, peer, options);
}

http::Response Sessions::begin(http::Request& request, http1::Peer& peer,
                               const dav::Options& options) {
  const Form form = read_form(request);
  if (form.status != 0)
    return dav::refusal(request, options, form.status, "no form that signs in",
                        form.status == 415
                            ? "Send the form as application/x-www-form-urlencoded."
                            : std::string_view());
  const std::string name = text::nfc(form.value("name"));
  const std::string password = text::nfc(form.value("password"));
  const std::string to = place_here(form.value("to"), options.space);
  const auto again = [&](int status, std::string_view key) {
    return dav::page::sign_in(request, options,
                              {.status = status, .to = to, .name = name, .key = key});
  };
  // A name has no colon, so that what is verified here is what Basic would have sent.
  if (name.empty() || password.empty() || name.find(':') != std::string::npos)
    return again(401, "sign-in-wrong");
  const SignIn::Decision decision =
      sign_in_.identify_by_password(name, password, peer);
  if (const auto* refusal = std::get_if<SignIn::Refusal>(&decision)) {
    http::Response response =
        refusal->status == 401   ? again(401, "sign-in-wrong")
        : refusal->status == 429 ? again(429, "sign-in-later")
        : refusal->status == 503
            ? again(503, "sign-in-busy")
            : dav::refusal(request, options, refusal->status, refusal->detail, refusal->sentence);
    response.log_detail = refusal->detail;
    if (refusal->status != 401) response.fields += refusal->fields;
    return response;
  }
  const dav::Caller& caller = *std::get<SignIn::CallerPtr>(decision);
  // A device token would give the browser all rights of the account.
  if (!caller.token.empty()) return again(401, "sign-in-token");
  peer.user = caller.name;

  const std::string secret = new_token();
  storage::Session session;
  session.id = new_token_id();
  session.account = caller.account;
  session.hash = token_hash(secret);
  session.client = client_of(request);
  const std::string_view before = secret_of(request, peer);
  bool made = false;
  try {
    names_.write(storage::Flush::required, [&](storage::Transaction& tx) {
      made = false;
      const auto now = tx.accounts();
      const storage::Account* const account = now->find(session.account);
      const storage::Account* const verified = caller.accounts->find(session.account);
      if (account == nullptr || account->suspended || verified == nullptr ||
          account->password_hash != verified->password_hash ||
          now->find_session(session.id) != nullptr)
        return;
      if (const storage::Session* const old = find_by_secret(*now, before); !before.empty() && old)
        static_cast<void>(tx.remove_session(old->id));
      make_room(tx, session.account);
      storage::Session put = session;
      put.created = tx.wall_now();
      put.used = put.created;
      tx.put_session(std::move(put));
      made = true;
    });
  } catch (const storage::Error& error) {
    return dav::to_response(dav::to_refusal(error), request, options);
  }
  if (!made) return again(503, "sign-in-busy");
  record(peer, caller.name, "account session add", session.id);
  http::Response response = see_other(to);
  response.set("Set-Cookie", cookie(peer, secret));
  return response;
}

http::Response Sessions::end(const http::Request& request, http1::Peer& peer,
                             const dav::Options& options) {
  const std::string_view secret = secret_of(request, peer);
  std::string id;
  std::string account;
  try {
    if (!secret.empty() && find_by_secret(*names_.accounts(), secret) != nullptr)
      names_.write(storage::Flush::required, [&](storage::Transaction& tx) {
        const auto now = tx.accounts();
        const storage::Session* const session = find_by_secret(*now, secret);
        if (session == nullptr) return;
        const storage::Account* const owner = now->find(session->account);
        id = session->id;
        account = owner == nullptr ? "" : owner->name;
        static_cast<void>(tx.remove_session(id));
      });
  } catch (const storage::Error& error) {
    return dav::to_response(dav::to_refusal(error), request, options);
  }
  peer.user = account;
  if (!id.empty()) record(peer, account, "account session end", id);
  http::Response response = see_other(dav::href(options.space, {}, true));
  response.set("Set-Cookie", cookie(peer, {}));
  return response;
}

void Sessions::note_use(const dav::Caller& caller) noexcept {
  try {
    const storage::Session* const known = caller.accounts->find_session(caller.session);
    if (known == nullptr || clock_.wall() - known->used < kSessionNoted) return;
    names_.write(storage::Flush::deferrable, [&](storage::Transaction& tx) {
      const auto now = tx.accounts();
      const storage::Session* const session = now->find_session(caller.session);
      if (session == nullptr || tx.wall_now() - session->used < kSessionNoted) return;
      storage::Session used = *session;
      used.used = tx.wall_now();
      tx.put_session(std::move(used));
    });
  } catch (const std::exception&) {
    // A full disk must not end what is only read. The session ends earlier then.
  }
}

void Sessions::record(const http1::Peer& peer, std::string_view account, std::string_view method,
                      std::string_view id) const {
  if (audit_log_ == nullptr) return;
  audit_log_->append({.over = "page",
                      .from = peer.address,
                      .account = account,
                      .method = method,
                      .subject = account,
                      .detail = "id=" + std::string(id),
                      .status = 303});
}

}  // namespace holdfast::server::auth
