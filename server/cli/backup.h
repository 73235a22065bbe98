// `holdfast backup` and `holdfast restore`. The command itself copies, with its own rights (root
// with those of the data folder's owner, server/process/drop_root.h), also while a server runs: it
// only reads the data folder, but for the date of the backup, and requests that the server keep
// every content file until the command ends. Call them from the main thread of a process of their
// own.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "server/cli/command_line.h"
#include "server/cli/control_socket.h"
#include "server/cli/store.h"
#include "storage/backup.h"
#include "storage/maintenance.h"

namespace holdfast::server::cli {

// The request of a backup that begins, and the server's reply to it.
inline constexpr std::string_view kHoldGarbage = "hold-garbage";
[[nodiscard]] ControlReply hold_garbage(storage::Maintenance& maintenance);

// Returns when the last backup of a data folder was complete, in Unix time; nullopt when there was
// none. back_up() keeps it as the date of an empty file in the folder. Any thread.
[[nodiscard]] std::optional<double> last_backup_s(const std::string& data);

// storage::files::backup or restore with their arguments; only main.cc knows these. The settings
// name the data folder. Throws UsageError, or std::exception with one sentence.
using CopyStore =
    std::function<storage::BackupReport(const config::Config& config, const std::string& folder,
                                        const storage::OnBackupProgress& progress)>;

// storage::files::extract, in the same way.
using ExtractTree = std::function<storage::BackupReport(
    const std::string& folder, const storage::Path& path, const std::string& into,
    const storage::OnBackupProgress& progress)>;

// Reports progress on standard error, a line at the beginning and every few seconds, and returns
// the summary. Throws what CopyStore and OpenStore throw.
[[nodiscard]] ControlReply back_up(const Invocation& invocation, const OpenStore& open_store,
                                   const CopyStore& copy);
// With --path and --into, writes a part of the backup as plain files.
[[nodiscard]] ControlReply restore(const Invocation& invocation, const CopyStore& copy,
                                   const ExtractTree& extract);

}  // namespace holdfast::server::cli
