// The house keeps its walls (docs/design.md): which folder may include what.
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "tests/support/build_paths.h"

namespace {

namespace fs = std::filesystem;

struct Include {
  std::string file;    // from the source folder, with '/'
  std::string target;  // between the quotes or brackets
};

bool is_source(const fs::path& path) {
  const auto extension = path.extension();
  return extension == ".h" || extension == ".cc" || extension == ".hpp" || extension == ".cpp";
}

std::vector<Include> includes_in(const std::string& file, std::istream& text) {
  std::vector<Include> found;
  for (std::string line; std::getline(text, line);) {
    std::istringstream words(line);
    std::string directive;
    words >> std::ws;
    if (words.get() != '#') continue;
    words >> directive;
    // `#include<x>` has no space before the bracket.
    if (directive.rfind("include", 0) != 0) continue;
    const auto open = line.find_first_of("<\"");
    if (open == std::string::npos) continue;
    const auto close = line.find_first_of(">\"", open + 1);
    if (close == std::string::npos) continue;
    found.push_back({file, line.substr(open + 1, close - open - 1)});
  }
  return found;
}

std::vector<Include> includes_under(const fs::path& root) {
  std::vector<Include> found;
  for (const auto* folder : {"storage", "dav", "server"}) {
    if (!fs::exists(root / folder)) continue;
    for (const auto& entry : fs::recursive_directory_iterator(root / folder)) {
      if (!entry.is_regular_file() || !is_source(entry.path())) continue;
      std::ifstream text(entry.path());
      const auto more = includes_in(fs::relative(entry.path(), root).generic_string(), text);
      found.insert(found.end(), more.begin(), more.end());
    }
  }
  return found;
}

bool starts(std::string_view text, std::string_view prefix) { return text.starts_with(prefix); }

bool is_ours(std::string_view target) {
  return starts(target, "storage/") || starts(target, "dav/") || starts(target, "server/") ||
         starts(target, "tests/") || starts(target, "bench/");
}

// A header directly in storage/: the model and the interfaces.
bool is_storage_interface(std::string_view target) {
  return starts(target, "storage/") && target.find('/', 8) == std::string_view::npos &&
         target.ends_with(".h");
}

// Why `include` breaks a wall; empty when it does not.
std::string broken_wall(const Include& include) {
  const std::string_view file = include.file;
  const std::string_view target = include.target;
  const bool in_server = starts(file, "server/");

  for (const auto* library : {"Poco/", "boost/", "CLI/", "prometheus/", "openssl/ssl.h"}) {
    if (starts(target, library) && !in_server) return "only server/ may include it";
  }
  if (target == "sqlite3.h" && !starts(file, "storage/sqlite/")) {
    return "only storage/sqlite/ may include it";
  }
  if (starts(target, "pugixml") && file != "dav/xml/document.cc")
    return "only dav/xml/document.cc may include it";
  if (!is_ours(target)) return "";

  if (starts(target, "tests/") || starts(target, "bench/")) return "the product knows no tests";
  for (const auto* store : {"storage/sqlite/", "storage/files/"}) {
    if (starts(target, store) && !starts(file, store) && file != "server/main.cc") {
      return "only server/main.cc knows the concrete stores";
    }
  }
  if (starts(file, "storage/") && !starts(target, "storage/"))
    return "storage/ knows no upper floor";
  if (starts(file, "storage/") && file.find('/', 8) == std::string_view::npos &&
      !is_storage_interface(target)) {
    return "an interface knows no implementation";
  }
  if (starts(file, "dav/") && !starts(target, "dav/") && !is_storage_interface(target)) {
    return "dav/ sees dav/ and storage/*.h only";
  }
  return "";
}

// Why a line of code says what another file alone may say; empty when it may.
std::string broken_claim(std::string_view file, std::string_view line) {
  const std::size_t comment = line.find("//");
  line = line.substr(0, comment);
  const auto has = [&](std::string_view text) { return line.find(text) != std::string_view::npos; };
  for (const auto* method :
       {"PROPFIND", "PROPPATCH", "MKCOL", "COPY", "MOVE", "LOCK", "UNLOCK", "PUT", "DELETE"}) {
    const std::string literal = '"' + std::string(method) + '"';
    if (file != "dav/method.cc" && has(literal)) return "the table in dav/method.cc names methods";
  }
  for (const auto* status :
       {"Error(409", "Error(412", "Error(423", "return {409", "return {412", "return {423"}) {
    if (starts(file, "dav/") && file != "dav/refusal.cc" && has(status))
      return "dav/refusal.cc alone refuses with 409, 412 and 423";
  }
  for (const auto* element : {"<D:multistatus", "<D:response>", "<D:propstat>"}) {
    if (file != "dav/multistatus.cc" && has(element)) return "dav/multistatus.cc alone writes 207s";
  }
  return "";
}

TEST(Layering, RulesFindPlantedViolations) {
  const std::vector<Include> bad = {
      {"dav/locks.cc", "Poco/UUID.h"},
      {"dav/methods/put.cc", "boost/beast/http.hpp"},
      {"storage/sqlite/namespace.cc", "prometheus/counter.h"},
      {"dav/http.h", "CLI/CLI.hpp"},
      {"server/main.cc", "sqlite3.h"},
      {"storage/files/content_store.cc", "sqlite3.h"},
      {"dav/xml/document.h", "pugixml.hpp"},
      {"server/http1/exchange.cc", "pugixml.hpp"},
      {"dav/engine.cc", "storage/sqlite/namespace.h"},
      {"dav/engine.cc", "server/loop/listener.h"},
      {"server/cli/check.cc", "storage/sqlite/namespace.h"},
      {"server/loop/listener.cc", "storage/files/content_store.h"},
      {"storage/model.cc", "dav/path.h"},
      {"storage/model.h", "storage/sqlite/file/sqlite.h"},
      {"storage/sqlite/namespace.cc", "dav/http.h"},
      {"storage/sqlite/namespace.cc", "storage/files/content_store.h"},
      {"server/main.cc", "tests/support/process.h"},
  };
  for (const auto& include : bad) {
    EXPECT_NE(broken_wall(include), "") << include.file << " includes " << include.target;
  }
}

TEST(Layering, RulesLetTheDoorsOpen) {
  const std::vector<Include> good = {
      {"server/main.cc", "storage/sqlite/namespace.h"},
      {"server/main.cc", "storage/files/content_store.h"},
      {"server/loop/listener.cc", "Poco/Net/StreamSocket.h"},
      {"server/http1/connection.cc", "boost/beast/http/basic_parser.hpp"},
      {"server/http1/exchange.cc", "dav/engine.h"},
      {"dav/engine.cc", "storage/namespace.h"},
      {"dav/methods/put.cc", "dav/path.h"},
      {"dav/xml/document.cc", "pugixml.hpp"},
      {"storage/sqlite/namespace.cc", "sqlite3.h"},
      {"storage/sqlite/namespace.cc", "storage/sqlite/file/schema.h"},
      {"storage/sqlite/namespace.cc", "storage/model.h"},
      {"storage/namespace.h", "storage/model.h"},
      {"storage/namespace.h", "vector"},
  };
  for (const auto& include : good) {
    EXPECT_EQ(broken_wall(include), "") << include.file << " includes " << include.target;
  }
}

TEST(Layering, IncludesAreFoundHoweverTheyAreSpelt) {
  std::istringstream text(
      "#pragma once\n"
      "#include <Poco/UUID.h>\n"
      "  #  include \"dav/path.h\"  // why\n"
      "#include<sqlite3.h>\n"
      "// #include <vector>\n"
      "#define include\n");
  const auto found = includes_in("dav/x.cc", text);
  ASSERT_EQ(found.size(), 3U);
  EXPECT_EQ(found[0].target, "Poco/UUID.h");
  EXPECT_EQ(found[1].target, "dav/path.h");
  EXPECT_EQ(found[2].target, "sqlite3.h");
}

TEST(Layering, APlantedFileIsFound) {
  std::string pattern = (fs::temp_directory_path() / "holdfast-layering-XXXXXX").string();
  ASSERT_NE(mkdtemp(pattern.data()), nullptr);
  const fs::path root(pattern);
  fs::create_directories(root / "dav/methods");
  std::ofstream(root / "dav/methods/put.cc") << "#include \"storage/sqlite/namespace.h\"\n";
  const auto found = includes_under(root);
  fs::remove_all(root);
  ASSERT_EQ(found.size(), 1U);
  EXPECT_NE(broken_wall(found[0]), "");
}

TEST(Layering, TheHouseKeepsItsWalls) {
  const auto all = includes_under(holdfast::test::source_folder());
  EXPECT_GT(all.size(), 20U) << "the source folder was not read";
  for (const auto& include : all) {
    EXPECT_EQ(broken_wall(include), "") << include.file << " includes " << include.target;
  }
}

TEST(Layering, WhatOneFileAloneDecidesStandsInNoOther) {
  EXPECT_NE(broken_claim("server/observe/metrics.h", "kMethods = {\"PUT\", \"GET\"}"), "");
  EXPECT_NE(broken_claim("dav/methods/put.cc", "throw Error(409, \"\");"), "");
  EXPECT_NE(broken_claim("dav/methods/lock.cc", "body += \"<D:multistatus\";"), "");
  EXPECT_EQ(broken_claim("dav/methods/put.cc", "// \"PUT\" is Error(409"), "");
  const fs::path root = holdfast::test::source_folder();
  for (const auto* folder : {"dav", "server"}) {
    for (const auto& entry : fs::recursive_directory_iterator(root / folder)) {
      if (!entry.is_regular_file() || !is_source(entry.path())) continue;
      const std::string file = fs::relative(entry.path(), root).generic_string();
      std::ifstream text(entry.path());
      for (std::string line; std::getline(text, line);)
        EXPECT_EQ(broken_claim(file, line), "") << file << ": " << line;
    }
  }
}

}  // namespace
