#include "storage/sqlite/sqlite.h"

#include <mutex>

namespace holdfast::storage::sqlite {

namespace {

Fault fault_of(int code) {
  switch (code & 0xff) {
    case SQLITE_FULL:
    case SQLITE_TOOBIG:
      return Fault::full;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_INTERRUPT:
      return Fault::busy;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_FORMAT:
      return Fault::corrupt;
    case SQLITE_CONSTRAINT:
    case SQLITE_MISMATCH:
      return Fault::conflict;
    default:
      return Fault::unavailable;
  }
}

// Settings of the whole process; they must precede SQLite's first use.
void configure_once() {
  static std::once_flag once;
  std::call_once(once, [] {
    // The memory counters would make every allocation of every thread take one mutex.
    sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
    sqlite3_initialize();
  });
}

}  // namespace

SqlError::SqlError(int code, const std::string& detail)
    : Error(fault_of(code), detail), code_(code) {}

bool SqlError::fatal() const {
  const int primary = code_ & 0xff;
  return primary == SQLITE_CORRUPT || primary == SQLITE_NOTADB || code_ == SQLITE_IOERR_FSYNC ||
         code_ == SQLITE_IOERR_WRITE || code_ == SQLITE_IOERR_DIR_FSYNC ||
         code_ == SQLITE_IOERR_TRUNCATE;
}

Connection::Connection(const std::string& path, Mode mode) {
  configure_once();
  int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE | SQLITE_OPEN_NOFOLLOW;
  flags |= mode == Mode::read ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE;
  if (mode == Mode::create) flags |= SQLITE_OPEN_CREATE;
  sqlite3* handle = nullptr;
  const int code = sqlite3_open_v2(path.c_str(), &handle, flags, nullptr);
  handle_.reset(handle);
  if (code != SQLITE_OK) fail(code, "open");

  // Only a foreign program can make us wait, and only for so long.
  sqlite3_busy_timeout(handle, 5000);
  sqlite3_db_config(handle, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  sqlite3_db_config(handle, SQLITE_DBCONFIG_DQS_DML, 0, nullptr);
  sqlite3_db_config(handle, SQLITE_DBCONFIG_DQS_DDL, 0, nullptr);
  sqlite3_db_config(handle, SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0, nullptr);
  sqlite3_db_config(handle, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
  // The writer checkpoints when it wants to, and after a failed flush never again.
  if (mode != Mode::create) {
    sqlite3_db_config(handle, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
  }
  sqlite3_wal_autocheckpoint(handle, 0);
  sqlite3_limit(handle, SQLITE_LIMIT_ATTACHED, 0);
}

void Connection::fail(int code, const char* doing) const {
  std::string detail = "SQLite error ";
  detail += std::to_string(code);
  detail += " (";
  detail += handle_ ? sqlite3_errmsg(handle_.get()) : sqlite3_errstr(code);
  detail += ") in: ";
  detail += doing ? doing : "?";
  throw SqlError(code, detail);
}

void Connection::execute(const char* sql) {
  const int code = sqlite3_exec(handle(), sql, nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) fail(code, sql);
}

std::int64_t Connection::integer(const char* sql) {
  Statement statement(*this, sql);
  Run run(statement);
  return run.row() ? run.integer(0) : 0;
}

std::string Connection::text(const char* sql) {
  Statement statement(*this, sql);
  Run run(statement);
  return run.row() ? std::string(run.text(0)) : std::string();
}

void Statement::prepare() {
  sqlite3_stmt* handle = nullptr;
  const int code = sqlite3_prepare_v3(connection_->handle(), sql_, -1, SQLITE_PREPARE_PERSISTENT,
                                      &handle, nullptr);
  if (code != SQLITE_OK) connection_->fail(code, sql_);
  handle_.reset(handle);
}

}  // namespace holdfast::storage::sqlite
