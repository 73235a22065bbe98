// How connections reach a database's files: SQLite's own way, but for these.
// - The index of the write-ahead log lies in this process's memory (wal_index.h).
// - The connection that writes holds the database's lock bytes, so that no other program opens it.
// - What a transaction appends to the log goes to the system in one call instead of two for every
//   page.
// - The log keeps its place on the disk: it is never shorter than what keep_log made it, and a
//   flushed log is a little longer than what is in it, with zeros that nobody takes for pages. So
//   a full disk has room for removals, and a flush need not wait for the file's new length.
// - A commit is refused (SQLITE_FULL) unless the database has room for all its pages: moving the
// log
//   into the database takes no space.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

struct sqlite3;

namespace holdfast::storage::sqlite {

// The name to open connections with. Any thread; SQLite must be configured already.
[[nodiscard]] const char* wal_vfs();

// The functions below take a connection that was opened with it to write, in its one thread.

// While it lives, this connection's commits do not flush the log, as with PRAGMA synchronous =
// NORMAL, which takes longer to set.
class UnflushedCommits {
 public:
  // Does nothing when `wanted` is false.
  UnflushedCommits(sqlite3* connection, bool wanted);
  ~UnflushedCommits();
  UnflushedCommits(const UnflushedCommits&) = delete;
  UnflushedCommits& operator=(const UnflushedCommits&) = delete;

 private:
  bool* flag_ = nullptr;
};

// Makes the log's file at least this long from now on, by zeros. False when the disk has not that
// much; then it is as long as it could be made.
bool keep_log(sqlite3* connection, std::int64_t bytes);

// Flushes the log with all commits so far. Returns SQLite's result code.
[[nodiscard]] int flush_log(sqlite3* connection);

// The two random numbers that tell a log from the one before it, as one; 0 when there is no log.
[[nodiscard]] std::uint64_t log_salts(sqlite3* connection);

// As long as it lives, this process takes the database at `path`, which nobody may have open when
// it is made, for one with a log of that many frames, or of none when the log has other salts: what
// cut_log does, for a disk that cannot be written.
class LogLimit {
 public:
  LogLimit(const std::string& path, std::uint64_t salts, std::int64_t frames);

 private:
  std::shared_ptr<void> database_;
};

// Cuts the closed database's log at `path` back to its first `frames` frames, when it still has
// these salts, else to nothing, and flushes that. False, with errno, when the file cannot be
// changed.
[[nodiscard]] bool cut_log(const std::string& path, std::uint64_t salts, std::int64_t frames);

}  // namespace holdfast::storage::sqlite
