// Runs commands on a data folder: through its server when one runs, else on the store opened here
// under the folder's lock. A request line means the same in both cases.
#pragma once

#include <stop_token>
#include <string_view>

#include "server/cli/command_line.h"
#include "server/cli/control_socket.h"
#include "server/cli/store.h"

namespace holdfast::server::cli {

// Answers a request on the control socket of a running server. Any thread.
[[nodiscard]] ControlReply answer_control(Store& store, std::string_view request,
                                          const std::stop_token& stop);

// Runs lock_list, lock_break, check or a user command. Throws UsageError when the folder cannot be
// used, and std::runtime_error when its server does not answer.
[[nodiscard]] ControlReply run_on_data_folder(const Invocation& invocation,
                                              const OpenStore& open_store);

}  // namespace holdfast::server::cli
