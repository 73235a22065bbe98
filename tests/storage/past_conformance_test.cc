// What storage/history.h, storage/namespace.h and storage/undo.h say of the tree as it was, for
// every back end. Random histories are in past_random_test.cc.
#include "storage/undo.h"
#include "tests/storage/conformance.h"

namespace holdfast::test {
namespace {

using storage::Instant;
using storage::PastMember;
using storage::Undone;

class Past : public StoreTest {
 protected:
  void SetUp() override { names().keep({.trash = true, .versions = true}); }

  // Ends the second, and returns the instant at its end. What follows is at least a minute later.
  Millis remember() {
    const Millis now = clock().wall();
    clock().advance(61'000);
    return now;
  }
  [[nodiscard]] Instant instant(Millis at) { return snapshot()->instant_at(at).value(); }
  // Paths and contents below `root`, in the order of paths; a later content has a "!".
  [[nodiscard]] std::vector<std::string> past(Instant at, std::string_view root = "") {
    const auto now = snapshot();
    std::vector<std::string> all;
    const auto top = now->resolve_at(at, path_of(root));
    if (!top) return all;
    std::vector<std::pair<NodeId, std::string>> left{{top->resource.id, ""}};
    while (!left.empty()) {
      const auto [id, path] = left.back();
      left.pop_back();
      now->members_at(at, id, [&, &above = path](const PastMember& member) {
        const std::string name = above + member.resource.name;
        if (member.resource.is_collection()) {
          all.push_back(name + "/");
          left.emplace_back(member.resource.id, name + "/");
        } else {
          all.push_back(name + " " + text(now->content(member.resource)) +
                        (member.later ? "!" : ""));
        }
      });
    }
    std::sort(all.begin(), all.end());
    return all;
  }
  [[nodiscard]] std::vector<std::string> past(Millis at) { return past(instant(at)); }
  [[nodiscard]] std::vector<std::string> present() { return past(Instant()); }
  Undone undo(std::string_view path, Millis at) {
    Undone done;
    write([&](Transaction& tx) { done = storage::undo(tx, path_of(path), *tx.instant_at(at)); });
    return done;
  }
  void hold(const std::string& name, std::string_view path = "") {
    write([&](Transaction& tx) {
      storage::NamedSnapshot held;
      held.name = name;
      held.root = at(tx, path).id;
      held.path = path_of(path);
      tx.add_snapshot(held);
    });
  }
  [[nodiscard]] std::vector<std::int64_t> trash_ids() {
    std::vector<std::int64_t> ids;
    snapshot()->trash(0, [&](const storage::TrashEntry& entry) {
      ids.push_back(entry.id);
      return true;
    });
    return ids;
  }
};

INSTANTIATE_TEST_SUITE_P(All, Past, each_backend(), backend_name);

using Lines = std::vector<std::string>;

TEST_P(Past, HasPlacesNamesAndContentsOfThen) {
  EXPECT_EQ(snapshot()->instant_at(clock().wall() - 86'400'000), std::nullopt);
  collection("d");
  file("d/stays", "1");
  file("d/moves", "2");
  file("d/changes", "3");
  file("d/goes", "4");
  const Millis then = remember();
  collection("e");
  move("d/moves", "e/moved");
  file("d/changes", "three");
  remove("d/goes");
  file("d/came", "6");
  file("d/goes", "7");
  const Millis between = remember();
  move("d", "f");
  remove("e");
  remember();
  const Lines wanted = {"d/", "d/changes 3", "d/goes 4", "d/moves 2", "d/stays 1"};
  EXPECT_EQ(past(then), wanted);
  EXPECT_EQ(past(between), (Lines{"d/", "d/came 6", "d/changes three", "d/goes 7", "d/stays 1",
                                  "e/", "e/moved 2"}));
  EXPECT_EQ(present(), (Lines{"f/", "f/came 6", "f/changes three", "f/goes 7", "f/stays 1"}));
  const auto now = snapshot();
  EXPECT_TRUE(now->resolve_at(instant(then), path_of("d/moves")));
  EXPECT_FALSE(now->resolve_at(instant(then), path_of("e/moved")));
  EXPECT_FALSE(now->resolve_at(instant(then), path_of("d/stays/x")));
  backend().crash();
  EXPECT_EQ(past(then), wanted);
  EXPECT_THAT(problems(), testing::IsEmpty());
}

TEST_P(Past, HasWhatWasSavedByRenaming) {
  file("f", "1");
  const Millis first = remember();
  for (const char* text : {"2", "3"}) {
    file("f.tmp", text);
    move("f.tmp", "f");
    remember();
  }
  EXPECT_EQ(past(first), (Lines{"f 1"}));
  const Undone done = undo("f", first);
  EXPECT_EQ(done.contents, 1U);
  EXPECT_EQ(done.changes(), 1U);
  EXPECT_EQ(present(), (Lines{"f 1"}));
  EXPECT_THAT(problems(), testing::IsEmpty());
}

TEST_P(Past, UndoBringsBackAndCanBeUndone) {
  collection("d");
  collection("d/sub");
  file("d/sub/a", "1");
  file("d/b", "2");
  file("d/out", "3");
  file("outside", "4");
  const Millis then = remember();
  move("d/sub/a", "d/sub/a.locked");
  file("d/sub/a.locked", "x");
  remove("d/b");
  file("d/note", "pay");
  move("d/out", "gone");
  move("d/sub", "d/other");
  file("outside", "5");
  const Millis attacked = remember();
  const Lines left = past(attacked);
  const Undone done = undo("d", then);
  EXPECT_EQ(done.moved, 2U);
  EXPECT_EQ(done.restored, 1U);
  EXPECT_EQ(done.copied, 1U);
  EXPECT_EQ(done.removed, 1U);
  EXPECT_EQ(done.later, 0U);
  EXPECT_EQ(present(),
            (Lines{"d/", "d/b 2", "d/out 3", "d/sub/", "d/sub/a 1", "gone 3", "outside 5"}));
  EXPECT_EQ(undo("d", then).changes(), 0U);
  remember();
  undo("", attacked);
  EXPECT_EQ(present(), left);
  EXPECT_THAT(problems(), testing::IsEmpty());
}

TEST_P(Past, UndoRestoresWhatIsInATreeOfTheTrash) {
  collection("d");
  file("d/a", "1");
  const Millis then = remember();
  collection("d/e");
  move("d/a", "d/e/a");
  remove("d/e");
  const auto entry = snapshot()->trash_entry(trash_ids().front());
  write([&](Transaction& tx) { tx.measure_trash(entry->id, tx.size_of_trash(*entry)); });
  remember();
  undo("d", then);
  EXPECT_EQ(present(), (Lines{"d/", "d/a 1"}));
  EXPECT_EQ(snapshot()->trash_entry(trash_ids().front())->size->resources, 1U);
  EXPECT_THAT(problems(), testing::IsEmpty());
}

TEST_P(Past, UndoIsRefusedWhereNothingWas) {
  collection("d");
  file("d/f", "1");
  const Millis then = remember();
  remove("d");
  file("d", "a file");
  remember();
  EXPECT_EQ(fault_of([&] { undo("none", then); }), Fault::conflict);
  EXPECT_EQ(fault_of([&] { undo("d/f", then); }), Fault::conflict) << "d is a file now";
  EXPECT_EQ(present(), (Lines{"d a file"}));
  undo("d", then);
  EXPECT_EQ(present(), (Lines{"d/", "d/f 1"}));
}

TEST_P(Past, ASnapshotKeepsWhatWasThere) {
  collection("d");
  collection("other");
  file("d/a", "1");
  file("d/b", "2");
  file("other/c", "3");
  hold("s", "d");
  EXPECT_EQ(fault_of([&] { hold("s"); }), Fault::conflict);
  // In the same minute: without the snapshot it would be one version.
  file("d/a", "one");
  file("d/new", "4");
  remember();
  remove("d/new");
  remove("d");
  remove("other");
  const auto ids = trash_ids();
  ASSERT_EQ(ids.size(), 3U);
  write([&](Transaction& tx) {
    EXPECT_EQ(tx.holder(*tx.trash_entry(ids[1])), "s");
    EXPECT_TRUE(tx.purge_trash(ids[0]));
    EXPECT_FALSE(tx.purge_trash(ids[1]));
    EXPECT_TRUE(tx.purge_trash(ids[2]));
    std::vector<std::int64_t> versions;
    tx.all_versions(0, [&](const storage::Version& version) {
      versions.push_back(version.id);
      EXPECT_EQ(tx.holder(version), "s");
      return true;
    });
    ASSERT_EQ(versions.size(), 1U);
    EXPECT_FALSE(tx.purge_version(versions[0]));
  });
  while (names().purge(10) == 10) continue;
  backend().crash();
  EXPECT_EQ(trash_ids(), std::vector{ids[1]});
  const storage::NamedSnapshot held = snapshot()->named_snapshots().at(0);
  EXPECT_EQ(held.name, "s");
  EXPECT_EQ(held.path, path_of("d"));
  EXPECT_EQ(past(held.instant, "d"), (Lines{"a 1", "b 2"}));
  write([&](Transaction& tx) {
    EXPECT_EQ(storage::undo(tx, path_of("d"), held.instant).restored, 1U);
  });
  EXPECT_EQ(present(), (Lines{"d/", "d/a 1", "d/b 2"}));
  remove("d");
  write([&](Transaction& tx) {
    EXPECT_TRUE(tx.remove_snapshot("s"));
    EXPECT_FALSE(tx.remove_snapshot("s"));
    for (const std::int64_t id : trash_ids()) EXPECT_TRUE(tx.purge_trash(id));
  });
  EXPECT_THAT(problems(), testing::IsEmpty());
}

// The back end in memory keeps everything, and the horizon is where it began.
class Horizons : public Past {};

INSTANTIATE_TEST_SUITE_P(All, Horizons,
                         ::testing::Values(BackendFactory{"Sqlite",
                                                          []() -> std::unique_ptr<Backend> {
                                                            return std::make_unique<SqliteBackend>(
                                                                storage::Durability::full);
                                                          }}),
                         backend_name);

TEST_P(Horizons, MoveWhenSomethingIsGoneForGood) {
  file("a", "1");
  file("b", "2");
  const Millis first = remember();
  EXPECT_LE(snapshot()->horizon().whole_at, first);
  remove("a");
  const Millis second = remember();
  remove("b");
  const Millis third = remember();
  write([&](Transaction& tx) { EXPECT_TRUE(tx.purge_trash(trash_ids().front())); });
  while (names().purge(10) == 10) continue;
  storage::Horizon horizon = snapshot()->horizon();
  EXPECT_GT(horizon.whole_at, first);
  EXPECT_LE(horizon.whole_at, second);
  EXPECT_LE(horizon.begins_at, first);
  EXPECT_LT(instant(first).node, horizon.whole.node);
  EXPECT_GE(instant(second).node, horizon.whole.node);
  EXPECT_EQ(past(second), (Lines{"b 2"}));
  EXPECT_EQ(past(first), (Lines{"b 2"})) << "a is missing";
  write([&](Transaction& tx) {
    const Instant before = *tx.instant_at(second);
    for (NodeId from = 0; (from = tx.forget_places(before, from, 1)) != 0;) continue;
  });
  EXPECT_EQ(past(second), (Lines{"b 2"}));
  EXPECT_EQ(snapshot()->instant_at(first), std::nullopt);
  write([&](Transaction& tx) {
    tx.keep_nothing();
    tx.remove_tree(tx.put(at(tx, ""), "c", {.size = 1, .checksums = {}, .blob = "", .bytes = "c"},
                          std::nullopt, 0));
  });
  remember();
  EXPECT_GT(snapshot()->horizon().whole_at, third);
  EXPECT_THAT(problems(), testing::IsEmpty());
}

TEST_P(Horizons, WhatASnapshotHoldsIsNotSacrificed) {
  file("f", "1");
  collection("d");
  file("d/g", "2");
  hold("s");
  remember();
  const auto without_history = [&](const std::function<void(Transaction&)>& fn) {
    return fault_of([&] {
      write([&](Transaction& tx) {
        tx.keep_nothing();
        fn(tx);
      });
    });
  };
  const Content other{.size = 1, .checksums = {}, .blob = "", .bytes = "x"};
  EXPECT_EQ(
      without_history([&](Transaction& tx) { tx.put(at(tx, ""), "f", other, std::nullopt, 0); }),
      Fault::full);
  EXPECT_EQ(without_history([&](Transaction& tx) { tx.remove_tree(at(tx, "d")); }), Fault::full);
  EXPECT_EQ(without_history([&](Transaction& tx) { tx.move_tree(at(tx, "f"), at(tx, "d"), "g"); }),
            Fault::full);
  EXPECT_EQ(present(), (Lines{"d/", "d/g 2", "f 1"}));
  // Also where nothing else is kept.
  names().keep({});
  file("f", "3");
  remove("d");
  EXPECT_EQ(past(snapshot()->named_snapshots().at(0).instant), (Lines{"d/", "d/g 2", "f 1"}));
  EXPECT_THAT(problems(), testing::IsEmpty());
}

TEST_P(Past, ASnapshotHoldsTheCollectionsAboveIt) {
  collection("d");
  collection("d/e");
  file("d/e/f", "1");
  file("d/g", "2");
  hold("s", "d/e");
  remember();
  remove("d");
  const auto ids = trash_ids();
  ASSERT_EQ(ids.size(), 1U);
  const Instant then = snapshot()->named_snapshots().at(0).instant;
  write([&](Transaction& tx) {
    EXPECT_EQ(tx.holder(*tx.trash_entry(ids[0])), "s");
    EXPECT_FALSE(tx.purge_trash(ids[0]));
  });
  while (names().purge(10) == 10) continue;
  EXPECT_EQ(past(then, "d/e"), Lines{"f 1"});
  write([&](Transaction& tx) { EXPECT_TRUE(tx.remove_snapshot("s")); });
  write([&](Transaction& tx) { EXPECT_TRUE(tx.purge_trash(ids[0])); });
  EXPECT_THAT(problems(), testing::IsEmpty());
}

TEST_P(Past, ASnapshotHoldsWhatTheSameContentReplaces) {
  file("a", "1");
  hold("s");
  const Instant then = snapshot()->named_snapshots().at(0).instant;
  remember();
  write([&](Transaction& tx) { tx.copy_tree(at(tx, "a"), false, at(tx, ""), "b", 0); });
  move("b", "a");
  remember();
  file("a", "2");
  write([&](Transaction& tx) {
    std::vector<std::int64_t> ids;
    tx.all_versions(0, [&](const storage::Version& version) {
      ids.push_back(version.id);
      return true;
    });
    for (const std::int64_t id : ids) tx.purge_version(id);
  });
  EXPECT_EQ(past(then), Lines{"a 1"});
  EXPECT_THAT(problems(), testing::IsEmpty());
}

}  // namespace
}  // namespace holdfast::test
