#include "server/auth/sign_in.h"

#include <array>
#include <new>
#include <utility>

#include "dav/engine.h"
#include "dav/method.h"
#include "server/auth/proxies.h"
#include "server/observe/access_log.h"
#include "text/json.h"
#include "text/utf8.h"

namespace holdfast::server::auth {
namespace {

constexpr std::size_t kThrottled = 65'536;  // addresses and accounts; as many networks
constexpr std::size_t kVerified = 4096;     // right credentials; as many wrong ones
constexpr std::size_t kKnown = 16'384;
constexpr std::size_t kNonces = 4096;
constexpr std::size_t kLoggedNameBytes = 128;
// A wrong password that is sent again and again is logged once in this time.
constexpr storage::Millis kRepetition = 1000;

constexpr std::string_view kNeedsTls =
    "Passwords are taken over TLS (https) only: sign in there, or see --basic-over-http.";

constexpr std::string_view kNotThroughProxies =
    "This server has no accounts and so takes no requests through a proxy: its administrator adds "
    "accounts, or says what everybody may do.";
// That requests come through a proxy is logged once in this time.
constexpr storage::Millis kProxyTold = 60'000;

std::string retry_after(std::int64_t seconds) {
  return "Retry-After: " + std::to_string(seconds) + "\r\n";
}

std::string hash_for(Digest::Algorithm algorithm, std::string_view text) {
  return algorithm == Digest::Algorithm::sha256 ? sha256_hex(text) : md5_hex(text);
}

// Computes the response of RFC 7616 §3.4.1 with qop=auth.
std::string digest_response(const Digest& digest, std::string_view secret,
                            std::string_view method) {
  std::string text(method);
  text.append(":").append(digest.uri);
  const std::string request_hash = hash_for(digest.algorithm, text);
  text.assign(secret).append(":").append(digest.nonce).append(":").append(digest.nc);
  text.append(":").append(digest.cnonce).append(":auth:").append(request_hash);
  return hash_for(digest.algorithm, text);
}

// Returns true when one of the secrets of an account, which are separated by spaces, makes this
// response. An account without a Digest password has none.
bool is_right(const Digest& digest, std::string_view secrets, std::string_view method) {
  bool right = false;
  do {
    const std::size_t end = std::min(secrets.find(' '), secrets.size());
    const std::string_view secret = secrets.substr(0, end);
    secrets.remove_prefix(std::min(end + 1, secrets.size()));
    const std::string expected = digest_response(digest, secret, method);
    right |= equal_in_constant_time(expected, digest.response) && !secret.empty();
  } while (!secrets.empty());
  return right;
}

// The account of a name, when somebody can sign in as it from the peer's address; else why not. Who
// cannot is treated like an account that does not exist, so that only the log tells.
struct Found {
  const AccountIndex::Entry* entry = nullptr;
  std::string_view why{};
};

Found find_usable(const AccountIndex& directory, std::string_view name, const http1::Peer& peer) {
  const AccountIndex::Entry* const entry = directory.find(name);
  if (entry == nullptr) return {nullptr, "unknown account"};
  const std::string_view barred = directory.barred(*entry->account, peer.address);
  return barred.empty() ? Found{entry, {}} : Found{nullptr, barred};
}

// Returns the refusal of an attempt that must wait; nullopt when it need not.
std::optional<SignIn::Refusal> held_up(std::int64_t wait_s) {
  if (wait_s == 0) return std::nullopt;
  return SignIn::Refusal{.status = 429,
                         .detail = "too many failed attempts to sign in",
                         .fields = retry_after(wait_s)};
}

}  // namespace

struct SignIn::Asking {
  const http::Request& request;
  const http1::Peer& peer;
  const AccountIndex& directory;
  std::shared_ptr<const dav::Caller>& caller;  // to be set
  std::string_view session{};                  // the secret of a cookie
};

SignIn::SignIn(Settings settings, Means means, const storage::Clock& clock,
               HashSlots::Bounds bounds)
    : settings_(std::move(settings)),
      means_(std::move(means)),
      clock_(clock),
      key_(random_key()),
      verified_(clock, kVerified),
      throttle_(clock, kThrottled),
      known_(kKnown),
      nonces_(clock, kNonces),
      hashing_(bounds),
      directory_(std::make_shared<const AccountIndex>(means_.accounts())) {}

std::shared_ptr<const AccountIndex> SignIn::directory() {
  std::shared_ptr<const storage::Accounts> accounts = means_.accounts();
  const std::scoped_lock lock(mutex_);
  if (directory_->accounts() != accounts)
    directory_ = std::make_shared<const AccountIndex>(std::move(accounts));
  return directory_;
}

Anonymous SignIn::anonymous(const AccountIndex& directory) const {
  if (directory.any_ever()) return settings_.with_accounts;
  return settings_.by_default && default_ended_ ? Anonymous::off : settings_.without_accounts;
}

bool SignIn::is_open_by_default(const AccountIndex& directory) const {
  return settings_.by_default && !directory.any_ever() && anonymous(directory) != Anonymous::off;
}

std::shared_ptr<const dav::Caller> SignIn::anonymous_caller(const AccountIndex& directory) const {
  const auto right = static_cast<storage::Right>(anonymous(directory));
  const bool until_accounts =
      !directory.any_ever() && anonymous(directory) > settings_.with_accounts;
  return until_accounts ? directory.anonymous_until_accounts(right) : dav::anonymous_caller(right);
}

Anonymous SignIn::anonymous() { return anonymous(*directory()); }

bool SignIn::takes_passwords(const http1::Peer& peer) const {
  return peer.tls || peer.loopback || settings_.basic_over_http;
}

SignIn::Decision SignIn::identify(const http::Request& request, const http1::Peer& peer,
                                  std::string_view session) {
  const std::shared_ptr<const AccountIndex> directory = this->directory();
  std::shared_ptr<const dav::Caller> caller = anonymous_caller(*directory);
  if (auto refusal = refusal_of({request, peer, *directory, caller, session}))
    return *std::move(refusal);
  return caller;
}

SignIn::Decision SignIn::identify_by_password(const std::string& name, const std::string& password,
                                              const http1::Peer& peer) {
  const std::shared_ptr<const AccountIndex> directory = this->directory();
  if (directory->empty())
    return Refusal{.status = 403,
                   .detail = "a password came where there are no accounts",
                   .sentence = "There are no accounts here."};
  std::shared_ptr<const dav::Caller> caller;
  const http::Request request;
  if (auto refusal = identify_basic({request, peer, *directory, caller}, {name, password}))
    return *std::move(refusal);
  return caller;
}

std::optional<SignIn::Refusal> SignIn::refusal_of(const Asking& asking) {
  const http::Request& request = asking.request;
  if (is_open_by_default(asking.directory))
    if (auto refusal = refuse_proxied(asking)) return refusal;
  if (asking.directory.empty()) return identify_anonymous(asking);

  const std::optional<std::string_view> field = request.fields.find("Authorization");
  if (request.fields.count("Authorization") > 1)
    return Refusal{.status = 400, .detail = "two Authorization fields"};
  const Credentials credentials = field ? parse_authorization(*field) : Broken{"no credentials"};
  if (!settings_.remote_user.empty() && asking.peer.trusted_proxy) {
    const std::string_view name = request.fields.find(settings_.remote_user).value_or("");
    if (request.fields.count(settings_.remote_user) > 1)
      return Refusal{.status = 400, .detail = "two fields of a proxy that name the account"};
    if (!name.empty()) return identify_remote(asking, name, credentials);
  }
  if (const auto* basic = std::get_if<Basic>(&credentials)) return identify_basic(asking, *basic);
  if (const auto* digest = std::get_if<Digest>(&credentials))
    return identify_digest(asking, *digest);
  if (const auto* bearer = std::get_if<Bearer>(&credentials))
    return identify_bearer(asking, *bearer);
  if (!field && !asking.session.empty() && take_session(asking)) return std::nullopt;
  if (const AccountIndex::Entry* entry =
          asking.directory.find_certificate(asking.peer.certificate)) {
    const std::string_view barred = asking.directory.barred(*entry->account, asking.peer.address);
    if (!barred.empty()) return failed(asking, barred, entry->account->name);
    asking.caller = entry->caller;
    return std::nullopt;
  }
  if (!field) return identify_anonymous(asking);
  return challenge(asking.peer, std::string(std::get<Broken>(credentials).why));
}

// A default is for the programs of this machine. A proxy brings others, who would all seem to be
// such programs.
std::optional<SignIn::Refusal> SignIn::refuse_proxied(const Asking& asking) {
  const std::string_view field = field_of_a_proxy(asking.request.fields);
  if (field.empty()) return std::nullopt;
  const storage::Millis now = clock_.lease();
  storage::Millis told = proxy_told_;
  if ((told == 0 || now - told >= kProxyTold) && proxy_told_.compare_exchange_strong(told, now)) {
    std::string sentence = "Requests that come through a proxy are refused, because of the field ";
    text::append_json_text(sentence, field, kLoggedNameBytes);
    sentence +=
        ": without accounts only programs of this machine may read and write. Add accounts with "
        "holdfast user add, or say with --anonymous what everybody may do.";
    means_.tell(sentence);
  }
  return Refusal{.status = 403,
                 .detail = "a request through a proxy to a server without accounts",
                 .sentence = kNotThroughProxies};
}

std::optional<SignIn::Refusal> SignIn::identify_anonymous(const Asking& asking) {
  const Anonymous allowed = anonymous(asking.directory);
  const dav::Method* method = dav::find_method(asking.request.method);
  // Methods that the engine does not know pass, so that the engine can refuse them.
  if (method == nullptr || method->access == dav::Access::none) return std::nullopt;
  if (allowed == Anonymous::write) return std::nullopt;
  if (allowed == Anonymous::read && method->access == dav::Access::read) return std::nullopt;
  if (!asking.directory.empty()) return challenge(asking.peer, "an account is needed");
  return Refusal{.status = 403,
                 .detail = method->access == dav::Access::write
                               ? "Anonymous clients may not write (--anonymous)."
                               : "Anonymous clients may not read, and there are no accounts "
                                 "(--anonymous)."};
}

std::optional<SignIn::Refusal> SignIn::ask_to_sign_in(const dav::Caller& caller,
                                                      const http1::Peer& peer) {
  if (caller.account != storage::kNobody) return std::nullopt;
  const std::shared_ptr<const AccountIndex> directory = this->directory();
  if (directory->empty()) return std::nullopt;
  return challenge(peer, "an account is needed");
}

SignIn::Refusal SignIn::ask_again(const http1::Peer& peer, std::string detail) {
  return challenge(peer, std::move(detail));
}

std::optional<SignIn::Refusal> SignIn::identify_basic(const Asking& asking, const Basic& basic) {
  if (!takes_passwords(asking.peer))
    return Refusal{.status = 403, .detail = "a password came without TLS", .sentence = kNeedsTls};
  const AccountIndex& directory = asking.directory;
  const auto [entry, why] = find_usable(directory, basic.name, asking.peer);
  const AccountIndex::TokenEntry* token = directory.find_token(basic.password);
  if (token != nullptr && entry != nullptr && token->account == entry->account)
    return take_token(asking, *token);

  const bool has_password = entry != nullptr && !entry->account->password_hash.empty();
  if (auto refusal = verify(asking, directory.meant(basic.name),
                            has_password ? entry->account->password_hash : std::string(),
                            basic.password, entry == nullptr ? why : "wrong password", basic.name))
    return refusal;
  asking.caller = entry->caller;
  return std::nullopt;
}

std::optional<SignIn::Refusal> SignIn::verify(const Asking& asking, std::string_view name,
                                              const std::string& known, const std::string& password,
                                              std::string_view why, std::string_view typed) {
  // An account without a password, and none at all, take as long as any other (docs/robustness.md
  // S4).
  const bool has_password = !known.empty();
  const std::string& hash = has_password ? known : no_hash();
  const Mac credentials =
      mac(key_, std::array<std::string_view, 3>{name, password,
                                                has_password ? hash : std::string_view()});
  switch (verified_.judge(credentials)) {
    case CredentialCache::Verdict::right:
      return std::nullopt;
    case CredentialCache::Verdict::wrong: {
      const storage::Millis now = clock_.lease();
      storage::Millis told = repetition_told_;
      if (now - told >= kRepetition && repetition_told_.compare_exchange_strong(told, now))
        return failed(asking, "the same wrong password again", typed);
      return challenge(asking.peer, "the same wrong password again");
    }
    case CredentialCache::Verdict::unknown:
      break;
  }

  // Requests that wait for the same credentials must go on, also after an exception.
  struct Recording {
    CredentialCache& verified;
    const Mac& credentials;
    CredentialCache::Verdict verdict = CredentialCache::Verdict::unknown;
    ~Recording() { verified.record(credentials, verdict); }
  } recording{verified_, credentials};

  const Throttle::Source source = throttle_.source(asking.peer.address, name);
  if (auto refusal = held_up(throttle_.wait_s(source))) return refusal;
  {
    const HashSlots::Place place = hashing_.enter({.source = source,
                                                   .failures = throttle_.failures(source),
                                                   .known = known_.has(*source.account)});
    if (!place) {
      throttle_.record(source, Throttle::Outcome::turned_away);
      return Refusal{.status = 503,
                     .detail = "too many passwords wait to be verified",
                     .fields = retry_after(2)};
    }
    // Others may have failed while this attempt waited for its place.
    if (auto refusal = held_up(throttle_.wait_s(source))) return refusal;
    try {
      recording.verdict = means_.verify(hash, password) && has_password
                              ? CredentialCache::Verdict::right
                              : CredentialCache::Verdict::wrong;
    } catch (const std::bad_alloc&) {
      return Refusal{
          .status = 503, .detail = "no memory to verify a password", .fields = retry_after(2)};
    }
    // The next one in turn is judged by this outcome, too.
    const bool right = recording.verdict == CredentialCache::Verdict::right;
    throttle_.record(source, right ? Throttle::Outcome::succeeded : Throttle::Outcome::failed);
  }
  if (recording.verdict == CredentialCache::Verdict::right) {
    known_.add(*source.account);
    return std::nullopt;
  }
  return failed(asking, why, typed);
}

std::optional<SignIn::Refusal> SignIn::identify_digest(const Asking& asking, const Digest& digest) {
  const bool sha256 = digest.algorithm == Digest::Algorithm::sha256;
  if (!(sha256 ? settings_.digest.sha256 : settings_.digest.md5) || asking.peer.tls)
    return challenge(asking.peer, "Digest, which is not offered here");
  if (!same_target(digest.uri, asking.request.target))
    return challenge(asking.peer, "Digest credentials for another URL");
  const Nonces::State state = nonces_.look(digest.nonce, asking.peer.address, digest.username);
  if (state == Nonces::State::stale) return challenge(asking.peer, "a stale Digest nonce", true);

  const auto [entry, why] = find_usable(asking.directory, digest.username, asking.peer);
  std::string_view secrets;
  if (entry != nullptr)
    secrets = sha256 ? entry->account->digest_sha256 : entry->account->digest_md5;
  const bool right = is_right(digest, secrets, asking.request.method);
  if (!right || state != Nonces::State::used) {
    const Throttle::Source source =
        throttle_.source(asking.peer.address, asking.directory.meant(digest.username));
    if (auto refusal = held_up(throttle_.judge(
            source, right ? Throttle::Outcome::succeeded : Throttle::Outcome::failed)))
      return refusal;
    if (right) known_.add(*source.account);
  }
  if (!right)
    return failed(asking,
                  entry == nullptr  ? why
                  : secrets.empty() ? "no Digest password is set"
                                    : "wrong Digest password",
                  digest.username);
  if (!nonces_.use(digest.nonce, digest.username, digest.count))
    return challenge(asking.peer, "a Digest request that came before", true);
  asking.caller = entry->caller;
  return std::nullopt;
}

std::optional<SignIn::Refusal> SignIn::identify_bearer(const Asking& asking, const Bearer& bearer) {
  if (!takes_passwords(asking.peer))
    return Refusal{.status = 403, .detail = "a token came without TLS", .sentence = kNeedsTls};
  const AccountIndex::TokenEntry* const token = asking.directory.find_token(bearer.token);
  std::string_view why = "unknown token";
  if (token != nullptr) {
    why = asking.directory.barred(*token->account, asking.peer.address);
    if (why.empty()) return take_token(asking, *token);
  }
  if (auto refusal = held_up(throttle_.judge(throttle_.source(asking.peer.address, std::nullopt),
                                             Throttle::Outcome::failed)))
    return refusal;
  Refusal refusal =
      failed(asking, why, token == nullptr ? std::string_view() : token->account->name);
  // RFC 6750 §3. Only clients that sent a token get this challenge: a client that sees a Bearer
  // challenge first (Office) uses another way to sign in and never asks its user for a password.
  refusal.fields +=
      "WWW-Authenticate: Bearer realm=\"" + std::string(kRealm) + "\", error=\"invalid_token\"\r\n";
  return refusal;
}

std::optional<SignIn::Refusal> SignIn::identify_remote(const Asking& asking, std::string_view name,
                                                       const Credentials& credentials) {
  const AccountIndex& directory = asking.directory;
  const std::string text = text::nfc(text::as_utf8(name));
  const auto [entry, why] = find_usable(directory, text, asking.peer);
  if (entry == nullptr) {
    tell_refused(asking, std::string(why) + ", which a proxy names", text);
    return Refusal{.status = 403,
                   .detail = std::string(why) + ", which a proxy names",
                   .sentence = "You are signed in as somebody who has no account here."};
  }
  // Credentials beside the name may be those with which the proxy has signed the client in.
  const AccountIndex::TokenEntry* token = nullptr;
  bool same = true;
  if (const auto* basic = std::get_if<Basic>(&credentials)) {
    same = directory.find(basic->name) == entry;
    token = directory.find_token(basic->password);
  } else if (const auto* digest = std::get_if<Digest>(&credentials)) {
    same = directory.find(digest->username) == entry;
  } else if (const auto* bearer = std::get_if<Bearer>(&credentials)) {
    token = directory.find_token(bearer->token);
    same = token != nullptr;
  }
  if (!same || (token != nullptr && token->account != entry->account)) {
    tell_refused(asking, "Authorization is not of the account that a proxy names", text);
    return Refusal{.status = 403,
                   .detail = "Authorization is not of the account that a proxy names",
                   .sentence =
                       "Your credentials are not those of the account that you are signed "
                       "in to."};
  }
  if (token != nullptr) return take_token(asking, *token);
  asking.caller = entry->caller;
  return std::nullopt;
}

std::variant<SignIn::Link, SignIn::Refusal> SignIn::identify_link(std::string_view secret,
                                                                  const http1::Peer& peer) {
  if (!takes_passwords(peer))
    return Refusal{.status = 403, .detail = "a link came without TLS", .sentence = kNeedsTls};
  const std::shared_ptr<const AccountIndex> directory = this->directory();
  const AccountIndex::ShareEntry* const entry = directory->find_share(secret);
  if (entry == nullptr) {
    if (auto refusal = held_up(
            throttle_.judge(throttle_.source(peer.address, std::nullopt), Throttle::Outcome::failed)))
      return *std::move(refusal);
    return Refusal{.status = 404, .detail = "unknown link"};
  }
  if (entry->share->expires && *entry->share->expires <= clock_.wall())
    return Refusal{.status = 404, .detail = "expired link " + entry->share->id};
  if (const auto barred = directory->barred(*entry->account, peer.address); !barred.empty())
    return Refusal{.status = 404, .detail = "a link of " + std::string(barred)};
  return Link{*entry->share, entry->caller};
}

std::optional<SignIn::Refusal> SignIn::verify_link(const Link& link, const std::string& password,
                                                   const http1::Peer& peer) {
  const std::shared_ptr<const AccountIndex> directory = this->directory();
  const http::Request request;
  std::shared_ptr<const dav::Caller> none;
  return verify({request, peer, *directory, none}, link.caller->name, link.share.password_hash,
                password, "wrong password of a link", link.caller->name);
}

bool SignIn::take_session(const Asking& asking) {
  if (!takes_passwords(asking.peer)) return false;
  const AccountIndex::SessionEntry* const entry = asking.directory.find_session(asking.session);
  if (entry == nullptr || clock_.wall() >= end_of(*entry->session) ||
      !asking.directory.barred(*entry->account, asking.peer.address).empty())
    return false;
  asking.caller = entry->caller;
  return true;
}

std::optional<SignIn::Refusal> SignIn::take_token(const Asking& asking,
                                                  const AccountIndex::TokenEntry& entry) {
  if (entry.token->expires && *entry.token->expires <= clock_.wall())
    return failed(asking, "expired token " + entry.token->id, entry.account->name);
  asking.caller = entry.caller;
  return std::nullopt;
}

SignIn::Refusal SignIn::challenge(const http1::Peer& peer, std::string detail, bool stale) {
  Refusal refusal{.status = 401, .detail = std::move(detail)};
  const std::string realm = "realm=\"" + std::string(kRealm) + "\"";
  // Digest is not offered over TLS: Windows would choose it, and accounts without a Digest password
  // could not sign in.
  if (settings_.digest.any() && !peer.tls) {
    const std::string nonce = nonces_.make(peer.address);
    // The stronger algorithm comes first (RFC 7616 §3.7), and each has a field line of its own
    // (docs/clients.md R5). The quoted nonce comes last, because some clients read an unquoted last
    // value to the end of the line.
    const auto offer = [&](std::string_view algorithm) {
      refusal.fields.append("WWW-Authenticate: Digest ")
          .append(realm)
          .append(", charset=UTF-8, algorithm=")
          .append(algorithm)
          .append(stale ? ", stale=true" : "")
          .append(", qop=\"auth\", nonce=\"")
          .append(nonce)
          .append("\"\r\n");
    };
    if (settings_.digest.sha256) offer("SHA-256");
    if (settings_.digest.md5) offer("MD5");
  }
  if (takes_passwords(peer))
    refusal.fields.append("WWW-Authenticate: Basic ")
        .append(realm)
        .append(", charset=\"UTF-8\"\r\n");
  if (refusal.fields.empty()) {
    refusal.status = 403;
    refusal.detail += ", and there is no TLS to ask for a password";
    refusal.sentence = kNeedsTls;
  }
  return refusal;
}

void SignIn::tell_refused(const Asking& asking, std::string_view why, std::string_view name) {
  // packaging/fail2ban parses this form.
  std::string sentence = "Sign-in refused for " + asking.peer.address + ": ";
  sentence += why;
  if (!name.empty()) {
    sentence += ", account \"";
    observe::append_masked(sentence, name, kLoggedNameBytes);  // some send a token as the name
    sentence += '"';
  }
  means_.tell(sentence);
}

SignIn::Refusal SignIn::failed(const Asking& asking, std::string_view why, std::string_view name) {
  tell_refused(asking, why, name);
  return challenge(asking.peer, std::string(why));
}

}  // namespace holdfast::server::auth
