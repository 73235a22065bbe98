#include "server/auth/authorization.h"

#include <algorithm>
#include <map>

#include "dav/path.h"
#include "http/origin.h"
#include "server/auth/secrets.h"
#include "text/ascii.h"
#include "text/base64.h"
#include "text/percent.h"
#include "text/utf8.h"

namespace holdfast::server::auth {
namespace {

Credentials parse_basic(std::string_view token) {
  const std::optional<std::string> decoded = text::decode_unpadded_base64(token);
  if (!decoded) return Broken{"Basic credentials that are no base64"};
  const std::string text = text::as_utf8(*decoded);
  const std::size_t colon = text.find(':');
  if (colon == std::string::npos) return Broken{"Basic credentials without a colon"};
  if (colon == 0) return Broken{"Basic credentials without a name"};
  if (text::has_control(text)) return Broken{"Basic credentials with control characters"};
  return Basic{text::nfc(text.substr(0, colon)), text.substr(colon + 1)};
}

using Parameters = std::map<std::string, std::string, std::less<>>;

// Returns the text between quotes; `rest` then begins behind them. A backslash that escapes nothing
// stays: Windows sends DOMAIN\user unescaped (docs/clients.md R5).
std::optional<std::string> take_quoted(std::string_view& rest) {
  std::string out;
  for (std::size_t i = 1; i < rest.size(); ++i) {
    if (rest[i] == '"') {
      rest.remove_prefix(i + 1);
      return out;
    }
    if (rest[i] == '\\' && i + 1 < rest.size() && (rest[i + 1] == '"' || rest[i + 1] == '\\')) ++i;
    out += rest[i];
  }
  return std::nullopt;
}

// Parses "name=token, name="quoted"". Returns nullopt for anything else, and for a name given
// twice.
std::optional<Parameters> parse_parameters(std::string_view rest) {
  Parameters out;
  for (;;) {
    while (rest.starts_with(',') || rest.starts_with(' ') || rest.starts_with('\t'))
      rest.remove_prefix(1);
    if (rest.empty()) return out;
    const std::size_t equals = rest.find('=');
    if (equals == std::string_view::npos) return std::nullopt;
    const std::string name = text::lower(text::trimmed(rest.substr(0, equals)));
    rest = text::trimmed(rest.substr(equals + 1));
    std::string value;
    if (rest.starts_with('"')) {
      std::optional<std::string> quoted = take_quoted(rest);
      if (!quoted) return std::nullopt;
      value = std::move(*quoted);
    } else {
      value = text::trimmed(rest.substr(0, rest.find(',')));
      rest.remove_prefix(std::min(rest.find(','), rest.size()));
    }
    rest = text::trimmed(rest);
    if (!rest.empty() && !rest.starts_with(',')) return std::nullopt;
    if (name.empty() || !out.emplace(name, std::move(value)).second) return std::nullopt;
  }
}

// Returns the name in `username`, or in `username*` (RFC 8187).
std::optional<std::string> digest_name(const Parameters& parameters) {
  const auto plain = parameters.find("username");
  const auto extended = parameters.find("username*");
  if ((plain == parameters.end()) == (extended == parameters.end())) return std::nullopt;
  if (plain != parameters.end()) return plain->second;
  const std::string& text = extended->second;
  const std::size_t language = text.find('\'');
  const std::size_t value =
      language == std::string::npos ? language : text.find('\'', language + 1);
  if (value == std::string::npos || text::lower(text.substr(0, language)) != "utf-8")
    return std::nullopt;
  return text::percent_decoded_leniently(std::string_view(text).substr(value + 1));
}

Credentials parse_digest(std::string_view text) {
  const std::optional<Parameters> parameters = parse_parameters(text);
  if (!parameters) return Broken{"Digest credentials that are no list of parameters"};
  const auto get = [&](std::string_view name) {
    const auto found = parameters->find(name);
    return found == parameters->end() ? std::string() : found->second;
  };

  Digest out;
  if (const std::string algorithm = text::lower(get("algorithm")); algorithm == "sha-256")
    out.algorithm = Digest::Algorithm::sha256;
  else if (!algorithm.empty() && algorithm != "md5")
    return Broken{"Digest credentials with an algorithm that was not offered"};
  if (get("qop") != "auth") return Broken{"Digest credentials with a qop that was not offered"};
  if (text::lower(get("userhash")) == "true")
    return Broken{"Digest credentials with a hashed name"};
  if (get("realm") != kRealm) return Broken{"Digest credentials for another realm"};

  const std::optional<std::string> name = digest_name(*parameters);
  if (!name || name->empty() || text::has_control(*name))
    return Broken{"Digest credentials without a name"};
  out.username = text::nfc(text::as_utf8(*name));
  out.nonce = get("nonce");
  out.uri = get("uri");
  out.response = text::lower(get("response"));
  out.cnonce = get("cnonce");
  out.nc = get("nc");
  const auto count = text::parse_number<std::uint32_t>(out.nc, 16);
  if (out.nc.size() != 8 || !count) return Broken{"Digest credentials without a count"};
  out.count = *count;
  if (out.nonce.empty() || out.uri.empty() || out.response.empty() || out.cnonce.empty())
    return Broken{"Digest credentials that are incomplete"};
  return out;
}

}  // namespace

Credentials parse_authorization(std::string_view value) {
  const std::size_t space = value.find_first_of(" \t");
  const std::string_view scheme = value.substr(0, space);
  const std::string_view rest =
      space == std::string_view::npos ? std::string_view() : text::trimmed(value.substr(space));
  if (text::equal_ignoring_case(scheme, "Basic")) return parse_basic(rest);
  if (text::equal_ignoring_case(scheme, "Digest")) return parse_digest(rest);
  if (text::equal_ignoring_case(scheme, "Bearer")) {
    if (rest.empty()) return Broken{"Bearer credentials without a token"};
    return Bearer{rest};
  }
  return Broken{"credentials of an unknown scheme"};
}

bool same_target(std::string_view uri, std::string_view target) {
  return uri == target || text::percent_decoded_leniently(http::without_authority(uri)) ==
                              text::percent_decoded_leniently(http::without_authority(target));
}

}  // namespace holdfast::server::auth
