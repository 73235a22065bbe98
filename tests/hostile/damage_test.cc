// Damage to what is stored (docs/robustness.md E7, E8, R6, G9): reported, never served as success,
// never repaired by forgetting.
#include <algorithm>
#include <fstream>
#include <functional>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <sstream>
#include <string>
#include <unistd.h>
#include <vector>

#include "tests/support/http_client.h"
#include "tests/support/process.h"
#include "tests/support/server_process.h"
#include "tests/support/temporary_folder.h"

namespace holdfast::test {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

constexpr std::size_t kPageBytes = 4096;

std::string read_file(const fs::path& path) {
  std::ostringstream out;
  out << std::ifstream(path, std::ios::binary).rdbuf();
  return out.str();
}

void overwrite(const fs::path& path, std::size_t offset, const std::string& bytes) {
  std::fstream file(path, std::ios::binary | std::ios::in | std::ios::out);
  file.seekp(static_cast<std::streamoff>(offset));
  file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  ASSERT_TRUE(file.flush().good());
}

std::vector<fs::path> blobs(const fs::path& data) {
  std::vector<fs::path> found;
  for (const auto& entry : fs::recursive_directory_iterator(data / "blobs"))
    if (entry.path().filename().string().size() == 32) found.push_back(entry.path());
  return found;
}

Outcome check(const fs::path& data, bool hashes = false) {
  std::vector<std::string> arguments = {holdfast_binary(), "check", "--data", data};
  if (hashes) arguments.emplace_back("--hashes");
  return run({.arguments = arguments});
}

// What can become of a content file.
struct Harm {
  const char* name;
  std::function<void(const fs::path&)> act;
  const char* listed;         // what check says of it
  bool needs_hashes = false;  // only check --hashes sees it
};

const std::vector<Harm>& harms() {
  static const std::vector<Harm> all = {
      {"missing", [](const fs::path& file) { fs::remove(file); }, "is missing"},
      {"empty", [](const fs::path& file) { fs::resize_file(file, 0); }, "wrong size"},
      {"short", [](const fs::path& file) { fs::resize_file(file, fs::file_size(file) - 1); },
       "wrong size"},
      {"long", [](const fs::path& file) { fs::resize_file(file, fs::file_size(file) + 1); },
       "wrong size"},
      {"changed", [](const fs::path& file) { overwrite(file, 70'000, "#"); }, "SHA-256", true},
      {"zeroed",
       [](const fs::path& file) { overwrite(file, 0, std::string(fs::file_size(file), '\0')); },
       "SHA-256", true},
      {"a folder",
       [](const fs::path& file) {
         fs::remove(file);
         fs::create_directory(file);
       },
       "cannot be read"},
      {"a link",
       [](const fs::path& file) {
         const fs::path elsewhere = file.parent_path() / "elsewhere";
         fs::rename(file, elsewhere);
         fs::create_symlink(elsewhere, file);
       },
       "cannot be read"},
  };
  return all;
}

class LargeDamage : public testing::Test {
 protected:
  TemporaryFolder folder_{TemporaryFolder::in_memory()};
  fs::path data_ = folder_ / "data";
};
class Damage : public LargeDamage, public testing::WithParamInterface<bool> {};
// While the server runs, and while it does not.
INSTANTIATE_TEST_SUITE_P(Content, Damage, testing::Bool(), [](const auto& run_through) {
  return run_through.param ? "OfARunningServer" : "BetweenRuns";
});

TEST_P(Damage, OfAContentFileIs500AndCanBeRemovedAndReplaced) {
  // What is removed must be gone: the trash would keep what is damaged.
  ServerProcess server(data_, {"--trash-keep", "0", "--versions", "off"});
  server.start();
  auto client = std::make_unique<HttpClient>(server.port());
  std::vector<fs::path> files;
  for (std::size_t i = 0; i < harms().size(); ++i) {
    const std::string path = "/f" + std::to_string(i);
    const std::vector<fs::path> before = blobs(data_);
    const std::string body(100'000 + i, static_cast<char>('a' + i));
    ASSERT_EQ(client->request("PUT", path, {}, body).status, 201);
    ASSERT_TRUE(client->request("GET", path).body == body);
    ASSERT_EQ(client->request("COPY", path, {{"Destination", path + "c"}}).status, 201);
    for (const fs::path& blob : blobs(data_))
      if (std::find(before.begin(), before.end(), blob) == before.end()) files.push_back(blob);
    ASSERT_EQ(files.size(), i + 1);
  }
  if (!GetParam()) {
    ASSERT_EQ(server.stop(), 0);
  }
  for (std::size_t i = 0; i < harms().size(); ++i) harms()[i].act(files[i]);
  if (!GetParam()) {
    server.start();
    client = std::make_unique<HttpClient>(server.port());
  }

  const std::string plain = check(data_).output;
  const std::string hashed = check(data_, true).output;
  for (std::size_t i = 0; i < harms().size(); ++i) {
    const Harm& harm = harms()[i];
    SCOPED_TRACE(harm.name);
    const std::string blob = files[i].filename();
    const std::string line = "Content file " + blob + " ";
    EXPECT_EQ(plain.find(line) != plain.npos, !harm.needs_hashes) << plain;
    const std::size_t at = hashed.find(line);
    ASSERT_NE(at, hashed.npos) << hashed;
    EXPECT_THAT(hashed.substr(at, hashed.find('\n', at) - at), HasSubstr(harm.listed));

    const std::string path = "/f" + std::to_string(i);
    EXPECT_EQ(client->request("GET", path).status, 500);
    EXPECT_EQ(client->request("GET", path, {{"Range", "bytes=0-0"}}).status, 500);
    EXPECT_EQ(client->request("GET", path, {{"Range", "bytes=0-0,5-6"}}).status, 500);
    client->send("HEAD " + path + " HTTP/1.1\r\nHost: localhost\r\n\r\n");
    EXPECT_EQ(client->read_reply(true).status, 500);
    EXPECT_EQ(client->request("GET", path + "c").status, 500) << "COPY shares the content";
    EXPECT_EQ(client->request("COPY", path, {{"Destination", path + "d"}}).status, 201);
    EXPECT_EQ(client->request("GET", path + "d").status, 500);
    EXPECT_EQ(client->request("PROPFIND", path, {{"Depth", "0"}}).status, 207);
    EXPECT_EQ(client->request("PUT", path, {}, std::string(100'000, 'n')).status, 204);
    EXPECT_TRUE(client->request("GET", path).body == std::string(100'000, 'n'));
    EXPECT_EQ(client->request("MOVE", path + "c", {{"Destination", path + "m"}}).status, 201);
    EXPECT_EQ(client->request("DELETE", path + "m").status, 204);
    EXPECT_EQ(client->request("DELETE", path + "d").status, 204);
  }
  EXPECT_EQ(server.stop(), 0);
  EXPECT_THAT(server.output(), HasSubstr("missing"));
  EXPECT_THAT(server.output(), HasSubstr("SHA-256"));
  EXPECT_EQ(check(data_, true).exit_code, 0);
}

// Too large to be read before the first byte is sent: a whole GET is cut before its last piece.
TEST_F(LargeDamage, OfALargeFileIsNeverACompleteAnswer) {
  ServerProcess server(data_);
  server.start();
  const std::string body((64 << 20) + 5, 'L');
  ASSERT_EQ(HttpClient(server.port()).request("PUT", "/f", {}, body).status, 201);
  ASSERT_EQ(server.stop(), 0);
  server.start();
  HttpClient client(server.port());
  EXPECT_TRUE(client.request("GET", "/f").body == body) << "verified on the way";
  EXPECT_TRUE(client.request("GET", "/f").body == body) << "known to be sound";
  overwrite(blobs(data_).at(0), 12'345'678, "#");
  EXPECT_THROW((void)client.request("GET", "/f"), HttpFailure);
  EXPECT_THROW((void)client.request("GET", "/f"), HttpFailure);
  EXPECT_EQ(client.request("GET", "/f", {{"Range", "bytes=5-6"}}).body, "LL");
  EXPECT_EQ(check(data_, true).exit_code, 1);
  EXPECT_EQ(server.stop(), 0);
  EXPECT_THAT(server.output(), HasSubstr("SHA-256"));
}

// A store with known files, stopped or killed, and one damage done to a copy of it.
class DatabaseDamage : public testing::Test {
 protected:
  static constexpr int kFiles = 120;

  static std::string body(int file) {
    const std::size_t size = file % 20 == 0 ? 70'000 : static_cast<std::size_t>(file * 37);
    std::string text;
    while (text.size() < size) text += "file " + std::to_string(file) + " is whole; ";
    text.resize(size);
    return text;
  }
  static bool is_some_body(const std::string& bytes) {
    for (int i = 0; i < kFiles; ++i)
      if (bytes == body(i)) return true;
    return false;
  }
  static std::string path(int file) {
    return "/c" + std::to_string(file % 4) + "/f" + std::to_string(file);
  }

  void make(bool killed) {
    ServerProcess server(original_);
    server.start();
    HttpClient client(server.port());
    for (int i = 0; i < 4; ++i)
      ASSERT_EQ(client.request("MKCOL", "/c" + std::to_string(i)).status, 201);
    for (int i = 0; i < kFiles; ++i)
      ASSERT_EQ(client.request("PUT", path(i), {}, body(i)).status, 201);
    if (killed) {
      // What the log holds goes into the database whenever the writers pause.
      const fs::path log = original_ / "meta.db-wal";
      for (int i = 1; fs::file_size(log) < 200'000; i = i % (kFiles - 1) + 1)
        ASSERT_EQ(client.request("PUT", path(i), {}, body(i)).status, 204);
      server.kill();
      fs::remove(original_ / "control.sock");
    } else {
      ASSERT_EQ(server.stop(), 0);
    }
  }

  fs::path copy() {
    fs::remove_all(data_);
    fs::copy(original_, data_, fs::copy_options::recursive);
    return data_ / "meta.db";
  }

  // Refused by one sentence, and nothing in the folder is made, changed or removed.
  void expect_refusal(const std::string& sentence) {
    const auto state = [this] {
      std::map<std::string, std::string> all;
      for (const auto& entry : fs::recursive_directory_iterator(data_)) {
        if (!entry.is_regular_file()) continue;
        // The index of the log is made anew whenever the database is opened.
        if (entry.path().extension() == ".db-shm") continue;
        all[entry.path().string()] = read_file(entry.path());
      }
      return all;
    };
    const auto before = state();
    for (const char* command : {"serve", "check"}) {
      std::vector<std::string> arguments = {holdfast_binary(), command, "--data", data_};
      if (std::string(command) == "serve")
        arguments.insert(arguments.end(), {"--listen", "127.0.0.1:0"});
      const Outcome outcome = run({.arguments = arguments, .timeout = std::chrono::seconds(60)});
      EXPECT_EQ(outcome.exit_code, 2) << command << ": " << outcome.output;
      // check says in its own words that it finds no database.
      EXPECT_THAT(outcome.output, testing::AnyOf(HasSubstr(sentence), HasSubstr("no store")))
          << command;
      auto after = state();
      for (auto it = after.begin(); it != after.end();)
        it = before.contains(it->first) || !it->second.empty() ? std::next(it) : after.erase(it);
      EXPECT_TRUE(after == before) << command;
    }
  }

  // Either refused, or it serves: then what it answers with 200 is what was stored. Names have no
  // checksum: one that became another's (f13 turned f17) brings that file, whole, and the check
  // finds the damage. Returns how many files it serves; nothing when it refused.
  std::optional<int> serve_or_refuse() {
    ServerProcess server(data_);
    try {
      server.start();
    } catch (const std::runtime_error& error) {
      EXPECT_THAT(error.what(), HasSubstr("holdfast: "));
      EXPECT_THAT(error.what(), testing::Not(HasSubstr("AddressSanitizer")));
      EXPECT_THAT(error.what(), testing::Not(HasSubstr("runtime error")));
      return std::nullopt;
    }
    HttpClient client(server.port());
    int served = 0;
    bool renamed = false;
    for (int i = 0; i < kFiles; ++i) {
      const Reply reply = client.request("GET", path(i));
      if (reply.status == 200) {
        ++served;
        if (reply.body == body(i)) continue;
        renamed = true;
        EXPECT_TRUE(is_some_body(reply.body)) << path(i) << " is served wrongly";
      } else {
        EXPECT_THAT(reply.status, testing::AnyOf(404, 500, 503)) << path(i);
      }
    }
    try {
      (void)client.request("PROPFIND", "/", {{"Depth", "infinity"}});
    } catch (const HttpFailure&) {
      client.close();  // cut: the listing met the damage
    }
    (void)client.request("PUT", "/new", {}, "x");
    const int code = server.stop();
    EXPECT_TRUE(code == 0 || code == 1) << code << server.output();
    if (renamed) {
      EXPECT_EQ(check(data_, false).exit_code, 1) << "the check finds no damage";
    }
    return served;
  }

  TemporaryFolder folder_{TemporaryFolder::in_memory()};
  fs::path original_ = folder_ / "original";
  fs::path data_ = folder_ / "data";
};

TEST_F(DatabaseDamage, ThatOpeningCanSeeIsRefusedAndNothingIsMadeAnew) {
  make(false);
  struct Row {
    const char* name;
    std::function<void(const fs::path&)> act;
    const char* sentence;
  };
  const std::vector<Row> rows = {
      {"empty", [](const fs::path& db) { fs::resize_file(db, 0); }, "is empty"},
      {"missing", [](const fs::path& db) { fs::remove(db); }, "is missing"},
      {"magic", [](const fs::path& db) { overwrite(db, 3, "x"); }, "damaged"},
      {"page size", [](const fs::path& db) { overwrite(db, 16, "\x11\x11"); }, "damaged"},
      {"application", [](const fs::path& db) { overwrite(db, 68, "Mine"); }, "another program"},
      {"newer", [](const fs::path& db) { overwrite(db, 60, "zzzz"); }, "newer version"},
      {"no version", [](const fs::path& db) { overwrite(db, 60, std::string(4, '\0')); },
       "no known schema"},
      {"first page", [](const fs::path& db) { overwrite(db, 100, std::string(600, 'j')); },
       "damaged"},
      {"first page only", [](const fs::path& db) { fs::resize_file(db, kPageBytes); }, "damaged"},
      {"a few bytes", [](const fs::path& db) { fs::resize_file(db, 90); }, "damaged"},
      {"a folder",
       [](const fs::path& db) {
         fs::remove(db);
         fs::create_directory(db);
       },
       "not a regular file"},
      {"no blobs", [](const fs::path& db) { fs::remove_all(db.parent_path() / "blobs"); },
       "is missing"},
      {"a blob folder less",
       [](const fs::path& db) {
         fs::remove_all(fs::directory_iterator(db.parent_path() / "blobs")->path());
       },
       "is missing"},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.name);
    row.act(copy());
    expect_refusal(row.sentence);
  }
}

TEST_F(DatabaseDamage, ElsewhereIsNeverServedAsWhatWasStored) {
  make(false);
  std::mt19937 random(7);
  const auto pages = static_cast<int>(fs::file_size(original_ / "meta.db") / kPageBytes);
  const std::string junk(kPageBytes, '\x5a');
  int damaged = 0;
  for (int run_through = 0; run_through < 14; ++run_through) {
    SCOPED_TRACE(run_through);
    const fs::path db = copy();
    if (run_through == 0) {
      fs::resize_file(db, fs::file_size(db) / 2);
    } else if (run_through < 4) {
      // A page in full, not the first.
      overwrite(db, kPageBytes * (1 + random() % static_cast<unsigned>(pages - 1)), junk);
    } else {
      // Single bytes all over the file.
      for (int i = 0; i < 10 * run_through; ++i)
        overwrite(db, 100 + random() % (fs::file_size(db) - 100),
                  std::string(1, static_cast<char>(random())));
    }
    const std::optional<int> served = serve_or_refuse();
    if (!served || *served < kFiles) ++damaged;
  }
  EXPECT_GT(damaged, 7) << "this damages too little to prove anything";
}

// Small content is in the database, which has no checksums of its own.
TEST_F(DatabaseDamage, OfInlineContentIs500) {
  make(false);
  const fs::path db = copy();
  const std::string all = read_file(db);
  int changed = 0;
  for (std::size_t at = all.find("is whole"); at != all.npos; at = all.find("is whole", at + 500)) {
    overwrite(db, at, "Is");
    ++changed;
  }
  ASSERT_GT(changed, 20);
  const std::optional<int> served = serve_or_refuse();
  ASSERT_TRUE(served.has_value());
  EXPECT_LT(*served, kFiles - 20);
  const Outcome hashes = check(data_, true);
  EXPECT_EQ(hashes.exit_code, 1);
  EXPECT_THAT(hashes.output, HasSubstr("SHA-256"));
}

// Content that the rows do not name, because they are of an earlier day: nothing of it is lost, and
// with the rows of today it is there again.
TEST_F(DatabaseDamage, AnOldDatabaseBesideNewerContentLosesNothing) {
  constexpr int kNewer = 70;
  make(false);
  const fs::path old = copy();
  fs::copy(old, folder_ / "old.db");
  ServerProcess server(data_);
  server.start();
  {
    HttpClient client(server.port());
    for (int i = 0; i < kNewer; ++i)
      ASSERT_EQ(
          client.request("PUT", "/n" + std::to_string(i), {}, body(20) + std::to_string(i)).status,
          201);
  }
  ASSERT_EQ(server.stop(), 0);
  const std::size_t files = blobs(data_).size();
  fs::rename(old, folder_ / "new.db");
  fs::rename(folder_ / "old.db", old);
  const Outcome before = check(data_);
  EXPECT_EQ(before.exit_code, 1);
  EXPECT_THAT(before.output, HasSubstr("70 content files of "));

  server.start();
  const auto told = [&server] {
    return server.output().find("70 content files of ") != std::string::npos;
  };
  for (int i = 0; i < 300 && !told(); ++i) usleep(100'000);
  EXPECT_TRUE(told()) << server.output();
  EXPECT_EQ(HttpClient(server.port()).request("GET", path(20)).body, body(20));
  EXPECT_EQ(server.stop(), 0);
  EXPECT_EQ(blobs(data_).size(), files - kNewer);
  EXPECT_EQ(check(data_).exit_code, 0);

  fs::rename(folder_ / "new.db", old);
  const Outcome missing = check(data_);
  EXPECT_THAT(missing.output, HasSubstr("is missing: /n0.\n"));
  EXPECT_THAT(missing.output, HasSubstr("70 problems"));
  const Outcome repair =
      run({.arguments = {holdfast_binary(), "check", "--repair", "--data", data_}});
  EXPECT_THAT(repair.output, HasSubstr("taken back"));
  EXPECT_THAT(repair.output, HasSubstr("70 repaired"));
  EXPECT_EQ(check(data_, true).exit_code, 0);
  EXPECT_EQ(blobs(data_).size(), files);
}

// What a kill leaves of an upload that nobody was told of.
TEST_F(DatabaseDamage, AnUploadThatAKillLeftIsNoProblem) {
  make(true);
  copy();
  fs::create_directory(data_ / "blobs/aa");
  std::ofstream(data_ / "blobs/aa" / std::string(32, 'a')) << "left over";
  const Outcome found = check(data_);
  EXPECT_EQ(found.exit_code, 0) << found.output;
  EXPECT_THAT(found.output, HasSubstr("1 content file of 9 bytes that belong"));
  EXPECT_THAT(found.output, HasSubstr("sound.\n"));
  const Outcome repaired =
      run({.arguments = {holdfast_binary(), "check", "--repair", "--data", data_}});
  EXPECT_EQ(repaired.exit_code, 0) << repaired.output;
  EXPECT_FALSE(fs::exists(data_ / "blobs/aa" / std::string(32, 'a')));
  EXPECT_THAT(check(data_).output, testing::Not(HasSubstr("belong")));
}

TEST_F(DatabaseDamage, OfTheLogLosesNothingThatIsServed) {
  make(true);
  std::mt19937 random(11);
  const std::size_t log_bytes = fs::file_size(original_ / "meta.db-wal");
  ASSERT_GT(log_bytes, 100'000U);
  for (int run_through = 0; run_through < 8; ++run_through) {
    SCOPED_TRACE(run_through);
    const fs::path db = copy();
    const fs::path log = db.string() + "-wal";
    if (run_through == 0) {
      fs::remove(log);
    } else if (run_through == 1) {
      fs::resize_file(log, 0);
    } else if (run_through == 2) {
      fs::resize_file(log, log_bytes / 2 + 7);
    } else {
      overwrite(log, random() % log_bytes, std::string(1, static_cast<char>(random())));
    }
    // What is left are whole commits up to the damage.
    ASSERT_TRUE(serve_or_refuse().has_value());
    EXPECT_THAT(check(data_).output, testing::Not(HasSubstr("SQLite")));
  }
  // A log whose database is gone may hold all there is.
  fs::remove(copy());
  expect_refusal("is missing");
}

}  // namespace
}  // namespace holdfast::test
