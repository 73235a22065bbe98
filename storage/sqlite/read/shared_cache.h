// A cache of what readers found lately. What is mapped is as of one instant and is returned for
// this instant only; content never changes, and its id is never used again. So no entry can be
// stale, and none has to be removed. The tables take memory as they fill, about 25 MiB at most. Any
// thread may call any function.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "storage/huge_table.h"
#include "storage/namespace.h"

namespace holdfast::storage::sqlite {

class SharedCache {
 public:
  SharedCache();

  // Returns what `segments` resolved to as of `instant` (CommitCounter::now), perhaps with locks
  // that have run out since. Null when unknown.
  [[nodiscard]] std::shared_ptr<const Resolution> collection(
      std::uint64_t instant, std::span<const std::string> segments) const;
  // Stores the resolution of a mapped collection.
  void keep(std::uint64_t instant, const Resolution& collection);

  // What is mapped below a collection under a key (NameKey).
  struct Found {
    std::optional<Resource> resource;  // without its etag
    bool locked = false;               // a lock was rooted at it; the lock may have run out since
  };
  // Sets `found` as of `instant`. Returns false when unknown.
  [[nodiscard]] bool member(std::uint64_t instant, NodeId parent, std::string_view key,
                            Found& found) const;
  void keep(std::uint64_t instant, NodeId parent, std::string_view key,
            const std::optional<Resource>& resource, bool locked);
  // Stores a member that no request has needed yet. It replaces no entry of `instant`.
  void keep_ahead(std::uint64_t instant, NodeId parent, std::string_view key,
                  const Resource& resource, bool locked);
  // Returns true when enough members were kept since the last commit that reading ahead is
  // worthwhile, and there is room for more.
  [[nodiscard]] bool wants_more(std::uint64_t instant) const;

  // Returns inline content by its id. Null when unknown.
  [[nodiscard]] std::shared_ptr<const Content> content(std::int64_t id) const;
  // Reads the size and SHA-256 of inline content. Returns false when they are unknown, or when the
  // content has other checksums as well.
  [[nodiscard]] bool facts(std::int64_t id, Content& content) const;
  // Stores inline content. The bytes are stored at the second call in a row for the same slot and
  // id, because most contents are read only once.
  void keep(std::int64_t id, const Content& content);
  void keep_facts(std::int64_t id, const Content& content);

 private:
  // A new entry takes the place of whatever was in its slot.
  struct Resolved {
    std::uint64_t instant = 0;
    std::shared_ptr<const Resolution> resolution;
  };
  struct Stored {
    std::int64_t id = 0;
    std::int64_t asked = 0;
    std::shared_ptr<const Content> content;
  };
  struct Facts {
    std::int64_t id;
    std::uint64_t size;
    Sha256 sha256;
  };
  // A row of `node`, packed. It is all zero in the beginning: no instant is 0.
  struct PackedRow {
    std::uint64_t instant;
    NodeId parent;
    NodeId id;  // 0: nothing is mapped
    Millis created, modified, stored;
    AccountId owner;
    std::uint64_t size;
    std::int64_t content;  // 0: a collection
    std::int64_t property_set;
    DateMark date_mark;
    bool locked;
    std::uint8_t key_bytes;
    std::array<char, 45> key;  // the key, which is the name as well

    [[nodiscard]] bool is(std::uint64_t at, NodeId below, std::string_view called) const {
      return instant == at && parent == below && std::string_view(key.data(), key_bytes) == called;
    }
  };
  static_assert(sizeof(PackedRow) == 128);

  void put(std::uint64_t instant, NodeId parent, std::string_view key, const Resource* resource,
           bool locked, bool ahead);
  [[nodiscard]] std::mutex& mutex_of(std::size_t slot) const { return mutexes_[slot % kMutexes]; }

  static constexpr std::size_t kMutexes = 64;
  mutable std::array<std::mutex, kMutexes> mutexes_;  // each guards every 64th slot, or set of them
  std::atomic<std::uint64_t> filled_at_{0};           // of the members kept last
  std::atomic<std::size_t> filled_{0};                // the number of members kept at that instant
  std::vector<Resolved> resolved_;
  std::vector<Stored> stored_;
  HugeTable<Facts> facts_;
  HugeTable<PackedRow> members_;
};

}  // namespace holdfast::storage::sqlite
