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
  EXPECT_EQ(refresh("t:f"), Fault::conflict) << "absent once expired";
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
