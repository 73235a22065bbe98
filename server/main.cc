// The program: reads the command line, chooses the concrete stores and wires them. Nothing else in
// server/ knows what stands behind storage/*.h.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <fcntl.h>
#include <filesystem>
#include <string>
#include <unistd.h>
#include <utility>
#include <vector>

#include "server/app/serve.h"
#include "server/cli/backup.h"
#include "server/cli/command_line.h"
#include "server/cli/dispatch.h"
#include "server/cli/store.h"
#include "server/config/config.h"
#include "server/observe/event_log.h"
#include "storage/clock.h"
#include "storage/error.h"
#include "storage/files/backup.h"
#include "storage/files/content_store.h"
#include "storage/files/data_folder.h"
#include "storage/open.h"
#include "storage/sqlite/file/copy.h"
#include "storage/sqlite/namespace.h"

namespace holdfast::server {
namespace {

// What both stores stand on.
struct Ground {
  Ground(const std::string& path, storage::files::DataFolder::Options options)
      : folder(path, options) {}
  storage::SystemClock clock;
  storage::files::DataFolder folder;
};

storage::files::DataFolder::Options folder_options(const Config& config) {
  return {.allow_network_disk = config.allow_network_data};
}

Store open_store(const Config& config, Opening opening, OnFailure on_failure) try {
  if (std::string why = storage::files::not_a_store(config.data); !why.empty())
    throw UsageError(why);
  if (opening == Opening::existing &&
      !std::filesystem::exists(std::filesystem::path(config.data) / "meta.db"))
    throw UsageError("There is no store in " + config.data + ".");

  auto ground = std::make_shared<Ground>(config.data, folder_options(config));
  Store store;
  store.read_only = ground->folder.read_only();
  store.contents = std::make_unique<storage::files::FileContentStore>(
      ground->folder, config.durability, on_failure);
  storage::sqlite::Options options;
  options.durability = config.durability;
  options.cache_bytes = config.cache_bytes;
  options.read_limit_s = config.read_timeout_s;
  // A small part of a small disk.
  options.reserve_bytes =
      std::clamp(store.contents->space().total / 32, kLeastReserveBytes, kMostReserveBytes);
  options.on_failure = std::move(on_failure);
  options.on_notice = log_event;
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
  throw UsageError(error.what());
}

storage::BackupReport copy_to_backup(const Config& config, const std::string& folder,
                                     const storage::OnBackupProgress& progress) try {
  return storage::files::backup(config.data, folder, storage::sqlite::backup_database(), progress);
} catch (const storage::OpenError& error) {
  throw UsageError(error.what());
}

storage::BackupReport copy_from_backup(const Config& config, const std::string& folder,
                                       const storage::OnBackupProgress& progress) try {
  return storage::files::restore(folder, config.data, folder_options(config),
                                 storage::sqlite::backup_database(), progress);
} catch (const storage::OpenError& error) {
  throw UsageError(error.what());
}

int print(const ControlReply& reply) {
  std::fputs(reply.text.c_str(), reply.exit_code == 0 ? stdout : stderr);
  return reply.exit_code;
}

// Without this a file of the store could get the number of a closed standard stream, and the banner
// would be written into it.
void open_standard_streams() {
  for (int fd = ::open("/dev/null", O_RDWR); fd >= 0; fd = ::dup(fd)) {
    if (fd <= STDERR_FILENO) continue;
    ::close(fd);
    return;
  }
}

int run(const std::vector<std::string>& arguments) {
  const Invocation invocation = parse_command_line(arguments, process_environment());
  switch (invocation.command) {
    case Command::print:
      std::fputs(invocation.text.c_str(), stdout);
      return 0;
    case Command::version:
      std::puts("holdfast " HOLDFAST_VERSION);
      return 0;
    case Command::serve:
      return serve(invocation.config, open_store);
    case Command::lock_list:
    case Command::lock_break:
    case Command::check:
    case Command::user_add:
    case Command::user_passwd:
    case Command::user_list:
    case Command::user_remove:
    case Command::user_grant:
    case Command::user_revoke:
    case Command::user_quota:
    case Command::user_certificate:
    case Command::token_add:
    case Command::token_list:
    case Command::token_remove:
      return print(run_on_data_folder(invocation, open_store));
    case Command::backup:
      return print(back_up(invocation, open_store, copy_to_backup));
    case Command::restore:
      return print(restore(invocation, copy_from_backup));
  }
  return kUsageExit;
}

}  // namespace
}  // namespace holdfast::server

int main(int argc, char** argv) {
  holdfast::server::open_standard_streams();
  try {
    return holdfast::server::run(std::vector<std::string>(argv + (argc > 0 ? 1 : 0), argv + argc));
  } catch (const holdfast::server::UsageError& error) {
    std::fprintf(stderr, "holdfast: %s\n", error.what());
    return holdfast::server::kUsageExit;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "holdfast: %s\n", error.what());
    return 1;
  }
}
