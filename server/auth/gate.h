// Every request passes this gate. It applies what a trusted proxy says about the client, refuses
// requests of other web pages, signs the client in, limits the requests of an account, calls the
// engine or, for what people do with their own account, SelfService and Sessions, and writes what was
// changed to the audit log. Any thread.
#pragma once

#include <cstdint>
#include <string>

#include "dav/engine.h"
#include "http/message.h"
#include "server/auth/active_requests.h"
#include "server/auth/links.h"
#include "server/auth/origin_policy.h"
#include "server/auth/proxies.h"
#include "server/auth/self_service.h"
#include "server/auth/sessions.h"
#include "server/auth/sign_in.h"
#include "server/auth/sync_clients.h"
#include "server/http1/handler.h"
#include "server/observe/audit_log.h"

namespace holdfast::server::auth {

class Gate {
 public:
  // All references must outlive the gate. `audit_log` may be null, and outlives it too. For
  // `hsts_s` seconds, 0 for none, browsers are told to come by https only. Without `sync_clients`,
  // which outlives the gate as well, the URLs of Nextcloud's clients are plain URLs of the tree.
  Gate(const Proxies& proxies, const OriginPolicy& policy, SignIn& sign_in, ActiveRequests& active,
       SelfService& self_service, Sessions& sessions, Links& links, const dav::Engine& engine,
       observe::AuditLog* audit_log, std::int64_t hsts_s, SyncClients* sync_clients = nullptr)
      : proxies_(proxies),
        policy_(policy),
        sign_in_(sign_in),
        active_(active),
        self_service_(self_service),
        sessions_(sessions),
        links_(links),
        engine_(engine),
        audit_log_(audit_log),
        hsts_(hsts_s > 0 ? "max-age=" + std::to_string(hsts_s) : std::string()),
        sync_clients_(sync_clients) {}

  // Answers a request. `peer` becomes the client behind a trusted proxy.
  [[nodiscard]] http::Response answer(http::Request& request, http1::Peer& peer) const;

 private:
  [[nodiscard]] http::Response judge_and_answer(http::Request& request, http1::Peer& peer) const;
  [[nodiscard]] http::Response refuse(const http::Request& request,
                                      const SignIn::Refusal& refusal) const;
  [[nodiscard]] bool has_page() const;
  // Answers a request that comes by a link; nullopt when there is none with this secret.
  [[nodiscard]] std::optional<http::Response> answer_link(http::Request& request,
                                                          http1::Peer& peer,
                                                          std::string_view secret) const;
  [[nodiscard]] http::Response answer_own(http::Request& request, const http1::Peer& peer,
                                          const dav::Caller& caller) const;
  [[nodiscard]] http::Response answer_sync_client(http::Request& request, const http1::Peer& peer,
                                                  const dav::Caller& caller) const;
  // Writes the line of a request that changed something.
  void record(const http::Request& request, const http1::Peer& peer, const dav::Caller& caller,
              const http::Response& response) const;

  const Proxies& proxies_;
  const OriginPolicy& policy_;
  SignIn& sign_in_;
  ActiveRequests& active_;
  SelfService& self_service_;
  Sessions& sessions_;
  Links& links_;
  const dav::Engine& engine_;
  observe::AuditLog* audit_log_;
  const std::string hsts_;  // value of Strict-Transport-Security; empty: none
  SyncClients* sync_clients_;
};

}  // namespace holdfast::server::auth
