// Group commit on the one connection that ever writes or checkpoints. Any thread may call. The
// first thread to write leads and runs its own closure at once; when other threads wrote lately, it
// first yields, and runs their closures as well. Closures that arrive meanwhile are left to the
// writing thread, which takes over the lead and keeps it while any thread waits: it runs all
// waiting closures in one transaction, answers them all after one flush, and continues with those
// that arrived meanwhile. A closure that fails is undone alone. No thread waits for others that
// have nothing to write. What is said of threads holds for fibers (fiber/fiber.h), which hold no
// thread while they wait.
#pragma once

#include <array>
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "fiber/wait.h"
#include "storage/change_waits.h"
#include "storage/open.h"
#include "storage/sqlite/file/barrier.h"
#include "storage/sqlite/file/disk_reserve.h"
#include "storage/sqlite/read/reader_pool.h"
#include "storage/sqlite/write/transaction.h"

namespace holdfast::storage::sqlite {

class GroupCommit {
 public:
  struct Options {
    Durability durability = Durability::full;
    const Clock* clock = nullptr;
    std::function<void()> flush_content;
    // Called when the disk has failed: from then on every write throws Error{unavailable}.
    OnFailure on_failure = {};
    // Pages in the write-ahead log after which it is moved into the database.
    std::int64_t checkpoint_pages = 8000;
  };
  enum class Need { flush, no_flush };

  // Counts every commit in `readers`. In `relaxed` durability the constructor makes a barrier; in
  // `full`, it flushes everything and then ends the barriers that an earlier process left.
  GroupCommit(std::unique_ptr<Connection> connection, ReaderPool& readers, std::string epoch,
              DiskReserve reserve, Options options);
  ~GroupCommit();
  GroupCommit(const GroupCommit&) = delete;
  GroupCommit& operator=(const GroupCommit&) = delete;

  // Implements Namespace::write, also for maintenance.
  void write(Need need, const std::function<void(WriteTransaction&)>& fn);
  // Makes every commit so far durable and moves the log into the database, truncating it when no
  // reader is in the way.
  void checkpoint();
  // Makes every later write throw Error{unavailable}, as after a failed disk.
  void refuse(const std::string& why) { disk_failed({why}); }
  // Runs `fn` on the writing connection outside any transaction, alone.
  void alone(const std::function<void(Connection&)>& fn);

  // Implements Namespace::keep.
  void keep(Keeping keeping) { keeping_ = keeping; }
  // Implements Namespace::hold_log.
  [[nodiscard]] std::shared_ptr<void> hold_log();

  // Implements Namespace::change_waits.
  [[nodiscard]] ChangeWaits& waits() { return waits_; }

  [[nodiscard]] NamespaceStats stats() const;
  [[nodiscard]] std::shared_ptr<const Accounts> accounts() const;

 private:
  struct Waiting;
  // Who is answered together. Threads that may wait do so for the number of their batch, which
  // wakes all of them at once; fibers that may not hold their thread wait for an event each.
  struct Line {
    std::vector<Waiting*> queue;
    std::uint32_t forming = 2;  // the number of the batch that the queue becomes
    // The last answered batch with an even and with an odd number. One call wakes all threads that
    // wait for a batch, and none that waits for the next one.
    std::array<std::atomic<std::uint32_t>, 2> answers{};

    // Returns when this batch is answered.
    void await(std::uint32_t batch);
  };

  // Queues `own` and returns when it is done; rethrows what it threw.
  void submit(Waiting& own);
  void give_up_lead();
  // The main function of the writing thread.
  void take_over();
  void lead();
  void serve(Line& line);
  // Call with `mutex_` held.
  [[nodiscard]] bool anybody_waits() const;
  [[nodiscard]] Line& line_of(const Waiting& waiting);

  void execute(std::span<Waiting*> batch) noexcept;
  void run(std::span<Waiting* const> batch) noexcept;
  // Returns false when the log could not be moved.
  bool make_room() noexcept;
  bool has_room() noexcept;
  void empty_log();
  bool attempt(std::span<Waiting* const> batch, bool flush);
  bool run_all(std::span<Waiting* const> batch, bool savepoints);
  void run_one(Waiting& waiting);
  void commit(bool flush, std::size_t writes);
  void start_writing_log(bool flushed) noexcept;
  void roll_back() noexcept;
  void after_batch() noexcept;
  void move_log(int mode);
  // Returns the bytes in the log; its file is longer.
  [[nodiscard]] std::uint64_t log_bytes() const;
  void flush_content();
  void flush_log();
  // Makes a barrier, in relaxed durability, in the leading thread: from now on a power cut loses
  // nothing that was committed so far.
  void barrier();
  void start_barriers();
  void give_back_space(Connection& connection);
  void shrink();
  // Ends all writing when the error says that the disk lost a write.
  void see_error(const Error& error) noexcept;
  void disk_failed(const Failure& failure) noexcept;
  void refuse_if_failed() const;
  // Returns true when the log is to be moved into the database.
  [[nodiscard]] bool log_is_long() noexcept;
  // Returns true when that cannot wait, because the disk is nearly full.
  [[nodiscard]] bool log_is_scarce() noexcept;

  std::unique_ptr<Connection> connection_;
  ReaderPool& readers_;
  Options options_;
  DiskReserve reserve_;
  std::optional<BarrierFile> barriers_;  // in relaxed durability
  bool since_barrier_ = true;            // something was committed since the last barrier
  std::int64_t page_bytes_;              // older databases have larger ones
  Queries queries_;
  WriteTransaction transaction_;
  Counters counters_;  // as committed
  Statement begin_, commit_, rollback_, savepoint_, release_, rollback_to_;
  bool unflushed_commits_ = false;
  // The disk was full and has had no room since: only writes that take no space are done.
  bool disk_is_full_ = false;
  bool grew_ = false;  // a closure of the batch takes space, and changes no accounts
  std::int64_t wal_pages_ = 0;
  std::int64_t begun_pages_ = 0;
  std::int64_t tried_pages_ = 0;  // pages in the log after the last attempt to move it
  std::atomic<bool> failed_{false};
  std::atomic<int> log_holds_{0};
  std::atomic<Keeping> keeping_{Keeping{}};

  std::mutex mutex_;  // guards the four below, but for the lines' answers
  bool led_ = false;
  bool handed_over_ = false;  // the writing thread is to take the lead
  bool ending_ = false;
  // The first line is for writes that need no flush, so that they do not wait for one; the second
  // is for writes that need it.
  std::array<Line, 2> lines_;
  std::condition_variable hand_over_;

  // Guards accounts_ against readers in other threads than the leading one.
  mutable std::mutex accounts_mutex_;
  std::shared_ptr<const Accounts> accounts_;  // as committed

  ChangeWaits waits_;

  mutable std::mutex stats_mutex_;
  NamespaceStats stats_;

  // Owned by the leading thread.
  std::vector<Waiting*> batch_;
  bool in_company_ = false;  // other threads wrote, or waited to write, at the last batch
  std::thread thread_;
};

}  // namespace holdfast::storage::sqlite
