// Finds the caller of a request before the engine is called: by Basic, Digest, Bearer, the cookie of
// a session or a client certificate against the current accounts, or anonymous. Wrong credentials are refused here, with
// the challenge that fits the connection; dav/ checks the caller's rights. A known client costs a
// few microseconds: its password needs the slow hash again only after five minutes without a
// request. Any thread.
//
//   const SignIn::Decision decision = sign_in.identify(request, peer);
//   if (const auto* refusal = std::get_if<SignIn::Refusal>(&decision)) return answer(*refusal);
//   http::Response response = engine.handle(request, std::get<SignIn::CallerPtr>(decision));
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "http/message.h"
#include "server/auth/account_index.h"
#include "server/auth/anonymous.h"
#include "server/auth/authorization.h"
#include "server/auth/credential_cache.h"
#include "server/auth/hash_slots.h"
#include "server/auth/known_clients.h"
#include "server/auth/nonces.h"
#include "server/auth/secrets.h"
#include "server/auth/throttle.h"
#include "server/http1/handler.h"
#include "storage/accounts.h"
#include "storage/clock.h"

namespace holdfast::server::auth {

class SignIn {
 public:
  struct Settings {
    Anonymous without_accounts = Anonymous::off;  // as long as there never was an account
    Anonymous with_accounts = Anonymous::off;     // since there was one
    // `without_accounts` is a default for the programs of this machine, which nobody has asked for.
    bool by_default = false;
    bool basic_over_http = false;  // also from other machines
    DigestAlgorithms digest;       // offered where there is no TLS
    // The name of the field in which a trusted proxy says the account of a client that it has
    // signed in; empty: none.
    std::string remote_user{};
  };
  // Functions that SignIn calls; tests replace them.
  struct Means {
    // Returns the accounts as of the last commit; never null, and the same value until they change.
    std::function<std::shared_ptr<const storage::Accounts>()> accounts;
    // Writes one line about a failed attempt to the event log.
    std::function<void(const std::string& sentence)> tell;
    std::function<bool(const std::string& hash, std::string_view password)> verify =
        verify_password;
  };
  SignIn(Settings settings, Means means, const storage::Clock& clock,
         HashSlots::Bounds bounds = HashSlots::Bounds{});

  struct Refusal {
    int status = 401;
    std::string detail{};         // for the log
    std::string_view sentence{};  // for the client; static, empty for the status's own
    std::string fields{};         // header field lines
  };
  using CallerPtr = std::shared_ptr<const dav::Caller>;
  // The caller, never null, or the refusal. 401: credentials are missing or wrong. 400: two
  // Authorization fields. 403: no password may be sent on this connection, there are no accounts
  // and anonymous clients may not do this or not through a proxy, or a proxy names an account that
  // cannot be had. 429: too many failures. 503: too many passwords to verify.
  using Decision = std::variant<CallerPtr, Refusal>;
  //
  // `session` is the secret in the cookie of a session (sessions.h), empty when there is none. It
  // counts when Authorization is absent; one that is over or unknown counts as none.
  [[nodiscard]] Decision identify(const http::Request& request, const http1::Peer& peer,
                                  std::string_view session = {});

  // Finds the caller for a name and a password that were sent otherwise than in Authorization, both
  // in NFC. The password of the account is verified, logged and held up as that of Basic is, and
  // refused where Basic is. 403: there are no accounts.
  [[nodiscard]] Decision identify_by_password(const std::string& name, const std::string& password,
                                              const http1::Peer& peer);

  // A link and who comes by it, its password aside.
  struct Link {
    storage::Share share;
    CallerPtr caller;
  };
  // Finds the link with this secret. 404: there is none, it has expired, or nobody could sign in to
  // its account from this address. 403: no secret may be sent on this connection. 429: too many
  // failures.
  [[nodiscard]] std::variant<Link, Refusal> identify_link(std::string_view secret,
                                                          const http1::Peer& peer);
  // Verifies the password of a link that has one. It is held up as that of an account is.
  [[nodiscard]] std::optional<Refusal> verify_link(const Link& link, const std::string& password,
                                                   const http1::Peer& peer);

  // Call for a request of this caller that was refused for lack of a right. Returns a refusal with
  // a challenge for an anonymous client; nullopt when signing in cannot help.
  [[nodiscard]] std::optional<Refusal> ask_to_sign_in(const dav::Caller& caller,
                                                      const http1::Peer& peer);

  // Call for a request that ended because what the client signed in with was taken away meanwhile.
  // Returns the refusal with a challenge.
  [[nodiscard]] Refusal ask_again(const http1::Peer& peer, std::string detail);

  // Lets nobody wait for a password to be verified any more (503), so that the server can end soon.
  void stop_waiting() { hashing_.stop(); }
  // Returns how many passwords wait to be verified.
  [[nodiscard]] std::size_t waiting() const { return hashing_.waiting(); }

  // Returns what anonymous clients may do now.
  [[nodiscard]] Anonymous anonymous();
  // Returns true when somebody can sign in.
  [[nodiscard]] bool has_accounts() { return !directory()->empty(); }
  // Ends what anonymous clients may do by default, for the rest of the process.
  void end_default() { default_ended_ = true; }

 private:
  struct Asking;  // one request

  [[nodiscard]] std::shared_ptr<const AccountIndex> directory();
  [[nodiscard]] Anonymous anonymous(const AccountIndex& directory) const;
  [[nodiscard]] std::shared_ptr<const dav::Caller> anonymous_caller(
      const AccountIndex& directory) const;
  [[nodiscard]] bool is_open_by_default(const AccountIndex& directory) const;
  [[nodiscard]] std::optional<Refusal> refuse_proxied(const Asking& asking);
  [[nodiscard]] bool takes_passwords(const http1::Peer& peer) const;
  [[nodiscard]] std::optional<Refusal> refusal_of(const Asking& asking);
  [[nodiscard]] std::optional<Refusal> identify_anonymous(const Asking& asking);
  [[nodiscard]] std::optional<Refusal> identify_basic(const Asking& asking, const Basic& basic);
  [[nodiscard]] std::optional<Refusal> identify_digest(const Asking& asking, const Digest& digest);
  [[nodiscard]] std::optional<Refusal> identify_bearer(const Asking& asking, const Bearer& bearer);
  // `name` is what a trusted proxy says, `credentials` what the Authorization field has.
  [[nodiscard]] std::optional<Refusal> identify_remote(const Asking& asking, std::string_view name,
                                                       const Credentials& credentials);
  // Verifies a password against a hash, empty when none opens it, for failures of `name`. `why` is
  // said where there is no such hash, `typed` is the name that the client sent.
  [[nodiscard]] std::optional<Refusal> verify(const Asking& asking, std::string_view name,
                                              const std::string& known, const std::string& password,
                                              std::string_view why, std::string_view typed);
  // Returns false when the session of the request's cookie lets nobody in.
  [[nodiscard]] bool take_session(const Asking& asking);
  [[nodiscard]] std::optional<Refusal> take_token(const Asking& asking,
                                                  const AccountIndex::TokenEntry& entry);
  [[nodiscard]] Refusal challenge(const http1::Peer& peer, std::string detail, bool stale = false);
  // Writes the line of a failed attempt to the event log.
  void tell_refused(const Asking& asking, std::string_view why, std::string_view name);
  [[nodiscard]] Refusal failed(const Asking& asking, std::string_view why, std::string_view name);

  const Settings settings_;
  const Means means_;
  const storage::Clock& clock_;
  const Key key_;
  CredentialCache verified_;
  Throttle throttle_;
  KnownClients known_;
  Nonces nonces_;
  HashSlots hashing_;
  std::atomic<storage::Millis> repetition_told_ = 0;
  std::atomic<storage::Millis> proxy_told_ = 0;  // 0: not yet
  std::atomic<bool> default_ended_ = false;
  std::mutex mutex_;
  std::shared_ptr<const AccountIndex> directory_;  // guarded by `mutex_`
};

}  // namespace holdfast::server::auth
