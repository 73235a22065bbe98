// What readers found lately. An answer belongs to an instant and is given for this instant only;
// content never changes and its id is never used again. So nothing here can be stale, and nothing
// ever has to be removed. Holds some MiB at most. Any thread may call.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "storage/namespace.h"

namespace holdfast::storage::sqlite {

class ReadCache {
 public:
  ReadCache();

  // As of `instant` (Commits), without the locks that have run out at `lease_now`.
  [[nodiscard]] std::optional<Resolution> resolution(std::uint64_t instant, const Path& path,
                                                     Millis lease_now) const;
  void keep(std::uint64_t instant, const Resolution& resolution);

  // Inline content by its id.
  [[nodiscard]] std::optional<Content> content(std::int64_t id) const;
  void keep(std::int64_t id, const Content& content);

 private:
  // One entry per slot: a new one takes the place of whatever was there.
  struct Resolved {
    std::uint64_t instant = 0;
    std::shared_ptr<const Resolution> resolution;
  };
  struct Stored {
    std::int64_t id = 0;
    std::shared_ptr<const Content> content;
  };

  [[nodiscard]] std::mutex& mutex_of(std::size_t slot) const { return mutexes_[slot % kMutexes]; }

  static constexpr std::size_t kMutexes = 16;
  mutable std::array<std::mutex, kMutexes> mutexes_;  // each guards every 16th slot
  std::vector<Resolved> resolved_;
  std::vector<Stored> stored_;
};

}  // namespace holdfast::storage::sqlite
