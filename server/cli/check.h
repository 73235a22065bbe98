// `holdfast check`: reports problems in the namespace's own structure, rows without content, and
// content without rows.
#pragma once

#include "server/cli/control_socket.h"
#include "server/cli/store.h"
#include "storage/check.h"

namespace holdfast::server::cli {

// Returns one line for each problem, then a summary. The exit code is 0 without problems, else 1,
// repaired or not. Repairing needs a store that no other process uses.
[[nodiscard]] ControlReply check_store(Store& store, const storage::CheckOptions& options,
                                       bool json = false);

}  // namespace holdfast::server::cli
