// Namespace::write and snapshots: atomicity, isolation, many writers; and what the namespace knows
// of content files (storage/namespace.h; docs/robustness.md G2, G3, G5, G6).
#include <atomic>
#include <set>
#include <thread>

#include "tests/storage/conformance.h"
#include "tests/support/locks.h"

namespace holdfast::test {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

class Write : public StoreTest {};
INSTANTIATE_TEST_SUITE_P(All, Write, each_backend(), backend_name);

TEST_P(Write, SeesItsOwnChanges) {
  const auto staged = upload("text");
  const Content& content = staged->seal();
  write([&](Transaction& tx) {
    const Resource c = tx.make_collection(at(tx, ""), "c", storage::kNobody);
    const Resource f = tx.put(c, "f", content, {}, storage::kNobody);
    EXPECT_EQ(tx.resolve(path_of("c/f")).resource->id, f.id);
    EXPECT_EQ(tx.content(f).bytes, "text");
    EXPECT_EQ(tx.usage().resources, 3u);
    EXPECT_EQ(tx.count(c, 9), 2u);
    EXPECT_FALSE(tx.fits_below(c, 0, 0));
    const PropertyChange change{{"urn:x", "p"}, "<p/>"};
    tx.patch_properties(f.id, std::span(&change, 1));
    EXPECT_EQ(tx.properties(*tx.resolve(path_of("c/f")).resource).size(), 1u);
    Lock wanted;
    wanted.token = "t:c";
    wanted.root_id = c.id;
    wanted.infinite = true;
    wanted.timeout_s = 10;
    tx.add_lock(wanted);
    EXPECT_THAT(tokens(tx.resolve(path_of("c/f")).locks), ElementsAre("t:c"));
    EXPECT_TRUE(tx.find_lock("t:c"));
    EXPECT_THAT(tokens(locks_within(tx, at(tx, ""))), ElementsAre("t:c"));
    EXPECT_EQ(rows(tx, tx.resolve({}), Depth::infinity).size(), 3u);
    tx.move_tree(f, at(tx, ""), "g");
    EXPECT_FALSE(tx.resolve(path_of("c/f")).mapped());
    EXPECT_TRUE(tx.resolve(path_of("g")).mapped());
    tx.remove_tree(at(tx, "c"));
    EXPECT_FALSE(tx.find_lock("t:c"));
  });
  EXPECT_THAT(paths("", Depth::infinity), ElementsAre("", "g"));
}

TEST_P(Write, IsSeenByEverySnapshotTakenAfterIt) {
  for (int i = 0; i < 50; ++i) {
    const std::string name = "n" + std::to_string(i);
    collection(name);
    ASSERT_TRUE(mapped(name));
  }
}

TEST_P(Write, RethrowsWhatTheClosureThrowsAndLeavesNothing) {
  struct Refusal {
    int status;
  };
  collection("c");
  file("c/f", "old");
  set_property("c/f", "p", "<old/>");
  lock("c", "t:c");
  const Resource before = at("c/f");
  const auto staged = upload("new");
  const Content& content = staged->seal();
  clock().advance(1000);
  const auto all_then_refuse = [&](Transaction& tx) {
    tx.put(at(tx, "c"), "f", content, {}, storage::kNobody);
    tx.put(at(tx, "c"), "g", content, {}, storage::kNobody);
    tx.make_collection(at(tx, ""), "d", storage::kNobody);
    tx.copy_tree(at(tx, "c"), true, at(tx, ""), "copy", storage::kNobody);
    const PropertyChange change{{"urn:x", "p"}, "<new/>"};
    tx.patch_properties(at(tx, "c/f").id, std::span(&change, 1));
    tx.refresh_lock(lock_with(tx, "t:c"), 1);
    tx.remove_lock(lock_with(tx, "t:c"));
    tx.move_tree(at(tx, "c"), at(tx, "d"), "moved");
    tx.remove_tree(at(tx, "copy"));
    throw Refusal{423};
  };
  for (const Flush flush : {Flush::required, Flush::deferrable}) {
    try {
      names().write(flush, all_then_refuse);
      ADD_FAILURE() << "nothing was thrown";
    } catch (const Refusal& refusal) {
      EXPECT_EQ(refusal.status, 423);
    }
  }
  EXPECT_THAT(paths("", Depth::infinity), UnorderedElementsAre("", "c", "c/f"));
  const Resource after = at("c/f");
  EXPECT_EQ(after.etag, before.etag);
  EXPECT_EQ(after.modified, before.modified);
  EXPECT_EQ(at("c").modified, before.modified);
  EXPECT_EQ(text("c/f"), "old");
  EXPECT_EQ(property("c/f", "p"), "<old/>");
  ASSERT_TRUE(snapshot()->find_lock("t:c"));
  EXPECT_EQ(snapshot()->find_lock("t:c")->timeout_s, 600);
  EXPECT_EQ(snapshot()->usage().resources, 3u);
  EXPECT_EQ(snapshot()->usage().bytes, 3u + 12u) << "content and a property";
  EXPECT_THAT(garbage(9), IsEmpty());
  EXPECT_THAT(problems(), IsEmpty());
}

TEST_P(Write, GoesOnAfterARefusal) {
  EXPECT_THROW(write([](Transaction&) { throw std::runtime_error("no"); }), std::runtime_error);
  collection("c");
  EXPECT_THROW(write([](Transaction&) { throw 42; }), int);
  EXPECT_TRUE(mapped("c"));
}

TEST_P(Write, MayRunTheSameClosureAgain) {
  const auto staged = upload(bytes_of(kLarge));
  const Content& content = staged->seal();
  const auto put = [&](Transaction& tx) { tx.put(at(tx, ""), "f", content, {}, storage::kNobody); };
  EXPECT_THROW(write([&](Transaction& tx) {
                 put(tx);
                 throw std::runtime_error("undone");
               }),
               std::runtime_error);
  write(put);
  staged->keep();
  EXPECT_TRUE(text("f") == bytes_of(kLarge));
  EXPECT_THAT(garbage(9), IsEmpty());
}

TEST_P(Write, NothingAtAllIsFine) {
  write([](Transaction&) {});
  names().write(Flush::deferrable, [](Transaction&) {});
  EXPECT_EQ(snapshot()->usage().resources, 1u);
}

TEST_P(Write, OldSnapshotsDoNotSeeIt) {
  collection("c");
  file("c/small", "old");
  file("c/large", bytes_of(kLarge, 1));
  set_property("c", "p", "<old/>");
  lock("c", "t:c");
  const auto old = snapshot();
  file("c/small", "new");
  file("c/large", bytes_of(kLarge, 2));
  set_property("c", "p", "<new/>");
  write([](Transaction& tx) { tx.remove_lock(lock_with(tx, "t:c")); });
  collection("later");
  EXPECT_EQ(old->content(at(*old, "c/small")).bytes, "old");
  EXPECT_TRUE(text(old->content(at(*old, "c/large"))) == bytes_of(kLarge, 1));
  EXPECT_THAT(old->properties(at(*old, "c")), ElementsAre(Property{{"urn:x", "p"}, "<old/>"}));
  EXPECT_THAT(tokens(old->resolve(path_of("c")).locks), ElementsAre("t:c"));
  EXPECT_FALSE(old->resolve(path_of("later")).mapped());
  EXPECT_EQ(old->usage().resources, 4u);
  remove("c");
  EXPECT_EQ(rows(*old, old->resolve({}), Depth::infinity).size(), 4u);
  EXPECT_FALSE(mapped("c"));
}

TEST_P(Write, ManyWritersLoseNothing) {
  constexpr int kThreads = 4;
  constexpr int kEach = 60;
  std::atomic<int> refused = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t)
    threads.emplace_back([&, t] {
      for (int i = 0; i < kEach; ++i) {
        const std::string name = std::to_string(t) + "-" + std::to_string(i);
        try {
          write([&](Transaction& tx) {
            const Resource made = tx.make_collection(at(tx, ""), name, storage::kNobody);
            const PropertyChange change{{"urn:x", "by"}, name};
            tx.patch_properties(made.id, std::span(&change, 1));
            if (i % 3 == 2) throw std::runtime_error("refused");
          });
        } catch (const std::runtime_error&) {
          ++refused;
        }
        const auto now = snapshot();
        const Resolution found = now->resolve(path_of(name));
        EXPECT_EQ(found.mapped(), i % 3 != 2) << "read your writes";
      }
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(refused, kThreads * kEach / 3);
  const std::vector<Row> all = list("", Depth::one, {.properties = true});
  EXPECT_EQ(all.size(), 1u + kThreads * kEach * 2 / 3);
  for (const Row& row : all) {
    if (row.path.empty()) continue;
    ASSERT_THAT(row.properties, SizeIs(1));
    EXPECT_EQ(row.properties[0].xml, row.path);
  }
  EXPECT_THAT(problems(), IsEmpty());
}

TEST_P(Write, OneOfManyWinsARace) {
  constexpr int kThreads = 4;
  for (int round = 0; round < 20; ++round) {
    const std::string name = "r" + std::to_string(round);
    std::atomic<int> won = 0;
    std::vector<std::thread> threads;
    for (int t = 0; t < kThreads; ++t)
      threads.emplace_back([&] {
        try {
          write([&](Transaction& tx) {
            if (tx.resolve(path_of(name)).mapped()) throw std::runtime_error("taken");
            tx.make_collection(at(tx, ""), name, storage::kNobody);
          });
          ++won;
        } catch (const std::runtime_error&) {
        }
      });
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(won, 1);
  }
}

TEST_P(Write, ReadersSeeWholeWritesOnly) {
  collection("a");
  collection("a/m");
  std::atomic<bool> done = false;
  std::thread writer([&] {
    for (int i = 0; i < 100; ++i) {
      move("a/m", "m");
      move("m", "a/m");
    }
    done = true;
  });
  std::vector<std::thread> readers;
  for (int t = 0; t < 2; ++t)
    readers.emplace_back([&] {
      while (!done) {
        const auto now = snapshot();
        EXPECT_EQ(rows(*now, now->resolve({}), Depth::infinity).size(), 3u);
        EXPECT_NE(now->resolve(path_of("m")).mapped(), now->resolve(path_of("a/m")).mapped());
      }
    });
  writer.join();
  for (std::thread& reader : readers) reader.join();
}

TEST_P(Write, StatsCountWhatWasWritten) {
  const auto before = names().stats();
  collection("a");
  file("a/f", "12345");
  lock("a", "t:a");
  const auto after = names().stats();
  EXPECT_EQ(after.writes, before.writes + 3);
  EXPECT_GE(after.batches, before.batches + 1);
  EXPECT_LE(after.batches, before.batches + 3);
  EXPECT_GE(after.largest_batch, 1u);
  EXPECT_EQ(after.locks, 1u);
  EXPECT_EQ(after.usage.resources, 3u);
  EXPECT_EQ(after.usage.bytes, 5u);
  std::uint64_t in_buckets = 0;
  for (std::uint64_t bucket : after.batch_size_buckets) in_buckets += bucket;
  EXPECT_EQ(in_buckets, after.batches);
  EXPECT_EQ(after.batch_size_buckets.size(), 12u) << "≤1, ≤2, ≤4, …, ≤1024, more";
}

TEST_P(Write, IsFlushedWheneverMoreThanLocksChange) {
  // Relaxed durability acknowledges without a flush, whatever changed.
  const std::uint64_t flushed = backend().flushes() ? 1 : 0;
  const auto flushes = [&](const std::function<void(Transaction&)>& fn) {
    const std::uint64_t before = names().stats().flushed_batches;
    names().write(Flush::deferrable, fn);
    return names().stats().flushed_batches - before;
  };
  const auto staged = upload("");
  const Content& content = staged->seal();
  const auto add_lock = [](Transaction& tx, const std::string& token, NodeId root) {
    Lock wanted;
    wanted.token = token;
    wanted.root_id = root;
    wanted.timeout_s = 100;
    tx.add_lock(wanted);
  };
  EXPECT_EQ(flushes([&](Transaction& tx) {
              const Resource made = tx.put(at(tx, ""), "f", content, {}, storage::kNobody);
              add_lock(tx, "t:f", made.id);
            }),
            flushed)
      << "a LOCK that creates its resource";
  EXPECT_EQ(flushes([&](Transaction& tx) { add_lock(tx, "t:2", at(tx, "f").id); }), 0u);
  EXPECT_EQ(flushes([&](Transaction& tx) { tx.refresh_lock(lock_with(tx, "t:2"), 50); }), 0u);
  EXPECT_EQ(flushes([&](Transaction& tx) { tx.remove_lock(lock_with(tx, "t:2")); }), 0u);
  EXPECT_EQ(flushes([&](Transaction& tx) { tx.set_modified(at(tx, "f").id, 5); }), flushed);
  EXPECT_EQ(flushes([&](Transaction& tx) { tx.remove_tree(at(tx, "f")); }), flushed);
}

TEST_P(Write, CheckFindsNothingWrongAndCounts) {
  collection("a");
  file("a/f", bytes_of(kLarge));
  file("a/g");
  copy("a", "b");
  lock("a", "t:a");
  set_property("b", "p", "<p/>");
  for (const bool repair : {false, true}) {
    const auto check = names().check(repair);
    EXPECT_THAT(check.problems, IsEmpty());
    EXPECT_EQ(check.resources, 7u);
    EXPECT_EQ(check.contents, 2u);
    EXPECT_EQ(check.repaired, 0u);
  }
}

// --- content files that rows name --------------------------------------------------------------

class Blobs : public StoreTest {
 protected:
  [[nodiscard]] std::string blob(std::string_view path) {
    return snapshot()->content(at(path)).blob;
  }
  [[nodiscard]] std::set<std::string> named() {
    std::set<std::string> all;
    names().for_each_blob([&](std::int64_t, const Content& content) { all.insert(content.blob); });
    return all;
  }
};
INSTANTIATE_TEST_SUITE_P(All, Blobs, each_backend(), backend_name);

TEST_P(Blobs, BecomeGarbageWithTheirLastRowOldestFirst) {
  file("a", bytes_of(kLarge, 1));
  file("b", bytes_of(kLarge, 2));
  file("c", bytes_of(kLarge, 3));
  copy("a", "a2");
  const std::string a = blob("a");
  const std::string b = blob("b");
  const std::string c = blob("c");
  EXPECT_THAT(garbage(9), IsEmpty());
  remove("b");
  remove("a");
  EXPECT_THAT(garbage(9), ElementsAre(b));
  file("a2", "inline now");
  EXPECT_THAT(garbage(9), ElementsAre(b, a));
  copy("a2", "c");
  EXPECT_THAT(garbage(9), ElementsAre(b, a, c));
  EXPECT_THAT(garbage(2), ElementsAre(b, a));
  EXPECT_THAT(garbage(0), IsEmpty());
  const std::vector<std::string> gone{b, c};
  names().forget_garbage(gone);
  EXPECT_THAT(garbage(9), ElementsAre(a));
  EXPECT_THAT(problems(), IsEmpty());
}

TEST_P(Blobs, AreKnownWhileARowNamesThemOrTheyAreGarbage) {
  file("a", bytes_of(kLarge));
  const std::string a = blob("a");
  EXPECT_TRUE(names().names_blob(a));
  EXPECT_FALSE(names().names_blob(a + "x"));
  EXPECT_FALSE(names().names_blob("none"));
  remove("a");
  EXPECT_TRUE(names().names_blob(a));
  EXPECT_THAT(garbage(), ElementsAre(a));
  names().forget_garbage(std::span(&a, 1));
  EXPECT_FALSE(names().names_blob(a));
  const auto staged = upload(bytes_of(kLarge));
  EXPECT_FALSE(names().names_blob(staged->seal().blob)) << "sealed, not named";
}

TEST_P(Blobs, AreVisitedOnceEachWithSizeAndChecksum) {
  file("a", bytes_of(kLarge, 1));
  file("b", bytes_of(kLarge + 1, 2));
  file("small", "inline");
  copy("a", "a2");
  std::vector<std::string> visited;
  names().for_each_blob([&](std::int64_t, const Content& content) {
    visited.push_back(content.blob);
    EXPECT_FALSE(content.is_inline());
    EXPECT_TRUE(contents().verify(content));
  });
  EXPECT_THAT(visited, UnorderedElementsAre(blob("a"), blob("b")));
}

TEST_P(Blobs, OfRemovedTreesAreAllGarbage) {
  collection("c");
  std::set<std::string> all;
  for (int i = 0; i < 10; ++i) {
    const std::string path = "c/" + std::to_string(i);
    file(path, bytes_of(kLarge, static_cast<std::uint32_t>(i + 1)));
    all.insert(blob(path));
  }
  EXPECT_EQ(named(), all);
  remove("c");
  const auto swept = garbage();
  EXPECT_EQ(std::set<std::string>(swept.begin(), swept.end()), all);
}

TEST_P(Blobs, CanBeReadThroughAnOldSnapshotsReaderAfterTheSweep) {
  file("a", bytes_of(kLarge, 1));
  const auto old = snapshot();
  const Content content = old->content(at(*old, "a"));
  const auto reader = contents().open(content);
  ASSERT_TRUE(reader);
  file("a", bytes_of(kLarge, 2));
  for (const std::string& blob : garbage(9)) contents().remove(blob);
  EXPECT_TRUE(read_all(*reader) == bytes_of(kLarge, 1));
  EXPECT_FALSE(contents().open(content)) << "gone: look the resource up again";
  EXPECT_TRUE(text("a") == bytes_of(kLarge, 2));
}

// --- closing and opening again -----------------------------------------------------------------

class Reopened : public StoreTest {};
INSTANTIATE_TEST_SUITE_P(All, Reopened, each_backend(), backend_name);

TEST_P(Reopened, HasEverythingStill) {
  collection("A\xCC\x88");
  file("A\xCC\x88/small", "text", Millis{1234});
  file("A\xCC\x88/large", bytes_of(kLarge), std::nullopt, {.sha1 = true, .md5 = true});
  set_property("A\xCC\x88", "p", "<p>value</p>");
  lock("A\xCC\x88/small", "t:small", {.infinite = true, .timeout_s = 100});
  file("gone", bytes_of(kLarge, 9));
  remove("gone");
  const Resource small = at("A\xCC\x88/small");
  const std::vector<std::string> before = garbage();
  backend().reopen();
  EXPECT_THAT(paths("", Depth::infinity),
              UnorderedElementsAre("", "A\xCC\x88", "A\xCC\x88/small", "A\xCC\x88/large"));
  const Resource found = at("\xC3\x84/small");
  EXPECT_EQ(found.id, small.id);
  EXPECT_EQ(found.etag, small.etag);
  EXPECT_EQ(found.modified, 1234);
  EXPECT_EQ(found.created, small.created);
  EXPECT_EQ(found.stored, small.stored);
  EXPECT_EQ(text("\xC3\x84/small"), "text");
  EXPECT_TRUE(text("\xC3\x84/large") == bytes_of(kLarge));
  const Content large = snapshot()->content(at("\xC3\x84/large"));
  EXPECT_TRUE(contents().verify(large));
  EXPECT_TRUE(large.checksums.sha1);
  EXPECT_TRUE(large.checksums.md5);
  EXPECT_EQ(property("\xC3\x84", "p"), "<p>value</p>");
  const auto lock = snapshot()->find_lock("t:small");
  ASSERT_TRUE(lock);
  EXPECT_EQ(lock->granted, ManualClock::kStart);
  EXPECT_EQ(lock->timeout_s, 100);
  EXPECT_TRUE(lock->infinite);
  EXPECT_EQ(lock->root, path_of("A\xCC\x88/small"));
  EXPECT_EQ(garbage(), before);
  EXPECT_EQ(snapshot()->usage().resources, 4u);
  EXPECT_EQ(snapshot()->usage().bytes, 4 + kLarge + 18) << "text, content and a property";
  EXPECT_THAT(problems(), IsEmpty());
}

TEST_P(Reopened, HasAllThatWasAcknowledgedWhenTheProcessWasKilled) {
  collection("c");
  file("c/small", "old");
  file("c/large", bytes_of(kLarge, 1));
  file("c/small", "text");
  file("c/large", bytes_of(kLarge, 2));
  set_property("c", "p", "<p/>");
  move("c", "d");
  names().write(Flush::deferrable, [&](Transaction& tx) {
    Lock wanted;
    wanted.token = "t:d";
    wanted.root_id = at(tx, "d").id;
    wanted.timeout_s = 100;
    tx.add_lock(wanted);
  });
  const auto cut_off = upload(bytes_of(kLarge, 3));
  backend().crash();
  EXPECT_THAT(paths("", Depth::infinity), UnorderedElementsAre("", "d", "d/small", "d/large"));
  EXPECT_EQ(text("d/small"), "text");
  EXPECT_TRUE(text("d/large") == bytes_of(kLarge, 2));
  EXPECT_EQ(property("d", "p"), "<p/>");
  EXPECT_TRUE(snapshot()->find_lock("t:d"));
  EXPECT_EQ(garbage().size(), 1u);
  EXPECT_THAT(problems(), IsEmpty());
}

TEST_P(Reopened, LocksGoOnRunning) {
  file("f");
  lock("f", "t:f", {.timeout_s = 100});
  clock().advance(60'000);
  backend().reopen();
  EXPECT_TRUE(snapshot()->find_lock("t:f"));
  clock().advance(40'000);
  EXPECT_FALSE(snapshot()->find_lock("t:f"));
}

TEST_P(Reopened, NeverGivesAnIdOrEtagAgain) {
  std::set<NodeId> ids;
  std::set<std::string> etags;
  for (int i = 0; i < 5; ++i) {
    const Resource made = file("f", "x");
    EXPECT_TRUE(ids.insert(made.id).second);
    EXPECT_TRUE(etags.insert(made.etag).second);
    remove("f");
    backend().reopen();
  }
}

TEST_P(Reopened, DeferredLocksAreThereAfterAnOrderlyClose) {
  file("f");
  names().write(Flush::deferrable, [&](Transaction& tx) {
    Lock wanted;
    wanted.token = "t:f";
    wanted.root_id = at(tx, "f").id;
    wanted.timeout_s = 100;
    tx.add_lock(wanted);
  });
  backend().reopen();
  EXPECT_TRUE(snapshot()->find_lock("t:f"));
}

}  // namespace
}  // namespace holdfast::test
