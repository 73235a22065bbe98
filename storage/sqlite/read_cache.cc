#include "storage/sqlite/read_cache.h"

#include <functional>
#include <string_view>

namespace holdfast::storage::sqlite {

namespace {

constexpr std::size_t kResolutions = 4096;
constexpr std::size_t kContents = 1024;
constexpr std::size_t kFacts = 128 * 1024;
// Larger ones would cost more memory than they spare time.
constexpr std::size_t kMostPathBytes = 512;
constexpr std::size_t kMostLocks = 4;
constexpr std::size_t kMostContentBytes = 4096;

std::size_t hash_of(const Path& path) {
  std::size_t hash = 1;
  for (const std::string& segment : path.segments())
    hash = hash * 31 + std::hash<std::string_view>{}(segment);
  return hash ^ (hash >> 20);
}

}  // namespace

ReadCache::ReadCache() : resolved_(kResolutions), stored_(kContents), facts_(kFacts) {}

std::shared_ptr<const Resolution> ReadCache::resolution(std::uint64_t instant,
                                                        const Path& path) const {
  const std::size_t slot = hash_of(path) % kResolutions;
  std::shared_ptr<const Resolution> found;
  {
    const std::lock_guard lock(mutex_of(slot));
    if (resolved_[slot].instant == instant) found = resolved_[slot].resolution;
  }
  if (found && found->path != path) found.reset();
  return found;
}

void ReadCache::keep(std::uint64_t instant, const Resolution& resolution) {
  if (resolution.path.bytes() > kMostPathBytes) return;
  if (resolution.locks.size() + resolution.parent_locks.size() > kMostLocks) return;
  const std::size_t hash = hash_of(resolution.path);
  const std::size_t slot = hash % kResolutions;
  if (!resolution.mapped() || !resolution.resource->is_collection()) {
    const std::lock_guard lock(mutex_of(slot));
    if (resolved_[slot].asked != hash) {
      resolved_[slot].asked = hash;
      return;
    }
  }
  auto kept = std::make_shared<const Resolution>(resolution);
  const std::lock_guard lock(mutex_of(slot));
  resolved_[slot].instant = instant;
  resolved_[slot].resolution.swap(kept);
}

std::shared_ptr<const Content> ReadCache::content(std::int64_t id) const {
  const std::size_t slot = static_cast<std::size_t>(id) % kContents;
  const std::lock_guard lock(mutex_of(slot));
  return stored_[slot].id == id ? stored_[slot].content : nullptr;
}

bool ReadCache::facts(std::int64_t id, Content& content) const {
  const std::size_t slot = static_cast<std::size_t>(id) % kFacts;
  const std::lock_guard lock(mutex_of(slot));
  const Facts& facts = facts_[slot];
  if (facts.id != id) return false;
  content.size = facts.size;
  content.checksums.sha256 = facts.sha256;
  return true;
}

void ReadCache::keep(std::int64_t id, const Content& content) {
  if (!content.is_inline()) return;
  if (!content.checksums.sha1 && !content.checksums.md5) {
    const std::size_t slot = static_cast<std::size_t>(id) % kFacts;
    const std::lock_guard lock(mutex_of(slot));
    facts_[slot] = {id, content.size, content.checksums.sha256};
  }
  if (content.size > kMostContentBytes) return;
  const std::size_t slot = static_cast<std::size_t>(id) % kContents;
  {
    const std::lock_guard lock(mutex_of(slot));
    if (stored_[slot].asked != id) {
      stored_[slot].asked = id;
      return;
    }
  }
  auto kept = std::make_shared<const Content>(content);
  const std::lock_guard lock(mutex_of(slot));
  stored_[slot].id = id;
  stored_[slot].content.swap(kept);
}

}  // namespace holdfast::storage::sqlite
