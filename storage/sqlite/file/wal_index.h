// The index of a write-ahead log and the locks in it
// (https://www.sqlite.org/walformat.html#the_wal_index_file_format), in the memory of this process.
// SQLite's own is a file that several processes map. Writing to a mapped page ends the process when
// a copy-on-write file system finds no block for it, and a read-only disk has no place for the
// file. Only one process uses a Holdfast database, so the index need not be shared.
//
// All connections of this process to one database use one index, from any thread.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <memory>
#include <mutex>
#include <vector>

namespace holdfast::storage::sqlite {

class WalIndex {
 public:
  static constexpr int kLocks = 8;  // SQLITE_SHM_NLOCK

  // Returns the memory of region `number`, of `bytes` bytes, zero at first; it never moves. With
  // `extend` it is made when it is missing. Returns nullptr when it is missing, or, with `extend`,
  // when there is no memory.
  [[nodiscard]] volatile void* region(std::size_t number, std::size_t bytes, bool extend) noexcept;

  // Takes the locks `first` to `first + count - 1`, all or none; returns false, without waiting,
  // when another connection holds a conflicting lock. `count` is 1 for shared locks.
  [[nodiscard]] bool lock(int first, int count, bool shared) noexcept;
  // Releases locks that the caller has taken.
  void unlock(int first, int count, bool shared) noexcept;

 private:
  std::mutex mutex_;  // guards regions_
  std::vector<std::unique_ptr<char[]>> regions_;
  std::array<std::atomic<int>, kLocks> holders_{};  // shared holders; -1: one exclusive holder
};

}  // namespace holdfast::storage::sqlite
