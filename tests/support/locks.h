#pragma once

#include <string_view>

#include "storage/namespace.h"

namespace holdfast::test {

// The lock with this token, live or expired; when there is none, one that is on nothing.
inline storage::Lock lock_with(const storage::Snapshot& snapshot, std::string_view token) {
  constexpr std::int64_t kLongAgoS = 1 << 20;
  if (auto found = snapshot.find_lock(token, kLongAgoS)) return std::move(*found);
  storage::Lock none;
  none.token = token;
  return none;
}

}  // namespace holdfast::test
