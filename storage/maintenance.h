// The maintenance that no request should wait for: it removes content files that nothing names any
// more, locks that ran out and uploads whose clients do not come back, gives up what was kept of
// the past for long enough, moves the write-ahead log into the database, and in relaxed durability
// flushes recent writes (docs/robustness.md G11). One background thread does it, reports what
// fails, and tries again in the next round.
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
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "storage/namespace.h"
#include "storage/open.h"
#include "storage/staging.h"

namespace holdfast::storage {

class Maintenance {
 public:
  struct Options {
    Durability durability = Durability::full;
    // The time between rounds. In relaxed durability a power cut loses at most what was written
    // during two rounds.
    std::chrono::milliseconds interval{2000};
    // An expired lock is remembered this long, for a late UNLOCK by its creator (docs/robustness.md
    // L2).
    std::int64_t lock_grace_s = 600;
    // A write-ahead log larger than this is reported as a problem (docs/robustness.md E10).
    std::uint64_t log_alarm_bytes = 256 << 20;
    // What is kept of the past.
    Retention retention = {};
    // The time between two passes over all versions, in search of those to give up.
    std::chrono::milliseconds thinning_interval{10 * 60 * 1000};
    // Whether to check that the files are still at their paths. Set it to false where a file's
    // inode number may change while it is open, as on some network disks.
    bool look_after_files = true;
    // Called from the maintenance thread with what went wrong or what the sweep found, for the log.
    // The same problem is reported once until the task has succeeded in between.
    std::function<void(const std::string& problem)> on_problem = {};
    // Uploads to remove that got no byte for `upload_keep_s`; null: none.
    Staging* staging = nullptr;
    std::int64_t upload_keep_s = 24 * 60 * 60;
    bool start_thread = true;  // false: only `round` works, for tests
  };

  Maintenance(Namespace& names, ContentStore& content, Options options);
  ~Maintenance();
  Maintenance(const Maintenance&) = delete;
  Maintenance& operator=(const Maintenance&) = delete;

  // Ends the thread; returns once the thread has ended.
  void stop();
  // Until the result is destroyed, no content file is removed that a row named when this returned,
  // and the write-ahead log is held (Namespace::hold_log). For backups. The result must not outlive
  // this object. Any thread may call this; several holds may exist at once.
  [[nodiscard]] std::shared_ptr<void> hold_garbage();
  // How many holds there are, and how long the oldest has existed.
  struct Holds {
    std::size_t count = 0;
    std::chrono::steady_clock::duration oldest{};
  };
  [[nodiscard]] Holds holds() const;
  // Changes what is kept of the past from now on. Any thread may call this.
  void retain(const Retention& retention);
  // Gives up what is kept of the past, the oldest first, until at least this much of it is gone:
  // everybody's where the disk is full, otherwise that of the account or of the group's members.
  // Removes it as well. Returns false when nothing could be given up. Reports it when something was
  // to be kept for longer. Any thread may call this, outside of any snapshot and transaction.
  [[nodiscard]] bool make_room(const Shortage& shortage);
  // Runs one round on the caller's thread. Call it only when the thread does not run.
  void round();

 private:
  class Stopped {};

  void run();
  void attempt(const char* doing, void (Maintenance::*task)());
  void collect_garbage();
  void write_back();
  void purge_locks();
  void expire_uploads();
  void measure_trash();
  void give_up_trash();
  void thin_versions();
  void limit_versions();
  void forget_places();
  void forget_changes();
  void purge();
  // Removes some of what was given up. Returns false when nothing is left.
  bool purge_slice();
  // Returns the ids of the oldest versions of this account, with `bytes` at least if it has as
  // many.
  [[nodiscard]] std::vector<std::int64_t> oldest_versions(AccountId owner,
                                                          std::uint64_t bytes) const;
  void purge_versions(std::span<const std::int64_t> ids);
  [[nodiscard]] Retention retention() const;
  void watch_log();
  void sweep_unnamed();
  void look_after_files();
  [[nodiscard]] bool stopping() const;
  [[nodiscard]] bool garbage_held() const;

  Namespace& names_;
  ContentStore& content_;
  Options options_;
  std::uint64_t batches_seen_;  // at the last round
  // The number of batches at the last checkpoint. At first it equals no count, because what was
  // written before this object existed is not known.
  std::uint64_t batches_written_ = UINT64_MAX;
  std::int64_t measured_up_to_ = 0;    // entries of the trash with ids up to this one are measured
  std::set<std::int64_t> held_trash_;  // entries that a snapshot held when they were last looked at
  std::int64_t thinned_up_to_ = 0;     // the `line` of the last versions that were looked at
  std::chrono::steady_clock::time_point next_thinning_{};
  bool swept_ = false;
  bool displaced_ = false;
  std::map<std::string, std::string> told_;  // the problem that each task has now
  std::mutex making_room_;                   // held by make_room
  mutable std::mutex mutex_;                 // guards options_.retention and what follows
  std::condition_variable wake_;
  bool stopping_ = false;
  std::multiset<std::chrono::steady_clock::time_point> holds_;  // when each hold began
  std::thread thread_;
};

}  // namespace holdfast::storage
