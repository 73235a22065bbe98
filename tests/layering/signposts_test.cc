// Every signpost leads to a place in this repository: what comments, scripts and pages cite of
// docs/, which files and tests they name, and where links go. The forms of a citation:
//
//   docs/robustness.md E1, E3 to E5     rows of a table, by the first cell
//   docs/storage.md#dates               a heading, spelt as in a link
//   E1                                  a row of the one page that the same file names and has it
//   invariant 7                         a number in docs/storage.md#invariants
#include <algorithm>
#include <boost/regex.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "tests/support/build_paths.h"

namespace {

namespace fs = std::filesystem;

constexpr std::string_view kRow = "[CDEGHKLOPRSX][0-9]{1,2}";

std::string row_list() {
  const std::string row(kRow);
  return row + "(?:(?:, | and | to |–|; | \\()" + row + "\\)?)*";
}

// "E1, E3 to E5": E1, E3, E4, E5.
std::vector<std::string> rows_of(const std::string& list) {
  static const boost::regex kRange("(" + std::string(kRow) + ")(?:(?: to |–)(" + std::string(kRow) +
                                   "))?");
  std::vector<std::string> rows;
  for (auto at = boost::sregex_iterator(list.begin(), list.end(), kRange);
       at != boost::sregex_iterator(); ++at) {
    const std::string first = (*at)[1];
    const std::string last = (*at)[2].matched ? (*at)[2].str() : first;
    for (int number = std::stoi(first.substr(1)); number <= std::stoi(last.substr(1)); ++number)
      rows.push_back(first.substr(0, 1) + std::to_string(number));
  }
  return rows;
}

// The anchor of a heading, as GitHub makes it.
std::string anchor_of(std::string_view heading) {
  std::string anchor;
  for (const char c : heading) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == ' ') anchor += '-';
    if (c == '-' || c == '_' || byte >= 0x80 || std::isalnum(byte))
      anchor += static_cast<char>(std::tolower(byte));
  }
  return anchor;
}

struct Page {
  std::set<std::string> anchors;
  std::set<std::string> rows;
  std::set<std::string> invariants;  // their numbers
};

Page page_of(const std::string& text) {
  static const boost::regex kCell("\\| (" + row_list() + ")[ :|].*");
  Page page;
  std::string heading;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    boost::smatch cell;
    if (line.starts_with('#') && line.find(' ') != std::string::npos)
      page.anchors.insert(heading = anchor_of(line.substr(line.find(' ') + 1)));
    if (heading == "invariants" && line.find(". ") < 3)
      page.invariants.insert(line.substr(0, line.find(". ")));
    // A regular expression on a long line is a deep recursion: the beginning is enough.
    line.resize(std::min<std::size_t>(line.size(), 60));
    if (boost::regex_match(line, cell, kCell)) {
      for (const auto& row : rows_of(cell[1])) page.rows.insert(row);
    }
  }
  return page;
}

// Suites and the names of their tests.
using Suites = std::map<std::string, std::set<std::string>>;

void add_tests(const std::string& text, Suites& suites) {
  static const boost::regex kTest(R"(\n(?:TYPED_)?TEST(?:_F|_P)?\(\s*(\w+),\s*(\w+)\))");
  for (auto at = boost::sregex_iterator(text.begin(), text.end(), kTest);
       at != boost::sregex_iterator(); ++at) {
    suites[(*at)[1]].insert((*at)[2]);
  }
}

bool has_lines_of_hashes(const fs::path& path) {
  return path.extension() == ".sh" || path.extension() == ".py" || path.extension() == ".cmake" ||
         path.extension() == ".dict" || path.filename() == "CMakeLists.txt" ||
         (path.extension().empty() && path.filename() != "Dockerfile");
}

// Where a comment begins in `line`; npos when there is none. A mark in a string begins none.
std::size_t comment_in(std::string_view line, std::string_view mark) {
  bool quoted = false;
  for (std::size_t at = 0; at < line.size(); ++at) {
    if (quoted && line[at] == '\\') {
      ++at;
    } else if (line[at] == '"') {
      quoted = !quoted;
    } else if (!quoted && line.substr(at).starts_with(mark)) {
      return at;
    }
  }
  return std::string_view::npos;
}

// The words that are there to be read: all of a page; the comments of anything else, each run of
// them as one line.
std::string words_of(const fs::path& path, const std::string& text) {
  if (path.extension() == ".md") return text;
  const std::string_view mark = has_lines_of_hashes(path) ? "#" : "//";
  std::string words;
  bool runs_on = false;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    const auto at = comment_in(line, mark);
    const bool alone = line.find_first_not_of(" \t") == at;
    words += runs_on && alone ? " " : "\n";
    runs_on = at != std::string::npos;
    if (!runs_on) continue;
    const auto begin = line.find_first_not_of("/#! ", at);
    if (begin != std::string::npos) words += line.substr(begin);
  }
  return words;
}

class Signposts {
 public:
  explicit Signposts(fs::path root) : root_(std::move(root)) {
    // Folders of ours alone: other tests write below build/ while this one reads.
    for (fs::recursive_directory_iterator at(root_), end; at != end; ++at) {
      const auto& entry = *at;
      const std::string path = fs::relative(entry.path(), root_).generic_string();
      if (path == "build" || path == ".git" || path == "web/node_modules" || path == "web/dist")
        at.disable_recursion_pending();
      if (!is_read(path) || !entry.is_regular_file()) continue;
      std::ostringstream text;
      text << std::ifstream(entry.path()).rdbuf();
      texts_[path] = text.str();
      if (path.ends_with(".md")) pages_[path] = page_of(texts_[path]);
      if (path.ends_with("_test.cc")) add_tests(texts_[path], suites_);
    }
  }

  [[nodiscard]] std::size_t files() const { return texts_.size(); }

  // What leads nowhere, each as "file: why: the words".
  [[nodiscard]] std::vector<std::string> wrong() const {
    std::vector<std::string> wrong;
    for (const auto& [path, text] : texts_) {
      const std::string words = words_of(path, text);
      const auto report = [&, file = path](std::string_view why, const std::string& what) {
        wrong.push_back(file + ": " + std::string(why) + ": " + what);
      };
      check_outside(text, words, report);
      check_citations(path, text, words, report);
      if (!path.ends_with(".md")) check_bare_rows(text, words, report);
      check_test_names(text, report);
      check_invariants(words, report);
      check_paths(words, report);
      check_tests(words, report);
      if (path.ends_with(".md")) check_links(path, text, report);
      if (path.starts_with("docs/")) check_file_names(text, report);
    }
    return wrong;
  }

 private:
  using Report = std::function<void(std::string_view, const std::string&)>;
  using Found = std::function<void(const boost::smatch&)>;

  // Sources, scripts and pages of ours; not what was built, and not this test, which plants bad
  // ones.
  static bool is_read(const std::string& path) {
    if (path.find("/corpus/") != std::string::npos || path.ends_with("signposts_test.cc")) {
      return false;
    }
    const fs::path name = path;
    static const std::set<std::string> kExtensions = {".cc", ".h",     ".md",  ".sh",
                                                      ".py", ".cmake", ".dict"};
    if (kExtensions.contains(name.extension()) || name.filename() == "CMakeLists.txt") return true;
    return name.extension().empty() && (path.starts_with("scripts/") || path.starts_with(".ci/") ||
                                        path == "bench/run" || path == "litmus/run");
  }

  // Line by line: an expression over a whole file would recurse too deeply.
  static void each(const std::string& text, const boost::regex& expression, const Found& found) {
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
      for (auto at = boost::sregex_iterator(line.begin(), line.end(), expression);
           at != boost::sregex_iterator(); ++at) {
        found(*at);
      }
    }
  }

  // Pages that are not in this repository, and rows without their page.
  static void check_outside(const std::string& text, const std::string& words,
                            const Report& report) {
    static const boost::regex kOutside(
        R"(\bDESIGN §|\b[Rr]obustness (?:§|[A-Z][0-9])|\b[Cc]lients (?:§|R[0-9])|\bfaults R[0-9])"
        R"(|\bissue #?[0-9])");
    const Found found = [&](const boost::smatch& match) {
      report("cites what is not here", match[0]);
    };
    each(text, kOutside, found);
    each(words, kOutside, found);
  }

  void check_citations(const std::string& path, const std::string& text, const std::string& words,
                       const Report& report) const {
    static const boost::regex kCitation("docs/([a-z_]+\\.md)(#[a-z0-9-]+)?`?(?: (" + row_list() +
                                        "))?");
    const Found found = [&](const boost::smatch& match) {
      const auto page = pages_.find("docs/" + match[1].str());
      if (page == pages_.end()) return report("no such page", match[0]);
      if (match[2].matched && !page->second.anchors.contains(match[2].str().substr(1)))
        report("no such heading", match[0]);
      for (const auto& row : rows_of(match[3])) {
        if (!page->second.rows.contains(row)) report("no such row: " + row, match[0]);
      }
    };
    each(words, kCitation, found);
    if (!path.ends_with(".md")) each(text, kCitation, found);
  }

  void check_bare_rows(const std::string& text, const std::string& words,
                       const Report& report) const {
    static const boost::regex kCitation("docs/[a-z_]+\\.md(?:#[a-z0-9-]+)?(?: " + row_list() +
                                        ")?");
    static const boost::regex kBare("(?:^|[^A-Za-z0-9_/.\"'\\\\%§+-])(" + std::string(kRow) +
                                    ")(?![A-Za-z0-9_+]|\\.[A-Za-z0-9]| control)");
    each(boost::regex_replace(words, kCitation, ""), kBare, [&](const boost::smatch& match) {
      const auto homes = std::count_if(pages_.begin(), pages_.end(), [&](const auto& page) {
        return page.second.rows.contains(match[1]) && text.find(page.first) != std::string::npos;
      });
      if (homes != 1) report("a row of no page, or of two", match[1]);
    });
  }

  // TEST(Accounts, S3_Guesses): S3 is a row.
  void check_test_names(const std::string& text, const Report& report) const {
    static const boost::regex kName("TEST(?:_F|_P)?\\(\\w+, (" + std::string(kRow) + ")_\\w+\\)");
    each(text, kName, [&](const boost::smatch& match) {
      const auto page = pages_.find("docs/robustness.md");
      if (page == pages_.end() || !page->second.rows.contains(match[1]))
        report("a test's name is of no row", match[0]);
    });
  }

  void check_invariants(const std::string& words, const Report& report) const {
    static const boost::regex kInvariant("\\binvariant ([0-9]+)");
    each(words, kInvariant, [&](const boost::smatch& match) {
      const auto page = pages_.find("docs/storage.md");
      if (page == pages_.end() || !page->second.invariants.contains(match[1]))
        report("no such invariant", match[0]);
    });
  }

  // "storage/dates.h", and "server/poller" for its header and source; "tests/crash/*" is a folder.
  void check_paths(const std::string& words, const Report& report) const {
    static const boost::regex kPath(
        R"((?:^|[^\w/.-])((?:storage|dav|server|text|http|tests|scripts|bench|litmus|packaging|docs|\.ci)/)"
        R"([\w./-]*\w)([*]?))");
    each(words, kPath, [&](const boost::smatch& match) {
      const std::string path = match[1];
      const auto name = path.substr(path.rfind('/') + 1);
      // "storage/Upkeep.GivesFreeSpaceBack" is a test, "http/1.1" and "text/xml" are no paths.
      const bool is_test = std::isupper(static_cast<unsigned char>(name[0])) &&
                           !name.ends_with(".md") && !name.ends_with(".txt");
      const bool is_source = path.ends_with(".h") || path.ends_with(".cc");
      if (is_test || ((path.starts_with("text/") || path.starts_with("http/")) && !is_source))
        return;
      if (!exists(path, match[2].length() > 0)) report("no such file", path);
    });
  }

  [[nodiscard]] bool exists(const std::string& path, bool is_beginning) const {
    if (fs::exists(root_ / path)) return true;
    const fs::path folder = (root_ / path).parent_path();
    if (!fs::is_directory(folder)) return false;
    const std::string name = fs::path(path).filename().string();
    return std::any_of(fs::directory_iterator(folder), fs::directory_iterator(),
                       [&](const auto& entry) {
                         return is_beginning ? entry.path().filename().string().starts_with(name)
                                             : entry.path().stem() == name;
                       });
  }

  // `Suite.Name`, `Suite.Begin*`, `Suite.Begin…`: of a suite that there is, a test that there is.
  // Only the forms with `*` and `…` tell a suite that there is not from other words with a dot.
  void check_tests(const std::string& words, const Report& report) const {
    static const boost::regex kTest(R"(\b([A-Z]\w+)\.([A-Z]\w*)?([*]|…)?(?![*]))");
    each(words, kTest, [&](const boost::smatch& match) {
      const auto suite = suites_.find(match[1]);
      const std::string name = match[2];
      const bool is_beginning = match[3].matched;
      if (suite == suites_.end()) {
        if (is_beginning) report("no such suite", match[0]);
        return;
      }
      if (name.empty() && !is_beginning) return;
      if (std::none_of(suite->second.begin(), suite->second.end(), [&](const auto& test) {
            return is_beginning ? test.starts_with(name) : test == name;
          })) {
        report("no such test", match[0]);
      }
    });
  }

  // `dates.h` without its folder, on a page.
  void check_file_names(const std::string& text, const Report& report) const {
    static const boost::regex kName("`([a-z0-9_]+\\.(?:h|cc))`");
    each(text, kName, [&](const boost::smatch& match) {
      const std::string name = "/" + match[1].str();
      if (std::none_of(texts_.begin(), texts_.end(),
                       [&](const auto& file) { return file.first.ends_with(name); }))
        report("no such file", match[1]);
    });
  }

  void check_links(const std::string& path, const std::string& text, const Report& report) const {
    static const boost::regex kLink(R"(\]\(([^)#\s]*)(#[^)\s]*)?\))");
    each(text, kLink, [&](const boost::smatch& match) {
      const std::string target = match[1];
      if (target.starts_with("http")) return;
      const std::string file =
          target.empty() ? path
                         : (fs::path(path).parent_path() / target).lexically_normal().string();
      if (!fs::exists(root_ / file)) return report("a link to nowhere", match[0]);
      const auto page = pages_.find(file);
      if (match[2].matched && page != pages_.end() &&
          !page->second.anchors.contains(match[2].str().substr(1))) {
        report("a link to no heading", match[0]);
      }
    });
  }

  fs::path root_;
  std::map<std::string, std::string> texts_;
  std::map<std::string, Page> pages_;
  Suites suites_;
};

// A small house in a folder of its own: two pages, a test, and one more file.
class Planted {
 public:
  Planted(const std::string& file, const std::string& text) {
    std::string pattern = (fs::temp_directory_path() / "holdfast-signposts-XXXXXX").string();
    root_ = mkdtemp(pattern.data());
    write("docs/robustness.md",
          "# Robustness\n\n## Hostile machine\n\n| E1 | a full disk |\n"
          "| H8 to H12 | lines |\n| R1, R3 | ranges |\n");
    write("docs/clients.md", "# Clients\n\n| R1 | OPTIONS |\n| R44 | dates |\n");
    write("docs/storage.md", "# Storage\n\n## Invariants\n\n1. There is one root.\n2. Ids.\n");
    write("tests/storage/disk_test.cc", "\nTEST(Disk, IsFull) {}\n");
    write(file, text);
  }
  Planted(const Planted&) = delete;
  Planted& operator=(const Planted&) = delete;
  ~Planted() { fs::remove_all(root_); }

  [[nodiscard]] std::vector<std::string> wrong() const { return Signposts(root_).wrong(); }

 private:
  void write(const std::string& file, const std::string& text) const {
    fs::create_directories((root_ / file).parent_path());
    std::ofstream(root_ / file) << text;
  }

  fs::path root_;
};

struct Row {
  std::string file;
  std::string text;
};

TEST(Signposts, PlantedOnesThatLeadNowhereAreFound) {
  const std::vector<Row> rows = {
      {"dav/a.cc", "// In the order of DESIGN §2.\n"},
      {"dav/a.cc", "// Never served as success (robustness E1).\n"},
      {"dav/a.cc", "// Limits (robustness §2.0).\n"},
      {"dav/a.cc", "// Which some leave out (clients\n// R44).\n"},
      {"dav/a.cc", "// What macOS does (clients §2).\n"},
      {"dav/a.cc", "// Seen in issue 15.\n"},
      {"tests/dav/a_test.cc", "  {\"/f\", 404, \"robustness E1\"},\n"},
      {"dav/a.cc", "// docs/robustness.md E2\n"},
      {"dav/a.cc", "// docs/robustness.md E1, E2\n"},
      {"dav/a.cc", "// docs/robustness.md H8 to H13\n"},
      {"dav/a.cc", "// What is told is true (docs/robustness.md\n// E2).\n"},
      {"tests/dav/a_test.cc", "  {\"/f\", 404, \"docs/clients.md R45\"},\n"},
      {"dav/a.cc", "// docs/robustness.md#friendly-machine\n"},
      {"dav/a.cc", "// docs/nowhere.md has more.\n"},
      {"dav/a.cc", "// E1: a full disk, and no page that has it.\n"},
      {"dav/a.cc", "// docs/robustness.md E1 and docs/clients.md R44: R1 is a row of both.\n"},
      {"dav/a.cc", "// An id is never given out twice (invariant 3).\n"},
      {"dav/a.cc", "// As dav/b.h has it.\n"},
      {"dav/a.cc", "// As dav/b has it.\n"},
      {"dav/a.cc", "// As dav/b* have it.\n"},
      {"tests/dav/a_test.cc", "\nTEST(Disk, E2_IsFull) {}\n"},
      {"dav/a.cc", "// Disk.IsEmpty shows it.\n"},
      {"dav/a.cc", "// Disk.Empty* show it.\n"},
      {"docs/a.md", "`Disc.*` show it.\n"},
      {"docs/a.md", "`storage/Disc.IsFull…` shows it.\n"},
      {"docs/a.md", "`dav/b.h` does it.\n"},
      {"docs/a.md", "As said in `b.h`.\n"},
      {"docs/a.md", "See [there](b.md).\n"},
      {"docs/a.md", "See [there](robustness.md#friendly-machine).\n"},
      {"docs/a.md", "See [below](#below).\n"},
      {"scripts/a", "# docs/robustness.md E2\n"},
      {"CMakeLists.txt", "# What dav/b.cc needs\n"},
  };
  for (const auto& row : rows) {
    EXPECT_THAT(Planted(row.file, row.text).wrong(), testing::SizeIs(testing::Ge(1U))) << row.text;
  }
}

TEST(Signposts, PlantedOnesThatLeadSomewhereAreLeftAlone) {
  const std::vector<Row> rows = {
      {"dav/a.cc", "// docs/robustness.md E1, H8 to H12, R1\n"},
      {"dav/a.cc", "// What is told is true (docs/robustness.md\n// E1; docs/clients.md R44).\n"},
      {"dav/a.cc", "// docs/robustness.md#hostile-machine: E1 is one of its rows.\n"},
      {"tests/dav/a_test.cc", "  {\"/f\", 404, \"docs/clients.md R44: dates\"},\n"},
      {"tests/dav/a_test.cc", "\nTEST(Other, E1_IsFull) {}\n"},
      {"dav/a.cc", "// RFC 4918 §9.2, C1 controls, P-256, HTTP/1.1, text/xml, U+E000\n"},
      {"dav/a.cc", "const char* url = \"https://dav.example/server/x\";\n"},
      {"dav/a.cc", "// dav/a, dav/a.cc, tests/storage and tests/storage/disk*\n"},
      {"dav/a.cc", "// Disk.IsFull, Disk.Is* and Other.Thing show it.\n"},
      {"docs/a.md", "**Updating.** `Disk.*` shows it.\n"},
      {"docs/a.md",
       "[a](robustness.md#hostile-machine), [b](#c), [c](https://x.example/y)\n\n## C\n"},
      {"docs/a.md", "`storage/Disk.IsFull`, `docs/clients.md` R44, `disk_test.cc`\n"},
      {"dav/a.cc", "// An id is never given out twice (invariant 2).\n"},
  };
  for (const auto& row : rows) {
    EXPECT_THAT(Planted(row.file, row.text).wrong(), testing::IsEmpty()) << row.text;
  }
}

TEST(Signposts, AllLeadToAPlaceInThisRepository) {
  const Signposts signposts(holdfast::test::source_folder());
  EXPECT_GT(signposts.files(), 100U) << "the source folder was not read";
  for (const auto& wrong : signposts.wrong()) ADD_FAILURE() << wrong;
}

}  // namespace
