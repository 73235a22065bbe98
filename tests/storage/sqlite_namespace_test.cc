#include <gmock/gmock.h>

#include "tests/storage/sqlite_store.h"

namespace holdfast::storage {
namespace {

using testing::ElementsAre;

TEST_F(SqliteStore, KeepsEverythingThroughAReopen) {
  open();
  mkcol("a");
  put("a/f", "hello");
  put_file("a/big", 100'000, 'x');
  lock("a/f", "urn:uuid:1");
  names_->write(Flush::required, [&](Transaction& tx) {
    const std::vector<PropertyChange> set{{{"urn:x", "colour"}, "<c/>"}};
    tx.patch_properties(tx.resolve(path("a/f")).resource->id, set);
  });
  const std::string etag = resolve("a/f").resource->etag;
  reopen();
  const Resolution at = resolve("a/f");
  ASSERT_TRUE(at.mapped());
  EXPECT_EQ(at.resource->etag, etag);
  EXPECT_EQ(at.locks.size(), 1U);
  EXPECT_EQ(names_->snapshot()->properties(*at.resource).size(), 1U);
  EXPECT_EQ(read("a/f"), "hello");
  EXPECT_EQ(read("a/big"), std::string(100'000, 'x'));
  EXPECT_EQ(names_->snapshot()->usage().resources, 4U);
  EXPECT_EQ(names_->snapshot()->usage().bytes, 100'005U + 15U);
  expect_sound();
}

TEST_F(SqliteStore, NeverReusesAnIdOrAnEtag) {
  open();
  const Resource first = put("f", "one");
  remove("f");
  reopen();
  const Resource second = put("f", "one");
  EXPECT_GT(second.id, first.id);
  EXPECT_GT(second.content, first.content);
  EXPECT_NE(second.etag, first.etag);
  EXPECT_LE(second.etag.size(), 15U);
  expect_sound();
}

TEST_F(SqliteStore, FindsBothNormalFormsAndKeepsTheSpelling) {
  open();
  put("A\xcc\x88", "nfd");  // A with a combining diaeresis
  const Resolution at = resolve("\xc3\x84");
  ASSERT_TRUE(at.mapped());
  EXPECT_EQ(at.resource->name, "A\xcc\x88");
  EXPECT_EQ(at.stored, path("A\xcc\x88"));
  put("\xc3\x84", "nfc");  // the same member
  EXPECT_EQ(resolve("A\xcc\x88").resource->name, "A\xcc\x88");
  EXPECT_EQ(read("A\xcc\x88"), "nfc");
  move("A\xcc\x88", "\xc3\x84");  // a new spelling
  EXPECT_EQ(resolve("A\xcc\x88").resource->name, "\xc3\x84");
  EXPECT_EQ(names_->snapshot()->usage().resources, 2U);
  expect_sound();
}

TEST_F(SqliteStore, ListsInNameOrderEveryCollectionBeforeItsMembers) {
  open();
  mkcol("b");
  mkcol("b/d");
  put("b/d/e", "");
  put("b/c", "");
  put("a", "");
  std::vector<std::string> seen;
  const auto snapshot = names_->snapshot();
  snapshot->members(snapshot->resolve(Path()), Depth::infinity, {}, [&](const Member& member) {
    std::string full;
    for (const std::string& segment : member.segments) full += "/" + segment;
    seen.push_back(full);
  });
  EXPECT_THAT(seen, ElementsAre("", "/a", "/b", "/b/c", "/b/d", "/b/d/e"));
}

TEST_F(SqliteStore, ListingCarriesEveryLockThatCovers) {
  open();
  mkcol("a");
  mkcol("a/b");
  put("a/b/f", "");
  put("a/g", "");
  lock("a", "urn:0", false);
  lock("a/b", "urn:1", true);
  lock("a/b/f", "urn:2");
  std::vector<std::string> seen;
  const auto snapshot = names_->snapshot();
  snapshot->members(snapshot->resolve(path("a")), Depth::infinity, {false, true, false},
                    [&](const Member& member) {
                      std::string line(member.resource.name + ":");
                      for (const Lock& lock : member.locks) {
                        EXPECT_EQ(lock.root.name(), lock.token == "urn:0"   ? "a"
                                                    : lock.token == "urn:1" ? "b"
                                                                            : "f");
                        line += lock.token;
                      }
                      seen.push_back(line);
                    });
  EXPECT_THAT(seen, ElementsAre("a:urn:0", "b:urn:1", "f:urn:1urn:2", "g:"));
}

TEST_F(SqliteStore, CopySharesContentAndItsEtagButNoLocks) {
  open();
  mkcol("a");
  put_file("a/f", 70'000, 'x');
  put("a/g", "g");
  lock("a/f", "urn:1");
  copy("a", "c");
  EXPECT_EQ(resolve("c/f").resource->etag, resolve("a/f").resource->etag);
  EXPECT_NE(resolve("c/f").resource->id, resolve("a/f").resource->id);
  EXPECT_TRUE(resolve("c/f").locks.empty());
  EXPECT_EQ(names_->snapshot()->usage().bytes, 140'002U);
  remove("a");
  EXPECT_EQ(read("c/f"), std::string(70'000, 'x'));
  EXPECT_TRUE(names_->garbage(10).empty());
  expect_sound();
  remove("c");
  EXPECT_EQ(names_->garbage(10).size(), 1U);
  expect_sound();
}

TEST_F(SqliteStore, OverwritingKeepsTheDestinationsLockAndDropsTheSources) {
  for (const bool copying : {false, true}) {
    SCOPED_TRACE(copying);
    open();
    put("s", "source");
    put("d", "destination");
    lock("s", "urn:s");
    lock("d", "urn:d");
    if (copying) {
      copy("s", "d");
    } else {
      move("s", "d");
    }
    const Resolution at = resolve("d");
    ASSERT_EQ(at.locks.size(), 1U);
    EXPECT_EQ(at.locks[0].token, "urn:d");
    EXPECT_EQ(names_->snapshot()->find_lock("urn:s").has_value(), copying);
    EXPECT_EQ(read("d"), "source");
    expect_sound();
    remove("d");
    if (copying) remove("s");
    EXPECT_EQ(names_->stats().locks, 0U);
    close();
  }
}

TEST_F(SqliteStore, TreeActsRefuseLoops) {
  open();
  mkcol("a");
  mkcol("a/b");
  EXPECT_THROW(move("a", "a/b/c"), Error);
  EXPECT_THROW(copy("a", "a/b/c"), Error);
  EXPECT_THROW(move("a/b", "a"), Error);
  EXPECT_THROW(copy("a/b", "a"), Error);
  EXPECT_TRUE(resolve("a/b").mapped());
  expect_sound();
}

TEST_F(SqliteStore, BoundsSayNoOnlyWhereTheTreeIsDeep) {
  open();
  mkcol("a");
  mkcol("a/b");
  put("a/b/ccc", "");
  const auto fits = [&](std::size_t levels, std::size_t bytes) {
    const auto snapshot = names_->snapshot();
    return snapshot->fits_below(snapshot->resolve(path("a")).resource.value(), levels, bytes);
  };
  EXPECT_TRUE(fits(2, 6));
  EXPECT_FALSE(fits(1, 6));
  EXPECT_FALSE(fits(2, 5));
  remove("a/b/ccc");  // the bound stays, the tree is walked
  EXPECT_TRUE(fits(1, 2));
  EXPECT_FALSE(fits(0, 2));
}

}  // namespace
}  // namespace holdfast::storage
