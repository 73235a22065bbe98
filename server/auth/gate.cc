#include "server/auth/gate.h"

#include "dav/refusal.h"

namespace holdfast::server {

dav::Response Gate::refuse(const dav::Request& request, const SignIn::Refusal& refusal) const {
  dav::Response response =
      dav::refusal(request, engine_.options(), refusal.status, refusal.detail, refusal.sentence);
  response.fields += refusal.fields;
  return response;
}

dav::Response Gate::answer(dav::Request& request, Peer& peer) const {
  proxies_.apply(request, peer);
  if (const std::optional<Denial> denial = policy_.judge(request, sign_in_.anonymous()))
    return dav::refusal(request, engine_.options(), denial->status, denial->detail);
  if (const auto refusal = sign_in_.identify(request, peer)) return refuse(request, *refusal);
  if (const storage::AccountId account = request.caller->account; account != storage::kNobody) {
    peer.place = active_.enter(account);
    if (!peer.place) {
      peer.last = true;
      return refuse(request, {.status = 503,
                              .detail = "too many requests of this account at once",
                              .fields = "Retry-After: 1\r\n"});
    }
  }
  dav::Response response = engine_.handle(request);
  if (response.lacks_right)
    if (const auto refusal = sign_in_.ask_to_sign_in(request, peer))
      return refuse(request, *refusal);
  return response;
}

}  // namespace holdfast::server
