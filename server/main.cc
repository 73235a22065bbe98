// The program: reads the command line, and makes and connects the concrete stores. Nothing else in
// server/ knows which classes implement storage/*.h.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <fcntl.h>
#include <filesystem>
#include <string>
#include <sys/prctl.h>
#include <unistd.h>
#include <utility>
#include <vector>

#include "server/app/serve.h"
#include "server/cli/audit.h"
#include "server/cli/backup.h"
#include "server/cli/certificate.h"
#include "server/cli/command_line.h"
#include "server/cli/dispatch.h"
#include "server/cli/settings.h"
#include "server/cli/store.h"
#include "server/config/config.h"
#include "server/observe/event_log.h"
#include "storage/clock.h"
#include "storage/error.h"
#include "storage/files/backup.h"
#include "storage/files/content_store.h"
#include "storage/files/data_folder.h"
#include "storage/files/staging.h"
#include "storage/open.h"
#include "storage/sqlite/file/copy.h"
#include "storage/sqlite/namespace.h"

namespace holdfast::server {
namespace {

// What both stores need: the data folder and the clock.
struct Ground {
  Ground(const std::string& path, storage::files::DataFolder::Options options)
      : folder(path, options) {}
  storage::SystemClock clock;
  storage::files::DataFolder folder;
};

storage::files::DataFolder::Options folder_options(const config::Config& config) {
  return {.allow_network_disk = config.allow_network_data};
}

cli::Store open_store(const config::Config& config, cli::Opening opening,
                      storage::OnFailure on_failure) try {
  if (std::string why = storage::files::not_a_store(config.data); !why.empty())
    throw process::UsageError(why);
  if (opening == cli::Opening::existing &&
      !std::filesystem::exists(std::filesystem::path(config.data) / "meta.db"))
    throw process::UsageError("There is no store in " + config.data + ".");

  auto ground = std::make_shared<Ground>(config.data, folder_options(config));
  cli::Store store;
  store.read_only = ground->folder.read_only();
  auto contents = std::make_unique<storage::files::FileContentStore>(ground->folder,
                                                                     config.durability, on_failure);
  store.staging =
      std::make_unique<storage::files::FileStaging>(ground->folder, *contents, ground->clock);
  store.contents = std::move(contents);
  storage::sqlite::Options options;
  options.durability = config.durability;
  options.cache_bytes = config.cache_bytes;
  options.read_limit_s = config.read_timeout_s;
  // The reserve is a small part of a small disk.
  options.reserve_bytes = std::clamp(store.contents->space().total / 32, cli::kLeastReserveBytes,
                                     cli::kMostReserveBytes);
  options.on_failure = std::move(on_failure);
  options.on_notice = observe::log_event;
  options.read_only = store.read_only;
  if (const std::vector<std::string>& missing = ground->folder.missing(); !missing.empty())
    options.is_lost = [&missing](const std::string& blob) {
      return std::ranges::find(missing, blob.substr(0, 2)) != missing.end();
    };
  store.names = storage::sqlite::open(ground->folder.database(), *store.contents, ground->clock,
                                      std::move(options));
  store.folder = std::move(ground);
  return store;
} catch (const storage::OpenError& error) {
  throw process::UsageError(error.what());
}

storage::BackupReport copy_to_backup(const config::Config& config, const std::string& folder,
                                     const storage::OnBackupProgress& progress) try {
  return storage::files::backup(config.data, folder, storage::sqlite::backup_database(), progress);
} catch (const storage::OpenError& error) {
  throw process::UsageError(error.what());
}

storage::BackupReport copy_from_backup(const config::Config& config, const std::string& folder,
                                       const storage::OnBackupProgress& progress) try {
  return storage::files::restore(folder, config.data, folder_options(config),
                                 storage::sqlite::backup_database(), progress);
} catch (const storage::OpenError& error) {
  throw process::UsageError(error.what());
}

storage::BackupReport extract_from_backup(const std::string& folder, const storage::Path& path,
                                          const std::string& into,
                                          const storage::OnBackupProgress& progress) try {
  return storage::files::extract(folder, path, into, storage::sqlite::backup_database(), progress);
} catch (const storage::OpenError& error) {
  throw process::UsageError(error.what());
}

// Prints the reply. Error messages begin with the program's name. The problems that `check` finds
// (exit code 1) are a report, not an error message.
int print(const cli::Invocation& invocation, const cli::ControlReply& reply) {
  constexpr std::string_view kName = "holdfast: ";
  const bool is_report =
      reply.exit_code == 0 || (invocation.command == cli::Command::check && reply.exit_code == 1);
  const bool is_document = invocation.json && is_report;
  const std::string_view name = is_report || reply.text.starts_with(kName) ? "" : kName;
  std::fputs((std::string(name) + reply.text).c_str(),
             reply.exit_code == 0 || is_document ? stdout : stderr);
  return reply.exit_code;
}

// Opens closed standard streams on /dev/null. Otherwise a file of the store could get such a
// descriptor, and the banner would be written into it.
void open_standard_streams() {
  for (int fd = ::open("/dev/null", O_RDWR); fd >= 0; fd = ::dup(fd)) {
    if (fd <= STDERR_FILENO) continue;
    ::close(fd);
    return;
  }
}

int run(const std::vector<std::string>& arguments) {
  const cli::Invocation invocation =
      cli::parse_command_line(arguments, process::process_environment(), process::variable_names());
  for (const std::string& warning : invocation.warnings)
    std::fprintf(stderr, "holdfast: %s\n", warning.c_str());
  switch (invocation.command) {
    case cli::Command::print:
      std::fputs(invocation.text.c_str(), stdout);
      return 0;
    case cli::Command::version:
      std::puts("holdfast " HOLDFAST_VERSION);
      return 0;
    case cli::Command::serve:
      return app::serve(invocation.config, open_store, invocation.examine);
    case cli::Command::lock_list:
    case cli::Command::lock_break:
    case cli::Command::check:
    case cli::Command::user_add:
    case cli::Command::user_passwd:
    case cli::Command::user_list:
    case cli::Command::user_show:
    case cli::Command::user_rename:
    case cli::Command::user_suspend:
    case cli::Command::user_resume:
    case cli::Command::user_networks:
    case cli::Command::group_add:
    case cli::Command::group_remove:
    case cli::Command::group_list:
    case cli::Command::group_show:
    case cli::Command::group_grant:
    case cli::Command::group_revoke:
    case cli::Command::group_quota:
    case cli::Command::group_join:
    case cli::Command::group_leave:
    case cli::Command::user_remove:
    case cli::Command::user_grant:
    case cli::Command::user_revoke:
    case cli::Command::user_quota:
    case cli::Command::user_certificate:
    case cli::Command::user_adopt:
    case cli::Command::user_import:
    case cli::Command::trash_list:
    case cli::Command::trash_restore:
    case cli::Command::trash_purge:
    case cli::Command::versions_list:
    case cli::Command::versions_restore:
    case cli::Command::versions_purge:
    case cli::Command::history_show:
    case cli::Command::history_list:
    case cli::Command::history_undo:
    case cli::Command::snapshot_add:
    case cli::Command::snapshot_list:
    case cli::Command::snapshot_remove:
    case cli::Command::upload_list:
    case cli::Command::upload_remove:
    case cli::Command::share_add:
    case cli::Command::share_list:
    case cli::Command::share_remove:
    case cli::Command::session_list:
    case cli::Command::session_end:
    case cli::Command::token_add:
    case cli::Command::token_list:
    case cli::Command::token_remove:
      return print(invocation, cli::run_on_data_folder(invocation, open_store));
    case cli::Command::backup:
      return print(invocation, cli::back_up(invocation, open_store, copy_to_backup));
    case cli::Command::restore:
      return print(invocation, cli::restore(invocation, copy_from_backup, extract_from_backup));
    case cli::Command::log:
      return cli::print_audit_log(invocation, stdout);
    case cli::Command::certificate:
      return print(invocation, cli::print_certificate(invocation.config));
    case cli::Command::config_check:
      return print(invocation, cli::check_settings(invocation.examine()));
    case cli::Command::config_show:
      return print(invocation, cli::show_settings(invocation.examine(), invocation.json));
  }
  return process::kUsageExit;
}

}  // namespace
}  // namespace holdfast::server

int main(int argc, char** argv) {
  // No program that this process might come to start gets more rights than it has: no setuid bit
  // and no file capability counts. It needs none, and it cannot be undone.
  ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  holdfast::server::open_standard_streams();
  try {
    return holdfast::server::run(std::vector<std::string>(argv + (argc > 0 ? 1 : 0), argv + argc));
  } catch (const holdfast::server::process::UsageError& error) {
    std::fprintf(stderr, "holdfast: %s\n", error.what());
    return holdfast::server::process::kUsageExit;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "holdfast: %s\n", error.what());
    return 1;
  }
}
