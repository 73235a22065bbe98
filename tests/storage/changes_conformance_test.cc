// The numbers of changes and the tags of collections (storage/namespace.h), for every back end.
#include <map>

#include "tests/storage/conformance.h"
#include "tests/storage/sqlite_store.h"

namespace holdfast::test {
namespace {

using storage::Change;

class Changes : public StoreTest {
 protected:
  [[nodiscard]] std::int64_t tag(const std::string& at) {
    const auto now = names().snapshot();
    return now->last_change(*now->resolve(path_of(at)).resource);
  }
  [[nodiscard]] std::int64_t next() { return names().snapshot()->next_change(); }
  [[nodiscard]] bool known(std::int64_t number) {
    return names().snapshot()->knows_changes_since(number);
  }
};

INSTANTIATE_TEST_SUITE_P(All, Changes, each_backend(), backend_name);

// What an act at the path changes, and what it leaves as it is.
TEST_P(Changes, ATagChangesWithAnythingAtOrBelowItsCollectionAndWithNothingElse) {
  for (const char* made : {"a", "a/b", "a/b/c", "d"}) collection(made);
  for (const char* made : {"a/b/f", "d/f"}) file(made, "text");
  const auto expect_changes = [&](const char* what, const std::vector<std::string>& changed,
                                  const std::vector<std::string>& same,
                                  const std::function<void(Transaction&)>& act) {
    SCOPED_TRACE(what);
    std::map<std::string, std::int64_t> before;
    for (const auto& list : {changed, same})
      for (const std::string& at : list) before[at] = tag(at);
    const std::int64_t number = next();
    write(act);
    EXPECT_GT(next(), number);
    for (const std::string& at : changed) {
      EXPECT_GE(tag(at), number) << at;
      EXPECT_NE(tag(at), before[at]) << at;
    }
    for (const std::string& at : same) EXPECT_EQ(tag(at), before[at]) << at;
  };
  const auto at = [&](Transaction& tx, const char* text) {
    return *tx.resolve(path_of(text)).resource;
  };
  expect_changes("properties", {"", "a", "a/b"}, {"a/b/c", "d"}, [&](Transaction& tx) {
    const std::vector<PropertyChange> changes{{{"urn:x", "p"}, "<p/>"}};
    tx.patch_properties(at(tx, "a/b/f").id, changes);
  });
  expect_changes("its own properties", {"", "a", "a/b", "a/b/c"}, {"d"}, [&](Transaction& tx) {
    const std::vector<PropertyChange> changes{{{"urn:x", "p"}, "<p/>"}};
    tx.patch_properties(at(tx, "a/b/c").id, changes);
  });
  expect_changes("a date", {"", "d"}, {"a", "a/b"},
                 [&](Transaction& tx) { tx.set_modified(at(tx, "d/f").id, Millis{5000}); });
  expect_changes("a new collection", {"", "a", "a/b", "a/b/c"}, {"d"}, [&](Transaction& tx) {
    tx.make_collection(at(tx, "a/b/c"), "new", storage::kNobody);
  });
  expect_changes("a move", {"", "a", "a/b", "d"}, {"a/b/c"},
                 [&](Transaction& tx) { tx.move_tree(at(tx, "a/b/f"), at(tx, "d"), "g"); });
  expect_changes("a removal", {"", "a", "a/b"}, {"d"},
                 [&](Transaction& tx) { tx.remove_tree(at(tx, "a/b/c")); });
}

TEST_P(Changes, LocksChangeNothing) {
  file("f", "text");
  const std::int64_t number = next();
  const std::int64_t before = tag("");
  const Lock taken = lock("f", "urn:a");
  write([&](Transaction& tx) { tx.remove_lock(taken); });
  EXPECT_EQ(next(), number);
  EXPECT_EQ(tag(""), before);
}

TEST_P(Changes, ARefusedWriteChangesNothing) {
  collection("c");
  const std::int64_t number = next();
  const std::int64_t before = tag("c");
  EXPECT_THROW(write([&](Transaction& tx) {
                 tx.make_collection(*tx.resolve(path_of("c")).resource, "d", storage::kNobody);
                 throw Error(Fault::conflict, "no");
               }),
               Error);
  EXPECT_EQ(tag("c"), before);
  EXPECT_EQ(next(), number);
}

TEST_P(Changes, TheOldestAreForgottenByAge) {
  const std::int64_t first = next();
  collection("c");
  const std::int64_t second = next();
  clock().advance(100'000);
  collection("d");
  const std::int64_t third = next();
  std::size_t forgotten = 0;
  const auto forget = [&](Millis age) {
    write([&](Transaction& tx) { forgotten = tx.forget_changes(tx.wall_now() - age, 10); });
  };
  forget(200'000);
  EXPECT_EQ(forgotten, 0U);
  EXPECT_TRUE(known(first));
  forget(50'000);
  EXPECT_EQ(forgotten, 1U);
  EXPECT_FALSE(known(first));
  EXPECT_TRUE(known(second));
  EXPECT_TRUE(known(third));
  EXPECT_FALSE(known(third + 1)) << "from the future";
  EXPECT_TRUE(names().check(false).problems.empty());
}

class UnnotedChanges : public storage::SqliteStore {
 protected:
  [[nodiscard]] std::int64_t next() const { return names_->snapshot()->next_change(); }
  [[nodiscard]] bool known(std::int64_t number) const {
    return names_->snapshot()->knows_changes_since(number);
  }
  [[nodiscard]] std::int64_t tag() const {
    const auto now = names_->snapshot();
    return now->last_change(*now->resolve({}).resource);
  }
};

TEST_F(UnnotedChanges, MakeEveryEarlierNumberUnknown) {
  open();
  put("f", "one");
  const std::int64_t before = next();
  const std::int64_t tag_before = tag();
  EXPECT_TRUE(known(before));
  names_->keep({.changes = false});
  EXPECT_TRUE(known(before)) << "nothing has changed";
  put("f", "two");
  EXPECT_FALSE(known(before));
  EXPECT_FALSE(known(next()));
  // Whether they are asked for again or the store is opened anew: until upkeep begins, none is known.
  reopen();
  names_->keep({.changes = true});
  put("f", "three");
  EXPECT_FALSE(known(next()));
  names_->write(storage::Flush::required, [](storage::Transaction& tx) {
    EXPECT_EQ(tx.forget_changes(tx.wall_now() - 1000, 100), 0U);
  });
  const std::int64_t begun = next();
  EXPECT_TRUE(known(begun));
  EXPECT_FALSE(known(before));
  EXPECT_GT(tag(), tag_before);
  put("f", "four");
  EXPECT_TRUE(known(begun));
  EXPECT_GT(next(), begun);
  expect_sound();
}

}  // namespace
}  // namespace holdfast::test
