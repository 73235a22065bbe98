// The command line as a value: which command, with which settings. Flags come from the table in
// server/config; so do their help texts. Pure but for reading the config file.
#pragma once

#include <span>
#include <string>

#include "server/config.h"

namespace holdfast::server {

enum class Command {
  print,  // --help: write `text` and exit 0
  serve,
  lock_list,
  lock_break,
  check,
  backup,
  restore,
  version,
};

struct Invocation {
  Command command = Command::print;
  Config config;
  std::string text;     // for print
  std::string lock;     // for lock_break: a token or a path
  std::string folder;   // for backup and restore: of the backup
  bool hashes = false;  // for check
  bool repair = false;  // for check
};

// Reads the arguments (without the program's name), the environment and the config file. Throws
// UsageError with one sentence.
[[nodiscard]] Invocation parse_command_line(std::span<const std::string> arguments,
                                            const Environment& environment);

}  // namespace holdfast::server
