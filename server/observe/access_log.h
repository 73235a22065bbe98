// The access log: one JSON object per line and request. Callers only append to a buffer; one thread
// writes it out at least every kFlushInterval. When the log cannot be written (disk full, a pipe
// that nobody reads), lines are lost but no request waits: when the buffer is full, lines are
// counted and dropped, and the next written line says how many. Any thread may call any function.
//
// Every text field is escaped: control bytes, quotes and characters that nobody sees as JSON
// escapes, malformed UTF-8 as U+FFFD; it is cut at kTextLimitBytes. Only the first eight characters
// of a lock token are written, and of a device token its id. The query and the user information of
// a target are left out.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

#include "server/observe/observer.h"
#include "storage/clock.h"

namespace holdfast::server::observe {

class AccessLog {
 public:
  static constexpr std::size_t kTextLimitBytes = 2048;  // for one field, before escaping
  static constexpr std::size_t kBufferLimitBytes = 4 << 20;
  static constexpr std::chrono::milliseconds kFlushInterval{200};

  // `path` names a file, which is appended to, or is "-" for standard output. Throws
  // std::runtime_error with one sentence when it cannot be opened. `opened` is a descriptor that
  // open() returned while this process had other rights.
  explicit AccessLog(const std::string& path, int opened = -1);
  // Opens the file at `path`. Returns its descriptor; -1, with errno set, when it cannot be opened.
  [[nodiscard]] static int open(const std::string& path);
  // Writes what is buffered; gives up after a second if nobody reads it.
  ~AccessLog();
  AccessLog(const AccessLog&) = delete;
  AccessLog& operator=(const AccessLog&) = delete;

  void append(const AccessRecord& record, storage::Millis now);
  // Opens the file anew before the next line. Call after log rotation has renamed it.
  void reopen() { reopen_ = true; }
  [[nodiscard]] std::uint64_t dropped() const { return dropped_; }

 private:
  void run();
  void write_out(std::string_view lines);
  // Writes `text`. Returns how many bytes were written; fewer than all when the log cannot be
  // written.
  [[nodiscard]] std::size_t write_all(std::string_view text);
  void lose(std::string_view lines);

  std::string path_;
  int fd_ = -1;
  bool regular_ = false;
  bool torn_ = false;  // the last write ended inside a line
  std::atomic<bool> reopen_ = false;
  std::atomic<std::uint64_t> dropped_ = 0;
  std::uint64_t reported_ = 0;  // the part of dropped_ that was reported

  std::mutex mutex_;
  std::condition_variable wake_;
  std::string pending_;
  bool stopping_ = false;
  std::chrono::steady_clock::time_point give_up_;
  std::thread thread_;
};

// Appends a time such as "2026-11-22T11:06:22.123Z", as the lines of all logs have it.
void append_log_time(std::string& out, storage::Millis now);
// Appends `text` as text::append_json_text does, with every lock token and device token shortened,
// so that no reader of the log can use it.
void append_masked(std::string& out, std::string_view text, std::size_t limit_bytes);

// Appends one line, with its line feed. `now` is the time at which the request ended.
void append_access_line(std::string& out, const AccessRecord& record, storage::Millis now);

}  // namespace holdfast::server::observe
