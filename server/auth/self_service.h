// What people do with their own account over HTTP: look at it, change its password, make and remove
// its device tokens, end its sessions, look at what they removed and restore it, restore versions and undo
// (docs/operations.md#your-own-account). It answers on the root of the tree with a query,
// "?account", so that no name in the tree is taken. Any thread.
//
// A client that signed in with a device token is refused: a token must not make another. A new
// password needs the old one, which is verified, and held up, as signing in is.
#pragma once

#include <cstddef>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "dav/engine.h"
#include "http/message.h"
#include "server/auth/sign_in.h"
#include "server/http1/handler.h"
#include "server/json/object.h"
#include "server/json/writer.h"
#include "server/observe/audit_log.h"
#include "storage/namespace.h"

namespace holdfast::server::auth {

class SelfService {
 public:
  static constexpr std::size_t kBodyLimitBytes = 16 * 1024;
  static constexpr std::size_t kTokensPerAccount = 100;

  // All arguments must outlive this object. `audit_log` may be null. `digest` says which secrets
  // are kept of a new password, which has at least `password_min` code points.
  SelfService(storage::Namespace& names, SignIn& sign_in, DigestAlgorithms digest,
              std::size_t password_min, observe::AuditLog* audit_log)
      : names_(names),
        sign_in_(sign_in),
        digest_(digest),
        password_min_(password_min),
        audit_log_(audit_log) {}

  // Returns true for a request about the caller's account: its target is the root of `space` with
  // the query "account" or one that begins with "account=".
  [[nodiscard]] static bool concerns(const http::Request& request, const dav::UrlSpace& space);

  // Answers a request that concerns() and whose caller has an account; `caller` is not anonymous. A
  // request that changes something must have passed OriginPolicy::judge_write. 200, 201 or 204; 400
  // for a body or a query that is none; 403 for a wrong old password, a device token, too many
  // tokens or a missing right; 404 for a token, a session or a removed tree that is not the
  // account's; 405;
  // 409 for a tree whose place is taken or gone; 413; 415 for a body that is no JSON; 429 and 503
  // as for signing in.
  [[nodiscard]] http::Response answer(http::Request& request, const http1::Peer& peer,
                                      const dav::Caller& caller, const dav::Options& options);

  // Makes a device token with this label for the caller, who signed in with more than a token, and
  // returns its text. Returns nullopt when the account may have no more tokens, or is gone.
  [[nodiscard]] std::optional<std::string> grant_token(http::Request& request,
                                                       const http1::Peer& peer,
                                                       const dav::Caller& caller,
                                                       std::string_view label);

 private:
  struct Asking;  // one request

  // Returns the answer to a GET or HEAD.
  [[nodiscard]] static http::Response shown(const Asking& asking, const json::Writer& out);
  [[nodiscard]] http::Response show(const Asking& asking) const;
  [[nodiscard]] http::Response set_password(const Asking& asking);
  [[nodiscard]] http::Response add_token(const Asking& asking, const json::Object& object);
  // Stores the token with a new id and secret, and returns the secret.
  [[nodiscard]] std::string make_token(const Asking& asking, storage::DeviceToken& token,
                                       std::optional<std::uint64_t> lifetime_s);
  [[nodiscard]] http::Response remove_token(const Asking& asking, const json::Object& object);
  [[nodiscard]] http::Response show_shares(const Asking& asking) const;
  [[nodiscard]] http::Response add_share(const Asking& asking, const json::Object& object,
                                         const dav::UrlSpace& space);
  [[nodiscard]] http::Response remove_share(const Asking& asking, const json::Object& object);
  [[nodiscard]] http::Response end_session(const Asking& asking);
  [[nodiscard]] http::Response show_trash(const Asking& asking) const;
  [[nodiscard]] http::Response restore_trash(const Asking& asking);
  [[nodiscard]] http::Response restore_version(const Asking& asking);
  [[nodiscard]] http::Response show_history(const Asking& asking) const;
  [[nodiscard]] http::Response undo(const Asking& asking);
  void record(const Asking& asking, std::string_view method, std::string_view detail,
              int status) const;

  storage::Namespace& names_;
  SignIn& sign_in_;
  const DigestAlgorithms digest_;
  const std::size_t password_min_;
  observe::AuditLog* audit_log_;
  std::mutex hashing_;  // one new password is hashed at a time
};

}  // namespace holdfast::server::auth
