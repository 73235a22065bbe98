#include "storage/sqlite/file/wal_index.h"

#include <new>

namespace holdfast::storage::sqlite {

volatile void* WalIndex::region(std::size_t number, std::size_t bytes, bool extend) noexcept {
  const std::lock_guard lock(mutex_);
  try {
    while (extend && regions_.size() <= number) regions_.push_back(std::make_unique<char[]>(bytes));
  } catch (const std::bad_alloc&) {
    return nullptr;
  }
  return number < regions_.size() ? regions_[number].get() : nullptr;
}

bool WalIndex::lock(int first, int count, bool shared) noexcept {
  if (shared) {
    std::atomic<int>& holders = holders_[static_cast<std::size_t>(first)];
    for (int now = holders.load(); now >= 0;)
      if (holders.compare_exchange_weak(now, now + 1)) return true;
    return false;
  }
  for (int taken = 0; taken < count; ++taken) {
    int nobody = 0;
    if (holders_[static_cast<std::size_t>(first + taken)].compare_exchange_strong(nobody, -1))
      continue;
    unlock(first, taken, false);
    return false;
  }
  return true;
}

void WalIndex::unlock(int first, int count, bool shared) noexcept {
  for (int each = first; each < first + count; ++each) {
    std::atomic<int>& holders = holders_[static_cast<std::size_t>(each)];
    if (shared) {
      holders.fetch_sub(1);
    } else {
      holders.store(0);
    }
  }
}

}  // namespace holdfast::storage::sqlite
