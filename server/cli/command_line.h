// The command line as a value: the command and its settings. Flags and their help texts come from
// the table in server/config. Pure but for reading the config file.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "server/config/config.h"

namespace holdfast::server::cli {

enum class Command {
  print,  // --help, --version and the like: write `text` and exit 0
  serve,
  lock_list,
  lock_break,
  check,
  backup,
  restore,
  user_add,
  user_passwd,
  user_list,
  user_show,
  user_rename,
  user_suspend,
  user_resume,
  user_networks,
  user_remove,
  user_grant,
  user_revoke,
  user_quota,
  user_certificate,
  user_adopt,
  user_import,
  group_add,
  group_remove,
  group_list,
  group_show,
  group_grant,
  group_revoke,
  group_quota,
  group_join,
  group_leave,
  trash_list,
  trash_restore,
  trash_purge,
  versions_list,
  versions_restore,
  versions_purge,
  history_show,
  history_list,
  history_undo,
  snapshot_add,
  snapshot_list,
  snapshot_remove,
  upload_list,
  upload_remove,
  share_add,
  share_list,
  share_remove,
  session_list,
  session_end,
  token_add,
  token_list,
  token_remove,
  log,
  certificate,
  config_check,
  config_show,
  version,
};

// The arguments of the commands about accounts, groups and what is kept of the past, as given.
struct UserArguments {
  std::optional<std::string> name;
  std::optional<std::string> new_name;
  std::optional<std::string> group;
  std::vector<std::string> networks;
  std::optional<std::string> home;
  std::optional<std::string> path;
  std::optional<std::string> right;
  std::optional<std::string> quota_bytes;
  std::optional<std::string> quota_resources;
  std::optional<std::string> certificate_file;
  std::optional<std::string> import_file;
  std::optional<std::string> token;
  std::optional<std::string> label;
  std::optional<std::string> expires;
  std::optional<std::string> id;
  std::optional<std::string> to;
  std::optional<std::string> at;
  std::optional<std::string> snapshot;
  bool all = false;
  bool no_password = false;
  bool break_locks = false;
  bool clear = false;
  bool read_only = false;
  bool password = false;
  bool yes = false;
};

// Which lines of the audit log `holdfast log` prints, as given.
struct LogArguments {
  std::optional<std::string> since;
  std::optional<std::string> account;
  std::optional<std::string> path;
};

struct Invocation {
  Command command = Command::print;
  config::Config config;  // not set for config_check and config_show, which call `examine`
  // Reads the sources of the settings again, the config file included. Throws UsageError when the
  // file cannot be read.
  std::function<config::Resolution()> examine;
  std::vector<std::string> warnings;  // one sentence each about what is ignored
  std::string text;                   // for print
  std::string lock;                   // for lock_break: a token or a path
  std::string folder;                 // for backup and restore: the folder of the backup
  std::optional<std::string> path;    // for restore: what to write into the folder `into`
  std::optional<std::string> into;
  UserArguments user;
  LogArguments log;
  bool json = false;    // print one JSON document instead of a table
  bool hashes = false;  // for check
  bool repair = false;  // for check
};

// Reads the arguments (without the program's name), the environment and the config file. Throws
// UsageError with one sentence. `variables` are the names of all environment variables, to warn of
// those that look like settings and are none.
[[nodiscard]] Invocation parse_command_line(std::span<const std::string> arguments,
                                            const process::Environment& environment,
                                            std::span<const std::string> variables = {});

}  // namespace holdfast::server::cli
