#include "storage/sqlite/read_cache.h"

#include <functional>
#include <string_view>

namespace holdfast::storage::sqlite {

namespace {

constexpr std::size_t kResolutions = 4096;
constexpr std::size_t kContents = 1024;
// Larger ones would cost more memory than they spare time.
constexpr std::size_t kMostPathBytes = 512;
constexpr std::size_t kMostLocks = 4;
constexpr std::size_t kMostContentBytes = 4096;

std::size_t slot_of(const Path& path) {
  std::size_t hash = 0;
  for (const std::string& segment : path.segments())
    hash = hash * 31 + std::hash<std::string_view>{}(segment);
  return (hash ^ (hash >> 20)) % kResolutions;
}

std::size_t slot_of(std::int64_t id) { return static_cast<std::size_t>(id) % kContents; }

}  // namespace

ReadCache::ReadCache() : resolved_(kResolutions), stored_(kContents) {}

std::optional<Resolution> ReadCache::resolution(std::uint64_t instant, const Path& path,
                                                Millis lease_now) const {
  const std::size_t slot = slot_of(path);
  std::shared_ptr<const Resolution> found;
  {
    const std::lock_guard lock(mutex_of(slot));
    if (resolved_[slot].instant == instant) found = resolved_[slot].resolution;
  }
  if (!found || found->path != path) return std::nullopt;
  std::optional<Resolution> answer(*found);
  const auto ran_out = [&](const Lock& lock) { return lock.expires() <= lease_now; };
  std::erase_if(answer->locks, ran_out);
  std::erase_if(answer->parent_locks, ran_out);
  return answer;
}

void ReadCache::keep(std::uint64_t instant, const Resolution& resolution) {
  if (resolution.path.bytes() > kMostPathBytes) return;
  if (resolution.locks.size() + resolution.parent_locks.size() > kMostLocks) return;
  const std::size_t slot = slot_of(resolution.path);
  auto kept = std::make_shared<const Resolution>(resolution);
  const std::lock_guard lock(mutex_of(slot));
  resolved_[slot].instant = instant;
  resolved_[slot].resolution.swap(kept);
}

std::optional<Content> ReadCache::content(std::int64_t id) const {
  const std::size_t slot = slot_of(id);
  std::shared_ptr<const Content> found;
  {
    const std::lock_guard lock(mutex_of(slot));
    if (stored_[slot].id == id) found = stored_[slot].content;
  }
  if (!found) return std::nullopt;
  return *found;
}

void ReadCache::keep(std::int64_t id, const Content& content) {
  if (!content.is_inline() || content.size > kMostContentBytes) return;
  const std::size_t slot = slot_of(id);
  auto kept = std::make_shared<const Content>(content);
  const std::lock_guard lock(mutex_of(slot));
  stored_[slot].id = id;
  stored_[slot].content.swap(kept);
}

}  // namespace holdfast::storage::sqlite
