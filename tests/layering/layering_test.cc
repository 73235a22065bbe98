// The house keeps its walls (docs/design.md): which floor and room may include what.
#include <algorithm>
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

// The floors from the ground up, each with those that it may stand on.
struct Floor {
  std::string_view folder;
  std::vector<std::string_view> may_use;
};
const std::vector<Floor> kFloors = {
    {"fiber", {}},
    {"text", {}},
    {"http", {"text"}},
    {"storage", {"fiber", "text"}},
    {"dav", {"fiber", "text", "http", "storage"}},
    {"server", {"fiber", "text", "http", "storage", "dav"}},
};

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
  for (const Floor& floor : kFloors) {
    if (!fs::exists(root / floor.folder)) continue;
    for (const auto& entry : fs::recursive_directory_iterator(root / floor.folder)) {
      if (!entry.is_regular_file() || !is_source(entry.path())) continue;
      std::ifstream text(entry.path());
      const auto more = includes_in(fs::relative(entry.path(), root).generic_string(), text);
      found.insert(found.end(), more.begin(), more.end());
    }
  }
  return found;
}

bool starts(std::string_view text, std::string_view prefix) { return text.starts_with(prefix); }

// The first part of a path: "dav" of "dav/path.h".
std::string_view folder_of(std::string_view path) { return path.substr(0, path.find('/')); }

const Floor* floor_of(std::string_view path) {
  for (const Floor& floor : kFloors)
    if (path.find('/') != path.npos && folder_of(path) == floor.folder) return &floor;
  return nullptr;
}

// The rooms of a floor, and which others of the same floor each may use.
struct Room {
  std::string_view folder;
  std::vector<std::string_view> may_use;
};

const std::vector<Room> kRooms = {
    {"server/process/", {}},
    {"server/observe/", {}},
    {"server/json/", {}},
    {"server/net/", {"server/tls/"}},
    {"server/tls/", {"server/process/"}},
    {"server/http1/", {"server/net/", "server/observe/"}},
    {"server/loop/",
     {"server/http1/", "server/net/", "server/observe/", "server/process/", "server/tls/"}},
    {"server/auth/",
     {"server/http1/", "server/json/", "server/net/", "server/observe/", "server/process/"}},
    {"server/config/", {"server/auth/", "server/http1/", "server/net/", "server/process/"}},
    {"server/cli/",
     {"server/auth/", "server/config/", "server/json/", "server/net/", "server/observe/",
      "server/process/"}},
    {"server/app/",
     {"server/auth/", "server/cli/", "server/config/", "server/http1/", "server/json/",
      "server/loop/", "server/net/", "server/observe/", "server/process/", "server/tls/"}},
    {"storage/sqlite/file/", {"storage/sqlite/write/"}},  // recovery, for migrations
    {"storage/sqlite/read/", {"storage/sqlite/file/"}},
    {"storage/sqlite/write/", {"storage/sqlite/file/", "storage/sqlite/read/"}},
    {"dav/xml/", {}},
    {"dav/page/", {"dav/xml/"}},
    {"dav/methods/", {"dav/page/", "dav/xml/"}},
};

// The room that a file lies in; nullptr when its floor has none there.
const Room* room_of(std::string_view path) {
  for (const Room& room : kRooms)
    if (starts(path, room.folder)) return &room;
  return nullptr;
}

// "server/" of "server/net/", "storage/sqlite/" of "storage/sqlite/read/".
std::string_view house_of(std::string_view room) {
  return room.substr(0, room.rfind('/', room.size() - 2) + 1);
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
  const std::string_view folder = folder_of(file);

  struct Library {
    std::string_view header;              // or how it begins
    std::vector<std::string_view> users;  // folders or files
  };
  static const std::vector<Library> kLibraries = {
      {"Poco/", {"server/"}},
      {"boost/context/", {"fiber/"}},
      {"boost/", {"server/", "fiber/"}},
      {"CLI/", {"server/"}},
      {"prometheus/", {"server/"}},
      {"openssl/ssl.h", {"server/"}},
      {"openssl/", {"server/", "storage/files/"}},
      {"sodium.h", {"text/", "server/auth/"}},
      {"utf8proc.h", {"text/utf8.cc"}},
      {"sqlite3.h", {"storage/sqlite/"}},
      {"pugixml", {"dav/xml/document.cc"}},
      {"archive", {"dav/zip_archive.cc"}},
  };
  for (const Library& library : kLibraries) {
    if (!starts(target, library.header)) continue;
    const bool allowed = std::any_of(library.users.begin(), library.users.end(),
                                     [&](std::string_view user) { return starts(file, user); });
    if (!allowed) return "another room has this library";
  }

  if (starts(target, "tests/") || starts(target, "bench/")) return "the product knows no tests";
  const Floor* above = floor_of(file);
  const Floor* below = floor_of(target);
  if (above == nullptr || below == nullptr) return "";
  if (above != below && std::find(above->may_use.begin(), above->may_use.end(), below->folder) ==
                            above->may_use.end())
    return std::string(folder) + "/ does not stand on " + std::string(below->folder) + "/";

  if (const Room* room = room_of(file)) {
    const Room* other = room_of(target);
    if (other != nullptr && other != room && starts(other->folder, house_of(room->folder)) &&
        std::find(room->may_use.begin(), room->may_use.end(), other->folder) == room->may_use.end())
      return "an arrow between two rooms that is not drawn";
  }

  for (const auto* store : {"storage/sqlite/", "storage/files/"}) {
    if (starts(target, store) && !starts(file, store) && file != "server/main.cc")
      return "only server/main.cc knows the concrete stores";
  }
  if (folder == "storage" && file.find('/', 8) == std::string_view::npos &&
      below->folder == "storage" && !is_storage_interface(target))
    return "an interface knows no implementation";
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

TEST(Layering, RoomsUseOnlyWhatIsDrawn) {
  for (const Room& from : kRooms)
    for (const Room& to : kRooms) {
      if (&from == &to || house_of(from.folder) != house_of(to.folder)) continue;
      const bool drawn =
          std::find(from.may_use.begin(), from.may_use.end(), to.folder) != from.may_use.end();
      const Include include{std::string(from.folder) + "a.cc", std::string(to.folder) + "b.h"};
      EXPECT_EQ(broken_wall(include).empty(), drawn) << include.file << " " << include.target;
    }
}

TEST(Layering, RulesFindPlantedViolations) {
  const std::vector<Include> bad = {
      {"dav/locks.cc", "Poco/UUID.h"},
      {"dav/methods/put.cc", "boost/beast/http.hpp"},
      {"server/loop/task.cc", "boost/context/fiber.hpp"},
      {"fiber/fiber.cc", "text/ascii.h"},
      {"text/json.cc", "fiber/fiber.h"},
      {"storage/sqlite/namespace.cc", "prometheus/counter.h"},
      {"http/message.h", "CLI/CLI.hpp"},
      {"server/main.cc", "sqlite3.h"},
      {"storage/files/content_store.cc", "sqlite3.h"},
      {"dav/xml/document.h", "pugixml.hpp"},
      {"server/http1/exchange.cc", "pugixml.hpp"},
      {"dav/engine.cc", "storage/sqlite/namespace.h"},
      {"dav/engine.cc", "server/loop/listener.h"},
      {"server/cli/check.cc", "storage/sqlite/namespace.h"},
      {"server/loop/listener.cc", "storage/files/content_store.h"},
      {"text/json.cc", "http/message.h"},
      {"text/json.cc", "storage/model.h"},
      {"text/json.cc", "dav/xml/document.h"},
      {"text/json.cc", "server/config/config.h"},
      {"http/message.h", "storage/content.h"},
      {"http/message.h", "dav/caller.h"},
      {"http/origin.cc", "server/config/config.h"},
      {"storage/model.h", "http/date.h"},
      {"storage/files/backup.cc", "http/date.h"},
      {"storage/model.cc", "dav/path.h"},
      {"storage/sqlite/write/group_commit.cc", "server/observe/event_log.h"},
      {"storage/model.h", "storage/sqlite/file/sqlite.h"},
      {"storage/sqlite/namespace.cc", "http/message.h"},
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
      {"fiber/fiber.cc", "boost/context/detail/fcontext.hpp"},
      {"storage/sqlite/write/group_commit.h", "fiber/wait.h"},
      {"dav/methods/put.cc", "dav/path.h"},
      {"dav/xml/document.cc", "pugixml.hpp"},
      {"storage/sqlite/namespace.cc", "sqlite3.h"},
      {"storage/sqlite/namespace.cc", "storage/sqlite/file/schema.h"},
      {"storage/sqlite/namespace.cc", "storage/model.h"},
      {"storage/namespace.h", "storage/model.h"},
      {"storage/namespace.h", "vector"},
      {"text/json.cc", "text/utf8.h"},
      {"text/hex.cc", "sodium.h"},
      {"text/utf8.cc", "utf8proc.h"},
      {"http/date.cc", "text/ascii.h"},
      {"http/range.h", "http/message.h"},
      {"storage/name_key.cc", "text/utf8.h"},
      {"storage/files/backup.cc", "text/hex.h"},
      {"storage/files/digest.cc", "openssl/evp.h"},
      {"storage/files/data_folder.h", "storage/descriptor.h"},
      {"dav/path.cc", "text/percent.h"},
      {"dav/path.h", "http/origin.h"},
      {"server/auth/secrets.cc", "sodium.h"},
      {"server/http1/head.cc", "http/origin.h"},
      {"server/loop/poller.h", "storage/descriptor.h"},
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

TEST(Layering, APlantedFileOfEveryFloorIsFound) {
  std::string pattern = (fs::temp_directory_path() / "holdfast-layering-XXXXXX").string();
  ASSERT_NE(mkdtemp(pattern.data()), nullptr);
  const fs::path root(pattern);
  for (const Floor& floor : kFloors) {
    fs::create_directories(root / floor.folder / "room");
    std::ofstream(root / floor.folder / "room/planted.h") << "#include \"tests/dav/world.h\"\n";
  }
  const auto found = includes_under(root);
  fs::remove_all(root);
  EXPECT_EQ(found.size(), kFloors.size());
  for (const Include& include : found) EXPECT_NE(broken_wall(include), "") << include.file;
}

TEST(Layering, TheHouseKeepsItsWalls) {
  const auto all = includes_under(holdfast::test::source_folder());
  EXPECT_GT(all.size(), 20U) << "the source folder was not read";
  for (const auto& include : all) {
    EXPECT_EQ(broken_wall(include), "") << include.file << " includes " << include.target;
  }
}

// One namespace a room: holdfast::server::auth in server/auth/. The rooms of storage/sqlite/ are
// parts of one class and share theirs; those of dav/ too, but for dav/xml/.
std::string namespace_of(const std::string& file) {
  const fs::path path = file;
  std::string name = "holdfast";
  for (const auto& part : path.parent_path()) {
    if (part == "methods" || part == "file" || part == "read" || part == "write") break;
    name += "::" + part.string();
  }
  return name;
}

bool opens_namespace(std::string_view text, const std::string& name) {
  return text.find("namespace " + name + " {") != std::string_view::npos ||
         text.find("namespace " + name + "::") != std::string_view::npos;
}

TEST(Layering, EachRoomHasItsNamespace) {
  EXPECT_EQ(namespace_of("server/auth/gate.h"), "holdfast::server::auth");
  EXPECT_EQ(namespace_of("storage/sqlite/file/schema.h"), "holdfast::storage::sqlite");
  EXPECT_FALSE(opens_namespace("namespace holdfast::server {", "holdfast::server::auth"));
  const fs::path root = holdfast::test::source_folder();
  for (const Floor& floor : kFloors) {
    for (const auto& entry : fs::recursive_directory_iterator(root / floor.folder)) {
      if (entry.path().extension() != ".h") continue;
      const std::string file = fs::relative(entry.path(), root).generic_string();
      std::ostringstream text;
      text << std::ifstream(entry.path()).rdbuf();
      EXPECT_TRUE(opens_namespace(text.str(), namespace_of(file)))
          << file << " declares nothing in " << namespace_of(file);
    }
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
