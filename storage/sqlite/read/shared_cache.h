// What readers found lately. What is mapped was so at one instant, as in LookupCache, and is told
// of this instant only; content never changes and its id is never used again. So nothing here can
// be stale, and nothing ever has to be removed. Its tables take memory as they fill, some 25 MiB at
// most. Any thread may call.
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

  // What `segments` led to as of `instant` (Commits), perhaps with locks that have run out since.
  // Null when unknown.
  [[nodiscard]] std::shared_ptr<const Resolution> collection(
      std::uint64_t instant, std::span<const std::string> segments) const;
  // Of a mapped collection.
  void keep(std::uint64_t instant, const Resolution& collection);

  // What is mapped below a collection under a key (NameKey).
  struct Found {
    std::optional<Resource> resource;  // without its etag
    bool locked = false;               // a lock was rooted at it; perhaps it has run out since
  };
  // As of `instant`. False when unknown.
  [[nodiscard]] bool member(std::uint64_t instant, NodeId parent, std::string_view key,
                            Found& found) const;
  void keep(std::uint64_t instant, NodeId parent, std::string_view key,
            const std::optional<Resource>& resource, bool locked);
  // The same of one that nobody has asked for yet: takes the place of nothing that is of use.
  void keep_ahead(std::uint64_t instant, NodeId parent, std::string_view key,
                  const Resource& resource, bool locked);
  // Enough has been asked for since the last commit that it is worth reading what is likely to be
  // asked for next, and there is room for it.
  [[nodiscard]] bool wants_more(std::uint64_t instant) const;

  // Inline content by its id. Null when unknown.
  [[nodiscard]] std::shared_ptr<const Content> content(std::int64_t id) const;
  // The same without its bytes; false when unknown, or when it has other checksums than SHA-256.
  [[nodiscard]] bool facts(std::int64_t id, Content& content) const;
  // Bytes are kept when they are asked for the second time in a row: most are asked for once.
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
  // A row of `node`, packed. All zero in the beginning: no instant is 0.
  struct PackedRow {
    std::uint64_t instant;
    NodeId parent;
    NodeId id;  // 0: nothing is mapped
    Millis created, modified, stored;
    AccountId owner;
    std::uint64_t size;
    std::int64_t content;  // 0: a collection
    DateMark date_mark;
    bool locked;
    std::uint8_t key_bytes;
    std::array<char, 53> key;  // and the name as well

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
  std::atomic<std::uint64_t> filled_at_{0};           // the instant that members were last kept of
  std::atomic<std::size_t> filled_{0};                // how many
  std::vector<Resolved> resolved_;
  std::vector<Stored> stored_;
  HugeTable<Facts> facts_;
  HugeTable<PackedRow> members_;
};

}  // namespace holdfast::storage::sqlite
