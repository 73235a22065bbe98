#include "storage/sqlite/read/shared_cache.h"

#include <algorithm>
#include <functional>

namespace holdfast::storage::sqlite {

namespace {

constexpr std::size_t kCollections = 4096;
constexpr std::size_t kContents = 1024;
constexpr std::size_t kFactSlots = 128 * 1024;
// A member may lie in any slot of its set, so that few sets are too small for the members that hash
// to them.
constexpr std::size_t kSets = 32 * 1024;
constexpr std::size_t kSlots = 4;
// Once this many members were read at one instant, the instant is likely to last.
constexpr std::size_t kEnough = 64;
// Larger entries would cost more memory than they are worth.
constexpr std::size_t kMostPathBytes = 512;
constexpr std::size_t kMostLocks = 4;
constexpr std::size_t kMostContentBytes = 4096;

std::size_t hash_of(std::string_view text) { return std::hash<std::string_view>{}(text); }

std::size_t hash_of(std::span<const std::string> segments) {
  std::size_t hash = 1;
  for (const std::string& segment : segments) hash = hash * 31 + hash_of(segment);
  return hash ^ (hash >> 20);
}

std::size_t set_of(NodeId parent, std::string_view key) {
  const std::size_t hash =
      hash_of(key) ^ (static_cast<std::uint64_t>(parent) * 0x9e3779b97f4a7c15U);
  return (hash ^ (hash >> 32)) % kSets;
}

}  // namespace

SharedCache::SharedCache()
    : resolved_(kCollections),
      stored_(kContents),
      facts_(make_huge_table<Facts>(kFactSlots)),
      members_(make_huge_table<PackedRow>(kSets * kSlots)) {}

std::shared_ptr<const Resolution> SharedCache::collection(
    std::uint64_t instant, std::span<const std::string> segments) const {
  const std::size_t slot = hash_of(segments) % kCollections;
  std::shared_ptr<const Resolution> found;
  {
    const std::lock_guard lock(mutex_of(slot));
    if (resolved_[slot].instant == instant) found = resolved_[slot].resolution;
  }
  if (found && !std::ranges::equal(found->path.segments(), segments)) found.reset();
  return found;
}

void SharedCache::keep(std::uint64_t instant, const Resolution& collection) {
  if (collection.path.bytes() > kMostPathBytes) return;
  if (collection.locks.size() + collection.parent_locks.size() > kMostLocks) return;
  const std::size_t slot = hash_of(collection.path.segments()) % kCollections;
  auto kept = std::make_shared<const Resolution>(collection);
  const std::lock_guard lock(mutex_of(slot));
  resolved_[slot].instant = instant;
  resolved_[slot].resolution.swap(kept);
}

bool SharedCache::member(std::uint64_t instant, NodeId parent, std::string_view key,
                         Found& found) const {
  const std::size_t set = set_of(parent, key);
  const std::lock_guard lock(mutex_of(set));
  const PackedRow* const first = &members_[set * kSlots];
  const PackedRow* const last = first + kSlots;
  const PackedRow* const row = std::find_if(
      first, last, [&](const PackedRow& each) { return each.is(instant, parent, key); });
  if (row == last) return false;
  found.locked = row->locked;
  found.resource.reset();
  if (row->id == 0) return true;
  Resource& resource = found.resource.emplace();
  resource.id = row->id;
  resource.parent = parent;
  resource.name.assign(key);
  resource.kind = row->content == 0 ? Kind::collection : Kind::file;
  resource.created = row->created;
  resource.modified = {row->modified, row->date_mark};
  resource.owner = row->owner;
  resource.property_set = row->property_set;
  resource.size = row->size;
  resource.stored = row->stored;
  resource.content = row->content;
  return true;
}

void SharedCache::keep(std::uint64_t instant, NodeId parent, std::string_view key,
                       const std::optional<Resource>& resource, bool locked) {
  put(instant, parent, key, resource ? &*resource : nullptr, locked, false);
}

void SharedCache::keep_ahead(std::uint64_t instant, NodeId parent, std::string_view key,
                             const Resource& resource, bool locked) {
  put(instant, parent, key, &resource, locked, true);
}

bool SharedCache::wants_more(std::uint64_t instant) const {
  const std::size_t filled = filled_.load(std::memory_order_relaxed);
  return filled_at_.load(std::memory_order_relaxed) == instant && filled >= kEnough &&
         filled < kSets * kSlots / 4 * 3;
}

void SharedCache::put(std::uint64_t instant, NodeId parent, std::string_view key,
                      const Resource* resource, bool locked, bool ahead) {
  PackedRow row{};
  if (key.size() > row.key.size() || (resource && resource->name != key)) return;
  row.instant = instant;
  row.parent = parent;
  row.locked = locked;
  row.key_bytes = static_cast<std::uint8_t>(key.size());
  std::ranges::copy(key, row.key.begin());
  if (resource) {
    row.id = resource->id;
    row.created = resource->created;
    row.modified = resource->modified.at;
    row.date_mark = resource->modified.mark;
    row.stored = resource->stored;
    row.owner = resource->owner;
    row.property_set = resource->property_set;
    row.size = resource->size;
    row.content = resource->content;
  }
  // Another thread may count for another instant meanwhile: then a few more or fewer members are
  // read ahead.
  if (filled_at_.exchange(instant, std::memory_order_relaxed) != instant)
    filled_.store(0, std::memory_order_relaxed);
  const std::size_t set = set_of(parent, key);
  const std::lock_guard lock(mutex_of(set));
  PackedRow* const first = &members_[set * kSlots];
  PackedRow* const last = first + kSlots;
  PackedRow* place =
      std::find_if(first, last, [&](const PackedRow& old) { return old.is(instant, parent, key); });
  // The entry replaces one of another instant; else one chosen by the key's hash.
  if (place == last)
    place = std::find_if(first, last, [&](const PackedRow& old) { return old.instant != instant; });
  if (place == last) {
    if (ahead) return;
    place = first + (hash_of(key) >> 8) % kSlots;
  }
  *place = row;
  filled_.fetch_add(1, std::memory_order_relaxed);
}

std::shared_ptr<const Content> SharedCache::content(std::int64_t id) const {
  const std::size_t slot = static_cast<std::size_t>(id) % kContents;
  const std::lock_guard lock(mutex_of(slot));
  return stored_[slot].id == id ? stored_[slot].content : nullptr;
}

bool SharedCache::facts(std::int64_t id, Content& content) const {
  const std::size_t slot = static_cast<std::size_t>(id) % kFactSlots;
  const std::lock_guard lock(mutex_of(slot));
  const Facts& facts = facts_[slot];
  if (facts.id != id) return false;
  content.size = facts.size;
  content.checksums.sha256 = facts.sha256;
  return true;
}

void SharedCache::keep_facts(std::int64_t id, const Content& content) {
  if (!content.is_inline() || content.checksums.sha1 || content.checksums.md5) return;
  const std::size_t slot = static_cast<std::size_t>(id) % kFactSlots;
  const std::lock_guard lock(mutex_of(slot));
  facts_[slot] = {id, content.size, content.checksums.sha256};
}

void SharedCache::keep(std::int64_t id, const Content& content) {
  if (!content.is_inline()) return;
  keep_facts(id, content);
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
