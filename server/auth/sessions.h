// Sessions of browsers: signing in on a page and out again (docs/operations.md#sessions). It answers
// on the root of the tree with the query "session", so that no name in the tree is taken:
//
//   GET ?session=PATH   the page that signs in and then leads to PATH
//   POST ?session       its form: name, password, to. 303 to the path, with a cookie
//   POST ?session=end   signs out: 303 to the root
//
// The cookie has a secret of 256 random bits, of which the store keeps the SHA-256. Browsers send it
// by themselves, also for pages of others, so what it signs in must pass
// OriginPolicy::judge_session. It ends by end_of(), by signing out, with the account and with its
// password. Any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "dav/caller.h"
#include "dav/engine.h"
#include "http/message.h"
#include "server/auth/sign_in.h"
#include "server/http1/handler.h"
#include "server/observe/audit_log.h"
#include "storage/clock.h"
#include "storage/namespace.h"

namespace holdfast::server::auth {

class Sessions {
 public:
  // One more makes the session of the account end that was not used for the longest time.
  static constexpr std::size_t kPerAccount = 100;

  // All arguments must outlive this object. `audit_log` may be null.
  Sessions(storage::Namespace& names, SignIn& sign_in, const storage::Clock& clock,
           observe::AuditLog* audit_log)
      : names_(names), sign_in_(sign_in), clock_(clock), audit_log_(audit_log) {}

  // Returns true when the root of `space` is asked with the query "session".
  [[nodiscard]] static bool concerns(const http::Request& request, const dav::UrlSpace& space);
  // Returns the secret in the request's cookie, a view of its fields; empty when there is none. Over
  // TLS only the cookie counts that nobody else than this host could set (RFC 6265bis §4.1.3.2).
  [[nodiscard]] static std::string_view secret_of(const http::Request& request,
                                                  const http1::Peer& peer);
  // Returns the value of the request's first cookie of this name; empty when there is none.
  [[nodiscard]] static std::string_view cookie_in(const http::Request& request,
                                                  std::string_view name);
  // Returns true for a browser that opens an address, and that shows a page.
  [[nodiscard]] static bool is_navigation(const http::Request& request);

  // Answers a request that concerns(). `own_page` is what OriginPolicy::is_of_own_page says. 200 and
  // 303 as above; 400 for a form that is none; 401 for a wrong name or password; 403 for a form of
  // another page and where no password may be sent; 405; 413; 429 and 503 as for signing in.
  [[nodiscard]] http::Response answer(http::Request& request, http1::Peer& peer,
                                      const dav::Options& options, bool own_page);
  // Returns the page that signs in, with status 401, in place of what the request asked for.
  [[nodiscard]] static http::Response ask(const http::Request& request,
                                          const dav::Options& options);

  // Call for each request of a caller with a session: writes its use down when that is due.
  void note_use(const dav::Caller& caller) noexcept;

 private:
  [[nodiscard]] http::Response begin(http::Request& request, http1::Peer& peer,
                                     const dav::Options& options);
  [[nodiscard]] http::Response end(const http::Request& request, http1::Peer& peer,
                                   const dav::Options& options);
  void record(const http1::Peer& peer, std::string_view account, std::string_view method,
              std::string_view id) const;

  storage::Namespace& names_;
  SignIn& sign_in_;
  const storage::Clock& clock_;
  observe::AuditLog* audit_log_;
};

}  // namespace holdfast::server::auth
