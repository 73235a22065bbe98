// The pure rules of storage/history.h.
#include "storage/history.h"

#include <algorithm>
#include <gtest/gtest.h>
#include <random>
#include <set>

namespace holdfast::storage {
namespace {

constexpr Millis kHour = 3'600'000;
constexpr Millis kDay = 24 * kHour;
constexpr Millis kNow = 20'000 * kDay + 13 * kHour;

std::vector<Dated> dated(const std::vector<Millis>& ages) {
  std::vector<Dated> versions;
  for (const Millis age : ages)
    versions.push_back({static_cast<std::int64_t>(versions.size()) + 1, kNow - age});
  return versions;
}

TEST(Surplus, KeepsFewerVersionsAsTheyGrowOlder) {
  struct Row {
    const char* what;
    std::vector<Millis> ages;  // the oldest first
    std::vector<std::int64_t> given_up;
  };
  const Row rows[] = {
      {"nothing", {}, {}},
      {"all of an hour", {kHour - 1, 1000, 999, 2, 1}, {}},
      {"the last of each hour", {5 * kHour - 1, 5 * kHour - 2, 4 * kHour - 1}, {1}},
      {"another hour is another version", {5 * kHour + 1, 5 * kHour}, {}},
      {"the last of each day", {2 * kDay, 2 * kDay - 60'000, kDay + 1}, {1}},
      {"the last of each week",
       {60 * kDay, 59 * kDay, 58 * kDay, 57 * kDay, 56 * kDay, 55 * kDay},
       {1, 2, 4, 5}},
      {"one is always kept", {1000 * kDay}, {}},
      {"what is dated later is new", {-kDay, -kDay, -kDay}, {}},
  };
  for (const Row& row : rows)
    EXPECT_EQ(surplus(dated(row.ages), kNow, SIZE_MAX), row.given_up) << row.what;
}

TEST(Surplus, KeepsTheNewest) {
  EXPECT_EQ(surplus(dated({4, 3, 2, 1}), kNow, 2), (std::vector<std::int64_t>{1, 2}));
  EXPECT_EQ(surplus(dated({4, 3}), kNow, 2), std::vector<std::int64_t>());
  EXPECT_EQ(surplus(dated({4, 3}), kNow, 0), (std::vector<std::int64_t>{1, 2}));
}

// However often it runs: what is kept at one time is what a single pass over all would have kept,
// and of any time of the last month a version is kept that is at most a day older than wanted.
TEST(Surplus, IsTheSameInOnePassAndInMany) {
  std::mt19937 random(1);
  for (int round = 0; round < 50; ++round) {
    std::vector<Dated> all;
    Millis time = kNow;
    for (int i = 0; i < 200; ++i) {
      time += static_cast<Millis>(random() % (6 * kHour));
      all.push_back({i + 1, time});
    }
    std::vector<Dated> kept;
    std::size_t next = 0;
    for (Millis now = kNow; next < all.size(); now += 10 * 60'000) {
      while (next < all.size() && all[next].stored <= now) kept.push_back(all[next++]);
      const std::vector<std::int64_t> gone = surplus(kept, now, SIZE_MAX);
      const std::set<std::int64_t> ids(gone.begin(), gone.end());
      std::erase_if(kept, [&](const Dated& each) { return ids.contains(each.id); });
      if (next < all.size()) continue;
      for (Millis wanted = kNow + 3 * kDay; wanted < now - kDay; wanted += kHour) {
        const auto has = [&](const std::vector<Dated>& versions, Millis from) {
          return std::ranges::any_of(versions, [&](const Dated& each) {
            return each.stored > from && each.stored <= wanted;
          });
        };
        if (has(all, wanted - kDay)) {
          EXPECT_TRUE(has(kept, wanted - 2 * kDay)) << wanted;
        }
      }
    }
  }
}

TEST(IsKept, OncePerMinuteAndAuthor) {
  constexpr Millis kMinute = 60'000;
  EXPECT_TRUE(is_kept(0, 1, 1, kMinute, 1));
  EXPECT_FALSE(is_kept(0, 1, 1, kMinute - 1, 1));
  EXPECT_TRUE(is_kept(kMinute - 1, 1, 1, kMinute, 1));
  EXPECT_TRUE(is_kept(0, 1, 1, 1, 2));
  EXPECT_TRUE(is_kept(0, kNobody, 1, 1, 2));
  EXPECT_FALSE(is_kept(0, 1, 0, kMinute - 1, 2)) << "it is about to be filled";
  EXPECT_TRUE(is_kept(0, 1, 0, kMinute, 1)) << "it was meant to be empty";
  EXPECT_TRUE(is_kept(-1, 1, 1, 1, 1));
}

}  // namespace
}  // namespace holdfast::storage
