// Group commit on the one connection that ever writes or checkpoints. Any thread may call; the
// caller that comes first leads: it runs everything that waits, each closure in its own savepoint,
// in one transaction, and answers them all after one flush. It never waits for company, and hands
// the lead on. There is no thread of its own.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "storage/sqlite/acts.h"
#include "storage/sqlite/reserve.h"

namespace holdfast::storage::sqlite {

class Writer {
 public:
  struct Options {
    Durability durability = Durability::full;
    const Clock* clock = nullptr;
    std::function<void()> flush_content;
    // Called once, from a writing thread, when the disk has failed: from then on every write throws
    // Error{unavailable} (robustness D10).
    std::function<void(const std::string& detail)> on_failure = {};
    // Pages in the write-ahead log after which it is moved into the database.
    std::int64_t checkpoint_pages = 4000;
  };
  enum class Need { flush, no_flush };

  Writer(std::unique_ptr<Connection> connection, std::string epoch, Reserve reserve,
         Options options);
  ~Writer();
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;

  // Namespace::write, also for upkeep.
  void write(Need need, const std::function<void(Acts&)>& fn);
  // Makes every commit so far durable and moves the log into the database, truncating it when no
  // reader is in the way.
  void checkpoint();
  // Runs `fn` on the writing connection outside any transaction, alone.
  void alone(const std::function<void(Connection&)>& fn);

  [[nodiscard]] NamespaceStats stats() const;
  [[nodiscard]] std::shared_ptr<const Accounts> accounts() const;

 private:
  struct Waiting;

  void run(std::span<Waiting* const> batch) noexcept;
  // False when the log could not be moved all the same.
  bool make_room() noexcept;
  void empty_log();
  bool attempt(std::span<Waiting* const> batch, bool flush);
  void run_one(Waiting& waiting);
  void commit(bool flush, std::size_t writes);
  void set_flush(bool flush);
  void roll_back() noexcept;
  void after_batch() noexcept;
  void move_log(int mode);
  void flush_content();
  void give_back_space(Connection& connection);
  void shrink();
  void disk_failed(const std::string& detail) noexcept;
  void refuse_if_failed() const;
  // Waits until `waiting` is answered (false) or has to lead (true).
  [[nodiscard]] bool wait(Waiting& waiting);
  void answer(std::span<Waiting* const> followers);
  void pass_lead();

  std::unique_ptr<Connection> connection_;
  Options options_;
  Reserve reserve_;
  Queries queries_;
  Acts acts_;
  Counters counters_;  // as committed
  Statement begin_, commit_, rollback_, savepoint_, release_, rollback_to_;
  bool flushing_ = true;  // what PRAGMA synchronous says
  bool unflushed_commits_ = false;
  // The disk was full and the reserve is not back yet: only what takes no space is done.
  bool disk_is_full_ = false;
  std::int64_t wal_pages_ = 0;
  std::int64_t tried_pages_ = 0;  // its pages when they were last moved, or tried to be
  std::atomic<bool> failed_{false};

  std::mutex mutex_;  // guards the two below, and how a Waiting was woken
  std::vector<Waiting*> queue_;
  bool led_ = false;

  // Guards accounts_ where it is read without the lead, and where it is written.
  mutable std::mutex accounts_mutex_;
  std::shared_ptr<const Accounts> accounts_;  // as committed

  mutable std::mutex stats_mutex_;
  NamespaceStats stats_;
};

}  // namespace holdfast::storage::sqlite
