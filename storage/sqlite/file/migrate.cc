#include "storage/sqlite/file/migrate.h"

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <unistd.h>

#include "storage/open.h"
#include "storage/sqlite/file/copy.h"
#include "storage/sqlite/file/schema.h"
#include "storage/sqlite/write/recovery.h"

namespace holdfast::storage::sqlite {
namespace {

// Makes the copy complete under its final name, or not at all.
void keep_copy(Connection& writer, const std::string& path, const std::string& copy) {
  if (std::filesystem::exists(copy)) return;
  const std::string building = copy + ".new";
  ::unlink(building.c_str());
  create_file(building);
  copy_database(writer, building);
  flush(building, O_RDONLY);
  if (std::rename(building.c_str(), copy.c_str()) != 0)
    throw OpenError("Cannot create " + copy + ": " + std::strerror(errno) + ".");
  flush(std::filesystem::path(path).parent_path().string(), O_RDONLY | O_DIRECTORY);
}

// Binds every grant to the resource at its path. Paths are written with "/" before each segment.
// What is not found, as after a name that has another normal form, waits at its path.
constexpr const char* kBindGrants =
    "UPDATE account_grant SET node = 1 WHERE path = '/'; "
    "WITH RECURSIVE way(account, path, rest, node) AS ("
    " SELECT account, path, substr(path, 2) || '/', 1 FROM account_grant WHERE path <> '/'"
    " UNION ALL"
    " SELECT w.account, w.path, substr(w.rest, instr(w.rest, '/') + 1), n.id FROM way w"
    " CROSS JOIN node n ON n.parent = w.node AND n.key = substr(w.rest, 1, instr(w.rest, '/') - 1)"
    " WHERE w.rest <> '') "
    "UPDATE account_grant SET node = w.node FROM way w "
    "WHERE w.rest = '' AND w.account = account_grant.account AND w.path = account_grant.path";

}  // namespace

std::span<const Migration> migrations() {
  static const std::array kSteps = {
      // Expired locks are kept for a while, and the search for live ones must not visit them.
      Migration{2, "DROP INDEX lock_node; CREATE INDEX lock_node ON lock (node, expires)"},
      // Adds accounts. Both columns are added without a change to any row.
      Migration{3,
                "ALTER TABLE meta ADD COLUMN next_account INTEGER NOT NULL DEFAULT 1; "
                "ALTER TABLE node ADD COLUMN owner INTEGER NOT NULL DEFAULT 0",
                kAccountTables},
      // Each LOCK of an account counts the locks that the account holds.
      Migration{4,
                "CREATE INDEX lock_principal ON lock (principal, expires) WHERE principal <> ''"},
      // The column says which collections have members with locks. A lock on no resource, which
      // only damage leaves, stays one.
      Migration{5,
                "ALTER TABLE lock ADD COLUMN parent INTEGER NOT NULL DEFAULT 0; "
                "UPDATE lock SET parent = "
                "coalesce((SELECT n.parent FROM node n WHERE n.id = lock.node), 0)",
                "DROP INDEX lock_node; CREATE INDEX lock_node ON lock (parent, node, expires)"},
      // New locks lie together, not in the order of their tokens.
      Migration{6,
                "DROP INDEX lock_node; DROP INDEX lock_expires; DROP INDEX lock_principal; "
                "ALTER TABLE lock RENAME TO lock_by_token",
                "CREATE TABLE lock (id INTEGER PRIMARY KEY, token TEXT NOT NULL, "
                "node INTEGER NOT NULL, parent INTEGER NOT NULL, shared INTEGER NOT NULL, "
                "infinite INTEGER NOT NULL, owner TEXT NOT NULL, principal TEXT NOT NULL, "
                "granted INTEGER NOT NULL, timeout_s INTEGER NOT NULL, "
                "expires INTEGER NOT NULL) STRICT; "
                "CREATE INDEX lock_node ON lock (parent, node, expires); "
                "CREATE INDEX lock_expires ON lock (expires); "
                "CREATE INDEX lock_principal ON lock (principal, expires) WHERE principal <> ''",
                "INSERT INTO lock (token, node, parent, shared, infinite, owner, principal, "
                "granted, timeout_s, expires) "
                "SELECT token, node, parent, shared, infinite, owner, principal, "
                "granted, timeout_s, expires FROM lock_by_token ORDER BY expires; "
                "DROP TABLE lock_by_token"},
      // Relaxed durability now returns to a barrier, and needs no older contents.
      Migration{.version = 7,
                .sql = "DROP TABLE unflushed; ALTER TABLE meta DROP COLUMN flushes",
                .first = drop_unflushed},
      // Until then the milliseconds of a date said what it proves: 998 and 999 of a file, 996 to
      // 999 of a collection, and 0 of a collection whose date a client had set.
      Migration{8, "ALTER TABLE node ADD COLUMN date_mark INTEGER NOT NULL DEFAULT 0",
                "UPDATE node SET date_mark = CASE (modified % 1000 + 1000) % 1000 "
                "WHEN 999 THEN 3 ELSE 2 END "
                "WHERE content IS NOT NULL AND (modified % 1000 + 1000) % 1000 IN (998, 999)",
                "UPDATE node SET date_mark = CASE (modified % 1000 + 1000) % 1000 "
                "WHEN 0 THEN 1 WHEN 996 THEN 7 WHEN 997 THEN 4 WHEN 998 THEN 5 ELSE 6 END "
                "WHERE content IS NULL "
                "AND (modified % 1000 + 1000) % 1000 IN (0, 996, 997, 998, 999)"},
      // Until then a lock had its creator's name. The removal of an account removes its locks, so
      // that only damage leaves a name without an account. Such a lock is removed, because nobody
      // could unlock it.
      Migration{9,
                "ALTER TABLE lock ADD COLUMN creator INTEGER NOT NULL DEFAULT 0; "
                "DELETE FROM lock WHERE principal <> '' "
                "AND principal NOT IN (SELECT name FROM account); "
                "UPDATE meta SET locks = (SELECT count(*) FROM lock); "
                "UPDATE lock SET creator = (SELECT id FROM account WHERE name = principal) "
                "WHERE principal <> ''",
                "DROP INDEX lock_principal; ALTER TABLE lock DROP COLUMN principal; "
                "CREATE INDEX lock_creator ON lock (creator, expires) WHERE creator <> 0"},
      // Copies share their properties as they share content, and properties count for quotas.
      // Until then `properties` only said whether there are any.
      Migration{10,
                "CREATE TABLE property_set (id INTEGER PRIMARY KEY, "
                "refs INTEGER NOT NULL CHECK (refs >= 0)) STRICT; "
                "INSERT INTO property_set (id, refs) SELECT DISTINCT p.node, 1 FROM property p "
                "JOIN node n ON n.id = p.node; "
                "ALTER TABLE property RENAME COLUMN node TO property_set; "
                "ALTER TABLE node ADD COLUMN property_bytes INTEGER NOT NULL DEFAULT 0",
                "UPDATE node SET properties = 0 WHERE properties <> 0; "
                "UPDATE node SET properties = s.id, property_bytes = s.bytes FROM "
                "(SELECT property_set AS id, " HOLDFAST_PROPERTY_BYTES
                " AS bytes FROM property GROUP BY property_set) AS s WHERE node.id = s.id",
                "UPDATE meta SET bytes = bytes + "
                "(SELECT coalesce(sum(property_bytes), 0) FROM node); "
                "UPDATE account_usage SET bytes = account_usage.bytes + k.bytes FROM "
                "(SELECT owner, sum(property_bytes) AS bytes FROM node "
                "WHERE owner <> 0 GROUP BY owner) AS k WHERE account = k.owner"},
      // Adds groups. Until then a grant stayed at its path; now it belongs to what is there.
      Migration{11, kGroupTables, kBindGrants},
      // Adds the trash and versions. No row is changed.
      Migration{12, kHistoryTables},
      // Adds the tree as it was, from now on: where a resource was before is not known.
      Migration{13, kPlaceTables, "UPDATE meta SET whole_since = next_node"},
      // Adds the numbers of changes, from now on.
      Migration{14, kChangeTables, "UPDATE meta SET changes_since = next_node"},
      // Adds sessions of browsers, and links that are shared. No row is changed.
      Migration{15, kSessionTables},
  };
  return kSteps;
}

void migrate(Connection& writer, const std::string& path, std::span<const Migration> steps,
             ContentStore& content) {
  const std::int64_t before = writer.integer("PRAGMA user_version");
  for (const Migration& step : steps) {
    if (step.version <= before) continue;
    keep_copy(writer, path, path + ".schema-" + std::to_string(before));
    writer.execute("BEGIN IMMEDIATE");
    try {
      if (step.first != nullptr) step.first(writer, content);
      writer.execute(step.sql);
      writer.execute(step.more_sql);
      writer.execute(step.last_sql);
      writer.execute(("PRAGMA user_version = " + std::to_string(step.version)).c_str());
      writer.execute("COMMIT");
    } catch (...) {
      if (writer.in_transaction()) writer.execute("ROLLBACK");
      throw;
    }
  }
}

}  // namespace holdfast::storage::sqlite
