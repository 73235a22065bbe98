// Every requirement of docs/clients.md#what-clients-need has a row, and every test in it exists.
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <regex>
#include <set>
#include <sstream>
#include <string>

#include "tests/layering/read_file.h"
#include "tests/support/build_paths.h"

namespace holdfast::test {
namespace {

// "Suite.Name" and "Suite" of every test in the source.
std::set<std::string> tests_there_are() {
  std::set<std::string> names;
  static const std::regex kTest(R"(\nTEST(_F|_P)?\(\s*(\w+),\s*(\w+)\))");
  for (const auto& entry :
       std::filesystem::recursive_directory_iterator(source_folder() / "tests")) {
    if (!entry.path().string().ends_with("_test.cc")) continue;
    const std::string text = read_file(entry.path());
    for (auto at = std::sregex_iterator(text.begin(), text.end(), kTest);
         at != std::sregex_iterator(); ++at) {
      names.insert((*at)[2]);
      names.insert((*at)[2].str() + "." + (*at)[3].str());
    }
  }
  return names;
}

TEST(Requirements, EachIsHeldByTestsThatExist) {
  const std::set<std::string> names = tests_there_are();
  const std::string manual = read_file(source_folder() / "docs/clients.md");
  const std::size_t begin = manual.find("<!-- requirements:");
  ASSERT_NE(begin, std::string::npos);
  std::istringstream table(manual.substr(begin, manual.find("<!-- end -->", begin) - begin));
  static const std::regex kRow(R"(\| R(\d+) \| (.+) \| (.*) \|)");
  static const std::regex kName("`([A-Za-z0-9]+(\\.[A-Za-z0-9]+)?)`");
  int expected = 1;
  for (std::string line; std::getline(table, line);) {
    std::smatch row;
    if (!std::regex_match(line, row, kRow)) continue;
    EXPECT_EQ(std::stoi(row[1]), expected++);
    const std::string cell = row[3];
    std::size_t tests = 0;
    for (auto at = std::sregex_iterator(cell.begin(), cell.end(), kName);
         at != std::sregex_iterator(); ++at, ++tests)
      EXPECT_TRUE(names.contains((*at)[1])) << "R" << row[1] << ": there is no " << (*at)[1];
    EXPECT_GT(tests, 0U) << "R" << row[1] << " has no test";
  }
  EXPECT_EQ(expected, 79) << "not all of the 78 requirements have a row";
}

}  // namespace
}  // namespace holdfast::test
