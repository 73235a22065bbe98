// The acts on the tree: put, make_collection, copy_tree, move_tree, remove_tree, patch_properties,
// set_modified (storage/namespace.h).
#include <set>

#include "tests/storage/conformance.h"
#include "tests/support/locks.h"

namespace holdfast::test {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

class Tree : public StoreTest {
 protected:
  // Checks that `act` is refused as a conflict and that nothing changed.
  template <class Act>
  void expect_conflict(Act act) {
    const std::size_t before = list("", Depth::infinity).size();
    EXPECT_EQ(fault_of(act), Fault::conflict);
    EXPECT_EQ(list("", Depth::infinity).size(), before);
  }
};

class Put : public Tree {};
INSTANTIATE_TEST_SUITE_P(All, Put, each_backend(), backend_name);

TEST_P(Put, StoresContentOfEverySize) {
  for (const std::size_t size :
       {std::size_t{0}, std::size_t{1}, kLarge - 2, kLarge - 1, kLarge, kLarge * 5}) {
    const std::string bytes = bytes_of(size);
    const Resource made = file("f" + std::to_string(size), bytes);
    EXPECT_EQ(made.size, size);
    const Content content = snapshot()->content(made);
    EXPECT_EQ(content.is_inline(), size <= storage::kInlineLimitBytes) << size;
    EXPECT_EQ(content.size, size);
    EXPECT_TRUE(text(content) == bytes) << size;
  }
}

TEST_P(Put, KeepsTheChecksumsItIsGiven) {
  const auto staged = upload("abc", {.sha1 = true, .md5 = false});
  const Content& sealed = staged->seal();
  const Resource made = file("f", "abc", std::nullopt, {.sha1 = true, .md5 = false});
  const Content content = snapshot()->content(made);
  EXPECT_EQ(content.checksums.sha256, sealed.checksums.sha256);
  EXPECT_EQ(content.checksums.sha1, sealed.checksums.sha1);
  EXPECT_FALSE(content.checksums.md5);
}

TEST_P(Put, OfNewContentKeepsPropertiesLocksIdAndCreationDate) {
  const Resource before = file("f", "one");
  set_property("f", "p", "<p/>");
  lock("f", "t:f");
  clock().advance(5000);
  const Resource after = file("f", "two!");
  EXPECT_EQ(after.id, before.id);
  EXPECT_EQ(after.created, before.created);
  EXPECT_EQ(after.modified, clock().wall());
  EXPECT_EQ(after.stored, clock().wall());
  EXPECT_EQ(after.size, 4u);
  EXPECT_NE(after.etag, before.etag);
  EXPECT_EQ(text("f"), "two!");
  EXPECT_EQ(property("f", "p"), "<p/>");
  EXPECT_THAT(tokens(resolve("f").locks), ElementsAre("t:f"));
}

TEST_P(Put, TakesTheDateThatTheClientAskedFor) {
  EXPECT_EQ(file("f", "x", Millis{1'234'567}).modified, 1'234'567);
  EXPECT_EQ(file("g", "x", Millis{0}).modified, 0);
  EXPECT_EQ(file("h", "x", Millis{-86'400'000}).modified, -86'400'000);
  EXPECT_EQ(file("f", "y").modified, clock().wall());
}

TEST_P(Put, NeverGivesAnEtagTwice) {
  std::set<std::string> seen;
  for (int i = 0; i < 20; ++i) {
    EXPECT_TRUE(seen.insert(file("f", "same").etag).second);
    if (i % 3 == 0) remove("f");
    if (i % 5 == 0) backend().reopen();
  }
}

TEST_P(Put, OfAMemberIsAChangeOfItsCollectionOnlyWhenItIsNew) {
  collection("c");
  clock().advance(1000);
  file("c/f", "one");
  const Millis came = clock().wall();
  EXPECT_EQ(at("c").modified, came);
  clock().advance(1000);
  file("c/f", "two");
  EXPECT_EQ(at("c").modified, came);
  clock().advance(1000);
  remove("c/f");
  EXPECT_EQ(at("c").modified, storage::Date(clock().wall(), storage::DateMark::lost_then))
      << "a member went, storage/dates.h";
}

TEST_P(Put, RefusesPlacesThatDoNotFit) {
  const Resource c = collection("c");
  const Resource f = file("f");
  expect_conflict([&] { file("c", "on a collection"); });
  expect_conflict([&] { file("f/x", "below a file"); });
  remove("c");
  const auto staged = upload("x");
  const Content& content = staged->seal();
  expect_conflict(
      [&] { write([&](Transaction& tx) { tx.put(c, "x", content, {}, storage::kNobody); }); });
}

TEST_P(Put, InOneTransactionTheLastOfTwoStays) {
  const auto first = upload(bytes_of(kLarge, 1));
  const auto second = upload(bytes_of(kLarge, 2));
  const Content& one = first->seal();
  const Content& two = second->seal();
  write([&](Transaction& tx) {
    tx.put(at(tx, ""), "f", one, {}, storage::kNobody);
    tx.put(at(tx, ""), "f", two, {}, storage::kNobody);
  });
  first->keep();
  second->keep();
  EXPECT_TRUE(text("f") == bytes_of(kLarge, 2));
  EXPECT_THAT(garbage(9), ElementsAre(one.blob));
  EXPECT_THAT(problems(), IsEmpty());
}

class MakeCollection : public Tree {};
INSTANTIATE_TEST_SUITE_P(All, MakeCollection, each_backend(), backend_name);

TEST_P(MakeCollection, MakesAnEmptyOne) {
  clock().advance(1000);
  const Resource made = collection("c");
  EXPECT_TRUE(made.is_collection());
  EXPECT_EQ(made.created, clock().wall());
  EXPECT_EQ(made.modified, clock().wall());
  EXPECT_EQ(made.etag, "");
  EXPECT_EQ(made.size, 0u);
  EXPECT_THAT(paths("c", Depth::infinity), ElementsAre(""));
  EXPECT_THAT(properties("c"), IsEmpty());
  EXPECT_EQ(at("").modified, clock().wall());
}

TEST_P(MakeCollection, RefusesPlacesThatDoNotFit) {
  const Resource c = collection("c");
  file("f");
  expect_conflict([&] { collection("c"); });
  expect_conflict([&] { collection("f"); });
  expect_conflict([&] { collection("f/x"); });
  remove("c");
  expect_conflict(
      [&] { write([&](Transaction& tx) { tx.make_collection(c, "x", storage::kNobody); }); });
}

TEST_P(MakeCollection, GoesDeep) {
  std::string path = "d";
  write([&](Transaction& tx) {
    Resource parent = at(tx, "");
    for (int i = 0; i < 200; ++i) parent = tx.make_collection(parent, "d", storage::kNobody);
  });
  for (int i = 1; i < 200; ++i) path += "/d";
  EXPECT_EQ(resolve(path).lineage.size(), 201u);
  EXPECT_EQ(list("", Depth::infinity).size(), 201u);
  copy("d", "e");
  EXPECT_EQ(snapshot()->count(at("e"), 1000), 200u);
  remove("d");
  EXPECT_EQ(snapshot()->usage().resources, 201u);
  EXPECT_THAT(problems(), IsEmpty());
}

class Copy : public Tree {
 protected:
  void plant() {
    collection("s");
    collection("s/c");
    file("s/c/f", "small");
    file("s/large", bytes_of(kLarge), Millis{1000});
    set_property("s", "p", "<p>s</p>");
    set_property("s/c/f", "p", "<p>f</p>");
    lock("s/c/f", "t:f");
    lock("s", "t:s");
    write([&](Transaction& tx) { tx.set_modified(at(tx, "s/c").id, 2000); });
    write([&](Transaction& tx) { tx.set_modified(at(tx, "s").id, 3000); });
    clock().advance(60'000);
  }
};
INSTANTIATE_TEST_SUITE_P(All, Copy, each_backend(), backend_name);

TEST_P(Copy, BringsMembersPropertiesDatesAndContentButNoLocks) {
  plant();
  const Resource made = copy("s", "t");
  EXPECT_EQ(made.name, "t");
  EXPECT_NE(made.id, at("s").id);
  EXPECT_THAT(paths("t", Depth::infinity), UnorderedElementsAre("", "c", "c/f", "large"));
  EXPECT_EQ(text("t/c/f"), "small");
  EXPECT_TRUE(text("t/large") == bytes_of(kLarge));
  EXPECT_EQ(property("t", "p"), "<p>s</p>");
  EXPECT_EQ(property("t/c/f", "p"), "<p>f</p>");
  EXPECT_EQ(at("t").modified, 3000);
  EXPECT_EQ(made.modified, 3000);
  EXPECT_EQ(at("t/c").modified, 2000);
  EXPECT_EQ(at("t/large").modified, 1000);
  for (const char* path : {"t", "t/c", "t/c/f", "t/large"})
    EXPECT_EQ(at(path).created, clock().wall()) << path;
  EXPECT_THAT(locks_within(*snapshot(), at("t")), IsEmpty());
  EXPECT_THAT(tokens(locks_within(*snapshot(), at("s"))), UnorderedElementsAre("t:s", "t:f"));
  EXPECT_EQ(at("").modified, clock().wall());
  EXPECT_THAT(problems(), IsEmpty());
}

TEST_P(Copy, SharesContentAndSoItsEtag) {
  plant();
  copy("s/large", "t");
  const Resource source = at("s/large");
  const Resource target = at("t");
  EXPECT_EQ(target.etag, source.etag);
  EXPECT_EQ(target.stored, source.stored);
  EXPECT_EQ(target.size, source.size);
  EXPECT_EQ(snapshot()->content(target).blob, snapshot()->content(source).blob);
  file("s/large", "other");
  EXPECT_EQ(at("t").etag, target.etag);
  EXPECT_TRUE(text("t") == bytes_of(kLarge));
  EXPECT_THAT(garbage(9), IsEmpty());
  remove("t");
  EXPECT_EQ(garbage(9).size(), 1u);
}

TEST_P(Copy, IsSeparateFromItsSource) {
  plant();
  copy("s", "t");
  set_property("t", "p", "<p>t</p>");
  file("t/c/f", "other");
  remove("t/large");
  EXPECT_EQ(property("s", "p"), "<p>s</p>");
  EXPECT_EQ(text("s/c/f"), "small");
  EXPECT_TRUE(text("s/large") == bytes_of(kLarge));
}

// Copies share their properties until one of them is changed.
TEST_P(Copy, ChangesOfPropertiesStayWithTheResourceThatTheyWereMadeOn) {
  collection("s");
  file("s/f");
  set_property("s", "p", "<p>s</p>");
  set_property("s/f", "p", "<p>f</p>");
  copy("s", "t");
  copy("t", "u");
  copy("u/f", "g");
  const auto expect = [&](std::string_view path, const std::string& value) {
    EXPECT_EQ(property(path, "p"), value) << path;
    EXPECT_EQ(properties(path).size(), value.empty() ? 0U : 1U) << path;
  };
  set_property("t/f", "p", "<p>changed</p>");
  expect("s/f", "<p>f</p>");
  expect("t/f", "<p>changed</p>");
  expect("u/f", "<p>f</p>");
  expect("g", "<p>f</p>");
  const PropertyChange change{{"urn:x", "p"}, std::nullopt};
  write([&](Transaction& tx) { tx.patch_properties(at(tx, "u").id, std::span(&change, 1)); });
  expect("s", "<p>s</p>");
  expect("t", "<p>s</p>");
  expect("u", "");
  EXPECT_THAT(problems(), IsEmpty());
  remove("s");
  expect("t", "<p>s</p>");
  expect("u/f", "<p>f</p>");
  remove("u");
  expect("g", "<p>f</p>");
  copy("t", "g");
  expect("g/f", "<p>changed</p>");
  remove("t");
  expect("g", "<p>s</p>");
  EXPECT_THAT(problems(), IsEmpty());
  remove("g");
  EXPECT_EQ(snapshot()->usage().bytes, 0U);
  EXPECT_THAT(problems(), IsEmpty());
}

TEST_P(Copy, NotRecursiveIsTheCollectionAlone) {
  plant();
  copy("s", "t", false);
  EXPECT_THAT(paths("t", Depth::infinity), ElementsAre(""));
  EXPECT_EQ(property("t", "p"), "<p>s</p>");
  copy("s/c/f", "g", false);
  EXPECT_EQ(text("g"), "small");
}

TEST_P(Copy, ReplacesWhatIsMappedThereWithAllItsMembersAndProperties) {
  plant();
  collection("t");
  file("t/old");
  const Resource old = at("t");
  set_property("t", "old", "<old/>");
  copy("s", "t");
  EXPECT_THAT(paths("t", Depth::infinity), UnorderedElementsAre("", "c", "c/f", "large"));
  EXPECT_THAT(properties("t"), ElementsAre(Property{{"urn:x", "p"}, "<p>s</p>"}));
  EXPECT_EQ(at("t").created, clock().wall());
  copy("s/c/f", "t");
  EXPECT_EQ(text("t"), "small");
  copy("s", "t");
  EXPECT_TRUE(at("t").is_collection());
  EXPECT_THAT(problems(), IsEmpty());
}

TEST_P(Copy, LeavesALockOnTheDestinationCoveringTheNewResource) {
  plant();
  collection("t");
  file("t/old");
  deep_lock("t", "t:dest");
  lock("t/old", "t:old");
  const Lock before = *snapshot()->find_lock("t:dest");
  const Resource made = copy("s", "t");
  const auto now = snapshot();
  EXPECT_THAT(tokens(now->resolve(path_of("t/c/f")).locks), ElementsAre("t:dest"));
  EXPECT_FALSE(now->find_lock("t:old")) << "what it was on is gone";
  const auto after = now->find_lock("t:dest");
  ASSERT_TRUE(after);
  EXPECT_EQ(after->root_id, made.id);
  EXPECT_EQ(after->root, path_of("t"));
  EXPECT_TRUE(after->infinite);
  EXPECT_EQ(after->granted, before.granted);
  EXPECT_EQ(after->timeout_s, before.timeout_s);
  EXPECT_EQ(after->owner, before.owner);
  EXPECT_EQ(after->creator, before.creator);
  copy("s/c/f", "t");
  EXPECT_THAT(tokens(resolve("t").locks), ElementsAre("t:dest"));
}

TEST_P(Copy, RefusesWhenOnePlaceLiesInsideTheOther) {
  plant();
  expect_conflict([&] { copy("s", "s/c/new"); });
  expect_conflict([&] { copy("s", "s/new"); });
  expect_conflict([&] { copy("s", "s/c/f"); });
  expect_conflict([&] { copy("s", "s"); });
  expect_conflict([&] { copy("s/c", "s"); });
  expect_conflict([&] { copy("s/c/f", "s"); });
  expect_conflict([&] { copy("", "x"); });
  expect_conflict([&] { copy("s", "s/large/x"); });
  EXPECT_THAT(tokens(snapshot()->all_locks(9)), UnorderedElementsAre("t:s", "t:f"));
}

class Move : public Copy {};
INSTANTIATE_TEST_SUITE_P(All, Move, each_backend(), backend_name);

TEST_P(Move, KeepsIdentityContentPropertiesAndDates) {
  plant();
  const Resource f = at("s/c/f");
  const Resource s = at("s");
  collection("far");
  clock().advance(1000);
  const Resource moved = move("s", "far/t");
  EXPECT_FALSE(mapped("s"));
  EXPECT_EQ(moved.id, s.id);
  EXPECT_EQ(moved.name, "t");
  EXPECT_EQ(moved.parent, at("far").id);
  EXPECT_EQ(moved.modified, 3000);
  EXPECT_EQ(moved.created, s.created);
  EXPECT_EQ(at("far/t/c/f").id, f.id);
  EXPECT_EQ(at("far/t/c/f").etag, f.etag);
  EXPECT_EQ(text("far/t/c/f"), "small");
  EXPECT_EQ(property("far/t", "p"), "<p>s</p>");
  EXPECT_EQ(property("far/t/c/f", "p"), "<p>f</p>");
  EXPECT_EQ(at("").modified, storage::Date(clock().wall(), storage::DateMark::lost_then))
      << "a member went, storage/dates.h";
  EXPECT_EQ(at("far").modified, clock().wall()) << "a member came";
  EXPECT_EQ(resolve("far/t/c/f").stored, path_of("far/t/c/f"));
  EXPECT_THAT(problems(), IsEmpty());
}

TEST_P(Move, LeavesNoLockInsideWhatMoved) {
  plant();
  move("s", "t");
  EXPECT_THAT(snapshot()->all_locks(9), IsEmpty());
  EXPECT_FALSE(snapshot()->find_lock("t:s"));
  EXPECT_FALSE(snapshot()->find_lock("t:f", 3600));
}

// However the locks are looked for: among fewer resources than there are locks, or among more.
TEST_P(Move, TakesTheLocksFromInsideAndNoneFromBesideOrAbove) {
  for (const int files : {0, 300}) {
    SCOPED_TRACE(files);
    start_afresh();
    std::vector<std::string> planted;
    const auto plant_locks = [&](const std::string& top) {
      write([&](Transaction& tx) {
        Resource parent = tx.make_collection(at(tx, ""), top, storage::kNobody);
        for (int i = 0; i < files; ++i)
          tx.make_collection(parent, "x" + std::to_string(i), storage::kNobody);
        for (int i = 0; i < 20; ++i) {
          const Resource side = tx.make_collection(parent, "side", storage::kNobody);
          for (const Resource& root : {parent, side}) {
            Lock lock;
            lock.root_id = root.id;
            lock.token = "t:" + top + std::to_string(root.id);
            lock.timeout_s = i % 3 == 0 ? 1 : 3600;
            planted.push_back(tx.add_lock(lock).token);
          }
          parent = tx.make_collection(parent, "down", storage::kNobody);
        }
      });
    };
    plant_locks("before");
    plant_locks("in");
    plant_locks("over");
    plant_locks("later");
    lock("", "t:above", {.infinite = true, .scope = LockScope::shared});
    clock().advance(1000);
    const auto tokens_of = [&](const std::string& path) {
      auto found = tokens(locks_within(*snapshot(), at(path)));
      std::sort(found.begin(), found.end());
      return found;
    };
    const auto count_of = [&](const std::string& path) { return tokens_of(path).size(); };
    const auto before = tokens_of("before");
    const auto later = tokens_of("later");
    EXPECT_EQ(before.size(), 26u);
    EXPECT_EQ(count_of("in"), 26u);
    EXPECT_EQ(count_of("in/down/down/down"), 22u);
    EXPECT_EQ(count_of(""), 4 * 26 + 1u);
    remove("in/down/down/down");
    EXPECT_EQ(count_of("in"), 4u);
    copy("before", "in/down");  // over it, whose lock stays
    EXPECT_EQ(count_of("in"), 1u);
    move("over", "in/down");
    EXPECT_EQ(count_of("in"), 1u);
    move("in", "moved");
    EXPECT_EQ(count_of("moved"), 0u);
    EXPECT_EQ(tokens_of("before"), before);
    EXPECT_EQ(tokens_of("later"), later);
    EXPECT_EQ(count_of(""), 2 * 26 + 1u);
    // Those that ran out are kept or gone like the others.
    const auto now = snapshot();
    for (const std::string& token : planted)
      EXPECT_EQ(now->find_lock(token, 3600).has_value(),
                token.starts_with("t:before") || token.starts_with("t:later"))
          << token;
    EXPECT_THAT(problems(), IsEmpty());
  }
}

TEST_P(Move, ComesUnderTheLocksOfItsNewPlaceOnly) {
  plant();
  collection("from");
  collection("to");
  file("from/f");
  const auto shared = StoreTest::LockPlan{.infinite = true, .scope = LockScope::shared};
  lock("from", "t:from", shared);
  lock("to", "t:to", shared);
  move("from/f", "to/f");
  EXPECT_THAT(tokens(resolve("to/f").locks), ElementsAre("t:to"));
  EXPECT_THAT(tokens(resolve("from/f").locks), ElementsAre("t:from"));
}

TEST_P(Move, ReplacesWhatIsMappedThereButNotItsLock) {
  plant();
  collection("t");
  file("t/old", bytes_of(kLarge, 7));
  set_property("t", "old", "<old/>");
  lock("t", "t:dest");
  lock("t/old", "t:old");
  const std::string old_blob = snapshot()->content(at("t/old")).blob;
  const Resource s = at("s");
  move("s", "t");
  EXPECT_EQ(at("t").id, s.id);
  EXPECT_THAT(paths("t", Depth::infinity), UnorderedElementsAre("", "c", "c/f", "large"));
  EXPECT_THAT(properties("t"), ElementsAre(Property{{"urn:x", "p"}, "<p>s</p>"}));
  const auto now = snapshot();
  EXPECT_THAT(tokens(now->all_locks(9)), ElementsAre("t:dest"));
  EXPECT_EQ(now->find_lock("t:dest")->root_id, s.id);
  EXPECT_EQ(now->find_lock("t:dest")->root, path_of("t"));
  EXPECT_THAT(garbage(9), ElementsAre(old_blob));
  EXPECT_THAT(problems(), IsEmpty());
}

TEST_P(Move, ToANewSpellingOfItselfIsARename) {
  collection("A\xCC\x88");
  file("A\xCC\x88/f");
  lock("A\xCC\x88", "t:a");
  lock("A\xCC\x88/f", "t:f");
  const Resource before = at("A\xCC\x88");
  const Resource after = move("A\xCC\x88", "\xC3\x84");
  EXPECT_EQ(after.id, before.id);
  EXPECT_EQ(after.name, "\xC3\x84");
  EXPECT_EQ(at("\xC3\x84").name, "\xC3\x84");
  EXPECT_TRUE(mapped("A\xCC\x88/f"));
  EXPECT_EQ(snapshot()->usage().resources, 3u);
  EXPECT_THAT(paths("", Depth::one), ElementsAre("", "\xC3\x84"));
  EXPECT_THAT(tokens(resolve("\xC3\x84").locks), ElementsAre("t:a"));
  EXPECT_EQ(snapshot()->find_lock("t:f")->root, path_of("\xC3\x84/f"));
  EXPECT_THAT(problems(), IsEmpty());
}

TEST_P(Move, OntoANameEqualUnderNfcReplacesIt) {
  file("\xC3\x84", "old");
  file("f", "new");
  move("f", "A\xCC\x88");
  EXPECT_EQ(text("\xC3\x84"), "new");
  EXPECT_THAT(paths("", Depth::one), ElementsAre("", "A\xCC\x88"));
}

TEST_P(Move, RefusesWhenOnePlaceLiesInsideTheOther) {
  plant();
  expect_conflict([&] { move("s", "s/c/new"); });
  expect_conflict([&] { move("s", "s/new"); });
  expect_conflict([&] { move("s", "s/c/f"); });
  expect_conflict([&] { move("s/c", "s"); });
  expect_conflict([&] { move("s/c/f", "s"); });
  expect_conflict([&] { move("", "x"); });
  expect_conflict([&] { move("s", "s/large/x"); });
  EXPECT_THAT(tokens(snapshot()->all_locks(9)), UnorderedElementsAre("t:s", "t:f"));
}

class Remove : public Copy {};
INSTANTIATE_TEST_SUITE_P(All, Remove, each_backend(), backend_name);

TEST_P(Remove, TakesMembersPropertiesAndLocksAlong) {
  plant();
  const NodeId f = at("s/c/f").id;
  remove("s");
  EXPECT_FALSE(mapped("s"));
  EXPECT_THAT(snapshot()->all_locks(9), IsEmpty());
  EXPECT_EQ(snapshot()->usage().resources, 1u);
  EXPECT_EQ(at("").modified, storage::Date(clock().wall(), storage::DateMark::lost_then))
      << "a member went, storage/dates.h";
  const PropertyChange change{{"", "p"}, "<p/>"};
  expect_conflict(
      [&] { write([&](Transaction& tx) { tx.patch_properties(f, std::span(&change, 1)); }); });
  collection("s");
  EXPECT_THAT(properties("s"), IsEmpty());
  EXPECT_THAT(resolve("s").locks, IsEmpty());
  EXPECT_THAT(problems(), IsEmpty());
}

TEST_P(Remove, RefusesTheRootAndWhatIsGone) {
  const Resource c = collection("c");
  expect_conflict([&] { remove(""); });
  remove("c");
  expect_conflict([&] { write([&](Transaction& tx) { tx.remove_tree(c); }); });
}

class PatchProperties : public Tree {};
INSTANTIATE_TEST_SUITE_P(All, PatchProperties, each_backend(), backend_name);

TEST_P(PatchProperties, AppliesTheChangesInOrder) {
  file("f");
  const std::vector<PropertyChange> changes{{{"urn:x", "a"}, "<a>1</a>"},
                                            {{"urn:x", "b"}, "<b/>"},
                                            {{"urn:x", "a"}, "<a>2</a>"},
                                            {{"urn:x", "b"}, std::nullopt},
                                            {{"urn:x", "none"}, std::nullopt},
                                            {{"urn:y", "a"}, "<a>y</a>"},
                                            {{"", "a"}, "<a/>"}};
  write([&](Transaction& tx) { tx.patch_properties(at(tx, "f").id, changes); });
  EXPECT_THAT(properties("f"),
              ElementsAre(Property{{"", "a"}, "<a/>"}, Property{{"urn:x", "a"}, "<a>2</a>"},
                          Property{{"urn:y", "a"}, "<a>y</a>"}));
}

// Namespace name, local name and value, in bytes; each copy counts.
TEST_P(PatchProperties, CountAsBytesOfTheirOwner) {
  const auto bytes = [&] { return snapshot()->usage().bytes; };
  const auto patch = [&](const std::string& name, std::optional<std::string> xml) {
    std::int64_t more = 0;
    const PropertyChange change{{"urn:x", name}, std::move(xml)};
    write([&](Transaction& tx) {
      more = tx.patch_properties(at(tx, "f").id, std::span(&change, 1));
    });
    return more;
  };
  file("f", "12345");
  EXPECT_EQ(bytes(), 5U);
  EXPECT_EQ(patch("p", "<p>\xC3\xA4</p>"), 5 + 1 + 9);
  EXPECT_EQ(bytes(), 20U);
  EXPECT_EQ(patch("q", "<q/>"), 5 + 1 + 4);
  EXPECT_EQ(patch("p", "<p/>"), -5);
  EXPECT_EQ(bytes(), 25U);
  copy("f", "g");
  EXPECT_EQ(bytes(), 50U);
  EXPECT_EQ(patch("q", std::nullopt), -10);
  EXPECT_EQ(patch("none", std::nullopt), 0);
  EXPECT_EQ(bytes(), 40U);
  file("f", "1");
  EXPECT_EQ(bytes(), 36U);
  remove("g");
  EXPECT_EQ(bytes(), 11U);
  EXPECT_EQ(patch("p", std::nullopt), -10);
  EXPECT_EQ(bytes(), 1U);
  EXPECT_THAT(problems(), IsEmpty());
}

TEST_P(PatchProperties, ChangesNeitherEtagNorDates) {
  const Resource before = file("f");
  clock().advance(5000);
  set_property("f", "p", "<p/>");
  const Resource after = at("f");
  EXPECT_EQ(after.etag, before.etag);
  EXPECT_EQ(after.modified, before.modified);
}

TEST_P(PatchProperties, KeepsAnyText) {
  collection("c");
  const std::string value =
      "<p xmlns=\"\">\xF0\x9F\x98\x80 'quoted' &amp; \n" + std::string(200'000, 'x') + "</p>";
  set_property("c", "p", value);
  EXPECT_TRUE(property("c", "p") == value);
  set_property("", "p", "<root/>");
  EXPECT_EQ(property("", "p"), "<root/>");
}

TEST_P(PatchProperties, RemovingTheLastLeavesNone) {
  file("f");
  set_property("f", "p", "<p/>");
  const PropertyChange change{{"urn:x", "p"}, std::nullopt};
  write([&](Transaction& tx) { tx.patch_properties(at(tx, "f").id, std::span(&change, 1)); });
  EXPECT_THAT(properties("f"), IsEmpty());
  for (const Row& row : list("", Depth::one, {.properties = true}))
    EXPECT_THAT(row.properties, IsEmpty());
  EXPECT_THAT(problems(), IsEmpty());
}

class SetModified : public Tree {};
INSTANTIATE_TEST_SUITE_P(All, SetModified, each_backend(), backend_name);

TEST_P(SetModified, ChangesTheDateAndNothingElse) {
  const Resource file_before = file("f");
  collection("c");
  write([&](Transaction& tx) {
    tx.set_modified(at(tx, "f").id, 123'456);
    tx.set_modified(at(tx, "c").id, -5);
  });
  EXPECT_EQ(at("f").modified, 123'456);
  EXPECT_EQ(at("c").modified, -5);
  EXPECT_EQ(at("f").etag, file_before.etag);
  EXPECT_EQ(at("f").stored, file_before.stored);
  EXPECT_EQ(at("f").created, file_before.created);
  expect_conflict([&] { write([](Transaction& tx) { tx.set_modified(999'999, 0); }); });
}

}  // namespace
}  // namespace holdfast::test
