#include "server/commands/command_line.h"

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <algorithm>
#include <initializer_list>
#include <string_view>
#include <vector>

namespace holdfast::server {
namespace {

constexpr std::size_t kHelpColumn = 40;
constexpr std::size_t kHelpWidth = 60;

// Breaks a sentence into lines; CLI11 indents what follows a line break.
std::string wrapped(std::string_view text) {
  std::string out;
  std::size_t column = 0;
  while (!text.empty()) {
    const std::string_view word = text.substr(0, text.find(' '));
    text.remove_prefix(std::min(text.size(), word.size() + 1));
    if (column != 0 && column + 1 + word.size() > kHelpWidth) {
      out += '\n';
      column = 0;
    } else if (column != 0) {
      out += ' ';
      ++column;
    }
    out += word;
    column += word.size();
  }
  return out;
}

void add_setting(CLI::App& command, const Option& option, Values& flags) {
  std::string help = option.help;
  if (const std::string value = option.get(Config{}); !value.empty())
    help += " (default " + value + ")";
  // "--tls-self-signed" alone says yes.
  const bool may_stand_alone = option.unit == "no|yes";
  command
      .add_option_function<std::string>(
          "--" + option.name,
          [&flags, name = option.name, may_stand_alone](const std::string& value) {
            flags[name] = value.empty() && may_stand_alone ? "yes" : value;
          },
          wrapped(help))
      ->type_name(option.unit)
      ->expected(may_stand_alone ? 0 : 1, 1);
}

void add_settings(CLI::App& command, std::initializer_list<std::string_view> names, Values& flags,
                  std::string& config_file) {
  command.add_option("--config", config_file, wrapped("Config file with name = value lines"))
      ->type_name("FILE");
  for (const Option& option : options())
    if (names.size() == 0 || std::find(names.begin(), names.end(), option.name) != names.end())
      add_setting(command, option, flags);
}

std::string one_sentence(std::string text) {
  std::replace(text.begin(), text.end(), '\n', ' ');
  while (!text.empty() && (text.back() == ' ' || text.back() == '.')) text.pop_back();
  return text + "; see holdfast --help.";
}

}  // namespace

Invocation parse_command_line(std::span<const std::string> arguments,
                              const Environment& environment) {
  Invocation invocation;
  Values flags;
  std::string config_file;

  CLI::App app("Holdfast, a WebDAV server (RFC 4918).", "holdfast");
  app.require_subcommand(1);
  app.get_formatter()->column_width(kHelpColumn);
  app.footer(
      "Every option of serve may also stand in the config file (listen = 127.0.0.1:8080) and in "
      "the\n"
      "environment (HOLDFAST_LISTEN). A flag beats the environment, which beats the file. Sizes "
      "take\n"
      "the suffixes KiB, MiB, GiB and TiB. See holdfast serve --help.");

  CLI::App* serve = app.add_subcommand("serve", "Serve a data folder");
  add_settings(*serve, {}, flags, config_file);

  CLI::App* lock = app.add_subcommand("lock", "Look at locks and remove them");
  lock->require_subcommand(1);
  CLI::App* list = lock->add_subcommand("list", "Print every lock");
  CLI::App* remove = lock->add_subcommand("break", "Remove a lock");
  remove->add_option("lock", invocation.lock, "Its token, or the path it is rooted at")
      ->required()
      ->type_name("TOKEN|PATH");
  CLI::App* check = app.add_subcommand(
      "check", "Verify the data folder: exit code 0 when it is sound, 1 when it is not");
  check->add_flag("--hashes", invocation.hashes,
                  wrapped("Also read every content file and compare its SHA-256"));
  check->add_flag("--repair", invocation.repair,
                  wrapped("Set right what can be without guessing; not while a server runs"));
  CLI::App* backup = app.add_subcommand(
      "backup", "Copy the store into a folder, also while a server runs; again: only what is new");
  CLI::App* restore = app.add_subcommand("restore", "Make a new data folder of a backup");
  for (CLI::App* command : {backup, restore})
    command->add_option("folder", invocation.folder, "The folder of the backup")
        ->required()
        ->type_name("DIR");
  for (CLI::App* command : {list, remove, check, backup, restore})
    add_settings(*command, {"data", "allow-network-data"}, flags, config_file);

  const CLI::App* version = app.add_subcommand("version", "Print the version");

  // CLI11 takes the arguments from the back.
  std::vector<std::string> reversed(arguments.rbegin(), arguments.rend());
  try {
    app.parse(std::move(reversed));
  } catch (const CLI::CallForHelp&) {
    invocation.text = app.help();
    return invocation;
  } catch (const CLI::ParseError& error) {
    throw UsageError(one_sentence(error.what()));
  }

  invocation.command = serve->parsed()     ? Command::serve
                       : list->parsed()    ? Command::lock_list
                       : remove->parsed()  ? Command::lock_break
                       : check->parsed()   ? Command::check
                       : backup->parsed()  ? Command::backup
                       : restore->parsed() ? Command::restore
                       : version->parsed() ? Command::version
                                           : Command::print;
  if (invocation.command == Command::version) return invocation;

  if (config_file.empty()) config_file = environment("HOLDFAST_CONFIG").value_or("");
  invocation.config =
      resolve(flags, environment, config_file.empty() ? Values{} : read_config_file(config_file));
  return invocation;
}

}  // namespace holdfast::server
