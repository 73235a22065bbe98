// `holdfast serve`: opens the data folder, listens, and answers requests until a stop signal.
#pragma once

#include <functional>

#include "server/cli/store.h"
#include "server/config/config.h"

namespace holdfast::server::app {

// Runs until SIGTERM or SIGINT (returns 0), or until the store refuses further writes (returns 1:
// the service manager must start it again). SIGHUP opens the access log anew, reads the TLS files
// again, and applies the settings that `examine` then returns, as far as they can change while the
// server runs; for the others it logs that they need a restart. A second signal ends the process at
// once with 1. Throws UsageError before anything is served.
//
// Listens on the sockets that a service manager passes on (server/app/systemd.h) in place of the
// addresses in the settings, and notifies it when it is ready and when it stops. When it is started
// as root on another user's data folder, it opens sockets, TLS files and log, and continues with
// that user's rights (server/process/drop_root.h).
//
// Call it from the main thread before any other thread exists: it blocks these signals for all.
[[nodiscard]] int serve(const config::Config& config, const cli::OpenStore& open_store,
                        const std::function<config::Resolution()>& examine = {});

}  // namespace holdfast::server::app
