// What storage/history.h and storage/namespace.h say of the trash and of versions, for every back
// end.
#include <map>

#include "storage/history.h"
#include "tests/storage/conformance.h"

namespace holdfast::test {
namespace {

using storage::Keeping;
using storage::TrashEntry;
using storage::Version;

constexpr Millis kMinute = 60'000;

class History : public StoreTest {
 protected:
  void SetUp() override {
    names().keep({.trash = true, .versions = true});
    write([&](Transaction& tx) {
      for (const auto& [name, id] : {std::pair("ann", &ann_), std::pair("bob", &bob_)}) {
        storage::Account account;
        account.name = name;
        *id = tx.put_account(account);
      }
    });
  }

  // Stores a file for an account, which owns it when it is new.
  Resource save(std::string_view path, std::string_view bytes, storage::AccountId account) {
    const auto staged = upload(bytes);
    const Content& content = staged->seal();
    Resource made;
    write([&](Transaction& tx) {
      tx.acts_for(account);
      const Path whole = path_of(path);
      made = tx.put(*tx.resolve(whole).parent, whole.name(), content, std::nullopt, account);
    });
    staged->keep();
    return made;
  }
  Resource save(std::string_view path, std::string_view bytes) { return save(path, bytes, ann_); }

  [[nodiscard]] std::vector<TrashEntry> trash() {
    std::vector<TrashEntry> all;
    snapshot()->trash(0, [&](const TrashEntry& entry) {
      all.push_back(entry);
      return true;
    });
    return all;
  }
  // The paths at which the trees in the trash were, the oldest first.
  [[nodiscard]] std::vector<std::string> trashed() {
    std::vector<std::string> paths;
    for (const TrashEntry& entry : trash()) paths.push_back(text_of(entry.path.segments()));
    return paths;
  }
  Resource restore(std::int64_t id, std::string_view to) {
    Resource made;
    const Path whole = path_of(to);
    write([&](Transaction& tx) {
      made = tx.restore_trash(id, *tx.resolve(whole).parent, whole.name());
    });
    return made;
  }
  void purge(std::int64_t id) {
    write([&](Transaction& tx) { EXPECT_TRUE(tx.purge_trash(id)); });
    purge();
  }
  void purge() {
    while (names().purge(3) == 3) {
    }
  }
  [[nodiscard]] std::vector<Version> versions(std::string_view path) {
    const auto now = snapshot();
    return now->versions(at(*now, path));
  }
  // The contents of the versions, the newest first.
  [[nodiscard]] std::vector<std::string> texts(std::string_view path) {
    std::vector<std::string> all;
    for (const Version& version : versions(path))
      all.push_back(text(snapshot()->content(version.file)));
    return all;
  }
  [[nodiscard]] storage::Usage usage() { return snapshot()->usage(); }
  [[nodiscard]] storage::Kept kept(storage::AccountId of) { return snapshot()->kept_of(of); }
  [[nodiscard]] std::uint64_t bytes_of_account(storage::AccountId of) {
    return snapshot()->usage_of(of).bytes;
  }

  storage::AccountId ann_ = storage::kNobody;
  storage::AccountId bob_ = storage::kNobody;
};

INSTANTIATE_TEST_SUITE_P(All, History, each_backend(), backend_name);

TEST_P(History, WhatIsRemovedLiesInTheTrashWithAllThatItHas) {
  collection("d");
  collection("d/e");
  const Resource file = save("d/e/f", "text", bob_);
  save("d/large", bytes_of(kLarge));
  set_property("d/e/f", "p", "<v/>");
  lock("d/e/f", "t:1");
  deep_lock("d/e", "t:2");
  const storage::Usage before = usage();
  clock().advance(1000);
  const Resource top = at("d");
  write([&](Transaction& tx) {
    tx.acts_for(bob_);
    tx.remove_tree(at(tx, "d"));
  });

  EXPECT_FALSE(mapped("d"));
  EXPECT_FALSE(mapped("d/e/f"));
  EXPECT_EQ(paths("", Depth::infinity), (std::vector<std::string>{""}));
  EXPECT_THAT(snapshot()->all_locks(10), testing::IsEmpty());
  EXPECT_EQ(usage().resources, before.resources);
  EXPECT_EQ(usage().bytes, before.bytes);
  EXPECT_THAT(garbage(), testing::IsEmpty());
  ASSERT_EQ(trash().size(), 1U);
  const TrashEntry entry = trash().front();
  EXPECT_EQ(entry.root.id, top.id);
  EXPECT_EQ(entry.root.name, "d");
  EXPECT_EQ(entry.root.parent, top.parent);
  EXPECT_TRUE(entry.root.is_collection());
  EXPECT_EQ(entry.path, path_of("d"));
  EXPECT_EQ(entry.collection, Path());
  EXPECT_EQ(entry.removed, clock().wall());
  EXPECT_EQ(entry.remover, bob_);
  EXPECT_FALSE(entry.size);
  const TrashEntry::Size size = snapshot()->size_of_trash(entry);
  EXPECT_EQ(size.resources, 4U);
  EXPECT_EQ(size.bytes, before.bytes);
  EXPECT_EQ(snapshot()->trash_entry(entry.id)->path, entry.path);
  EXPECT_FALSE(snapshot()->trash_entry(entry.id + 1));
  EXPECT_FALSE(snapshot()->trash_entry(0));
  EXPECT_THAT(problems(), testing::IsEmpty());

  clock().advance(1000);
  backend().reopen();
  EXPECT_EQ(restore(entry.id, "d").id, top.id);
  EXPECT_THAT(trash(), testing::IsEmpty());
  EXPECT_EQ(at("d/e/f").id, file.id);
  EXPECT_EQ(at("d/e/f").etag, file.etag);
  EXPECT_EQ(at("d/e/f").owner, bob_);
  EXPECT_EQ(property("d/e/f", "p"), "<v/>");
  EXPECT_EQ(text("d/e/f"), "text");
  EXPECT_EQ(text("d/large"), bytes_of(kLarge));
  EXPECT_EQ(usage().bytes, before.bytes);
  EXPECT_THAT(snapshot()->all_locks(10), testing::IsEmpty());
  EXPECT_THAT(problems(), testing::IsEmpty());
}

TEST_P(History, ATreeIsRestoredOnlyWhereNothingIsInTheWay) {
  collection("d");
  save("d/f", "old");
  remove("d/f");
  save("d/f", "new");
  const std::int64_t file = trash().front().id;
  const auto refused = [&](std::int64_t id, std::string_view to) {
    return fault_of([&] { restore(id, to); });
  };
  EXPECT_EQ(refused(file, "d/f"), Fault::conflict) << "the name is taken";
  EXPECT_EQ(refused(file + 100, "d/g"), Fault::conflict) << "no such entry";
  EXPECT_EQ(refused(-1, "d/g"), Fault::conflict);
  EXPECT_EQ(fault_of([&] {
              write([&](Transaction& tx) { tx.restore_trash(file, at(tx, "d/f"), "g"); });
            }),
            Fault::conflict)
      << "the parent is a file";
  // The collection itself lies in the trash.
  const Resource parent = at("d");
  remove("d");
  EXPECT_EQ(trash().front().collection, std::nullopt);
  EXPECT_EQ(fault_of([&] { write([&](Transaction& tx) { tx.restore_trash(file, parent, "g"); }); }),
            Fault::conflict);
  EXPECT_EQ(trashed(), (std::vector<std::string>{"d/f", "d"}));
  restore(trash().back().id, "e");
  EXPECT_EQ(trash().front().collection, path_of("e")) << "it was moved";
  restore(file, "e/g");
  EXPECT_EQ(text("e/g"), "old");
  EXPECT_EQ(text("e/f"), "new");
  EXPECT_THAT(problems(), testing::IsEmpty());
}

TEST_P(History, WhatCopyAndMoveReplaceLiesInTheTrash) {
  collection("a");
  save("a/f", "one");
  collection("b");
  save("b/f", "two");
  lock("b", "t:b");
  copy("a", "b");
  EXPECT_EQ(text("b/f"), "one");
  EXPECT_EQ(tokens(resolve("b").locks), (std::vector<std::string>{"t:b"}));
  EXPECT_EQ(trashed(), (std::vector<std::string>{"b"}));
  move("a", "b");
  EXPECT_EQ(trashed(), (std::vector<std::string>{"b", "b"}));
  save("c", "three");
  move("c", "b");
  EXPECT_EQ(trashed(), (std::vector<std::string>{"b", "b", "b"}));
  EXPECT_EQ(text("b"), "three");
  restore(trash().front().id, "old");
  EXPECT_EQ(text("old/f"), "two");
  EXPECT_THAT(problems(), testing::IsEmpty());
}

TEST_P(History, WhatIsGivenUpFreesItsSpace) {
  const storage::Usage empty = usage();
  collection("d");
  collection("d/e");
  save("d/e/f", bytes_of(kLarge));
  set_property("d/e/f", "p", "<v/>");
  for (int i = 0; i < 5; ++i) save("d/" + std::to_string(i), "text");
  copy("d", "c");
  remove("d");
  purge(trash().front().id);
  EXPECT_EQ(text("c/e/f"), bytes_of(kLarge));
  EXPECT_EQ(property("c/e/f", "p"), "<v/>");
  EXPECT_THAT(garbage(), testing::IsEmpty());
  remove("c");
  const TrashEntry entry = trash().front();
  write([&](Transaction& tx) {
    tx.purge_trash(entry.id);
    EXPECT_FALSE(tx.purge_trash(entry.id));
  });
  EXPECT_THAT(trash(), testing::IsEmpty());
  // A process that dies in between goes on.
  static_cast<void>(names().purge(2));
  EXPECT_THAT(problems(), testing::IsEmpty());
  backend().crash();
  EXPECT_THAT(problems(), testing::IsEmpty());
  purge();
  EXPECT_EQ(names().purge(3), 0U);
  EXPECT_EQ(usage().resources, empty.resources);
  EXPECT_EQ(usage().bytes, 0U);
  EXPECT_EQ(bytes_of_account(ann_), 0U);
  EXPECT_EQ(garbage().size(), 1U);
  EXPECT_THAT(problems(), testing::IsEmpty());
}

TEST_P(History, NothingIsKeptUnlessItIsWanted) {
  for (const bool closure : {false, true}) {
    SCOPED_TRACE(closure);
    start_afresh();
    SetUp();
    if (!closure) names().keep({});
    const auto act = [&](const std::function<void(Transaction&)>& fn) {
      write([&](Transaction& tx) {
        if (closure) tx.keep_nothing();
        fn(tx);
      });
    };
    collection("d");
    save("d/f", "one");
    save("g", "two");
    clock().advance(kMinute);
    act([&](Transaction& tx) {
      tx.put(at(tx, ""), "g", {.size = 5, .checksums = {}, .blob = "", .bytes = "three"},
             std::nullopt, ann_);
    });
    EXPECT_THAT(versions("g"), testing::IsEmpty());
    act([&](Transaction& tx) { tx.copy_tree(at(tx, "g"), true, at(tx, ""), "d", ann_); });
    act([&](Transaction& tx) { tx.remove_tree(at(tx, "d")); });
    EXPECT_THAT(trash(), testing::IsEmpty());
    EXPECT_EQ(usage().resources, 2U);
    EXPECT_EQ(usage().bytes, 5U);
    EXPECT_THAT(problems(), testing::IsEmpty());
  }
}

TEST_P(History, ContentThatIsReplacedIsAVersion) {
  save("f", "one");
  const Resource first = at("f");
  clock().advance(kMinute);
  save("f", "two!", bob_);
  clock().advance(kMinute);
  save("f", "three");
  EXPECT_EQ(texts("f"), (std::vector<std::string>{"two!", "one"}));
  const Version oldest = versions("f").back();
  EXPECT_EQ(oldest.author, ann_);
  EXPECT_EQ(oldest.file.owner, ann_);
  EXPECT_EQ(oldest.file.etag, first.etag);
  EXPECT_EQ(oldest.file.stored, first.stored);
  EXPECT_EQ(oldest.file.modified, first.modified);
  EXPECT_EQ(oldest.file.created, first.created);
  EXPECT_EQ(oldest.file.size, 3U);
  EXPECT_EQ(oldest.replaced, first.stored + kMinute);
  EXPECT_EQ(versions("f").front().author, bob_);
  EXPECT_EQ(usage().bytes, 12U);
  EXPECT_EQ(bytes_of_account(ann_), 12U);
  EXPECT_EQ(kept(ann_), (storage::Kept{0, 7}));
  EXPECT_EQ(kept(bob_), storage::Kept{});
  EXPECT_THAT(problems(), testing::IsEmpty());
}

TEST_P(History, SavesOfOneMinuteAreOneVersion) {
  struct Row {
    const char* what;
    Millis later;  // than the minute begins
    std::string_view before;
    bool by_another;
    bool kept;
  };
  for (const Row& row :
       {Row{"the same minute", 59'999, "x", false, false},
        Row{"the next minute", 60'000, "x", false, true}, Row{"another's", 1, "x", true, true},
        Row{"empty for a moment", 59'000, "", true, false},
        Row{"empty for long", 600'000, "", false, true}}) {
    SCOPED_TRACE(row.what);
    start_afresh();
    SetUp();
    clock().advance(kMinute - clock().wall() % kMinute);
    save("f", row.before);
    clock().advance(row.later);
    save("f", "y", row.by_another ? bob_ : ann_);
    EXPECT_EQ(texts("f").size(), row.kept ? 1U : 0U);
    EXPECT_EQ(usage().bytes, 1 + (row.kept ? row.before.size() : 0));
    EXPECT_THAT(problems(), testing::IsEmpty());
  }
}

TEST_P(History, MoveKeepsVersionsAndCopyHasNone) {
  save("f", "one");
  clock().advance(kMinute);
  save("f", "two");
  copy("f", "c");
  move("f", "g");
  EXPECT_EQ(texts("g"), (std::vector<std::string>{"one"}));
  EXPECT_THAT(versions("c"), testing::IsEmpty());
  collection("d");
  move("g", "d/g");
  move("d", "e");
  EXPECT_EQ(texts("e/g"), (std::vector<std::string>{"one"}));
  remove("e");
  restore(trash().front().id, "e");
  EXPECT_EQ(texts("e/g"), (std::vector<std::string>{"one"}));
  EXPECT_THAT(problems(), testing::IsEmpty());
}

// What editors and mounted drives do when they save, to a file of yesterday.
TEST_P(History, ASaveByOtherNamesContinuesTheHistory) {
  using Acts = std::function<void()>;
  struct Row {
    const char* who;
    Acts save;
    std::size_t trees;  // in the trash afterwards
  };
  const Row rows[] = {
      {"rclone, gvfs: a file beside it, moved over it",
       [this] {
         save("new.partial", "two");
         move("new.partial", "f");
       },
       0},
      {"Word: the old file away, the new one in its place, the old one removed",
       [this] {
         save("new.tmp", "two");
         move("f", "old.tmp");
         move("new.tmp", "f");
         remove("old.tmp");
       },
       0},
      {"vim: the old file away, the new one stored, the old one removed",
       [this] {
         move("f", "f~");
         save("f", "two");
         remove("f~");
       },
       0},
      {"removed, then stored again",
       [this] {
         remove("f");
         save("f", "two");
       },
       1},
      {"COPY over it",
       [this] {
         save("other", "two");
         copy("other", "f");
       },
       0},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.who);
    start_afresh();
    SetUp();
    save("f", "zero");
    clock().advance(24 * 60 * kMinute);
    save("f", "one");
    clock().advance(24 * 60 * kMinute);
    row.save();
    EXPECT_EQ(text("f"), "two");
    const std::vector<std::string> wanted =
        row.trees == 0 ? std::vector<std::string>{"one", "zero"} : std::vector<std::string>{"zero"};
    EXPECT_EQ(texts("f"), wanted);
    EXPECT_EQ(trash().size(), row.trees);
    EXPECT_THAT(problems(), testing::IsEmpty());
    // Once more, a day later.
    clock().advance(24 * 60 * kMinute);
    save("f", "three");
    EXPECT_EQ(texts("f").front(), "two");
    for (const TrashEntry& entry : trash()) purge(entry.id);
    EXPECT_EQ(texts("f").back(), "zero") << "the file goes on with them";
    EXPECT_THAT(problems(), testing::IsEmpty());
  }
}

// vim with backups: the file of before stays beside it, and is replaced by the next save.
TEST_P(History, ABackupBesideTheFileIsPartOfItsHistory) {
  save("f", "0");
  for (int i = 1; i <= 3; ++i) {
    clock().advance(60 * kMinute);
    move("f", "f~");
    save("f", std::to_string(i));
  }
  EXPECT_EQ(texts("f"), (std::vector<std::string>{"1", "0"}));
  EXPECT_EQ(text("f~"), "2");
  EXPECT_THAT(trash(), testing::IsEmpty());
  EXPECT_THAT(problems(), testing::IsEmpty());
}

// What was removed and restored beside a new file of its name: the new one is a file of its own.
TEST_P(History, AFileBesideAnOlderOneGoesToTheTrash) {
  save("f", "old");
  remove("f");
  save("f", "new");
  restore(trash().front().id, "f (restored)");
  remove("f");
  EXPECT_EQ(trashed(), (std::vector<std::string>{"f"}));
  restore(trash().front().id, "f");
  EXPECT_EQ(text("f"), "new");
  // The older one, in turn, is part of the history of what has its name.
  remove("f (restored)");
  EXPECT_THAT(trash(), testing::IsEmpty());
  EXPECT_EQ(texts("f"), (std::vector<std::string>{"old"})) << "within the same minute, too";
  EXPECT_THAT(problems(), testing::IsEmpty());
}

// A file that took over another history left its own one: what goes on with that is not beside it.
TEST_P(History, AFileThatJoinedAnotherHistoryIsNotBesideItsOwn) {
  save("x", "x");
  save("y", "y");
  save("m", "m");
  move("y", "y2");
  move("x", "y");  // goes on with the history of y
  remove("m");
  move("y2", "m");  // goes on with that of m
  remove("y");
  EXPECT_EQ(trashed(), (std::vector<std::string>{"m", "y"}));
  clock().advance(60 * kMinute);
  save("other", "other");
  move("other", "m");
  EXPECT_EQ(texts("m"), (std::vector<std::string>{"y"}));
  EXPECT_THAT(problems(), testing::IsEmpty());
  for (const TrashEntry& entry : trash()) purge(entry.id);
  EXPECT_EQ(texts("m"), (std::vector<std::string>{"y"}));
  EXPECT_THAT(problems(), testing::IsEmpty());
}

// When the file is replaced counts, not when the other one was stored: both may be of one upload.
TEST_P(History, AFileMovedOverAnotherOfTheSameUploadKeepsIt) {
  save("f", "1");
  save("g", "2");
  clock().advance(60 * kMinute);
  write([&](Transaction& tx) {
    tx.acts_for(ann_);
    tx.move_tree(at(tx, "f"), at(tx, ""), "g");
  });
  EXPECT_EQ(texts("g"), (std::vector<std::string>{"2"}));
  save("h", "3");
  clock().advance(60 * kMinute);
  copy("h", "g");
  EXPECT_THAT(texts("g"), testing::Contains("1"));
  EXPECT_THAT(problems(), testing::IsEmpty());
}

// A file that was renamed and another one at its old name go different ways from then on.
TEST_P(History, AFileThatWasRenamedGetsAHistoryOfItsOwn) {
  save("f", "0");
  clock().advance(60 * kMinute);
  save("f", "1");
  move("f", "old");
  save("f", "2");
  clock().advance(60 * kMinute);
  save("old", "1b");
  clock().advance(60 * kMinute);
  save("f", "3");
  EXPECT_EQ(texts("f"), (std::vector<std::string>{"2", "0"}));
  EXPECT_EQ(texts("old"), (std::vector<std::string>{"1"}));
  EXPECT_THAT(problems(), testing::IsEmpty());
}

TEST_P(History, AMovedFileWithAHistorySendsWhatItReplacesToTheTrash) {
  save("f", "f0");
  save("g", "g0");
  clock().advance(kMinute);
  save("f", "f1");
  save("g", "g1");
  move("f", "g");
  EXPECT_EQ(texts("g"), (std::vector<std::string>{"f0"}));
  ASSERT_EQ(trashed(), (std::vector<std::string>{"g"}));
  restore(trash().front().id, "h");
  EXPECT_EQ(text("h"), "g1");
  EXPECT_EQ(texts("h"), (std::vector<std::string>{"g0"}));
  EXPECT_THAT(problems(), testing::IsEmpty());
}

TEST_P(History, AVersionIsRestoredAsANewOne) {
  save("f", "one");
  clock().advance(kMinute);
  save("f", "two", bob_);
  const Resource before = at("f");
  const std::int64_t one = versions("f").front().id;
  Resource after;
  write([&](Transaction& tx) {
    after = tx.restore_version(at(tx, "f"), one, {clock().wall(), storage::DateMark::shared});
  });
  EXPECT_EQ(text("f"), "one");
  EXPECT_EQ(after.id, before.id);
  EXPECT_NE(after.etag, before.etag);
  EXPECT_GT(after.stored, before.stored);
  EXPECT_EQ(after.modified, (storage::Date(clock().wall(), storage::DateMark::shared)));
  EXPECT_EQ(at("f").modified, after.modified);
  EXPECT_EQ(texts("f"), (std::vector<std::string>{"two", "one"})) << "kept within a minute, too";
  EXPECT_EQ(usage().bytes, 9U);
  EXPECT_EQ(kept(ann_).version_bytes, 6U);
  collection("d");
  save("g", "x");
  for (const std::string_view path : {"d", "g"})
    EXPECT_EQ(
        fault_of([&] {
          write([&](Transaction& tx) { tx.restore_version(at(tx, path), one, clock().wall()); });
        }),
        Fault::conflict)
        << path;
  write([&](Transaction& tx) {
    EXPECT_TRUE(tx.purge_version(one));
    EXPECT_FALSE(tx.purge_version(one));
  });
  EXPECT_EQ(texts("f"), (std::vector<std::string>{"two"}));
  EXPECT_EQ(text("f"), "one");
  EXPECT_EQ(usage().bytes, 7U);
  EXPECT_THAT(problems(), testing::IsEmpty());
}

TEST_P(History, VersionsOfAFileThatIsGivenUpGoWithIt) {
  for (int i = 0; i < 10; ++i) {
    save("f", bytes_of(kLarge, static_cast<std::uint32_t>(i)));
    clock().advance(kMinute);
  }
  EXPECT_EQ(versions("f").size(), 9U);
  remove("f");
  EXPECT_EQ(kept(ann_), (storage::Kept{kLarge, 9 * kLarge}));
  write([&](Transaction& tx) { tx.purge_trash(trash().front().id); });
  purge();
  EXPECT_EQ(usage().bytes, 0U);
  EXPECT_EQ(kept(ann_), storage::Kept{});
  EXPECT_EQ(garbage().size(), 10U);
  EXPECT_THAT(problems(), testing::IsEmpty());
}

TEST_P(History, ATreeCountsInTheTrashOnceItWasMeasured) {
  collection("d");
  save("d/f", "text");
  save("g", "large!");
  write([&](Transaction& tx) {
    tx.set_owner(at(tx, "d").id, ann_);
    tx.remove_tree(at(tx, "d"));
    tx.remove_tree(at(tx, "g"));
  });
  EXPECT_EQ(kept(ann_).trash_bytes, 6U) << "a file has no members to be counted";
  const TrashEntry tree = trash().front();
  const TrashEntry::Size size = snapshot()->size_of_trash(tree);
  EXPECT_EQ(size, (TrashEntry::Size{2, 4}));
  for (int i = 0; i < 2; ++i) write([&](Transaction& tx) { tx.measure_trash(tree.id, size); });
  write([&](Transaction& tx) { tx.measure_trash(tree.id + 1000, size); });
  EXPECT_EQ(trash().front().size, size);
  EXPECT_EQ(kept(ann_).trash_bytes, 10U);
  EXPECT_EQ(bytes_of_account(ann_), 10U);
  EXPECT_THAT(problems(), testing::IsEmpty());
  restore(tree.id, "d");
  EXPECT_EQ(kept(ann_).trash_bytes, 6U);
  purge(trash().front().id);
  EXPECT_EQ(kept(ann_), storage::Kept{});
  EXPECT_EQ(bytes_of_account(ann_), 4U);
  EXPECT_THAT(problems(), testing::IsEmpty());
}

TEST_P(History, OfGroupsToo) {
  storage::AccountId group = storage::kNobody;
  write([&](Transaction& tx) {
    storage::Group wanted;
    wanted.name = "all";
    group = tx.put_group(wanted);
    for (const storage::AccountId id : {ann_, bob_}) {
      storage::Account account = *tx.accounts()->find(id);
      account.groups = {group};
      tx.put_account(account);
    }
  });
  save("a", "123", ann_);
  save("b", "12345", bob_);
  clock().advance(kMinute);
  save("b", "1", bob_);
  remove("a");
  EXPECT_EQ(kept(group), (storage::Kept{3, 5}));
  EXPECT_EQ(bytes_of_account(group), 9U);
}

// A right that belonged to what was removed is gone, and does not come back.
TEST_P(History, GrantsDoNotComeBack) {
  collection("d");
  write([&](Transaction& tx) {
    storage::Account account = *tx.accounts()->find(bob_);
    account.grants = {{path_of("d"), storage::Right::read, 0}};
    tx.put_account(account);
  });
  remove("d");
  EXPECT_THAT(names().accounts()->find(bob_)->grants, testing::IsEmpty());
  restore(trash().front().id, "d");
  EXPECT_THAT(names().accounts()->find(bob_)->grants, testing::IsEmpty());
}

TEST_P(History, ARefusedClosureLeavesNothingInTheTrash) {
  save("f", "one");
  clock().advance(kMinute);
  const auto staged = upload("two");
  const Content& content = staged->seal();
  EXPECT_THROW(write([&](Transaction& tx) {
                 tx.put(at(tx, ""), "f", content, std::nullopt, ann_);
                 tx.remove_tree(at(tx, "f"));
                 throw Error(Fault::conflict, "no");
               }),
               Error);
  EXPECT_THAT(trash(), testing::IsEmpty());
  EXPECT_EQ(text("f"), "one");
  EXPECT_THAT(versions("f"), testing::IsEmpty());
  EXPECT_THAT(problems(), testing::IsEmpty());
}

TEST_P(History, WalksOverAllVersionsAndLines) {
  for (const char* name : {"a", "b"})
    for (int i = 0; i < 3; ++i) {
      save(name, "x");
      clock().advance(kMinute);
    }
  std::vector<std::int64_t> ids;
  snapshot()->all_versions(0, [&](const Version& version) {
    ids.push_back(version.id);
    return ids.size() < 3;
  });
  EXPECT_EQ(ids.size(), 3U);
  EXPECT_TRUE(std::ranges::is_sorted(ids));
  std::int64_t line = 0;
  std::vector<std::size_t> sizes;
  for (;;) {
    const auto versions = snapshot()->next_line(line);
    if (versions.empty()) break;
    sizes.push_back(versions.size());
    EXPECT_LT(versions[0].id, versions[1].id);
    EXPECT_LT(versions[0].stored, versions[1].stored);
  }
  EXPECT_EQ(sizes, (std::vector<std::size_t>{2, 2}));
}

}  // namespace
}  // namespace holdfast::test
