#include "storage/sqlite/file/sqlite.h"

#include <cerrno>
#include <mutex>
#include <string_view>

#include "storage/sqlite/file/wal_vfs.h"

namespace holdfast::storage::sqlite {

namespace {

bool is_write(int code) { return code == SQLITE_IOERR_WRITE || code == SQLITE_IOERR_TRUNCATE; }

bool is_flush(int code) { return code == SQLITE_IOERR_FSYNC || code == SQLITE_IOERR_DIR_FSYNC; }

// SQLite itself knows only ENOSPC among these.
bool is_out_of_space(int system_error) {
  return system_error == ENOSPC || system_error == EDQUOT || system_error == EFBIG;
}

bool is_read_only(int system_error) {
  return system_error == EROFS || system_error == EPERM || system_error == EACCES;
}

Fault fault_of(int code, int system_error) {
  if (is_write(code) && is_out_of_space(system_error)) return Fault::full;
  if ((is_write(code) || is_flush(code)) && is_read_only(system_error)) return Fault::read_only;
  if (code == SQLITE_IOERR_NOMEM) return Fault::busy;
  switch (code & 0xff) {
    case SQLITE_FULL:
    case SQLITE_TOOBIG:
      return Fault::full;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_INTERRUPT:
    case SQLITE_NOMEM:  // nothing was committed, except perhaps by COMMIT: see GroupCommit
      return Fault::busy;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_FORMAT:
      return Fault::corrupt;
    case SQLITE_READONLY:
      return Fault::read_only;
    case SQLITE_CONSTRAINT:
    case SQLITE_MISMATCH:
      return Fault::conflict;
    default:
      return Fault::unavailable;
  }
}

// Returns the errno of the last call on this file that failed.
int errno_of(sqlite3_file* file) {
  int error = 0;
  if (file != nullptr && file->pMethods != nullptr)
    file->pMethods->xFileControl(file, SQLITE_FCNTL_LAST_ERRNO, &error);
  return error;
}

// Returns the errno of the write or flush to which `code` refers. sqlite3_system_errno is not used,
// because the rollback that follows makes system calls of its own.
int errno_of_write(sqlite3* handle, int code, bool checkpoint) {
  sqlite3_file* log = nullptr;
  sqlite3_file* database = nullptr;
  sqlite3_file_control(handle, "main", SQLITE_FCNTL_JOURNAL_POINTER, &log);
  sqlite3_file_control(handle, "main", SQLITE_FCNTL_FILE_POINTER, &database);
  // A checkpoint flushes both files, the log first, and writes to the database. Everything else,
  // and truncation, is done to the log.
  if (checkpoint && is_flush(code) && errno_of(log) != 0) return errno_of(log);
  const bool to_database = checkpoint && code != SQLITE_IOERR_TRUNCATE;
  return errno_of(to_database ? database : log);
}

// Makes the settings of the whole process, which must precede SQLite's first use.
void configure_once() {
  static std::once_flag once;
  std::call_once(once, [] {
    // With memory counters, every allocation of every thread would take one mutex.
    sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
    sqlite3_initialize();
  });
}

}  // namespace

SqlError::SqlError(int code, int system_error, const std::string& detail)
    : Error(fault_of(code, system_error), detail), code_(code), system_error_(system_error) {}

bool SqlError::disk_full() const {
  return (code_ & 0xff) == SQLITE_FULL || (is_write(code_) && is_out_of_space(system_error_));
}

bool SqlError::fatal() const {
  if (is_write(code_) && (is_out_of_space(system_error_) || is_read_only(system_error_)))
    return false;
  const int primary = code_ & 0xff;
  return primary == SQLITE_CORRUPT || primary == SQLITE_NOTADB || is_flush(code_) ||
         is_write(code_);
}

Connection::Connection(const std::string& path, Mode mode) {
  configure_once();
  int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE | SQLITE_OPEN_NOFOLLOW;
  flags |= mode == Mode::read ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE;
  if (mode == Mode::create) flags |= SQLITE_OPEN_CREATE;
  sqlite3* handle = nullptr;
  const char* vfs = mode == Mode::create ? nullptr : wal_vfs();
  const int code = sqlite3_open_v2(path.c_str(), &handle, flags, vfs);
  handle_.reset(handle);
  if (code != SQLITE_OK) fail(code, "open");

  // Only another program can make this connection wait, for at most this many milliseconds.
  sqlite3_busy_timeout(handle, 5000);
  sqlite3_db_config(handle, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  sqlite3_db_config(handle, SQLITE_DBCONFIG_DQS_DML, 0, nullptr);
  sqlite3_db_config(handle, SQLITE_DBCONFIG_DQS_DDL, 0, nullptr);
  sqlite3_db_config(handle, SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0, nullptr);
  sqlite3_db_config(handle, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
  // The writer checkpoints explicitly, and never again after a failed flush.
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
  int system_error = 0;
  // Compared as texts: two literals of one text may have two addresses.
  const bool checkpoint = doing != nullptr && std::string_view(doing) == kCheckpoint;
  if (handle_ && (is_write(code) || is_flush(code)))
    system_error = errno_of_write(handle_.get(), code, checkpoint);
  throw SqlError(code, system_error, detail);
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
