// Reverse proxies in front of the server: which addresses are trusted ones, and what these say of
// the client (X-Forwarded-For, -Proto, -Host; RFC 7239 Forwarded). What anybody else says is
// ignored (docs/robustness.md S11). Immutable after construction; any thread.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "http/message.h"
#include "server/http1/handler.h"

namespace holdfast::server::auth {

class Proxies {
 public:
  Proxies() = default;  // none are trusted
  // Addresses and networks like "127.0.0.1, 10.0.0.0/8, fd00::/8"; nullopt when one of them is
  // none.
  [[nodiscard]] static std::optional<Proxies> parse(std::string_view list);

  [[nodiscard]] bool empty() const { return networks_.empty(); }
  // As it was parsed.
  [[nodiscard]] const std::string& text() const { return text_; }
  // `address` is numeric.
  [[nodiscard]] bool trusts(std::string_view address) const;

  // When the peer is a trusted proxy: puts the client's address into `peer` (the nearest one that
  // is no trusted proxy), whether it spoke TLS into `peer` and the request's scheme, and the host
  // it asked for into request.forwarded_host. A value that is malformed counts as not said.
  //
  // Where an X-Forwarded field is present, Forwarded is ignored: a proxy that sets only the first
  // passes on whatever a client wrote into the other.
  void apply(http::Request& request, http1::Peer& peer) const;

 private:
  struct Network {
    std::array<std::uint8_t, 16> address{};  // IPv4 as ::ffff:a.b.c.d
    unsigned bits = 128;
  };
  std::vector<Network> networks_;
  std::string text_;
};

}  // namespace holdfast::server::auth
