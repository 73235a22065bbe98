// Counts the commits of the one writing connection, so that a reader knows without a system call
// whether what it saw is still the newest. Any thread may call.
#pragma once

#include <atomic>
#include <cstdint>

namespace holdfast::storage::sqlite {

class CommitCounter {
 public:
  // While it lives, a commit is being made: what readers see may be the state before or after it.
  class Making {
   public:
    explicit Making(CommitCounter& commits) : commits_(commits) { commits_.count_.fetch_add(1); }
    ~Making() { commits_.count_.fetch_add(1); }
    Making(const Making&) = delete;
    Making& operator=(const Making&) = delete;

   private:
    CommitCounter& commits_;
  };

  // How many locks there are, those included that ran out: as of some commit lately. It decides
  // which way is shorter, never what is found.
  std::atomic<std::int64_t> locks{0};

  // The newest instant; 0 while a commit is being made. Whoever reads the same number before and
  // after its transaction began sees exactly that instant.
  [[nodiscard]] std::uint64_t now() const {
    const std::uint64_t count = count_.load();
    return count % 2 == 0 ? count : 0;
  }

 private:
  std::atomic<std::uint64_t> count_{2};
};

}  // namespace holdfast::storage::sqlite
