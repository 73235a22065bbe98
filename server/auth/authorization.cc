#include "server/auth/authorization.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <sodium.h>

#include "dav/http.h"
#include "dav/path.h"
#include "server/auth/secrets.h"

namespace holdfast::server {
namespace {

std::string latin1_to_utf8(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x80) {
      out += c;
    } else {
      out += static_cast<char>(0xC0 | byte >> 6);
      out += static_cast<char>(0x80 | (byte & 0x3F));
    }
  }
  return out;
}

// What is no UTF-8 comes from clients that know only Latin-1.
std::string as_utf8(std::string_view text) {
  return dav::valid_utf8(text) ? std::string(text) : latin1_to_utf8(text);
}

bool has_control(std::string_view text) {
  return std::any_of(text.begin(), text.end(),
                     [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
}

std::optional<std::string> decode_base64(std::string_view text) {
  for (int i = 0; i < 2 && text.ends_with('='); ++i) text.remove_suffix(1);
  std::string out(text.size(), '\0');
  std::size_t size = 0;
  const char* end = nullptr;
  if (::sodium_base642bin(reinterpret_cast<unsigned char*>(out.data()), out.size(), text.data(),
                          text.size(), nullptr, &size, &end,
                          sodium_base64_VARIANT_ORIGINAL_NO_PADDING) != 0 ||
      end != text.data() + text.size())
    return std::nullopt;
  out.resize(size);
  return out;
}

Credentials parse_basic(std::string_view token) {
  const std::optional<std::string> decoded = decode_base64(token);
  if (!decoded) return Broken{"Basic credentials that are no base64"};
  const std::string text = as_utf8(*decoded);
  const std::size_t colon = text.find(':');
  if (colon == std::string::npos) return Broken{"Basic credentials without a colon"};
  if (colon == 0) return Broken{"Basic credentials without a name"};
  if (has_control(text)) return Broken{"Basic credentials with control characters"};
  return Basic{nfc(text.substr(0, colon)), text.substr(colon + 1)};
}

using Parameters = std::map<std::string, std::string, std::less<>>;

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

// The text between quotes; `rest` then begins behind them. A backslash that escapes nothing stands
// for itself: Windows sends DOMAIN\user as it is (docs/clients.md R5).
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

// "name=token, name="quoted"": nullopt for anything else, and for a name given twice.
std::optional<Parameters> parse_parameters(std::string_view rest) {
  Parameters out;
  for (;;) {
    while (rest.starts_with(',') || rest.starts_with(' ') || rest.starts_with('\t'))
      rest.remove_prefix(1);
    if (rest.empty()) return out;
    const std::size_t equals = rest.find('=');
    if (equals == std::string_view::npos) return std::nullopt;
    const std::string name = lower(dav::trimmed(rest.substr(0, equals)));
    rest = dav::trimmed(rest.substr(equals + 1));
    std::string value;
    if (rest.starts_with('"')) {
      std::optional<std::string> quoted = take_quoted(rest);
      if (!quoted) return std::nullopt;
      value = std::move(*quoted);
    } else {
      value = dav::trimmed(rest.substr(0, rest.find(',')));
      rest.remove_prefix(std::min(rest.find(','), rest.size()));
    }
    rest = dav::trimmed(rest);
    if (!rest.empty() && !rest.starts_with(',')) return std::nullopt;
    if (name.empty() || !out.emplace(name, std::move(value)).second) return std::nullopt;
  }
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// An escape that is none stays as it is.
std::string percent_decoded(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size() && hex_digit(text[i + 1]) >= 0 &&
        hex_digit(text[i + 2]) >= 0) {
      out += static_cast<char>(hex_digit(text[i + 1]) * 16 + hex_digit(text[i + 2]));
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

// The name in `username`, or in `username*` (RFC 8187).
std::optional<std::string> digest_name(const Parameters& parameters) {
  const auto plain = parameters.find("username");
  const auto extended = parameters.find("username*");
  if ((plain == parameters.end()) == (extended == parameters.end())) return std::nullopt;
  if (plain != parameters.end()) return plain->second;
  const std::string& text = extended->second;
  const std::size_t language = text.find('\'');
  const std::size_t value =
      language == std::string::npos ? language : text.find('\'', language + 1);
  if (value == std::string::npos || lower(text.substr(0, language)) != "utf-8") return std::nullopt;
  return percent_decoded(std::string_view(text).substr(value + 1));
}

Credentials parse_digest(std::string_view text) {
  const std::optional<Parameters> parameters = parse_parameters(text);
  if (!parameters) return Broken{"Digest credentials that are no list of parameters"};
  const auto get = [&](std::string_view name) {
    const auto found = parameters->find(name);
    return found == parameters->end() ? std::string() : found->second;
  };

  Digest out;
  if (const std::string algorithm = lower(get("algorithm")); algorithm == "sha-256")
    out.algorithm = Digest::Algorithm::sha256;
  else if (!algorithm.empty() && algorithm != "md5")
    return Broken{"Digest credentials with an algorithm that was not offered"};
  if (get("qop") != "auth") return Broken{"Digest credentials with a qop that was not offered"};
  if (lower(get("userhash")) == "true") return Broken{"Digest credentials with a hashed name"};
  if (get("realm") != kRealm) return Broken{"Digest credentials for another realm"};

  const std::optional<std::string> name = digest_name(*parameters);
  if (!name || name->empty() || has_control(*name))
    return Broken{"Digest credentials without a name"};
  out.hashed_name = *name;
  out.username = nfc(as_utf8(*name));
  out.nonce = get("nonce");
  out.uri = get("uri");
  out.response = lower(get("response"));
  out.cnonce = get("cnonce");
  out.nc = get("nc");
  const char* end = out.nc.data() + out.nc.size();
  const auto [stop, error] = std::from_chars(out.nc.data(), end, out.count, 16);
  if (out.nc.size() != 8 || stop != end || error != std::errc{})
    return Broken{"Digest credentials without a count"};
  if (out.nonce.empty() || out.uri.empty() || out.response.empty() || out.cnonce.empty())
    return Broken{"Digest credentials that are incomplete"};
  return out;
}

std::string_view without_authority(std::string_view url) {
  const std::size_t mark = url.find("://");
  if (url.starts_with('/') || mark == std::string_view::npos) return url;
  const std::size_t path = url.find('/', mark + 3);
  return path == std::string_view::npos ? std::string_view("/") : url.substr(path);
}

}  // namespace

Credentials parse_authorization(std::string_view value) {
  const std::size_t space = value.find_first_of(" \t");
  const std::string_view scheme = value.substr(0, space);
  const std::string_view rest =
      space == std::string_view::npos ? std::string_view() : dav::trimmed(value.substr(space));
  if (dav::equal_ignoring_case(scheme, "Basic")) return parse_basic(rest);
  if (dav::equal_ignoring_case(scheme, "Digest")) return parse_digest(rest);
  if (dav::equal_ignoring_case(scheme, "Bearer")) {
    if (rest.empty()) return Broken{"Bearer credentials without a token"};
    return Bearer{rest};
  }
  return Broken{"credentials of an unknown scheme"};
}

bool same_target(std::string_view uri, std::string_view target) {
  return uri == target ||
         percent_decoded(without_authority(uri)) == percent_decoded(without_authority(target));
}

}  // namespace holdfast::server
