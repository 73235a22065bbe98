#include "storage/maintenance.h"

#include <fstream>
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
