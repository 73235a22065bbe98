// The server that a text names: the scheme, host and port of http and https URLs (RFC 9110 §4.2,
// RFC 3986 §3.2), parsed once and compared by one rule. Host, the authority of a request target, of
// a Destination and of the tags in If, Origin, X-Forwarded-Host and --public-url are all parsed and
// compared here. Pure functions; any thread.
//
// Two authorities are the same when their hosts are equal but for ASCII case and their ports are
// equal, where a port that is absent or empty is the scheme's default port (RFC 9110 §4.2.3).
// Nothing else is normalised: names with and without a final dot, percent-encoded and plain
// letters, and two spellings of one IPv6 address are different hosts.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace holdfast::http {

enum class Scheme { http, https };
// Parses a scheme in any case. Returns nullopt for a scheme that is neither http nor https.
[[nodiscard]] std::optional<Scheme> parse_scheme(std::string_view text);
[[nodiscard]] std::string_view to_string(Scheme scheme);
// Returns 80 or 443 (RFC 9110 §4.2.1, §4.2.2).
[[nodiscard]] std::uint16_t default_port(Scheme scheme);

// uri-host [ ":" port ] (RFC 9110 §7.2). It has views into the text from which it was parsed.
struct Authority {
  std::string_view host;                // as spelt in the text; an IPv6 address with its brackets
  std::optional<std::uint16_t> port{};  // nullopt when absent or empty

  // Returns nullopt for anything else, for user information, for a comma (two hosts in one field)
  // and for a port above 65535 or of more than five digits. Of an IPv6 literal only the characters
  // are checked.
  [[nodiscard]] static std::optional<Authority> parse(std::string_view text);
  // Returns the host without the brackets of an IPv6 address.
  [[nodiscard]] std::string_view bare_host() const;
  // Returns true when both name the same server in URLs of this scheme.
  [[nodiscard]] bool is(const Authority& other, Scheme scheme) const;
};

// Returns true when the text may stand before the "@" of an authority (userinfo, RFC 3986 §3.2.1).
[[nodiscard]] bool is_user_information(std::string_view text);
// Returns true when both hosts, with the brackets of an IPv6 address, are the same.
[[nodiscard]] bool same_host(std::string_view a, std::string_view b);
// Returns true when the host is "localhost", "127.0.0.1" or "[::1]", which name this machine,
// whatever DNS says.
[[nodiscard]] bool is_loopback_name(std::string_view host);

// The origin of an http or https URL (RFC 6454 §4). It owns its text.
struct Origin {
  Scheme scheme = Scheme::http;
  std::string host;                     // in lower case; an IPv6 address with its brackets
  std::optional<std::uint16_t> port{};  // nullopt when it is the scheme's default port

  // Parses "scheme://host[:port]" with nothing behind it, as in the Origin field (RFC 6454 §7.1).
  // Returns nullopt for anything else, "null" and lists included.
  [[nodiscard]] static std::optional<Origin> parse(std::string_view text);
  // Does the same for a URL that may have a path, which is ignored. Returns nullopt for a URL with
  // query or fragment, too.
  [[nodiscard]] static std::optional<Origin> of_url(std::string_view url);

  // Returns a text such as "https://dav.example.org:8443". The scheme's default port is left out.
  [[nodiscard]] std::string text() const;
  // Returns views into this object.
  [[nodiscard]] Authority authority() const { return {host, port}; }
  friend bool operator==(const Origin&, const Origin&) = default;
};

// A URL in absolute-form (RFC 9112 §3.2.2), split into its parts and not checked further.
struct AbsoluteForm {
  std::string_view scheme;     // of RFC 3986 §3.1
  std::string_view authority;  // may be empty or malformed
  std::string_view path;       // path, query and fragment; may be empty
};
// Returns nullopt unless the text begins with scheme "://".
[[nodiscard]] std::optional<AbsoluteForm> split_absolute_form(std::string_view text);
// Returns a request target in any form as a log may have it: without user information, because
// clients put passwords there, and with "…" for an authority that is malformed.
[[nodiscard]] std::string loggable_target(std::string_view target);
// Returns the path and query of an absolute form, "/" when it has no path; returns any other text
// as it is.
[[nodiscard]] std::string_view without_authority(std::string_view target);

}  // namespace holdfast::http
