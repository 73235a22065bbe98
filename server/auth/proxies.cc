#include "server/auth/proxies.h"

#include <algorithm>
#include <arpa/inet.h>
#include <charconv>
#include <string>

namespace holdfast::server {
namespace {

using Binary = std::array<std::uint8_t, 16>;

struct Numeric {
  Binary bytes{};  // IPv4 as ::ffff:a.b.c.d
  bool v4 = false;
};

std::optional<Numeric> parse_numeric(std::string_view text) {
  const std::string terminated(text);
  Numeric out;
  if (::inet_pton(AF_INET6, terminated.c_str(), out.bytes.data()) == 1) {
    static constexpr Binary kMapped = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    out.v4 = std::equal(kMapped.begin(), kMapped.begin() + 12, out.bytes.begin());
    return out;
  }
  out.bytes[10] = out.bytes[11] = 0xff;
  if (::inet_pton(AF_INET, terminated.c_str(), out.bytes.data() + 12) != 1) return std::nullopt;
  out.v4 = true;
  return out;
}

// As Peer has it.
Peer make_peer(const Numeric& address) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (address.v4)
    ::inet_ntop(AF_INET, address.bytes.data() + 12, text.data(), text.size());
  else
    ::inet_ntop(AF_INET6, address.bytes.data(), text.data(), text.size());
  Peer peer;
  peer.address = text.data();
  static constexpr Binary kLoopback = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
  peer.loopback = address.v4 ? address.bytes[12] == 127 : address.bytes == kLoopback;
  return peer;
}

std::string_view unquoted(std::string_view text) {
  if (text.size() >= 2 && text.front() == '"' && text.back() == '"')
    return text.substr(1, text.size() - 2);
  return text;
}

// An address in its many spellings: "192.0.2.1", "192.0.2.1:80", "2001:db8::1", "[2001:db8::1]:80".
std::optional<Numeric> parse_node(std::string_view text) {
  text = unquoted(dav::trimmed(text));
  if (text.starts_with('[')) {
    const std::size_t end = text.find(']');
    if (end == std::string_view::npos) return std::nullopt;
    return parse_numeric(text.substr(1, end - 1));
  }
  if (std::count(text.begin(), text.end(), ':') == 1) text = text.substr(0, text.find(':'));
  return parse_numeric(text);
}

// The parts between commas, or semicolons, that are not within quotes.
std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> out;
  bool quoted = false;
  std::size_t start = 0;
  for (std::size_t i = 0; i <= text.size(); ++i) {
    if (i < text.size() && text[i] == '"') quoted = !quoted;
    if (i < text.size() && (quoted || text[i] != separator)) continue;
    out.push_back(dav::trimmed(text.substr(start, i - start)));
    start = i + 1;
  }
  return out;
}

std::vector<std::string_view> elements(const dav::Fields& fields, std::string_view name) {
  std::vector<std::string_view> out;
  for (const dav::Fields::Field& field : fields.all()) {
    if (!dav::equal_ignoring_case(field.name, name)) continue;
    const std::vector<std::string_view> more = split(field.value, ',');
    out.insert(out.end(), more.begin(), more.end());
  }
  return out;
}

// What the nearest proxy said: the last element.
std::string_view last(const std::vector<std::string_view>& list) {
  return list.empty() ? std::string_view() : list.back();
}

bool may_be_host(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           std::string_view("-._:[]").find(c) != std::string_view::npos;
  });
}

struct Said {
  std::vector<std::string_view> clients;  // the nearest last
  std::string_view scheme;
  std::string_view host;
};

std::string_view parameter(std::string_view element, std::string_view name) {
  for (const std::string_view pair : split(element, ';')) {
    const std::size_t equals = pair.find('=');
    if (equals != std::string_view::npos &&
        dav::equal_ignoring_case(dav::trimmed(pair.substr(0, equals)), name))
      return unquoted(dav::trimmed(pair.substr(equals + 1)));
  }
  return {};
}

Said what_was_said(const dav::Fields& fields) {
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
  Proxies out;
  if (dav::trimmed(list).empty()) return out;
  for (const std::string_view item : split(list, ',')) {
    const std::size_t slash = item.find('/');
    const std::optional<Numeric> address = parse_numeric(item.substr(0, slash));
    if (!address) return std::nullopt;
    unsigned bits = address->v4 ? 32 : 128;
    if (slash != std::string_view::npos) {
      const unsigned most = bits;
      const std::string_view digits = item.substr(slash + 1);
      const char* end = digits.data() + digits.size();
      const auto [stop, error] = std::from_chars(digits.data(), end, bits);
      if (digits.empty() || stop != end || error != std::errc{} || bits > most) return std::nullopt;
    }
    out.networks_.push_back({address->bytes, address->v4 ? bits + 96 : bits});
  }
  return out;
}

bool Proxies::trusts(std::string_view address) const {
  if (networks_.empty()) return false;
  const std::optional<Numeric> numeric = parse_numeric(address);
  if (!numeric) return false;
  const auto within = [&](const Network& network) {
    for (unsigned bit = 0; bit < network.bits; bit += 8) {
      const unsigned rest = std::min(network.bits - bit, 8U);
      const auto mask = static_cast<std::uint8_t>(0xff << (8 - rest));
      if (((numeric->bytes[bit / 8] ^ network.address[bit / 8]) & mask) != 0) return false;
    }
    return true;
  };
  return std::any_of(networks_.begin(), networks_.end(), within);
}

void Proxies::apply(dav::Request& request, Peer& peer) const {
  if (!trusts(peer.address)) return;
  const Said said = what_was_said(request.fields);
  if (dav::equal_ignoring_case(said.scheme, "https") ||
      dav::equal_ignoring_case(said.scheme, "http")) {
    peer.tls = said.scheme.size() == 5;
    request.scheme = peer.tls ? "https" : "http";
    peer.certificate.clear();  // the proxy's own
  }
  if (may_be_host(said.host)) request.forwarded_host = said.host;
  for (auto client = said.clients.rbegin(); client != said.clients.rend(); ++client) {
    const std::optional<Numeric> address = parse_node(*client);
    if (!address) return;
    const Peer behind = make_peer(*address);
    peer.address = behind.address;
    peer.loopback = behind.loopback;
    peer.certificate.clear();
    if (!trusts(peer.address)) return;
  }
}

}  // namespace holdfast::server
