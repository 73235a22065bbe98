// The Authorization field (RFC 9110 §11.6.2): Basic (RFC 7617), Digest (RFC 7616), Bearer (RFC
// 6750). Known client mistakes are accepted. A malformed value is `Broken` and gets a challenge,
// never a 400 (docs/clients.md R6). Pure functions, any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

namespace holdfast::server::auth {

struct Basic {
  std::string name;      // UTF-8 in NFC, without control characters, not empty
  std::string password;  // UTF-8
};

struct Digest {
  enum class Algorithm { md5, sha256 };
  Algorithm algorithm = Algorithm::md5;
  std::string username;  // as in Basic
  std::string nonce;
  std::string uri;
  std::string response;  // in lower case
  std::string cnonce;
  std::string nc;
  std::uint32_t count = 0;  // nc
};

struct Bearer {
  std::string_view token;  // not empty
};

struct Broken {
  std::string_view why;  // a static text for the log
};

using Credentials = std::variant<Basic, Digest, Bearer, Broken>;

// Parses the field's value, which has no surrounding white space.
[[nodiscard]] Credentials parse_authorization(std::string_view value);

// Returns true when `uri` of a Digest names what `target` of the request line names: the texts are
// equal, or differ only in scheme and authority or in percent-encoding.
[[nodiscard]] bool same_target(std::string_view uri, std::string_view target);

}  // namespace holdfast::server::auth
