#include "storage/sqlite/read/reader_pool.h"

#include <algorithm>

#include "storage/name_key.h"
#include "storage/sqlite/file/schema.h"

namespace holdfast::storage::sqlite {

namespace {

// Steps of SQLite's virtual machine between two checks of the clock: some tens of microseconds.
constexpr int kStepsPerLook = 2000;

// After a member of a collection, this many members and contents that follow in order are read as
// well: a client is likely to request them next, and they lie beside it in the database.
constexpr std::size_t kAhead = 16;

int is_late(void* self) {
  const auto* reader = static_cast<const Reader*>(self);
  return reader->clock != nullptr && reader->clock->lease() > reader->deadline ? 1 : 0;
}

}  // namespace

Reader::Reader(const std::string& path, const std::string& epoch, const CommitCounter& commits,
               std::size_t cache_bytes)
    : connection(path, Connection::Mode::read),
      queries(connection, epoch, commits),
      begin(connection, "BEGIN"),
      commit(connection, "COMMIT") {
  configure(connection, Connection::Mode::read, cache_bytes);
  (void)commit.handle();  // ending a transaction must not fail for want of memory
  sqlite3_progress_handler(connection.handle(), kStepsPerLook, is_late, this);
}

void Reader::renew(const CommitCounter& commits) {
  if (instant != 0 && instant == commits.now()) return;
  end();
  const std::uint64_t before = commits.now();
  queries.forget();
  Run(begin).done();
  // BEGIN alone starts no transaction: the first read fixes the instant.
  (void)queries.any_locks();
  if (before == commits.now()) instant = before;
}

void Reader::end() noexcept {
  instant = 0;
  if (!connection.in_transaction()) return;
  sqlite3_step(commit.handle());
  sqlite3_reset(commit.handle());
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
  LentReader reader = borrow_any();
  reader->end();
  return reader;
}

LentReader ReaderPool::borrow_newest() {
  LentReader reader = borrow_any();
  try {
    reader->renew(commits);
  } catch (...) {
    reader->instant = 0;
    sqlite3_exec(reader->connection.handle(), "ROLLBACK", nullptr, nullptr, nullptr);
    throw;
  }
  return reader;
}

LentReader ReaderPool::borrow_any() {
  std::unique_lock lock(mutex_);
  returned_.wait(lock, [this] { return !idle_.empty() || made_ < most_; });
  if (!idle_.empty()) return lend();
  ++made_;
  lock.unlock();
  try {
    return {new Reader(path_, epoch_, commits, cache_bytes_), GiveBack{this}};
  } catch (...) {
    lock.lock();
    --made_;
    returned_.notify_all();
    // There are no descriptors or no memory for another reader: wait for one of the existing ones.
    returned_.wait(lock, [this] { return !idle_.empty() || made_ == 0; });
    if (idle_.empty()) throw;
    return lend();
  }
}

void ReaderPool::give_back(std::unique_ptr<Reader> reader) noexcept {
  if (reader->instant == 0) reader->end();
  const std::lock_guard lock(mutex_);
  if (!keeping_) reader->end();
  if (reader->instant == 0 && reader->connection.in_transaction()) {
    --made_;  // the reader could not end its transaction: it is closed instead
    returned_.notify_all();
    return;
  }
  idle_.push_back(std::move(reader));
  returned_.notify_one();
}

void ReaderPool::keep(bool transactions) noexcept {
  const std::lock_guard lock(mutex_);
  keeping_ = transactions;
  if (keeping_) return;
  for (const auto& reader : idle_) reader->end();
}

ReadSnapshot::ReadSnapshot(LentReader reader, SharedCache& cache, const Clock& clock,
                           std::int64_t limit_s)
    : SnapshotBase<Snapshot>(reader->queries), reader_(std::move(reader)), cache_(cache) {
  const Millis now = clock.lease();
  reader_->queries.begin(now, clock.wall());
  reader_->deadline = now + limit_s * 1000;
  reader_->clock = &clock;
}

ReadSnapshot::~ReadSnapshot() { reader_->clock = nullptr; }

Resolution ReadSnapshot::resolve(const Path& path) const {
  const std::uint64_t instant = reader_->instant;
  if (instant == 0 || path.is_root()) return queries_.resolve(path);
  // Most members of a collection are requested one after the other.
  const auto above = path.segments().first(path.depth() - 1);
  auto parent = cache_.collection(instant, above);
  if (!parent) {
    parent =
        std::make_shared<const Resolution>(queries_.resolve(Path({above.begin(), above.end()})));
    if (!parent->mapped()) return queries_.resolve(path);
    if (parent->resource->is_collection()) cache_.keep(instant, *parent);
  }
  const NodeId collection = parent->resource->id;
  const NameKey key(path.name());
  SharedCache::Found member;
  const bool known = cache_.member(instant, collection, key.view(), member);
  if (!known) {
    member.resource = queries_.child(collection, key.view());
    member.locked = true;
  } else if (member.resource && !member.resource->is_collection()) {
    queries_.make_etag(member.resource->content, member.resource->etag);
  }
  Resolution found =
      queries_.resolve_member(*parent, path, std::move(member.resource), member.locked);
  if (!known) {
    const bool locked = std::ranges::any_of(found.locks, [&](const Lock& lock) {
      return found.mapped() && lock.root_id == found.resource->id;
    });
    cache_.keep(instant, collection, key.view(), found.resource, locked);
    if (found.mapped() && cache_.wants_more(instant)) {
      const bool may_be_locked = queries_.any_locks();
      queries_.children_after(
          collection, key.view(), kAhead, [&](std::string_view next, const Resource& resource) {
            cache_.keep_ahead(instant, collection, next, resource, may_be_locked);
          });
    }
  }
  return found;
}

Content ReadSnapshot::content(const Resource& file) const {
  if (const auto known = cache_.content(file.content)) return *known;
  Content found;
  if (cache_.facts(file.content, found)) {
    queries_.read_inline(file.content, found);
  } else {
    found = queries_.content(file);
    read_facts_ahead(file.content);
  }
  cache_.keep(file.content, found);
  return found;
}

Content ReadSnapshot::facts(const Resource& file) const {
  Content found;
  if (cache_.facts(file.content, found)) return found;
  found = queries_.facts(file);
  cache_.keep_facts(file.content, found);
  read_facts_ahead(file.content);
  return found;
}

void ReadSnapshot::read_facts_ahead(std::int64_t id) const {
  if (!cache_.wants_more(reader_->instant)) return;
  queries_.facts_after(id, kAhead, [this](std::int64_t next, const Content& content) {
    cache_.keep_facts(next, content);
  });
}

}  // namespace holdfast::storage::sqlite
