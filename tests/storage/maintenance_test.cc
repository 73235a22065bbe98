#include "storage/maintenance.h"

#include <fstream>
#include <functional>
#include <gmock/gmock.h>

#include "tests/storage/sqlite_store.h"

namespace holdfast::storage {
namespace {

class Upkeep : public SqliteStore {
 protected:
  void round(Durability durability = Durability::full) {
    Maintenance maintenance(*names_, *content_,
                            {.durability = durability,
                             .on_problem = [](const std::string& problem) { FAIL() << problem; },
                             .start_thread = false});
    maintenance.round();
  }
  void plant(const std::string& name) {
    std::filesystem::create_directory(data() + "/blobs/" + name.substr(0, 2));
    std::ofstream(data() + "/blobs/" + name.substr(0, 2) + "/" + name) << "orphan";
  }
};

TEST_F(Upkeep, RemovesTheFilesOfRemovedContent) {
  open();
  put_file("f", 100'000, 'a');
  put_file("f", 100'000, 'b');
  put_file("g", 100'000, 'c');
  copy("g", "h");
  remove("g");
  EXPECT_EQ(files(), 3U);
  round();
  EXPECT_EQ(files(), 2U);
  EXPECT_TRUE(names_->garbage(10).empty());
  EXPECT_EQ(read("f"), std::string(100'000, 'b'));
  EXPECT_EQ(read("h"), std::string(100'000, 'c'));
  expect_sound();
}

TEST_F(Upkeep, InRelaxedDurabilityToo) {
  open(Durability::relaxed);
  put_file("f", 100'000, 'a');
  put_file("f", 100'000, 'b');
  EXPECT_EQ(files(), 2U);
  EXPECT_EQ(names_->garbage(10).size(), 1U);
  round(Durability::relaxed);
  EXPECT_EQ(files(), 1U);
  EXPECT_EQ(read("f"), std::string(100'000, 'b'));
  expect_sound();
}

TEST_F(Upkeep, SweepsOrphansButNotUploadsInHand) {
  open();
  put_file("f", 100'000, 'a');
  plant("00112233445566778899aabbccddeeff");
  const std::unique_ptr<Upload> upload = content_->begin({});
  upload->append(std::string(100'000, 'u'));
  const Content& content = upload->seal();
  round();
  put("g", content);
  upload->keep();
  EXPECT_EQ(read("f"), std::string(100'000, 'a'));
  EXPECT_EQ(read("g"), std::string(100'000, 'u'));
  EXPECT_EQ(files(), 2U);
}

// More than a killed process can have left: nothing is removed, whoever runs it is told once, and
// what the right database names can be taken back.
TEST_F(Upkeep, SetsManyUnnamedFilesAside) {
  for (const int many : {64, 65}) {
    SCOPED_TRACE(many);
    open();
    put_file("f", 100'000, 'a');
    for (int i = 0; i < many; ++i) {
      std::string name = std::to_string(i);
      plant(name.insert(0, 32 - name.size(), 'a'));
    }
    std::vector<std::string> told;
    Maintenance maintenance(
        *names_, *content_,
        {.on_problem = [&](const std::string& problem) { told.push_back(problem); },
         .start_thread = false});
    for (int i = 0; i < 3; ++i) maintenance.round();
    EXPECT_EQ(files(), 1U);
    EXPECT_EQ(read("f"), std::string(100'000, 'a'));
    const std::filesystem::path lost = data() + "/lost";
    if (many == 64) {
      EXPECT_FALSE(std::filesystem::exists(lost));
      EXPECT_THAT(told, testing::IsEmpty());
    } else {
      EXPECT_EQ(std::distance(std::filesystem::directory_iterator(lost), {}), 65);
      EXPECT_EQ(std::filesystem::status(lost).permissions(), std::filesystem::perms::owner_all);
      ASSERT_EQ(told.size(), 1U);
      EXPECT_THAT(told[0], testing::HasSubstr("65 content files of 390 bytes"));
      EXPECT_THAT(told[0], testing::HasSubstr("lost"));
      EXPECT_THAT(told[0], testing::HasSubstr("check --repair"));
    }
    maintenance.stop();
    close();
    std::filesystem::remove_all(data());
  }
}

// The files of a running server are removed, moved away or replaced by others.
TEST_F(Upkeep, EndsAllWritingWhenTheFilesAreNoLongerThere) {
  namespace fs = std::filesystem;
  const auto moved = [this](const char* name) {
    return [this, name] { fs::rename(data() + name, root_ + "/elsewhere"); };
  };
  const auto replaced = [this](const char* name) {
    return [this, name] {
      fs::rename(data() + name, root_ + "/elsewhere");
      fs::copy(root_ + "/elsewhere", data() + name, fs::copy_options::recursive);
    };
  };
  struct Row {
    const char* how;
    std::function<void()> act;
    const char* what;  // nullptr: nothing of ours
  };
  const Row rows[] = {
      {"the folder removed", [this] { fs::remove_all(data()); }, "the data folder"},
      {"the folder moved", moved(""), "the data folder"},
      {"the folder replaced", replaced(""), "the data folder"},
      {"LOCK removed", [this] { fs::remove(data() + "/LOCK"); }, "LOCK in the data folder"},
      {"LOCK replaced", replaced("/LOCK"), "LOCK in the data folder"},
      {"blobs moved", moved("/blobs"), "blobs in the data folder"},
      {"blobs replaced", replaced("/blobs"), "blobs in the data folder"},
      {"tmp removed", [this] { fs::remove_all(data() + "/tmp"); }, "tmp in the data folder"},
      {"the database removed", [this] { fs::remove(data() + "/meta.db"); },
       "meta.db in the data folder"},
      {"the database replaced", replaced("/meta.db"), "meta.db in the data folder"},
      {"the log removed", [this] { fs::remove(data() + "/meta.db-wal"); },
       "meta.db-wal in the data folder"},
      {"the log replaced", replaced("/meta.db-wal"), "meta.db-wal in the data folder"},
      {"a link in the place of blobs",
       [this] {
         fs::rename(data() + "/blobs", root_ + "/elsewhere");
         fs::create_directory_symlink(root_ + "/elsewhere", data() + "/blobs");
       },
       "blobs in the data folder"},
      {"a file beside them", [this] { std::ofstream(data() + "/note") << "mine"; }, nullptr},
      {"the reserve removed", [this] { fs::remove(data() + "/meta.db.reserve"); }, nullptr},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.how);
    failure_.clear();
    open();
    put("f", "before");
    std::vector<std::string> told;
    Maintenance maintenance(
        *names_, *content_,
        {.on_problem = [&](const std::string& problem) { told.push_back(problem); },
         .start_thread = false});
    for (int i = 0; i < 3; ++i) maintenance.round();
    EXPECT_EQ(failure_, "");
    row.act();
    for (int i = 0; i < 3; ++i) maintenance.round();
    EXPECT_THAT(told, testing::IsEmpty());
    if (row.what) {
      EXPECT_EQ(failure_, std::string("somebody has removed or replaced ") + row.what +
                              " while it was in use");
      try {
        put("f", "after");
        ADD_FAILURE() << "a write to nowhere";
      } catch (const Error& error) {
        EXPECT_EQ(error.fault(), Fault::unavailable);
      }
    } else {
      EXPECT_EQ(failure_, "");
      put("f", "after");
    }
    maintenance.stop();
    close();
    fs::remove_all(data());
    fs::remove_all(root_ + "/elsewhere");
  }
}

TEST_F(Upkeep, CountsWhatItHolds) {
  open();
  Maintenance maintenance(*names_, *content_, {.start_thread = false});
  EXPECT_EQ(maintenance.holds().count, 0U);
  EXPECT_EQ(maintenance.holds().oldest.count(), 0);
  put_file("f", 100'000, 'a');
  auto first = maintenance.hold_garbage();
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  const auto second = maintenance.hold_garbage();
  remove("f");
  maintenance.round();
  EXPECT_EQ(files(), 1U);
  EXPECT_EQ(names_->garbage_count(), 1U);
  EXPECT_EQ(maintenance.holds().count, 2U);
  EXPECT_GE(maintenance.holds().oldest, std::chrono::milliseconds(20));
  const auto oldest = maintenance.holds().oldest;
  first.reset();
  EXPECT_EQ(maintenance.holds().count, 1U);
  EXPECT_LT(maintenance.holds().oldest, oldest);
}

// Nobody writes any more, and yet the disk gets back what was removed, some at a time.
TEST_F(Upkeep, GivesFreeSpaceBackWhileNobodyWrites) {
  open();
  const auto bytes = [this] { return std::filesystem::file_size(data() + "/meta.db"); };
  mkcol("c");
  for (int batch = 0; batch < 34; ++batch)  // more than one round gives back
    names_->write(Flush::required, [&](Transaction& tx) {
      const Resource c = tx.resolve(path("c")).resource.value();
      for (int i = 0; i < 50; ++i)
        tx.put(c, std::to_string(batch * 50 + i),
               inline_content(std::string(60'000, static_cast<char>('a' + i % 26))), std::nullopt,
               kNobody);
    });
  put("kept", std::string(60'000, 'k'));
  names_->checkpoint();
  ASSERT_GT(bytes(), 95U << 20);
  remove("c");
  Maintenance maintenance(*names_, *content_, {.start_thread = false});
  std::uint64_t last = bytes();
  int rounds = 0;
  for (; rounds < 30 && (rounds < 2 || names_->stats().returnable_bytes > 0); ++rounds) {
    maintenance.round();
    EXPECT_LE(last - bytes(), 70U << 20);
    last = bytes();
  }
  EXPECT_LT(rounds, 30) << "a minute";
  EXPECT_LT(bytes(), 20U << 20) << "some 16 MiB are kept";
  EXPECT_EQ(names_->stats().returnable_bytes, 0U);
  // Then there is nothing more to do.
  const std::uint64_t flushed = names_->stats().batches;
  for (int i = 0; i < 3; ++i) maintenance.round();
  EXPECT_EQ(names_->stats().batches, flushed);
  EXPECT_EQ(read("kept"), std::string(60'000, 'k'));
  expect_sound();
}

// Each slice is a small part: whoever writes waits for one of them at most.
TEST_F(Upkeep, GivesFreeSpaceBackInSlices) {
  open();
  mkcol("c");
  for (int i = 0; i < 700; ++i) put("c/" + std::to_string(i), std::string(60'000, 'x'));
  names_->checkpoint();
  remove("c");
  names_->checkpoint();
  std::uint64_t left = names_->stats().returnable_bytes;
  ASSERT_GT(left, 10U << 20);
  for (int i = 0; i < 100 && left > 0; ++i) {
    names_->checkpoint();
    const std::uint64_t now = names_->stats().returnable_bytes;
    EXPECT_LT(now, left);
    EXPECT_LE(left - now, 9U << 20);
    left = now;
  }
  EXPECT_EQ(left, 0U);
}

TEST_F(Upkeep, PurgesLocksAfterTheirGrace) {
  open();
  put("f", "");
  lock("f", "urn:1", false, 10);
  clock_.advance(609'000);
  round();
  EXPECT_EQ(names_->stats().locks, 1U);
  clock_.advance(2'000);
  round();
  EXPECT_EQ(names_->stats().locks, 0U);
}

TEST_F(Upkeep, EmptiesTheLogWhenWritersPause) {
  open();
  Maintenance maintenance(*names_, *content_, {.start_thread = false});
  put("f", "x");
  maintenance.round();
  EXPECT_GT(names_->stats().wal_bytes, 0U);
  maintenance.round();
  EXPECT_EQ(names_->stats().wal_bytes, 0U);
}

TEST_F(Upkeep, TheThreadWorksAndStops) {
  open();
  put_file("f", 100'000, 'a');
  remove("f");
  Maintenance maintenance(*names_, *content_, {.interval = std::chrono::milliseconds(1)});
  for (int i = 0; i < 10'000 && files() > 0; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  EXPECT_EQ(files(), 0U);
  maintenance.stop();
}

}  // namespace
}  // namespace holdfast::storage
