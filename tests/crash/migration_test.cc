// SIGKILL at every call of a start that migrates a store of the first schema (docs/robustness.md
// K7): the next start finds one whole schema, old or newer, and completes it; nothing is lost, and
// a copy of what was there is kept.
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <iostream>
#include <string>
#include <vector>

#include "storage/sqlite/file/migrate.h"
#include "storage/sqlite/file/schema.h"
#include "tests/crash/acts.h"
#include "tests/crash/world.h"
#include "tests/support/first_schema.h"
#include "tests/support/memory_store.h"

namespace holdfast::test {
namespace {

namespace fs = std::filesystem;
using storage::sqlite::Connection;

std::int64_t ask(const fs::path& database, const char* sql) {
  return Connection(database.string(), Connection::Mode::write).integer(sql);
}

class KilledMigration : public testing::Test {
 protected:
  void SetUp() override {
    world_.start();
    WriteLedger& ledger = *world_.ledger;
    for (const char* name : {"MoveOver", "CopyTree", "Unlock"}) {
      clear(ledger);
      act(name).prepare(ledger);
      ASSERT_GE(act(name).run(ledger), 200) << name;
    }
    clear(ledger);
    for (const char* name : {"CopyOver", "CopyTree"}) {
      act(name).prepare(ledger);
      ASSERT_GE(act(name).run(ledger), 200) << name;
    }
    for (const char* name : {"b", "tree/small", "locked-empty"})
      ASSERT_GE(ledger.lock(name), 200) << name;
    ASSERT_EQ(world_.server.stop(), 0);
    make_first_schema(database_);
    nodes_ = ask(database_, "SELECT count(*) FROM node");
    ASSERT_EQ(ask(database_, "SELECT count(*) FROM lock"), 3);

    // What the schema is after each step.
    const fs::path steps = world_.folder / "steps.db";
    fs::copy_file(database_, steps);
    schemas_ = {"", schema_of(steps)};
    for (const auto& step : storage::sqlite::migrations()) {
      {
        Connection writer(steps.string(), Connection::Mode::write);
        storage::sqlite::configure(writer, Connection::Mode::write, 1 << 20);
        MemoryContentStore content;
        storage::sqlite::migrate(writer, steps.string(), {&step, 1}, content);
      }
      schemas_.push_back(schema_of(steps));
    }
    ASSERT_GT(schemas_.size(), 2U);
    for (const char* rest : {"-wal", "-shm"}) fs::remove(database_.string() + rest);
    copy_folder(world_.server.data(), kept_);
  }

  // One schema, whole, and every row of the store; the version.
  std::int64_t expect_one_schema(const fs::path& data, const std::string& name = "meta.db") {
    // A look must not do the work of the next start.
    const fs::path look = world_.folder / "look";
    fs::remove_all(look);
    fs::create_directory(look);
    for (const auto& entry : fs::directory_iterator(data))
      if (entry.is_regular_file()) fs::copy_file(entry.path(), look / entry.path().filename());
    const std::int64_t version = ask(look / name, "PRAGMA user_version");
    EXPECT_GE(version, 1);
    EXPECT_LE(version, storage::sqlite::kSchemaVersion);
    if (version < 1 || version > storage::sqlite::kSchemaVersion) return 0;
    EXPECT_EQ(schema_of(look / name), schemas_[static_cast<std::size_t>(version)]) << version;
    EXPECT_EQ(ask(look / name,
                  "SELECT count(*) FROM pragma_integrity_check WHERE "
                  "integrity_check = 'ok'"),
              1);
    EXPECT_EQ(ask(look / name, "SELECT count(*) FROM node"), nodes_);
    EXPECT_EQ(ask(look / name, "SELECT count(*) FROM lock"), 3);
    return version;
  }

  // After a start that was killed, or failed: the store is whole, and the next start completes it.
  void expect_completed_by_the_next_start(bool check) {
    const fs::path data = world_.server.data();
    const fs::path copy = database_.string() + ".schema-1";
    if (expect_one_schema(data) > 1) {
      EXPECT_TRUE(fs::exists(copy)) << "no copy was kept";
    }
    world_.start_plainly();
    EXPECT_EQ(world_.ledger->verify(), "");
    if (check) {
      EXPECT_EQ(world_.check(), "");
    }
    world_.server.kill();
    EXPECT_EQ(expect_one_schema(data), storage::sqlite::kSchemaVersion);
    EXPECT_EQ(expect_one_schema(data, "meta.db.schema-1"), 1);
    for (const auto& entry : fs::directory_iterator(data))
      EXPECT_FALSE(entry.path().filename().string().ends_with(".new")) << entry.path();
  }

  // Without the trash and versions, which older schemas have no tables for.
  CrashWorld world_{"full", {"--trash-keep", "0", "--versions", "off"}};
  const fs::path database_ = world_.server.data() / "meta.db";
  const fs::path kept_ = world_.folder / "kept";
  std::vector<std::string> schemas_;  // by version
  std::int64_t nodes_ = 0;
};

TEST_F(KilledMigration, IsCompletedByTheNextStart) {
  int kills = 0;
  int old = 0;
  int newest = 0;
  const auto killed_by = [&](const Fault& fault) {
    copy_folder(kept_, world_.server.data());
    const bool ended = world_.starts_with_kill(fault);
    const std::string place = world_.faults.place();
    SCOPED_TRACE("killed at " + std::to_string(fault.at) + ", " + place);
    if (ended) {
      world_.server.kill();
    } else {
      ++kills;
    }
    const std::int64_t version = expect_one_schema(world_.server.data());
    ++(version == storage::sqlite::kSchemaVersion ? newest : old);
    expect_completed_by_the_next_start(long_version() || kills % 8 == 0);
    // What a start does when it has migrated, StartStop kills.
    return !ended && !HasFailure() && (long_version() || newest < 3);
  };
  for (std::uint64_t at = 1; killed_by({.at = at}); at += long_version() ? 1 : 3) {
  }
  ASSERT_FALSE(HasFailure());
  if (long_version()) {
    for (std::uint64_t at = 1;
         killed_by({.action = FaultAction::tear, .at = at, .kinds = bit(CallKind::write)}); ++at) {
    }
  }
  std::cout << "kills " << kills << ",\n";
  EXPECT_TRUE(old > 0 && newest > 0) << "no kill before, or none after the change";
}

}  // namespace
}  // namespace holdfast::test
