// Snapshot::members, count, fits_below, locks_within, usage (storage/namespace.h).
#include <algorithm>
#include <map>
#include <set>

#include "tests/storage/conformance.h"
#include "tests/support/locks.h"

namespace holdfast::test {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

class Listing : public StoreTest {
 protected:
  void plant() {
    collection("c");
    collection("c/d");
    file("c/d/x");
    collection("c/d/e");
    file("c/d/e/y");
    file("c/a");
    file("c/z");
    collection("other");
  }
};
INSTANTIATE_TEST_SUITE_P(All, Listing, each_backend(), backend_name);

TEST_P(Listing, DepthZeroIsTheResourceItself) {
  plant();
  EXPECT_THAT(paths("c", Depth::zero), ElementsAre(""));
  EXPECT_THAT(paths("", Depth::zero), ElementsAre(""));
}

TEST_P(Listing, DepthOneIsTheResourceAndItsMembersInNameOrder) {
  plant();
  EXPECT_THAT(paths("c", Depth::one), ElementsAre("", "a", "d", "z"));
  EXPECT_THAT(paths("other", Depth::one), ElementsAre(""));
}

TEST_P(Listing, InfinityHasEveryCollectionBeforeItsMembersAndSiblingsInOrder) {
  plant();
  const std::vector<Row> all = list("c", Depth::infinity);
  EXPECT_EQ(all[0].path, "");
  std::vector<std::string> seen;
  std::map<NodeId, std::string> last_sibling;
  for (const Row& row : all) {
    if (row.path != "") {
      const std::string above = text_of(path_of(row.path).parent().segments());
      EXPECT_NE(std::find(seen.begin(), seen.end(), above), seen.end()) << row.path;
      std::string& last = last_sibling[row.resource.parent];
      EXPECT_LT(last, row.resource.name);
      last = row.resource.name;
    }
    seen.push_back(row.path);
  }
  EXPECT_THAT(seen, UnorderedElementsAre("", "a", "d", "d/e", "d/e/y", "d/x", "z"));
}

TEST_P(Listing, LeavesOutWhatIsNotShownWithAllBelow) {
  plant();
  std::set<std::string> asked;
  Wanted wanted;
  wanted.shown = [&](const Resource& resource, std::span<const std::string> segments) {
    EXPECT_EQ(resource.name, segments.back());
    asked.insert(text_of(segments));
    return resource.name != "d" && resource.name != "z";
  };
  const auto shown = [&](std::string_view from, Depth depth) {
    std::vector<std::string> paths;
    for (const Row& row : rows(*snapshot(), resolve(from), depth, wanted))
      paths.push_back(row.path);
    return paths;
  };
  EXPECT_THAT(shown("c", Depth::infinity), UnorderedElementsAre("", "a"));
  EXPECT_THAT(asked, UnorderedElementsAre("a", "d", "z")) << "and nothing below what is left out";
  EXPECT_THAT(shown("c", Depth::one), ElementsAre("", "a"));
  // The root of a listing is what was asked for.
  EXPECT_THAT(shown("c/d", Depth::infinity), UnorderedElementsAre("", "e", "e/y", "x"));
}

TEST_P(Listing, ComesInPages) {
  collection("c");
  for (const char* name : {"b", "a", "d", "c", "A\xCC\x88", "e"})
    file("c/" + std::string(name), "x");
  collection("c/d2");
  file("c/d2/below", "x");
  const auto page = [&](const std::string& after, std::size_t most, Depth depth = Depth::one) {
    std::vector<std::string> paths;
    const Wanted wanted{.page = Wanted::Page{after, most}};
    for (const Row& row : list("c", depth, wanted)) paths.push_back(row.path);
    return paths;
  };
  // The key of "A\xCC\x88" is its NFC form, which is behind the letters.
  EXPECT_THAT(page("", 3), ElementsAre("a", "b", "c")) << "without the root";
  EXPECT_THAT(page("c", 3), ElementsAre("d", "d2", "e"));
  EXPECT_THAT(page("e", 3), ElementsAre("A\xCC\x88"));
  EXPECT_THAT(page("\xC3\x84", 3), ElementsAre()) << "the other form of the name";
  EXPECT_THAT(page("", 100), testing::SizeIs(7));
  EXPECT_THAT(page("", 0), ElementsAre());
  remove("c/c");
  EXPECT_THAT(page("c", 2), ElementsAre("d", "d2")) << "a position needs no member";
  EXPECT_THAT(page("cc", 1), ElementsAre("d"));
  Wanted shown{.shown = [](const Resource& resource,
                           std::span<const std::string>) { return resource.name != "d"; },
               .page = Wanted::Page{"b", 2}};
  EXPECT_THAT(list("c", Depth::one, shown), testing::SizeIs(2)) << "what is not shown counts not";
}

TEST_P(Listing, OfAFileIsTheFileAtEveryDepth) {
  plant();
  for (const Depth depth : {Depth::zero, Depth::one, Depth::infinity}) {
    const std::vector<Row> all = list("c/a", depth);
    ASSERT_EQ(all.size(), 1u);
    EXPECT_EQ(all[0].path, "");
    EXPECT_EQ(all[0].resource.id, at("c/a").id);
  }
}

TEST_P(Listing, TellsNamesAsStoredAndTheSameRowsAsResolve) {
  collection("A\xCC\x88");
  file("A\xCC\x88/b", "12");
  const std::vector<Row> all = list("", Depth::infinity);
  ASSERT_EQ(all.size(), 3u);
  EXPECT_EQ(all[1].path, "A\xCC\x88");
  EXPECT_EQ(all[2].path, "A\xCC\x88/b");
  const Resource resolved = at("\xC3\x84/b");
  EXPECT_EQ(all[2].resource.id, resolved.id);
  EXPECT_EQ(all[2].resource.parent, resolved.parent);
  EXPECT_EQ(all[2].resource.name, resolved.name);
  EXPECT_EQ(all[2].resource.kind, resolved.kind);
  EXPECT_EQ(all[2].resource.etag, resolved.etag);
  EXPECT_EQ(all[2].resource.size, 2u);
  EXPECT_EQ(all[2].resource.created, resolved.created);
  EXPECT_EQ(all[2].resource.modified, resolved.modified);
  EXPECT_EQ(all[2].resource.stored, resolved.stored);
  EXPECT_EQ(all[2].resource.content, resolved.content);
}

TEST_P(Listing, BringsPropertiesInNameOrderWhenWanted) {
  plant();
  for (const char* name : {"c", "a", "b"}) set_property("c/d/x", name, std::string("<v>") + name);
  set_property("c", "own", "<v>own");
  const PropertyChange other{{"", "zz"}, "<zz/>"};
  write([&](Transaction& tx) { tx.patch_properties(at(tx, "c/d/x").id, std::span(&other, 1)); });
  bool found = false;
  for (const Row& row : list("c", Depth::infinity, {.properties = true})) {
    if (row.path == "d/x") {
      found = true;
      EXPECT_THAT(row.properties,
                  ElementsAre(Property{{"", "zz"}, "<zz/>"}, Property{{"urn:x", "a"}, "<v>a"},
                              Property{{"urn:x", "b"}, "<v>b"}, Property{{"urn:x", "c"}, "<v>c"}));
    } else if (row.path == "") {
      EXPECT_THAT(row.properties, ElementsAre(Property{{"urn:x", "own"}, "<v>own"}));
    } else {
      EXPECT_THAT(row.properties, IsEmpty()) << row.path;
    }
  }
  EXPECT_TRUE(found);
  for (const Row& row : list("c", Depth::infinity)) EXPECT_THAT(row.properties, IsEmpty());
}

TEST_P(Listing, BringsEveryCoveringLockWhenWanted) {
  plant();
  const auto shared = StoreTest::LockPlan{.infinite = true, .scope = LockScope::shared};
  lock("", "t:root", shared);
  lock("c", "t:c", {.scope = LockScope::shared});
  lock("c/d", "t:d", shared);
  lock("c/d/x", "t:x", {.scope = LockScope::shared});
  lock("other", "t:other", shared);
  std::map<std::string, std::vector<std::string>> found;
  for (const Row& row : list("c", Depth::infinity, {.locks = true})) {
    found[row.path] = tokens(row.locks);
    for (const Lock& lock : row.locks)
      if (lock.token == "t:d") {
        EXPECT_EQ(lock.root, path_of("c/d"));
      }
  }
  EXPECT_THAT(found[""], UnorderedElementsAre("t:root", "t:c"));
  EXPECT_THAT(found["a"], UnorderedElementsAre("t:root"));
  EXPECT_THAT(found["d"], UnorderedElementsAre("t:root", "t:d"));
  EXPECT_THAT(found["d/x"], UnorderedElementsAre("t:root", "t:d", "t:x"));
  EXPECT_THAT(found["d/e/y"], UnorderedElementsAre("t:root", "t:d"));
  for (const Row& row : list("c", Depth::infinity)) EXPECT_THAT(row.locks, IsEmpty());
  for (const Row& row : list("c/d/e", Depth::one, {.locks = true}))
    EXPECT_THAT(tokens(row.locks), UnorderedElementsAre("t:root", "t:d")) << row.path;
  for (const Row& row : list("c/d/x", Depth::zero, {.locks = true}))
    EXPECT_THAT(tokens(row.locks), UnorderedElementsAre("t:root", "t:d", "t:x"));
}

TEST_P(Listing, BringsChecksumsOfFilesWhenWanted) {
  collection("c");
  file("c/f", "abc", std::nullopt, {.sha1 = true, .md5 = true});
  file("c/g", bytes_of(kLarge));
  const auto now = snapshot();
  for (const Row& row : list("c", Depth::one, {.checksums = true})) {
    ASSERT_EQ(row.checksums.has_value(), !row.resource.is_collection()) << row.path;
    if (!row.checksums) continue;
    const Content content = now->content(row.resource);
    EXPECT_EQ(row.checksums->sha256, content.checksums.sha256);
    EXPECT_EQ(row.checksums->sha1, content.checksums.sha1);
    EXPECT_EQ(row.checksums->md5, content.checksums.md5);
    EXPECT_EQ(row.checksums->sha1.has_value(), row.path == "f");
  }
  for (const Row& row : list("c", Depth::one)) EXPECT_FALSE(row.checksums);
}

TEST_P(Listing, HasAllMembersOfALargeCollection) {
  constexpr int kMembers = 3000;
  collection("c");
  write([&](Transaction& tx) {
    const Resource c = at(tx, "c");
    for (int i = 0; i < kMembers; ++i)
      tx.make_collection(c, "m" + std::to_string(i), storage::kNobody);
  });
  const std::vector<Row> all = list("", Depth::infinity, {.properties = true, .locks = true});
  EXPECT_EQ(all.size(), kMembers + 2u);
  EXPECT_TRUE(std::is_sorted(all.begin() + 2, all.end(), [](const Row& a, const Row& b) {
    return a.resource.name < b.resource.name;
  }));
}

TEST_P(Listing, LetsWhatTheVisitThrowsPassAndGoesOnWorking) {
  plant();
  const auto now = snapshot();
  struct Stop {};
  const auto stop = [](const Member& member) {
    if (!member.segments.empty()) throw Stop();
  };
  for (int i = 0; i < 3; ++i)
    EXPECT_THROW(now->members(now->resolve(path_of("c")), Depth::infinity, {}, stop), Stop);
  EXPECT_EQ(rows(*now, now->resolve(path_of("c")), Depth::infinity).size(), 7u);
}

TEST_P(Listing, CountsUpToOneMoreThanTheLimit) {
  plant();
  const auto now = snapshot();
  const Resource c = at("c");
  EXPECT_EQ(now->count(c, 100), 7u);
  EXPECT_EQ(now->count(c, 8), 7u);
  EXPECT_EQ(now->count(c, 7), 7u);
  EXPECT_EQ(now->count(c, 6), 7u);
  EXPECT_EQ(now->count(c, 5), 6u);
  EXPECT_EQ(now->count(c, 1), 2u);
  EXPECT_EQ(now->count(c, 0), 1u);
  EXPECT_EQ(now->count(at("c/a"), 9), 1u);
  EXPECT_EQ(now->count(at("other"), 9), 1u);
}

TEST_P(Listing, FitsBelowJudgesLevelsAndBytesExactly) {
  plant();  // below c: 3 levels, "/d/e/y" is 6 bytes
  collection("c/longer-name");
  const auto now = snapshot();
  const Resource c = at("c");
  EXPECT_TRUE(now->fits_below(c, 3, 12));
  EXPECT_FALSE(now->fits_below(c, 2, 12));
  EXPECT_FALSE(now->fits_below(c, 3, 11));
  EXPECT_TRUE(now->fits_below(c, 300, 5000));
  const Resource d = at("c/d");
  EXPECT_TRUE(now->fits_below(d, 2, 4));
  EXPECT_FALSE(now->fits_below(d, 1, 4));
  EXPECT_FALSE(now->fits_below(d, 2, 3));
  EXPECT_TRUE(now->fits_below(at("c/a"), 0, 0));
  EXPECT_TRUE(now->fits_below(at("other"), 0, 0));
  EXPECT_FALSE(now->fits_below(c, 0, 5000));
}

TEST_P(Listing, FitsBelowFollowsWhatComesAndGoes) {
  plant();
  const auto fits = [&](std::string_view path, std::size_t levels, std::size_t bytes) {
    const auto now = snapshot();
    return now->fits_below(at(*now, path), levels, bytes);
  };
  move("c/d", "other/deep");  // other/deep/e/y
  EXPECT_FALSE(fits("other", 2, 100));
  EXPECT_TRUE(fits("other", 3, 9));
  EXPECT_FALSE(fits("other", 3, 8));
  EXPECT_TRUE(fits("c", 1, 2));
  EXPECT_FALSE(fits("", 3, 100));
  EXPECT_TRUE(fits("", 4, 15));
  EXPECT_FALSE(fits("", 4, 14));
  copy("other", "c/copy");
  EXPECT_FALSE(fits("c", 3, 100));
  EXPECT_TRUE(fits("c", 4, 14));
  EXPECT_FALSE(fits("c", 4, 13));
  remove("c/copy/deep");
  EXPECT_TRUE(fits("c", 1, 5));
  EXPECT_FALSE(fits("c", 1, 4));
}

// Also where so many are locked that nobody wants to know beforehand which.
TEST_P(Listing, EachOfManyMembersShowsItsOwnLocks) {
  write([&](Transaction& tx) {
    for (const char* name : {"few", "many"}) {
      const Resource top = tx.make_collection(at(tx, ""), name, storage::kNobody);
      for (int i = 0; i < 1'200; ++i) {
        const Resource made = tx.make_collection(top, std::to_string(i), storage::kNobody);
        if (i % 10 == 0 || (name[0] == 'f' && i % 7 != 0)) continue;
        Lock lock;
        lock.root_id = made.id;
        lock.token = name + std::string("/") + std::to_string(i);
        lock.timeout_s = i % 3 == 0 ? 1 : 3600;
        tx.add_lock(lock);
      }
    }
  });
  clock().advance(1000);
  for (const std::string name : {"few", "many"}) {
    for (const Row& row : rows(*snapshot(), resolve(name), Depth::one, {.locks = true})) {
      std::vector<std::string> wanted;
      const int i = row.path.empty() ? 0 : std::stoi(row.path);
      if (i % 10 != 0 && i % 3 != 0 && (name == "many" || i % 7 == 0))
        wanted.push_back(name + "/" + row.path);
      EXPECT_EQ(tokens(row.locks), wanted) << row.path;
    }
  }
}

TEST_P(Listing, LocksWithinAreThoseRootedAtOrBelow) {
  plant();
  lock("", "t:root");
  lock("c", "t:c");
  lock("c/d/e/y", "t:y");
  lock("c/a", "t:a");
  lock("other", "t:other");
  lock("c/z", "t:gone", {.timeout_s = 1});
  clock().advance(1000);
  const auto now = snapshot();
  EXPECT_THAT(tokens(locks_within(*now, at("c"))), UnorderedElementsAre("t:c", "t:y", "t:a"));
  EXPECT_THAT(tokens(locks_within(*now, at("c/d"))), UnorderedElementsAre("t:y"));
  EXPECT_THAT(tokens(locks_within(*now, at("c/a"))), UnorderedElementsAre("t:a"));
  EXPECT_THAT(tokens(locks_within(*now, at("c/z"))), IsEmpty());
  EXPECT_THAT(tokens(locks_within(*now, at(""))),
              UnorderedElementsAre("t:root", "t:c", "t:y", "t:a", "t:other"));
  for (const Lock& lock : locks_within(*now, at("c/d"))) EXPECT_EQ(lock.root, path_of("c/d/e/y"));
}

TEST_P(Listing, UsageCountsEveryResourceAndEveryCopysBytes) {
  EXPECT_EQ(snapshot()->usage().resources, 1u);
  EXPECT_EQ(snapshot()->usage().bytes, 0u);
  collection("c");
  file("c/f", "12345");
  file("c/g", bytes_of(kLarge));
  EXPECT_EQ(snapshot()->usage().resources, 4u);
  EXPECT_EQ(snapshot()->usage().bytes, 5 + kLarge);
  copy("c", "d");
  EXPECT_EQ(snapshot()->usage().resources, 7u);
  EXPECT_EQ(snapshot()->usage().bytes, 2 * (5 + kLarge));
  file("c/f", "1");
  EXPECT_EQ(snapshot()->usage().resources, 7u);
  EXPECT_EQ(snapshot()->usage().bytes, 6 + 2 * kLarge);
  move("c", "d");
  EXPECT_EQ(snapshot()->usage().resources, 4u);
  EXPECT_EQ(snapshot()->usage().bytes, 1 + kLarge);
  copy("d", "e", false);
  EXPECT_EQ(snapshot()->usage().resources, 5u);
  remove("d");
  EXPECT_EQ(snapshot()->usage().resources, 2u);
  EXPECT_EQ(snapshot()->usage().bytes, 0u);
  EXPECT_THAT(problems(), IsEmpty());
}

}  // namespace
}  // namespace holdfast::test
