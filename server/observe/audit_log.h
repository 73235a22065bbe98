// The audit log: one JSON object per line for every change of the tree, of locks, of accounts and
// of settings, and who made it (docs/operations.md#the-audit-log). A line is written after the
// change is committed and before its answer is sent, so an answered change has its line also when
// the process is killed. Nothing is flushed: a power cut can take the last lines.
//
// When a line cannot be written (disk full), it is counted and dropped, and the request succeeds.
// The next line that can be written is preceded by one that says how many were lost. The file has
// whole lines only. Any thread may call any function.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "storage/clock.h"

namespace holdfast::server::observe {

// One change. Views are valid during the call only. What clients sent is escaped when it is
// written. Empty fields are left out of the line.
struct AuditRecord {
  std::string_view over{};               // "dav", "page" (a browser), "command" or "server"
  std::string_view from{};               // the client's address; of a command "uid 1000"
  std::string_view account{};            // the account that made the change
  std::string_view token{};              // the id of the device token that it signed in with
  std::string_view method{};             // the HTTP method, or the command: "user grant"
  std::string_view path{};               // percent-encoded, below the prefix
  std::string_view destination{};        // as `path`, of COPY and MOVE
  std::string_view subject{};            // the account, group, token or setting that was changed
  std::string_view detail{};             // how it was changed
  int status = 0;                        // of the answer; 0: none
  std::optional<std::uint64_t> bytes{};  // of the content that was stored
};

// Appends one line, with its line feed.
void append_audit_line(std::string& out, const AuditRecord& record, storage::Millis now);

class AuditLog {
 public:
  struct Options {
    std::string path;
    std::uint64_t size_limit_bytes = 0;  // a file that would become larger is rotated first
    unsigned kept = 0;                   // rotated files that are kept: path.1 is the newest
  };

  // Opens the file, which is appended to and made when missing. `tell` gets one sentence when lines
  // begin to be lost. Throws std::runtime_error with one sentence when the path cannot be opened or
  // is no regular file.
  AuditLog(Options options, const storage::Clock& clock,
           std::function<void(const std::string& sentence)> tell);
  ~AuditLog();
  AuditLog(const AuditLog&) = delete;
  AuditLog& operator=(const AuditLog&) = delete;

  // Writes one line. It never throws.
  void append(const AuditRecord& record) noexcept;
  // Opens the file anew before the next line. Call after another program has renamed it.
  void reopen() { reopen_ = true; }
  // Returns how many lines were lost since the start.
  [[nodiscard]] std::uint64_t lost() const { return lost_; }

 private:
  // These need `mutex_`.
  void write(const std::string& line);
  void open_again();
  void rotate();
  // Appends the text whole or not at all.
  [[nodiscard]] bool write_whole(std::string_view text);

  const Options options_;
  const storage::Clock& clock_;
  const std::function<void(const std::string&)> tell_;
  std::atomic<bool> reopen_ = false;
  std::atomic<std::uint64_t> lost_ = 0;
  std::mutex mutex_;  // guards what follows
  int fd_ = -1;
  std::uint64_t size_ = 0;
  std::uint64_t reported_ = 0;  // the part of lost_ that a line reports
};

}  // namespace holdfast::server::observe
