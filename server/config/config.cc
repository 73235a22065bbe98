#include "server/config/config.h"

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <utility>

#include "text/ascii.h"

namespace holdfast::server::config {
namespace {

constexpr std::uint64_t kGibi = 1 << 30;

void apply(Config& config, const Option& option, std::string_view value,
           const std::string& source) {
  try {
    option.set(config, value);
  } catch (const process::UsageError& error) {
    throw process::UsageError(source + ": " + error.what() + ", not \"" + std::string(value) +
                              "\".");
  }
}

}  // namespace

std::string Option::variable() const {
  std::string out = "HOLDFAST_";
  for (const char c : name) out += c == '-' ? '_' : text::upper(c);
  return out;
}

Config resolve(const Values& flags, const process::Environment& environment, const Values& file) {
  for (const auto& [name, value] : file) {
    const auto known = [&name = name](const Option& option) { return option.name == name; };
    if (std::none_of(options().begin(), options().end(), known))
      throw process::UsageError("The config file has an unknown name: " + name + ".");
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

net::Address parse_address(std::string_view text) {
  if (auto address = net::Address::parse(text)) return *std::move(address);
  throw process::UsageError("an address like 127.0.0.1:8080 or [::1]:8080 is needed");
}

http::Origin parse_public_url(std::string_view text) {
  // A path is let through, but not what stands for a mistake in copying.
  if (text.find_first_of("\\ \t\"<>") == std::string_view::npos)
    if (auto origin = http::Origin::of_url(text)) return *std::move(origin);
  throw process::UsageError("a URL like https://dav.example.org is needed");
}

std::vector<http::Origin> parse_public_urls(std::string_view text) {
  std::vector<http::Origin> urls;
  if (text.empty()) return urls;
  while (const auto url = text::next_element(text)) urls.push_back(parse_public_url(*url));
  return urls;
}

void check_tls(const Config& config) {
  if (config.tls_certificate.empty() != config.tls_key.empty())
    throw process::UsageError("--tls-cert and --tls-key belong together; " +
                              std::string(config.tls_key.empty() ? "--tls-key" : "--tls-cert") +
                              " is missing.");
  if (config.tls_self_signed && !config.tls_certificate.empty())
    throw process::UsageError("--tls-cert and --tls-self-signed exclude each other.");
  if (config.tls()) {
    const std::vector<http::Origin>& known = config.public_urls;
    if (config.http_redirect && !known.empty() && known.front().scheme != http::Scheme::https)
      throw process::UsageError(
          "--http-redirect sends clients to --public-url, which must begin with https.");
    return;
  }
  for (const auto& [name, is_set] :
       {std::pair{"--tls-client-ca", !config.tls_client_ca.empty()},
        std::pair{"--http-redirect", config.http_redirect.has_value()}})
    if (is_set)
      throw process::UsageError(std::string(name) +
                                " needs TLS: --tls-cert and --tls-key, or --tls-self-signed.");
}

std::string_view to_string(Durability durability) {
  return durability == Durability::full ? "full" : "relaxed";
}

std::string Config::prefix_path() const {
  dav::UrlSpace space;
  space.prefix = prefix;
  return dav::href(space, storage::Path(), true);
}

dav::Options Config::engine_options(std::uint64_t disk_bytes) const {
  dav::Options out = dav;
  out.space.prefix = prefix;
  out.space.origins = public_urls;
  out.body_limit_bytes = limits.body_limit_bytes;
  out.free_space_floor_bytes = free_space_floor_bytes.value_or(
      std::max(disk_bytes / 100, std::min(kGibi, disk_bytes / 100 * 3)));
  return out;
}

}  // namespace holdfast::server::config
