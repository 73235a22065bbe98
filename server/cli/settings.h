// `holdfast config check` and `holdfast config show`: what the settings are and where each comes
// from. There are no secrets among them.
#pragma once

#include "server/cli/control_socket.h"
#include "server/config/config.h"

namespace holdfast::server::cli {

// Exit code 0, or 2 and a line for each problem.
[[nodiscard]] ControlReply check_settings(const config::Resolution& settings);

// One line per setting: name, value, source. As check_settings() when there are problems.
[[nodiscard]] ControlReply show_settings(const config::Resolution& settings);

}  // namespace holdfast::server::cli
