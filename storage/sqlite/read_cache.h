// What readers found lately. An answer belongs to an instant and is given for this instant only;
// content never changes and its id is never used again. So nothing here can be stale, and nothing
// ever has to be removed. Holds some MiB at most. Any thread may call.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "storage/namespace.h"

namespace holdfast::storage::sqlite {

class ReadCache {
 public:
  ReadCache();

  // As of `instant` (Commits), perhaps with locks that have run out since. Null when unknown.
  [[nodiscard]] std::shared_ptr<const Resolution> resolution(std::uint64_t instant,
                                                             const Path& path) const;
  // Files are kept when they are asked for the second time in a row: most are asked for once.
  void keep(std::uint64_t instant, const Resolution& resolution);

  // Inline content by its id. Null when unknown.
  [[nodiscard]] std::shared_ptr<const Content> content(std::int64_t id) const;
  // Its size and SHA-256, without the bytes; false when unknown, or when other checksums are known.
  [[nodiscard]] bool facts(std::int64_t id, Content& content) const;
  void keep(std::int64_t id, const Content& content);

 private:
  // One entry per slot: a new one takes the place of whatever was there.
  struct Resolved {
    std::uint64_t instant = 0;
    std::size_t asked = 0;  // hash of the last path that was to be kept
    std::shared_ptr<const Resolution> resolution;
  };
  struct Stored {
    std::int64_t id = 0;
    std::int64_t asked = 0;
    std::shared_ptr<const Content> content;
  };
  struct Facts {
    std::int64_t id = 0;
    std::uint64_t size = 0;
    Sha256 sha256{};
  };

  [[nodiscard]] std::mutex& mutex_of(std::size_t slot) const { return mutexes_[slot % kMutexes]; }

  static constexpr std::size_t kMutexes = 16;
  mutable std::array<std::mutex, kMutexes> mutexes_;  // each guards every 16th slot
  std::vector<Resolved> resolved_;
  std::vector<Stored> stored_;
  std::vector<Facts> facts_;
};

}  // namespace holdfast::storage::sqlite
