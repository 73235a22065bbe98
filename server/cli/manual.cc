#include "server/cli/manual.h"

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <algorithm>
#include <map>
#include <string_view>
#include <vector>

#include "server/cli/mistake.h"

namespace holdfast::server::cli {
namespace {

using Command = const CLI::App*;
using Option = const CLI::Option*;

std::vector<Command> commands_in(Command command) {
  std::vector<Command> out;
  for (Command sub : command->get_subcommands([](Command) { return true; }))
    if (!sub->get_group().empty()) out.push_back(sub);
  return out;
}

// Returns the command and all commands below it.
std::vector<Command> all_commands(Command command) {
  std::vector<Command> out = {command};
  for (Command sub : commands_in(command))
    for (Command below : all_commands(sub)) out.push_back(below);
  return out;
}

std::vector<Option> options_of(Command command) {
  std::vector<Option> out;
  for (Option option : command->get_options())
    if (option->nonpositional() && !option->get_group().empty()) out.push_back(option);
  return out;
}

std::vector<Option> arguments_of(Command command) {
  std::vector<Option> out;
  for (Option option : command->get_options())
    if (!option->nonpositional()) out.push_back(option);
  return out;
}

std::string flag(Option option) { return "--" + option->get_lnames().front(); }

// Joins the lines of a help text, which is broken for a terminal.
std::string one_line(std::string text) {
  std::replace(text.begin(), text.end(), '\n', ' ');
  return text;
}

std::string replaced(std::string text, std::string_view what, std::string_view with) {
  for (std::size_t at = 0; (at = text.find(what, at)) != std::string::npos; at += with.size())
    text.replace(at, what.size(), with);
  return text;
}

// --- man -------------------------------------------------------------------------------------

std::string roff(std::string text) {
  text = replaced(replaced(one_line(std::move(text)), "\\", "\\e"), "-", "\\-");
  return text.starts_with('.') || text.starts_with('\'') ? "\\&" + text : text;
}

std::string roff_option(Option option) {
  std::string text = ".TP\n\\fB" + roff(flag(option)) + "\\fR";
  if (!option->get_type_name().empty()) text += " \\fI" + roff(option->get_type_name()) + "\\fR";
  return text + "\n" + roff(option->get_description()) + "\n";
}

// Returns true when the option is described in the page's section of settings.
bool is_setting(Option option, const std::vector<Option>& settings) {
  return std::any_of(settings.begin(), settings.end(),
                     [&](Option setting) { return flag(setting) == flag(option); });
}

std::string roff_command(Command command, const std::vector<Option>& settings) {
  std::string text = ".SS " + roff(full_name(*command));
  for (Option argument : arguments_of(command))
    text += argument->get_required() ? " " + roff(argument->get_type_name())
                                     : " [" + roff(argument->get_type_name()) + "]";
  text += "\n" + roff(command->get_description()) + ".\n";
  for (Option argument : arguments_of(command))
    text += ".TP\n\\fI" + roff(argument->get_type_name()) + "\\fR\n" +
            roff(argument->get_description()) + "\n";
  std::string also;
  for (Option option : options_of(command)) {
    if (option == command->get_help_ptr()) continue;
    if (!is_setting(option, settings)) {
      text += roff_option(option);
    } else if (options_of(command).size() < settings.size()) {
      also += (also.empty() ? "" : ", ") + std::string("\\fB") + roff(flag(option)) + "\\fR";
    }
  }
  if (!also.empty()) return text + ".P\nTakes also these settings: " + also + ".\n";
  return text + (options_of(command).size() >= settings.size() ? ".P\nTakes every setting.\n" : "");
}

// --- The shells ------------------------------------------------------------------------------

// What a shell completes behind an option.
enum class Offer { nothing, folders, files, words };

Offer offer_of(const std::string& type) {
  if (type == "DIR") return Offer::folders;
  if (type == "FILE") return Offer::files;
  return type.find('|') != std::string::npos ? Offer::words : Offer::nothing;
}

std::string words_of(const std::string& type) { return replaced(type, "|", " "); }

// Quotes text for a shell.
std::string shell_quoted(const std::string& text) {
  return "'" + replaced(text, "'", "'\\''") + "'";
}
std::string fish_quoted(const std::string& text) {
  return "'" + replaced(replaced(text, "\\", "\\\\"), "'", "\\'") + "'";
}

// Returns the options with values of this type, as a pattern of the shell's case; empty when there
// is none. An option means the same in every command.
std::string options_with(const CLI::App& app, const std::string& type) {
  std::vector<std::string> names;
  for (Command command : all_commands(&app))
    for (Option option : options_of(command))
      if (option->get_type_name() == type &&
          std::find(names.begin(), names.end(), flag(option)) == names.end())
        names.push_back(flag(option));
  return CLI::detail::join(names, "|");
}

// Returns all types of values that a shell can complete.
std::vector<std::string> offered_types(const CLI::App& app) {
  std::vector<std::string> types;
  for (Command command : all_commands(&app))
    for (Option option : options_of(command))
      if (const std::string type = option->get_type_name();
          offer_of(type) != Offer::nothing &&
          std::find(types.begin(), types.end(), type) == types.end())
        types.push_back(type);
  return types;
}

// Returns the full names of all commands but the program itself, as a pattern of the shell's case.
std::string command_pattern(const CLI::App& app) {
  std::string pattern;
  for (Command command : all_commands(&app))
    if (command != &app)
      pattern += (pattern.empty() ? "" : "|") + shell_quoted(full_name(*command));
  return pattern;
}

}  // namespace

std::string manual_page(const CLI::App& app) {
  std::vector<Option> settings;
  std::string headings;
  const Command serve = app.get_subcommand("serve");
  for (const std::string& group : serve->get_groups()) {
    std::string text;
    for (Option option : options_of(serve))
      if (option->get_group() == group && option != serve->get_help_ptr() &&
          option != serve->get_help_all_ptr()) {
        settings.push_back(option);
        text += roff_option(option);
      }
    if (!text.empty()) headings += ".SS " + roff(group) + "\n" + text;
  }
  std::string page =
      ".\\\" Written by holdfast generate man, from the definition of its options.\n"
      ".TH HOLDFAST 1 \"\" \"holdfast " HOLDFAST_VERSION
      "\" \"Holdfast\"\n"
      ".SH NAME\nholdfast \\- a WebDAV server\n"
      ".SH SYNOPSIS\n.B holdfast\n.I COMMAND\n[\\fIOPTIONS\\fR]\n"
      ".SH DESCRIPTION\n" +
      roff(app.get_description()) + "\n.SH COMMANDS\n";
  for (Command command : all_commands(&app))
    if (commands_in(command).empty()) page += roff_command(command, settings);
  page += ".SH SETTINGS\n";
  page += roff(
              "A setting is an option of serve, a line \"name = value\" of the config file, or an "
              "environment variable: --lock-timeout-max is lock-timeout-max in the file and "
              "HOLDFAST_LOCK_TIMEOUT_MAX in the environment. An option wins over a variable, which "
              "wins over the file.") +
          "\n" + headings;
  page +=
      ".SH EXIT STATUS\n.TP\n0\nIt is done.\n.TP\n1\nIt failed while it ran.\n.TP\n2\nWhat was "
      "asked for is impossible.\n";
  page += ".SH EXAMPLES\n.nf\n" + replaced(replaced(serve->get_footer(), "\\", "\\e"), "-", "\\-") +
          "\n.fi\n";
  return page;
}

std::string bash_completion(const CLI::App& app) {
  std::string text =
      "# bash completion for holdfast, written by holdfast generate bash.\n"
      "_holdfast() {\n"
      "  local current=${COMP_WORDS[COMP_CWORD]} at=holdfast words= i\n"
      "  for ((i = 1; i < COMP_CWORD; i++)); do\n"
      "    case \"$at ${COMP_WORDS[i]}\" in\n"
      "      " +
      command_pattern(app) +
      ") at=\"$at ${COMP_WORDS[i]}\" ;;\n"
      "    esac\n"
      "  done\n"
      "  COMPREPLY=()\n"
      "  case ${COMP_WORDS[COMP_CWORD-1]} in\n";
  for (const std::string& type : offered_types(app)) {
    const Offer offer = offer_of(type);
    const std::string how = offer == Offer::folders ? "-d"
                            : offer == Offer::files ? "-f"
                                                    : "-W " + shell_quoted(words_of(type));
    text += "    " + options_with(app, type) + ") mapfile -t COMPREPLY < <(compgen " + how +
            " -- \"$current\"); return ;;\n";
  }
  text += "  esac\n  case $at in\n";
  for (Command command : all_commands(&app)) {
    std::vector<std::string> words;
    for (Command sub : commands_in(command)) words.push_back(sub->get_name());
    for (Option option : options_of(command)) words.push_back(flag(option));
    text += "    " + shell_quoted(full_name(*command)) +
            ") words=" + shell_quoted(CLI::detail::join(words, " ")) + " ;;\n";
  }
  return text +
         "  esac\n"
         "  mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$current\")\n"
         "}\n"
         "complete -o filenames -o bashdefault -F _holdfast holdfast\n";
}

std::string zsh_completion(const CLI::App& app) {
  const auto entry = [](const std::string& word, const std::string& help) {
    return " " + shell_quoted(replaced(word, ":", "\\:") + ":" + one_line(help));
  };
  std::string text =
      "#compdef holdfast\n"
      "# zsh completion for holdfast, written by holdfast generate zsh.\n"
      "local at=holdfast i\n"
      "local -a found\n"
      "for ((i = 2; i < CURRENT; i++)); do\n"
      "  case \"$at $words[i]\" in\n"
      "    (" +
      command_pattern(app) +
      ") at=\"$at $words[i]\" ;;\n"
      "  esac\n"
      "done\n"
      "case $words[CURRENT-1] in\n";
  for (const std::string& type : offered_types(app)) {
    const Offer offer = offer_of(type);
    text += "  (" + options_with(app, type) + ") " +
            (offer == Offer::folders ? "_files -/"
             : offer == Offer::files ? "_files"
                                     : "compadd -- " + words_of(type)) +
            "; return ;;\n";
  }
  text += "esac\ncase $at in\n";
  for (Command command : all_commands(&app)) {
    text += "  (" + shell_quoted(full_name(*command)) + ") found=(";
    for (Command sub : commands_in(command)) text += entry(sub->get_name(), sub->get_description());
    for (Option option : options_of(command))
      text += entry(flag(option), option->get_description());
    text += " ) ;;\n";
  }
  return text + "esac\n_describe holdfast found || _files\n";
}

std::string fish_completion(const CLI::App& app) {
  std::string text =
      "# fish completion for holdfast, written by holdfast generate fish.\n"
      "function __holdfast_at\n"
      "    set -l at holdfast\n"
      "    for word in (commandline -opc)[2..-1]\n"
      "        switch \"$at $word\"\n"
      "            case";
  for (Command command : all_commands(&app))
    if (command != &app) text += " " + fish_quoted(full_name(*command));
  text +=
      "\n"
      "                set at \"$at $word\"\n"
      "        end\n"
      "    end\n"
      "    test \"$at\" = \"$argv\"\n"
      "end\n";
  for (Command command : all_commands(&app)) {
    const std::string here =
        "complete -c holdfast -n " + fish_quoted("__holdfast_at " + full_name(*command));
    for (Command sub : commands_in(command))
      text += here + " -f -a " + sub->get_name() + " -d " +
              fish_quoted(one_line(sub->get_description())) + "\n";
    for (Option option : options_of(command)) {
      text += here + " -l " + option->get_lnames().front();
      const std::string type = option->get_type_name();
      if (offer_of(type) == Offer::folders) {
        text += " -x -a '(__fish_complete_directories)'";
      } else if (offer_of(type) == Offer::files) {
        text += " -r -F";
      } else if (offer_of(type) == Offer::words) {
        text += " -x -a " + fish_quoted(words_of(type));
      } else if (!type.empty()) {
        text += " -x";
      }
      text += " -d " + fish_quoted(one_line(option->get_description())) + "\n";
    }
  }
  return text;
}

}  // namespace holdfast::server::cli
