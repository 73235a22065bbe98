#include "storage/sqlite/reader_pool.h"

#include "storage/sqlite/schema.h"

namespace holdfast::storage::sqlite {

namespace {

// Steps of SQLite's machine between two looks at the clock: some tens of microseconds.
constexpr int kStepsPerLook = 2000;

int is_late(void* self) {
  const auto* reader = static_cast<const Reader*>(self);
  return reader->clock != nullptr && reader->clock->lease() > reader->deadline ? 1 : 0;
}

}  // namespace

Reader::Reader(const std::string& path, const std::string& epoch, std::size_t cache_bytes)
    : connection(path, Connection::Mode::read),
      queries(connection, epoch),
      begin(connection, "BEGIN"),
      commit(connection, "COMMIT") {
  configure(connection, Connection::Mode::read, cache_bytes);
  (void)commit.handle();  // what ends a transaction must not fail for want of memory
  sqlite3_progress_handler(connection.handle(), kStepsPerLook, is_late, this);
}

ReaderPool::ReaderPool(std::string path, std::string epoch, std::size_t most,
                       std::size_t cache_bytes)
    : path_(std::move(path)), epoch_(std::move(epoch)), most_(most), cache_bytes_(cache_bytes) {
  idle_.reserve(most);  // so that giving back cannot fail
}

void GiveBack::operator()(Reader* reader) const noexcept {
  pool->give_back(std::unique_ptr<Reader>(reader));
}

LentReader ReaderPool::lend() {
  LentReader reader(idle_.back().release(), GiveBack{this});
  idle_.pop_back();
  return reader;
}

LentReader ReaderPool::borrow() {
  std::unique_lock lock(mutex_);
  returned_.wait(lock, [this] { return !idle_.empty() || made_ < most_; });
  if (!idle_.empty()) return lend();
  ++made_;
  lock.unlock();
  try {
    return {new Reader(path_, epoch_, cache_bytes_), GiveBack{this}};
  } catch (...) {
    lock.lock();
    --made_;
    returned_.notify_all();
    // Out of descriptors or memory: those there are have to do.
    returned_.wait(lock, [this] { return !idle_.empty() || made_ == 0; });
    if (idle_.empty()) throw;
    return lend();
  }
}

void ReaderPool::give_back(std::unique_ptr<Reader> reader) noexcept {
  const std::lock_guard lock(mutex_);
  if (reader->connection.in_transaction()) {
    --made_;  // it could not end its transaction: close it instead
    returned_.notify_all();
    return;
  }
  idle_.push_back(std::move(reader));
  returned_.notify_one();
}

ReadSnapshot::ReadSnapshot(LentReader reader, const Clock& clock, std::int64_t limit_s)
    : Answers<Snapshot>(reader->queries), reader_(std::move(reader)) {
  try {
    Run(reader_->begin).done();
    const Millis now = clock.lease();
    reader_->queries.forget();
    reader_->queries.begin(now, clock.wall());
    reader_->deadline = now + limit_s * 1000;
    reader_->clock = &clock;
    // BEGIN alone starts nothing: the first read fixes the instant.
    (void)reader_->queries.any_locks();
  } catch (...) {
    reader_->clock = nullptr;
    sqlite3_exec(reader_->connection.handle(), "ROLLBACK", nullptr, nullptr, nullptr);
    throw;
  }
}

ReadSnapshot::~ReadSnapshot() {
  reader_->clock = nullptr;
  sqlite3_step(reader_->commit.handle());
  sqlite3_reset(reader_->commit.handle());
}

}  // namespace holdfast::storage::sqlite
