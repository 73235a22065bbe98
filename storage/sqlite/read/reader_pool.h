// The read-only connections. A snapshot borrows one; when all are lent, the next snapshot waits. A
// reader keeps its transaction when a snapshot ends, and while nothing is committed the next
// snapshot uses it too, because beginning a transaction costs system calls. Any thread may borrow
// and give back.
#pragma once

#include <cstddef>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "fiber/wait.h"
#include "storage/sqlite/read/commit_counter.h"
#include "storage/sqlite/read/shared_cache.h"
#include "storage/sqlite/read/snapshot_base.h"

namespace holdfast::storage::sqlite {

struct Reader {
  Reader(const std::string& path, const std::string& epoch, const CommitCounter& commits,
         std::size_t cache_bytes);
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;

  // Begins a transaction of the newest instant, unless the current one has it.
  void renew(const CommitCounter& commits);
  void end() noexcept;

  Connection connection;
  Queries queries;
  Statement begin, commit;
  // The instant (CommitCounter::now) of the open transaction; 0 when there is none or its instant
  // is not known.
  std::uint64_t instant = 0;
  // Set while a snapshot exists. A statement that runs after `deadline`, by the lease time of
  // `clock`, is interrupted (Error{busy}), so that no snapshot keeps the log from being moved for
  // long (docs/robustness.md E10).
  const Clock* clock = nullptr;
  Millis deadline = 0;
};

class ReaderPool;

struct GiveBack {
  ReaderPool* pool = nullptr;
  void operator()(Reader* reader) const noexcept;
};
// A borrowed reader. Its destructor gives it back to the pool.
using LentReader = std::unique_ptr<Reader, GiveBack>;

class ReaderPool {
 public:
  ReaderPool(std::string path, std::string epoch, std::size_t most, std::size_t cache_bytes);

  // Lends a reader without a transaction. The most recently used reader comes first, because its
  // cache is the warmest.
  [[nodiscard]] LentReader borrow();
  // Lends a reader with a transaction of the newest instant.
  [[nodiscard]] LentReader borrow_newest();

  // While a Pause exists, idle readers have no transaction: only existing snapshots keep the log
  // from being moved.
  class Pause {
   public:
    explicit Pause(ReaderPool& pool) : pool_(pool) { pool_.keep(false); }
    ~Pause() { pool_.keep(true); }
    Pause(const Pause&) = delete;
    Pause& operator=(const Pause&) = delete;

   private:
    ReaderPool& pool_;
  };

  CommitCounter commits;
  SharedCache cache;

 private:
  friend struct GiveBack;
  [[nodiscard]] LentReader borrow_any();
  void give_back(std::unique_ptr<Reader> reader) noexcept;
  void keep(bool transactions) noexcept;
  // Call with the mutex held, when a reader is idle.
  [[nodiscard]] LentReader lend();

  std::string path_, epoch_;
  std::size_t most_, cache_bytes_;
  std::mutex mutex_;
  fiber::Condition returned_;
  std::vector<std::unique_ptr<Reader>> idle_;
  std::size_t made_ = 0;
  bool keeping_ = true;
};

// One read transaction on a borrowed connection.
class ReadSnapshot final : public SnapshotBase<Snapshot> {
 public:
  // `reader` comes from borrow_newest.
  ReadSnapshot(LentReader reader, SharedCache& cache, const Clock& clock, std::int64_t limit_s);
  ~ReadSnapshot() override;
  ReadSnapshot(const ReadSnapshot&) = delete;
  ReadSnapshot& operator=(const ReadSnapshot&) = delete;

  [[nodiscard]] Resolution resolve(const Path& path) const override;
  [[nodiscard]] Content content(const Resource& file) const override;
  [[nodiscard]] Content facts(const Resource& file) const override;

 private:
  void read_facts_ahead(std::int64_t id) const;

  LentReader reader_;
  SharedCache& cache_;
};

}  // namespace holdfast::storage::sqlite
