// What `holdfast serve` prints when it listens.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "server/config/config.h"

namespace holdfast::server::app {

// Where serve listens.
struct Ports {
  std::uint16_t own = 0;
  std::optional<std::uint16_t> admin{};
  std::optional<std::uint16_t> redirect{};
};

// What the server serves and how to mount it. The first URL in it is the server's own.
// `fingerprint` is the TLS certificate's, empty without TLS.
[[nodiscard]] std::string banner(const config::Config& config, auth::Anonymous anonymous,
                                 const Ports& ports, const std::string& fingerprint = {});

}  // namespace holdfast::server::app
