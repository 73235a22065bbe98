// Snapshot::resolve and the fields of Resolution and Resource (storage/namespace.h).
#include "tests/storage/conformance.h"

namespace holdfast::test {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::MatchesRegex;
using ::testing::UnorderedElementsAre;

constexpr const char* kComposed = "\xC3\x84";     // Ä as one code point
constexpr const char* kDecomposed = "A\xCC\x88";  // A with a combining diaeresis

class Resolve : public StoreTest {};
INSTANTIATE_TEST_SUITE_P(All, Resolve, each_backend(), backend_name);

TEST_P(Resolve, FindsTheRootInAnEmptyStore) {
  const Resolution root = resolve("");
  ASSERT_TRUE(root.mapped());
  EXPECT_TRUE(root.resource->is_collection());
  EXPECT_EQ(root.resource->name, "");
  EXPECT_FALSE(root.parent);
  EXPECT_THAT(root.lineage, ElementsAre(root.resource->id));
  EXPECT_TRUE(root.stored.is_root());
  EXPECT_THAT(root.locks, IsEmpty());
  EXPECT_THAT(root.parent_locks, IsEmpty());
}

TEST_P(Resolve, TellsTheWholeChainOfAMappedPath) {
  const Resource a = collection("a");
  const Resource b = collection("a/b");
  const Resource f = file("a/b/f");
  const Resolution found = resolve("a/b/f");
  EXPECT_EQ(found.path, path_of("a/b/f"));
  ASSERT_TRUE(found.mapped());
  EXPECT_EQ(found.resource->id, f.id);
  EXPECT_EQ(found.resource->parent, b.id);
  EXPECT_EQ(found.resource->name, "f");
  EXPECT_EQ(found.resource->kind, Kind::file);
  ASSERT_TRUE(found.parent);
  EXPECT_EQ(found.parent->id, b.id);
  EXPECT_EQ(found.parent->parent, a.id);
  EXPECT_THAT(found.lineage, ElementsAre(at("").id, a.id, b.id, f.id));
  EXPECT_EQ(found.stored, path_of("a/b/f"));
}

TEST_P(Resolve, TellsTheParentOfAnUnmappedMember) {
  const Resource a = collection("a");
  const Resolution found = resolve("a/none");
  EXPECT_FALSE(found.mapped());
  ASSERT_TRUE(found.parent);
  EXPECT_EQ(found.parent->id, a.id);
  EXPECT_THAT(found.lineage, ElementsAre(at("").id, a.id));
  EXPECT_EQ(found.stored, path_of("a"));
  EXPECT_EQ(found.path, path_of("a/none"));
}

TEST_P(Resolve, TellsNoParentWhenThatIsUnmappedToo) {
  const Resource a = collection("a");
  const Resolution found = resolve("a/none/x");
  EXPECT_FALSE(found.mapped());
  EXPECT_FALSE(found.parent);
  EXPECT_THAT(found.lineage, ElementsAre(at("").id, a.id));
  EXPECT_EQ(found.stored, path_of("a"));
}

TEST_P(Resolve, CountsAFileAsAParent) {
  const Resource f = file("f");
  const Resolution found = resolve("f/x");
  EXPECT_FALSE(found.mapped());
  ASSERT_TRUE(found.parent);
  EXPECT_EQ(found.parent->id, f.id);
  EXPECT_FALSE(found.parent->is_collection());
  EXPECT_THAT(found.lineage, ElementsAre(at("").id, f.id));
  EXPECT_FALSE(resolve("f/x/y").parent);
}

TEST_P(Resolve, MapsExactlyWhenTheLineageReachesThePath) {
  collection("a");
  file("a/f");
  for (const char* path : {"", "a", "a/f", "a/f/x", "a/none", "none", "none/none/none"}) {
    const Resolution found = resolve(path);
    EXPECT_EQ(found.mapped(), found.lineage.size() == path_of(path).depth() + 1) << path;
    EXPECT_EQ(found.stored.depth() + 1, found.lineage.size()) << path;
  }
}

TEST_P(Resolve, JudgesAtOrBelowByIdentity) {
  const Resource a = collection("a");
  collection("ab");
  file("a/f");
  EXPECT_TRUE(resolve("a").at_or_below(a));
  EXPECT_TRUE(resolve("a/f").at_or_below(a));
  EXPECT_TRUE(resolve("a/none/x").at_or_below(a));
  EXPECT_FALSE(resolve("ab").at_or_below(a));
  EXPECT_FALSE(resolve("").at_or_below(a));
}

TEST_P(Resolve, KeepsNamesByteExact) {
  std::string longest;
  while (longest.size() < 255) longest += longest.size() % 2 == 0 ? "x" : ".";
  for (const std::string& name :
       {std::string(" a  b "), std::string("100%25#?&+;"), std::string("\xF0\x9F\x98\x80"),
        std::string("CON"), std::string("a."), std::string("<&\">"), std::string("..."),
        std::string("\\"), std::string("a\tb"), longest}) {
    file(name, name);
    EXPECT_EQ(at(name).name, name);
    EXPECT_EQ(text(name), name);
  }
}

TEST_P(Resolve, TellsCaseAndCompatibilityFormsApart) {
  for (const char* name : {"a", "A", "\xEF\xAC\x81", "fi", "\xC2\xB2", "2", "a ", " a"})
    file(name, name);
  EXPECT_EQ(list("", Depth::one).size(), 9u);
  EXPECT_EQ(text("\xEF\xAC\x81"), "\xEF\xAC\x81");
  EXPECT_EQ(text("fi"), "fi");
}

TEST_P(Resolve, FindsNamesInEitherNormalForm) {
  for (const char* stored : {kComposed, kDecomposed}) {
    const std::string folder = stored == kComposed ? "nfc" : "nfd";
    collection(folder);
    const Resource made = collection(folder + "/" + stored);
    file(folder + "/" + stored + "/f");
    for (const char* asked : {kComposed, kDecomposed}) {
      const Resolution found = resolve(folder + "/" + asked + "/f");
      ASSERT_TRUE(found.mapped());
      EXPECT_EQ(found.lineage[2], made.id);
      EXPECT_EQ(found.path, path_of(folder + "/" + asked + "/f")) << "as asked";
      EXPECT_EQ(found.stored, path_of(folder + "/" + stored + "/f")) << "as stored";
    }
  }
}

TEST_P(Resolve, NeverHasTwoMembersWithNamesEqualUnderNfc) {
  const Resource first = file(kComposed, "one");
  const Resource second = file(kDecomposed, "two");
  EXPECT_EQ(second.id, first.id);
  EXPECT_EQ(second.name, kComposed) << "as first stored";
  EXPECT_EQ(text(kComposed), "two");
  EXPECT_EQ(list("", Depth::one).size(), 2u);
  EXPECT_EQ(fault_of([&] { collection(kDecomposed); }), Fault::conflict);
}

TEST_P(Resolve, TellsWhatARowTells) {
  clock().set(1'700'000'000'123);
  const Resource c = collection("c");
  EXPECT_EQ(c.created, 1'700'000'000'123);
  EXPECT_EQ(c.modified, 1'700'000'000'123);
  clock().advance(1000);
  const Resource f = file("c/f", "12345", Millis{86'400'000});
  EXPECT_THAT(f.etag, MatchesRegex("[A-Za-z0-9._-]+"));
  EXPECT_EQ(f.size, 5u);
  EXPECT_EQ(f.stored, 1'700'000'001'123);
  EXPECT_EQ(f.created, 1'700'000'001'123);
  EXPECT_EQ(f.modified, 86'400'000);
  const Resource found = at("c/f");
  EXPECT_EQ(found.id, f.id);
  EXPECT_EQ(found.parent, c.id);
  EXPECT_EQ(found.name, f.name);
  EXPECT_EQ(found.kind, Kind::file);
  EXPECT_EQ(found.created, f.created);
  EXPECT_EQ(found.modified, f.modified);
  EXPECT_EQ(found.etag, f.etag);
  EXPECT_EQ(found.size, f.size);
  EXPECT_EQ(found.stored, f.stored);
  EXPECT_EQ(found.content, f.content);
}

// --- locks that cover a path -------------------------------------------------------------------

class ResolveLocks : public StoreTest {};
INSTANTIATE_TEST_SUITE_P(All, ResolveLocks, each_backend(), backend_name);

TEST_P(ResolveLocks, DepthZeroCoversItsRootAlone) {
  collection("a");
  file("a/f");
  lock("a", "t:a");
  EXPECT_THAT(tokens(resolve("a").locks), ElementsAre("t:a"));
  EXPECT_THAT(resolve("a").parent_locks, IsEmpty());
  EXPECT_THAT(resolve("a/f").locks, IsEmpty());
  EXPECT_THAT(tokens(resolve("a/f").parent_locks), ElementsAre("t:a"));
  EXPECT_THAT(resolve("a/none").locks, IsEmpty());
  EXPECT_THAT(tokens(resolve("a/none").parent_locks), ElementsAre("t:a"));
  EXPECT_THAT(resolve("").locks, IsEmpty());
}

TEST_P(ResolveLocks, DepthInfinityCoversAllBelowMappedOrNot) {
  collection("a");
  collection("a/b");
  file("a/b/f");
  collection("beside");
  deep_lock("a", "t:a");
  for (const char* path : {"a", "a/b", "a/b/f", "a/none", "a/b/none", "a/none/none/none"})
    EXPECT_THAT(tokens(resolve(path).locks), ElementsAre("t:a")) << path;
  for (const char* path : {"a/b", "a/b/f", "a/none", "a/b/none", "a/none/none"})
    EXPECT_THAT(tokens(resolve(path).parent_locks), ElementsAre("t:a")) << path;
  EXPECT_THAT(resolve("a").parent_locks, IsEmpty());
  EXPECT_THAT(resolve("beside").locks, IsEmpty());
  EXPECT_THAT(resolve("beside/x").locks, IsEmpty());
  EXPECT_THAT(resolve("").locks, IsEmpty());
}

TEST_P(ResolveLocks, ALockOnAMemberIsNotOneOnItsParent) {
  collection("a");
  file("a/f");
  lock("a/f", "t:f");
  EXPECT_THAT(tokens(resolve("a/f").locks), ElementsAre("t:f"));
  EXPECT_THAT(resolve("a/f").parent_locks, IsEmpty());
  EXPECT_THAT(resolve("a").locks, IsEmpty());
}

TEST_P(ResolveLocks, TheRootCanBeLocked) {
  file("f");
  lock("", "t:root");
  EXPECT_THAT(tokens(resolve("").locks), ElementsAre("t:root"));
  EXPECT_THAT(resolve("").parent_locks, IsEmpty());
  EXPECT_THAT(tokens(resolve("f").parent_locks), ElementsAre("t:root"));
  EXPECT_THAT(resolve("f").locks, IsEmpty());
}

TEST_P(ResolveLocks, AllLocksOfAllLevelsAreTold) {
  collection("a");
  file("a/f");
  const auto shared = StoreTest::LockPlan{.scope = LockScope::shared};
  const auto shared_deep = StoreTest::LockPlan{.infinite = true, .scope = LockScope::shared};
  lock("", "t:root", shared_deep);
  lock("a", "t:a0", shared);
  lock("a", "t:a1", shared_deep);
  lock("a/f", "t:f1", shared);
  lock("a/f", "t:f2", shared);
  const Resolution found = resolve("a/f");
  EXPECT_THAT(tokens(found.locks), UnorderedElementsAre("t:root", "t:a1", "t:f1", "t:f2"));
  EXPECT_THAT(tokens(found.parent_locks), UnorderedElementsAre("t:root", "t:a0", "t:a1"));
}

TEST_P(ResolveLocks, TellsEveryFieldOfALock) {
  collection(kDecomposed);
  const Resource f = file(std::string(kDecomposed) + "/f");
  const Lock made = lock(std::string(kComposed) + "/f", "t:f",
                         {.infinite = true, .scope = LockScope::shared, .timeout_s = 77});
  const Resolution found = resolve(std::string(kComposed) + "/f");
  ASSERT_EQ(found.locks.size(), 1u);
  for (const Lock& lock : {made, found.locks[0]}) {
    EXPECT_EQ(lock.token, "t:f");
    EXPECT_EQ(lock.root_id, f.id);
    EXPECT_EQ(lock.root, path_of(std::string(kDecomposed) + "/f")) << "as stored";
    EXPECT_EQ(lock.scope, LockScope::shared);
    EXPECT_TRUE(lock.infinite);
    EXPECT_EQ(lock.owner, "<o xmlns=\"urn:o\">me</o>");
    EXPECT_EQ(lock.creator, 7);
    EXPECT_EQ(lock.granted, clock().lease());
    EXPECT_EQ(lock.timeout_s, 77);
  }
}

}  // namespace
}  // namespace holdfast::test
