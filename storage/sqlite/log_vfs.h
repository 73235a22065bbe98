// The writing connection's access to files: SQLite's own, but for the write-ahead log. What a
// transaction appends to it goes to the system in one call instead of two for every page. A log
// that is flushed is kept a little longer than what is in it, with zeros that nobody takes for
// pages: a flush then need not wait for the file's new length as well, which costs as much again.
// Of the locks in the log's index it keeps the one on writing, from the first write until it is
// closed, and takes no other for a commit.
#pragma once

struct sqlite3;

namespace holdfast::storage::sqlite {

// The name to open the writing connection with. Any thread; SQLite must be configured already.
[[nodiscard]] const char* log_vfs();

// While it lives, this connection's commits do not flush the log, as with PRAGMA synchronous =
// NORMAL, which takes longer to set. For the connection's one thread.
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

}  // namespace holdfast::storage::sqlite
