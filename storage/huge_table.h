// A large table that begins as zero bytes and takes memory only where it is used. It takes pages of
// 2 MiB where the system has them, because a lookup then misses the TLB less often, else pages of 4
// KiB.
#pragma once

#include <cstddef>
#include <memory>
#include <new>
#include <sys/mman.h>
#include <type_traits>

namespace holdfast::storage {

struct Unmap {
  std::size_t bytes = 0;
  void operator()(void* memory) const { ::munmap(memory, bytes); }
};

template <typename Entry>
using HugeTable = std::unique_ptr<Entry[], Unmap>;

// `Entry` must be valid when all its bytes are zero. Throws std::bad_alloc.
template <typename Entry>
[[nodiscard]] HugeTable<Entry> make_huge_table(std::size_t entries) {
  static_assert(std::is_trivially_copyable_v<Entry> && std::is_trivially_destructible_v<Entry>);
  const std::size_t bytes = entries * sizeof(Entry);
  void* const memory =
      ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) throw std::bad_alloc();
  ::madvise(memory, bytes, MADV_HUGEPAGE);  // only advice: failure is harmless
  return HugeTable<Entry>(static_cast<Entry*>(memory), Unmap{bytes});
}

}  // namespace holdfast::storage
