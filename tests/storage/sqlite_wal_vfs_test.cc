// The files of a database as its connections have them (storage/sqlite/file/wal_vfs.h): the index
// of the log in memory, the locks in it, and the room that the log and the database keep.
#include <array>
#include <atomic>
#include <csignal>
#include <cstdarg>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <memory>
#include <random>
#include <set>
#include <sqlite3.h>
#include <string>
#include <sys/resource.h>
#include <vector>

#include "storage/sqlite/file/schema.h"
#include "storage/sqlite/file/wal_index.h"
#include "storage/sqlite/file/wal_vfs.h"
#include "tests/storage/sqlite_store.h"

namespace holdfast::storage {
namespace {

// Another program's connection: SQLite's own way with files.
class Foreign {
 public:
  explicit Foreign(const std::string& path) {
    EXPECT_EQ(sqlite3_open_v2(path.c_str(), &handle_, SQLITE_OPEN_READWRITE, nullptr), SQLITE_OK);
    sqlite3_wal_autocheckpoint(handle_, 0);
  }
  ~Foreign() { sqlite3_close(handle_); }
  Foreign(const Foreign&) = delete;
  Foreign& operator=(const Foreign&) = delete;

  int does(const char* sql) { return sqlite3_exec(handle_, sql, nullptr, nullptr, nullptr); }
  // The first column of the last row; the error's text when there is one.
  std::string says(const char* sql) {
    std::string text;
    const auto take = [](void* out, int, char** values, char**) {
      *static_cast<std::string*>(out) = values[0] != nullptr ? values[0] : "";
      return 0;
    };
    if (sqlite3_exec(handle_, sql, take, &text, nullptr) != SQLITE_OK)
      text = std::string("error: ") + sqlite3_errmsg(handle_);
    return text;
  }

 private:
  sqlite3* handle_ = nullptr;
};

class WalVfs : public SqliteStore {
 protected:
  [[nodiscard]] std::string database() const { return data() + "/meta.db"; }
};

TEST_F(WalVfs, NobodyElseOpensTheDatabaseAsLongAsTheStoreIsOpen) {
  open();
  put("f", "mine");
  Foreign other(database());
  for (const char* act : {"SELECT count(*) FROM node", "BEGIN IMMEDIATE",
                          "UPDATE meta SET clean = 1", "PRAGMA wal_checkpoint(TRUNCATE)"})
    EXPECT_EQ(other.does(act), SQLITE_BUSY) << act;
  put("g", "mine");
  names_->checkpoint();
  EXPECT_EQ(other.does("SELECT count(*) FROM node"), SQLITE_BUSY) << "kept when the log was moved";
  EXPECT_EQ(read("g"), "mine");
  close();
  EXPECT_EQ(other.says("SELECT count(*) FROM node WHERE key IN ('f', 'g')"), "2") << "given back";
}

// Readers that began at different instants, more of them than there are marks, while the writer
// commits, moves the log and begins it again.
TEST_F(WalVfs, EveryReaderKeepsItsInstant) {
  open(Durability::relaxed);
  // Some of the files each time, so that other pages stay where they are: in the log, or in the
  // database.
  constexpr std::size_t kFiles = 12;
  std::mt19937 random(11);
  std::vector<int> written(kFiles, 1000);
  int round = 1000;
  const auto write = [&](unsigned share) {
    ++round;
    for (int& each : written)
      if (random() % kFiles < share) each = round;
    names_->write(Flush::deferrable, [&](Transaction& tx) {
      const Resource root = *tx.resolve(Path()).resource;
      for (std::size_t i = 0; i < kFiles; ++i)
        if (written[i] == round)
          (void)tx.put(root, std::string(1, static_cast<char>('a' + i)),
                       inline_content(std::to_string(round) + std::string(6000, 'x')), std::nullopt,
                       kNobody);
    });
  };
  const auto state = [&] {
    std::string text;
    for (const int each : written) text += std::to_string(each) + " 0,";
    return text;
  };
  // Each file's first bytes, and how many of the others are wrong.
  const char* look =
      "SELECT group_concat(substr(bytes, 1, 4) || ' ' || length(replace(substr(bytes, 5), 'x', "
      "'')), ',') || ',' FROM (SELECT CAST(i.bytes AS TEXT) AS bytes FROM node n "
      "JOIN inline_content i ON i.id = n.content ORDER BY n.key)";
  struct Reader {
    explicit Reader(const std::string& path) : connection(path, sqlite::Connection::Mode::read) {
      // A cache that keeps next to nothing reads each page when it is asked for it.
      connection.execute("PRAGMA cache_size = 1");
    }
    sqlite::Connection connection;
    std::string saw;  // empty: not reading
  };
  std::vector<std::unique_ptr<Reader>> readers;
  for (int i = 0; i < 7; ++i) readers.push_back(std::make_unique<Reader>(database()));
  write(kFiles);
  std::set<std::string> beginnings;
  for (int step = 0; step < 500; ++step) {
    SCOPED_TRACE(step);
    Reader& reader = *readers[random() % readers.size()];
    // At times nobody reads, so that the log can begin again.
    const bool quiet = step / 50 % 3 == 2;
    switch (random() % 6) {
      case 0:
      case 1:
        write(2);
        break;
      case 2:
        if (!reader.saw.empty() || quiet) break;
        reader.connection.execute("BEGIN");
        reader.saw = state();
        ASSERT_EQ(reader.connection.text(look), reader.saw);
        break;
      case 3:
        if (reader.saw.empty()) break;
        reader.connection.execute("COMMIT");
        reader.saw.clear();
        break;
      default:
        if (random() % 2 == 0) names_->checkpoint();
    }
    for (const auto& each : readers) {
      if (quiet && !each->saw.empty()) {
        ASSERT_EQ(each->connection.text(look), each->saw);
        each->connection.execute("COMMIT");
        each->saw.clear();
      }
      if (!each->saw.empty()) {
        ASSERT_EQ(each->connection.text(look), each->saw);
      }
    }
    // Bytes 12 to 16 of the log count how often it began again.
    char header[16] = {};
    std::ifstream(database() + "-wal", std::ios::binary).read(header, sizeof(header));
    beginnings.insert(std::string(header + 12, 4));
  }
  EXPECT_GT(round, 1100);
  EXPECT_GT(beginnings.size(), 10U);
  for (const auto& each : readers)
    if (!each->saw.empty()) each->connection.execute("COMMIT");
  expect_sound();
}

// The calls of SQLite's system layer that take or give back a lock.
class LockCalls {
 public:
  LockCalls() {
    calls = 0;
    sqlite3_vfs* system = sqlite3_vfs_find(nullptr);
    original = reinterpret_cast<int (*)(int, int, ...)>(system->xGetSystemCall(system, "fcntl"));
    system->xSetSystemCall(system, "fcntl", reinterpret_cast<sqlite3_syscall_ptr>(count));
  }
  ~LockCalls() {
    sqlite3_vfs* system = sqlite3_vfs_find(nullptr);
    system->xSetSystemCall(system, "fcntl", nullptr);
  }
  LockCalls(const LockCalls&) = delete;
  LockCalls& operator=(const LockCalls&) = delete;
  [[nodiscard]] static int taken() { return calls.exchange(0); }

 private:
  static int count(int fd, int command, ...) {
    va_list rest;
    va_start(rest, command);
    void* argument = va_arg(rest, void*);
    va_end(rest);
    if (command == F_SETLK) ++calls;
    return original(fd, command, argument);
  }
  static inline std::atomic<int> calls = 0;
  static inline int (*original)(int, int, ...) = nullptr;
};

class CountedLocks : public WalVfs {
 protected:
  ~CountedLocks() override { close(); }  // before the calls are no longer counted
  LockCalls calls_;
};

// Neither commits nor reads nor moving the log make a system call for a lock.
TEST_F(CountedLocks, NothingAsksForOne) {
  open();
  put("f", "x");
  (void)calls_.taken();  // those of the files beside it that were made
  for (int i = 0; i < 20; ++i) {
    put("f", std::to_string(i));
    lock("f", "urn:" + std::to_string(i), false, 1);
    clock_.advance(2000);
  }
  EXPECT_EQ(calls_.taken(), 0);
  names_->checkpoint();
  put("f", "y");
  EXPECT_EQ(read("f"), "y");
  EXPECT_EQ(calls_.taken(), 0);
}

// A table of locks against an obvious one.
TEST(WalIndex, LocksAreAllOrNone) {
  constexpr int kOwners = 4;
  sqlite::WalIndex index;
  struct Held {
    int first, count;
    bool shared;
  };
  std::vector<std::vector<Held>> held(kOwners);
  std::mt19937 random(3);
  int granted = 0;
  int refused = 0;
  for (int step = 0; step < 20'000; ++step) {
    auto& own = held[random() % kOwners];
    if (!own.empty() && random() % 2 == 0) {
      index.unlock(own.back().first, own.back().count, own.back().shared);
      own.pop_back();
      continue;
    }
    Held wanted{static_cast<int>(random() % sqlite::WalIndex::kLocks), 1, random() % 2 == 0};
    if (!wanted.shared)
      wanted.count = 1 + static_cast<int>(random() % (sqlite::WalIndex::kLocks - wanted.first));
    bool free = true;
    for (const auto& each : held)
      for (const Held& other : each)
        free = free &&
               ((wanted.shared && other.shared) || other.first >= wanted.first + wanted.count ||
                wanted.first >= other.first + other.count);
    ASSERT_EQ(index.lock(wanted.first, wanted.count, wanted.shared), free) << step;
    if (free) own.push_back(wanted);
    ++(free ? granted : refused);
  }
  EXPECT_GT(granted, 1000);
  EXPECT_GT(refused, 1000);
}

TEST(WalIndex, RegionsStayWhereTheyAre) {
  sqlite::WalIndex index;
  EXPECT_EQ(index.region(0, 32768, false), nullptr);
  auto* third = static_cast<volatile char*>(index.region(2, 32768, true));
  ASSERT_NE(third, nullptr);
  EXPECT_EQ(third[0], 0);
  third[32767] = 7;
  for (std::size_t number = 3; number < 100; ++number)
    EXPECT_NE(index.region(number, 32768, true), nullptr);
  EXPECT_EQ(index.region(2, 32768, false), third);
  EXPECT_EQ(third[32767], 7);
  EXPECT_EQ(index.region(100, 32768, false), nullptr);
}

class LogFile : public WalVfs {
 protected:
  void TearDown() override { ::signal(SIGXFSZ, SIG_DFL); }
  [[nodiscard]] std::uintmax_t bytes(const char* suffix) const {
    return std::filesystem::file_size(database() + suffix);
  }
  void open_keeping(std::uint64_t bytes) {
    folder_ = std::make_unique<files::DataFolder>(data());
    content_ = std::make_unique<files::FileContentStore>(*folder_, Durability::full);
    sqlite::Options options;
    options.reserve_bytes = bytes;
    names_ = sqlite::open(folder_->database(), *content_, clock_, options);
  }
};

TEST_F(LogFile, IsNeverShorterThanItsReserve) {
  constexpr std::uint64_t kKept = 2 << 20;
  open_keeping(kKept);
  EXPECT_EQ(bytes("-wal"), kKept);
  for (int i = 0; i < 3; ++i) {
    put("f", std::string(60'000, 'x'));
    names_->checkpoint();
    EXPECT_EQ(names_->stats().wal_bytes, 0U);
    EXPECT_EQ(bytes("-wal"), kKept);
  }
  for (int i = 0; i < 60; ++i) put(std::to_string(i), std::string(60'000, 'x'));
  EXPECT_GT(bytes("-wal"), kKept);
  names_->checkpoint();
  EXPECT_EQ(bytes("-wal"), kKept);
  close();
  EXPECT_EQ(bytes("-wal"), kKept) << "its room stays ours";
  open_keeping(kKept);
  EXPECT_EQ(read("59"), std::string(60'000, 'x'));
  expect_sound();
}

// A log that was emptied but keeps its length must not be read again by the next start.
TEST_F(LogFile, ThatWasEmptiedHoldsNothing) {
  open_keeping(2 << 20);
  put("f", "first");
  names_->checkpoint();
  const std::string copy = root_ + "/copy-wal";
  std::filesystem::copy_file(database() + "-wal", copy);
  std::ifstream header(copy, std::ios::binary);
  std::array<char, 32> first{};
  header.read(first.data(), first.size());
  EXPECT_EQ(first, (std::array<char, 32>{}));
}

// No file may become longer than the database is: a commit that needs a page more is refused as
// one on a full disk, and what the log has taken can always be moved into the database.
TEST_F(LogFile, TakesNothingThatTheDatabaseHasNoRoomFor) {
  ::signal(SIGXFSZ, SIG_IGN);
  open_keeping(512 * 1024);
  for (int i = 0; i < 40; ++i) put("file-" + std::to_string(i), std::string(50'000, 'x'));
  names_->checkpoint();
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  rlimit limit = before;
  limit.rlim_cur = std::max(bytes(""), bytes("-wal"));
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &limit), 0);
  int stored = 0;
  try {
    for (; stored < 100; ++stored) put("more-" + std::to_string(stored), std::string(50'000, 'y'));
  } catch (const Error& error) {
    EXPECT_EQ(error.fault(), Fault::full) << error.what();
  }
  EXPECT_LT(stored, 100);
  for (int i = 0; i < 40; ++i) {
    remove("file-" + std::to_string(i));
    if (i % 7 == 0) names_->checkpoint();
  }
  names_->checkpoint();
  EXPECT_TRUE(failure_.empty()) << failure_;
  EXPECT_EQ(names_->snapshot()->usage().resources, 1U + static_cast<std::uint64_t>(stored));
  expect_sound();
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
  for (int i = 0; i < 60; ++i) put("again-" + std::to_string(i), std::string(50'000, 'z'));
  expect_sound();
}

// Cut at each commit in turn, and with salts of another log.
TEST_F(LogFile, IsCutAtTheFrameThatIsSaid) {
  open_keeping(512 * 1024);
  std::vector<std::int64_t> frames;
  for (int i = 0; i < 6; ++i) {
    put("f", std::to_string(i));
    frames.push_back(static_cast<std::int64_t>(names_->stats().wal_bytes / (4096 + 24)));
  }
  const std::string kept = root_ + "/kept";
  std::filesystem::copy(data(), kept, std::filesystem::copy_options::recursive);
  close();
  std::ifstream wal(kept + "/meta.db-wal", std::ios::binary);
  std::array<unsigned char, 32> header{};
  wal.read(reinterpret_cast<char*>(header.data()), header.size());
  std::uint64_t salts = 0;
  for (int i = 16; i < 24; ++i) salts = salts << 8U | header[static_cast<std::size_t>(i)];
  const auto cut = [&](std::uint64_t of, std::int64_t at) {
    std::filesystem::remove_all(data());
    std::filesystem::copy(kept, data(), std::filesystem::copy_options::recursive);
    EXPECT_TRUE(sqlite::cut_log(database(), of, at));
    open_keeping(0);
    const std::string found = resolve("f").mapped() ? read("f") : "none";
    expect_sound();
    close();
    return found;
  };
  for (std::size_t i = 0; i < frames.size(); ++i)
    EXPECT_EQ(cut(salts, frames[i]), std::to_string(i));
  EXPECT_EQ(cut(salts, frames.back() + 100), "5") << "longer than it is";
  EXPECT_EQ(cut(salts + 1, frames.back()), "none") << "another log: nothing of it counts";
  EXPECT_EQ(cut(0, 0), "none");
  std::filesystem::remove(database() + "-wal");
  EXPECT_TRUE(sqlite::cut_log(database(), salts, 3)) << "there is none";
}

}  // namespace
}  // namespace holdfast::storage
