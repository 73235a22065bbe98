// A thin C++ interface to SQLite: a connection, a prepared statement, and a run of one. Every error
// becomes storage::Error. One thread at a time per connection (NOMUTEX).
//
//   Run find(statement, parent_id, key);
//   if (find.row()) use(find.integer(0), find.text(1));   // views hold until the next row()
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <sqlite3.h>
#include <string>
#include <string_view>

#include "storage/error.h"

namespace holdfast::storage::sqlite {

// An Error with SQLite's extended result code, by which the writer decides what to do
// (docs/robustness.md G10).
class SqlError final : public Error {
 public:
  // `system_error` is the errno behind it, if any.
  SqlError(int code, int system_error, const std::string& detail);
  [[nodiscard]] int code() const { return code_; }
  // Returns true when the disk lost a write: nothing may be written after it. Returns false when a
  // write was refused before anything happened, because the disk is full, out of quota or
  // read-only.
  [[nodiscard]] bool fatal() const;
  // Returns true when there was no space for a row or a log frame.
  [[nodiscard]] bool disk_full() const;

 private:
  int code_;
  int system_error_;
};

class Connection {
 public:
  enum class Mode { read, write, create };
  // The argument of fail() for an error while the log was being moved into the database.
  static constexpr const char* kCheckpoint = "checkpoint";

  Connection(const std::string& path, Mode mode);

  void execute(const char* sql);
  // Returns the first column of the first row, as a number or as text.
  [[nodiscard]] std::int64_t integer(const char* sql);
  [[nodiscard]] std::string text(const char* sql);
  [[nodiscard]] bool in_transaction() const { return sqlite3_get_autocommit(handle()) == 0; }
  // Returns the number of rows that the last statement changed.
  [[nodiscard]] std::int64_t changes() const { return sqlite3_changes64(handle()); }
  [[nodiscard]] sqlite3* handle() const { return handle_.get(); }
  [[nodiscard]] std::string path() const { return sqlite3_db_filename(handle(), "main"); }
  [[noreturn]] void fail(int code, const char* doing) const;

 private:
  struct Close {
    void operator()(sqlite3* handle) const { sqlite3_close_v2(handle); }
  };
  std::unique_ptr<sqlite3, Close> handle_;
};

// A prepared statement, kept for reuse. It is prepared at its first use, so that a connection costs
// only what it is used for.
class Statement {
 public:
  Statement(Connection& connection, const char* sql) : connection_(&connection), sql_(sql) {}
  [[nodiscard]] sqlite3_stmt* handle() {
    if (!handle_) prepare();
    return handle_.get();
  }
  [[nodiscard]] Connection& connection() const { return *connection_; }
  [[nodiscard]] const char* sql() const { return sql_; }

 private:
  void prepare();
  struct Finalize {
    void operator()(sqlite3_stmt* handle) const { sqlite3_finalize(handle); }
  };
  Connection* connection_;
  const char* sql_;
  std::unique_ptr<sqlite3_stmt, Finalize> handle_;
};

// Bytes that are bound as a BLOB; every other string is bound as TEXT.
struct Blob {
  const void* data;
  std::size_t size;
};

// One execution of a statement, from binding to reset. Bound strings are not copied: they must
// outlive the run.
class Run {
 public:
  template <typename... Values>
  explicit Run(Statement& statement, const Values&... values)
      : connection_(statement.connection()), handle_(statement.handle()) {
    [[maybe_unused]] int index = 0;
    (bind(++index, values), ...);
  }
  ~Run() { sqlite3_reset(handle_); }
  Run(const Run&) = delete;
  Run& operator=(const Run&) = delete;

  // Executes one step; returns true when there is a row.
  bool row() {
    const int code = sqlite3_step(handle_);
    if (code == SQLITE_ROW) return true;
    if (code == SQLITE_DONE) return false;
    connection_.fail(code, sqlite3_sql(handle_));
  }
  // Runs to the end.
  void done() {
    while (row()) {
    }
  }

  [[nodiscard]] std::int64_t integer(int column) const {
    return sqlite3_column_int64(handle_, column);
  }
  // Returns a number that is added to others, such as a size or a date. A number so large that only
  // damage leaves it is clamped, so that no sum overflows.
  [[nodiscard]] std::int64_t amount(int column) const {
    constexpr std::int64_t kMost = std::int64_t{1} << 53;
    return std::clamp(integer(column), -kMost, kMost);
  }
  [[nodiscard]] bool null(int column) const {
    return sqlite3_column_type(handle_, column) == SQLITE_NULL;
  }
  [[nodiscard]] std::string_view text(int column) const {
    const auto* data = reinterpret_cast<const char*>(sqlite3_column_text(handle_, column));
    return {data, data ? static_cast<std::size_t>(sqlite3_column_bytes(handle_, column)) : 0};
  }
  [[nodiscard]] std::string_view blob(int column) const {
    const auto* data = static_cast<const char*>(sqlite3_column_blob(handle_, column));
    return {data, data ? static_cast<std::size_t>(sqlite3_column_bytes(handle_, column)) : 0};
  }
  // Reads a BLOB of known length, such as a digest.
  template <std::size_t N>
  void bytes(int column, std::array<std::uint8_t, N>& out) const {
    const std::string_view data = blob(column);
    std::copy_n(reinterpret_cast<const std::uint8_t*>(data.data()), std::min(data.size(), N),
                out.begin());
  }

 private:
  void bind(int index, std::int64_t value) { check(sqlite3_bind_int64(handle_, index, value)); }
  void bind(int index, std::uint64_t value) { bind(index, static_cast<std::int64_t>(value)); }
  void bind(int index, int value) { bind(index, std::int64_t{value}); }
  void bind(int index, bool value) { bind(index, std::int64_t{value ? 1 : 0}); }
  void bind(int index, std::nullptr_t) { check(sqlite3_bind_null(handle_, index)); }
  void bind(int index, std::string_view value) {
    // A null pointer would bind NULL where the empty string is meant.
    check(sqlite3_bind_text64(handle_, index, value.data() ? value.data() : "", value.size(),
                              SQLITE_STATIC, SQLITE_UTF8));
  }
  void bind(int index, const std::string& value) { bind(index, std::string_view(value)); }
  void bind(int index, const Blob& value) {
    check(sqlite3_bind_blob64(handle_, index, value.data ? value.data : "", value.size,
                              SQLITE_STATIC));
  }
  template <typename T>
  void bind(int index, const std::optional<T>& value) {
    if (value) {
      bind(index, *value);
    } else {
      bind(index, nullptr);
    }
  }
  void check(int code) const {
    if (code != SQLITE_OK) connection_.fail(code, sqlite3_sql(handle_));
  }

  Connection& connection_;
  sqlite3_stmt* handle_;
};

}  // namespace holdfast::storage::sqlite
