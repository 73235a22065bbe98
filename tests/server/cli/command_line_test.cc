#include "server/cli/command_line.h"

#include <algorithm>
#include <fstream>
#include <gtest/gtest.h>
#include <regex>
#include <sstream>
#include <string>
#include <vector>

#include "tests/support/build_paths.h"
#include "tests/support/temporary_folder.h"

namespace holdfast::server {
namespace {

cli::Invocation parse(const std::vector<std::string>& arguments,
                      const config::Values& variables = {}) {
  return cli::parse_command_line(
      arguments, [&variables](const std::string& name) -> std::optional<std::string> {
        const auto found = variables.find(name);
        if (found == variables.end()) return std::nullopt;
        return found->second;
      });
}

TEST(CommandLine, RefusesWhatItDoesNotKnowWithOneSentence) {
  const std::vector<std::vector<std::string>> bad = {
      {},
      {"sever"},
      {"--listen", "127.0.0.1:1"},
      {"serve", "--lissten", "127.0.0.1:1"},
      {"serve", "--listen"},
      {"serve", "--listen", "x"},
      {"serve", "--listen", "127.0.0.1:1", "--listen", "127.0.0.1:2"},
      {"serve", "stray"},
      {"serve", "--config", "/nowhere/holdfast.conf"},
      {"serve", "serve"},
      {"serve", "--repair"},
      {"lock"},
      {"lock", "steal"},
      {"lock", "break"},
      {"lock", "break", "/a", "/b"},
      {"lock", "list", "/a"},
      {"lock", "list", "--listen", "127.0.0.1:1"},
      {"check", "--repair", "--durability", "full"},
      {"version", "extra"},
      {"user"},
      {"user", "fly"},
      {"user", "add"},
      {"user", "add", "ann", "ben"},
      {"user", "add", "ann", "--home"},
      {"user", "add", "ann", "--home", "/a", "--home", "/b"},
      {"user", "add", "ann", "--password", "secret"},
      {"user", "add", "ann", "--listen", "127.0.0.1:1"},
      {"user", "add", "ann", "--digest", "perhaps"},
      {"user", "passwd"},
      {"user", "passwd", "ann", "secret"},
      {"user", "list", "ann"},
      {"user", "remove"},
      {"user", "remove", "ann", "ben"},
      {"user", "grant", "ann"},
      {"user", "grant", "ann", "/x"},
      {"user", "grant", "ann", "/x", "read", "write"},
      {"user", "revoke", "ann"},
      {"user", "revoke", "ann", "/x", "read"},
      {"user", "quota"},
      {"user", "quota", "ann", "5"},
      {"user", "certificate"},
      {"user", "token"},
      {"user", "token", "fly"},
      {"user", "token", "add", "ann"},
      {"user", "token", "add", "--label", "phone"},
      {"user", "token", "add", "ann", "--label"},
      {"user", "token", "list", "ann", "ben"},
      {"user", "token", "remove"},
      {"user", "token", "remove", "a", "b"},
  };
  for (const auto& arguments : bad) {
    std::string all;
    for (const std::string& argument : arguments) all += argument + " ";
    SCOPED_TRACE(all);
    try {
      static_cast<void>(parse(arguments));
      ADD_FAILURE() << "accepted";
    } catch (const process::UsageError& error) {
      const std::string sentence = error.what();
      EXPECT_TRUE(sentence.ends_with('.')) << sentence;
      EXPECT_EQ(sentence.find('\n'), std::string::npos) << sentence;
    }
  }
}

TEST(CommandLine, NamesEveryCommand) {
  EXPECT_EQ(parse({"serve"}).command, cli::Command::serve);
  EXPECT_EQ(parse({"lock", "list"}).command, cli::Command::lock_list);
  EXPECT_EQ(parse({"lock", "break", "/a"}).command, cli::Command::lock_break);
  EXPECT_EQ(parse({"check"}).command, cli::Command::check);
  EXPECT_EQ(parse({"version"}).command, cli::Command::version);
  EXPECT_EQ(parse({"user", "add", "ann"}).command, cli::Command::user_add);
  EXPECT_EQ(parse({"user", "passwd", "ann"}).command, cli::Command::user_passwd);
  EXPECT_EQ(parse({"user", "list"}).command, cli::Command::user_list);
  EXPECT_EQ(parse({"user", "remove", "ann"}).command, cli::Command::user_remove);
  EXPECT_EQ(parse({"user", "grant", "ann", "/x", "read"}).command, cli::Command::user_grant);
  EXPECT_EQ(parse({"user", "revoke", "ann", "/x"}).command, cli::Command::user_revoke);
  EXPECT_EQ(parse({"user", "quota", "ann"}).command, cli::Command::user_quota);
  EXPECT_EQ(parse({"user", "certificate", "ann", "f"}).command, cli::Command::user_certificate);
  EXPECT_EQ(parse({"user", "token", "add", "ann", "--label", "l"}).command,
            cli::Command::token_add);
  EXPECT_EQ(parse({"user", "show", "ann"}).command, cli::Command::user_show);
  EXPECT_EQ(parse({"user", "rename", "ann", "zoe"}).command, cli::Command::user_rename);
  EXPECT_EQ(parse({"user", "suspend", "ann"}).command, cli::Command::user_suspend);
  EXPECT_EQ(parse({"user", "resume", "ann"}).command, cli::Command::user_resume);
  EXPECT_EQ(parse({"user", "networks", "ann", "::1"}).command, cli::Command::user_networks);
  EXPECT_EQ(parse({"user", "import", "f"}).command, cli::Command::user_import);
  EXPECT_EQ(parse({"group", "add", "g"}).command, cli::Command::group_add);
  EXPECT_EQ(parse({"group", "remove", "g"}).command, cli::Command::group_remove);
  EXPECT_EQ(parse({"group", "list"}).command, cli::Command::group_list);
  EXPECT_EQ(parse({"group", "show", "g"}).command, cli::Command::group_show);
  EXPECT_EQ(parse({"group", "grant", "g", "/x", "read"}).command, cli::Command::group_grant);
  EXPECT_EQ(parse({"group", "revoke", "g", "/x"}).command, cli::Command::group_revoke);
  EXPECT_EQ(parse({"group", "quota", "g"}).command, cli::Command::group_quota);
  EXPECT_EQ(parse({"group", "join", "g", "ann"}).command, cli::Command::group_join);
  EXPECT_EQ(parse({"group", "leave", "g", "ann"}).command, cli::Command::group_leave);
  EXPECT_EQ(parse({"log", "--since", "2h"}).command, cli::Command::log);
  EXPECT_TRUE(parse({"user", "list", "--json"}).json);
  EXPECT_EQ(parse({"user", "token", "list"}).command, cli::Command::token_list);
  EXPECT_EQ(parse({"user", "token", "remove", "x"}).command, cli::Command::token_remove);
  EXPECT_EQ(parse({"backup", "d"}).command, cli::Command::backup);
  EXPECT_EQ(parse({"restore", "d"}).command, cli::Command::restore);
  EXPECT_EQ(parse({"lock", "break", "--data", "/d", "urn:uuid:1"}).lock, "urn:uuid:1");
  EXPECT_FALSE(parse({"check"}).repair);
  EXPECT_TRUE(parse({"check", "--repair"}).repair);
}

TEST(CommandLine, TakesEveryOptionOfServe) {
  for (const config::Option& option : config::options()) {
    const std::string value = option.get(config::Config{});
    if (value.empty()) continue;
    EXPECT_EQ(parse({"serve", "--" + option.name, value}).command, cli::Command::serve)
        << option.name;
    EXPECT_EQ(parse({"serve", "--" + option.name + "=" + value}).command, cli::Command::serve);
  }
}

TEST(CommandLine, TakesTheConfigFileAfterTheCommand) {
  const test::TemporaryFolder folder;
  const std::string path = folder / "holdfast.conf";
  std::ofstream(path) << "data = /from/file\nlisten = 127.0.0.1:1\n";
  for (const auto& arguments :
       std::vector<std::vector<std::string>>{{"serve", "--config", path},
                                             {"lock", "list", "--config", path},
                                             {"lock", "break", "/x", "--config=" + path},
                                             {"check", "--config", path}}) {
    EXPECT_EQ(parse(arguments).config.data, "/from/file");
    auto with_flag = arguments;
    with_flag.insert(with_flag.end(), {"--data", "/from/flag"});
    EXPECT_EQ(parse(with_flag).config.data, "/from/flag");
  }
  EXPECT_EQ(parse({"check"}, {{"HOLDFAST_CONFIG", path}}).config.data, "/from/file");
  EXPECT_EQ(
      parse({"check"}, {{"HOLDFAST_CONFIG", path}, {"HOLDFAST_DATA", "/from/env"}}).config.data,
      "/from/env");
}

TEST(CommandLine, HelpNamesEveryOptionWithUnitAndDefault) {
  const std::string help = parse({"serve", "--help-all"}).text;
  for (const config::Option& option : config::options()) {
    EXPECT_NE(help.find("--" + option.name + " " + option.unit), std::string::npos) << option.name;
    // The default may be broken over two lines.
    const std::string value = option.get(config::Config{});
    EXPECT_NE(help.find(value), std::string::npos) << option.name << " " << value;
  }
  EXPECT_NE(help.find("--config FILE"), std::string::npos);
  EXPECT_NE(parse({"--help"}).text.find("serve"), std::string::npos);
  EXPECT_NE(parse({"lock", "--help"}).text.find("break"), std::string::npos);
}

// The commands below `command`, as its help lists them.
std::vector<std::string> commands_in(const std::string& help) {
  std::vector<std::string> names;
  std::istringstream lines(help.substr(std::min(help.find("\nSubcommands:\n"), help.size())));
  for (std::string line; std::getline(lines, line);)
    if (line.size() > 2 && line.starts_with("  ") && line[2] != ' ')
      names.push_back(line.substr(2, line.find(' ', 2) - 2));
  return names;
}

// `text` has `word`, and not only as the beginning of a longer one.
bool has_word(const std::string& text, const std::string& word) {
  for (std::size_t at = text.find(word); at != std::string::npos; at = text.find(word, at + 1)) {
    const char next = text[std::min(at + word.size(), text.size() - 1)];
    if (next != '-' && (next < 'a' || next > 'z')) return true;
  }
  return false;
}

// Looks for the command, its options and all commands below it in the manual.
int expect_in_manual(const std::vector<std::string>& command, const std::string& manual) {
  std::vector<std::string> asked = command;
  asked.emplace_back(command == std::vector<std::string>{"serve"} ? "--help-all" : "--help");
  const std::string help = parse(asked).text;
  static const std::regex kOption("\n  (--[a-z0-9-]+)");
  for (std::sregex_iterator it(help.begin(), help.end(), kOption), end; it != end; ++it) {
    const std::string option = it->str(1);
    EXPECT_TRUE(has_word(manual, option) ||
                manual.find("| `" + option.substr(2) + "` |") != std::string::npos)
        << option << " of" << testing::PrintToString(command);
  }
  std::vector<std::string> below = commands_in(help);
  std::erase(below, "help");  // it prints what --help of the others does
  if (below.empty()) {
    std::string all = "holdfast";
    for (const std::string& word : command) all += " " + word;
    EXPECT_TRUE(has_word(manual, all)) << all;
    return 1;
  }
  int count = 0;
  for (const std::string& name : below) {
    std::vector<std::string> next = command;
    next.push_back(name);
    count += expect_in_manual(next, manual);
  }
  return count;
}

TEST(CommandLine, TheManualNamesEveryCommandAndOption) {
  std::ostringstream manual;
  manual << std::ifstream(test::source_folder() / "docs/operations.md").rdbuf();
  EXPECT_EQ(expect_in_manual({}, manual.str()), 57);
}

}  // namespace
}  // namespace holdfast::server
