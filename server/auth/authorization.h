// The Authorization field (RFC 9110 §11.6.2): Basic (RFC 7617), Digest (RFC 7616), Bearer (RFC
// 6750). Read leniently where clients are known to be careless; what cannot be read is `Broken` and
// gets a challenge, never a 400 (docs/clients.md R6). Pure, any thread.
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
  std::string username;  // as Basic's name
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
  std::string_view why;  // static; for the log
};

using Credentials = std::variant<Basic, Digest, Bearer, Broken>;

// `value` without surrounding white space.
[[nodiscard]] Credentials parse_authorization(std::string_view value);

// True when `uri` of a Digest names what `target` of the request line does: the same text, or the
// same but for scheme and authority before it and percent-encoding.
[[nodiscard]] bool same_target(std::string_view uri, std::string_view target);

}  // namespace holdfast::server::auth
