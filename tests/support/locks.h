// Finds locks for tests: one by its token, all below a resource.
#pragma once

#include <string_view>
#include <vector>

#include "storage/namespace.h"

namespace holdfast::test {

// Returns the lock with this token, live or expired; a default Lock when there is none.
inline storage::Lock lock_with(const storage::Snapshot& snapshot, std::string_view token) {
  constexpr std::int64_t kLongAgoS = 1 << 20;
  if (auto found = snapshot.find_lock(token, kLongAgoS)) return std::move(*found);
  storage::Lock none;
  none.token = token;
  return none;
}

// Returns every live lock rooted at `root` or anywhere below.
inline std::vector<storage::Lock> locks_within(const storage::Snapshot& snapshot,
                                               const storage::Resource& root) {
  std::vector<storage::Lock> found;
  snapshot.locks_within(root, storage::Among::all, [&](const storage::Lock& lock) {
    found.push_back(lock);
    return true;
  });
  return found;
}

}  // namespace holdfast::test
