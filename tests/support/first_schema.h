// A database of the first schema, as the first version made it, for tests that open, migrate or
// restore older stores. It never changes, whatever schemas follow.
#pragma once

#include <filesystem>
#include <sqlite3.h>
#include <string>

#include "storage/sqlite/file/sqlite.h"

namespace holdfast::test {

inline constexpr const char* kFirstSchema = R"sql(
CREATE TABLE meta (
  one INTEGER PRIMARY KEY CHECK (one = 1),
  epoch TEXT NOT NULL CHECK (length(epoch) = 6),
  next_node INTEGER NOT NULL,
  next_content INTEGER NOT NULL,
  resources INTEGER NOT NULL,
  bytes INTEGER NOT NULL,
  locks INTEGER NOT NULL,
  clean INTEGER NOT NULL,
  flushes INTEGER NOT NULL
) STRICT;

CREATE TABLE node (
  parent INTEGER NOT NULL,
  key TEXT NOT NULL,
  id INTEGER NOT NULL,
  name TEXT,
  content INTEGER,
  size INTEGER,
  stored INTEGER,
  created INTEGER NOT NULL,
  modified INTEGER NOT NULL,
  properties INTEGER NOT NULL DEFAULT 0,
  height INTEGER NOT NULL DEFAULT 0,
  reach INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (parent, key),
  CHECK (parent <> id),
  CHECK ((content IS NULL) = (size IS NULL) AND (content IS NULL) = (stored IS NULL)),
  CHECK (instr(key, char(0)) = 0 AND (key <> '' OR id = 1))
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX node_id ON node (id);

CREATE TABLE content (
  id INTEGER PRIMARY KEY,
  refs INTEGER NOT NULL CHECK (refs >= 0),
  size INTEGER NOT NULL CHECK (size >= 0),
  sha256 BLOB NOT NULL CHECK (length(sha256) = 32),
  sha1 BLOB CHECK (length(sha1) = 20),
  md5 BLOB CHECK (length(md5) = 16),
  blob TEXT
) STRICT;
CREATE UNIQUE INDEX content_blob ON content (blob) WHERE blob IS NOT NULL;

CREATE TABLE inline_content (
  id INTEGER PRIMARY KEY,
  bytes BLOB NOT NULL
) STRICT;

CREATE TABLE property (
  node INTEGER NOT NULL,
  xmlns TEXT NOT NULL,
  name TEXT NOT NULL,
  xml TEXT NOT NULL,
  PRIMARY KEY (node, xmlns, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE lock (
  token TEXT PRIMARY KEY,
  node INTEGER NOT NULL,
  shared INTEGER NOT NULL,
  infinite INTEGER NOT NULL,
  owner TEXT NOT NULL,
  principal TEXT NOT NULL,
  granted INTEGER NOT NULL,
  timeout_s INTEGER NOT NULL,
  expires INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX lock_node ON lock (node);
CREATE INDEX lock_expires ON lock (expires);

CREATE TABLE garbage (
  id INTEGER PRIMARY KEY,
  blob TEXT NOT NULL UNIQUE
) STRICT;

CREATE TABLE unflushed (
  id INTEGER PRIMARY KEY,
  blob TEXT NOT NULL,
  node INTEGER NOT NULL,
  previous INTEGER,
  previous_stored INTEGER,
  previous_modified INTEGER
) STRICT;
CREATE INDEX unflushed_node ON unflushed (node);
)sql";

// Converts the database at `path`, which must not be open, to the first schema with the same rows.
// Columns and tables that the first schema did not have are lost.
inline void make_first_schema(const std::filesystem::path& path) {
  using storage::sqlite::Connection;
  const std::string old = path.string() + ".old";
  {
    Connection made(old, Connection::Mode::create);
    for (const char* setting :
         {"page_size = 8192", "auto_vacuum = INCREMENTAL", "application_id = 0x486f6c64"})
      made.execute((std::string("PRAGMA ") + setting).c_str());
    made.execute(kFirstSchema);
    sqlite3_limit(made.handle(), SQLITE_LIMIT_ATTACHED, 1);
    made.execute(("ATTACH '" + path.string() + "' AS newer").c_str());
    for (const char* table :
         {"meta", "node", "content", "inline_content", "property", "lock", "garbage"}) {
      // Two columns of the first schema no longer exist.
      const std::string columns =
          made.text((std::string("SELECT group_concat(name) FROM pragma_table_info('") + table +
                     "', 'main') WHERE name NOT IN ('flushes', 'principal')")
                        .c_str());
      std::string gone;
      std::string value;
      if (std::string_view(table) == "property") {
        // It named the resource itself; copies had properties of their own.
        made.execute(
            "INSERT INTO main.property (node, xmlns, name, xml) SELECT n.id, p.xmlns, p.name, "
            "p.xml FROM newer.node n JOIN newer.property p ON p.property_set = n.properties");
        continue;
      }
      if (std::string_view(table) == "meta") {
        gone = ", flushes";
        value = ", 0";
      } else if (std::string_view(table) == "lock") {
        gone = ", principal";
        value = ", ''";
      }
      made.execute((std::string("INSERT INTO main.") + table + " (" + columns + gone + ") SELECT " +
                    columns + value + " FROM newer." + table)
                       .c_str());
    }
    made.execute("UPDATE node SET properties = properties <> 0");
    made.execute("UPDATE meta SET bytes = (SELECT coalesce(sum(size), 0) FROM node)");
    made.execute("DETACH newer");
    made.execute("PRAGMA user_version = 1");
    made.execute("PRAGMA journal_mode = WAL");
  }
  for (const char* rest : {"-wal", "-shm", "-journal"}) {
    std::filesystem::remove(path.string() + rest);
    std::filesystem::remove(old + rest);
  }
  std::filesystem::rename(old, path);
}

// Returns SQLite's definitions of tables and indexes.
inline std::string schema_of(const std::filesystem::path& path) {
  using storage::sqlite::Connection;
  return Connection(path.string(), Connection::Mode::write)
      .text("SELECT group_concat(sql, ';') FROM (SELECT sql FROM sqlite_schema ORDER BY name)");
}

}  // namespace holdfast::test
