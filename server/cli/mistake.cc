#include "server/cli/mistake.h"

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <algorithm>
#include <utility>
#include <vector>

#include "server/config/nearest.h"

namespace holdfast::server::cli {
namespace {

constexpr std::size_t kShownBytes = 80;

// A word that users of other programs type, and what to use here instead.
struct Habit {
  std::string_view word;
  std::string_view ours;  // begins with the option or the command; the rest is text for the user
};

constexpr Habit kOptions[] = {
    {"--port", "--listen ADDR:PORT sets the address and the port"},
    {"-p", "--listen ADDR:PORT sets the address and the port"},
    {"--host", "--listen ADDR:PORT sets the address and the port"},
    {"--bind", "--listen ADDR:PORT sets the address and the port"},
    {"--address", "--listen ADDR:PORT sets the address and the port"},
    {"--dir", "--data DIR names the data folder"},
    {"--directory", "--data DIR names the data folder"},
    {"--folder", "--data DIR names the data folder"},
    {"--root", "--data DIR names the data folder"},
    {"-d", "--data DIR names the data folder"},
    {"-c", "--config FILE names the config file"},
    {"--cert", "--tls-cert FILE names the certificate"},
    {"--ssl-cert", "--tls-cert FILE names the certificate"},
    {"--key", "--tls-key FILE names the key of the certificate"},
    {"--ssl-key", "--tls-key FILE names the key of the certificate"},
    {"--tls", "--tls-cert and --tls-key switch TLS on, or --tls-self-signed"},
    {"--ssl", "--tls-cert and --tls-key switch TLS on, or --tls-self-signed"},
    {"--https", "--tls-cert and --tls-key switch TLS on, or --tls-self-signed"},
    {"--log", "--access-log FILE names the log"},
    {"--base-url", "--prefix PATH is the path of the URL, --public-url URL the whole of it"},
    {"--password", "a password is asked for, or read from standard input"},
    {"--user", "holdfast user add NAME makes an account"},
    {"-v", "holdfast --version prints the version"},
};

constexpr Habit kCommands[] = {
    {"start", "serve"},
    {"run", "serve"},
    {"daemon", "serve"},
    {"fsck", "check"},
    {"verify", "check"},
    {"repair", "check --repair"},
    {"unlock", "lock break"},
    {"locks", "lock list"},
    {"adduser", "user add"},
    {"useradd", "user add"},
    {"password", "user passwd"},
    {"accounts", "user list"},
    {"ls", "list"},
    {"rm", "remove"},
    {"delete", "remove"},
    {"create", "add"},
    {"new", "add"},
    {"settings", "config show"},
    {"cert", "certificate"},
};

using Command = const CLI::App*;

bool is_option(std::string_view word) { return word.size() > 1 && word.front() == '-'; }

std::string word_in_quotes(const std::string& word) {
  return '"' + (word.size() <= kShownBytes ? word : word.substr(0, kShownBytes) + "...") + '"';
}

std::string see_help(Command command) { return "; see " + full_name(*command) + " --help."; }

std::vector<Command> shown_commands_in(Command command) {
  std::vector<Command> out;
  for (Command sub : command->get_subcommands([](Command) { return true; }))
    if (!sub->get_group().empty()) out.push_back(sub);
  return out;
}

std::vector<std::string> command_names(Command command) {
  std::vector<std::string> names;
  for (Command sub : shown_commands_in(command)) names.push_back(sub->get_name());
  return names;
}

std::vector<std::string> option_names(Command command) {
  std::vector<std::string> names;
  for (const CLI::Option* option : command->get_options())
    if (option->nonpositional()) names.push_back("--" + option->get_lnames().front());
  return names;
}

bool has_option(Command command, std::string_view name) {
  const std::vector<std::string> names = option_names(command);
  return std::find(names.begin(), names.end(), name) != names.end();
}

// Returns "--listen ADDR:PORT" or, for an argument, "ADDR:PORT".
std::string shown(const CLI::Option& option) {
  if (!option.nonpositional()) return option.get_type_name();
  return "--" + option.get_lnames().front() + " " + option.get_type_name();
}

// Returns the full names of all commands below that satisfy the condition.
template <typename Condition>
std::vector<std::string> full_names(Command command, Condition condition) {
  std::vector<std::string> names;
  for (Command sub : shown_commands_in(command)) {
    if (condition(sub)) names.push_back(full_name(*sub));
    for (std::string& name : full_names(sub, condition)) names.push_back(std::move(name));
  }
  return names;
}

Command top_of(Command command) {
  while (command->get_parent() != nullptr) command = command->get_parent();
  return command;
}

// Returns the command that the words name, as far as they name one.
Command meant(const CLI::App& app) {
  Command at = &app;
  while (!at->get_subcommands().empty()) at = at->get_subcommands().front();
  return at;
}

std::string unknown_option(Command command, const std::string& word) {
  const std::string name = word.substr(0, word.find('='));
  std::string text = full_name(*command) + " has no option " + name;
  for (const auto& [habit, ours] : kOptions) {
    const std::string_view first = ours.substr(0, ours.find(' '));
    // Options before the command are meant for serve.
    const bool at_top = command->get_parent() == nullptr;
    const Command owner = at_top ? command->get_subcommand("serve") : command;
    if (habit != name || (is_option(first) && !has_option(owner, first))) continue;
    return text + "; " + (at_top && is_option(first) ? full_name(*owner) + " " : "") +
           std::string(ours) + ".";
  }
  const Command top = top_of(command);
  const auto has_it = [&](Command other) { return has_option(other, name); };
  std::vector<std::string> owners = full_names(top, has_it);
  if (has_it(top)) owners.insert(owners.begin(), full_name(*top));
  if (owners.empty()) {
    const std::string near = config::nearest_text(name, option_names(command));
    return text + (near.empty() ? see_help(command) : near + ".");
  }
  constexpr std::size_t kMost = 3;
  const bool many = owners.size() > 1;
  if (owners.size() > kMost) {
    owners.resize(kMost);
    owners.emplace_back("others");
  }
  return text + "; " + config::listed(owners) + (many ? " have it." : " has it.");
}

std::string unknown_command(Command command, const std::string& word) {
  std::string text = word_in_quotes(word) + " is no command of " + full_name(*command);
  for (const auto& [habit, ours] : kCommands) {
    const std::vector<std::string> names = command_names(command);
    if (habit == word &&
        std::find(names.begin(), names.end(), ours.substr(0, ours.find(' '))) != names.end())
      return text + "; " + full_name(*command) + " " + std::string(ours) + " may be meant.";
  }
  const std::string near = config::nearest_text(word, command_names(command));
  if (!near.empty()) return text + near + ".";
  const std::vector<std::string> elsewhere =
      full_names(top_of(command), [&](Command other) { return other->get_name() == word; });
  if (!elsewhere.empty()) return text + "; " + config::listed(elsewhere, " or ") + " may be meant.";
  return text + "; its commands are " + config::listed(command_names(command)) + ".";
}

std::string stray_word(Command command, const std::string& word) {
  // The word may be a password, so it is not shown.
  if (has_option(command, "--no-password"))
    return full_name(*command) +
           " takes NAME only; a password is asked for, or read from standard input.";
  std::vector<std::string> taken;
  for (const CLI::Option* option : command->get_options())
    if (!option->nonpositional()) taken.push_back(shown(*option));
  if (taken.empty())
    return full_name(*command) + " takes no argument, and " + word_in_quotes(word) + " is one" +
           see_help(command);
  return full_name(*command) + " takes " + config::listed(taken) + ", and " + word_in_quotes(word) +
         " is one too many.";
}

// Returns the first word that was left over at a command on the way; empty when all were taken.
std::string left_over(const CLI::App& app) {
  const Command last = meant(app);
  for (Command at = &app;; at = at->get_subcommands().front()) {
    if (const std::vector<std::string> words = at->remaining(); !words.empty()) {
      const std::string& word = words.front();
      if (is_option(word) && word != "--") return unknown_option(at, word);
      return shown_commands_in(last).empty() ? stray_word(last, word) : unknown_command(last, word);
    }
    if (at == last) return {};
  }
}

// Finds an option that took the next option as its value, as in "--listen --data x".
std::string swallowed(Command command) {
  for (const CLI::Option* option : command->get_options()) {
    if (!option->nonpositional() || option->get_type_name().empty()) continue;
    for (const std::string& value : option->results())
      if (has_option(command, value))
        return "--" + option->get_lnames().front() + " needs a value, " + option->get_type_name() +
               ", and " + value + " is the next option.";
  }
  return {};
}

std::string missing(Command command) {
  if (!shown_commands_in(command).empty())
    return full_name(*command) +
           " needs a command: " + config::listed(command_names(command), " or ") +
           see_help(command);
  std::vector<std::string> needed;
  for (const CLI::Option* option : command->get_options())
    if (option->get_required() && option->count() == 0) needed.push_back(shown(*option));
  return full_name(*command) + " needs " + config::listed(needed) + see_help(command);
}

// Returns the option with which CLI11's sentence begins.
const CLI::Option* named_option(Command command, const std::string& sentence) {
  for (const CLI::Option* option : command->get_options())
    if (sentence.starts_with(option->get_name() + ":")) return option;
  return nullptr;
}

}  // namespace

std::string full_name(const CLI::App& command) {
  if (command.get_parent() == nullptr) return command.get_name();
  return full_name(*command.get_parent()) + " " + command.get_name();
}

std::string silent_mistake(const CLI::App& app) {
  const Command last = meant(app);
  if (std::string text = swallowed(last); !text.empty()) return text;
  if (shown_commands_in(last).empty() || last->remaining().empty()) return {};
  const std::string word = last->remaining().front();
  return is_option(word) ? std::string() : unknown_command(last, word);
}

std::string mistake(const CLI::App& app, const CLI::Error& error) {
  const Command last = meant(app);
  const std::string sentence = error.what();
  if (dynamic_cast<const CLI::ArgumentMismatch*>(&error) != nullptr)
    if (const CLI::Option* option = named_option(last, sentence)) {
      const std::string name = "--" + option->get_lnames().front();
      if (option->results().size() > 1) return name + " stands there more than once.";
      return name + " needs a value: " + option->get_type_name() + ".";
    }
  if (dynamic_cast<const CLI::ConversionError*>(&error) != nullptr)
    for (const CLI::Option* option : last->get_options())
      if (option->count() != 0 && option->get_items_expected_max() == 0)
        return "--" + option->get_lnames().front() + " takes no value.";
  if (std::string text = swallowed(last); !text.empty()) return text;
  if (std::string text = left_over(app); !text.empty()) return text;
  if (dynamic_cast<const CLI::RequiredError*>(&error) != nullptr) return missing(last);
  return sentence + see_help(last);
}

}  // namespace holdfast::server::cli
