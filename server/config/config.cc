#include "server/config/config.h"

#include <algorithm>
#include <cctype>
#include <utility>

#include "Poco/Exception.h"
#include "Poco/Net/SocketAddress.h"

namespace holdfast::server {
namespace {

constexpr std::uint64_t kGibi = 1 << 30;

bool is_decimal(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(),
                                      [](unsigned char c) { return std::isdigit(c) != 0; });
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

void apply(Config& config, const Option& option, std::string_view value,
           const std::string& source) {
  try {
    option.set(config, value);
  } catch (const UsageError& error) {
    throw UsageError(source + ": " + error.what() + ", not \"" + std::string(value) + "\".");
  }
}

}  // namespace

std::string Option::variable() const {
  std::string out = "HOLDFAST_";
  for (const char c : name)
    out += c == '-' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return out;
}

Config resolve(const Values& flags, const Environment& environment, const Values& file) {
  for (const auto& [name, value] : file) {
    const auto known = [&name = name](const Option& option) { return option.name == name; };
    if (std::none_of(options().begin(), options().end(), known))
      throw UsageError("The config file has an unknown name: " + name + ".");
  }
  Config config;
  for (const Option& option : options()) {
    const std::optional<std::string> variable = environment(option.variable());
    if (const auto flag = flags.find(option.name); flag != flags.end())
      apply(config, option, flag->second, "--" + option.name);
    else if (variable && !variable->empty())
      apply(config, option, *variable, option.variable());
    else if (const auto entry = file.find(option.name); entry != file.end())
      apply(config, option, entry->second, option.name + " in the config file");
  }
  return config;
}

Address parse_address(std::string_view text) {
  static const std::string kNeeded = "an address like 127.0.0.1:8080 or [::1]:8080 is needed";
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos || colon == 0) throw UsageError(kNeeded);
  std::string_view host = text.substr(0, colon);
  const std::string_view port = text.substr(colon + 1);
  const bool bracketed = host.front() == '[' && host.back() == ']';
  if (bracketed) host = host.substr(1, host.size() - 2);
  if (host.empty() || (!bracketed && host.find(':') != std::string_view::npos) ||
      !is_decimal(port) || port.size() > 5 || std::stoul(std::string(port)) > 65535)
    throw UsageError(kNeeded);

  Address address;
  address.host = host;
  address.port = static_cast<std::uint16_t>(std::stoul(std::string(port)));
  try {
    address.loopback = Poco::Net::SocketAddress(address.host, address.port).host().isLoopback();
  } catch (const Poco::Exception&) {
    throw UsageError(kNeeded);
  }
  return address;
}

PublicUrl parse_public_url(std::string_view text) {
  static const std::string kNeeded = "a URL like https://dav.example.org is needed";
  PublicUrl url;
  const std::size_t mark = text.find("://");
  if (mark == std::string_view::npos) throw UsageError(kNeeded);
  url.scheme = lower(text.substr(0, mark));
  if (url.scheme != "http" && url.scheme != "https") throw UsageError(kNeeded);

  std::string_view rest = text.substr(mark + 3);
  if (rest.find_first_of("?#@\\ \t\"<>") != std::string_view::npos) throw UsageError(kNeeded);
  url.authority = lower(rest.substr(0, rest.find('/')));
  for (const unsigned char c : url.authority)
    if (c <= ' ' || c >= 0x7f) throw UsageError(kNeeded);

  // A port is what follows the last colon outside of brackets.
  const std::size_t colon = url.authority.rfind(':');
  const std::size_t bracket = url.authority.rfind(']');
  if (colon != std::string::npos && (bracket == std::string::npos || colon > bracket)) {
    const std::string port = url.authority.substr(colon + 1);
    if (!is_decimal(port) || port.size() > 5 || std::stoul(port) > 65535) throw UsageError(kNeeded);
    if (port == (url.scheme == "https" ? "443" : "80")) url.authority.resize(colon);
  }
  if (url.authority.empty() || url.authority.front() == ':') throw UsageError(kNeeded);
  return url;
}

std::vector<PublicUrl> parse_public_urls(std::string_view text) {
  std::vector<PublicUrl> urls;
  for (std::size_t begin = 0; !text.empty() && begin <= text.size();) {
    const std::size_t comma = std::min(text.find(',', begin), text.size());
    urls.push_back(parse_public_url(dav::trimmed(text.substr(begin, comma - begin))));
    begin = comma + 1;
  }
  return urls;
}

void check_tls(const Config& config) {
  if (config.tls_certificate.empty() != config.tls_key.empty())
    throw UsageError("--tls-cert and --tls-key belong together; " +
                     std::string(config.tls_key.empty() ? "--tls-key" : "--tls-cert") +
                     " is missing.");
  if (config.tls_self_signed && !config.tls_certificate.empty())
    throw UsageError("--tls-cert and --tls-self-signed exclude each other.");
  if (config.tls()) {
    const std::vector<PublicUrl> known = parse_public_urls(config.public_url);
    if (!config.http_redirect.empty() && !known.empty() && known.front().scheme != "https")
      throw UsageError(
          "--http-redirect sends clients to --public-url, which must begin with https.");
    return;
  }
  for (const auto& [name, value] : {std::pair{"--tls-client-ca", &config.tls_client_ca},
                                    std::pair{"--http-redirect", &config.http_redirect}})
    if (!value->empty())
      throw UsageError(std::string(name) +
                       " needs TLS: --tls-cert and --tls-key, or --tls-self-signed.");
}

std::string_view to_string(Durability durability) {
  return durability == Durability::full ? "full" : "relaxed";
}

dav::Options Config::engine_options(std::uint64_t disk_bytes) const {
  dav::Options out = dav;
  out.space.prefix = dav::parse_prefix(prefix);
  for (PublicUrl& url : parse_public_urls(public_url))
    out.space.authorities.push_back(std::move(url.authority));
  out.body_limit_bytes = limits.body_limit_bytes;
  out.free_space_floor_bytes = free_space_floor_bytes.value_or(
      std::max(disk_bytes / 100, std::min(kGibi, disk_bytes / 100 * 3)));
  return out;
}

}  // namespace holdfast::server
