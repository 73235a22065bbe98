// Refuses requests of other web pages. Of a request that may do something without signing in, the
// host must be this server's (against DNS rebinding). A write must not come from a foreign Origin
// (against cross-site requests) unless it has credentials in Authorization, as programs send them.
// What a trusted proxy says about host and scheme must have been applied to the request before.
// Immutable after construction; any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "http/message.h"
#include "http/origin.h"
#include "server/auth/anonymous.h"

namespace holdfast::server::auth {

struct Denial {
  int status = 403;
  std::string_view detail;  // one sentence for the log; static
  std::string sentence;     // for the client; may contain what it sent
};

class OriginPolicy {
 public:
  // `public_urls` are the origins of this server that clients use (--public-url), `own_hosts` the
  // numeric addresses on which it listens. Another page can rebind a name to this server's address,
  // but cannot have the address itself as its host.
  // `cors_origins` are origins of others whose pages may use this server (--cors-origins).
  explicit OriginPolicy(std::vector<http::Origin> public_urls,
                        std::vector<std::string> own_hosts = {},
                        std::vector<std::string> cors_origins = {})
      : public_urls_(std::move(public_urls)),
        own_hosts_(std::move(own_hosts)),
        cors_origins_(std::move(cors_origins)) {}

  // Returns nullopt when the engine may answer. Otherwise the status is 421 for a Host that is not
  // this server's while anonymous clients may write, or while they may read and the request has no
  // credentials in Authorization (`has_accounts` says that those are looked at). It is 403 for a
  // write with a foreign Origin that has no such credentials, or while anonymous clients may write.
  // A client certificate does not count as credentials, because a browser sends it by itself.
  [[nodiscard]] std::optional<Denial> judge(const http::Request& request, Anonymous anonymous,
                                            bool has_accounts) const;
  // Returns true for a Host that no page of another server can have: a numeric address, localhost,
  // a name without a dot, or the host of one of the public URLs, with any port. For services beside
  // the tree, which are asked by many names.
  [[nodiscard]] bool is_safe_host(std::string_view authority) const;

  // Returns the 403 of judge() for a request that writes, whatever its method.
  [[nodiscard]] std::optional<Denial> judge_write(const http::Request& request,
                                                  Anonymous anonymous) const;

  // Returns true when a browser says that a page of this server itself made the request: by
  // Sec-Fetch-Site (Fetch Metadata §2.3) or, where it sends only that, by Origin. When it sends both,
  // neither says otherwise.
  [[nodiscard]] bool is_of_own_page(const http::Request& request) const;
  // Returns the 403 for a request that the cookie of a session has signed in, unless its method is
  // GET, HEAD or OPTIONS or is_of_own_page() is true: a browser sends the cookie by itself.
  [[nodiscard]] std::optional<Denial> judge_session(const http::Request& request) const;

  // Returns the response to a CORS preflight (Fetch §4.8) of an origin in `cors_origins`; nullopt
  // for any other request. A preflight has no credentials, and needs none.
  [[nodiscard]] std::optional<http::Response> preflight(const http::Request& request) const;
  // Lets the page that sent the request read the response, when its origin is in `cors_origins`.
  void share(const http::Request& request, http::Response& response) const;

 private:
  [[nodiscard]] bool is_our_host(std::string_view authority) const;
  // Returns true when the page with this origin is one of this server.
  [[nodiscard]] bool is_own(std::string_view origin, const http::Request& request) const;
  [[nodiscard]] bool is_foreign(std::string_view origin, const http::Request& request) const;
  // Returns the request's Origin when it is one of `cors_origins`.
  [[nodiscard]] std::optional<std::string_view> cors_origin(const http::Request& request) const;

  std::vector<http::Origin> public_urls_;
  std::vector<std::string> own_hosts_;
  std::vector<std::string> cors_origins_;
};

}  // namespace holdfast::server::auth
