// Copies that are made a part at a time between other writes (storage/namespace.h, TreeCopy): the
// copy is what copy_tree makes of its source at the moment when it is placed, or there is none.
#include <random>
#include <sstream>

#include "storage/history.h"
#include "tests/storage/conformance.h"

namespace holdfast::test {
namespace {

using storage::TreeCopy;
using testing::IsEmpty;

class PartedCopy : public StoreTest {
 protected:
  // A collection with members of each kind, deep and wide.
  void plant() {
    collection("from");
    for (const char* path : {"from/a", "from/a/b", "from/a/b/c", "from/z", "from/empty"})
      collection(path);
    for (int i = 0; i < 7; ++i) {
      file("from/f" + std::to_string(i), bytes_of(static_cast<std::size_t>(i) * 10));
      file("from/a/b/g" + std::to_string(i), bytes_of(i == 3 ? kLarge : 5));
    }
    copy("from/a/b/g3", "from/z/same content");
    set_property("from", "p", "root");
    set_property("from/a/b", "p", "deep");
    set_property("from/z/same content", "p", "file");
    clock().advance(1000);
  }

  [[nodiscard]] std::shared_ptr<TreeCopy> begin(std::string_view from, storage::AccountId owner) {
    std::shared_ptr<TreeCopy> copy;
    write([&](Transaction& tx) { copy = tx.begin_copy(at(tx, from), owner); });
    return copy;
  }
  bool part(TreeCopy& copy, std::size_t most) {
    bool made = false;
    write([&](Transaction& tx) { made = tx.copy_part(copy, most); });
    return made;
  }
  void all_parts(TreeCopy& copy) {
    while (!part(copy, 3)) {
    }
  }
  std::optional<Resource> place(TreeCopy& copy, std::string_view from, std::string_view to) {
    std::optional<Resource> made;
    const Path whole = path_of(to);
    write([&](Transaction& tx) {
      made = tx.place_copy(copy, at(tx, from), *tx.resolve(whole).parent, whole.name());
    });
    return made;
  }
  void purge() {
    while (names().purge(4) == 4) {
    }
  }
  [[nodiscard]] storage::Usage usage() { return snapshot()->usage(); }

  // What a copy has from its source: all but ids, and the date and the name of its root.
  static std::string shape(const Snapshot& now, std::string_view path,
                           storage::ContentStore& store) {
    std::ostringstream out;
    for (const Row& row :
         rows(now, now.resolve(path_of(path)), Depth::infinity, {.properties = true})) {
      const Resource& each = row.resource;
      out << row.path << " of " << each.owner;
      if (!row.path.empty())
        out << ' ' << each.modified.at << '/' << static_cast<int>(each.modified.mark);
      if (!each.is_collection()) {
        const Content content = now.content(each);
        out << ' ' << each.etag << ' ' << each.stored << ' ' << each.size << ' '
            << (content.is_inline() ? content.bytes : read_all(*store.open(content)));
      }
      for (const Property& property : row.properties)
        out << ' ' << property.name.name << '=' << property.xml;
      out << '\n';
    }
    return out.str();
  }
  [[nodiscard]] std::string shape(std::string_view path) {
    return shape(*snapshot(), path, contents());
  }
};
INSTANTIATE_TEST_SUITE_P(All, PartedCopy, each_backend(), backend_name);

TEST_P(PartedCopy, IsWhatACopyAtOnceIs) {
  plant();
  copy("from", "at once");
  for (const std::size_t most : {1U, 2U, 3U, 5U, 1000U}) {
    SCOPED_TRACE(most);
    const auto parts = begin("from", storage::kNobody);
    while (!part(*parts, most)) {
      // Nobody sees it yet.
      ASSERT_EQ(paths("", Depth::one).size(), mapped("placed") ? 4U : 3U);
      ASSERT_THAT(problems(), IsEmpty());
    }
    const auto made = place(*parts, "from", "placed");
    ASSERT_TRUE(made);
    EXPECT_EQ(made->name, "placed");
    EXPECT_EQ(at("placed").id, made->id);
    EXPECT_EQ(shape("placed"), shape("at once"));
    EXPECT_EQ(at("placed").modified.at, at("at once").modified.at);
    EXPECT_THAT(problems(), IsEmpty());
  }
  // What it replaced is gone for good, and the contents are counted right.
  remove("from");
  remove("at once");
  purge();
  EXPECT_EQ(property("placed/a/b", "p"), "deep");
  EXPECT_EQ(text("placed/z/same content"), bytes_of(kLarge));
  remove("placed");
  purge();
  EXPECT_EQ(usage().resources, 1U);
  EXPECT_THAT(problems(), IsEmpty());
}

TEST_P(PartedCopy, ReplacesWhatIsThereAndCoversItWithItsLock) {
  plant();
  collection("to");
  file("to/old");
  lock("to", "t:to");
  const auto parts = begin("from", storage::kNobody);
  all_parts(*parts);
  ASSERT_TRUE(place(*parts, "from", "to"));
  EXPECT_FALSE(mapped("to/old"));
  EXPECT_TRUE(mapped("to/a/b/g1"));
  EXPECT_EQ(tokens(resolve("to").locks), std::vector<std::string>{"t:to"});
  EXPECT_THAT(problems(), IsEmpty());
}

// Each kind of change of the source, before the first part of the copy, between its parts, and
// after the last one.
TEST_P(PartedCopy, IsNotPlacedWhenItsSourceHasChanged) {
  struct Change {
    const char* what;
    std::function<void()> make;
    bool within = true;  // of what a copy has
  };
  const Change changes[] = {
      {"new content", [this] { file("from/a/b/g1", "other"); }},
      {"a new file", [this] { file("from/a/b/new", "other"); }},
      {"a new member of the root", [this] { file("from/00", "other"); }},
      {"a new collection", [this] { collection("from/empty/new"); }},
      {"a copy into it", [this] { copy("from/z", "from/empty/z"); }},
      {"a file moved within it", [this] { move("from/f1", "from/empty/f1"); }},
      {"a collection moved out of it", [this] { move("from/a", "a"); }},
      {"a file moved into it", [this] { move("beside", "from/z/beside"); }},
      {"a file removed", [this] { remove("from/a/b/g2"); }},
      {"a property of a file", [this] { set_property("from/f1", "q", "new"); }},
      {"a property of the root", [this] { set_property("from", "q", "new"); }},
      {"the date of a file",
       [this] { write([&](Transaction& tx) { tx.set_modified(at(tx, "from/f2").id, {5000}); }); }},
      {"another file", [this] { file("beside", "other"); }, false},
      {"a lock in it", [this] { lock("from/a", "t:a"); }, false},
      {"the source under another name",
       [this] {
         move("from", "renamed");
         move("renamed", "from");
       },
       false},
  };
  for (const Change& change : changes)
    for (int when = 0; when < 3; ++when) {
      SCOPED_TRACE(std::string(change.what) + ", time " + std::to_string(when));
      start_afresh();
      plant();
      file("beside", "beside");
      const auto parts = begin("from", storage::kNobody);
      if (when > 0) part(*parts, 4);
      if (when > 1) all_parts(*parts);
      change.make();
      all_parts(*parts);
      const auto made = place(*parts, "from", "to");
      if (made) {
        copy("from", "at once");
        EXPECT_EQ(shape("to"), shape("at once"));
      }
      if (when > 0) {
        EXPECT_EQ(made.has_value(), !change.within);
      }
      EXPECT_EQ(mapped("to"), made.has_value());
      EXPECT_THAT(problems(), IsEmpty());
    }
}

TEST_P(PartedCopy, IsNotPlacedTwiceInPartsOrForAnotherSource) {
  plant();
  collection("other");
  const auto parts = begin("from", storage::kNobody);
  const bool whole = part(*parts, 1);
  if (GetParam().name != std::string("Memory")) {
    EXPECT_FALSE(whole);
    EXPECT_FALSE(place(*parts, "from", "to")) << "parts are left";
  }
  all_parts(*parts);
  EXPECT_FALSE(place(*parts, "other", "to"));
  EXPECT_TRUE(place(*parts, "from", "to"));
  EXPECT_THAT(problems(), IsEmpty());
}

TEST_P(PartedCopy, OfASourceThatIsGoneIsNone) {
  plant();
  const auto parts = begin("from", storage::kNobody);
  part(*parts, 4);
  remove("from");
  purge();
  all_parts(*parts);
  collection("from");
  EXPECT_FALSE(place(*parts, "from", "to"));
  EXPECT_THAT(problems(), IsEmpty());
}

TEST_P(PartedCopy, IsRemovedWhenItIsGivenUpAndNotBefore) {
  plant();
  const storage::Usage before = usage();
  auto parts = begin("from", storage::kNobody);
  part(*parts, 6);
  purge();
  EXPECT_THAT(problems(), IsEmpty());
  all_parts(*parts);
  purge();
  ASSERT_TRUE(place(*parts, "from", "to"));
  EXPECT_EQ(shape("to"), shape("from"));
  remove("to");
  parts = begin("from", storage::kNobody);
  part(*parts, 6);
  parts.reset();
  purge();
  EXPECT_EQ(usage().resources, before.resources);
  EXPECT_EQ(usage().bytes, before.bytes);
  EXPECT_THAT(problems(), IsEmpty());
}

// After a crash nothing of it is left.
TEST_P(PartedCopy, IsGoneAfterACrash) {
  plant();
  const storage::Usage before = usage();
  const auto parts = begin("from", storage::kNobody);
  part(*parts, 6);
  names().checkpoint();
  backend().crash();
  purge();
  EXPECT_EQ(usage().resources, before.resources);
  EXPECT_EQ(usage().bytes, before.bytes);
  EXPECT_THAT(problems(), IsEmpty());
}

// What a part makes counts for its owner at once, so that quotas can be judged part by part.
TEST_P(PartedCopy, CountsForItsOwner) {
  plant();
  storage::AccountId ann = storage::kNobody;
  write([&](Transaction& tx) {
    storage::Account account;
    account.name = "ann";
    ann = tx.put_account(account);
  });
  copy("from", "at once");
  write([&](Transaction& tx) { tx.adopt_tree(at(tx, "at once"), ann); });
  const storage::Usage once = snapshot()->usage_of(ann);
  const auto parts = begin("from", ann);
  all_parts(*parts);
  if (GetParam().name != std::string("Memory")) {
    EXPECT_EQ(snapshot()->usage_of(ann).resources, 2 * once.resources);
  }
  ASSERT_TRUE(place(*parts, "from", "placed"));
  EXPECT_EQ(snapshot()->usage_of(ann).resources, 2 * once.resources);
  EXPECT_EQ(snapshot()->usage_of(ann).bytes, 2 * once.bytes);
  EXPECT_EQ(shape("placed"), shape("at once"));
}

// A part whose write failed is made again.
TEST_P(PartedCopy, APartThatFailedIsMadeAgain) {
  plant();
  struct Undo {};
  const auto parts = begin("from", storage::kNobody);
  bool made = false;
  for (int i = 0; !made; ++i) {
    try {
      write([&](Transaction& tx) {
        made = tx.copy_part(*parts, 3);
        if (i % 3 != 2) throw Undo();
      });
    } catch (const Undo&) {
      made = false;
    }
    ASSERT_LT(i, 200);
  }
  ASSERT_TRUE(place(*parts, "from", "placed"));
  copy("from", "at once");
  EXPECT_EQ(shape("placed"), shape("at once"));
  EXPECT_THAT(problems(), IsEmpty());
}

// Random acts between the parts of several copies. Whenever a copy is placed, it is what copy_tree
// makes of the source in the same transaction.
TEST_P(PartedCopy, IsNeverOlderThanItsSource) {
  names().keep({.trash = true, .versions = true, .changes = true});
  std::mt19937 random(4711);
  const auto of = [&](unsigned below) { return static_cast<unsigned>(random()) % below; };
  const auto place_of = [&] {
    std::string path = "s";
    for (unsigned depth = of(4); depth > 0; --depth)
      path += std::string("/") + static_cast<char>('a' + of(4));
    return path;
  };
  const auto attempt = [](const auto& act) {
    try {
      act();
    } catch (const std::exception&) {  // nothing was there, or in the way
    }
  };
  struct Made {
    std::shared_ptr<TreeCopy> copy;
    bool whole = false;
  };
  std::vector<Made> copies;
  int placed = 0, outdated = 0;
  collection("s");
  for (int step = 0; step < 1500; ++step) {
    if (!mapped("s")) collection("s");
    const std::string path = place_of();
    const std::string to = place_of();
    switch (of(14)) {
      case 0:
      case 1:
        attempt([&] { collection(path); });
        break;
      case 2:
        if (path != "s") attempt([&] { file(path, bytes_of(of(30), of(1000))); });
        break;
      case 3:
        if (of(3) == 0) attempt([&] { remove(path); });
        break;
      case 4:
        attempt([&] { of(2) == 0 ? copy(path, to) : move(path, to); });
        break;
      case 5:
        attempt([&] { set_property(path, "p", std::to_string(of(3))); });
        break;
      case 6:
        if (of(4) == 0) purge();
        clock().advance(of(3) * 1000);
        break;
      case 7:
        if (copies.size() < 3)
          attempt([&] { copies.push_back({begin(path, storage::kNobody), false}); });
        break;
      case 8:
      case 9:
      case 10:
      case 11:
        for (Made& made : copies) made.whole = part(*made.copy, 1 + of(4));
        break;
      default:
        if (copies.empty() || !copies.front().whole) break;
        write([&](Transaction& tx) {
          const Resolution all = tx.resolve(path_of("s"));
          const Resource root = *tx.resolve({}).resource;
          // place_copy knows its source.
          for (const Row& row : rows(tx, all, Depth::infinity)) {
            if (!row.resource.is_collection()) continue;
            const auto made = tx.place_copy(*copies.front().copy, row.resource, root, "placed");
            if (!made) continue;
            ++placed;
            tx.copy_tree(row.resource, true, root, "at once", storage::kNobody);
            EXPECT_EQ(shape(tx, "placed", contents()), shape(tx, "at once", contents()))
                << row.path << " at step " << step;
            tx.remove_tree(*tx.resolve(path_of("placed")).resource);
            tx.remove_tree(*tx.resolve(path_of("at once")).resource);
            return;
          }
          ++outdated;
        });
        copies.erase(copies.begin());
    }
    if (HasFailure()) return;
    if (step % 50 == 0) {
      ASSERT_THAT(problems(), IsEmpty()) << step;
    }
  }
  EXPECT_GT(placed, 5);
  EXPECT_GT(outdated, 5);
  copies.clear();
  purge();
  EXPECT_THAT(problems(), IsEmpty());
}

}  // namespace
}  // namespace holdfast::test
