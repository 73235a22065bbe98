// How long the past is kept, and how it gives way (storage/maintenance.h).
#include <functional>
#include <gmock/gmock.h>
#include <thread>

#include "storage/maintenance.h"
#include "tests/storage/sqlite_store.h"

namespace holdfast::storage {
namespace {

constexpr Millis kMinute = 60'000;
constexpr Millis kDay = 24 * 60 * kMinute;
constexpr std::int64_t kWeek_s = 7 * 24 * 60 * 60;

class RetentionTest : public SqliteStore, public testing::WithParamInterface<Durability> {
 protected:
  void begin(Retention retention) {
    open(GetParam());
    maintenance_ = std::make_unique<Maintenance>(
        *names_, *content_,
        Maintenance::Options{
            .durability = GetParam(),
            .retention = retention,
            .thinning_interval = std::chrono::milliseconds(0),
            .on_problem = [this](const std::string& problem) { told_.push_back(problem); },
            .start_thread = false});
    names_->write(Flush::required, [&](Transaction& tx) {
      Account account;
      account.name = "ann";
      account.quota_bytes = 1000;
      ann_ = tx.put_account(account);
      Group group;
      group.name = "house";
      house_ = tx.put_group(group);
      account.name = "bob";
      account.groups = {house_};
      bob_ = tx.put_account(account);
    });
  }
  void TearDown() override { maintenance_.reset(); }

  void save(std::string_view where, std::size_t size, AccountId account) {
    names_->write(Flush::required, [&](Transaction& tx) {
      tx.acts_for(account);
      const Resolution at = tx.resolve(path(where));
      tx.put(*at.parent, at.path.name(), inline_content(std::string(size, 'x')), std::nullopt,
             account);
    });
  }
  [[nodiscard]] std::vector<std::string> trashed() const {
    std::vector<std::string> names;
    names_->snapshot()->trash(0, [&](const TrashEntry& entry) {
      names.push_back(entry.root.name);
      return true;
    });
    return names;
  }
  [[nodiscard]] std::size_t versions(std::string_view where) const {
    return names_->snapshot()->versions(*resolve(where).resource).size();
  }
  [[nodiscard]] std::uint64_t bytes(AccountId of) const {
    return names_->snapshot()->usage_of(of).bytes;
  }

  AccountId ann_ = kNobody, bob_ = kNobody, house_ = kNobody;
  std::vector<std::string> told_;
  std::unique_ptr<Maintenance> maintenance_;
};

INSTANTIATE_TEST_SUITE_P(All, RetentionTest, testing::Values(Durability::full, Durability::relaxed),
                         [](const auto& mode) {
                           return mode.param == Durability::full ? "Full" : "Relaxed";
                         });

TEST_P(RetentionTest, TheTrashIsEmptiedOfWhatIsTooOld) {
  begin({.trash_s = kWeek_s});
  put_file("a", 100'000, 'a');
  put_file("b", 100'000, 'b');
  remove("a");
  clock_.advance(kDay);
  remove("b");
  maintenance_->round();
  EXPECT_EQ(files(), 2U);
  clock_.advance(6 * kDay - 1);
  maintenance_->round();
  EXPECT_THAT(trashed(), testing::ElementsAre("a", "b"));
  clock_.advance(1);
  maintenance_->round();
  EXPECT_THAT(trashed(), testing::ElementsAre("b"));
  EXPECT_EQ(files(), 1U);
  // A clock that is set back makes nothing older.
  clock_.advance(-100 * kDay);
  maintenance_->round();
  EXPECT_THAT(trashed(), testing::ElementsAre("b"));
  maintenance_->retain({});
  maintenance_->round();
  EXPECT_THAT(trashed(), testing::IsEmpty());
  EXPECT_EQ(files(), 0U);
  put("c", "x");
  remove("c");
  EXPECT_THAT(trashed(), testing::IsEmpty()) << "switched off";
  EXPECT_THAT(told_, testing::IsEmpty());
  expect_sound();
}

TEST_P(RetentionTest, ThePastGoesWithTheTrash) {
  begin({.trash_s = kWeek_s, .versions = true});
  put("a", "x");
  const Millis first = clock_.wall();
  clock_.advance(kDay);
  names_->write(Flush::required, [&](Transaction& tx) {
    tx.move_tree(*tx.resolve(path("a")).resource, *tx.resolve({}).resource, "b");
  });
  const Millis second = clock_.wall();
  const auto name_at = [&](Millis at) {
    const auto now = names_->snapshot();
    std::string name = "none";
    if (const auto instant = now->instant_at(at))
      now->members_at(*instant, now->resolve({}).resource->id,
                      [&](const PastMember& member) { name = member.resource.name; });
    return name;
  };
  clock_.advance(6 * kDay);
  put("c", "x");
  remove("c");
  maintenance_->round();
  EXPECT_EQ(name_at(first), "a");
  EXPECT_EQ(name_at(second), "b");
  clock_.advance(kDay + kMinute);
  maintenance_->round();
  EXPECT_EQ(name_at(first), "none");
  EXPECT_EQ(name_at(second), "b");
  EXPECT_GT(names_->snapshot()->horizon().whole_at, first);
  EXPECT_LE(names_->snapshot()->horizon().whole_at, second);
  expect_sound();
}

TEST_P(RetentionTest, WhatASnapshotHoldsStays) {
  begin({.trash_s = kWeek_s, .versions = true});
  save("held", 400, ann_);
  save("changed", 300, ann_);
  names_->write(Flush::required, [&](Transaction& tx) {
    NamedSnapshot snapshot;
    snapshot.name = "s";
    snapshot.root = tx.resolve({}).resource->id;
    tx.add_snapshot(snapshot);
  });
  clock_.advance(kMinute);
  save("changed", 1, ann_);
  remove("held");
  save("later", 100, ann_);
  remove("later");
  clock_.advance(30 * kDay);
  maintenance_->round();
  EXPECT_THAT(trashed(), testing::ElementsAre("held"));
  EXPECT_EQ(versions("changed"), 1U);
  // Neither a quota nor the disk gets it.
  EXPECT_FALSE(maintenance_->make_room({.of = ann_, .resources = 0, .bytes = 500}));
  EXPECT_FALSE(maintenance_->make_room({.of = kNobody, .resources = 0, .bytes = 500}));
  EXPECT_EQ(bytes(ann_), 701U);
  names_->write(Flush::required, [&](Transaction& tx) { EXPECT_TRUE(tx.remove_snapshot("s")); });
  for (int round = 0; round < 2; ++round) maintenance_->round();
  EXPECT_THAT(trashed(), testing::IsEmpty());
  EXPECT_TRUE(maintenance_->make_room({.of = ann_, .resources = 0, .bytes = 300}));
  EXPECT_EQ(bytes(ann_), 1U);
  EXPECT_THAT(told_, testing::IsEmpty());
  expect_sound();
}

TEST_P(RetentionTest, ALargeTreeIsRemovedInSlices) {
  begin({.trash_s = kWeek_s});
  names_->write(Flush::required, [&](Transaction& tx) {
    const Resource top = tx.make_collection(*tx.resolve({}).resource, "d", ann_);
    for (int i = 0; i < 30; ++i) {
      const Resource below = tx.make_collection(top, std::to_string(i), ann_);
      for (int j = 0; j < 100; ++j)
        tx.put(below, std::to_string(j), inline_content("x"), std::nullopt, ann_);
    }
  });
  remove("d");
  maintenance_->round();
  std::optional<TrashEntry> entry;
  names_->snapshot()->trash(0, [&](const TrashEntry& each) {
    entry = each;
    return false;
  });
  ASSERT_TRUE(entry && entry->size);
  EXPECT_EQ(*entry->size, (TrashEntry::Size{3031, 3000}));
  EXPECT_EQ(names_->snapshot()->kept_of(ann_), (Kept{3000, 0}));
  names_->write(Flush::required, [&](Transaction& tx) { tx.purge_trash(entry->id); });
  EXPECT_EQ(names_->snapshot()->kept_of(ann_), Kept{});
  // Every slice leaves a store that is sound.
  std::size_t removed = 0;
  for (std::size_t now = 500; now == 500;) {
    now = names_->purge(500);
    removed += now;
    expect_sound();
  }
  EXPECT_GE(removed, 3031U);
  EXPECT_EQ(names_->snapshot()->usage().resources, 1U);
  EXPECT_EQ(bytes(ann_), 0U);
}

TEST_P(RetentionTest, WithoutTrashALargeTreeIsRemovedInSlices) {
  begin({});
  names_->write(Flush::required, [&](Transaction& tx) {
    const Resource top = tx.make_collection(*tx.resolve({}).resource, "d", ann_);
    for (int i = 0; i < 5000; ++i)
      tx.put(top, std::to_string(i), inline_content("x"), std::nullopt, ann_);
  });
  remove("d");
  EXPECT_FALSE(resolve("d").mapped());
  EXPECT_THAT(trashed(), testing::IsEmpty());
  expect_sound();
  // A round ends after a while.
  for (int i = 0; i < 100 && names_->snapshot()->usage().resources > 1; ++i) maintenance_->round();
  EXPECT_EQ(names_->snapshot()->usage().resources, 1U);
  EXPECT_EQ(bytes(ann_), 0U);
  expect_sound();
}

TEST_P(RetentionTest, VersionsAreThinnedByAge) {
  begin({.versions = true});
  clock_.set(20'000 * kDay);
  for (int i = 0; i < 120; ++i) {
    save("f", 1, ann_);
    clock_.advance(kMinute);
  }
  EXPECT_EQ(versions("f"), 119U);
  maintenance_->round();
  // All of the last hour, and the last one of the hour before.
  EXPECT_EQ(versions("f"), 59U);
  clock_.advance(10 * 60 * kMinute);
  maintenance_->round();
  EXPECT_EQ(versions("f"), 2U);
  clock_.advance(2 * kDay);
  maintenance_->round();
  EXPECT_EQ(versions("f"), 1U);
  clock_.advance(1000 * kDay);
  maintenance_->round();
  EXPECT_EQ(versions("f"), 1U);
  maintenance_->retain({});
  maintenance_->round();
  EXPECT_EQ(versions("f"), 0U) << "switched off";
  expect_sound();
}

TEST_P(RetentionTest, VersionsAreBounded) {
  begin({.versions = true, .most_versions = 3});
  for (int i = 0; i < 10; ++i) {
    save("f", 1, ann_);
    save("g", 1, ann_);
    clock_.advance(kMinute);
  }
  maintenance_->round();
  EXPECT_EQ(versions("f"), 3U);
  EXPECT_EQ(versions("g"), 3U);
  expect_sound();
}

TEST_P(RetentionTest, VersionsTakeAShareOfTheQuota) {
  begin({.versions = true, .versions_percent = 20});
  for (int i = 0; i < 10; ++i) {
    save("f", 50, ann_);
    save("g", 50, kNobody);
    clock_.advance(kMinute);
  }
  maintenance_->round();
  EXPECT_EQ(versions("f"), 4U) << "20 % of 1000 bytes";
  EXPECT_EQ(versions("g"), 9U) << "nobody has no quota";
  EXPECT_EQ(names_->snapshot()->kept_of(ann_).version_bytes, 200U);
  expect_sound();
}

TEST_P(RetentionTest, TheOldestGivesWayFirst) {
  begin({.trash_s = kWeek_s, .versions = true});
  save("a", 100, ann_);
  save("v", 100, ann_);
  save("b", 100, ann_);
  save("other", 100, bob_);
  remove("other");
  clock_.advance(kMinute);
  remove("a");
  clock_.advance(kMinute);
  save("v", 10, ann_);
  clock_.advance(kMinute);
  remove("b");
  EXPECT_EQ(bytes(ann_), 310U);

  EXPECT_TRUE(maintenance_->make_room({.of = ann_, .bytes = 100}));
  EXPECT_THAT(trashed(), testing::ElementsAre("other", "b"));
  EXPECT_EQ(versions("v"), 1U);
  EXPECT_EQ(bytes(ann_), 210U);
  ASSERT_EQ(told_.size(), 1U);
  EXPECT_EQ(told_[0],
            "the trash: the quota of ann was used up, so a tree was given up before its time");
  EXPECT_TRUE(maintenance_->make_room({.of = ann_, .bytes = 1}));
  EXPECT_EQ(versions("v"), 0U);
  EXPECT_TRUE(maintenance_->make_room({.of = ann_, .bytes = 1'000'000}));
  EXPECT_THAT(trashed(), testing::ElementsAre("other"));
  EXPECT_EQ(bytes(ann_), 10U);
  EXPECT_FALSE(maintenance_->make_room({.of = ann_, .bytes = 1}));

  EXPECT_TRUE(maintenance_->make_room({.of = house_, .resources = 1}));
  EXPECT_THAT(trashed(), testing::IsEmpty());
  EXPECT_EQ(bytes(bob_), 0U);
  EXPECT_FALSE(maintenance_->make_room({.of = kNobody, .bytes = 1}));
  expect_sound();
}

TEST_P(RetentionTest, AFullDiskGetsTheFilesBack) {
  begin({.trash_s = kWeek_s});
  put_file("a", 100'000, 'a');
  put_file("b", 100'000, 'b');
  remove("a");
  clock_.advance(1);
  remove("b");
  {
    // A backup may be reading them.
    const auto hold = maintenance_->hold_garbage();
    EXPECT_FALSE(maintenance_->make_room({.bytes = 1}));
    EXPECT_EQ(files(), 2U);
  }
  EXPECT_TRUE(maintenance_->make_room({.bytes = 1}));
  EXPECT_EQ(files(), 1U);
  EXPECT_THAT(trashed(), testing::ElementsAre("b"));
  EXPECT_THAT(told_, testing::ElementsAre(testing::HasSubstr("the disk was full")));
  expect_sound();
}

}  // namespace
}  // namespace holdfast::storage
