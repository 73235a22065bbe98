// Every request comes in here: what a trusted proxy says of its client, whether another web page
// sent it, who asks, and whether of that account there are too many; then the engine answers. Any
// thread.
#pragma once

#include "dav/engine.h"
#include "http/message.h"
#include "server/auth/active_requests.h"
#include "server/auth/origin_policy.h"
#include "server/auth/proxies.h"
#include "server/auth/sign_in.h"
#include "server/http1/handler.h"

namespace holdfast::server::auth {

class Gate {
 public:
  // All must outlive the door.
  Gate(const Proxies& proxies, const OriginPolicy& policy, SignIn& sign_in, ActiveRequests& active,
       const dav::Engine& engine)
      : proxies_(proxies), policy_(policy), sign_in_(sign_in), active_(active), engine_(engine) {}

  // `peer` becomes the client behind a trusted proxy.
  [[nodiscard]] http::Response answer(http::Request& request, http1::Peer& peer) const;

 private:
  [[nodiscard]] http::Response refuse(const http::Request& request,
                                      const SignIn::Refusal& refusal) const;

  const Proxies& proxies_;
  const OriginPolicy& policy_;
  SignIn& sign_in_;
  ActiveRequests& active_;
  const dav::Engine& engine_;
};

}  // namespace holdfast::server::auth
