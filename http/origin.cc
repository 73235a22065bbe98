#include "http/origin.h"

#include <algorithm>
#include <array>

#include "text/ascii.h"
#include "text/hex.h"

namespace holdfast::http {
namespace {

// reg-name (RFC 3986 §3.2.2) without the comma.
constexpr text::ByteSet kNameBytes = text::ByteSet::alphanumeric_and("-._~%!$&'()*+;=");

bool is_address_byte(char c) { return text::hex_value(c) >= 0 || c == ':' || c == '.'; }

// Returns where the host at the beginning of `text` ends; npos when `text` does not begin with a
// host.
std::size_t end_of_host(std::string_view text) {
  std::size_t end = 0;
  if (text.starts_with('[')) {
    end = text.find(']');
    if (end == std::string_view::npos || end == 1 ||
        !std::all_of(text.begin() + 1, text.begin() + static_cast<std::ptrdiff_t>(end),
                     is_address_byte))
      return std::string_view::npos;
    return end + 1;
  }
  while (end < text.size() && kNameBytes.has(text[end])) ++end;
  return end == 0 ? std::string_view::npos : end;
}

bool is_scheme(std::string_view text) {
  return !text.empty() && text::is_letter(text.front()) &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return text::is_alphanumeric(c) || c == '+' || c == '-' || c == '.';
         });
}

}  // namespace

std::optional<Scheme> parse_scheme(std::string_view text) {
  if (text::equal_ignoring_case(text, "http")) return Scheme::http;
  if (text::equal_ignoring_case(text, "https")) return Scheme::https;
  return std::nullopt;
}

std::string_view to_string(Scheme scheme) { return scheme == Scheme::https ? "https" : "http"; }

std::uint16_t default_port(Scheme scheme) { return scheme == Scheme::https ? 443 : 80; }

std::optional<Authority> Authority::parse(std::string_view text) {
  constexpr std::size_t kPortDigits = 5;
  const std::size_t end = end_of_host(text);
  if (end == std::string_view::npos) return std::nullopt;
  Authority authority{text.substr(0, end)};
  const std::string_view port = text.substr(end);
  if (port.empty() || port == ":") return authority;
  if (port.front() != ':' || port.size() > 1 + kPortDigits) return std::nullopt;
  authority.port = text::parse_number<std::uint16_t>(port.substr(1));
  if (!authority.port) return std::nullopt;
  return authority;
}

std::string_view Authority::bare_host() const {
  return host.starts_with('[') ? host.substr(1, host.size() - 2) : host;
}

bool Authority::is(const Authority& other, Scheme scheme) const {
  const std::uint16_t own = default_port(scheme);
  return port.value_or(own) == other.port.value_or(own) && same_host(host, other.host);
}

bool is_user_information(std::string_view text) {
  constexpr text::ByteSet kBytes = text::ByteSet::alphanumeric_and("-._~%!$&'()*+,;=:");
  return std::all_of(text.begin(), text.end(), [&](char c) { return kBytes.has(c); });
}

bool same_host(std::string_view a, std::string_view b) { return text::equal_ignoring_case(a, b); }

bool is_loopback_name(std::string_view host) {
  constexpr std::array<std::string_view, 3> kNames = {"localhost", "127.0.0.1", "[::1]"};
  return std::any_of(kNames.begin(), kNames.end(),
                     [&](std::string_view name) { return same_host(host, name); });
}

std::optional<Origin> Origin::parse(std::string_view text) {
  const std::optional<AbsoluteForm> url = split_absolute_form(text);
  if (!url || !url->path.empty()) return std::nullopt;
  const std::optional<Scheme> scheme = parse_scheme(url->scheme);
  const std::optional<Authority> authority = Authority::parse(url->authority);
  if (!scheme || !authority) return std::nullopt;
  Origin origin{*scheme, text::lower(authority->host), authority->port};
  if (origin.port == default_port(*scheme)) origin.port.reset();
  return origin;
}

std::optional<Origin> Origin::of_url(std::string_view url) {
  const std::optional<AbsoluteForm> parts = split_absolute_form(url);
  if (!parts || parts->path.find_first_of("?#") != std::string_view::npos) return std::nullopt;
  return parse(url.substr(0, url.size() - parts->path.size()));
}

std::string Origin::text() const {
  std::string out(to_string(scheme));
  out.append("://").append(host);
  if (port) text::append_number(out += ':', *port);
  return out;
}

std::optional<AbsoluteForm> split_absolute_form(std::string_view text) {
  constexpr std::string_view kMark = "://";
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos || text.substr(colon, kMark.size()) != kMark ||
      !is_scheme(text.substr(0, colon)))
    return std::nullopt;
  const std::string_view rest = text.substr(colon + kMark.size());
  const std::size_t end = std::min(rest.find_first_of("/?#"), rest.size());
  return AbsoluteForm{text.substr(0, colon), rest.substr(0, end), rest.substr(end)};
}

std::string loggable_target(std::string_view target) {
  if (target.starts_with('/')) return std::string(target);
  const std::size_t scheme = target.find("://");
  const std::size_t begin = scheme == std::string_view::npos ? 0 : scheme + 3;
  const std::size_t end = std::min(target.find_first_of("/?#", begin), target.size());
  std::string_view authority = target.substr(begin, end - begin);
  authority.remove_prefix(std::min(authority.rfind('@') + 1, authority.size()));
  if (begin > 0 && !Authority::parse(authority)) authority = "…";
  return std::string(target.substr(0, begin)).append(authority).append(target.substr(end));
}

std::string_view without_authority(std::string_view target) {
  if (target.starts_with('/')) return target;
  const std::optional<AbsoluteForm> url = split_absolute_form(target);
  if (!url) return target;
  return url->path.starts_with('/') ? url->path : std::string_view("/");
}

}  // namespace holdfast::http
