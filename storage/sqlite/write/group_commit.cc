#include "storage/sqlite/write/group_commit.h"

#include <algorithm>
#include <bit>
#include <cstdint>
#include <exception>
#include <fcntl.h>
#include <new>
#include <system_error>
#include <unistd.h>
#include <utility>

#include "storage/sqlite/file/wal_vfs.h"

namespace holdfast::storage::sqlite {

namespace {

constexpr std::int64_t kFrameHeaderBytes = 24;  // before each page in the log
constexpr std::int64_t kMostLogBytes = 64LL << 20;
constexpr std::size_t kUsualWaiting = 64;
constexpr std::size_t kBuckets = 12;  // ≤1, ≤2, …, ≤1024, more

// Returns a copy of the exception being handled, for one thread. Only the runtime's reference count
// orders the accesses of threads that share one exception, and ThreadSanitizer does not see that.
std::exception_ptr copy_of_error() noexcept {
  try {
    try {
      throw;
    } catch (const Error& error) {
      return std::make_exception_ptr(Error(error.fault(), error.what()));
    }
  } catch (...) {
    return std::current_exception();  // another type, or no memory for a copy
  }
}

}  // namespace

// Work for the leading thread: a closure of a batch (`fn`), or a function that runs outside any
// transaction (`alone`).
struct GroupCommit::Waiting {
  Need need = Need::no_flush;
  const std::function<void(WriteTransaction&)>* fn = nullptr;
  const std::function<void(Connection&)>* alone = nullptr;
  std::exception_ptr error = nullptr;
  std::optional<fiber::Event> parked{};  // set when it is answered; nullopt: a thread waits
};

GroupCommit::GroupCommit(std::unique_ptr<Connection> connection, ReaderPool& readers,
                         std::string epoch, DiskReserve reserve, Options options)
    : connection_(std::move(connection)),
      readers_(readers),
      options_(std::move(options)),
      reserve_(std::move(reserve)),
      page_bytes_(connection_->integer("PRAGMA page_size")),
      queries_(*connection_, std::move(epoch), readers.commits, Queries::Remembers::writes),
      transaction_(*connection_, queries_),
      begin_(*connection_, "BEGIN IMMEDIATE"),
      commit_(*connection_, "COMMIT"),
      rollback_(*connection_, "ROLLBACK"),
      savepoint_(*connection_, "SAVEPOINT closure"),
      release_(*connection_, "RELEASE closure"),
      rollback_to_(*connection_, "ROLLBACK TO closure") {
  counters_ = read_counters(*connection_);
  accounts_ = read_accounts(*connection_);
  // These statements are prepared now, because ending a transaction must not fail for want of
  // memory.
  for (Statement* end : {&commit_, &rollback_, &release_, &rollback_to_}) (void)end->handle();
  (void)has_room();
  start_barriers();
  stats_.batch_size_buckets.resize(kBuckets);
  readers_.commits.locks = counters_.locks;
  stats_.locks = static_cast<std::uint64_t>(counters_.locks);
  stats_.usage = {static_cast<std::uint64_t>(counters_.resources),
                  static_cast<std::uint64_t>(counters_.bytes)};
  sqlite3_wal_hook(
      connection_->handle(),
      [](void* self, sqlite3*, const char*, int pages) {
        auto* writer = static_cast<GroupCommit*>(self);
        if (pages < writer->wal_pages_) writer->tried_pages_ = 0;  // the log was reset
        writer->wal_pages_ = pages;
        return SQLITE_OK;
      },
      this);
  for (Line& line : lines_) line.queue.reserve(kUsualWaiting);
  batch_.reserve(kUsualWaiting);
  try {
    thread_ = std::thread([this] { take_over(); });
  } catch (const std::system_error& error) {
    throw OpenError(std::string("Cannot start the writing thread: ") + error.what() + ".");
  }
}

GroupCommit::~GroupCommit() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  hand_over_.notify_one();
  thread_.join();
  if (failed_) return;  // the next start recovers; nothing more may be written
  try {
    since_barrier_ = true;
    connection_->execute("UPDATE meta SET clean = 1");
    sqlite3_busy_timeout(connection_->handle(), 0);
    move_log(SQLITE_CHECKPOINT_TRUNCATE);
  } catch (const std::exception&) {
    // The next start then finds an unclean shutdown, which is the truth.
  }
}

void GroupCommit::refuse_if_failed() const {
  if (failed_) throw Error(Fault::unavailable, "the disk failed; no writes until a restart");
}

// If `on_failure` throws for want of memory, the process ends at once, because this is noexcept.
void GroupCommit::disk_failed(const Failure& failure) noexcept {
  if (!failed_.exchange(true) && options_.on_failure) options_.on_failure(failure);
}

void GroupCommit::see_error(const Error& error) noexcept {
  const auto* sql = dynamic_cast<const SqlError*>(&error);
  if (sql != nullptr && sql->fatal())
    disk_failed({error.what(), error.fault() == Fault::read_only});
}

void GroupCommit::write(Need need, const std::function<void(WriteTransaction&)>& fn) {
  refuse_if_failed();
  Waiting own{.need = need, .fn = &fn};
  submit(own);
}

void GroupCommit::alone(const std::function<void(Connection&)>& fn) {
  Waiting own{.alone = &fn};
  submit(own);
}

void GroupCommit::submit(Waiting& own) {
  Line& line = line_of(own);
  std::uint32_t batch = 0;
  bool leads = false;
  {
    const std::lock_guard lock(mutex_);
    leads = !std::exchange(led_, true);
    if (!leads && !fiber::Fiber::thread_may_wait()) own.parked.emplace();
    line.queue.push_back(&own);
    batch = line.forming;
  }
  if (leads) {
    if (in_company_) std::this_thread::yield();
    serve(line);
    give_up_lead();
  } else if (own.parked) {
    own.parked->wait();
  } else {
    line.await(batch);
    fiber::Fiber::thread_waited();
  }
  if (own.error) std::rethrow_exception(own.error);
}

GroupCommit::Line& GroupCommit::line_of(const Waiting& waiting) {
  const bool flushes = options_.durability == Durability::full && waiting.need == Need::flush;
  return lines_[flushes ? 1 : 0];
}

void GroupCommit::Line::await(std::uint32_t batch) {
  std::atomic<std::uint32_t>& answered = answers[batch % 2];
  // Numbers wrap, and a later batch may have been answered already, so the difference is compared.
  for (std::uint32_t last = answered.load(); static_cast<std::int32_t>(last - batch) < 0;
       last = answered.load())
    answered.wait(last);
}

void GroupCommit::give_up_lead() {
  const bool more = log_is_long();
  const std::lock_guard lock(mutex_);
  const bool others = anybody_waits();
  in_company_ = in_company_ || others;
  led_ = handed_over_ = more || others;
  if (led_) hand_over_.notify_one();
}

void GroupCommit::take_over() {
  for (;;) {
    {
      std::unique_lock lock(mutex_);
      hand_over_.wait(lock, [this] { return handed_over_ || ending_; });
      if (!handed_over_) return;
      handed_over_ = false;
    }
    lead();
  }
}

void GroupCommit::lead() {
  for (bool first = true;; first = false) {
    std::this_thread::yield();
    {
      const std::lock_guard lock(mutex_);
      led_ = first || anybody_waits();
      if (!led_) return;
    }
    for (Line& line : lines_) serve(line);
    after_batch();
  }
}

bool GroupCommit::anybody_waits() const {
  return std::any_of(lines_.begin(), lines_.end(),
                     [](const Line& line) { return !line.queue.empty(); });
}

void GroupCommit::serve(Line& line) {
  std::uint32_t number = 0;
  {
    const std::lock_guard lock(mutex_);
    if (line.queue.empty()) return;
    batch_.swap(line.queue);
    number = line.forming++;
  }
  execute(batch_);
  in_company_ = batch_.size() > 1;
  // Who waits destroys what was handed in as soon as the answer is there: a fiber that waits for
  // its event at once, a thread when it sees this number.
  for (Waiting* waiting : batch_)
    if (waiting->parked) waiting->parked->set();
  batch_.clear();
  line.answers[number % 2].store(number);
  line.answers[number % 2].notify_all();
}

void GroupCommit::execute(std::span<Waiting*> batch) noexcept {
  const auto alone = std::partition(batch.begin(), batch.end(),
                                    [](const Waiting* waiting) { return waiting->fn != nullptr; });
  const std::span<Waiting*> together(batch.begin(), alone);
  if (!together.empty()) run(together);
  for (Waiting* waiting : batch.subspan(together.size())) {
    try {
      (*waiting->alone)(*connection_);
    } catch (...) {
      waiting->error = std::current_exception();
    }
  }
}

void GroupCommit::run(std::span<Waiting* const> batch) noexcept {
  const bool wanted = std::any_of(batch.begin(), batch.end(), [](const Waiting* waiting) {
    return waiting->need == Need::flush;
  });
  try {
    refuse_if_failed();
    const bool full = options_.durability == Durability::full;
    if (disk_is_full_) disk_is_full_ = !has_room();
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
    see_error(error);
    for (Waiting* waiting : batch) waiting->error = copy_of_error();
  } catch (...) {
    roll_back();
    for (Waiting* waiting : batch) waiting->error = copy_of_error();
  }
}

// Empties the log on a full disk. The log has its own space, and the database has space for all
// that the log holds. Once the log has been moved, its space is free for the next removals.
bool GroupCommit::make_room() noexcept {
  disk_is_full_ = true;
  try {
    empty_log();
    return true;
  } catch (const Error& error) {
    see_error(error);
    return false;
  }
}

// Returns true when the disk has room for more than removals; then the log gets its full reserve,
// too.
bool GroupCommit::has_room() noexcept {
  if (!reserve_.fits_twice()) return false;
  keep_log(connection_->handle(), static_cast<std::int64_t>(reserve_.bytes()));
  return true;
}

// Runs a batch in one transaction. Returns false when it was rolled back because a closure in it
// needs a flush after all.
bool GroupCommit::attempt(std::span<Waiting* const> batch, bool flush) {
  // Most closures that are refused throw before they have changed anything, so there is nothing to
  // undo. The first attempt therefore has no savepoints, which cost as much as a small write.
  if (!run_all(batch, false)) {
    roll_back();
    run_all(batch, true);
  }
  if (!flush && options_.durability == Durability::full && transaction_.save().must_flush) {
    roll_back();
    return false;
  }
  commit(flush, batch.size());
  return true;
}

// Returns false when a closure threw after it had changed something and there is no savepoint to
// return to.
bool GroupCommit::run_all(std::span<Waiting* const> batch, bool savepoints) {
  for (Waiting* waiting : batch) waiting->error = nullptr;
  grew_ = false;
  Run(begin_).done();
  transaction_.begin(counters_, accounts_);
  queries_.has_locks(counters_.locks > 0);
  for (Waiting* waiting : batch) {
    queries_.begin(options_.clock->lease(), options_.clock->wall());
    transaction_.begin_closure(keeping_);
    const WriteTransaction::State saved = transaction_.save();
    if (savepoints) Run(savepoint_).done();
    run_one(*waiting);
    if (waiting->error) {
      // On some errors SQLite rolls back the whole transaction by itself: then the whole batch is
      // lost.
      if (!connection_->in_transaction()) std::rethrow_exception(waiting->error);
      if (savepoints) {
        Run(rollback_to_).done();
        queries_.forget();
      } else if (transaction_.save().begun != saved.begun) {
        return false;
      }
      transaction_.restore(saved);
    }
    if (savepoints) Run(release_).done();
  }
  return true;
}

void GroupCommit::run_one(Waiting& waiting) {
  try {
    transaction_.begin_closure();
    (*waiting.fn)(transaction_);
    // An administrator's commands must be possible then, too: they have the database's spare bytes.
    const WriteTransaction::State& now = transaction_.save();
    const bool grew = now.grew && !now.administers;
    if (disk_is_full_ && grew) throw Error(Fault::full, "the disk is full");
    grew_ = grew_ || grew;
  } catch (const SqlError& error) {
    if (error.fatal() || (error.disk_full() && !disk_is_full_)) throw;
    waiting.error = std::current_exception();
  } catch (...) {
    waiting.error = std::current_exception();  // a refusal, for this caller only
  }
}

void GroupCommit::commit(bool flush, std::size_t writes) {
  if (!transaction_.save().changed) {
    roll_back();  // a commit would write, and flush, the pages that refused closures touched
    return;
  }
  transaction_.write_tags();
  if (!transaction_.save().counters.same_but_locks(counters_)) transaction_.write_counters();
  const Counters now = transaction_.save().counters;
  try {
    const CommitCounter::Making making(readers_.commits);
    const UnflushedCommits unflushed(connection_->handle(), !flush);
    const SpareKept spare(connection_->handle(), grew_);
    Run(commit_).done();
  } catch (const SqlError& error) {
    // The log may have the whole transaction, and the next start may find it there.
    if (error.fault() == Fault::busy) throw Error(Fault::unavailable, error.what());
    throw;
  }
  counters_ = now;
  transaction_.committed();
  readers_.commits.locks = now.locks;
  unflushed_commits_ = !flush;
  since_barrier_ = true;
  start_writing_log(flush);
  const bool rights_changed = transaction_.save().accounts != accounts_;
  if (rights_changed) {
    const std::lock_guard lock(accounts_mutex_);
    accounts_ = transaction_.save().accounts;
  }
  if (waits_.count() > 0) {
    if (rights_changed || transaction_.all_tags_changed()) {
      waits_.all_changed();
    } else {
      waits_.changed(transaction_.tagged(), transaction_.left());
    }
  }

  const std::lock_guard lock(stats_mutex_);
  stats_.wal_bytes = log_bytes();
  ++stats_.batches;
  if (flush) ++stats_.flushed_batches;
  stats_.writes += writes;
  stats_.largest_batch = std::max<std::uint64_t>(stats_.largest_batch, writes);
  const auto bucket = static_cast<std::size_t>(std::bit_width(writes - 1));
  ++stats_.batch_size_buckets[std::min(bucket, kBuckets - 1)];
  stats_.locks = static_cast<std::uint64_t>(now.locks);
  stats_.usage = {static_cast<std::uint64_t>(now.resources), static_cast<std::uint64_t>(now.bytes)};
}

std::uint64_t GroupCommit::log_bytes() const {
  return static_cast<std::uint64_t>(wal_pages_ * (page_bytes_ + kFrameHeaderBytes));
}

// What is not flushed now must be flushed when the log is moved, while all writes wait. So the
// kernel is asked to begin writing early; this is only a hint.
void GroupCommit::start_writing_log(bool flushed) noexcept {
  const std::int64_t frame = page_bytes_ + kFrameHeaderBytes;
  if (flushed || wal_pages_ < begun_pages_) begun_pages_ = wal_pages_;
  if (wal_pages_ - begun_pages_ < 256) return;
  const char* path = sqlite3_filename_wal(sqlite3_db_filename(connection_->handle(), "main"));
  const int fd = ::open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return;
  ::sync_file_range(fd, begun_pages_ * frame, (wal_pages_ - begun_pages_) * frame,
                    SYNC_FILE_RANGE_WRITE);
  ::close(fd);
  begun_pages_ = wal_pages_;
}

void GroupCommit::roll_back() noexcept {
  if (connection_->in_transaction()) {
    sqlite3_step(rollback_.handle());
    sqlite3_reset(rollback_.handle());
  }
  queries_.forget();
}

// The pages are counted from the last attempt, whatever it moved: while a reader holds the log, as
// a backup does for long, an attempt after every batch would make every write wait.
bool GroupCommit::log_is_scarce() noexcept {
  const std::int64_t pages = wal_pages_ - tried_pages_;
  return reserve_.wants_short_log(static_cast<std::uint64_t>(pages * page_bytes_));
}

bool GroupCommit::log_is_long() noexcept {
  if (failed_) return false;
  return wal_pages_ - tried_pages_ >= options_.checkpoint_pages || log_is_scarce();
}

void GroupCommit::after_batch() noexcept {
  if (!log_is_long()) return;
  const bool scarce = log_is_scarce();
  try {
    if (scarce || wal_pages_ * page_bytes_ > kMostLogBytes) {
      empty_log();
    } else {
      move_log(SQLITE_CHECKPOINT_PASSIVE);
    }
  } catch (const Error& error) {
    see_error(error);
    // A log that cannot be moved must not grow further.
    if (error.fault() == Fault::full) make_room();
  } catch (const std::bad_alloc&) {
    // The attempt is repeated after the next batch.
  }
}

void GroupCommit::empty_log() {
  // Most readers are short. A long one must not delay writers for long, so the timeout is 250 ms.
  sqlite3_busy_timeout(connection_->handle(), 250);
  try {
    move_log(SQLITE_CHECKPOINT_TRUNCATE);
  } catch (...) {
    sqlite3_busy_timeout(connection_->handle(), 5000);
    throw;
  }
  sqlite3_busy_timeout(connection_->handle(), 5000);
}

void GroupCommit::move_log(int mode) {
  // What a power cut may undo must not come into the database.
  if (barriers_) barrier();
  if (log_holds_ > 0) {
    tried_pages_ = wal_pages_;
    return;
  }
  int pages = 0;
  const ReaderPool::Pause pause(readers_);
  const int code = sqlite3_wal_checkpoint_v2(connection_->handle(), nullptr, mode, &pages, nullptr);
  // SQLITE_BUSY means that a reader is in the way; what could be moved was moved.
  if (code != SQLITE_OK && (code & 0xff) != SQLITE_BUSY) {
    connection_->fail(code, Connection::kCheckpoint);
  }
  wal_pages_ = std::max(pages, 0);
  tried_pages_ = wal_pages_;
  const std::lock_guard lock(stats_mutex_);
  stats_.wal_bytes = log_bytes();
}

void GroupCommit::start_barriers() {
  BarrierFile barriers(connection_->path());
  if (options_.durability == Durability::relaxed) {
    barriers_ = barriers;
    barrier();
  } else if (barriers.read()) {
    // From here on every commit is flushed, and none may be cut off.
    flush_content();
    flush_log();
    barriers.end();
  }
}

// The order makes the barrier true: what the log names is on disk before the log, and the log
// before the record of its length.
void GroupCommit::barrier() {
  if (!since_barrier_) return;
  flush_content();
  flush_log();
  try {
    barriers_->write({.salts = log_salts(connection_->handle()),
                      .frames = wal_pages_,
                      .next_content = counters_.next_content});
  } catch (const Error& error) {
    if (error.fault() != Fault::full)
      disk_failed({error.what(), error.fault() == Fault::read_only});
    throw;
  }
  since_barrier_ = unflushed_commits_ = false;
}

std::shared_ptr<void> GroupCommit::hold_log() {
  // The function runs alone, so nobody moves the log at that moment.
  alone([this](Connection&) { ++log_holds_; });
  return {this, [](void* self) { --static_cast<GroupCommit*>(self)->log_holds_; }};
}

void GroupCommit::flush_log() {
  if (const int code = sqlite::flush_log(connection_->handle()); code != SQLITE_OK)
    connection_->fail(code, "flush of the log");
  unflushed_commits_ = false;
}

void GroupCommit::checkpoint() {
  refuse_if_failed();
  if (barriers_) {
    // No write waits for the flush of most files: the second call flushes only files that were
    // sealed during the first.
    flush_content();
    flush_content();
  }
  alone([this](Connection& connection) {
    try {
      refuse_if_failed();
      if (disk_is_full_) {
        shrink();
      } else {
        give_back_space(connection);
      }
      // A checkpoint does not flush the log when a reader holds it.
      if (unflushed_commits_ && !barriers_) flush_log();
      sqlite3_busy_timeout(connection.handle(), 0);
      move_log(SQLITE_CHECKPOINT_TRUNCATE);
      sqlite3_busy_timeout(connection.handle(), 5000);
      disk_is_full_ = !has_room() && disk_is_full_;
    } catch (const Error& error) {
      roll_back();
      sqlite3_busy_timeout(connection.handle(), 5000);
      see_error(error);
      if (error.fault() == Fault::full && make_room()) return;
      throw;
    }
  });
}

// Returns free pages to the disk, some at a time, so that the file shrinks after a large removal.
void GroupCommit::give_back_space(Connection& connection) {
  constexpr std::int64_t kKeptPages = 4096;
  std::int64_t free = connection.integer("PRAGMA freelist_count");
  if (free > kKeptPages) {
    unflushed_commits_ = since_barrier_ = true;
    connection.execute("PRAGMA incremental_vacuum(2048)");
    free = connection.integer("PRAGMA freelist_count");
  }
  const std::lock_guard lock(stats_mutex_);
  stats_.returnable_bytes =
      static_cast<std::uint64_t>(std::max<std::int64_t>(free - kKeptPages, 0) * page_bytes_);
}

// Returns every free page to the full disk, in steps whose log fits into the log's own space.
void GroupCommit::shrink() {
  constexpr int kMostSteps = 256;
  for (int i = 0; i < kMostSteps; ++i) {
    move_log(SQLITE_CHECKPOINT_TRUNCATE);
    if (connection_->integer("PRAGMA freelist_count") == 0) return;
    unflushed_commits_ = since_barrier_ = true;
    connection_->execute("PRAGMA incremental_vacuum(16)");
  }
}

// A flush that failed is never tried again: Linux reports a lost write only once
// (docs/robustness.md D10).
void GroupCommit::flush_content() {
  try {
    options_.flush_content();
  } catch (const Error& error) {
    disk_failed({error.what(), error.fault() == Fault::read_only});
    throw;
  }
}

std::shared_ptr<const Accounts> GroupCommit::accounts() const {
  const std::lock_guard lock(accounts_mutex_);
  return accounts_;
}

NamespaceStats GroupCommit::stats() const {
  const std::lock_guard lock(stats_mutex_);
  return stats_;
}

}  // namespace holdfast::storage::sqlite
