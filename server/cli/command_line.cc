#include "server/cli/command_line.h"

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <algorithm>
#include <initializer_list>
#include <string_view>
#include <vector>

namespace holdfast::server::cli {
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

void add_setting(CLI::App& command, const config::Option& option, config::Values& flags) {
  std::string help = option.help;
  if (const std::string value = option.get(config::Config{}); !value.empty())
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

void add_settings(CLI::App& command, std::initializer_list<std::string_view> names,
                  config::Values& flags, std::string& config_file) {
  command.add_option("--config", config_file, wrapped("Config file with name = value lines"))
      ->type_name("FILE");
  for (const config::Option& option : config::options())
    if (names.size() == 0 || std::find(names.begin(), names.end(), option.name) != names.end())
      add_setting(command, option, flags);
}

using Commands = std::vector<std::pair<CLI::App*, Command>>;

// `holdfast user …`; adds each with its meaning to `commands`.
void add_user_commands(CLI::App& app, UserArguments& user, Commands& commands) {
  CLI::App* top = app.add_subcommand("user", "Manage accounts, also while a server runs");
  top->require_subcommand(1);
  CLI::App* token = top->add_subcommand("token", "Manage passwords of single devices");
  token->require_subcommand(1);
  const auto command = [&commands](CLI::App& in, const char* name, const char* help, Command id) {
    return commands.emplace_back(in.add_subcommand(name, wrapped(help)), id).first;
  };
  const auto option = [](CLI::App* in, const char* name, std::optional<std::string>& value,
                         const char* type, const char* help) {
    return in->add_option(name, value, wrapped(help))->type_name(type);
  };
  const auto account = [&](CLI::App* in) {
    option(in, "name", user.name, "NAME", "The account")->required();
  };
  const auto quotas = [&](CLI::App* in, const char* bytes, const char* resources) {
    option(in, bytes, user.quota_bytes, "BYTES",
           "Most bytes that the files it owns may have together, or none");
    option(in, resources, user.quota_resources, "N",
           "Most files and collections that it may own, or none");
  };
  const auto no_password = [&](CLI::App* in) {
    in->add_flag("--no-password", user.no_password,
                 wrapped("Ask for none: only tokens and a certificate open it"));
  };

  CLI::App* add =
      command(*top, "add", "Add an account; its password is asked for, or read from standard input",
              Command::user_add);
  account(add);
  option(add, "--home", user.home, "PATH",
         "Collection where it may write, made when missing (default /NAME)");
  quotas(add, "--quota-bytes", "--quota-resources");
  no_password(add);
  CLI::App* passwd =
      command(*top, "passwd", "Give an account another password", Command::user_passwd);
  account(passwd);
  no_password(passwd);
  command(*top, "list", "Print every account, with what it owns, of its quota, and its grants",
          Command::user_list);
  account(command(*top, "remove",
                  "Remove an account with its tokens and locks; what it owned stays",
                  Command::user_remove));
  CLI::App* grant = command(
      *top, "grant", "Let an account read or write at a path and below; the longest path decides",
      Command::user_grant);
  account(grant);
  option(grant, "path", user.path, "PATH", "Where, as in a URL")->required();
  option(grant, "right", user.right, "read|write|none", "What it may do there")->required();
  CLI::App* revoke =
      command(*top, "revoke", "Take back what was granted at a path", Command::user_revoke);
  account(revoke);
  option(revoke, "path", user.path, "PATH", "Where, as in a URL")->required();
  CLI::App* quota = command(*top, "quota", "Limit what an account may own", Command::user_quota);
  account(quota);
  quotas(quota, "--bytes", "--resources");
  CLI::App* certificate = command(*top, "certificate", "Let a client certificate open an account",
                                  Command::user_certificate);
  account(certificate);
  option(certificate, "file", user.certificate_file, "FILE", "The certificate, in PEM form");
  certificate->add_flag("--clear", user.clear, wrapped("Let none open it"));

  CLI::App* token_add =
      command(*token, "add", "Add a token and print it, once", Command::token_add);
  account(token_add);
  option(token_add, "--label", user.label, "TEXT", "What the device is called")->required();
  token_add->add_flag("--read-only", user.read_only, wrapped("It may only read"));
  option(token_add, "--path", user.path, "PATH", "It may do nothing elsewhere (default /)");
  option(token_add, "--expires", user.expires, "TIME",
         "When it expires, from now: 30m, 12h, 90d or 2w (default never)");
  option(command(*token, "list", "Print every token, or those of one account", Command::token_list),
         "name", user.name, "NAME", "The account");
  option(command(*token, "remove", "Remove a token", Command::token_remove), "id", user.token, "ID",
         "Of the token, as token list shows it")
      ->required();
}

std::string one_sentence(std::string text) {
  std::replace(text.begin(), text.end(), '\n', ' ');
  while (!text.empty() && (text.back() == ' ' || text.back() == '.')) text.pop_back();
  return text + "; see holdfast --help.";
}

}  // namespace

Invocation parse_command_line(std::span<const std::string> arguments,
                              const process::Environment& environment) {
  Invocation invocation;
  config::Values flags;
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
  Commands commands = {{serve, Command::serve},       {list, Command::lock_list},
                       {remove, Command::lock_break}, {check, Command::check},
                       {backup, Command::backup},     {restore, Command::restore}};
  add_user_commands(app, invocation.user, commands);
  for (const auto& [command, id] : commands) {
    if (id == Command::serve) continue;
    if (id == Command::user_add || id == Command::user_passwd) {
      add_settings(*command, {"data", "allow-network-data", "digest"}, flags, config_file);
    } else {
      add_settings(*command, {"data", "allow-network-data"}, flags, config_file);
    }
  }

  const CLI::App* version = app.add_subcommand("version", "Print the version");

  // CLI11 takes the arguments from the back.
  std::vector<std::string> reversed(arguments.rbegin(), arguments.rend());
  try {
    app.parse(std::move(reversed));
  } catch (const CLI::CallForHelp&) {
    invocation.text = app.help();
    return invocation;
  } catch (const CLI::ParseError& error) {
    throw process::UsageError(one_sentence(error.what()));
  }

  if (version->parsed()) invocation.command = Command::version;
  for (const auto& [command, id] : commands)
    if (command->parsed()) invocation.command = id;
  if (invocation.command == Command::version) return invocation;

  if (config_file.empty()) config_file = environment("HOLDFAST_CONFIG").value_or("");
  invocation.config = config::resolve(
      flags, environment,
      config_file.empty() ? config::Values{} : config::read_config_file(config_file));
  return invocation;
}

}  // namespace holdfast::server::cli
