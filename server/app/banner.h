// The text that `holdfast serve` prints when it listens. Pure functions; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "server/config/config.h"

namespace holdfast::server::app {

// The ports on which `holdfast serve` listens.
struct Ports {
  std::uint16_t own = 0;
  std::optional<std::uint16_t> admin{};
  std::optional<std::uint16_t> redirect{};
  // For a wildcard address, the hosts by which other machines reach it.
  std::vector<std::string> hosts{};
};

// Returns what the server serves and how to mount it, with the URL that other machines can use if
// there is one. The first URL in it is the server's own. `fingerprint` is that of the TLS
// certificate; empty without TLS.
[[nodiscard]] std::string banner(const config::Config& config, auth::Anonymous anonymous,
                                 const Ports& ports, const std::string& fingerprint = {});

}  // namespace holdfast::server::app
