#include "server/commands/command_line.h"

#include <fstream>
#include <gtest/gtest.h>
#include <string>
#include <vector>

#include "tests/support/temporary_folder.h"

namespace holdfast::server {
namespace {

Invocation parse(const std::vector<std::string>& arguments, const Values& variables = {}) {
  return parse_command_line(arguments,
                            [&variables](const std::string& name) -> std::optional<std::string> {
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
  };
  for (const auto& arguments : bad) {
    std::string all;
    for (const std::string& argument : arguments) all += argument + " ";
    SCOPED_TRACE(all);
    try {
      static_cast<void>(parse(arguments));
      ADD_FAILURE() << "accepted";
    } catch (const UsageError& error) {
      const std::string sentence = error.what();
      EXPECT_TRUE(sentence.ends_with('.')) << sentence;
      EXPECT_EQ(sentence.find('\n'), std::string::npos) << sentence;
    }
  }
}

TEST(CommandLine, NamesEveryCommand) {
  EXPECT_EQ(parse({"serve"}).command, Command::serve);
  EXPECT_EQ(parse({"lock", "list"}).command, Command::lock_list);
  EXPECT_EQ(parse({"lock", "break", "/a"}).command, Command::lock_break);
  EXPECT_EQ(parse({"check"}).command, Command::check);
  EXPECT_EQ(parse({"version"}).command, Command::version);
  EXPECT_EQ(parse({"lock", "break", "--data", "/d", "urn:uuid:1"}).lock, "urn:uuid:1");
  EXPECT_FALSE(parse({"check"}).repair);
  EXPECT_TRUE(parse({"check", "--repair"}).repair);
}

TEST(CommandLine, TakesEveryOptionOfServe) {
  for (const Option& option : options()) {
    const std::string value = option.get(Config{});
    if (value.empty()) continue;
    EXPECT_EQ(parse({"serve", "--" + option.name, value}).command, Command::serve) << option.name;
    EXPECT_EQ(parse({"serve", "--" + option.name + "=" + value}).command, Command::serve);
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
  const std::string help = parse({"serve", "--help"}).text;
  for (const Option& option : options()) {
    EXPECT_NE(help.find("--" + option.name + " " + option.unit), std::string::npos) << option.name;
    // The default may be broken over two lines.
    const std::string value = option.get(Config{});
    EXPECT_NE(help.find(value), std::string::npos) << option.name << " " << value;
  }
  EXPECT_NE(help.find("--config FILE"), std::string::npos);
  EXPECT_NE(parse({"--help"}).text.find("serve"), std::string::npos);
  EXPECT_NE(parse({"lock", "--help"}).text.find("break"), std::string::npos);
}

}  // namespace
}  // namespace holdfast::server
