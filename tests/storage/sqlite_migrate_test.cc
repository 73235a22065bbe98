// Migrations: the steps there are, and steps made up here for schemas to come.
#include <array>
#include <gmock/gmock.h>
#include <sys/stat.h>

#include "storage/sqlite/file/migrate.h"
#include "storage/sqlite/file/schema.h"
#include "tests/storage/sqlite_store.h"
#include "tests/support/locks.h"
#include "tests/support/memory_store.h"

namespace holdfast::storage {
namespace {

using sqlite::Connection;
using sqlite::Migration;

constexpr std::int64_t kNow = sqlite::kSchemaVersion;
constexpr std::array kSteps = {
    Migration{kNow, "this step is history and must not run"},
    Migration{kNow + 1, "ALTER TABLE node ADD COLUMN color TEXT; UPDATE node SET color = 'green'"},
    Migration{kNow + 2, "CREATE TABLE more (x INTEGER) STRICT; INSERT INTO more VALUES (7)"},
};

class Migrating : public SqliteStore {
 protected:
  std::string path() { return data() + "/meta.db"; }
  std::string first_copy() { return path() + ".schema-" + std::to_string(kNow); }
  void make_store() {
    open();
    put("f", "content");
    close();
  }
  // Makes the store, which nobody has open, one of this older schema.
  void go_back_to(std::int64_t version);
  void migrate(std::span<const Migration> steps) {
    Connection connection(path(), Connection::Mode::write);
    sqlite::configure(connection, Connection::Mode::write, 1 << 20);
    test::MemoryContentStore content;
    sqlite::migrate(connection, path(), steps, content);
  }
  std::int64_t ask(const std::string& file, const char* sql) {
    return Connection(file, Connection::Mode::write).integer(sql);
  }
};

TEST_F(Migrating, RunsTheStepsThatAreMissingInOrder) {
  make_store();
  migrate(kSteps);
  EXPECT_EQ(ask(path(), "PRAGMA user_version"), kNow + 2);
  EXPECT_EQ(ask(path(), "SELECT COUNT(*) FROM node WHERE color = 'green'"), 2);
  EXPECT_EQ(ask(path(), "SELECT x FROM more"), 7);
}

TEST_F(Migrating, KeepsACompleteCopyOfWhatWasThereForItsOwnerOnly) {
  make_store();
  migrate(kSteps);
  const std::string copy = first_copy();
  struct stat file {};
  ASSERT_EQ(stat(copy.c_str(), &file), 0);
  EXPECT_EQ(file.st_mode & 0777U, 0600U);
  EXPECT_EQ(ask(copy, "PRAGMA user_version"), kNow);
  EXPECT_EQ(ask(copy, "PRAGMA application_id"), sqlite::kApplicationId);
  EXPECT_EQ(ask(copy, "SELECT COUNT(*) FROM node"), 2);
}

TEST_F(Migrating, AFailedStepLeavesWhatTheStepBeforeItMadeAndTheNextStartGoesOn) {
  make_store();
  std::array steps = kSteps;
  steps[2].sql = "CREATE TABLE more (x INTEGER) STRICT; INSERT INTO nowhere VALUES (7)";
  EXPECT_THROW(migrate(steps), Error);
  EXPECT_EQ(ask(path(), "PRAGMA user_version"), kNow + 1);
  EXPECT_EQ(ask(path(), "SELECT COUNT(*) FROM sqlite_schema WHERE name = 'more'"), 0);
  migrate(kSteps);
  EXPECT_EQ(ask(path(), "PRAGMA user_version"), kNow + 2);
  EXPECT_EQ(ask(first_copy(), "PRAGMA user_version"), kNow) << "the first copy is kept";
}

TEST_F(Migrating, LeavesACurrentDatabaseAlone) {
  make_store();
  migrate(sqlite::migrations());
  EXPECT_NE(access(first_copy().c_str(), F_OK), 0);
  open();
  EXPECT_EQ(read("f"), "content");
}

// What takes the schema of this program back to an older one, the latest step first.
constexpr std::array kBack = {
    Migration{14, "DROP TABLE session; DROP TABLE share"},
    Migration{13,
              "DROP TABLE change; DROP TABLE collection_tag; DROP TABLE change_gap; "
              "ALTER TABLE meta DROP COLUMN changes_since"},
    Migration{12,
              "DROP TABLE place; DROP TABLE instant; DROP TABLE snapshot; DROP INDEX version_node; "
              "ALTER TABLE version DROP COLUMN node; ALTER TABLE node DROP COLUMN since; "
              "ALTER TABLE meta DROP COLUMN whole_since"},
    Migration{11,
              "DROP TABLE trash; DROP TABLE version; DROP INDEX node_line; "
              "ALTER TABLE node DROP COLUMN line; ALTER TABLE node DROP COLUMN author; "
              "ALTER TABLE account_usage DROP COLUMN trash_bytes; "
              "ALTER TABLE account_usage DROP COLUMN version_bytes"},
    Migration{
        10,
        "DROP TRIGGER group_owns; DROP TRIGGER group_joined; DROP TRIGGER group_left; "
        "DROP TABLE account_group; DROP TABLE group_member; DROP TABLE group_usage; "
        "ALTER TABLE account DROP COLUMN suspended; ALTER TABLE account DROP COLUMN networks; "
        "ALTER TABLE account_grant DROP COLUMN node"},
    Migration{9,
              "CREATE TEMP TABLE kept AS SELECT n.id, p.xmlns, p.name, p.xml FROM node n "
              "JOIN property p ON p.property_set = n.properties; "
              "DROP TABLE property; DROP TABLE property_set; "
              "CREATE TABLE property (node INTEGER NOT NULL, xmlns TEXT NOT NULL, "
              "name TEXT NOT NULL, xml TEXT NOT NULL, PRIMARY KEY (node, xmlns, name)) "
              "STRICT, WITHOUT ROWID; "
              "INSERT INTO property SELECT * FROM kept; DROP TABLE kept; "
              "UPDATE meta SET bytes = bytes - (SELECT sum(property_bytes) FROM node); "
              "UPDATE account_usage SET bytes = bytes - coalesce("
              "(SELECT sum(property_bytes) FROM node WHERE owner = account), 0); "
              "UPDATE node SET properties = properties <> 0; "
              "ALTER TABLE node DROP COLUMN property_bytes"},
    Migration{8,
              "CREATE TEMP TABLE kept AS SELECT * FROM lock; DROP TABLE lock; "
              "CREATE TABLE lock (id INTEGER PRIMARY KEY, token TEXT NOT NULL, "
              "node INTEGER NOT NULL, parent INTEGER NOT NULL, shared INTEGER NOT NULL, "
              "infinite INTEGER NOT NULL, owner TEXT NOT NULL, principal TEXT NOT NULL, "
              "granted INTEGER NOT NULL, timeout_s INTEGER NOT NULL, "
              "expires INTEGER NOT NULL) STRICT; "
              "CREATE INDEX lock_node ON lock (parent, node, expires); "
              "CREATE INDEX lock_expires ON lock (expires); "
              "CREATE INDEX lock_principal ON lock (principal, expires) WHERE principal <> ''; "
              "INSERT INTO lock SELECT id, token, node, parent, shared, infinite, owner, "
              "coalesce((SELECT name FROM account WHERE account.id = creator), ''), granted, "
              "timeout_s, expires FROM kept; DROP TABLE kept"},
    // Schema 7 told by a date's milliseconds what it proves; those of the clock gave way to that.
    Migration{7,
              "UPDATE node SET modified = modified - (modified % 1000 + 1000) % 1000 + CASE "
              "WHEN content IS NOT NULL THEN CASE date_mark WHEN 3 THEN 999 WHEN 2 THEN 998 "
              "ELSE min((modified % 1000 + 1000) % 1000, 997) END "
              "ELSE CASE date_mark WHEN 1 THEN 0 WHEN 7 THEN 996 WHEN 4 THEN 997 WHEN 5 THEN 998 "
              "WHEN 6 THEN 999 ELSE max(1, min((modified % 1000 + 1000) % 1000, 995)) END END; "
              "ALTER TABLE node DROP COLUMN date_mark"},
    Migration{6,
              "CREATE TABLE unflushed (id INTEGER PRIMARY KEY, blob TEXT NOT NULL, "
              "node INTEGER NOT NULL, previous INTEGER, previous_stored INTEGER, "
              "previous_modified INTEGER) STRICT; "
              "CREATE INDEX unflushed_node ON unflushed (node); "
              "ALTER TABLE meta ADD COLUMN flushes INTEGER NOT NULL DEFAULT 0"},
    Migration{5,
              "CREATE TEMP TABLE kept AS SELECT * FROM lock; DROP TABLE lock; "
              "CREATE TABLE lock (token TEXT PRIMARY KEY, node INTEGER NOT NULL, "
              "shared INTEGER NOT NULL, infinite INTEGER NOT NULL, owner TEXT NOT NULL, "
              "principal TEXT NOT NULL, granted INTEGER NOT NULL, timeout_s INTEGER NOT NULL, "
              "expires INTEGER NOT NULL, parent INTEGER NOT NULL DEFAULT 0) STRICT, WITHOUT ROWID; "
              "CREATE INDEX lock_node ON lock (parent, node, expires); "
              "CREATE INDEX lock_expires ON lock (expires); "
              "CREATE INDEX lock_principal ON lock (principal, expires) WHERE principal <> ''; "
              "INSERT INTO lock SELECT token, node, shared, infinite, owner, principal, granted, "
              "timeout_s, expires, parent FROM kept; DROP TABLE kept"},
    Migration{4,
              "DROP INDEX lock_node; CREATE INDEX lock_node ON lock (node, expires); "
              "ALTER TABLE lock DROP COLUMN parent"},
    Migration{3, "DROP INDEX lock_principal"},
    Migration{2,
              "DROP TABLE account; DROP TABLE account_grant; DROP TABLE device_token; "
              "DROP TABLE account_usage; ALTER TABLE node DROP COLUMN owner; "
              "ALTER TABLE meta DROP COLUMN next_account"},
    Migration{1, "DROP INDEX lock_node; CREATE INDEX lock_node ON lock (node)"},
};

void Migrating::go_back_to(std::int64_t version) {
  Connection connection(path(), Connection::Mode::write);
  for (const Migration& step : kBack)
    if (step.version >= version) connection.execute(step.sql);
  connection.execute(("PRAGMA user_version = " + std::to_string(version)).c_str());
}

TEST_F(Migrating, EveryOlderSchemaBecomesWhatANewStoreHas) {
  // SQLite writes an added column into the statement as it likes.
  const char* schema =
      "SELECT group_concat(replace(replace(sql, ' ', ''), char(10), ''), ';') "
      "FROM (SELECT sql FROM sqlite_schema ORDER BY name)";
  make_store();
  const std::string fresh = Connection(path(), Connection::Mode::write).text(schema);
  for (std::int64_t wanted = kNow - 1; wanted > 0; --wanted) {
    const std::string copy = path() + ".schema-" + std::to_string(wanted);
    go_back_to(wanted);
    EXPECT_NE(Connection(path(), Connection::Mode::write).text(schema), fresh);
    open();
    EXPECT_EQ(read("f"), "content");
    EXPECT_EQ(resolve("f").resource->owner, kNobody);
    lock("f", "urn:test:" + std::to_string(wanted));
    EXPECT_FALSE(resolve("f").locks.empty());
    expect_sound();
    close();
    EXPECT_EQ(Connection(path(), Connection::Mode::write).text(schema), fresh);
    EXPECT_EQ(ask(path(), "PRAGMA user_version"), kNow);
    EXPECT_EQ(ask(copy, "PRAGMA user_version"), wanted);
  }
}

// Schema 5 wrote down where a locked resource lies; schema 6 put locks in the order they came in.
TEST_F(Migrating, LocksOfOlderSchemasStayOnTheirResources) {
  open();
  for (const char* made : {"c", "c/d", "e"}) mkcol(made);
  for (const char* made : {"f", "c/f", "c/d/f", "e/f"}) put(made, "x");
  for (const char* locked : {"", "f", "c", "c/d/f", "e/f"})
    lock(locked, "urn:" + std::string(locked));
  lock("c/f", "urn:gone", false, 1);
  const std::string all =
      "SELECT group_concat(token || node || shared || infinite || owner || granted || "
      "'+' || timeout_s || '=' || expires) FROM (SELECT * FROM lock ORDER BY token)";
  clock_.advance(1000);
  close();
  {
    Connection connection(path(), Connection::Mode::write);
    connection.execute("UPDATE lock SET owner = '<o/>' || token");
  }
  const auto roots = [&](std::string_view top) {
    std::vector<std::string> tokens;
    const auto snapshot = names_->snapshot();
    for (const Lock& lock :
         test::locks_within(*snapshot, *snapshot->resolve(SqliteStore::path(top)).resource)) {
      EXPECT_EQ(lock.root, SqliteStore::path(lock.token.substr(4)));
      tokens.push_back(lock.token);
    }
    return tokens;
  };
  using testing::UnorderedElementsAre;
  for (const std::int64_t version : {5, 4, 1}) {
    SCOPED_TRACE(version);
    const std::string before = Connection(path(), Connection::Mode::read).text(all.c_str());
    go_back_to(version);
    open();
    expect_sound();
    EXPECT_EQ(Connection(path(), Connection::Mode::read).text(all.c_str()), before);
    for (const char* locked : {"", "f", "c", "c/d/f", "e/f"})
      EXPECT_THAT(resolve(locked).locks, testing::SizeIs(1)) << locked;
    EXPECT_THAT(roots(""), UnorderedElementsAre("urn:", "urn:f", "urn:c", "urn:c/d/f", "urn:e/f"));
    EXPECT_THAT(roots("c"), UnorderedElementsAre("urn:c", "urn:c/d/f"));
    close();
  }
  open();
  move("c", "g");
  EXPECT_THAT(roots(""), UnorderedElementsAre("urn:", "urn:f", "urn:e/f"));
  EXPECT_EQ(names_->stats().locks, 3U) << "the one that ran out went as well";
  expect_sound();
}

// Until schema 8 a lock named its creator.
TEST_F(Migrating, LocksOfOlderSchemasStayTheirCreators) {
  open();
  AccountId ann = kNobody;
  AccountId bob = kNobody;
  names_->write(Flush::required, [&](Transaction& tx) {
    Account account;
    account.name = "ann";
    ann = tx.put_account(account);
    account.name = "bob";
    bob = tx.put_account(account);
    for (const AccountId creator : {bob, ann, kNobody}) {
      Lock lock;
      lock.token = "urn:" + std::to_string(creator);
      lock.root_id = sqlite::kRoot;
      lock.scope = LockScope::shared;
      lock.creator = creator;
      lock.timeout_s = 600;
      tx.add_lock(lock);
    }
  });
  close();
  for (const std::int64_t version : {8, 6, 3}) {
    SCOPED_TRACE(version);
    go_back_to(version);
    if (version == 8) {
      Connection(path(), Connection::Mode::write)
          .execute(
              "INSERT INTO lock SELECT 100, 'urn:of-a-name-without-account', node, parent, "
              "shared, infinite, owner, 'eve', granted, timeout_s, expires FROM lock "
              "WHERE principal = ''; UPDATE meta SET locks = locks + 1");
    }
    open();
    for (const AccountId creator : {ann, bob, kNobody}) {
      const auto lock = names_->snapshot()->find_lock("urn:" + std::to_string(creator));
      ASSERT_TRUE(lock) << creator;
      EXPECT_EQ(lock->creator, creator);
    }
    EXPECT_EQ(names_->snapshot()->locks_of(ann), 1U);
    EXPECT_EQ(names_->snapshot()->all_locks(100).size(), 3U);
    expect_sound();
    close();
  }
}

// Until schema 7 the milliseconds of a date told what it proves.
TEST_F(Migrating, DatesOfOlderSchemasProveWhatTheyProved) {
  open();
  struct Row {
    std::string path;
    Date date;
  };
  std::vector<Row> rows;
  for (const Millis at : {Millis{0}, Millis{1}, Millis{995}, Millis{1'700'000'000'996},
                          Millis{1'700'000'000'999}, Millis{-86'400'000}, Millis{-1}}) {
    for (const DateMark mark : {DateMark::none, DateMark::shared_with_empty, DateMark::shared})
      rows.push_back({"file" + std::to_string(rows.size()), {at, mark}});
    for (const DateMark mark : {DateMark::none, DateMark::set, DateMark::lost_sometime,
                                DateMark::lost_before, DateMark::lost_then, DateMark::hides_dates})
      rows.push_back({"collection" + std::to_string(rows.size()), {at, mark}});
  }
  for (const Row& row : rows)
    row.path.starts_with("file") ? (void)put(row.path, "x") : (void)mkcol(row.path);
  close();
  for (const std::int64_t version : {7, 6, 1}) {
    SCOPED_TRACE(version);
    {
      Connection connection(path(), Connection::Mode::write);
      sqlite::Statement set(connection,
                            "UPDATE node SET modified = ?2, date_mark = ?3 WHERE key = ?1");
      for (const Row& row : rows)
        sqlite::Run(set, row.path, row.date.at, static_cast<int>(row.date.mark)).done();
    }
    go_back_to(version);
    open();
    for (const Row& row : rows) {
      const Date found = resolve(row.path).resource->modified;
      EXPECT_EQ(static_cast<int>(found.mark), static_cast<int>(row.date.mark))
          << row.path << " " << row.date.at;
      const auto second = [](Millis at) { return at >= 0 ? at / 1000 : (at - 999) / 1000; };
      EXPECT_EQ(second(found.at), second(row.date.at)) << row.path;
    }
    expect_sound();
    close();
  }
}

// Until schema 9 each resource had properties of its own, which counted for nobody.
TEST_F(Migrating, PropertiesOfOlderSchemasStayAndCount) {
  open();
  AccountId ann = kNobody;
  const auto set = [&](std::string_view at, const char* name, std::optional<std::string> xml) {
    names_->write(Flush::required, [&](Transaction& tx) {
      const PropertyChange change{{"urn:x", name}, std::move(xml)};
      tx.patch_properties(tx.resolve(SqliteStore::path(at)).resource->id, std::span(&change, 1));
    });
  };
  const auto properties = [&](std::string_view at) {
    const auto snapshot = names_->snapshot();
    return snapshot->properties(*snapshot->resolve(SqliteStore::path(at)).resource);
  };
  mkcol("a");
  put("a/f", "text");
  set("a", "p", "<p>a</p>");
  set("a/f", "p", "<p>\xC3\xA4</p>");
  set("a/f", "q", "<q/>");
  names_->write(Flush::required, [&](Transaction& tx) {
    Account account;
    account.name = "ann";
    ann = tx.put_account(account);
    tx.copy_tree(*tx.resolve(SqliteStore::path("a")).resource, true, *tx.resolve({}).resource, "b",
                 ann);
  });
  const Usage all = names_->snapshot()->usage();
  const Usage of_ann = names_->snapshot()->usage_of(ann);
  EXPECT_EQ(all.bytes, 2U * (4 + 14 + 15 + 10));
  EXPECT_EQ(of_ann.bytes, all.bytes / 2);
  close();
  go_back_to(9);
  EXPECT_EQ(ask(path(), "SELECT bytes FROM meta"), 8);
  EXPECT_EQ(ask(path(), "SELECT bytes FROM account_usage"), 4);
  open();
  expect_sound();
  EXPECT_EQ(names_->snapshot()->usage().bytes, all.bytes);
  EXPECT_EQ(names_->snapshot()->usage_of(ann).bytes, of_ann.bytes);
  for (const char* tree : {"a", "b"}) {
    EXPECT_EQ(properties(tree).size(), 1U);
    EXPECT_EQ(properties(std::string(tree) + "/f").size(), 2U);
  }
  set("a/f", "p", std::nullopt);
  put("new", "x");
  set("new", "p", "<p>new</p>");
  EXPECT_EQ(properties("b/f").front().xml, "<p>\xC3\xA4</p>");
  EXPECT_EQ(properties("new").front().xml, "<p>new</p>") << "its set is that of no older resource";
  expect_sound();
}

// Until schema 10 a grant stayed at its path.
TEST_F(Migrating, GrantsOfOlderSchemasBelongToWhatIsThere) {
  open();
  mkcol("a");
  put("a/\xC3\xA9", "x");
  names_->write(Flush::required, [](Transaction& tx) {
    Account account;
    account.name = "ann";
    account.grants = {{Path(), Right::read},
                      {SqliteStore::path("a"), Right::none},
                      {SqliteStore::path("a/\xC3\xA9"), Right::write},
                      {SqliteStore::path("a/no"), Right::write},
                      {SqliteStore::path("no/a"), Right::write}};
    tx.put_account(account);
  });
  const Account before = *names_->accounts()->find("ann");
  close();
  go_back_to(10);
  open();
  const Account after = *names_->accounts()->find("ann");
  EXPECT_EQ(after, before);
  for (std::size_t i = 0; i < after.grants.size(); ++i)
    EXPECT_EQ(after.grants[i].node, before.grants[i].node) << i;
  EXPECT_NE(after.grants[0].node, 0);
  expect_sound();
}

// Until schema 11 nothing was kept of the past.
TEST_F(Migrating, FilesOfOlderSchemasGetTrashAndVersions) {
  make_store();
  go_back_to(11);
  open();
  names_->keep({.trash = true, .versions = true});
  clock_.advance(60'000);
  put("f", "newer");
  EXPECT_EQ(names_->snapshot()->versions(*resolve("f").resource).size(), 1U);
  remove("f");
  std::int64_t id = 0;
  names_->snapshot()->trash(0, [&](const TrashEntry& entry) {
    id = entry.id;
    return true;
  });
  names_->write(Flush::required, [&](Transaction& tx) {
    (void)tx.restore_trash(id, *tx.resolve({}).resource, "f");
  });
  EXPECT_EQ(read("f"), "newer");
  expect_sound();
}

// Until schema 12 nobody wrote down where what had been.
TEST_F(Migrating, ThePastOfOlderSchemasBeginsWithTheMigration) {
  make_store();
  open();
  names_->keep({.trash = true, .versions = true});
  put("gone", "before");
  remove("gone");
  close();
  clock_.advance(3600'000);
  go_back_to(12);
  open();
  names_->keep({.trash = true, .versions = true});
  const std::int64_t since = names_->snapshot()->horizon().whole.node;
  EXPECT_EQ(names_->snapshot()->present_instant().node, since);
  EXPECT_EQ(names_->snapshot()->instant_at(clock_.wall() - 3600'000), std::nullopt);
  put("g", "came");
  const Millis then = clock_.wall();
  clock_.advance(1000);
  remove("f");
  const auto now = names_->snapshot();
  const Instant instant = now->instant_at(then).value();
  EXPECT_GE(instant.node, since);
  EXPECT_TRUE(now->resolve_at(instant, SqliteStore::path("f")));
  EXPECT_FALSE(now->resolve_at(instant, SqliteStore::path("gone")));
  expect_sound();
}

// Until schema 13 nobody numbered changes.
TEST_F(Migrating, ChangesAreKnownSinceTheMigration) {
  make_store();
  open();
  const std::int64_t before = names_->snapshot()->next_change();
  put("g", "text");
  close();
  go_back_to(13);
  open();
  const std::int64_t since = names_->snapshot()->next_change();
  EXPECT_FALSE(names_->snapshot()->knows_changes_since(before));
  EXPECT_TRUE(names_->snapshot()->knows_changes_since(since));
  put("f", "newer");
  std::vector<NodeId> changed;
  const auto now = names_->snapshot();
  now->changes(since, [&](const Change& change) {
    changed.push_back(change.node);
    return true;
  });
  EXPECT_EQ(changed, std::vector{resolve("f").resource->id});
  EXPECT_EQ(now->last_change(*now->resolve({}).resource), now->next_change() - 1);
  expect_sound();
}

// Which only damage leaves: it does not keep a store from being opened, and a repair removes it.
TEST_F(Migrating, ALockOnNothingIsMigratedToo) {
  make_store();
  open();
  lock("f", "urn:f");
  lock("f", "urn:nothing");
  close();
  go_back_to(4);
  (void)ask(path(), "UPDATE lock SET node = 9999 WHERE token = 'urn:nothing' RETURNING 1");
  open();
  EXPECT_EQ(resolve("f").locks.size(), 1U);
  EXPECT_EQ(names_->snapshot()->all_locks(10).size(), 1U);
  EXPECT_EQ(names_->stats().locks, 2U);
  EXPECT_THAT(names_->check(true).problems,
              testing::ElementsAre("1 lock(s) belong to no resource."));
  lock("f", "urn:more");
  EXPECT_EQ(names_->stats().locks, 2U) << "counted anew";
  expect_sound();
}

TEST_F(Migrating, TheStepsLeadToTheSchemaOfThisProgram) {
  std::int64_t version = 1;
  for (const Migration& step : sqlite::migrations()) EXPECT_EQ(step.version, ++version);
  EXPECT_EQ(version, sqlite::kSchemaVersion);
}

}  // namespace
}  // namespace holdfast::storage
