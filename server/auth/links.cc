#include "server/auth/links.h"

#include <algorithm>
#include <exception>
#include <utility>

#include "dav/page/sign_in.h"
#include "dav/path.h"
#include "dav/query.h"
#include "dav/refusal.h"
#include "server/auth/authorization.h"
#include "server/auth/form.h"
#include "server/auth/secrets.h"
#include "server/auth/sessions.h"
#include "text/utf8.h"

namespace holdfast::server::auth {
namespace {

// "holdfast_" with eight letters and digits, "_", and 43 characters (secrets.h).
constexpr std::string_view kLinkMark = "holdfast_";
constexpr std::size_t kLinkBytes = kLinkMark.size() + 8 + 1 + 43;
constexpr storage::Millis kCountedEvery = 60'000;
constexpr std::string_view kOpen = "open";
constexpr std::string_view kLinkEnded = "There is no such link, or it has ended.";

std::string cookie_name(const http1::Peer& peer, const std::string& id) {
  return (peer.tls ? "__Secure-holdfast-link-" : "holdfast-link-") + id;
}

// Proves that the password was right, until it changes. Only the server knows the hash.
std::string proof_of(std::string_view secret, const SignIn::Link& link) {
  return sha256_hex(std::string(secret) + ":" + link.share.password_hash);
}

}  // namespace

std::optional<std::string_view> Links::secret_of(const http::Request& request,
                                                 const dav::UrlSpace& space) {
  std::string_view path = request.target;
  if (!path.starts_with('/')) return std::nullopt;
  for (const std::string& segment : space.prefix) {
    const std::string encoded = "/" + dav::encode_segment(segment);
    if (!path.starts_with(encoded)) return std::nullopt;
    path.remove_prefix(encoded.size());
  }
  if (!path.starts_with('/')) return std::nullopt;
  path.remove_prefix(1);
  path = path.substr(0, path.find_first_of("/?"));
  if (path.size() != kLinkBytes || !path.starts_with(kLinkMark)) return std::nullopt;
  return path;
}

std::optional<http::Response> Links::ask_password(http::Request& request, http1::Peer& peer,
                                                  std::string_view secret, const SignIn::Link& link,
                                                  const dav::Options& options) {
  const std::string root =
      dav::href(options.space, storage::Path({std::string(secret)}), true);
  const std::string name = cookie_name(peer, link.share.id);
  const std::string proof = proof_of(secret, link);
  if (equal_in_constant_time(Sessions::cookie_in(request, name), proof)) return std::nullopt;
  const bool has_page = options.page != dav::PageUse::off;
  const auto page = [&](int status, std::string_view key) {
    const std::string to = place_below(
        status == 401 && request.method == "GET" ? request.target : std::string_view(), root);
    const std::string action = root + "?" + std::string(kOpen);
    return dav::page::sign_in(request, options,
                              {.status = status, .to = to, .key = key, .link = action});
  };
  const auto refused = [&](const SignIn::Refusal& refusal) {
    http::Response response = dav::refusal(request, options, refusal.status, refusal.detail,
                                           refusal.sentence);
    response.fields += refusal.fields;
    return response;
  };
  if (has_page && request.method == "POST" && dav::query_of(request.target) == kOpen) {
    const Form form = read_form(request);
    if (form.status != 0)
      return dav::refusal(request, options, form.status, "no form that opens a link");
    if (const auto refusal = sign_in_.verify_link(link, text::nfc(form.value("password")), peer)) {
      if (refusal->status == 401) return page(401, "link-wrong");
      http::Response response = refusal->status == 429   ? page(429, "sign-in-later")
                                : refusal->status == 503 ? page(503, "sign-in-busy")
                                                         : refused(*refusal);
      response.fields += refusal->fields;
      return response;
    }
    http::Response response;
    response.status = 303;
    response.set("Location", place_below(form.value("to"), root))
        .set("Cache-Control", "no-store")
        .set("Set-Cookie", name + "=" + proof + "; Path=" + root + "; HttpOnly; SameSite=Lax" +
                               (peer.tls ? "; Secure" : ""));
    return response;
  }
  const auto field = request.fields.find("Authorization");
  const Credentials credentials = field ? parse_authorization(*field) : Broken{"no credentials"};
  if (const auto* basic = std::get_if<Basic>(&credentials)) {
    const auto refusal = sign_in_.verify_link(link, basic->password, peer);
    if (!refusal) return std::nullopt;
    return refused(*refusal);
  }
  if (has_page && Sessions::is_navigation(request)) return page(401, "");
  return refused(sign_in_.ask_again(peer, "a link without its password"));
}

std::optional<std::variant<Links::Opened, http::Response>> Links::open(
    http::Request& request, http1::Peer& peer, std::string_view secret,
    const dav::Options& options) {
  const auto found = sign_in_.identify_link(secret, peer);
  const auto ended = [&](std::string_view why) {
    http::Response response = dav::refusal(request, options, 404, why, kLinkEnded);
    return response;
  };
  const auto snapshot = names_.snapshot();
  if (const auto* refusal = std::get_if<SignIn::Refusal>(&found)) {
    if (snapshot->resolve(storage::Path({std::string(secret)})).mapped()) return std::nullopt;
    if (refusal->status == 404) return ended(refusal->detail);
    http::Response response = dav::refusal(request, options, refusal->status, refusal->detail,
                                           refusal->sentence);
    response.fields += refusal->fields;
    return response;
  }
  const SignIn::Link& link = std::get<SignIn::Link>(found);
  peer.user = link.caller->name;
  if (!link.share.password_hash.empty())
    if (auto answer = ask_password(request, peer, secret, link, options))
      return *std::move(answer);
  const storage::Resolution at = snapshot->resolve(link.share.path);
  if (!at.mapped() || !at.resource->is_collection() || at.resource->id != link.share.node)
    return ended("the collection of a link is not in its place");
  return Opened{link.caller, {std::string(secret), link.share.path}};
}

void Links::count(const std::string& id) noexcept {
  try {
    std::uint64_t uses = 0;
    {
      const std::scoped_lock lock(mutex_);
      Count& count = counts_[id];
      ++count.uses;
      const storage::Millis now = clock_.lease();
      if (count.written != 0 && now - count.written < kCountedEvery) return;
      count.written = std::max<storage::Millis>(now, 1);
      uses = std::exchange(count.uses, 0);
    }
    names_.write(storage::Flush::deferrable, [&](storage::Transaction& tx) {
      const auto now = tx.accounts();
      const storage::Share* const known = now->find_share(id);
      if (known == nullptr) return;
      storage::Share share = *known;
      share.uses += uses;
      share.used = tx.wall_now();
      tx.put_share(std::move(share));
    });
  } catch (const std::exception&) {
    // A full disk must not end what is only read.
  }
}

}  // namespace holdfast::server::auth
