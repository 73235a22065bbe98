// Every request passes this gate. It applies what a trusted proxy says about the client, refuses
// requests of other web pages, signs the client in, limits the requests of an account, and calls
// the engine. Any thread.
#pragma once

#include <cstdint>
#include <string>

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
  // All references must outlive the gate. For `hsts_s` seconds, 0 for none, browsers are told to
  // come by https only.
  Gate(const Proxies& proxies, const OriginPolicy& policy, SignIn& sign_in, ActiveRequests& active,
       const dav::Engine& engine, std::int64_t hsts_s)
      : proxies_(proxies),
        policy_(policy),
        sign_in_(sign_in),
        active_(active),
        engine_(engine),
        hsts_(hsts_s > 0 ? "max-age=" + std::to_string(hsts_s) : std::string()) {}

  // Answers a request. `peer` becomes the client behind a trusted proxy.
  [[nodiscard]] http::Response answer(http::Request& request, http1::Peer& peer) const;

 private:
  [[nodiscard]] http::Response judge_and_answer(http::Request& request, http1::Peer& peer) const;
  [[nodiscard]] http::Response refuse(const http::Request& request,
                                      const SignIn::Refusal& refusal) const;

  const Proxies& proxies_;
  const OriginPolicy& policy_;
  SignIn& sign_in_;
  ActiveRequests& active_;
  const dav::Engine& engine_;
  const std::string hsts_;  // value of Strict-Transport-Security; empty: none
};

}  // namespace holdfast::server::auth
