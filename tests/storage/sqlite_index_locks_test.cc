// The locks in the log's index that the writing connection keeps, takes and leaves out
// (storage/sqlite/log_vfs.h), as other connections to the same database see it.
#include <atomic>
#include <cstdarg>
#include <fcntl.h>
#include <fstream>
#include <memory>
#include <random>
#include <set>
#include <sqlite3.h>
#include <string>
#include <vector>

#include "storage/sqlite/schema.h"
#include "tests/storage/sqlite_store.h"

namespace holdfast::storage {
namespace {

// Another program's connection: SQLite's own way with files, and a cache that keeps next to
// nothing, so that it reads each page when it is asked for it.
class Foreign {
 public:
  explicit Foreign(const std::string& path) {
    EXPECT_EQ(sqlite3_open_v2(path.c_str(), &handle_, SQLITE_OPEN_READWRITE, nullptr), SQLITE_OK);
    EXPECT_EQ(does("PRAGMA cache_size = 1"), SQLITE_OK);
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

class IndexLocks : public SqliteStore {
 protected:
  [[nodiscard]] std::string database() const { return data() + "/meta.db"; }
};

TEST_F(IndexLocks, NobodyElseWritesAsLongAsTheStoreIsOpen) {
  open();
  put("f", "mine");
  Foreign other(database());
  for (const char* write : {"BEGIN IMMEDIATE", "UPDATE meta SET clean = 1", "BEGIN EXCLUSIVE"})
    EXPECT_EQ(other.does(write), SQLITE_BUSY) << write;
  EXPECT_EQ(other.says("PRAGMA wal_checkpoint(TRUNCATE)"), "1") << "busy";
  EXPECT_EQ(other.says("SELECT count(*) FROM node WHERE key = 'f'"), "1") << "reading is free";
  put("g", "mine");
  names_->checkpoint();
  EXPECT_EQ(other.does("BEGIN IMMEDIATE"), SQLITE_BUSY) << "kept when the log was moved";
  close();
  EXPECT_EQ(other.does("BEGIN IMMEDIATE"), SQLITE_OK) << "given back";
  EXPECT_EQ(other.does("ROLLBACK"), SQLITE_OK);
  open();
  EXPECT_EQ(read("g"), "mine");
  EXPECT_EQ(other.does("BEGIN IMMEDIATE"), SQLITE_BUSY);
  expect_sound();
}

// Readers that began at different instants, more of them than there are marks, while the writer
// commits, moves the log and begins it again, and while another program moves it, against all
// advice.
TEST_F(IndexLocks, EveryReaderKeepsItsInstant) {
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
    explicit Reader(const std::string& path) : connection(path) {}
    Foreign connection;
    std::string saw;  // empty: not reading
  };
  std::vector<std::unique_ptr<Reader>> readers;
  for (int i = 0; i < 7; ++i) readers.push_back(std::make_unique<Reader>(database()));
  Foreign mover(database());
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
        ASSERT_EQ(reader.connection.does("BEGIN"), SQLITE_OK);
        reader.saw = state();
        ASSERT_EQ(reader.connection.says(look), reader.saw);
        break;
      case 3:
        if (reader.saw.empty()) break;
        ASSERT_EQ(reader.connection.does("COMMIT"), SQLITE_OK);
        reader.saw.clear();
        break;
      case 4:
        if (random() % 4 == 0) names_->checkpoint();
        break;
      default:
        if (random() % 2 == 0) (void)mover.says("PRAGMA wal_checkpoint(PASSIVE)");
    }
    for (const auto& each : readers) {
      if (quiet && !each->saw.empty()) {
        ASSERT_EQ(each->connection.says(look), each->saw);
        ASSERT_EQ(each->connection.does("COMMIT"), SQLITE_OK);
        each->saw.clear();
      }
      if (!each->saw.empty()) {
        ASSERT_EQ(each->connection.says(look), each->saw);
      }
    }
    // Bytes 12 to 16 of the log count how often it began again.
    char header[16] = {};
    std::ifstream(database() + "-wal", std::ios::binary).read(header, sizeof(header));
    beginnings.insert(std::string(header + 12, 4));
  }
  EXPECT_GT(round, 1100);
  EXPECT_GT(beginnings.size(), 10U);
  for (const auto& each : readers) (void)each->connection.does("COMMIT");
  EXPECT_EQ(mover.says("PRAGMA integrity_check"), "ok");
  expect_sound();
}

// What it leaves out rests on its holding the lock on writing: before that it reads like anybody.
TEST_F(IndexLocks, AConnectionThatHasNotWrittenReadsUnderItsOwn) {
  open();
  put("f", "x");
  close();
  Foreign other(database());
  EXPECT_EQ(other.says("SELECT clean FROM meta"), "1");  // makes the index
  sqlite::Connection writer(database(), sqlite::Connection::Mode::write);
  sqlite::configure(writer, sqlite::Connection::Mode::write, 4096);
  writer.execute("BEGIN");
  EXPECT_EQ(writer.integer("SELECT clean FROM meta"), 1);
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(other.does("UPDATE meta SET clean = 7"), SQLITE_OK);
    EXPECT_EQ(other.does("CREATE TABLE more AS SELECT * FROM node, meta"), SQLITE_OK);
    (void)other.says("PRAGMA wal_checkpoint(TRUNCATE)");
    EXPECT_EQ(other.does("DROP TABLE more"), SQLITE_OK);
    EXPECT_EQ(writer.integer("SELECT clean FROM meta"), 1);
    EXPECT_EQ(writer.integer("SELECT count(*) FROM sqlite_schema WHERE name = 'more'"), 0);
  }
  writer.execute("COMMIT");
  EXPECT_EQ(writer.integer("SELECT clean FROM meta"), 7);
  // The marks that were locked then are free again: nothing holds the log.
  EXPECT_EQ(other.says("PRAGMA wal_checkpoint(TRUNCATE)"), "0");
  writer.execute("UPDATE meta SET clean = 0");
  EXPECT_EQ(other.does("UPDATE meta SET clean = 7"), SQLITE_BUSY);
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

class CountedLocks : public IndexLocks {
 protected:
  ~CountedLocks() override { close(); }  // before the calls are no longer counted
  LockCalls calls_;
};

TEST_F(CountedLocks, ACommitAsksForNone) {
  open();
  put("f", "x");
  EXPECT_GT(calls_.taken(), 0);
  for (int i = 0; i < 20; ++i) {
    put("f", std::to_string(i));
    lock("f", "urn:" + std::to_string(i), false, 1);
    clock_.advance(2000);
  }
  EXPECT_EQ(calls_.taken(), 0);
  // Also not for the log that begins again, but for the marks of those who might read it.
  names_->checkpoint();
  EXPECT_GT(calls_.taken(), 0);
  put("f", "y");
  (void)calls_.taken();
  put("f", "z");
  EXPECT_EQ(calls_.taken(), 0);
  reopen();  // an index without any mark
  put("f", "y");
  (void)calls_.taken();
  put("f", "z");
  EXPECT_EQ(calls_.taken(), 0);
}

}  // namespace
}  // namespace holdfast::storage
