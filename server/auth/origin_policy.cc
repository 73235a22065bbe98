#include "server/auth/origin_policy.h"

#include <algorithm>
#include <array>

#include "dav/method.h"

namespace holdfast::server {
namespace {

struct Authority {
  std::string_view host;
  std::string_view port;  // empty: the scheme's own
};

// "host", "host:port", "[v6]" or "[v6]:port"; nullopt for anything else.
std::optional<Authority> split_authority(std::string_view text) {
  Authority out;
  const std::size_t bracket = text.starts_with('[') ? text.find(']') : 0;
  if (bracket == std::string_view::npos) return std::nullopt;
  const std::size_t colon = text.find(':', bracket);
  out.host = text.substr(0, colon);
  if (colon != std::string_view::npos) out.port = text.substr(colon + 1);
  if (bracket != 0 && out.host.size() != bracket + 1) return std::nullopt;
  const auto digit = [](char c) { return c >= '0' && c <= '9'; };
  if (out.host.empty() || out.port.size() > 5 ||
      !std::all_of(out.port.begin(), out.port.end(), digit))
    return std::nullopt;
  return out;
}

std::string_view default_port(std::string_view scheme) {
  return dav::equal_ignoring_case(scheme, "https") ? "443" : "80";
}

std::string_view port_or_default(const Authority& authority, std::string_view scheme) {
  return authority.port.empty() ? default_port(scheme) : authority.port;
}

// The authority of an absolute-form target; empty for the other forms.
std::string_view target_authority(std::string_view target) {
  const std::size_t mark = target.find("://");
  if (target.starts_with('/') || mark == std::string_view::npos) return {};
  const std::string_view rest = target.substr(mark + 3);
  return rest.substr(0, rest.find_first_of("/?#"));
}

}  // namespace

OriginPolicy::OriginPolicy(std::string_view public_urls)
    : public_urls_(parse_public_urls(public_urls)) {}

bool OriginPolicy::is_our_host(std::string_view text) const {
  const std::optional<Authority> authority = split_authority(text);
  if (!authority) return false;
  static constexpr std::array<std::string_view, 3> kLocal = {"localhost", "127.0.0.1", "[::1]"};
  for (const std::string_view name : kLocal)
    if (dav::equal_ignoring_case(authority->host, name)) return true;

  return std::any_of(public_urls_.begin(), public_urls_.end(), [&](const PublicUrl& url) {
    const std::optional<Authority> ours = split_authority(url.authority);
    return ours && dav::equal_ignoring_case(authority->host, ours->host) &&
           port_or_default(*authority, url.scheme) == port_or_default(*ours, url.scheme);
  });
}

bool OriginPolicy::is_foreign(std::string_view origin, const dav::Request& request) const {
  const std::size_t mark = origin.find("://");
  if (mark == std::string_view::npos) return true;  // "null" among others
  const std::string_view scheme = origin.substr(0, mark);
  if (!dav::equal_ignoring_case(scheme, "http") && !dav::equal_ignoring_case(scheme, "https"))
    return true;
  const std::optional<Authority> from = split_authority(origin.substr(mark + 3));
  if (!from) return true;

  const auto equal = [&](std::string_view authority, std::string_view its_scheme) {
    const std::optional<Authority> to = split_authority(authority);
    return to && dav::equal_ignoring_case(from->host, to->host) &&
           port_or_default(*from, scheme) == port_or_default(*to, its_scheme);
  };
  // A page that this server itself sent has the host that was asked for as its origin; behind a
  // proxy that ends TLS and is not trusted, with https where we see http. Where TLS is known, a
  // page without it is another's.
  const bool plain_page_for_tls = request.scheme == "https" && scheme.size() == 4;
  if (!plain_page_for_tls && equal(request.host(), scheme)) return false;
  return std::none_of(public_urls_.begin(), public_urls_.end(), [&](const PublicUrl& url) {
    return dav::equal_ignoring_case(scheme, url.scheme) && equal(url.authority, url.scheme);
  });
}

std::optional<Denial> OriginPolicy::judge(const dav::Request& request, Anonymous anonymous) const {
  if (anonymous == Anonymous::write) {
    const std::string_view target = target_authority(request.target);
    // Behind a proxy the target names what the proxy calls us.
    const bool target_counts = !target.empty() && request.forwarded_host.empty();
    if (!is_our_host(request.host()) || (target_counts && !is_our_host(target)))
      return Denial{421,
                    "The Host is not this server's: anonymous writing is on, and only localhost, "
                    "127.0.0.1, [::1] and public-url are served then."};
  }

  const dav::Method* method = dav::find_method(request.method);
  if (method != nullptr && method->access == dav::Access::write) {
    for (const dav::Fields::Field& field : request.fields.all())
      if (dav::equal_ignoring_case(field.name, "Origin") && is_foreign(field.value, request))
        return Denial{403, "A page of another origin asked for a write."};
  }
  return std::nullopt;
}

}  // namespace holdfast::server
