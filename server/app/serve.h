// `holdfast serve`: opens the data folder, listens, answers until it is told to stop.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "server/cli/store.h"
#include "server/config/config.h"

namespace holdfast::server {

// Runs until SIGTERM or SIGINT (returns 0), or until the store refuses further writes (returns 1:
// whoever supervises the process must start it again). SIGHUP opens the access log anew and reads
// the TLS files again. A second signal ends the process at once with 1. Throws UsageError before
// anything is served.
//
// Listens on the sockets that a service manager passes on (server/app/systemd.h) in place of the
// addresses in the settings, and tells it when it is ready and when it stops. Started as root on
// another user's data folder, it opens sockets, TLS files and log, and goes on with that user's
// rights (server/process/drop_root.h).
//
// Call it from the main thread before any other thread exists: it blocks these signals for all.
[[nodiscard]] int serve(const Config& config, const OpenStore& open_store);

// Where serve listens.
struct Ports {
  std::uint16_t own = 0;
  std::optional<std::uint16_t> admin{};
  std::optional<std::uint16_t> redirect{};
};

// What serve prints when it listens: what it serves and how to mount it. The first URL in it is the
// server's own. `fingerprint` is the TLS certificate's, empty without TLS.
[[nodiscard]] std::string banner(const Config& config, Anonymous anonymous, const Ports& ports,
                                 const std::string& fingerprint = {});

// The limits that `descriptors` open files allow: each connection needs one, each worker two
// more (content, spilled answer).
[[nodiscard]] Limits fitted_to(Limits limits, std::uint64_t descriptors);

}  // namespace holdfast::server
