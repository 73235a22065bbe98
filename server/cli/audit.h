// The audit log and the commands (docs/operations.md#the-audit-log): the lines of commands that
// change something, and `holdfast log`, which reads the log.
#pragma once

#include <cstdio>
#include <memory>
#include <string_view>
#include <sys/types.h>

#include "server/cli/command_line.h"
#include "server/observe/audit_log.h"

namespace holdfast::server::cli {

// Opens the audit log of the settings; null when they name none. `clock` must outlive it. Throws
// UsageError with one sentence.
[[nodiscard]] std::unique_ptr<observe::AuditLog> open_audit_log(const config::Config& config,
                                                                const storage::Clock& clock);

// Returns true when a request on the control socket changes something if it succeeds.
[[nodiscard]] bool is_change(std::string_view request);

// Writes the line of a request that is_change() and has succeeded. `user` sent it. No password,
// hash or token stands in the line. Any thread.
void record_command(observe::AuditLog& log, std::string_view request, uid_t user);

// Prints the lines that the arguments ask for, oldest first, as a table or as they are. Returns the
// exit code. Throws UsageError when the settings name no log, or it cannot be read.
int print_audit_log(const Invocation& invocation, std::FILE* out);

}  // namespace holdfast::server::cli
