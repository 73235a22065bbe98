// Counts the commits of the one writing connection, so that a reader knows without a system call
// whether the instant of its transaction is still the newest. Any thread may call any function.
#pragma once

#include <atomic>
#include <cstdint>

namespace holdfast::storage::sqlite {

class CommitCounter {
 public:
  // While a Making exists, a commit is being made: a new read transaction may see the state before
  // or after it.
  class Making {
   public:
    explicit Making(CommitCounter& commits) : commits_(commits) { commits_.count_.fetch_add(1); }
    ~Making() { commits_.count_.fetch_add(1); }
    Making(const Making&) = delete;
    Making& operator=(const Making&) = delete;

   private:
    CommitCounter& commits_;
  };

  // The number of locks, expired ones included, as of a recent commit. It decides which query is
  // used, never the result.
  std::atomic<std::int64_t> locks{0};

  // The newest instant; 0 while a commit is being made. A transaction sees exactly this instant
  // when the number was the same before and after it began.
  [[nodiscard]] std::uint64_t now() const {
    const std::uint64_t count = count_.load();
    return count % 2 == 0 ? count : 0;
  }

 private:
  std::atomic<std::uint64_t> count_{2};
};

}  // namespace holdfast::storage::sqlite
