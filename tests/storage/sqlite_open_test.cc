// What opening accepts, refuses and puts right.
#include <fcntl.h>
#include <fstream>
#include <gmock/gmock.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

#include "storage/sqlite/file/schema.h"
#include "tests/storage/sqlite_store.h"
#include "tests/support/staged_files.h"

namespace holdfast::storage {
namespace {

using testing::HasSubstr;

class Opening : public SqliteStore {
 protected:
  // The sentence with which opening is refused; empty when it is not.
  std::string refusal() {
    try {
      open();
    } catch (const OpenError& error) {
      close();
      return error.what();
    }
    close();
    return {};
  }
  void execute(const char* sql) {
    sqlite3* db = nullptr;
    ASSERT_EQ(sqlite3_open((data() + "/meta.db").c_str(), &db), SQLITE_OK);
    EXPECT_EQ(sqlite3_exec(db, sql, nullptr, nullptr, nullptr), SQLITE_OK) << sqlite3_errmsg(db);
    sqlite3_close(db);
  }
  // Copies the data folder as it is now, as a crash would leave it, and opens the copy.
  void crash_and_reopen(Durability durability = Durability::full) {
    const std::string copy = root_ + "/copy";
    std::filesystem::copy(data(), copy, std::filesystem::copy_options::recursive);
    close();
    std::filesystem::remove_all(data());
    std::filesystem::rename(copy, data());
    open(durability);
  }
};

TEST_F(Opening, CreatesAFolderForItsOwnerOnly) {
  open();
  struct stat file {};
  put_file("large", 100'000, 'x');
  std::string content;
  content_->for_each([&](const std::string& blob, std::uint64_t) { content = blob.substr(0, 2); });
  for (const std::string& name :
       {std::string(), std::string("/tmp"), std::string("/tmp/0"), std::string("/tmp/f"),
        std::string("/blobs"), "/blobs/" + content}) {
    ASSERT_EQ(stat((data() + name).c_str(), &file), 0) << name;
    EXPECT_EQ(file.st_mode & 0777U, 0700U) << name;
  }
  put("f", "x");
  for (const char* name : {"/LOCK", "/meta.db", "/meta.db-wal"}) {
    ASSERT_EQ(stat((data() + name).c_str(), &file), 0) << name;
    EXPECT_EQ(file.st_mode & 0777U, 0600U) << name;
  }
}

TEST_F(Opening, RefusesASecondHolder) {
  open();
  EXPECT_THROW(files::DataFolder{data()}, OpenError);
  close();
  EXPECT_EQ(refusal(), "");
}

TEST_F(Opening, RefusesAForeignDatabase) {
  files::DataFolder{data()};
  execute("CREATE TABLE mine (x); INSERT INTO mine VALUES (1)");
  EXPECT_THAT(refusal(), HasSubstr("another program"));
  execute("PRAGMA application_id = 252006674; PRAGMA user_version = 1");  // it has an id of its own
  EXPECT_THAT(refusal(), HasSubstr("another program"));
  execute("SELECT x FROM mine");
}

TEST_F(Opening, RefusesANewerDatabase) {
  EXPECT_EQ(refusal(), "");
  execute(("PRAGMA user_version = " + std::to_string(sqlite::kSchemaVersion + 1)).c_str());
  EXPECT_THAT(refusal(), HasSubstr("newer version"));
}

TEST_F(Opening, RefusesADatabaseWithoutItsRoot) {
  open();
  const std::string inside = std::to_string(mkcol("a").id);
  close();
  const auto refused_while = [&](const std::string& damage, const std::string& repair) {
    execute(damage.c_str());
    EXPECT_THAT(refusal(), HasSubstr("no root collection")) << damage;
    execute(repair.c_str());
    EXPECT_EQ(refusal(), "") << repair;
  };
  refused_while("UPDATE node SET parent = " + inside + " WHERE id = 1",
                "UPDATE node SET parent = 0 WHERE id = 1");
  refused_while("UPDATE node SET id = 0 WHERE id = " + inside,
                "UPDATE node SET id = " + inside + " WHERE id = 0");
  execute("DELETE FROM node WHERE id = 1");
  EXPECT_THAT(refusal(), HasSubstr("no root collection"));
}

TEST_F(Opening, NeverPutsAnEmptyDatabaseOverALostOne) {
  open();
  put_file("f", 100'000, 'x');
  close();
  const std::string database = data() + "/meta.db";
  std::filesystem::rename(database, root_ + "/saved");
  EXPECT_THAT(refusal(), HasSubstr("is missing"));
  std::ofstream(database).close();
  EXPECT_THAT(refusal(), HasSubstr("is empty"));
  std::ofstream(database) << std::string(10'000, 'z');
  EXPECT_THAT(refusal(), HasSubstr("damaged"));
  std::filesystem::rename(root_ + "/saved", database);
  EXPECT_EQ(refusal(), "");
}

TEST_F(Opening, RefusesADamagedDatabaseAfterAnUncleanEnd) {
  open();
  for (int i = 0; i < 200; ++i) put("name-" + std::to_string(i), std::string(300, 'x'));
  close();
  execute("UPDATE meta SET clean = 0");
  const int fd = ::open((data() + "/meta.db").c_str(), O_RDWR);
  ASSERT_GE(fd, 0);
  const std::string junk(8192, '\x5a');
  for (int page = 3; page < 8; ++page) {
    ASSERT_EQ(pwrite(fd, junk.data(), junk.size(), page * 8192), 8192);
  }
  ::close(fd);
  EXPECT_THAT(refusal(), HasSubstr("damaged"));
}

TEST_F(Opening, RefusesSymbolicLinksInside) {
  EXPECT_EQ(refusal(), "");
  std::filesystem::remove_all(data() + "/blobs/42");
  std::filesystem::create_symlink("/etc", data() + "/blobs/42");
  EXPECT_THAT(refusal(), HasSubstr("blobs/42"));
  std::filesystem::remove(data() + "/blobs/42");
  EXPECT_EQ(refusal(), "");  // nothing was in it
  // What a disk without a journal may leave of a folder that was just made.
  std::ofstream(data() + "/blobs/42") << "an old file";
  EXPECT_EQ(refusal(), "");
  EXPECT_FALSE(std::filesystem::exists(data() + "/blobs/42"));
  EXPECT_TRUE(std::filesystem::exists(data() + "/lost/blobs-42"));
  std::filesystem::rename(data() + "/meta.db", root_ + "/elsewhere.db");
  std::filesystem::create_symlink(root_ + "/elsewhere.db", data() + "/meta.db");
  EXPECT_THAT(refusal(), HasSubstr("not a regular file"));
}

TEST_F(Opening, RemovesStrayUploads) {
  open();
  close();
  // An earlier version made them in tmp/ itself.
  for (const char* folder : {"/tmp/", "/tmp/0/", "/tmp/f/"})
    std::ofstream(data() + folder + "0123456789abcdef0123456789abcdef") << "stray";
  EXPECT_EQ(test::staged_files(data()).size(), 3U);
  open();
  EXPECT_TRUE(test::staged_files(data()).empty());
  put("f", std::string(100'000, 'f'));
}

TEST_F(Opening, KeepsAcknowledgedWritesThroughACrash) {
  open();
  mkcol("a");
  put("a/f", "x");
  put_file("a/g", 70'000, 'g');
  lock("a/f", "urn:1");
  crash_and_reopen();
  EXPECT_EQ(read("a/f"), "x");
  EXPECT_EQ(read("a/g"), std::string(70'000, 'g'));
  EXPECT_EQ(resolve("a/f").locks.size(), 1U);
  expect_sound();
}

TEST_F(Opening, LocksKeepTheirRemainingTime) {
  open();
  put("f", "");
  lock("f", "urn:1", false, 600);
  const Millis granted = clock_.lease();
  close();
  clock_.advance(200'000);
  open();
  EXPECT_EQ(resolve("f").locks.at(0).expires(), granted + 600'000);
  close();
  clock_.set(granted - 10'000'000);  // set back while we were down: no longer than the timeout
  open();
  EXPECT_EQ(resolve("f").locks.at(0).expires(), clock_.lease() + 600'000);
  close();
  clock_.advance(600'000);
  open();
  EXPECT_TRUE(resolve("f").locks.empty());
  EXPECT_TRUE(names_->snapshot()->find_lock("urn:1", 1).has_value());
  clock_.advance(600'001);
  names_->purge_expired_locks(600);
  EXPECT_EQ(names_->stats().locks, 0U);
  expect_sound();
}

}  // namespace
}  // namespace holdfast::storage
