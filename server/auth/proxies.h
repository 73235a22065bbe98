// Reverse proxies in front of the server: which addresses are trusted, and what trusted proxies say
// about the client (X-Forwarded-For, -Proto, -Host; RFC 7239 Forwarded). The same fields from
// others are ignored (docs/robustness.md S11). Immutable after construction; any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "http/message.h"
#include "server/http1/handler.h"
#include "server/net/networks.h"

namespace holdfast::server::auth {

class Proxies {
 public:
  Proxies() = default;  // none are trusted
  // Parses addresses and networks such as "127.0.0.1, 10.0.0.0/8, fd00::/8". Returns nullopt when
  // an element is neither.
  [[nodiscard]] static std::optional<Proxies> parse(std::string_view list);

  [[nodiscard]] bool empty() const { return networks_.empty(); }
  // Returns the text that was parsed.
  [[nodiscard]] const std::string& text() const { return networks_.text(); }
  // Returns true when the numeric address is that of a trusted proxy.
  [[nodiscard]] bool trusts(std::string_view address) const { return networks_.contains(address); }

  // When the peer is a trusted proxy, sets the client's address in `peer` (the nearest address that
  // is no trusted proxy), whether the client uses TLS in `peer` and in the request's scheme, and
  // the client's host in request.forwarded_host; and peer.trusted_proxy. A malformed value is
  // ignored.
  //
  // Where an X-Forwarded field is present, Forwarded is ignored: a proxy that sets only the first
  // passes on whatever a client wrote into the other.
  void apply(http::Request& request, http1::Peer& peer) const;

 private:
  net::Networks networks_;
};

// Returns the name of a field that only a proxy or gateway adds, if the request has one:
// X-Forwarded-For and its kin, Forwarded (RFC 7239), Via (RFC 9110 §7.6.3), X-Real-IP. Empty when
// it has none.
[[nodiscard]] std::string_view field_of_a_proxy(const http::Fields& fields);

}  // namespace holdfast::server::auth
