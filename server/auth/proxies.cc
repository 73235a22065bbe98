#include "server/auth/proxies.h"

#include <algorithm>
#include <array>

#include "http/origin.h"
#include "server/net/address.h"
#include "text/ascii.h"

namespace holdfast::server::auth {
namespace {

std::string_view unquoted(std::string_view text) {
  if (text.size() >= 2 && text.front() == '"' && text.back() == '"')
    return text.substr(1, text.size() - 2);
  return text;
}

// Parses an address in its spellings: "192.0.2.1", "192.0.2.1:80", "2001:db8::1",
// "[2001:db8::1]:80".
std::optional<net::IpAddress> parse_node(std::string_view text) {
  text = unquoted(text::trimmed(text));
  if (text.starts_with('[')) {
    const std::size_t end = text.find(']');
    if (end == std::string_view::npos) return std::nullopt;
    return net::IpAddress::parse(text.substr(1, end - 1));
  }
  if (std::count(text.begin(), text.end(), ':') == 1) text = text.substr(0, text.find(':'));
  return net::IpAddress::parse(text);
}

// Splits at commas, or semicolons, that are not within quotes.
std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> out;
  bool quoted = false;
  std::size_t start = 0;
  for (std::size_t i = 0; i <= text.size(); ++i) {
    if (i < text.size() && text[i] == '"') quoted = !quoted;
    if (i < text.size() && (quoted || text[i] != separator)) continue;
    out.push_back(text::trimmed(text.substr(start, i - start)));
    start = i + 1;
  }
  return out;
}

std::vector<std::string_view> elements(const http::Fields& fields, std::string_view name) {
  std::vector<std::string_view> out;
  for (const http::Fields::Field& field : fields.all()) {
    if (!text::equal_ignoring_case(field.name, name)) continue;
    const std::vector<std::string_view> more = split(field.value, ',');
    out.insert(out.end(), more.begin(), more.end());
  }
  return out;
}

// Returns the last element, which the nearest proxy added.
std::string_view last(const std::vector<std::string_view>& list) {
  return list.empty() ? std::string_view() : list.back();
}

struct Said {
  std::vector<std::string_view> clients;  // the nearest one is last
  std::string_view scheme;
  std::string_view host;
};

std::string_view parameter(std::string_view element, std::string_view name) {
  for (const std::string_view pair : split(element, ';')) {
    const std::size_t equals = pair.find('=');
    if (equals != std::string_view::npos &&
        text::equal_ignoring_case(text::trimmed(pair.substr(0, equals)), name))
      return unquoted(text::trimmed(pair.substr(equals + 1)));
  }
  return {};
}

Said what_was_said(const http::Fields& fields) {
  Said said;
  said.clients = elements(fields, "X-Forwarded-For");
  said.scheme = last(elements(fields, "X-Forwarded-Proto"));
  said.host = last(elements(fields, "X-Forwarded-Host"));
  if (!said.clients.empty() || !said.scheme.empty() || !said.host.empty()) return said;
  const std::vector<std::string_view> forwarded = elements(fields, "Forwarded");
  for (const std::string_view element : forwarded)
    said.clients.push_back(parameter(element, "for"));
  said.scheme = parameter(last(forwarded), "proto");
  said.host = parameter(last(forwarded), "host");
  return said;
}

}  // namespace

std::optional<Proxies> Proxies::parse(std::string_view list) {
  std::optional<net::Networks> networks = net::Networks::parse(list);
  if (!networks) return std::nullopt;
  Proxies out;
  out.networks_ = *std::move(networks);
  return out;
}

std::string_view field_of_a_proxy(const http::Fields& fields) {
  constexpr std::string_view kPrefix = "X-Forwarded-";
  constexpr std::array<std::string_view, 3> kNames = {"Forwarded", "Via", "X-Real-IP"};
  for (const http::Fields::Field& field : fields.all()) {
    if (text::equal_ignoring_case(field.name.substr(0, kPrefix.size()), kPrefix)) return field.name;
    for (const std::string_view name : kNames)
      if (text::equal_ignoring_case(field.name, name)) return field.name;
  }
  return {};
}

void Proxies::apply(http::Request& request, http1::Peer& peer) const {
  if (!trusts(peer.address)) return;
  peer.trusted_proxy = true;
  const Said said = what_was_said(request.fields);
  if (const auto scheme = http::parse_scheme(said.scheme)) {
    peer.tls = scheme == http::Scheme::https;
    request.scheme = http::to_string(*scheme);
    peer.certificate.clear();  // it was the proxy's own
  }
  if (http::Authority::parse(said.host)) request.forwarded_host = said.host;
  for (auto client = said.clients.rbegin(); client != said.clients.rend(); ++client) {
    const std::optional<net::IpAddress> address = parse_node(*client);
    if (!address) return;
    peer.address = address->text();
    peer.loopback = address->is_loopback();
    peer.certificate.clear();
    if (!trusts(peer.address)) return;
    peer.trusted_proxy = true;
  }
}

}  // namespace holdfast::server::auth
