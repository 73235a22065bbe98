#include "storage/check.h"

#include <ctime>
#include <fstream>
#include <gmock/gmock.h>
#include <sqlite3.h>

#include "tests/storage/sqlite_store.h"

namespace holdfast::storage {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::EndsWith;
using testing::HasSubstr;
using testing::UnorderedElementsAre;

class Check : public SqliteStore {
 protected:
  CheckReport look(bool hashes = false, bool repair = false) {
    return check(*names_, *content_, {.hashes = hashes, .repair = repair});
  }
  std::string file_of(std::string_view where) {
    const auto snapshot = names_->snapshot();
    const Content content = snapshot->content(snapshot->resolve(path(where)).resource.value());
    return data() + "/blobs/" + content.blob.substr(0, 2) + "/" + content.blob;
  }
  void plant_unnamed(std::uint64_t count) {
    for (std::uint64_t i = 0; i < count; ++i) {
      std::string name = std::to_string(i);
      name.insert(0, 32 - name.size(), '0');
      std::filesystem::create_directory(data() + "/blobs/00");
      std::ofstream(data() + "/blobs/00/" + name) << "orphan";
    }
  }
  // Files that were set aside.
  [[nodiscard]] std::size_t lost() const {
    if (!std::filesystem::exists(data() + "/lost")) return 0;
    std::size_t count = 0;
    for (const auto& entry : std::filesystem::directory_iterator(data() + "/lost"))
      count += entry.is_regular_file() ? 1 : 0;
    return count;
  }
  // Behind the namespace's back, while it is closed.
  void damage(const char* sql) {
    close();
    sqlite3* db = nullptr;
    ASSERT_EQ(sqlite3_open((data() + "/meta.db").c_str(), &db), SQLITE_OK);
    EXPECT_EQ(sqlite3_exec(db, sql, nullptr, nullptr, nullptr), SQLITE_OK) << sqlite3_errmsg(db);
    sqlite3_close(db);
    open();
  }
  void plant_tree() {
    open();
    mkcol("a");
    put("a/f", "text");
    put_file("a/g", 100'000, 'g');
    copy("a", "b");
    lock("a/f", "urn:1");
    names_->write(Flush::required, [&](Transaction& tx) {
      const std::vector<PropertyChange> set{{{"urn:x", "p"}, "<p/>"}};
      tx.patch_properties(tx.resolve(path("a/f")).resource->id, set);
    });
    names_->write(Flush::required, [&](Transaction& tx) {
      Account account;
      account.name = "ann";
      account.grants = {{path("a"), Right::read}};
      ann_ = tx.put_account(account);
      tx.copy_tree(*tx.resolve(path("a")).resource, true, *tx.resolve({}).resource, "c", ann_);
      account.name = "bob";
      (void)tx.put_account(account);
      DeviceToken token;
      token.id = "t";
      token.account = ann_;
      tx.put_token(token);
    });
  }
  AccountId ann_ = kNobody;
};

TEST_F(Check, FindsNothingWrongInASoundStore) {
  plant_tree();
  const CheckReport report = look(true);
  EXPECT_TRUE(report.sound());
  EXPECT_EQ(report.resources, 10U);
  EXPECT_EQ(report.contents, 2U);
  EXPECT_EQ(report.files, 1U);
  EXPECT_EQ(report.file_bytes, 100'000U);
}

// Every walk ends, upward and downward, though a damaged parent makes a collection its own
// ancestor.
TEST_F(Check, ACollectionInsideItselfEndsEveryWalk) {
  plant_tree();
  mkcol("a/sub");
  mkcol("a/sub/deep");
  lock("a/sub/deep", "urn:2");
  const Resource sub = resolve("a/sub").resource.value();
  const Resource deep = resolve("a/sub/deep").resource.value();
  damage(("UPDATE node SET parent = (SELECT id FROM node WHERE key = 'deep') WHERE id = " +
          std::to_string(sub.id))
             .c_str());
  EXPECT_THAT(look().problems, Contains(HasSubstr("cannot be reached from the root")));
  const auto corrupt = [](const auto& question) {
    try {
      question();
      ADD_FAILURE() << "an answer";
    } catch (const Error& error) {
      EXPECT_EQ(error.fault(), Fault::corrupt) << error.what();
    }
  };
  corrupt([&] { (void)names_->snapshot()->all_locks(10); });
  corrupt([&] { (void)names_->snapshot()->find_lock("urn:2"); });
  corrupt([&] { (void)names_->snapshot()->count(sub, 1'000'000); });
  corrupt([&] {
    names_->write(Flush::required,
                  [&](Transaction& tx) { (void)tx.make_collection(deep, "new", kNobody); });
  });
  // A repair does not go round the circle either: it costs what looking costs.
  const auto cost = [&](bool repair) {
    const std::clock_t start = std::clock();
    EXPECT_FALSE(look(false, repair).sound());
    return std::clock() - start;
  };
  EXPECT_LT(cost(true), 20 * cost(false));
}

// One flipped bit can give a collection the id of the one that it lies in.
TEST_F(Check, ACollectionWithItsAncestorsIdEndsTheListing) {
  plant_tree();
  mkcol("a/sub");
  mkcol("a/sub/deep");
  lock("a", "urn:2", true);
  damage(("DROP INDEX node_id; UPDATE node SET id = " +
          std::to_string(resolve("a").resource.value().id) + " WHERE key = 'deep'")
             .c_str());
  const auto snapshot = names_->snapshot();
  int visits = 0;
  try {
    snapshot->members(snapshot->resolve({}), Depth::infinity, {.properties = true, .locks = true},
                      [&](const Member&) { ++visits; });
    ADD_FAILURE() << "an answer";
  } catch (const Error& error) {
    EXPECT_EQ(error.fault(), Fault::corrupt) << error.what();
  }
  EXPECT_LT(visits, 10);
}

// Numbers that only damage can make so large are cut: no sum overflows.
TEST_F(Check, NumbersOfAnySizeAreReadAndAddedUp) {
  plant_tree();
  const std::string most = "9223372036854775807";
  damage(("UPDATE lock SET timeout_s = " + most + "; UPDATE node SET size = " + most +
          ", modified = -" + most + ", height = " + most + ", reach = " + most +
          " WHERE content IS NOT NULL; UPDATE meta SET bytes = " + most +
          "; UPDATE account_usage SET resources = " + most + ", bytes = " + most +
          ", trash_bytes = " + most + ", version_bytes = " + most)
             .c_str());
  EXPECT_GT(names_->snapshot()->find_lock("urn:1").value().expires(), clock_.lease());
  EXPECT_LT(resolve("a/f").resource.value().modified.at, 0);
  copy("a", "d");
  remove("b");
  remove("c");
  put("a/h", "x");
  EXPECT_FALSE(look().sound());
}

TEST_F(Check, TellsFilesThatAreMissingShortOrChanged) {
  plant_tree();
  const std::string file = file_of("a/g");
  {
    std::fstream edit(file, std::ios::in | std::ios::out);
    edit.seekp(5);
    edit << "X";
  }
  EXPECT_TRUE(look(false).sound());
  EXPECT_THAT(look(true).problems, Contains(HasSubstr("SHA-256")));
  std::filesystem::resize_file(file, 5);
  EXPECT_THAT(look().problems, Contains(HasSubstr("wrong size")));
  std::filesystem::remove(file);
  EXPECT_THAT(look().problems, Contains(HasSubstr("is missing")));
  EXPECT_TRUE(resolve("a/g").mapped());
}

// A few files that no row names are what a killed process leaves of its uploads. Many are not.
TEST_F(Check, TellsAFewFilesThatNoResourceNamesFromMany) {
  for (const std::uint64_t files : {1U, 64U, 65U, 200U}) {
    SCOPED_TRACE(files);
    const bool few = files <= Unnamed::kFew;
    plant_tree();
    plant_unnamed(files);
    const CheckReport found = look();
    EXPECT_EQ(found.unnamed.files, files);
    EXPECT_EQ(found.unnamed.bytes, files * 6);
    EXPECT_EQ(found.sound(), few);
    if (!few) {
      EXPECT_THAT(found.problems,
                  ElementsAre(HasSubstr(std::to_string(files) + " content files of ")));
    }
    EXPECT_EQ(this->files(), files + 1) << "nothing is removed unasked";
    const CheckReport repaired = look(false, true);
    EXPECT_EQ(repaired.unnamed.files, files);
    EXPECT_EQ(repaired.sound(), few);
    EXPECT_EQ(this->files(), 1U);
    EXPECT_EQ(lost(), few ? 0U : files);
    EXPECT_TRUE(look().sound());
    EXPECT_EQ(look().unnamed.files, 0U);
    close();
    std::filesystem::remove_all(data());
  }
}

// By the one thing that people know of a content: where it is.
TEST_F(Check, NamesEveryResourceThatHasADamagedContent) {
  open();
  mkcol("c");
  put_file("c/one", 100'000, '1');
  put_file("c/two", 100'000, '2');
  copy("c/two", "two again");
  put("small", "small and whole");
  copy("small", "c/small");
  put("gone", "gone");
  put_file("c/many", 100'000, 'm');
  for (int i = 0; i < 24; ++i) copy("c/many", "m" + std::to_string(i));
  std::filesystem::remove(file_of("c/one"));
  std::filesystem::resize_file(file_of("c/two"), 7);
  std::filesystem::remove(file_of("c/many"));
  damage(
      "UPDATE inline_content SET bytes = CAST('small and w#ole' AS BLOB) WHERE length(bytes) = 15;"
      "DELETE FROM inline_content WHERE length(bytes) = 4");
  const std::int64_t gone = resolve("gone").resource.value().content;
  EXPECT_THAT(look(true).problems,
              UnorderedElementsAre(
                  HasSubstr("1 inline content(s) are missing"),
                  "Content " + std::to_string(gone) + " is not in the database as a whole: /gone.",
                  AllOf(HasSubstr("is missing"), HasSubstr(": /c/one.")),
                  AllOf(HasSubstr("wrong size"), HasSubstr(": /c/two, /two again.")),
                  AllOf(HasSubstr("SHA-256"), HasSubstr(": /c/small, /small.")),
                  AllOf(HasSubstr(": /c/many, /m0, /m1, "), HasSubstr(" and 5 more."))));
  // What cannot be reached has no path.
  damage("UPDATE node SET parent = 9999 WHERE key = 'c'");
  EXPECT_THAT(look().problems,
              Contains(AllOf(HasSubstr("wrong size"), HasSubstr(": /two again."))));
  EXPECT_THAT(look().problems, Contains(EndsWith(" is missing.")));
}

TEST_F(Check, NamesResourcesInOneWalkWhateverTheNumberOfDamages) {
  open();
  mkcol("c");
  for (int i = 0; i < 300; ++i) put_file("c/" + std::to_string(i), 70'000, 'x');
  const auto cost = [&] {
    const std::clock_t start = std::clock();
    EXPECT_FALSE(look().sound());
    return std::clock() - start;
  };
  std::filesystem::remove(file_of("c/0"));
  (void)cost();
  const std::clock_t one = cost();
  for (int i = 1; i < 300; ++i) std::filesystem::remove(file_of("c/" + std::to_string(i)));
  EXPECT_LT(cost(), 10 * one + CLOCKS_PER_SEC / 10);
  const CheckReport all = look();
  EXPECT_EQ(all.problems.size(), 300U);
  for (const std::string& problem : all.problems) EXPECT_THAT(problem, HasSubstr(": /c/"));
}

// An older database beside newer content, with the sweep in between, and the right one again.
TEST_F(Check, TakesBackWhatWasSetAsideWhenItIsTheSame) {
  open();
  for (int i = 0; i < 80; ++i) put_file(std::to_string(i), 70'000, static_cast<char>('a' + i % 26));
  close();
  std::filesystem::copy(data() + "/meta.db", root_ + "/newer");
  std::filesystem::remove(data() + "/meta.db");
  std::filesystem::rename(data() + "/blobs", root_ + "/blobs");
  open();  // an empty store, as an early backup may be
  close();
  std::filesystem::remove_all(data() + "/blobs");
  std::filesystem::rename(root_ + "/blobs", data() + "/blobs");
  open();
  EXPECT_FALSE(look(false, true).sound());
  EXPECT_EQ(files(), 0U);
  EXPECT_EQ(lost(), 80U);
  EXPECT_TRUE(look().sound());
  close();

  std::filesystem::remove(data() + "/meta.db-wal");
  std::filesystem::rename(root_ + "/newer", data() + "/meta.db");
  open();
  const auto lost_file = [&](std::string_view where) {
    return data() + "/lost/" + std::filesystem::path(file_of(where)).filename().string();
  };
  std::filesystem::resize_file(lost_file("7"), 69'999);
  {
    std::fstream edit(lost_file("8"), std::ios::in | std::ios::out);
    edit << "#";
  }
  std::filesystem::remove(lost_file("9"));
  EXPECT_EQ(look().problems.size(), 80U);
  const CheckReport repaired = look(false, true);
  EXPECT_EQ(repaired.repaired, 77U);
  EXPECT_THAT(repaired.problems, Contains(AllOf(HasSubstr("taken back"), HasSubstr(": /6."))));
  const CheckReport after = look(true);
  EXPECT_THAT(after.problems,
              UnorderedElementsAre(HasSubstr(": /7."), HasSubstr(": /8."), HasSubstr(": /9.")));
  EXPECT_EQ(read("6"), std::string(70'000, 'g'));
  EXPECT_EQ(lost(), 2U);
}

// Their number in the database is that of the last time the row was written: LOCK and UNLOCK leave
// it alone.
TEST_F(Check, LocksAreCountedWhenTheStoreIsOpened) {
  plant_tree();
  const std::uint64_t locks = names_->stats().locks;
  EXPECT_EQ(locks, 1U);
  for (const char* wrong : {"UPDATE meta SET locks = 7", "UPDATE meta SET locks = 0"}) {
    damage(wrong);
    EXPECT_EQ(names_->stats().locks, locks) << wrong;
    EXPECT_EQ(resolve("a/f").locks.size(), 1U) << wrong;
    EXPECT_TRUE(look().sound()) << wrong;
  }
  lock("b", "urn:2");
  EXPECT_EQ(names_->stats().locks, locks + 1);
  reopen();
  EXPECT_EQ(names_->stats().locks, locks + 1);
}

TEST_F(Check, RepairsWhatFollowsFromOtherRows) {
  const char* const damages[] = {
      "UPDATE meta SET resources = 99",
      "UPDATE meta SET bytes = 1",
      "UPDATE meta SET next_node = 2, next_content = 1",
      "UPDATE content SET refs = refs + 1",
      "UPDATE content SET refs = 0",
      "INSERT INTO content (id, refs, size, sha256) VALUES (1000, 1, 0, zeroblob(32));"
      "INSERT INTO inline_content VALUES (1000, x''); UPDATE meta SET next_content = 1001",
      "INSERT INTO inline_content VALUES (5000, x'00')",
      "INSERT INTO property VALUES (9999, 'urn:x', 'p', '<p/>')",
      "INSERT INTO property_set VALUES (9999, 1)",
      "INSERT INTO property_set VALUES (9999, 1); "
      "INSERT INTO property VALUES (9999, 'urn:x', 'p', '<p/>')",
      "UPDATE property_set SET refs = refs + 1",
      "DELETE FROM property_set",
      "UPDATE node SET property_bytes = property_bytes + 1",
      "UPDATE node SET properties = 9999 WHERE key = 'g'",
      "INSERT INTO lock VALUES (9, 'urn:9', 9999, 1, 0, 0, '', 0, 0, 0, 0)",
      "INSERT INTO lock SELECT id + 100, token, node, parent, 1, infinite, owner, "
      "granted, timeout_s, expires, creator FROM lock",
      "UPDATE lock SET parent = 0",
      "UPDATE lock SET parent = (SELECT id FROM node WHERE key = 'b')",
      "UPDATE node SET height = 0, reach = 0",
      "UPDATE node SET size = size + 1 WHERE size IS NOT NULL",
      "UPDATE account_usage SET resources = resources + 1",
      "UPDATE account_usage SET bytes = 0",
      "UPDATE account_usage SET bytes = 9223372036854775807",
      "DELETE FROM account_usage",
      "INSERT INTO account_usage VALUES (77, 1, 1, 0, 0)",
      "INSERT INTO account_grant VALUES (77, '/', 2, 1)",
      "INSERT INTO account_grant VALUES (1, '/gone', 2, 9999)",
      "INSERT INTO account_group (id, name, created) VALUES (40, 'team', 0)",
      "INSERT INTO group_member VALUES (77, 40)",
      "INSERT INTO group_member VALUES (1, 77)",
      "INSERT INTO group_member VALUES (1, 40); UPDATE group_usage SET bytes = 7",
      "UPDATE group_usage SET resources = resources + 1",
      "DELETE FROM group_usage",
      "INSERT INTO device_token VALUES ('x', 77, '', zeroblob(32), 0, '/', NULL, 0)",
      "INSERT INTO session VALUES ('x', 77, zeroblob(32), '', 0, 0)",
      "INSERT INTO share VALUES ('x', 77, '', zeroblob(32), '', '/', 1, NULL, 0, NULL, 0)",
      "UPDATE meta SET next_account = 1",
      "UPDATE node SET owner = 50 WHERE key = 'b'",
      "UPDATE node SET owner = 1 WHERE key = 'b'",
      "INSERT INTO garbage (blob) SELECT blob FROM content WHERE blob IS NOT NULL",
  };
  plant_tree();
  for (const char* sql : damages) {
    SCOPED_TRACE(sql);
    damage(sql);
    EXPECT_FALSE(look().sound());
    EXPECT_GT(look(false, true).repaired, 0U);
    const CheckReport after = look(true);
    EXPECT_TRUE(after.sound()) << after.problems.front();
    EXPECT_EQ(read("a/f"), "text");
    EXPECT_EQ(resolve("a/f").locks.size(), 1U);
    EXPECT_EQ(read("b/g"), std::string(100'000, 'g'));
    EXPECT_EQ(names_->accounts()->accounts.size(), 2U);
    EXPECT_EQ(names_->accounts()->tokens.size(), 1U);
    EXPECT_GE(names_->snapshot()->usage_of(ann_).bytes, 100'004U);
    put("new", "x");  // counters in memory follow the repair
    remove("new");
    EXPECT_TRUE(look().sound());
  }
}

TEST_F(Check, RepairsTheTrashAndVersions) {
  plant_tree();
  names_->keep({.trash = true, .versions = true});
  put("v", "old");
  names_->write(Flush::required,
                [&](Transaction& tx) { tx.set_owner(tx.resolve(path("v")).resource->id, ann_); });
  clock_.advance(60'000);
  put("v", "newer");
  copy("a", "t");
  remove("t");
  put("u", "x");
  names_->write(Flush::required, [&](Transaction& tx) {
    tx.set_owner(tx.resolve(path("u")).resource->id, ann_);
    tx.remove_tree(*tx.resolve(path("u")).resource);
  });
  const auto trashed = [this] {
    std::vector<std::string> names;
    names_->snapshot()->trash(0, [&](const TrashEntry& entry) {
      names.push_back(entry.root.name);
      return true;
    });
    return names;
  };
  EXPECT_TRUE(look(true).sound());
  EXPECT_THAT(trashed(), ElementsAre("t", "u"));
  const char* const damages[] = {
      "UPDATE trash SET bytes = 77, resources = 1 WHERE bytes IS NOT NULL",
      "DELETE FROM trash WHERE id = (SELECT min(id) FROM trash)",
      "UPDATE trash SET node = 9999 WHERE id = (SELECT min(id) FROM trash)",
      "UPDATE trash SET id = id + 1000000 WHERE id = (SELECT max(id) FROM trash); "
      "UPDATE meta SET next_node = 2000000",
      "INSERT INTO trash (id, node, parent, path, removed, remover, owner) "
      "VALUES (1, 9999, 1, '/x', 0, 0, 0)",
      "INSERT INTO trash (id, node, parent, path, removed, remover, owner) "
      "SELECT 1, id, 1, '/x', 0, 0, 0 FROM node WHERE key = 'a'",
      "UPDATE account_usage SET trash_bytes = trash_bytes + 1",
      "UPDATE account_usage SET version_bytes = 9223372036854775807",
      "UPDATE version SET size = size + 1",
      "INSERT INTO version SELECT id + 1000000, 9999, content, size, stored, created, modified, "
      "date_mark, author, owner, replaced, 0 FROM version; UPDATE meta SET next_node = 2000000",
      "UPDATE content SET refs = refs - 1 WHERE id = (SELECT content FROM version)",
      "UPDATE meta SET next_node = (SELECT max(id) FROM version)",
      "UPDATE node SET line = 3000000 WHERE key = 'v'; UPDATE version SET line = 3000000",
      "UPDATE node SET author = 60 WHERE key = 'v'",
      "UPDATE version SET author = 61",
      "INSERT INTO place (parent, id, key, node, since, line) VALUES (1, 1500000, 'v', 9999, 1, "
      "0); "
      "UPDATE meta SET next_node = 2000000",
      "INSERT INTO place (parent, id, key, node, since, line) VALUES (1, 20, 'w', 9999, 10, 0), "
      "(1, 30, 'w', 9998, 15, 0)",
      "INSERT INTO instant (second, node, content, fine) VALUES (9000000000, 1, 1, 0)",
      "UPDATE meta SET whole_since = next_node + 1",
  };
  for (const char* sql : damages) {
    SCOPED_TRACE(sql);
    damage(sql);
    EXPECT_FALSE(look().sound());
    EXPECT_GT(look(false, true).repaired, 0U);
    const CheckReport after = look(true);
    EXPECT_TRUE(after.sound()) << after.problems.front();
    EXPECT_THAT(trashed(), UnorderedElementsAre("t", "u"));
    const auto versions = names_->snapshot()->versions(*resolve("v").resource);
    ASSERT_EQ(versions.size(), 1U);
    EXPECT_EQ(names_->snapshot()->content(versions[0].file).bytes, "old");
    EXPECT_EQ(names_->snapshot()->kept_of(ann_).version_bytes, 3U);
    put("new", "x");  // counters in memory follow the repair
    remove("new");
    EXPECT_TRUE(look().sound());
  }
}

// Content that only the trash or a version has is found when it is damaged, and said to be there.
TEST_F(Check, FindsDamagedContentOfThePast) {
  open();
  names_->keep({.trash = true, .versions = true});
  put_file("f", 100'000, 'a');
  const std::string old = file_of("f");
  clock_.advance(60'000);
  put_file("f", 100'000, 'b');
  std::filesystem::remove(old);
  const CheckReport report = look();
  ASSERT_EQ(report.problems.size(), 1U);
  EXPECT_THAT(report.problems[0], EndsWith("is missing: only the trash or versions have it."));
}

TEST_F(Check, LeavesAloneWhatWouldBeAGuess) {
  plant_tree();
  damage("UPDATE node SET parent = 9999 WHERE id = (SELECT id FROM node WHERE key = 'b')");
  const CheckReport report = look(false, true);
  EXPECT_THAT(report.problems, Contains(HasSubstr("lie in no collection")));
  EXPECT_FALSE(look().sound());
  damage("UPDATE node SET parent = 1 WHERE parent = 9999");
  EXPECT_TRUE(look().sound());
  EXPECT_EQ(read("b/f"), "text");
}

}  // namespace
}  // namespace holdfast::storage
