// Remembers which contents this process knows to be what was stored, because it wrote or verified
// them itself (docs/robustness.md G9). The table is bounded: a newer entry may replace an older
// one, whose content is then verified once more. Any thread.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <sys/stat.h>

#include "storage/huge_table.h"

namespace holdfast::storage::files {

// Identifies a content in a certain state: another state of it, or another content, has another
// mark.
class Mark {
 public:
  // The mark of a file. It changes with the file's identity, size and time of modification.
  Mark(std::string_view blob, const struct stat& file);
  // The mark of inline content, by its id, which is never given out twice.
  explicit Mark(std::int64_t id);
  [[nodiscard]] std::uint64_t value() const { return value_; }

 private:
  std::uint64_t value_;
};

class SoundContents {
 public:
  void add(Mark mark) { slot(mark).store(mark.value(), std::memory_order_relaxed); }
  [[nodiscard]] bool contains(Mark mark) const {
    return slot(mark).load(std::memory_order_relaxed) == mark.value();
  }

 private:
  static constexpr std::size_t kSlots = 1 << 19;
  [[nodiscard]] std::atomic_ref<std::uint64_t> slot(Mark mark) const {
    return std::atomic_ref(slots_[mark.value() % kSlots]);
  }

  // An empty slot holds 0, which is no mark.
  HugeTable<std::uint64_t> slots_ = make_huge_table<std::uint64_t>(kSlots);
};

}  // namespace holdfast::storage::files
