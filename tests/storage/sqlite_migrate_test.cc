// Migrations: the steps there are, and steps made up here for schemas to come.
#include <array>
#include <gmock/gmock.h>
#include <sys/stat.h>

#include "storage/sqlite/migrate.h"
#include "storage/sqlite/schema.h"
#include "tests/storage/sqlite_store.h"

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
  void migrate(std::span<const Migration> steps) {
    Connection connection(path(), Connection::Mode::write);
    sqlite::configure(connection, Connection::Mode::write, 1 << 20);
    sqlite::migrate(connection, path(), steps);
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
    Migration{3, "DROP INDEX lock_principal"},
    Migration{2,
              "DROP TABLE account; DROP TABLE account_grant; DROP TABLE device_token; "
              "DROP TABLE account_usage; ALTER TABLE node DROP COLUMN owner; "
              "ALTER TABLE meta DROP COLUMN next_account"},
    Migration{1, "DROP INDEX lock_node; CREATE INDEX lock_node ON lock (node)"},
};

TEST_F(Migrating, EveryOlderSchemaBecomesWhatANewStoreHas) {
  // SQLite writes an added column into the statement as it likes.
  const char* schema =
      "SELECT group_concat(replace(replace(sql, ' ', ''), char(10), ''), ';') "
      "FROM (SELECT sql FROM sqlite_schema ORDER BY name)";
  make_store();
  const std::string fresh = Connection(path(), Connection::Mode::write).text(schema);
  for (std::int64_t wanted = kNow - 1; wanted > 0; --wanted) {
    const std::string copy = path() + ".schema-" + std::to_string(wanted);
    {
      Connection connection(path(), Connection::Mode::write);
      for (const Migration& step : kBack)
        if (step.version >= wanted) connection.execute(step.sql);
      connection.execute(("PRAGMA user_version = " + std::to_string(wanted)).c_str());
      EXPECT_NE(connection.text(schema), fresh);
    }
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

TEST_F(Migrating, TheStepsLeadToTheSchemaOfThisProgram) {
  std::int64_t version = 1;
  for (const Migration& step : sqlite::migrations()) EXPECT_EQ(step.version, ++version);
  EXPECT_EQ(version, sqlite::kSchemaVersion);
}

}  // namespace
}  // namespace holdfast::storage
