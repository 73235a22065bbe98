// Locks as the store keeps them: leases, grace, refresh, removal (storage/namespace.h; RFC 4918
// §6).
#include "tests/storage/conformance.h"
#include "tests/support/locks.h"

namespace holdfast::test {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

class Locks : public StoreTest {};
INSTANTIATE_TEST_SUITE_P(All, Locks, each_backend(), backend_name);

TEST_P(Locks, AreGrantedByTheLeaseClock) {
  file("f");
  clock().set_wall(5);
  const Lock made = lock("f", "t:f", {.timeout_s = 10});
  EXPECT_EQ(made.granted, ManualClock::kStart);
  EXPECT_EQ(snapshot()->lease_now(), ManualClock::kStart);
  EXPECT_EQ(snapshot()->wall_now(), 5);
  clock().set_wall(ManualClock::kStart * 2);
  EXPECT_TRUE(snapshot()->find_lock("t:f")) << "a jump of the wall clock expires nothing";
}

TEST_P(Locks, AreAbsentFromEveryAnswerOnceTheirLeaseRanOut) {
  collection("c");
  file("c/f");
  lock("c", "t:c", {.infinite = true, .timeout_s = 10});
  lock("c/f", "t:f", {.timeout_s = 20});
  clock().advance(9'999);
  EXPECT_THAT(tokens(resolve("c/f").locks), UnorderedElementsAre("t:c", "t:f"));
  EXPECT_TRUE(snapshot()->find_lock("t:c"));
  clock().advance(1);
  EXPECT_THAT(tokens(resolve("c/f").locks), ElementsAre("t:f"));
  EXPECT_THAT(resolve("c/f").parent_locks, IsEmpty());
  EXPECT_THAT(resolve("c").locks, IsEmpty());
  EXPECT_FALSE(snapshot()->find_lock("t:c"));
  EXPECT_THAT(tokens(snapshot()->all_locks(9)), ElementsAre("t:f"));
  EXPECT_THAT(tokens(locks_within(*snapshot(), at("c"))), ElementsAre("t:f"));
  for (const Row& row : list("c", Depth::infinity, {.locks = true}))
    EXPECT_EQ(row.locks.size(), row.path == "f" ? 1u : 0u);
  write([&](Transaction& tx) {
    EXPECT_FALSE(tx.find_lock("t:c"));
    EXPECT_THAT(tokens(tx.resolve(path_of("c/f")).locks), ElementsAre("t:f"));
  });
}

TEST_P(Locks, KeepTheirLeaseInASnapshot) {
  file("f");
  lock("f", "t:f", {.timeout_s = 10});
  const auto old = snapshot();
  clock().advance(60'000);
  EXPECT_EQ(old->lease_now(), ManualClock::kStart);
  EXPECT_THAT(tokens(old->resolve(path_of("f")).locks), ElementsAre("t:f"));
  EXPECT_TRUE(old->find_lock("t:f"));
  EXPECT_THAT(resolve("f").locks, IsEmpty());
}

TEST_P(Locks, AreFoundLateWithinTheGrace) {
  file("f");
  lock("f", "t:f", {.timeout_s = 10});
  clock().advance(10'000);
  EXPECT_FALSE(snapshot()->find_lock("t:f"));
  EXPECT_FALSE(snapshot()->find_lock("t:f", 0));
  EXPECT_TRUE(snapshot()->find_lock("t:f", 1));
  clock().advance(5'000);
  const auto late = snapshot()->find_lock("t:f", 5);
  ASSERT_TRUE(late);
  EXPECT_EQ(late->root, path_of("f"));
  clock().advance(1);
  EXPECT_FALSE(snapshot()->find_lock("t:f", 5));
  EXPECT_TRUE(snapshot()->find_lock("t:f", 6));
}

TEST_P(Locks, AreFoundByTheirExactTokenAlone) {
  file("f");
  lock("f", "urn:uuid:ab");
  EXPECT_TRUE(snapshot()->find_lock("urn:uuid:ab"));
  for (const char* other : {"urn:uuid:a", "urn:uuid:abc", "urn:uuid:AB", "", "<urn:uuid:ab>"})
    EXPECT_FALSE(snapshot()->find_lock(other, 3600)) << other;
}

TEST_P(Locks, AreFoundAtWhatTheyCover) {
  collection("c");
  file("c/f");
  lock("", "t:root", {.timeout_s = 10});
  lock("c", "t:c", {.infinite = true, .timeout_s = 10});
  lock("c/f", "t:f", {.scope = LockScope::shared, .timeout_s = 10});
  lock("c/f", "t:g", {.scope = LockScope::shared, .timeout_s = 10});
  const auto found = [&](const char* path, std::int64_t grace_s) {
    const auto now = snapshot();
    std::vector<std::string> tokens;
    for (const char* token : {"t:root", "t:c", "t:f", "t:g", "t:none"})
      if (const auto lock = now->find_lock(now->resolve(path_of(path)), token, grace_s)) {
        EXPECT_EQ(lock->root, now->find_lock(token, grace_s)->root) << token;
        tokens.push_back(lock->token);
      }
    return tokens;
  };
  const auto expect_found = [&](std::int64_t grace_s) {
    EXPECT_THAT(found("", grace_s), ElementsAre("t:root"));
    EXPECT_THAT(found("c", grace_s), ElementsAre("t:c"));
    EXPECT_THAT(found("c/f", grace_s), ElementsAre("t:c", "t:f", "t:g"));
    EXPECT_THAT(found("c/new", grace_s), IsEmpty()) << "nothing is there to be covered";
  };
  expect_found(0);
  clock().advance(12'000);
  expect_found(2);
  for (const char* path : {"", "c", "c/f"})
    for (const std::int64_t grace_s : {0, 1}) EXPECT_THAT(found(path, grace_s), IsEmpty()) << path;
}

TEST_P(Locks, AreKnownByTheirTokenAndTheirRoot) {
  file("f");
  file("g");
  lock("f", "t:f", {.scope = LockScope::shared});
  lock("f", "t:f2", {.scope = LockScope::shared});
  lock("g", "t:g");
  for (const bool other_root : {false, true}) {
    Lock wrong = *snapshot()->find_lock("t:f");
    if (other_root) {
      wrong.root_id = at("g").id;
    } else {
      wrong.token = "t:g";
    }
    write([&](Transaction& tx) { EXPECT_FALSE(tx.remove_lock(wrong)); });
    EXPECT_EQ(fault_of([&] { write([&](Transaction& tx) { tx.refresh_lock(wrong, 10); }); }),
              Fault::conflict);
  }
  EXPECT_THAT(tokens(resolve("f").locks), UnorderedElementsAre("t:f", "t:f2"));
  write([&](Transaction& tx) { EXPECT_TRUE(tx.remove_lock(lock_with(tx, "t:f"))); });
  EXPECT_THAT(tokens(resolve("f").locks), ElementsAre("t:f2"));
  EXPECT_THAT(tokens(resolve("g").locks), ElementsAre("t:g"));
}

TEST_P(Locks, RestartTheirLeaseWhenRefreshed) {
  file("f");
  lock("f", "t:f", {.timeout_s = 10});
  clock().advance(9'000);
  Lock refreshed;
  write([&](Transaction& tx) { refreshed = tx.refresh_lock(lock_with(tx, "t:f"), 30); });
  EXPECT_EQ(refreshed.token, "t:f");
  EXPECT_EQ(refreshed.root, path_of("f"));
  EXPECT_EQ(refreshed.granted, clock().lease());
  EXPECT_EQ(refreshed.timeout_s, 30);
  EXPECT_EQ(refreshed.owner, "<o xmlns=\"urn:o\">me</o>");
  clock().advance(29'999);
  EXPECT_TRUE(snapshot()->find_lock("t:f"));
  clock().advance(1);
  EXPECT_FALSE(snapshot()->find_lock("t:f"));
}

TEST_P(Locks, CannotBeRefreshedWhenThereIsNone) {
  file("f");
  lock("f", "t:f", {.timeout_s = 10});
  const auto refresh = [&](const char* token) {
    return fault_of(
        [&] { write([&](Transaction& tx) { tx.refresh_lock(lock_with(tx, token), 10); }); });
  };
  EXPECT_EQ(refresh("t:none"), Fault::conflict);
  clock().advance(10'000);
  file("f", "other");
  EXPECT_EQ(refresh("t:f"), Fault::conflict) << "it has ended for good";
}

// What is done to what a lock covers that ran out, and whether the lock may live again after it.
TEST_P(Locks, LiveAgainUnlessSomethingWasDoneToWhatTheyCover) {
  struct Row {
    const char* act;
    std::vector<std::string> left;  // of the locks below
    std::function<void(Transaction&)> act_on;
  };
  const auto at_path = [](Transaction& tx, const char* path) {
    return *tx.resolve(path_of(path)).resource;
  };
  Content content;
  {
    const auto staged = contents().begin({});
    staged->append(std::string_view("new"));
    content = staged->seal();
  }
  const std::vector<Row> rows = {
      {"nothing", {"t:all", "t:c", "t:f", "t:x"}, [](Transaction&) {}},
      {"new content",
       {"t:c", "t:x"},
       [&](Transaction& tx) { tx.put(at_path(tx, "c"), "f", content, {}, storage::kNobody); }},
      {"new content of another member",
       {"t:c", "t:f", "t:x"},
       [&](Transaction& tx) { tx.put(at_path(tx, "c"), "g", content, {}, storage::kNobody); }},
      {"a property",
       {"t:c", "t:x"},
       [&](Transaction& tx) {
         const PropertyChange change{{"urn:x", "p"}, "<p xmlns=\"urn:x\"/>"};
         tx.patch_properties(at_path(tx, "c/f").id, std::span(&change, 1));
       }},
      {"no property",
       {"t:all", "t:c", "t:f", "t:x"},
       [&](Transaction& tx) { tx.patch_properties(at_path(tx, "c/f").id, {}); }},
      {"a date",
       {"t:c", "t:x"},
       [&](Transaction& tx) { tx.set_modified(at_path(tx, "c/f").id, 5); }},
      {"a date of the collection",
       {"t:f", "t:x"},
       [&](Transaction& tx) { tx.set_modified(at_path(tx, "c").id, 5); }},
      {"a new member",
       {"t:f", "t:x"},
       [&](Transaction& tx) { tx.put(at_path(tx, "c"), "new", content, {}, storage::kNobody); }},
      {"a new collection",
       {"t:f", "t:x"},
       [&](Transaction& tx) { tx.make_collection(at_path(tx, "c"), "new", storage::kNobody); }},
      {"the removal of another member",
       {"t:f", "t:x"},
       [&](Transaction& tx) { tx.remove_tree(at_path(tx, "c/g")); }},
      {"the removal", {"t:x"}, [&](Transaction& tx) { tx.remove_tree(at_path(tx, "c/f")); }},
      {"a copy onto it",
       {"t:x"},
       [&](Transaction& tx) {
         tx.copy_tree(at_path(tx, "x"), true, at_path(tx, "c"), "f", storage::kNobody);
       }},
      {"a copy of it",
       {"t:c", "t:f", "t:x"},
       [&](Transaction& tx) {
         tx.copy_tree(at_path(tx, "c/f"), true, at_path(tx, ""), "y", storage::kNobody);
       }},
      {"a move onto it",
       {},
       [&](Transaction& tx) { tx.move_tree(at_path(tx, "x"), at_path(tx, "c"), "f"); }},
      {"a move of it",
       {"t:x"},
       [&](Transaction& tx) { tx.move_tree(at_path(tx, "c/f"), at_path(tx, ""), "y"); }},
      {"another lock",
       {"t:c", "t:x"},
       [&](Transaction& tx) {
         Lock lock;
         lock.token = "t:other";
         lock.root_id = at_path(tx, "c/f").id;
         lock.timeout_s = 10;
         tx.add_lock(lock);
       }},
      {"what is done elsewhere",
       {"t:c", "t:f"},
       [&](Transaction& tx) { tx.put(at_path(tx, ""), "x", content, {}, storage::kNobody); }},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.act);
    start_afresh();
    collection("c");
    file("c/f");
    file("c/g");
    file("x");
    lock("", "t:all", {.infinite = true, .timeout_s = 10});
    lock("c", "t:c", {.timeout_s = 10});
    lock("c/f", "t:f", {.timeout_s = 10});
    lock("x", "t:x", {.timeout_s = 10});
    clock().advance(10'000);
    write(row.act_on);
    std::vector<std::string> left;
    for (const char* token : {"t:all", "t:c", "t:f", "t:x"}) {
      const auto late = snapshot()->find_lock(token, 60);
      if (!late) continue;
      try {
        write([&](Transaction& tx) { tx.refresh_lock(lock_with(tx, token), 20); });
        left.emplace_back(token);
      } catch (const storage::Error& error) {
        EXPECT_EQ(error.fault(), Fault::conflict);
        EXPECT_EQ(late->timeout_s, 0);
      }
    }
    EXPECT_EQ(left, row.left);
    for (const std::string& token : left) {
      const auto lock = snapshot()->find_lock(token);
      ASSERT_TRUE(lock) << token;
      EXPECT_EQ(lock->granted, clock().lease());
      EXPECT_EQ(lock->timeout_s, 20);
    }
  }
}

// A change by somebody who was not refused ends the lock also when it is undone with its write, and
// only then not.
TEST_P(Locks, EndForGoodWithTheWriteThatChangedTheResource) {
  file("f");
  lock("f", "t:f", {.timeout_s = 10});
  clock().advance(10'000);
  EXPECT_EQ(tokens(snapshot()->late_locks(resolve("f"), 60)), std::vector<std::string>{"t:f"});
  struct Undo {};
  EXPECT_THROW(write([&](Transaction& tx) {
                 tx.set_modified(tx.resolve(path_of("f")).resource->id, 5);
                 EXPECT_THAT(tx.late_locks(tx.resolve(path_of("f")), 60), IsEmpty());
                 throw Undo{};
               }),
               Undo);
  EXPECT_EQ(tokens(snapshot()->late_locks(resolve("f"), 60)), std::vector<std::string>{"t:f"});
  backend().reopen();
  EXPECT_EQ(tokens(snapshot()->late_locks(resolve("f"), 60)), std::vector<std::string>{"t:f"});
  EXPECT_THAT(snapshot()->late_locks(resolve("new"), 60), IsEmpty());
  write([&](Transaction& tx) { tx.set_modified(tx.resolve(path_of("f")).resource->id, 5); });
  EXPECT_THAT(snapshot()->late_locks(resolve("f"), 60), IsEmpty());
  EXPECT_TRUE(snapshot()->find_lock("t:f", 60)) << "a late UNLOCK still finds it";
}

TEST_P(Locks, AreRemovedLiveOrExpired) {
  file("f");
  lock("f", "t:live", {.scope = LockScope::shared});
  lock("f", "t:late", {.scope = LockScope::shared, .timeout_s = 10});
  clock().advance(10'000);
  const auto unlock = [&](const char* token) {
    bool removed = false;
    write([&](Transaction& tx) { removed = tx.remove_lock(lock_with(tx, token)); });
    return removed;
  };
  EXPECT_TRUE(unlock("t:late"));
  EXPECT_FALSE(unlock("t:late"));
  EXPECT_FALSE(snapshot()->find_lock("t:late", 3600));
  EXPECT_TRUE(unlock("t:live"));
  EXPECT_FALSE(unlock("t:live"));
  EXPECT_FALSE(unlock("t:none"));
  EXPECT_THAT(resolve("f").locks, IsEmpty());
}

TEST_P(Locks, AreAllListedInRootPathOrderUpToALimit) {
  collection("b");
  file("b/x");
  collection("b-");  // between "b" and "b/x" as text, after both as paths
  file("a");
  lock("b/x", "t:2");
  lock("b-", "t:3");
  lock("", "t:0");
  lock("b", "t:1");
  lock("a", "t:a");
  EXPECT_THAT(tokens(snapshot()->all_locks(99)), ElementsAre("t:0", "t:a", "t:1", "t:2", "t:3"));
  EXPECT_THAT(tokens(snapshot()->all_locks(5)), ElementsAre("t:0", "t:a", "t:1", "t:2", "t:3"));
  EXPECT_EQ(snapshot()->all_locks(2).size(), 2u);
  EXPECT_THAT(snapshot()->all_locks(0), IsEmpty());
}

TEST_P(Locks, AreForgottenWhenPurgedAfterTheGrace) {
  file("f");
  lock("f", "t:old", {.scope = LockScope::shared, .timeout_s = 10});
  lock("f", "t:new", {.scope = LockScope::shared, .timeout_s = 100});
  clock().advance(15'000);  // t:old ran out 5 s ago
  names().purge_expired_locks(5);
  EXPECT_TRUE(snapshot()->find_lock("t:old", 3600));
  clock().advance(1);
  names().purge_expired_locks(5);
  EXPECT_FALSE(snapshot()->find_lock("t:old", 3600));
  EXPECT_TRUE(snapshot()->find_lock("t:new"));
  EXPECT_EQ(names().stats().locks, 1u);
  EXPECT_THAT(problems(), IsEmpty());
}

TEST_P(Locks, DoNotJudgeConflicts) {
  file("f");
  lock("f", "t:1");
  lock("f", "t:2");
  EXPECT_THAT(tokens(resolve("f").locks), UnorderedElementsAre("t:1", "t:2"));
}

TEST_P(Locks, HaveARoot) {
  const auto on_nothing = [&] {
    write([&](Transaction& tx) {
      Lock wanted;
      wanted.token = "t:2";
      wanted.root_id = 999'999;
      wanted.timeout_s = 10;
      tx.add_lock(wanted);
    });
  };
  EXPECT_EQ(fault_of(on_nothing), Fault::conflict);
  EXPECT_THAT(snapshot()->all_locks(9), IsEmpty());
}

TEST_P(Locks, CanBeDeferredAndAreSeenAtOnce) {
  file("f");
  names().write(Flush::deferrable, [&](Transaction& tx) {
    Lock wanted;
    wanted.token = "t:f";
    wanted.root_id = at(tx, "f").id;
    wanted.timeout_s = 100;
    tx.add_lock(wanted);
  });
  EXPECT_TRUE(snapshot()->find_lock("t:f"));
  names().write(Flush::deferrable,
                [](Transaction& tx) { tx.refresh_lock(lock_with(tx, "t:f"), 200); });
  EXPECT_EQ(snapshot()->find_lock("t:f")->timeout_s, 200);
  names().checkpoint();
  names().write(Flush::deferrable, [](Transaction& tx) { tx.remove_lock(lock_with(tx, "t:f")); });
  EXPECT_FALSE(snapshot()->find_lock("t:f"));
}

}  // namespace
}  // namespace holdfast::test
