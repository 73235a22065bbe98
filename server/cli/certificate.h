// `holdfast certificate`: prints the server's certificate, for clients that are to trust it.
#pragma once

#include "server/cli/control_socket.h"
#include "server/config/config.h"

namespace holdfast::server::cli {

// Returns the fingerprints (SHA-1 and SHA-256) and the PEM form of the first certificate in
// --tls-cert or, without that, of the one that the server made for itself. It never prints the key,
// which may be in the same file. Throws UsageError with one sentence when there is no certificate.
[[nodiscard]] ControlReply print_certificate(const config::Config& config);

}  // namespace holdfast::server::cli
