#include "server/auth/gate.h"

#include "dav/refusal.h"

namespace holdfast::server::auth {
namespace {

// Returns true for a request that a browser made for a page (the Fetch standard's metadata fields).
bool is_of_a_page(const http::Request& request) {
  return request.fields.find("Sec-Fetch-Mode").has_value();
}

}  // namespace

http::Response Gate::refuse(const http::Request& request, const SignIn::Refusal& refusal) const {
  http::Response response =
      dav::refusal(request, engine_.options(), refusal.status, refusal.detail, refusal.sentence);
  response.fields += refusal.fields;
  return response;
}

http::Response Gate::answer(http::Request& request, http1::Peer& peer) const {
  proxies_.apply(request, peer);
  http::Response response = judge_and_answer(request, peer);
  policy_.share(request, response);
  return response;
}

http::Response Gate::judge_and_answer(http::Request& request, http1::Peer& peer) const {
  if (const std::optional<Denial> denial = policy_.judge(request, sign_in_.anonymous()))
    return dav::refusal(request, engine_.options(), denial->status, denial->detail,
                        denial->sentence);
  if (std::optional<http::Response> preflight = policy_.preflight(request))
    return std::move(*preflight);
  const SignIn::Decision decision = sign_in_.identify(request, peer);
  if (const auto* refusal = std::get_if<SignIn::Refusal>(&decision))
    return refuse(request, *refusal);
  const auto& caller = std::get<SignIn::CallerPtr>(decision);
  peer.user = caller->name;
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
  http::Response response = engine_.handle(request, caller);
  if (response.changed && audit_log_ != nullptr) record(request, peer, *caller, response);
  if (response.lacks_right)
    if (const auto refusal = sign_in_.ask_to_sign_in(*caller, peer))
      return refuse(request, *refusal);
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
