// SQLite's default VFS with these differences:
// - The index of the write-ahead log lies in this process's memory (wal_index.h).
// - The connection that writes holds the database's lock bytes, so that no other program opens it.
// - What a transaction appends to the log is written in one system call instead of two for every
//   page.
// - The log keeps its space on the disk: its file is never shorter than keep_log made it, and after
//   a flush it ends with zeros, which are not valid pages. So a full disk has room for removals,
//   and a flush need not wait for the file's new length.
// - A commit is refused (SQLITE_FULL) unless the database has room for all its pages, so that
//   moving the log into the database takes no space.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

struct sqlite3;

namespace holdfast::storage::sqlite {

// Returns the name of the VFS to open connections with. Any thread may call this; SQLite must be
// configured already.
[[nodiscard]] const char* wal_vfs();

// The functions below take a connection that was opened with this VFS to write. Call them in the
// connection's thread.

// While an UnflushedCommits exists, commits of its connection do not flush the log, as with PRAGMA
// synchronous = NORMAL, which takes longer to set.
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

// Keeps the log's file at least this long from now on, by zeros. Returns false when the disk has
// too little space; then the file is as long as it could be made.
bool keep_log(sqlite3* connection, std::int64_t bytes);

// While a SpareKept exists, commits of its connection are refused (SQLITE_FULL) unless the database
// has room for 256 KiB more than they need. So a full disk has that for all other commits.
class SpareKept {
 public:
  // Does nothing when `wanted` is false.
  SpareKept(sqlite3* connection, bool wanted);
  ~SpareKept();
  SpareKept(const SpareKept&) = delete;
  SpareKept& operator=(const SpareKept&) = delete;

 private:
  bool* flag_ = nullptr;
};

// Flushes the log, with all commits so far. Returns SQLite's result code.
[[nodiscard]] int flush_log(sqlite3* connection);

// Returns the two salts, random numbers that distinguish a log from the one before it, as one
// number; 0 when there is no log.
[[nodiscard]] std::uint64_t log_salts(sqlite3* connection);

// While a LogLimit exists, this process reads the database at `path` as if its log had only that
// many frames, or none when the log has other salts. It does for a read-only disk what cut_log
// does. The database must not be open when the LogLimit is made.
class LogLimit {
 public:
  LogLimit(const std::string& path, std::uint64_t salts, std::int64_t frames);

 private:
  std::shared_ptr<void> database_;
};

// Truncates the log of the closed database at `path` to its first `frames` frames when it still has
// these salts, else to nothing, and flushes that. Returns false, with errno set, when the file
// cannot be changed.
[[nodiscard]] bool cut_log(const std::string& path, std::uint64_t salts, std::int64_t frames);

}  // namespace holdfast::storage::sqlite
