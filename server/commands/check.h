// `holdfast check`: the namespace's own structure, rows without content and content without rows.
#pragma once

#include <stop_token>

#include "server/control.h"
#include "server/store.h"

namespace holdfast::server {

// Exit code 0 when nothing is wrong, 1 when something is, repaired or not: one line each, then a
// summary. Repairing needs a store that nobody else uses.
[[nodiscard]] ControlReply check_store(Store& store, bool repair, const std::stop_token& stop);

}  // namespace holdfast::server
