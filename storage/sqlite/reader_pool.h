// The read-only connections. A snapshot borrows one; when all are lent, the next one waits. Any
// thread may borrow and give back.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "storage/sqlite/answers.h"

namespace holdfast::storage::sqlite {

struct Reader {
  Reader(const std::string& path, const std::string& epoch, std::size_t cache_bytes);
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;

  Connection connection;
  Queries queries;
  Statement begin, commit;
  // Set while a snapshot stands: a statement that runs when this clock's leases have passed
  // `deadline` is interrupted (Error{busy}), so that no snapshot keeps the log from being moved for
  // long (robustness E10).
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

  // The most recently used one first: its cache is the warmest.
  [[nodiscard]] LentReader borrow();

 private:
  friend struct GiveBack;
  void give_back(std::unique_ptr<Reader> reader) noexcept;
  // Under the mutex, when one is idle.
  [[nodiscard]] LentReader lend();

  std::string path_, epoch_;
  std::size_t most_, cache_bytes_;
  std::mutex mutex_;
  std::condition_variable returned_;
  std::vector<std::unique_ptr<Reader>> idle_;
  std::size_t made_ = 0;
};

// One read transaction on a borrowed connection.
class ReadSnapshot final : public Answers<Snapshot> {
 public:
  ReadSnapshot(LentReader reader, const Clock& clock, std::int64_t limit_s);
  ~ReadSnapshot() override;
  ReadSnapshot(const ReadSnapshot&) = delete;
  ReadSnapshot& operator=(const ReadSnapshot&) = delete;

 private:
  LentReader reader_;
};

}  // namespace holdfast::storage::sqlite
