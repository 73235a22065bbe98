// `holdfast lock list` and `holdfast lock break`, on an open store: in a command that opened the
// data folder itself, or in a server for a request on its control socket. Any thread.
#pragma once

#include <string_view>

#include "server/cli/control_socket.h"
#include "storage/namespace.h"

namespace holdfast::server::cli {

// Returns one line per lock: token, scope, depth, age, time left, account, path (percent-encoded,
// below the prefix), owner. The last line is their number. With `json`, one document.
[[nodiscard]] ControlReply list_locks(const storage::Namespace& names, bool json = false);

// Removes the lock with this token, or all locks rooted at this path (anything that starts with
// "/", percent-encoded or not). Returns exit code 1 when there is none.
[[nodiscard]] ControlReply break_lock(storage::Namespace& names, std::string_view which);

}  // namespace holdfast::server::cli
