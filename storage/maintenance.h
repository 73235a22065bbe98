// The upkeep that no request should wait for: content files that nothing names any more, locks that
// ran out, the write-ahead log, and in relaxed durability the flush of recent writes
// (docs/robustness.md G11). One background thread; it reports what fails and tries again in the
// next round.
//
//   Maintenance maintenance(names, content, {.durability = durability});   // starts
//   ...
//   maintenance.stop();                                                    // or its destructor
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>

#include "storage/namespace.h"
#include "storage/open.h"

namespace holdfast::storage {

class Maintenance {
 public:
  struct Options {
    Durability durability = Durability::full;
    // Between rounds. In relaxed durability a power cut costs at most what two rounds wrote.
    std::chrono::milliseconds interval{2000};
    // An expired lock is remembered this long, for a late UNLOCK by its creator (docs/robustness.md
    // L2).
    std::int64_t lock_grace_s = 600;
    // A write-ahead log larger than this is a problem to be told (docs/robustness.md E10).
    std::uint64_t log_alarm_bytes = 256 << 20;
    // False where a file's number may change while it is open, as on some network disks.
    bool look_after_files = true;
    // Told, from the thread, what went wrong, or was found by the sweep; for the log. The same
    // thing is told once, until it has gone well in between.
    std::function<void(const std::string& problem)> on_problem = {};
    bool start_thread = true;  // false: only `round` works, for tests
  };

  Maintenance(Namespace& names, ContentStore& content, Options options);
  ~Maintenance();
  Maintenance(const Maintenance&) = delete;
  Maintenance& operator=(const Maintenance&) = delete;

  // Ends the thread; returns once it has.
  void stop();
  // Until the answer is destroyed no content file is removed that a row named when this returned,
  // and the write-ahead log is held (Namespace::hold_log); for backups. The answer must not outlive
  // this object. Any thread, any number at once.
  [[nodiscard]] std::shared_ptr<void> hold_garbage();
  // How many there are, and how long the oldest has been held.
  struct Holds {
    std::size_t count = 0;
    std::chrono::steady_clock::duration oldest{};
  };
  [[nodiscard]] Holds holds() const;
  // One round, now, on the caller's thread. Not while the thread runs.
  void round();

 private:
  class Stopped {};

  void run();
  void attempt(const char* doing, void (Maintenance::*task)());
  void collect_garbage();
  void write_back();
  void purge_locks();
  void watch_log();
  void sweep_unnamed();
  void look_after_files();
  [[nodiscard]] bool stopping() const;
  [[nodiscard]] bool garbage_held() const;

  Namespace& names_;
  ContentStore& content_;
  Options options_;
  std::uint64_t batches_seen_;  // at the last round
  // At the last checkpoint; at first none, because what came before this object is not known.
  std::uint64_t batches_written_ = UINT64_MAX;
  bool swept_ = false;
  bool displaced_ = false;
  std::map<std::string, std::string> told_;  // the problem that each task has now
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  bool stopping_ = false;
  std::multiset<std::chrono::steady_clock::time_point> holds_;  // since when
  std::thread thread_;
};

}  // namespace holdfast::storage
