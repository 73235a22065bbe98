#include "storage/sqlite/file/schema.h"

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "storage/open.h"

namespace holdfast::storage::sqlite {

namespace {

constexpr const char* kTables = R"sql(
CREATE TABLE meta (
  one INTEGER PRIMARY KEY CHECK (one = 1),
  epoch TEXT NOT NULL CHECK (length(epoch) = 6),
  next_node INTEGER NOT NULL,
  next_content INTEGER NOT NULL,
  resources INTEGER NOT NULL,
  bytes INTEGER NOT NULL,
  locks INTEGER NOT NULL,
  clean INTEGER NOT NULL,
  next_account INTEGER NOT NULL DEFAULT 1
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
  owner INTEGER NOT NULL DEFAULT 0,
  date_mark INTEGER NOT NULL DEFAULT 0,
  property_bytes INTEGER NOT NULL DEFAULT 0,
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

CREATE TABLE property_set (
  id INTEGER PRIMARY KEY,
  refs INTEGER NOT NULL CHECK (refs >= 0)
) STRICT;

CREATE TABLE property (
  property_set INTEGER NOT NULL,
  xmlns TEXT NOT NULL,
  name TEXT NOT NULL,
  xml TEXT NOT NULL,
  PRIMARY KEY (property_set, xmlns, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE garbage (
  id INTEGER PRIMARY KEY,
  blob TEXT NOT NULL UNIQUE
) STRICT;
)sql";

void expect(Connection& connection, const char* pragma, const std::string& wanted) {
  const std::string got = connection.text((std::string("PRAGMA ") + pragma).c_str());
  if (got != wanted) {
    throw OpenError(std::string("The database does not take the setting ") + pragma + " = " +
                    wanted + " (it answers \"" + got + "\").");
  }
}

void set(Connection& connection, const char* pragma, const std::string& value) {
  connection.execute((std::string("PRAGMA ") + pragma + " = " + value).c_str());
}

}  // namespace

const char* const kAccountTables = R"sql(
CREATE TABLE account (
  id INTEGER PRIMARY KEY CHECK (id > 0),
  name TEXT NOT NULL UNIQUE,
  password_hash TEXT NOT NULL,
  digest_sha256 TEXT NOT NULL,
  digest_md5 TEXT NOT NULL,
  certificate TEXT NOT NULL,
  home TEXT NOT NULL,
  quota_bytes INTEGER,
  quota_resources INTEGER,
  created INTEGER NOT NULL
) STRICT;

CREATE TABLE account_grant (
  account INTEGER NOT NULL,
  path TEXT NOT NULL,
  access INTEGER NOT NULL CHECK (access IN (0, 1, 2)),
  PRIMARY KEY (account, path)
) STRICT, WITHOUT ROWID;

CREATE TABLE device_token (
  id TEXT PRIMARY KEY,
  account INTEGER NOT NULL,
  label TEXT NOT NULL,
  hash BLOB NOT NULL CHECK (length(hash) = 32),
  read_only INTEGER NOT NULL,
  path TEXT NOT NULL,
  expires INTEGER,
  created INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE account_usage (
  account INTEGER PRIMARY KEY,
  resources INTEGER NOT NULL,
  bytes INTEGER NOT NULL
) STRICT;
)sql";

const char* const kGroupTables = R"sql(
ALTER TABLE account ADD COLUMN suspended INTEGER NOT NULL DEFAULT 0;
ALTER TABLE account ADD COLUMN networks TEXT NOT NULL DEFAULT '';
ALTER TABLE account_grant ADD COLUMN node INTEGER NOT NULL DEFAULT 0;

CREATE TABLE account_group (
  id INTEGER PRIMARY KEY CHECK (id > 0),
  name TEXT NOT NULL UNIQUE,
  quota_bytes INTEGER,
  quota_resources INTEGER,
  created INTEGER NOT NULL
) STRICT;

CREATE TABLE group_member (
  account INTEGER NOT NULL,
  member_of INTEGER NOT NULL,
  PRIMARY KEY (account, member_of)
) STRICT, WITHOUT ROWID;
CREATE INDEX group_member_of ON group_member (member_of);

CREATE TABLE group_usage (
  member_of INTEGER PRIMARY KEY,
  resources INTEGER NOT NULL,
  bytes INTEGER NOT NULL
) STRICT;

CREATE TRIGGER group_owns AFTER UPDATE ON account_usage BEGIN
  UPDATE group_usage SET
    resources = min(max(resources, -1 << 53), 1 << 53) + min(max(new.resources, -1 << 53), 1 << 53)
      - min(max(old.resources, -1 << 53), 1 << 53),
    bytes = min(max(bytes, -1 << 53), 1 << 53) + min(max(new.bytes, -1 << 53), 1 << 53)
      - min(max(old.bytes, -1 << 53), 1 << 53)
  WHERE member_of IN (SELECT member_of FROM group_member WHERE account = new.account);
END;
CREATE TRIGGER group_joined AFTER INSERT ON group_member BEGIN
  UPDATE group_usage SET
    resources = min(max(group_usage.resources, -1 << 53), 1 << 53)
      + min(max(u.resources, -1 << 53), 1 << 53),
    bytes = min(max(group_usage.bytes, -1 << 53), 1 << 53) + min(max(u.bytes, -1 << 53), 1 << 53)
  FROM account_usage u WHERE u.account = new.account AND member_of = new.member_of;
END;
CREATE TRIGGER group_left AFTER DELETE ON group_member BEGIN
  UPDATE group_usage SET
    resources = min(max(group_usage.resources, -1 << 53), 1 << 53)
      - min(max(u.resources, -1 << 53), 1 << 53),
    bytes = min(max(group_usage.bytes, -1 << 53), 1 << 53) - min(max(u.bytes, -1 << 53), 1 << 53)
  FROM account_usage u WHERE u.account = old.account AND member_of = old.member_of;
END;
)sql";

const char* const kHistoryTables = R"sql(
ALTER TABLE node ADD COLUMN line INTEGER NOT NULL DEFAULT 0;
ALTER TABLE node ADD COLUMN author INTEGER NOT NULL DEFAULT 0;
CREATE INDEX node_line ON node (line) WHERE line <> 0;
ALTER TABLE account_usage ADD COLUMN trash_bytes INTEGER NOT NULL DEFAULT 0;
ALTER TABLE account_usage ADD COLUMN version_bytes INTEGER NOT NULL DEFAULT 0;

CREATE TABLE trash (
  id INTEGER PRIMARY KEY CHECK (id > 0),
  node INTEGER NOT NULL,
  parent INTEGER NOT NULL,
  path TEXT NOT NULL,
  removed INTEGER NOT NULL,
  remover INTEGER NOT NULL,
  owner INTEGER NOT NULL,
  resources INTEGER,
  bytes INTEGER,
  CHECK ((resources IS NULL) = (bytes IS NULL))
) STRICT;

CREATE TABLE version (
  id INTEGER PRIMARY KEY CHECK (id > 0),
  line INTEGER NOT NULL,
  content INTEGER NOT NULL,
  size INTEGER NOT NULL,
  stored INTEGER NOT NULL,
  created INTEGER NOT NULL,
  modified INTEGER NOT NULL,
  date_mark INTEGER NOT NULL,
  author INTEGER NOT NULL,
  owner INTEGER NOT NULL,
  replaced INTEGER NOT NULL
) STRICT;
CREATE INDEX version_line ON version (line, id);
)sql";

const char* const kPlaceTables = R"sql(
ALTER TABLE meta ADD COLUMN whole_since INTEGER NOT NULL DEFAULT 0;
ALTER TABLE node ADD COLUMN since INTEGER NOT NULL DEFAULT 0;
ALTER TABLE version ADD COLUMN node INTEGER NOT NULL DEFAULT 0;
CREATE INDEX version_node ON version (node, id) WHERE node <> 0;

CREATE TABLE place (
  parent INTEGER NOT NULL,
  id INTEGER NOT NULL,
  key TEXT NOT NULL,
  name TEXT,
  node INTEGER NOT NULL,
  since INTEGER NOT NULL,
  line INTEGER NOT NULL,
  PRIMARY KEY (parent, id),
  CHECK (since < id)
) STRICT, WITHOUT ROWID;

CREATE TABLE instant (
  second INTEGER PRIMARY KEY,
  node INTEGER NOT NULL,
  content INTEGER NOT NULL,
  fine INTEGER NOT NULL
) STRICT;
CREATE INDEX instant_fine ON instant (second) WHERE fine <> 0;

CREATE TABLE snapshot (
  name TEXT PRIMARY KEY,
  node INTEGER NOT NULL,
  content INTEGER NOT NULL,
  root INTEGER NOT NULL,
  path TEXT NOT NULL,
  created INTEGER NOT NULL,
  creator INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
)sql";

const char* const kChangeTables = R"sql(
ALTER TABLE meta ADD COLUMN changes_since INTEGER NOT NULL DEFAULT 0;

CREATE TABLE change (
  id INTEGER PRIMARY KEY,
  node INTEGER NOT NULL,
  parent INTEGER NOT NULL,
  name TEXT,
  collection INTEGER NOT NULL,
  second INTEGER NOT NULL,
  CHECK ((parent = 0) = (name IS NULL))
) STRICT;

CREATE TABLE collection_tag (
  node INTEGER PRIMARY KEY,
  change INTEGER NOT NULL
) STRICT;

CREATE TABLE change_gap (
  first INTEGER PRIMARY KEY,
  after INTEGER NOT NULL CHECK (after > first)
) STRICT;
)sql";

const char* const kSessionTables = R"sql(
CREATE TABLE session (
  id TEXT PRIMARY KEY,
  account INTEGER NOT NULL,
  hash BLOB NOT NULL CHECK (length(hash) = 32),
  client TEXT NOT NULL,
  created INTEGER NOT NULL,
  used INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE share (
  id TEXT PRIMARY KEY,
  account INTEGER NOT NULL,
  label TEXT NOT NULL,
  hash BLOB NOT NULL CHECK (length(hash) = 32),
  password_hash TEXT NOT NULL,
  path TEXT NOT NULL,
  node INTEGER NOT NULL,
  expires INTEGER,
  uses INTEGER NOT NULL,
  used INTEGER,
  created INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
)sql";

constexpr const char* kLockTable = R"sql(
CREATE TABLE lock (
  id INTEGER PRIMARY KEY,
  token TEXT NOT NULL,
  node INTEGER NOT NULL,
  parent INTEGER NOT NULL,
  shared INTEGER NOT NULL,
  infinite INTEGER NOT NULL,
  owner TEXT NOT NULL,
  granted INTEGER NOT NULL,
  timeout_s INTEGER NOT NULL,
  expires INTEGER NOT NULL,
  creator INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX lock_node ON lock (parent, node, expires);
CREATE INDEX lock_expires ON lock (expires);
CREATE INDEX lock_creator ON lock (creator, expires) WHERE creator <> 0;
)sql";

std::string random_epoch() {
  std::array<unsigned char, 6> random{};
  if (getrandom(random.data(), random.size(), 0) != static_cast<ssize_t>(random.size())) {
    throw OpenError("The system gives no random numbers.");
  }
  std::string epoch;
  for (unsigned char byte : random) epoch += "0123456789abcdefghijklmnopqrstuvwxyz"[byte % 36];
  return epoch;
}

void flush(const std::string& path, int flags) {
  const int fd = ::open(path.c_str(), flags | O_CLOEXEC);
  const bool flushed = fd >= 0 && fsync(fd) == 0;
  const int error = errno;
  if (fd >= 0) close(fd);
  if (!flushed) throw OpenError("Cannot flush " + path + ": " + std::strerror(error) + ".");
}

void create_database(const std::string& path, const std::string& tmp_path, std::int64_t now) {
  // SQLite gives the write-ahead log the mode of the database, so only the database's mode is set.
  const int fd = ::open(tmp_path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (fd < 0) throw OpenError("Cannot create " + tmp_path + ": " + std::strerror(errno));
  close(fd);
  {
    Connection connection(tmp_path, Connection::Mode::create);
    // There is nothing to recover while the database is being built, so it is flushed once, as a
    // whole.
    set(connection, "journal_mode", "MEMORY");
    set(connection, "synchronous", "OFF");
    // The size of the system's pages. A change of a few bytes writes its whole page to the log.
    set(connection, "page_size", "4096");
    set(connection, "auto_vacuum", "INCREMENTAL");  // only possible before the first table
    connection.execute("BEGIN IMMEDIATE");
    connection.execute(kTables);
    connection.execute(kAccountTables);
    connection.execute(kGroupTables);
    connection.execute(kLockTable);
    connection.execute(kHistoryTables);
    connection.execute(kPlaceTables);
    connection.execute(kChangeTables);
    connection.execute(kSessionTables);
    set(connection, "application_id", std::to_string(kApplicationId));
    set(connection, "user_version", std::to_string(kSchemaVersion));
    Statement meta(connection, "INSERT INTO meta VALUES (1, ?1, 2, 1, 1, 0, 0, 1, 1, 0, 1)");
    Run(meta, random_epoch()).done();
    Statement root(
        connection,
        "INSERT INTO node (parent, key, id, created, modified) VALUES (0, '', 1, ?1, ?1)");
    Run(root, now).done();
    connection.execute("COMMIT");
    set(connection, "journal_mode", "WAL");
  }
  flush(tmp_path, O_RDONLY);
  if (std::rename(tmp_path.c_str(), path.c_str()) != 0) {
    throw OpenError("Cannot create " + path + ": " + std::strerror(errno));
  }
  flush(std::filesystem::path(path).parent_path().string(), O_RDONLY | O_DIRECTORY);
}

void accept_database(Connection& writer) {
  const std::int64_t application = writer.integer("PRAGMA application_id");
  if (application != kApplicationId) {
    throw OpenError("The database in the data folder belongs to another program.");
  }
  const std::int64_t version = writer.integer("PRAGMA user_version");
  if (version > kSchemaVersion) {
    throw OpenError("The database in the data folder was written by a newer version (schema " +
                    std::to_string(version) + ", this program knows " +
                    std::to_string(kSchemaVersion) + ").");
  }
  if (version < 1) {
    throw OpenError("The database in the data folder has no known schema version.");
  }
}

void configure(Connection& connection, Connection::Mode mode, std::size_t cache_bytes) {
  set(connection, "foreign_keys", "OFF");  // none are declared: docs/storage.md, invariants
  set(connection, "cell_size_check", "ON");
  expect(connection, "cell_size_check", "1");
  set(connection, "temp_store", "MEMORY");
  expect(connection, "temp_store", "2");
  set(connection, "mmap_size", "0");
  expect(connection, "mmap_size", "0");
  // A negative number is in KiB instead of pages.
  const std::string kib = "-" + std::to_string(cache_bytes / 1024);
  set(connection, "cache_size", kib);
  expect(connection, "cache_size", kib);
  if (mode == Connection::Mode::read) {
    set(connection, "query_only", "ON");
    expect(connection, "query_only", "1");
    return;
  }
  set(connection, "secure_delete", "OFF");
  expect(connection, "secure_delete", "0");
  if (connection.text("PRAGMA journal_mode = WAL") != "wal") {
    throw OpenError("The database cannot use a write-ahead log in this data folder.");
  }
  set(connection, "synchronous", "FULL");
  expect(connection, "synchronous", "2");
  expect(connection, "auto_vacuum", "2");
}

}  // namespace holdfast::storage::sqlite
