#include "server/cli/command_line.h"

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <algorithm>
#include <initializer_list>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "server/cli/manual.h"
#include "server/cli/mistake.h"

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
  // "--tls-self-signed" without a value means yes.
  const bool may_stand_alone = option.unit == "no|yes";
  command
      .add_option_function<std::string>(
          "--" + option.name,
          [&flags, name = option.name, may_stand_alone](const std::string& value) {
            flags[name] = value.empty() && may_stand_alone ? "yes" : value;
          },
          wrapped(help))
      ->type_name(option.unit)
      ->expected(may_stand_alone ? 0 : 1, 1)
      ->group(std::string(option.group));
}

void add_settings(CLI::App& command, std::initializer_list<std::string_view> names,
                  config::Values& flags, std::string& config_file) {
  command.add_option("--config", config_file, wrapped("Config file with name = value lines"))
      ->type_name("FILE")
      ->group(std::string(config::options().front().group));
  for (const config::Option& option : config::options())
    if (names.size() == 0 || std::find(names.begin(), names.end(), option.name) != names.end())
      add_setting(command, option, flags);
}

// Leaves settings that few people set out of the help text.
void hide_most_settings(CLI::App& command) {
  for (const config::Option& option : config::options())
    if (!option.first) command.get_option("--" + option.name)->group("");
}

void show_all_settings(CLI::App& command) {
  for (const config::Option& option : config::options())
    command.get_option("--" + option.name)->group(std::string(option.group));
}

using Commands = std::vector<std::pair<CLI::App*, Command>>;

void add_json_flag(CLI::App& command, bool& json) {
  command.add_flag("--json", json, wrapped("Print one JSON document instead"));
}

void add_log_command(CLI::App& log, LogArguments& arguments, bool& json) {
  const auto option = [&log](const char* name, std::optional<std::string>& value, const char* type,
                             const char* help) {
    log.add_option(name, value, wrapped(help))->type_name(type);
  };
  option("--since", arguments.since, "TIME", "Only changes of this time until now: 30m, 2h or 7d");
  option("--account", arguments.account, "NAME",
         "Only changes by this account or group, and of it");
  option("--path", arguments.path, "PATH", "Only changes at this path and below");
  log.add_flag("--json", json, wrapped("Print the lines as they are in the log"));
}

// Adds `holdfast user …` and `holdfast group …`, each command with its meaning in `commands`.
void add_user_commands(CLI::App& app, UserArguments& user, bool& json, Commands& commands) {
  CLI::App* top = app.add_subcommand("user", "Manage accounts, also while a server runs");
  top->require_subcommand(1);
  CLI::App* token = top->add_subcommand("token", "Manage passwords of single devices");
  token->require_subcommand(1);
  CLI::App* session = top->add_subcommand("session", "Manage browsers that are signed in");
  session->require_subcommand(1);
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

  const auto yes = [&](CLI::App* in, const char* help) {
    in->add_flag("--yes", user.yes, wrapped(help));
  };

  CLI::App* add =
      command(*top, "add", "Add an account; its password is asked for, or read from standard input",
              Command::user_add);
  account(add);
  option(add, "--home", user.home, "PATH",
         "Collection where it may write, made when missing (default /NAME)");
  quotas(add, "--quota-bytes", "--quota-resources");
  no_password(add);
  yes(add, "Do not ask when something is stored at /NAME already");
  CLI::App* passwd =
      command(*top, "passwd", "Give an account another password", Command::user_passwd);
  account(passwd);
  no_password(passwd);
  add_json_flag(
      *command(*top, "list", "Print every account, with what it owns, of its quota, and its grants",
               Command::user_list),
      json);
  CLI::App* show = command(*top, "show", "Print one account, with its grants, groups and tokens",
                           Command::user_show);
  account(show);
  add_json_flag(*show, json);
  CLI::App* rename = command(*top, "rename", "Give an account another name; all it has stays",
                             Command::user_rename);
  account(rename);
  option(rename, "new-name", user.new_name, "NEWNAME", "Its new name")->required();
  account(command(*top, "suspend", "Let nobody sign in as an account; all it has stays",
                  Command::user_suspend));
  account(command(*top, "resume", "End the suspension of an account", Command::user_resume));
  CLI::App* networks =
      command(*top, "networks", "Let an account sign in from some addresses and networks only",
              Command::user_networks);
  account(networks);
  networks
      ->add_option("networks", user.networks,
                   wrapped("Addresses, or networks like 10.0.0.0/8 and fd00::/8"))
      ->type_name("CIDR");
  networks->add_flag("--clear", user.clear, wrapped("Let it sign in from everywhere"));
  CLI::App* remove =
      command(*top, "remove", "Remove an account with its tokens and locks; what it owned stays",
              Command::user_remove);
  account(remove);
  yes(remove, "Do not ask when it is the last account");
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
  CLI::App* adopt =
      command(*top, "adopt", "Let an account own what nobody owns at a path and below",
              Command::user_adopt);
  account(adopt);
  option(adopt, "path", user.path, "PATH", "Where, as in a URL")->required();

  option(command(*top, "import", "Add the accounts of a file, all or none", Command::user_import),
         "file", user.import_file, "FILE",
         "One JSON object a line, or CSV with a line of names above")
      ->required();

  CLI::App* token_add =
      command(*token, "add", "Add a token and print it, once", Command::token_add);
  account(token_add);
  option(token_add, "--label", user.label, "TEXT", "What the device is called")->required();
  token_add->add_flag("--read-only", user.read_only, wrapped("It may only read"));
  option(token_add, "--path", user.path, "PATH", "It may do nothing elsewhere (default /)");
  option(token_add, "--expires", user.expires, "TIME",
         "When it expires, from now: 30m, 12h, 90d or 2w (default never)");
  CLI::App* token_list =
      command(*token, "list", "Print every token, or those of one account", Command::token_list);
  option(token_list, "name", user.name, "NAME", "The account");
  add_json_flag(*token_list, json);
  CLI::App* shares = app.add_subcommand("share", "Manage links to collections");
  shares->require_subcommand(1);
  CLI::App* share_add = command(
      *shares, "add", "Let everybody who has a new link read a collection", Command::share_add);
  account(share_add);
  option(share_add, "path", user.path, "PATH", "The collection, as in a URL")->required();
  option(share_add, "--label", user.label, "TEXT", "What the link is called");
  option(share_add, "--expires", user.expires, "TIME",
         "When it expires, from now: 30m, 12h, 90d or 2w (default never)");
  share_add->add_flag("--password", user.password, wrapped("Ask for a password that it needs"));
  CLI::App* share_list =
      command(*shares, "list", "Print every link, or those of one account", Command::share_list);
  option(share_list, "name", user.name, "NAME", "The account");
  add_json_flag(*share_list, json);
  option(command(*shares, "remove", "Remove a link", Command::share_remove), "id", user.token, "ID",
         "Of the link, as share list shows it")
      ->required();
  CLI::App* session_list =
      command(*session, "list", "Print every session of a browser, or those of one account",
              Command::session_list);
  option(session_list, "name", user.name, "NAME", "The account");
  add_json_flag(*session_list, json);
  option(command(*session, "end", "End a session: its browser must sign in again",
                 Command::session_end),
         "id", user.token, "ID", "Of the session, as session list shows it")
      ->required();
  option(command(*token, "remove", "Remove a token", Command::token_remove), "id", user.token, "ID",
         "Of the token, as token list shows it")
      ->required();

  CLI::App* groups =
      app.add_subcommand("group", "Manage groups of accounts, also while a server runs");
  groups->require_subcommand(1);
  const auto group = [&](CLI::App* in) {
    option(in, "group", user.group, "GROUP", "The group")->required();
  };
  CLI::App* group_add = command(*groups, "add", "Add a group", Command::group_add);
  group(group_add);
  quotas(group_add, "--quota-bytes", "--quota-resources");
  group(command(*groups, "remove", "Remove a group with its grants; its members stay",
                Command::group_remove));
  add_json_flag(*command(*groups, "list", "Print every group", Command::group_list), json);
  CLI::App* group_show =
      command(*groups, "show", "Print one group, with its members and grants", Command::group_show);
  group(group_show);
  add_json_flag(*group_show, json);
  CLI::App* group_grant =
      command(*groups, "grant", "Let the members of a group read or write at a path and below",
              Command::group_grant);
  group(group_grant);
  option(group_grant, "path", user.path, "PATH", "Where, as in a URL")->required();
  option(group_grant, "right", user.right, "read|write|none", "What they may do there")->required();
  CLI::App* group_revoke =
      command(*groups, "revoke", "Take back what was granted at a path", Command::group_revoke);
  group(group_revoke);
  option(group_revoke, "path", user.path, "PATH", "Where, as in a URL")->required();
  CLI::App* group_quota = command(
      *groups, "quota", "Limit what the members of a group may own together", Command::group_quota);
  group(group_quota);
  quotas(group_quota, "--bytes", "--resources");
  for (const auto& [name, help, id] :
       {std::tuple("join", "Make an account a member of a group", Command::group_join),
        std::tuple("leave", "End an account's membership of a group", Command::group_leave)}) {
    CLI::App* each = command(*groups, name, help, id);
    group(each);
    account(each);
  }
}

// Adds `holdfast trash …`, `holdfast versions …` and `holdfast upload …`.
void add_history_commands(CLI::App& app, UserArguments& user, bool& json, Commands& commands) {
  CLI::App* trash =
      app.add_subcommand("trash", "Look at what was removed, restore it or remove it for good");
  trash->require_subcommand(1);
  CLI::App* versions = app.add_subcommand(
      "versions", "Look at earlier contents of a file, restore them or remove them for good");
  versions->require_subcommand(1);
  const auto command = [&commands](CLI::App& in, const char* name, const char* help, Command id) {
    return commands.emplace_back(in.add_subcommand(name, wrapped(help)), id).first;
  };
  const auto id = [&user](CLI::App* in, const char* help) {
    return in->add_option("id", user.id, wrapped(help))->type_name("ID");
  };
  const auto path = [&user](CLI::App* in) {
    in->add_option("path", user.path, wrapped("The file, as in a URL"))
        ->type_name("PATH")
        ->required();
  };
  const auto all = [&user](CLI::App* in, const char* help) {
    in->add_flag("--all", user.all, wrapped(help));
  };
  CLI::App* list =
      command(*trash, "list", "Print what is in the trash, the oldest first", Command::trash_list);
  list->add_option("--account", user.name, wrapped("Only what this account owns"))
      ->type_name("NAME");
  add_json_flag(*list, json);
  CLI::App* restore = command(*trash, "restore", "Put a tree of the trash back where it was",
                              Command::trash_restore);
  id(restore, "Of the tree, as trash list shows it")->required();
  restore->add_option("--to", user.to, wrapped("Put it at this path instead"))->type_name("PATH");
  restore->add_flag("--yes", user.yes,
                    wrapped("Do not ask when the name is taken, and give it another"));
  CLI::App* purge =
      command(*trash, "purge", "Remove a tree of the trash for good", Command::trash_purge);
  id(purge, "Of the tree, as trash list shows it");
  all(purge, "Everything in the trash");

  CLI::App* list_versions = command(*versions, "list", "Print the versions of a file, newest first",
                                    Command::versions_list);
  path(list_versions);
  add_json_flag(*list_versions, json);
  CLI::App* restore_version =
      command(*versions, "restore", "Store a version of a file again, as its newest content",
              Command::versions_restore);
  path(restore_version);
  id(restore_version, "Of the version, as versions list shows it")->required();
  CLI::App* purge_versions =
      command(*versions, "purge", "Remove a version of a file for good", Command::versions_purge);
  path(purge_versions);
  id(purge_versions, "Of the version, as versions list shows it");
  all(purge_versions, "All versions of the file, but not its content of now");

  CLI::App* uploads =
      app.add_subcommand("upload", "Look at uploads that are not finished, or remove them");
  uploads->require_subcommand(1);
  CLI::App* list_uploads =
      command(*uploads, "list", "Print the uploads that are not finished, the oldest first",
              Command::upload_list);
  list_uploads->add_option("--account", user.name, wrapped("Only those of this account"))
      ->type_name("NAME");
  add_json_flag(*list_uploads, json);
  CLI::App* remove_uploads = command(*uploads, "remove", "Remove an upload; its client begins anew",
                                     Command::upload_remove);
  id(remove_uploads, "Of the upload, as upload list shows it");
  all(remove_uploads, "All uploads that are not finished");
}

// Adds `holdfast history …` and `holdfast snapshot …`.
void add_past_commands(CLI::App& app, UserArguments& user, bool& json, Commands& commands) {
  CLI::App* history =
      app.add_subcommand("history", "Look at the files as they were, and bring that back");
  history->require_subcommand(1);
  CLI::App* snapshot =
      app.add_subcommand("snapshot", "Keep the files as they are now under a name");
  snapshot->require_subcommand(1);
  const auto command = [&commands](CLI::App& in, const char* name, const char* help, Command id) {
    return commands.emplace_back(in.add_subcommand(name, wrapped(help)), id).first;
  };
  const auto path = [&user](CLI::App* in, const char* help) {
    return in->add_option("path", user.path, wrapped(help))->type_name("PATH");
  };
  const auto at = [&user](CLI::App* in) {
    in->add_option("--at", user.at,
                   wrapped("30m, 2h or 7d before now, a time like 2026-11-30T14:00:00Z, or the "
                           "name of a snapshot"))
        ->type_name("TIME")
        ->required();
  };
  const auto name = [&user](CLI::App* in) {
    in->add_option("snapshot", user.snapshot, wrapped("Of the snapshot"))
        ->type_name("NAME")
        ->required();
  };
  add_json_flag(*command(*history, "show", "Print how far back the files can be seen as they were",
                         Command::history_show),
                json);
  CLI::App* list =
      command(*history, "list", "Print what a collection had then", Command::history_list);
  path(list, "The collection or file, by the names of then, as in a URL")->required();
  at(list);
  add_json_flag(*list, json);
  CLI::App* undo = command(*history, "undo", "Bring a collection or file back as it was then",
                           Command::history_undo);
  path(undo, "The collection or file, by the names of then, as in a URL")->required();
  at(undo);
  undo->add_flag("--break-locks", user.break_locks,
                 wrapped("Go on when somebody has a lock there"));
  undo->add_flag("--yes", user.yes,
                 wrapped("Do not ask when some of what was there then is gone for good"));

  CLI::App* add = command(*snapshot, "add", "Keep what is there now", Command::snapshot_add);
  name(add);
  path(add, "Only this collection (default /)");
  add_json_flag(*command(*snapshot, "list", "Print every snapshot", Command::snapshot_list), json);
  name(command(*snapshot, "remove", "Remove a snapshot; what only it held may be given up",
               Command::snapshot_remove));
}

// Turns "help user add" into "user add --help".
std::vector<std::string> with_help_option(std::span<const std::string> arguments) {
  std::vector<std::string> words(arguments.begin(), arguments.end());
  if (!words.empty() && words.front() == "help") {
    words.erase(words.begin());
    words.emplace_back("--help");
  }
  return words;
}

std::string generated(const CLI::App& app, const std::string& what) {
  if (what == "man") return manual_page(app);
  if (what == "bash") return bash_completion(app);
  if (what == "zsh") return zsh_completion(app);
  if (what == "fish") return fish_completion(app);
  throw process::UsageError("What is generated is man, bash, zsh or fish.");
}

constexpr const char* kExamples =
    "Examples:\n"
    "  # on this machine only, without accounts\n"
    "  holdfast serve --data ~/files\n"
    "  # in the house, over TLS, for accounts made with holdfast user add\n"
    "  holdfast serve --data ~/files --listen 0.0.0.0:8443 --tls-self-signed --anonymous off\n"
    "  # behind a proxy on this machine that has the certificate\n"
    "  holdfast serve --public-url https://dav.example.org --trusted-proxies 127.0.0.1 "
    "--anonymous off\n"
    "  # with the settings of a file\n"
    "  holdfast serve --config /etc/holdfast/holdfast.conf\n";

}  // namespace

Invocation parse_command_line(std::span<const std::string> arguments,
                              const process::Environment& environment,
                              std::span<const std::string> variables) {
  Invocation invocation;
  config::Values flags;
  std::string config_file;

  CLI::App app("Holdfast, a WebDAV server (RFC 4918).", "holdfast");
  app.require_subcommand(1);
  app.get_formatter()->column_width(kHelpColumn);
  app.set_version_flag("-V,--version", "holdfast " HOLDFAST_VERSION, "Print the version");

  CLI::App* serve = app.add_subcommand("serve", "Serve a data folder");
  add_settings(*serve, {}, flags, config_file);

  CLI::App* lock = app.add_subcommand("lock", "Look at locks and remove them");
  lock->require_subcommand(1);
  CLI::App* list = lock->add_subcommand("list", "Print every lock");
  CLI::App* remove = lock->add_subcommand("break", "Remove a lock");
  remove->add_option("lock", invocation.lock, "Its token, or the path it is rooted at")
      ->required()
      ->type_name("TOKEN|PATH");
  add_json_flag(*list, invocation.json);
  CLI::App* check = app.add_subcommand(
      "check", "Verify the data folder: exit code 0 when it is sound, 1 when it is not");
  check->add_flag("--hashes", invocation.hashes,
                  wrapped("Also read every content file and compare its SHA-256"));
  check->add_flag("--repair", invocation.repair,
                  wrapped("Set right what can be without guessing; not while a server runs"));
  add_json_flag(*check, invocation.json);
  CLI::App* log =
      app.add_subcommand("log", "Print who changed what: the audit log, with its older files");
  add_log_command(*log, invocation.log, invocation.json);
  CLI::App* backup = app.add_subcommand(
      "backup", "Copy the store into a folder, also while a server runs; again: only what is new");
  CLI::App* restore = app.add_subcommand("restore", "Make a new data folder of a backup");
  for (CLI::App* command : {backup, restore})
    command->add_option("folder", invocation.folder, "The folder of the backup")
        ->required()
        ->type_name("DIR");
  restore->add_option("--path", invocation.path, wrapped("Only what is at this path and below"))
      ->type_name("PATH");
  restore
      ->add_option("--into", invocation.into,
                   wrapped("With --path: write it as plain files into this folder"))
      ->type_name("DIR");
  Commands commands = {
      {serve, Command::serve}, {list, Command::lock_list}, {remove, Command::lock_break},
      {check, Command::check}, {backup, Command::backup},  {restore, Command::restore},
      {log, Command::log}};
  add_user_commands(app, invocation.user, invocation.json, commands);
  add_history_commands(app, invocation.user, invocation.json, commands);
  add_past_commands(app, invocation.user, invocation.json, commands);
  CLI::App* certificate = app.add_subcommand(
      "certificate", "Print the server's certificate without its key, and its fingerprints");
  add_settings(*certificate, {"data", "tls-cert"}, flags, config_file);
  for (const auto& [command, id] : commands) {
    if (id == Command::serve) continue;
    if (id == Command::user_add || id == Command::user_passwd || id == Command::user_import) {
      add_settings(*command, {"data", "allow-network-data", "audit-log", "digest", "password-min"},
                   flags, config_file);
    } else {
      add_settings(*command, {"data", "allow-network-data", "audit-log"}, flags, config_file);
    }
  }
  commands.emplace_back(certificate, Command::certificate);

  CLI::App* config = app.add_subcommand("config", "Look at the settings");
  config->require_subcommand(1);
  CLI::App* config_check =
      config->add_subcommand("check", "Say what is wrong with the settings: exit code 0 or 2");
  CLI::App* config_show =
      config->add_subcommand("show", "Print every setting, with the place it comes from");
  for (CLI::App* command : {config_check, config_show})
    add_settings(*command, {}, flags, config_file);
  add_json_flag(*config_show, invocation.json);
  commands.emplace_back(config_check, Command::config_check);
  commands.emplace_back(config_show, Command::config_show);
  commands.emplace_back(app.add_subcommand("version", "Print the version"), Command::version);
  // with_help_option() has turned it into --help; it is added so that it is listed.
  app.add_subcommand("help", "Print what a command does: holdfast help user add");
  CLI::App* generate = app.add_subcommand("generate")->group("");
  std::string generated_kind;
  generate->add_option("what", generated_kind)->required()->type_name("man|bash|zsh|fish");

  // Subcommands that exist get neither this footer nor this flag.
  app.footer(
      "holdfast COMMAND --help says more. Every option of serve may also stand in the config file\n"
      "(listen = 127.0.0.1:8080) and in the environment (HOLDFAST_LISTEN). A flag beats the\n"
      "environment, which beats the file. Sizes are like 65536, 64KiB, 10MiB or 2GiB; times are\n"
      "like 90 (seconds), 90s, 30m, 12h, 90d or 2w.");
  for (CLI::App* command : {serve, config_check, config_show}) {
    command->set_help_all_flag("--help-all", "Print all options, with every limit");
    hide_most_settings(*command);
  }
  serve->footer(kExamples);

  std::vector<std::string> words = with_help_option(arguments);
  std::reverse(words.begin(), words.end());  // CLI11 takes arguments from the back
  const auto help = [&] {
    if (const std::string text = silent_mistake(app); !text.empty())
      throw process::UsageError(text);
    invocation.text = app.help();
    return invocation;
  };
  try {
    app.parse(std::move(words));
  } catch (const CLI::CallForVersion& version) {
    invocation.text = std::string(version.what()) + "\n";
    return invocation;
  } catch (const CLI::CallForAllHelp&) {
    for (CLI::App* command : {serve, config_check, config_show}) show_all_settings(*command);
    return help();
  } catch (const CLI::CallForHelp&) {
    return help();
  } catch (const CLI::ParseError& error) {
    throw process::UsageError(mistake(app, error));
  }
  if (const std::string text = silent_mistake(app); !text.empty()) throw process::UsageError(text);

  if (generate->parsed()) {
    for (CLI::App* command : {serve, config_check, config_show}) show_all_settings(*command);
    invocation.text = generated(app, generated_kind);
    return invocation;
  }
  for (const auto& [command, id] : commands)
    if (command->parsed()) invocation.command = id;
  if (invocation.command == Command::version) return invocation;

  if (config_file.empty()) config_file = environment("HOLDFAST_CONFIG").value_or("");
  invocation.warnings = config::unknown_variables(variables);
  invocation.examine = [flags, environment, config_file] {
    return config::examine(
        flags, environment,
        config_file.empty() ? config::ConfigFile{} : config::read_config_file(config_file));
  };
  if (invocation.command == Command::config_check || invocation.command == Command::config_show)
    return invocation;
  config::Resolution settings = invocation.examine();
  if (!settings.problems.empty()) throw process::UsageError(settings.problems.front());
  invocation.config = std::move(settings.config);
  return invocation;
}

}  // namespace holdfast::server::cli
