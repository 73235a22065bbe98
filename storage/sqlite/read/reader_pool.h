// The read-only connections. A snapshot borrows one; when all are lent, the next one waits. A
// reader keeps its transaction when a snapshot ends, and while nothing is committed the next
// snapshot goes on with it: beginning one costs system calls. Any thread may borrow and give back.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "storage/sqlite/read/commit_counter.h"
#include "storage/sqlite/read/shared_cache.h"
#include "storage/sqlite/read/snapshot_base.h"

namespace holdfast::storage::sqlite {

struct Reader {
  Reader(const std::string& path, const std::string& epoch, const CommitCounter& commits,
         std::size_t cache_bytes);
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;

  // Makes the newest instant the one that is read.
  void renew(const CommitCounter& commits);
  void end() noexcept;

  Connection connection;
  Queries queries;
  Statement begin, commit;
  // The instant (Commits) of the transaction that stands; 0: none stands, or nobody knows its
  // instant.
  std::uint64_t instant = 0;
  // Set while a snapshot stands: a statement that runs when this clock's leases have passed
  // `deadline` is interrupted (Error{busy}), so that no snapshot keeps the log from being moved for
  // long (docs/robustness.md E10).
  const Clock* clock = nullptr;
  Millis deadline = 0;
};

class ReaderPool;

struct GiveBack {
  ReaderPool* pool = nullptr;
  void operator()(Reader* reader) const noexcept;
};
// Gives itself back, also when what it was lent for could not be made.
using LentReader = std::unique_ptr<Reader, GiveBack>;

class ReaderPool {
 public:
  ReaderPool(std::string path, std::string epoch, std::size_t most, std::size_t cache_bytes);

  // Without a transaction. The most recently used one first: its cache is the warmest.
  [[nodiscard]] LentReader borrow();
  // With one of the newest instant.
  [[nodiscard]] LentReader borrow_newest();

  // While it lives, only snapshots that stand keep the log from being moved.
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
  // Under the mutex, when one is idle.
  [[nodiscard]] LentReader lend();

  std::string path_, epoch_;
  std::size_t most_, cache_bytes_;
  std::mutex mutex_;
  std::condition_variable returned_;
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
