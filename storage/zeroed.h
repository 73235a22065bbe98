// A large table that begins as zero bytes and takes memory only where it is used.
#pragma once

#include <cstddef>
#include <cstdlib>
#include <memory>
#include <new>
#include <type_traits>

namespace holdfast::storage {

struct Free {
  void operator()(void* memory) const { std::free(memory); }
};

template <typename Entry>
using Zeroed = std::unique_ptr<Entry[], Free>;

// `Entry` must be valid when all its bytes are zero. Throws std::bad_alloc.
template <typename Entry>
[[nodiscard]] Zeroed<Entry> zeroed(std::size_t entries) {
  static_assert(std::is_trivially_copyable_v<Entry> && std::is_trivially_destructible_v<Entry>);
  void* const memory = std::calloc(entries, sizeof(Entry));
  if (memory == nullptr) throw std::bad_alloc();
  return Zeroed<Entry>(static_cast<Entry*>(memory));
}

}  // namespace holdfast::storage
