// Group commit and what a failing disk does to it.
#include <chrono>
#include <condition_variable>
#include <fstream>
#include <gmock/gmock.h>
#include <map>
#include <mutex>
#include <sqlite3.h>
#include <stdexcept>
#include <thread>

#include "tests/storage/sqlite_store.h"
#include "tests/support/locks.h"

namespace holdfast::storage {
namespace {

class Writing : public SqliteStore {};

// Lets one write hold the lead until told to go on, so that others have to queue behind it.
class Gate {
 public:
  void pass() {
    std::unique_lock lock(mutex_);
    entered_ = true;
    changed_.notify_all();
    changed_.wait(lock, [this] { return open_; });
  }
  void wait_entered() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return entered_; });
  }
  void open() {
    const std::lock_guard lock(mutex_);
    open_ = true;
    changed_.notify_all();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool entered_ = false;
  bool open_ = false;
};

TEST_F(Writing, GroupsWhatWaitsIntoOneCommitAndARefusalHarmsOnlyItself) {
  open();
  const NamespaceStats before = names_->stats();
  Gate gate;
  std::thread first([&] {
    names_->write(Flush::required, [&](Transaction& tx) {
      gate.pass();
      (void)tx.make_collection(tx.resolve(Path()).resource.value(), "first", kNobody);
    });
  });
  gate.wait_entered();
  constexpr int kWaiting = 9;
  std::atomic<int> refused = 0;
  std::vector<std::thread> others;
  for (int i = 0; i < kWaiting; ++i) {
    others.emplace_back([&, i] {
      try {
        names_->write(Flush::required, [&](Transaction& tx) {
          (void)tx.make_collection(tx.resolve(Path()).resource.value(), std::to_string(i), kNobody);
          if (i % 3 == 0) throw std::logic_error("refused");
        });
      } catch (const std::logic_error&) {
        ++refused;
      }
    });
  }
  // They are queued once nothing more comes; a late one only makes one more batch.
  std::this_thread::sleep_for(std::chrono::milliseconds(100));
  gate.open();
  first.join();
  for (std::thread& other : others) other.join();

  const NamespaceStats after = names_->stats();
  EXPECT_EQ(after.writes - before.writes, 1U + kWaiting);
  EXPECT_LT(after.batches - before.batches, 1U + kWaiting);
  EXPECT_GT(after.largest_batch, 1U);
  EXPECT_EQ(refused, 3);
  for (int i = 0; i < kWaiting; ++i) {
    EXPECT_EQ(resolve(std::to_string(i)).mapped(), i % 3 != 0) << i;
  }
  EXPECT_EQ(names_->snapshot()->usage().resources, 2U + 6U);
  expect_sound();
}

TEST_F(Writing, LosesNothingUnderManyThreads) {
  open();
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 50; ++i) {
        const std::string name = std::to_string(t) + "-" + std::to_string(i);
        put(name, name);
        ASSERT_EQ(read(name), name);
        if (i % 5 == 0) remove(name);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(names_->snapshot()->usage().resources, 1U + 8 * 40);
  expect_sound();
}

TEST_F(Writing, OnlyLockChangesGoWithoutAFlush) {
  open();
  put("f", "");
  const std::uint64_t flushed = names_->stats().flushed_batches;
  lock("f", "urn:1");
  names_->write(Flush::deferrable,
                [](Transaction& tx) { (void)tx.refresh_lock(test::lock_with(tx, "urn:1"), 60); });
  names_->write(Flush::deferrable,
                [](Transaction& tx) { (void)tx.remove_lock(test::lock_with(tx, "urn:1")); });
  EXPECT_EQ(names_->stats().flushed_batches, flushed);
  // A closure that said it needs none but stores something is run again, flushed.
  int runs = 0;
  names_->write(Flush::deferrable, [&](Transaction& tx) {
    ++runs;
    (void)tx.make_collection(tx.resolve(Path()).resource.value(), "c", kNobody);
  });
  EXPECT_EQ(runs, 2);
  EXPECT_EQ(names_->stats().flushed_batches, flushed + 1);
  EXPECT_TRUE(resolve("c").mapped());
}

TEST_F(Writing, ARefusalOrALookCommitsNothing) {
  open();
  const std::uint64_t batches = names_->stats().batches;
  EXPECT_THROW(names_->write(Flush::required,
                             [](Transaction& tx) {
                               (void)tx.make_collection(tx.resolve(Path()).resource.value(), "c",
                                                        kNobody);
                               throw std::logic_error("refused");
                             }),
               std::logic_error);
  names_->write(Flush::required, [](Transaction& tx) { (void)tx.resolve(Path()); });
  EXPECT_EQ(names_->stats().batches, batches);
  EXPECT_FALSE(resolve("c").mapped());
}

TEST_F(Writing, ASnapshotKeepsItsInstant) {
  open();
  put("f", "one");
  const auto snapshot = names_->snapshot();
  remove("f");
  put("g", "two");
  EXPECT_TRUE(snapshot->resolve(path("f")).mapped());
  EXPECT_FALSE(snapshot->resolve(path("g")).mapped());
  EXPECT_EQ(snapshot->usage().bytes, 3U);
  EXPECT_TRUE(resolve("g").mapped());
}

TEST_F(Writing, ASnapshotBeyondThePoolWaitsForOne) {
  open(Durability::full, 1);
  auto held = names_->snapshot();
  std::atomic<bool> got = false;
  std::thread waiting([&] {
    (void)names_->snapshot();
    got = true;
  });
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  EXPECT_FALSE(got);
  held.reset();
  waiting.join();
  EXPECT_TRUE(got);
}

TEST_F(Writing, CheckpointEmptiesTheLog) {
  open();
  for (int i = 0; i < 20; ++i) put(std::to_string(i), std::string(1000, 'x'));
  EXPECT_GT(names_->stats().wal_bytes, 0U);
  names_->checkpoint();
  EXPECT_EQ(names_->stats().wal_bytes, 0U);
  {
    const auto snapshot = names_->snapshot();
    put("more", "x");
    names_->checkpoint();  // a reader in the way is no error
    EXPECT_FALSE(snapshot->resolve(path("more")).mapped());
  }
  expect_sound();
}

// A backup reads for long. What waits for it may be the log, not every write.
// A backup copies the database and then the log: what moves between them meanwhile is in neither.
TEST_F(Writing, AHeldLogIsNotMoved) {
  open();
  put("before", "b");
  names_->checkpoint();
  const auto database = [this] {
    std::ifstream file(data() + "/meta.db", std::ios::binary);
    return std::string(std::istreambuf_iterator<char>(file), {});
  };
  const std::string held = database();
  std::shared_ptr<void> hold = names_->hold_log();
  put("during", "d");
  names_->checkpoint();
  EXPECT_EQ(database(), held);
  EXPECT_GT(names_->stats().wal_bytes, 0U);
  hold.reset();
  names_->checkpoint();
  EXPECT_NE(database(), held);
  EXPECT_EQ(names_->stats().wal_bytes, 0U);
}

TEST_F(Writing, ALogHeldByALongReaderDoesNotHoldUpEveryWrite) {
  open(Durability::relaxed);
  const auto snapshot = names_->snapshot();
  for (int batch = 0; batch < 10; ++batch)
    names_->write(Flush::deferrable, [&](Transaction& tx) {
      for (int i = 0; i < 120; ++i)
        tx.put(*tx.resolve(path("")).resource, std::to_string(batch * 120 + i),
               inline_content(std::string(kInlineLimitBytes, 'x')), std::nullopt, kNobody);
    });
  ASSERT_GT(names_->stats().wal_bytes, 64U << 20);
  put("one more", "x");
  // Each one that tried to empty the log would wait for 250 ms.
  constexpr int kWrites = 40;
  const auto start = std::chrono::steady_clock::now();
  for (int i = 0; i < kWrites; ++i) put("small" + std::to_string(i), "x");
  EXPECT_LT(std::chrono::steady_clock::now() - start, kWrites * std::chrono::milliseconds(250));
  EXPECT_FALSE(snapshot->resolve(path("one more")).mapped());
}

TEST_F(Writing, GivesSpaceBackAfterALargeRemoval) {
  open();
  mkcol("a");
  names_->write(Flush::required, [&](Transaction& tx) {
    const Resource a = tx.resolve(path("a")).resource.value();
    for (int i = 0; i < 600; ++i) {
      (void)tx.put(a, std::to_string(i), inline_content(std::string(60'000, 'x')), std::nullopt,
                   kNobody);
    }
  });
  names_->checkpoint();
  const auto before = std::filesystem::file_size(data() + "/meta.db");
  EXPECT_GT(before, 36'000'000U);
  remove("a");
  do names_->checkpoint();  // each gives back a slice
  while (names_->stats().returnable_bytes > 0);
  constexpr std::uintmax_t kKept = 16 << 20;
  EXPECT_LT(std::filesystem::file_size(data() + "/meta.db"), before - 36'000'000 + kKept);
  expect_sound();
}

// A file system that fails on demand, under SQLite's own.
std::atomic<int> g_sync_result = SQLITE_OK;
std::atomic<int> g_write_result = SQLITE_OK;

sqlite3_vfs g_vfs;
sqlite3_vfs* g_real = nullptr;
// SQLite has one table of methods for databases and another for logs; the two functions that fail
// are the same in both.
std::map<const sqlite3_io_methods*, sqlite3_io_methods> g_methods;
const sqlite3_io_methods* g_real_methods = nullptr;

int faulty_sync(sqlite3_file* file, int flags) {
  const int fault = g_sync_result;
  return fault != SQLITE_OK ? fault : g_real_methods->xSync(file, flags);
}

int faulty_write(sqlite3_file* file, const void* data, int size, sqlite3_int64 offset) {
  const int fault = g_write_result;
  return fault != SQLITE_OK ? fault : g_real_methods->xWrite(file, data, size, offset);
}

int faulty_open(sqlite3_vfs*, const char* name, sqlite3_file* file, int flags, int* out) {
  const int code = g_real->xOpen(g_real, name, file, flags, out);
  if (code != SQLITE_OK || !file->pMethods) return code;
  g_real_methods = file->pMethods;
  sqlite3_io_methods& faulty = g_methods[file->pMethods];
  faulty = *file->pMethods;
  faulty.xSync = faulty_sync;
  faulty.xWrite = faulty_write;
  file->pMethods = &faulty;
  return code;
}

class FailingDisk : public SqliteStore {
 protected:
  FailingDisk() {
    g_sync_result = g_write_result = SQLITE_OK;
    g_real = sqlite3_vfs_find(nullptr);
    g_vfs = *g_real;
    g_vfs.zName = "faulty";
    g_vfs.xOpen = faulty_open;
    sqlite3_vfs_register(&g_vfs, 1);
  }
  ~FailingDisk() override {
    g_sync_result = g_write_result = SQLITE_OK;
    close();
    sqlite3_vfs_unregister(&g_vfs);
    sqlite3_vfs_register(g_real, 1);
  }
  Fault fault_of_put(std::string_view where) {
    try {
      put(where, "x");
    } catch (const Error& error) {
      return error.fault();
    }
    ADD_FAILURE() << "acknowledged";
    return Fault::conflict;
  }
};

TEST_F(FailingDisk, AFailedFlushEndsAllWritingUntilARestart) {
  open();
  put("before", "x");
  g_sync_result = SQLITE_IOERR_FSYNC;
  EXPECT_EQ(fault_of_put("lost"), Fault::unavailable);
  EXPECT_FALSE(failure_.empty());
  g_sync_result = SQLITE_OK;  // a second flush would succeed and lie
  EXPECT_EQ(fault_of_put("after"), Fault::unavailable);
  EXPECT_TRUE(resolve("before").mapped());
  EXPECT_FALSE(resolve("lost").mapped());
  reopen();
  EXPECT_TRUE(resolve("before").mapped());
  EXPECT_FALSE(resolve("after").mapped());
  put("after", "x");
  expect_sound();
}

TEST_F(FailingDisk, AFullDiskRefusesAndRecoversWithoutARestart) {
  open();
  put("before", "x");
  g_write_result = SQLITE_FULL;
  EXPECT_EQ(fault_of_put("lost"), Fault::full);
  EXPECT_TRUE(failure_.empty());
  EXPECT_TRUE(resolve("before").mapped());
  g_write_result = SQLITE_OK;
  put("after", "x");
  EXPECT_TRUE(resolve("after").mapped());
  EXPECT_FALSE(resolve("lost").mapped());
  EXPECT_EQ(names_->snapshot()->usage().resources, 3U);
  expect_sound();
}

}  // namespace
}  // namespace holdfast::storage
