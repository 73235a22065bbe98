#include "server/auth/gate.h"

#include <functional>

#include "dav/page/files.h"
#include "dav/refusal.h"
#include "dav/sync_client.h"
#include "dav/tus.h"
#include "http/origin.h"
#include "server/net/address.h"

namespace holdfast::server::auth {
namespace {

// Returns true for a request that a browser made for a page (the Fetch standard's metadata fields).
bool is_of_a_page(const http::Request& request) {
  return request.fields.find("Sec-Fetch-Mode").has_value();
}

}  // namespace

namespace {

// Returns true when the client uses TLS and a host name of this server. The promise of HSTS is made
// over TLS alone (RFC 6797 §7.2), and browsers keep none for an address (§8.3). For localhost they
// would keep it against every other program of the machine.
bool is_known_by_name(const http::Request& request) {
  if (request.scheme != "https") return false;
  const auto host = http::Authority::parse(request.host());
  return host && !http::is_loopback_name(host->host) && !net::IpAddress::parse(host->bare_host());
}

}  // namespace

http::Response Gate::refuse(const http::Request& request, const SignIn::Refusal& refusal) const {
  // A browser shows a page that asks, and no challenge, which would make it ask by itself.
  const bool asks = refusal.status == 401 && has_page();
  if (asks && Sessions::is_navigation(request)) {
    http::Response page = Sessions::ask(request, engine_.options());
    page.log_detail = refusal.detail;
    return page;
  }
  http::Response response =
      dav::refusal(request, engine_.options(), refusal.status, refusal.detail, refusal.sentence);
  if (!asks || request.fields.find("Sec-Fetch-Site") != "same-origin")
    response.fields += refusal.fields;
  return response;
}

bool Gate::has_page() const { return engine_.options().page != dav::PageUse::off; }

http::Response Gate::answer(http::Request& request, http1::Peer& peer) const {
  proxies_.apply(request, peer);
  http::Response response = judge_and_answer(request, peer);
  policy_.share(request, response);
  if (!hsts_.empty() && is_known_by_name(request)) response.set("Strict-Transport-Security", hsts_);
  return response;
}

http::Response Gate::judge_and_answer(http::Request& request, http1::Peer& peer) const {
  const Anonymous anonymous = sign_in_.anonymous();
  const bool has_accounts = anonymous == Anonymous::read && sign_in_.has_accounts();
  if (const std::optional<Denial> denial = policy_.judge(request, anonymous, has_accounts))
    return dav::refusal(request, engine_.options(), denial->status, denial->detail,
                        denial->sentence);
  if (std::optional<http::Response> preflight = policy_.preflight(request))
    return std::move(*preflight);
  if (sync_clients_ != nullptr)
    if (auto response = sync_clients_->answer_all(request, engine_.options()))
      return *std::move(response);
  if (std::optional<http::Response> file = dav::page::answer_file(request, engine_.options()))
    return std::move(*file);
  if (const auto secret = Links::secret_of(request, engine_.options().space))
    if (auto response = answer_link(request, peer, *secret)) return *std::move(response);
  if (has_page() && Sessions::concerns(request, engine_.options().space))
    return sessions_.answer(request, peer, engine_.options(), policy_.is_of_own_page(request));
  const SignIn::Decision decision = sign_in_.identify(
      request, peer, has_page() ? Sessions::secret_of(request, peer) : std::string_view());
  if (const auto* refusal = std::get_if<SignIn::Refusal>(&decision))
    return refuse(request, *refusal);
  const auto& caller = std::get<SignIn::CallerPtr>(decision);
  peer.user = caller->name;
  if (!caller->session.empty()) {
    if (const auto denial = policy_.judge_session(request))
      return dav::refusal(request, engine_.options(), denial->status, denial->detail,
                          denial->sentence);
    sessions_.note_use(*caller);
  }
  if (const storage::AccountId account = caller->account; account != storage::kNobody) {
    peer.place = active_.enter(account);
    if (!peer.place) {
      peer.last = true;
      return refuse(request, {.status = 503,
                              .detail = "too many requests of this account at once",
                              .fields = "Retry-After: 1\r\n"});
    }
  }
  if (SelfService::concerns(request, engine_.options().space))
    return answer_own(request, peer, *caller);
  if (sync_clients_ != nullptr && SyncClients::concerns(request, engine_.options().space))
    return answer_sync_client(request, peer, *caller);
  std::optional<dav::SyncTarget> sync;
  if (sync_clients_ != nullptr)
    sync = dav::sync_target(request, engine_.options().space, caller->name);
  // POST and PATCH write only what is about an upload, so the policy does not know them as writes.
  if (dav::changes_upload(request))
    if (const auto denial = policy_.judge_write(request, anonymous))
      return dav::refusal(request, engine_.options(), denial->status, denial->detail,
                          denial->sentence);
  http::Response response = engine_.handle(request, caller, sync ? &*sync : nullptr);
  if (response.changed && audit_log_ != nullptr) record(request, peer, *caller, response);
  if (response.signed_out)
    return refuse(request, sign_in_.ask_again(peer, std::move(response.log_detail)));
  if (response.lacks_right)
    if (const auto refusal = sign_in_.ask_to_sign_in(*caller, peer))
      return refuse(request, *refusal);
  return response;
}

std::optional<http::Response> Gate::answer_link(http::Request& request, http1::Peer& peer,
                                                std::string_view secret) const {
  auto outcome = links_.open(request, peer, secret, engine_.options());
  if (!outcome) return std::nullopt;
  if (auto* response = std::get_if<http::Response>(&*outcome)) return std::move(*response);
  const auto& [caller, target] = std::get<Links::Opened>(*outcome);
  // A link has places of its own beside those of its account, whose ids are above 0.
  peer.place = active_.enter(
      -1 - static_cast<storage::AccountId>(std::hash<std::string>()(caller->share) >> 1));
  if (!peer.place) {
    peer.last = true;
    return refuse(request, {.status = 503,
                            .detail = "too many requests by this link at once",
                            .fields = "Retry-After: 1\r\n"});
  }
  http::Response response = engine_.handle(request, caller, nullptr, &target);
  // The URL is the secret: neither other sites nor search engines are to have it.
  if (!response.find("Referrer-Policy")) response.set("Referrer-Policy", "same-origin");
  response.set("X-Robots-Tag", "noindex, nofollow");
  if (response.signed_out)
    return refuse(request, {.status = 404, .detail = std::move(response.log_detail)});
  const std::string_view path = request.target.substr(0, request.target.find('?'));
  if (request.method == "GET" && response.status == 200 &&
      path.find_first_not_of('/', path.find(secret) + secret.size()) == std::string_view::npos)
    links_.count(caller->share);
  return response;
}

http::Response Gate::answer_own(http::Request& request, const http1::Peer& peer,
                                const dav::Caller& caller) const {
  if (caller.account == storage::kNobody) {
    if (const auto refusal = sign_in_.ask_to_sign_in(caller, peer))
      return refuse(request, *refusal);
    return refuse(request, {.status = 403,
                            .detail = "an account was asked about where there are none",
                            .sentence = "There are no accounts here."});
  }
  if (request.method != "GET" && request.method != "HEAD")
    if (const auto denial = policy_.judge_write(request, sign_in_.anonymous()))
      return dav::refusal(request, engine_.options(), denial->status, denial->detail,
                          denial->sentence);
  return self_service_.answer(request, peer, caller, engine_.options());
}

http::Response Gate::answer_sync_client(http::Request& request, const http1::Peer& peer,
                                        const dav::Caller& caller) const {
  if (const auto refusal = sign_in_.ask_to_sign_in(caller, peer)) return refuse(request, *refusal);
  if (request.method != "GET" && request.method != "HEAD")
    if (const auto denial = policy_.judge_write(request, sign_in_.anonymous()))
      return dav::refusal(request, engine_.options(), denial->status, denial->detail,
                          denial->sentence);
  return sync_clients_->answer(request, peer, caller, engine_.options());
}

void Gate::record(const http::Request& request, const http1::Peer& peer, const dav::Caller& caller,
                  const http::Response& response) const {
  audit_log_->append({.over = is_of_a_page(request) ? "page" : "dav",
                      .from = peer.address,
                      .account = caller.name,
                      .token = caller.token,
                      .method = request.method,
                      .path = response.changed->path,
                      .destination = response.changed->destination,
                      .status = response.status,
                      .bytes = response.changed->bytes});
}

}  // namespace holdfast::server::auth
