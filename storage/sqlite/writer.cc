#include "storage/sqlite/writer.h"

#include <algorithm>
#include <bit>
#include <condition_variable>
#include <exception>
#include <new>

namespace holdfast::storage::sqlite {

namespace {

constexpr std::int64_t kMostLogBytes = 64LL << 20;
constexpr std::int64_t kPageBytes = 8192;
constexpr std::size_t kBuckets = 12;  // ≤1, ≤2, …, ≤1024, more

// The exception being handled, for one thread: threads that read and destroy one object together
// have only the runtime's own counting between them, which no checker of threads sees.
std::exception_ptr copy_of_error() noexcept {
  try {
    try {
      throw;
    } catch (const Error& error) {
      return std::make_exception_ptr(Error(error.fault(), error.what()));
    }
  } catch (...) {
    return std::current_exception();  // another one, or no memory for a copy
  }
}

}  // namespace

struct Writer::Waiting {
  Waiting(Need wanted, const std::function<void(Acts&)>* closure) : need(wanted), fn(closure) {}
  Need need;
  const std::function<void(Acts&)>* fn;  // none: this one only wants to be alone
  std::exception_ptr error;
  enum class Woken { no, to_lead, answered } woken = Woken::no;
  std::condition_variable wake;
};

Writer::Writer(std::unique_ptr<Connection> connection, std::string epoch, Reserve reserve,
               Options options)
    : connection_(std::move(connection)),
      options_(std::move(options)),
      reserve_(std::move(reserve)),
      queries_(*connection_, std::move(epoch)),
      acts_(*connection_, queries_, options_.durability, [this] { flush_content(); }),
      begin_(*connection_, "BEGIN IMMEDIATE"),
      commit_(*connection_, "COMMIT"),
      rollback_(*connection_, "ROLLBACK"),
      savepoint_(*connection_, "SAVEPOINT closure"),
      release_(*connection_, "RELEASE closure"),
      rollback_to_(*connection_, "ROLLBACK TO closure") {
  counters_ = read_counters(*connection_);
  accounts_ = read_accounts(*connection_);
  // What ends a transaction must not fail for want of memory.
  for (Statement* end : {&commit_, &rollback_, &release_, &rollback_to_}) (void)end->handle();
  reserve_.take();
  stats_.batch_size_buckets.resize(kBuckets);
  stats_.locks = static_cast<std::uint64_t>(counters_.locks);
  stats_.usage = {static_cast<std::uint64_t>(counters_.resources),
                  static_cast<std::uint64_t>(counters_.bytes)};
  sqlite3_wal_hook(
      connection_->handle(),
      [](void* self, sqlite3*, const char*, int pages) {
        auto* writer = static_cast<Writer*>(self);
        if (pages < writer->wal_pages_) writer->tried_pages_ = 0;  // the log began again
        writer->wal_pages_ = pages;
        return SQLITE_OK;
      },
      this);
}

Writer::~Writer() {
  if (failed_) return;  // the next start recovers; nothing more may be written
  try {
    set_flush(true);
    connection_->execute("UPDATE meta SET clean = 1");
    sqlite3_busy_timeout(connection_->handle(), 0);
    move_log(SQLITE_CHECKPOINT_TRUNCATE);
  } catch (const std::exception&) {
    // Then the next start finds an unclean shutdown, which it is.
  }
}

void Writer::refuse_if_failed() const {
  if (failed_) throw Error(Fault::unavailable, "the disk failed; no writes until a restart");
}

// If this cannot be told, for want of memory, the process ends at once instead.
void Writer::disk_failed(const std::string& detail) noexcept {
  if (!failed_.exchange(true) && options_.on_failure) options_.on_failure(detail);
}

bool Writer::wait(Waiting& waiting) {
  std::unique_lock lock(mutex_);
  if (!led_) {
    led_ = true;
    return true;
  }
  queue_.push_back(&waiting);
  waiting.wake.wait(lock, [&] { return waiting.woken != Waiting::Woken::no; });
  return waiting.woken == Waiting::Woken::to_lead;
}

// Under the mutex: a follower and its `Waiting` are gone as soon as it can see the answer.
void Writer::answer(std::span<Waiting* const> followers) {
  const std::lock_guard lock(mutex_);
  for (Waiting* follower : followers) {
    follower->woken = Waiting::Woken::answered;
    follower->wake.notify_one();
  }
}

// To the one who waits longest; it takes the others along.
void Writer::pass_lead() {
  const std::lock_guard lock(mutex_);
  if (queue_.empty()) {
    led_ = false;
    return;
  }
  Waiting* next = queue_.front();
  queue_.erase(queue_.begin());
  next->woken = Waiting::Woken::to_lead;
  next->wake.notify_one();
}

void Writer::write(Need need, const std::function<void(Acts&)>& fn) {
  refuse_if_failed();
  Waiting own(need, &fn);
  if (wait(own)) {
    // Whatever happens, the others get their answers and the lead goes on, or nobody writes again.
    Waiting* only = &own;
    std::vector<Waiting*> all;
    std::span<Waiting* const> batch(&only, 1);
    {
      const std::lock_guard lock(mutex_);
      const auto rest = std::stable_partition(queue_.begin(), queue_.end(),
                                              [](const Waiting* w) { return w->fn != nullptr; });
      try {
        all.push_back(&own);
        all.insert(all.end(), queue_.begin(), rest);
        queue_.erase(queue_.begin(), rest);
        batch = all;
      } catch (const std::bad_alloc&) {
        // This one alone; one of the others leads the next batch.
      }
    }
    run(batch);
    answer(batch.subspan(1));
    after_batch();
    pass_lead();
  }
  if (own.error) std::rethrow_exception(own.error);
}

void Writer::alone(const std::function<void(Connection&)>& fn) {
  Waiting own(Need::no_flush, nullptr);
  (void)wait(own);  // nobody answers it: it is woken to lead
  try {
    fn(*connection_);
  } catch (...) {
    own.error = std::current_exception();
  }
  pass_lead();
  if (own.error) std::rethrow_exception(own.error);
}

void Writer::run(std::span<Waiting* const> batch) noexcept {
  const bool wanted = std::any_of(batch.begin(), batch.end(), [](const Waiting* waiting) {
    return waiting->need == Need::flush;
  });
  try {
    refuse_if_failed();
    const bool full = options_.durability == Durability::full;
    if (disk_is_full_) disk_is_full_ = !reserve_.take();
    const auto attempt_all = [&] {
      if (!attempt(batch, full && wanted)) attempt(batch, true);
    };
    try {
      attempt_all();
    } catch (const SqlError& error) {
      if (!error.disk_full()) throw;
      roll_back();
      make_room();
      attempt_all();
    }
  } catch (const SqlError& error) {
    roll_back();
    if (error.fatal()) disk_failed(error.what());
    for (Waiting* waiting : batch) waiting->error = copy_of_error();
  } catch (...) {
    roll_back();
    for (Waiting* waiting : batch) waiting->error = copy_of_error();
  }
}

// On a full disk: with the reserve, the log has room for a removal, and for being moved into the
// database, after which all of its own room is free as well.
bool Writer::make_room() noexcept {
  reserve_.release();
  disk_is_full_ = true;
  try {
    empty_log();
    return true;
  } catch (const SqlError& error) {
    if (error.fatal()) disk_failed(error.what());
    return false;
  }
}

// One transaction. False when it was rolled back because something in it wants a flush after all.
bool Writer::attempt(std::span<Waiting* const> batch, bool flush) {
  set_flush(flush);
  for (Waiting* waiting : batch) waiting->error = nullptr;
  Run(begin_).done();
  acts_.begin(counters_, accounts_);
  for (Waiting* waiting : batch) run_one(*waiting);
  if (!flush && options_.durability == Durability::full && acts_.save().must_flush) {
    roll_back();
    return false;
  }
  commit(flush, batch.size());
  return true;
}

void Writer::run_one(Waiting& waiting) {
  queries_.begin(options_.clock->lease(), options_.clock->wall());
  const Acts::State saved = acts_.save();
  Run(savepoint_).done();
  try {
    (*waiting.fn)(acts_);
    if (disk_is_full_ && acts_.save().grew) throw Error(Fault::full, "the disk is full");
  } catch (...) {
    waiting.error = std::current_exception();
  }
  if (waiting.error) {
    // On some errors SQLite ends the whole transaction by itself: then all of the batch is lost.
    if (!connection_->in_transaction()) std::rethrow_exception(waiting.error);
    Run(rollback_to_).done();
    acts_.restore(saved);
    try {
      std::rethrow_exception(waiting.error);
    } catch (const SqlError& error) {
      if (error.fatal() || (error.disk_full() && !disk_is_full_)) throw;
    } catch (...) {
      // A refusal: for its caller only.
    }
  }
  Run(release_).done();
}

void Writer::commit(bool flush, std::size_t writes) {
  if (!acts_.save().changed) {
    roll_back();  // a commit would write, and flush, the pages that refused closures touched
    return;
  }
  const Counters now = acts_.save().counters;
  if (!(now == counters_)) acts_.write_counters();
  try {
    Run(commit_).done();
  } catch (const SqlError& error) {
    // The log may have all of it, and the next start may find it there.
    if (error.fault() == Fault::busy) throw Error(Fault::unavailable, error.what());
    throw;
  }
  counters_ = now;
  unflushed_commits_ = !flush;
  if (acts_.save().accounts != accounts_) {
    const std::lock_guard lock(accounts_mutex_);
    accounts_ = acts_.save().accounts;
  }

  const std::lock_guard lock(stats_mutex_);
  ++stats_.batches;
  if (flush) ++stats_.flushed_batches;
  stats_.writes += writes;
  stats_.largest_batch = std::max<std::uint64_t>(stats_.largest_batch, writes);
  const auto bucket = static_cast<std::size_t>(std::bit_width(writes - 1));
  ++stats_.batch_size_buckets[std::min(bucket, kBuckets - 1)];
  stats_.locks = static_cast<std::uint64_t>(now.locks);
  stats_.usage = {static_cast<std::uint64_t>(now.resources), static_cast<std::uint64_t>(now.bytes)};
}

// The setting takes effect when its statement is prepared, so it cannot be a kept one.
void Writer::set_flush(bool flush) {
  if (flush == flushing_) return;
  connection_->execute(flush ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL");
  flushing_ = flush;
}

void Writer::roll_back() noexcept {
  if (connection_->in_transaction()) {
    sqlite3_step(rollback_.handle());
    sqlite3_reset(rollback_.handle());
  }
  queries_.locks_changed();
}

void Writer::after_batch() noexcept {
  if (failed_) return;
  // Counted from the last try and not from what it moved: while a reader holds the log, as a backup
  // does for long, a try at every batch would make every write wait.
  const std::int64_t pages = wal_pages_ - tried_pages_;
  const bool scarce = reserve_.wants_short_log(static_cast<std::uint64_t>(pages * kPageBytes));
  if (pages < options_.checkpoint_pages && !scarce) return;
  try {
    if (scarce || wal_pages_ * kPageBytes > kMostLogBytes) {
      empty_log();
    } else {
      move_log(SQLITE_CHECKPOINT_PASSIVE);
    }
  } catch (const SqlError& error) {
    if (error.fatal()) disk_failed(error.what());
    // A log that cannot be moved must not grow on.
    if (error.disk_full()) make_room();
  } catch (const std::bad_alloc&) {
    // The next batch tries again.
  }
}

void Writer::empty_log() {
  // Readers are short; one that is not must not hold up writers for long.
  sqlite3_busy_timeout(connection_->handle(), 250);
  try {
    move_log(SQLITE_CHECKPOINT_TRUNCATE);
  } catch (...) {
    sqlite3_busy_timeout(connection_->handle(), 5000);
    throw;
  }
  sqlite3_busy_timeout(connection_->handle(), 5000);
}

void Writer::move_log(int mode) {
  int pages = 0;
  const int code = sqlite3_wal_checkpoint_v2(connection_->handle(), nullptr, mode, &pages, nullptr);
  // Even when a reader is in the way, what could be moved was moved.
  if (code != SQLITE_OK && (code & 0xff) != SQLITE_BUSY) {
    connection_->fail(code, Connection::kCheckpoint);
  }
  wal_pages_ = std::max(pages, 0);
  tried_pages_ = wal_pages_;
}

void Writer::checkpoint() {
  refuse_if_failed();
  if (options_.durability == Durability::relaxed) {
    // What is sealed by now is on disk after the flush, so its rows need no fallback any more.
    std::int64_t newest = 0;
    write(Need::no_flush, [&](Acts& acts) { newest = acts.newest_unflushed(); });
    flush_content();
    if (newest > 0) write(Need::no_flush, [&](Acts& acts) { acts.forget_unflushed(newest); });
  }
  alone([this](Connection& connection) {
    try {
      refuse_if_failed();
      if (disk_is_full_) {
        shrink();
      } else {
        give_back_space(connection);
      }
      if (unflushed_commits_) {
        // A checkpoint does not flush the log when a reader holds it, but a flushed commit does.
        set_flush(true);
        Run(begin_).done();
        acts_.begin(counters_, accounts_);
        acts_.mark_flush();
        Run(commit_).done();
        unflushed_commits_ = false;
      }
      sqlite3_busy_timeout(connection.handle(), 0);
      move_log(SQLITE_CHECKPOINT_TRUNCATE);
      sqlite3_busy_timeout(connection.handle(), 5000);
      disk_is_full_ = !reserve_.take() && disk_is_full_;
    } catch (const SqlError& error) {
      roll_back();
      sqlite3_busy_timeout(connection.handle(), 5000);
      if (error.fatal()) disk_failed(error.what());
      if (error.disk_full() && make_room()) return;
      throw;
    }
  });
}

// Returns free pages to the disk, some at a time, so that a large removal shows in its end.
void Writer::give_back_space(Connection& connection) {
  constexpr std::int64_t kKeptPages = 2048;
  if (connection.integer("PRAGMA freelist_count") <= kKeptPages) return;
  unflushed_commits_ = true;
  connection.execute("PRAGMA incremental_vacuum(4096)");
}

// On a full disk every free page goes back, in steps whose log fits into what the reserve left.
void Writer::shrink() {
  constexpr int kMostSteps = 256;
  for (int i = 0; i < kMostSteps; ++i) {
    move_log(SQLITE_CHECKPOINT_TRUNCATE);
    if (connection_->integer("PRAGMA freelist_count") == 0) return;
    unflushed_commits_ = true;
    connection_->execute("PRAGMA incremental_vacuum(16)");
  }
}

// A flush that failed is never tried again: Linux tells of a lost write once (robustness D10).
void Writer::flush_content() {
  try {
    options_.flush_content();
  } catch (const Error& error) {
    disk_failed(error.what());
    throw;
  }
}

std::shared_ptr<const Accounts> Writer::accounts() const {
  const std::lock_guard lock(accounts_mutex_);
  return accounts_;
}

NamespaceStats Writer::stats() const {
  const std::lock_guard lock(stats_mutex_);
  return stats_;
}

}  // namespace holdfast::storage::sqlite
