#include "server/auth/origin_policy.h"

#include <algorithm>

#include "dav/engine.h"
#include "dav/method.h"
#include "server/auth/authorization.h"
#include "server/net/address.h"
#include "text/ascii.h"

namespace holdfast::server::auth {
namespace {

// Returns true for a health check in HTTP/1.0 without a host. It cannot come from a web page,
// because a browser always sends Host (RFC 9110 §7.2).
bool is_plain_probe(const http::Request& request, bool writes) {
  return !writes && request.host().empty() && !request.fields.find("Host") &&
         !http::split_absolute_form(request.target) && !request.fields.find("Origin");
}

// Returns true when the request has credentials in Authorization. A browser sends them with another
// page's write only after a CORS preflight (Fetch §3.2), which this server does not grant. So they
// come from a program that has them itself.
bool shows_who_asks(const http::Request& request) {
  const auto field = request.fields.find("Authorization");
  return field && !std::holds_alternative<Broken>(parse_authorization(*field));
}

}  // namespace

bool OriginPolicy::is_our_host(std::string_view text) const {
  const auto named = http::Authority::parse(text);
  if (!named) return false;
  const auto number = net::IpAddress::parse(named->bare_host());
  if (number && std::find(own_hosts_.begin(), own_hosts_.end(), number->text()) != own_hosts_.end())
    return true;
  return http::is_loopback_name(named->host) ||
         std::any_of(public_urls_.begin(), public_urls_.end(), [&](const http::Origin& url) {
           return named->is(url.authority(), url.scheme);
         });
}

bool OriginPolicy::is_foreign(std::string_view text, const http::Request& request) const {
  return std::ranges::find(cors_origins_, text) == cors_origins_.end() && !is_own(text, request);
}

bool OriginPolicy::is_own(std::string_view text, const http::Request& request) const {
  const auto page = http::Origin::parse(text);
  if (!page) return false;  // "null" among others
  // A page that this server sent has the request's host as its origin. Behind a proxy that ends TLS
  // and is not trusted, the origin has https although the request has http. When the request is
  // known to use TLS, a page without TLS is another server's.
  const auto asked = http::Authority::parse(request.host());
  const bool plain_page_for_tls = request.scheme == "https" && page->scheme == http::Scheme::http;
  if (!plain_page_for_tls && asked && page->authority().is(*asked, page->scheme)) return true;
  return std::find(public_urls_.begin(), public_urls_.end(), *page) != public_urls_.end();
}

bool OriginPolicy::is_safe_host(std::string_view text) const {
  const auto named = http::Authority::parse(text);
  if (!named || named->host.empty()) return false;
  return net::IpAddress::parse(named->bare_host()) ||
         named->host.find('.') == std::string_view::npos ||
         std::ranges::any_of(public_urls_, [&](const http::Origin& url) {
           return http::same_host(url.host, named->host);
         });
}

std::optional<Denial> OriginPolicy::judge(const http::Request& request, Anonymous anonymous,
                                          bool has_accounts) const {
  const dav::Method* method = dav::find_method(request.method);
  const bool writes = method != nullptr && method->access == dav::Access::write;
  const bool needs_no_account =
      anonymous == Anonymous::write ||
      (anonymous == Anonymous::read && !(has_accounts && shows_who_asks(request)));
  if (needs_no_account && !is_plain_probe(request, writes)) {
    // Behind a proxy, the target's authority is the proxy's name for this server.
    const auto target =
        request.forwarded_host.empty() ? http::split_absolute_form(request.target) : std::nullopt;
    if (!is_our_host(request.host()) || (target && !is_our_host(target->authority)))
      return Denial{421,
                    "The Host is not this server's: clients need not sign in (--anonymous), and "
                    "only localhost, 127.0.0.1, [::1], the address of --listen and --public-url "
                    "are served then.",
                    "This server does not answer for the host \"" + std::string(request.host()) +
                        "\". Its administrator tells it its names with --public-url."};
  }

  return writes ? judge_write(request, anonymous) : std::nullopt;
}

std::optional<Denial> OriginPolicy::judge_write(const http::Request& request,
                                                Anonymous anonymous) const {
  if (anonymous == Anonymous::write || !shows_who_asks(request)) {
    for (const http::Fields::Field& field : request.fields.all())
      if (text::equal_ignoring_case(field.name, "Origin") && is_foreign(field.value, request))
        return Denial{403, "A page of another origin asked for a write.",
                      "A page of \"" + std::string(field.value) +
                          "\" may not write here: its Origin is not this server's."};
  }
  return std::nullopt;
}

bool OriginPolicy::is_of_own_page(const http::Request& request) const {
  bool said = false;
  for (const http::Fields::Field& field : request.fields.all()) {
    const bool origin = text::equal_ignoring_case(field.name, "Origin");
    if (!origin && !text::equal_ignoring_case(field.name, "Sec-Fetch-Site")) continue;
    if (origin ? !is_own(field.value, request) : field.value != "same-origin") return false;
    said = true;
  }
  return said;
}

std::optional<Denial> OriginPolicy::judge_session(const http::Request& request) const {
  if (request.method == "GET" || request.method == "HEAD" || request.method == "OPTIONS" ||
      is_of_own_page(request))
    return std::nullopt;
  return Denial{403, "A session was used by something else than a page of this server.",
                "Only the page of this server itself may do this with the session of a browser."};
}

std::optional<std::string_view> OriginPolicy::cors_origin(const http::Request& request) const {
  if (cors_origins_.empty()) return std::nullopt;
  const auto origin = request.fields.find("Origin");
  if (!origin || std::ranges::find(cors_origins_, *origin) == cors_origins_.end())
    return std::nullopt;
  return origin;
}

std::optional<http::Response> OriginPolicy::preflight(const http::Request& request) const {
  if (request.method != "OPTIONS" || !cors_origin(request) ||
      !request.fields.find("Access-Control-Request-Method"))
    return std::nullopt;
  http::Response response;
  response.status = 204;
  response.set("Access-Control-Allow-Methods", dav::allowed_methods())
      .set("Access-Control-Max-Age", "600");
  // "*" would leave Authorization out (Fetch §4.8).
  if (const auto wanted = request.fields.find("Access-Control-Request-Headers"))
    response.set("Access-Control-Allow-Headers", *wanted);
  return response;
}

void OriginPolicy::share(const http::Request& request, http::Response& response) const {
  if (cors_origins_.empty()) return;
  // Caches keep a response to one origin from another, and from none.
  response.set("Vary", "Origin");
  const auto origin = cors_origin(request);
  if (!origin) return;
  response.set("Access-Control-Allow-Origin", *origin)
      .set("Access-Control-Expose-Headers",
           "Allow, Content-Disposition, Content-Location, Content-Range, DAV, ETag, Location, "
           "Lock-Token, OC-Checksum, Retry-After, WWW-Authenticate, X-OC-Mtime");
}

}  // namespace holdfast::server::auth
