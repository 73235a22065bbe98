// Waits for changes (storage/change_waits.h): a signal comes with each change that is watched.
#include "storage/change_waits.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "tests/storage/conformance.h"
#include "tests/storage/sqlite_store.h"

namespace holdfast::test {
namespace {

using storage::ChangeWaits;

constexpr auto kLong = std::chrono::minutes(1);  // nothing waits as long, unless it is broken

bool was_signalled(ChangeWaits::Wait& wait) { return wait.until(fiber::Clock::now()); }

class Waits : public storage::SqliteStore {
 protected:
  Waits() {
    open();
    names_->keep({.trash = true, .versions = true, .changes = true});
    for (const char* made : {"a", "a/b", "a/b/c", "d"}) mkcol(made);
    for (const char* made : {"a/b/f", "d/f"}) put(made, "text");
  }
  [[nodiscard]] ChangeWaits& waits() { return *names_->change_waits(); }
  [[nodiscard]] std::vector<NodeId> lineage(std::string_view where) {
    return names_->snapshot()->resolve(path(where)).lineage;
  }
  [[nodiscard]] NodeId id(Transaction& tx, std::string_view where) {
    return tx.resolve(path(where)).resource.value().id;
  }
};

// The claim: who waits at a collection is signalled when its tag or its place changes, and else
// not.
TEST_F(Waits, EachChangeSignalsThoseAtOrAboveIt) {
  struct Act {
    const char* what;
    std::vector<std::string> signalled;
    std::function<void(Transaction&)> act;
  };
  const std::vector<Act> acts = {
      {"a property",
       {"", "a", "a/b"},
       [&](Transaction& tx) {
         const std::vector<PropertyChange> changes{{{"urn:x", "p"}, "<p/>"}};
         tx.patch_properties(id(tx, "a/b/f"), changes);
       }},
      {"a date", {"", "d"}, [&](Transaction& tx) { tx.set_modified(id(tx, "d/f"), Millis{5000}); }},
      {"a new file",
       {"", "d"},
       [&](Transaction& tx) {
         tx.put(*tx.resolve(path("d/new")).parent, "new", inline_content("x"), std::nullopt,
                storage::kNobody);
       }},
      {"a new collection",
       {"", "a", "a/b", "a/b/c"},
       [&](Transaction& tx) {
         tx.make_collection(*tx.resolve(path("a/b/c")).resource, "new", storage::kNobody);
       }},
      {"a removed file",
       {"", "d"},
       [&](Transaction& tx) { tx.remove_tree(*tx.resolve(path("d/new")).resource); }},
      {"a refused act", {}, [](Transaction&) { throw Error(Fault::conflict, "refused"); }},
      {"a new account",
       {"", "a", "a/b", "a/b/c", "d"},
       [](Transaction& tx) {
         storage::Account account;
         account.name = "ann";
         tx.put_account(account);
       }},
      {"what leaves takes those along who wait in it",
       {"", "a", "a/b", "a/b/c"},
       [&](Transaction& tx) { tx.remove_tree(*tx.resolve(path("a")).resource); }},
  };
  std::map<std::string, std::unique_ptr<ChangeWaits::Wait>> all;
  for (const char* at : {"", "a", "a/b", "a/b/c", "d"}) {
    all[at] = std::make_unique<ChangeWaits::Wait>(waits(), storage::kNobody);
    ASSERT_TRUE(all[at]->admitted());
    EXPECT_TRUE(all[at]->watch(lineage(at)));
    EXPECT_FALSE(all[at]->watch(lineage(at)));
  }
  for (const Act& act : acts) {
    SCOPED_TRACE(act.what);
    for (auto& [at, wait] : all) wait->rearm();
    try {
      names_->write(Flush::required, act.act);
    } catch (const Error&) {
    }
    for (auto& [at, wait] : all)
      EXPECT_EQ(was_signalled(*wait), std::ranges::count(act.signalled, at) == 1) << at;
  }
}

TEST_F(Waits, NumbersThatBeginAnewSignalAll) {
  names_->keep({.changes = false});
  put("d/f", "without a number");
  names_->keep({.trash = true, .versions = true, .changes = true});
  ChangeWaits::Wait wait(waits(), storage::kNobody);
  EXPECT_TRUE(wait.watch(lineage("a")));
  wait.rearm();
  names_->write(Flush::required,
                [](Transaction& tx) { static_cast<void>(tx.forget_changes(0, 1)); });
  EXPECT_TRUE(was_signalled(wait));
}

TEST_F(Waits, ASignalBeforeTheWaitIsNotLost) {
  ChangeWaits::Wait wait(waits(), storage::kNobody);
  wait.watch(lineage("d"));
  wait.rearm();
  put("d/f", "other");
  EXPECT_TRUE(wait.until(fiber::Clock::now() + kLong));
  wait.rearm();
  EXPECT_FALSE(was_signalled(wait));
}

TEST_F(Waits, OneCommitWakesAllThatWaitForIt) {
  // Each of those that wake up wakes others; some go before their turn.
  constexpr int kWaits = 100;
  std::vector<std::thread> threads;
  std::atomic<int> watching = 0;
  std::atomic<bool> written = false;
  for (int i = 0; i < kWaits; ++i) {
    threads.emplace_back([&, i] {
      ChangeWaits::Wait wait(waits(), i);
      wait.watch(lineage("a/b"));
      ++watching;
      if (i % 4 == 0) {
        while (!written) std::this_thread::yield();
        return;
      }
      // Who was signalled and not woken is right only when the time is over.
      const fiber::Clock::time_point deadline = fiber::Clock::now() + kLong;
      EXPECT_TRUE(wait.until(deadline));
      EXPECT_LT(fiber::Clock::now(), deadline);
    });
  }
  while (watching < kWaits) std::this_thread::yield();
  put("a/b/f", "again");
  written = true;
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(waits().count(), 0U);
}

TEST_F(Waits, AreCountedInAllAndForEachAccount) {
  waits().limit({.all = 4, .of_one = 2, .of_anonymous = 1});
  auto first = std::make_unique<ChangeWaits::Wait>(waits(), 1);
  const ChangeWaits::Wait second(waits(), 1);
  EXPECT_TRUE(first->admitted());
  EXPECT_TRUE(second.admitted());
  EXPECT_FALSE(ChangeWaits::Wait(waits(), 1).admitted());
  const ChangeWaits::Wait third(waits(), 2);
  const ChangeWaits::Wait fourth(waits(), storage::kNobody);
  EXPECT_FALSE(ChangeWaits::Wait(waits(), storage::kNobody).admitted());
  EXPECT_TRUE(third.admitted());
  EXPECT_TRUE(fourth.admitted());
  EXPECT_FALSE(ChangeWaits::Wait(waits(), 4).admitted());
  first.reset();
  EXPECT_TRUE(ChangeWaits::Wait(waits(), 1).admitted());
  EXPECT_EQ(waits().count(), 3U);
}

TEST_F(Waits, TheEndAnswersThemAndTakesNoMore) {
  std::thread thread([this] {
    ChangeWaits::Wait wait(waits(), storage::kNobody);
    wait.watch(lineage("a"));
    EXPECT_FALSE(wait.until(fiber::Clock::now() + kLong));
    wait.rearm();
    EXPECT_FALSE(wait.until(fiber::Clock::now() + kLong));
  });
  while (waits().count() == 0) std::this_thread::yield();
  waits().end();
  thread.join();
  EXPECT_FALSE(ChangeWaits::Wait(waits(), storage::kNobody).admitted());
}

}  // namespace
}  // namespace holdfast::test
