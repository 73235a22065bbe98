// `holdfast check` as text: the namespace's own structure, rows without content, content without
// rows.
#pragma once

#include "server/cli/control_socket.h"
#include "server/cli/store.h"
#include "storage/check.h"

namespace holdfast::server::cli {

// Exit code 0 when nothing is wrong, 1 when something is, repaired or not: one line each, then a
// summary. Repairing needs a store that nobody else uses.
[[nodiscard]] ControlReply check_store(Store& store, const storage::CheckOptions& options);

}  // namespace holdfast::server::cli
