#include "server/config/config.h"

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <utility>

#include "server/config/nearest.h"
#include "text/ascii.h"

namespace holdfast::server::config {
namespace {

constexpr std::uint64_t kGibi = 1 << 30;

constexpr std::string_view kVariablePrefix = "HOLDFAST_";

// Returns a value as it may be shown: the part of a URL before its '@' may be a password.
std::string shown(std::string_view value) {
  const std::size_t at = value.find('@');
  const std::size_t scheme = value.find("://");
  if (at == std::string_view::npos || scheme == std::string_view::npos) return std::string(value);
  return std::string(value.substr(0, scheme + 3)) + "..." + std::string(value.substr(at));
}

// Sets the option; returns what is wrong with the value, or an empty text.
std::string apply(Config& config, const Option& option, std::string_view value) {
  try {
    option.set(config, value);
    return {};
  } catch (const process::UsageError& error) {
    return std::string(error.what()) + ", not \"" + shown(value) + "\"";
  }
}

std::vector<std::string> option_names() {
  std::vector<std::string> names;
  for (const Option& option : options()) names.push_back(option.name);
  return names;
}

}  // namespace

std::string Option::variable() const {
  std::string out(kVariablePrefix);
  for (const char c : name) out += c == '-' ? '_' : text::upper(c);
  return out;
}

Resolution examine(const Values& flags, const process::Environment& environment,
                   const ConfigFile& file) {
  Resolution out;
  const auto complain = [&out](const std::string& sentence) {
    out.problems.emplace_back(process::UsageError(sentence).what());
  };
  for (const std::string& problem : file.problems) complain(problem);
  const std::vector<std::string> known = option_names();
  for (const auto& [name, value] : file.values)
    if (std::find(known.begin(), known.end(), name) == known.end())
      complain(file.place(name) + ": \"" + name + "\" is no setting" + nearest_text(name, known) +
               ".");
  for (const Option& option : options()) {
    const auto take = [&](std::string_view value, const std::string& source,
                          const std::string& shown_source) {
      out.sources.push_back(source);
      if (const std::string wrong = apply(out.config, option, value); !wrong.empty())
        complain(shown_source + ": " + wrong + ".");
    };
    const std::optional<std::string> variable = environment(option.variable());
    if (const auto flag = flags.find(option.name); flag != flags.end()) {
      take(flag->second, "--" + option.name, "--" + option.name);
    } else if (variable && !variable->empty()) {
      take(*variable, option.variable(), option.variable());
    } else if (const auto entry = file.values.find(option.name); entry != file.values.end()) {
      const std::string place = file.place(option.name);
      take(entry->second, place, place + ": " + option.name);
    } else {
      out.sources.emplace_back("default");
    }
  }
  return out;
}

Config resolve(const Values& flags, const process::Environment& environment,
               const ConfigFile& file) {
  Resolution found = examine(flags, environment, file);
  if (!found.problems.empty()) throw process::UsageError(found.problems.front());
  return std::move(found.config);
}

std::vector<std::string> unknown_variables(std::span<const std::string> names) {
  // Names are compared without the prefix, which they have in common.
  std::vector<std::string> known = {"CONFIG"};
  for (const Option& option : options())
    known.push_back(option.variable().substr(kVariablePrefix.size()));
  std::vector<std::string> sentences;
  for (const std::string& name : names) {
    if (!name.starts_with(kVariablePrefix)) continue;
    const std::string word = name.substr(kVariablePrefix.size());
    if (std::find(known.begin(), known.end(), word) != known.end()) continue;
    sentences.emplace_back(process::UsageError("The environment variable " + name +
                                               " is no setting, and it is ignored" +
                                               nearest_text(word, known, kVariablePrefix) + ".")
                               .what());
  }
  return sentences;
}

net::Address parse_address(std::string_view text) {
  if (auto address = net::Address::parse(text)) return *std::move(address);
  throw process::UsageError("an address like 127.0.0.1:8080 or [::1]:8080 is needed");
}

http::Origin parse_public_url(std::string_view text) {
  // A path is accepted, but not characters that suggest a copying mistake.
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

void check_together(const Config& config) {
  if (!config.remote_user.empty() && config.trusted_proxies.empty())
    throw process::UsageError(
        "--remote-user needs --trusted-proxies: from nobody else the field is believed.");
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

storage::Retention Config::kept() const {
  storage::Retention kept = retention;
  if (nextcloud && kept.changes_s == 0) kept.changes_s = storage::Retention().changes_s;
  return kept;
}

dav::Options Config::engine_options(std::uint64_t disk_bytes) const {
  dav::Options out = dav;
  out.space.prefix = prefix;
  out.space.origins = public_urls;
  out.keeps_trash = kept().trash_s > 0;
  out.keeps_versions = kept().versions;
  out.sync = kept().changes_s > 0;
  out.body_limit_bytes = limits.body_limit_bytes;
  out.free_space_floor_bytes = free_space_floor_bytes.value_or(
      std::max(disk_bytes / 100, std::min(kGibi, disk_bytes / 100 * 3)));
  return out;
}

}  // namespace holdfast::server::config
