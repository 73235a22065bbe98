// Every header says what it is for and can be included first: it brings what it uses. Those that
// their own source file includes first are proven by the build. The compiler reads the rest here,
// without making objects.
#include <algorithm>
#include <atomic>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <iterator>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "tests/layering/read_file.h"
#include "tests/support/build_paths.h"
#include "tests/support/process.h"
#include "tests/support/temporary_folder.h"

namespace holdfast::test {
namespace {

namespace fs = std::filesystem;

// Paths from the source folder.
std::vector<std::string> headers_under(const fs::path& root, const std::string& folder) {
  std::vector<std::string> found;
  for (const auto& entry : fs::recursive_directory_iterator(root / folder))
    if (entry.path().extension() == ".h")
      found.push_back(fs::relative(entry.path(), root).generic_string());
  std::sort(found.begin(), found.end());
  return found;
}

// What is wrong with the text of a header; empty when nothing is.
std::string broken_form(const std::string& text) {
  if (!text.starts_with("// ")) return "it does not begin with a comment that says what it is for";
  const std::size_t guard = text.find("\n#pragma once\n");
  if (guard == std::string::npos) return "it has no #pragma once";
  if (text.find("\n#include") < guard || text.find("\nnamespace") < guard)
    return "something stands before #pragma once";
  return "";
}

// What the compiler says of a file that includes the header and nothing else; empty when nothing.
std::string broken_alone(const fs::path& root, const std::string& header) {
  const Outcome outcome = run({.arguments = {compiler(), "-std=c++20", "-fsyntax-only", "-I", root,
                                             "-x", "c++", "-include", header, "/dev/null"},
                               .timeout = std::chrono::seconds(300)});
  return outcome.exit_code == 0 ? "" : outcome.output;
}

// Whether the header stands before all others in the source file that bears its name.
bool is_included_first(const fs::path& root, const std::string& header) {
  const std::string text = read_file((root / header).replace_extension(".cc"));
  const std::size_t include = text.find("#include ");
  return include != std::string::npos && text.substr(include).starts_with("#include \"" + header);
}

void expect_sound(const std::string& folder) {
  const fs::path root = source_folder();
  const std::vector<std::string> headers = headers_under(root, folder);
  EXPECT_FALSE(headers.empty()) << folder;
  std::atomic<std::size_t> next = 0;
  std::mutex mutex;
  std::vector<std::jthread> threads;
  for (unsigned i = std::max(1U, std::thread::hardware_concurrency()); i > 0; --i)
    threads.emplace_back([&] {
      for (std::size_t at = next++; at < headers.size(); at = next++) {
        const std::string form = broken_form(read_file(root / headers[at]));
        const std::string alone =
            is_included_first(root, headers[at]) ? "" : broken_alone(root, headers[at]);
        const std::scoped_lock lock(mutex);
        EXPECT_EQ(form, "") << headers[at];
        EXPECT_EQ(alone, "") << headers[at];
      }
    });
}

TEST(Headers, APlantedOneIsFound) {
  const TemporaryFolder folder;
  std::ofstream(folder.path() / "bad.h")
      << "// A header.\n#pragma once\ninline std::string text;\n";
  std::ofstream(folder.path() / "good.h")
      << "// A header.\n#pragma once\n#include <string>\ninline std::string text;\n";
  EXPECT_EQ(headers_under(folder.path(), "."), (std::vector<std::string>{"bad.h", "good.h"}));
  EXPECT_NE(broken_alone(folder.path(), "bad.h"), "");
  EXPECT_EQ(broken_alone(folder.path(), "good.h"), "");
  std::ofstream(folder.path() / "bad.cc") << "#include <string>\n#include \"bad.h\"\n";
  std::ofstream(folder.path() / "good.cc") << "// Why.\n#include \"good.h\"\n#include <string>\n";
  EXPECT_FALSE(is_included_first(folder.path(), "bad.h"));
  EXPECT_TRUE(is_included_first(folder.path(), "good.h"));
  EXPECT_FALSE(is_included_first(folder.path(), "none.h"));
  EXPECT_EQ(broken_form("// A header.\n#pragma once\n#include <string>\n"), "");
  EXPECT_NE(broken_form("#pragma once\n// A header.\n"), "");
  EXPECT_NE(broken_form("// A header.\ninline int x;\nnamespace a {}\n#pragma once\n"), "");
  EXPECT_NE(broken_form("// A header.\n#include <string>\n#pragma once\n"), "");
  EXPECT_NE(broken_form("// A header.\n"), "");
}

TEST(Headers, OfFibersCompileAlone) { expect_sound("fiber"); }
TEST(Headers, OfTextCompileAlone) { expect_sound("text"); }
TEST(Headers, OfHttpCompileAlone) { expect_sound("http"); }
TEST(Headers, OfStorageCompileAlone) { expect_sound("storage"); }
TEST(Headers, OfDavCompileAlone) { expect_sound("dav"); }
TEST(Headers, OfServerCompileAlone) { expect_sound("server"); }
TEST(Headers, OfTheTestSupportCompileAlone) { expect_sound("tests/support"); }

}  // namespace
}  // namespace holdfast::test
