// `holdfast certificate`: the certificate that the server shows, for clients that are to trust it.
#pragma once

#include "server/cli/control_socket.h"
#include "server/config/config.h"

namespace holdfast::server::cli {

// The fingerprints (SHA-1 and SHA-256) and the PEM form of the first certificate in --tls-cert or,
// without that, of the one that the server made for itself. Never the key, which may be in the same
// file. Throws UsageError with one sentence when there is none.
[[nodiscard]] ControlReply print_certificate(const config::Config& config);

}  // namespace holdfast::server::cli
