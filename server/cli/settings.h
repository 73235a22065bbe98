// `holdfast config check` and `holdfast config show`: print the settings and where each comes from.
// There are no secrets among them.
#pragma once

#include "server/cli/control_socket.h"
#include "server/config/config.h"

namespace holdfast::server::cli {

// Returns exit code 0, or 2 and a line for each problem.
[[nodiscard]] ControlReply check_settings(const config::Resolution& settings);

// Returns one line per setting: name, value, source. Returns what check_settings() returns when
// there are problems.
[[nodiscard]] ControlReply show_settings(const config::Resolution& settings, bool json = false);

}  // namespace holdfast::server::cli
