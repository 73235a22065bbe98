// What a connection saw lately of the tree and of locks, so that it need not look again: rows of
// `node` by where they are and by their ids, and the live locks of single resources. Whoever
// changes the store forgets or replaces what it changed. One thread at a time.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "storage/namespace.h"

namespace holdfast::storage::sqlite {

struct Seen {
  NodeId parent = 0;
  std::string key;
  std::optional<Resource> resource;  // nothing: no member has this key
  std::int64_t height = 0;
  std::int64_t reach = 0;
  std::uint64_t round = 0;  // of forgetting; 0: never used
};

class RowCache {
 public:
  // At most `most` of them; each has one place in the table and gives way to the next that wants
  // it.
  explicit RowCache(std::size_t most) : places_(most), by_id_(most, 0) {}

  [[nodiscard]] const Seen* find(NodeId parent, std::string_view key) const {
    const Seen& seen = places_[slot(parent, key)];
    return seen.round == round_ && seen.parent == parent && seen.key == key ? &seen : nullptr;
  }
  [[nodiscard]] const Seen* find(NodeId id) const {
    const Seen& seen = places_[by_id_[static_cast<std::size_t>(id) % by_id_.size()]];
    return seen.round == round_ && seen.resource && seen.resource->id == id ? &seen : nullptr;
  }
  const Seen& keep(NodeId parent, std::string_view key, std::optional<Resource> resource,
                   std::int64_t height, std::int64_t reach) {
    const std::size_t at = slot(parent, key);
    Seen& seen = places_[at];
    seen.parent = parent;
    seen.key = key;
    seen.resource = std::move(resource);
    seen.height = height;
    seen.reach = reach;
    seen.round = round_;
    if (seen.resource) by_id_[static_cast<std::size_t>(seen.resource->id) % by_id_.size()] = at;
    return seen;
  }
  void forget() { ++round_; }
  void forget(NodeId parent, std::string_view key) { places_[slot(parent, key)].round = 0; }

 private:
  [[nodiscard]] std::size_t slot(NodeId parent, std::string_view key) const {
    const std::size_t spread = static_cast<std::size_t>(parent) * 0x9e3779b97f4a7c15U;
    return (std::hash<std::string_view>()(key) ^ (spread >> 32U)) % places_.size();
  }

  std::uint64_t round_ = 1;
  std::vector<Seen> places_;
  std::vector<std::size_t> by_id_;  // where in places_ it may be
};

// Of resources that have one live lock or none. A lock that ran out meanwhile is still here.
class LockCache {
 public:
  struct Known {
    NodeId node = 0;
    bool locked = false;
    Lock lock;  // without its root's path
    std::uint64_t round = 0;
  };

  // Remembers nothing when `most` is 0.
  explicit LockCache(std::size_t most) : known_(most) {}

  // Nothing when this is not known.
  [[nodiscard]] const Known* of(NodeId node) const {
    if (known_.empty()) return nullptr;
    const Known& known = known_[slot(node)];
    return known.round == round_ && known.node == node ? &known : nullptr;
  }
  void keep_none(NodeId node) {
    if (known_.empty()) return;
    Known& known = known_[slot(node)];
    known.node = node;
    known.locked = false;
    known.round = round_;
  }
  void keep(const Lock& lock) {
    if (known_.empty()) return;
    constexpr std::size_t kLongestOwner = 1024;
    if (lock.owner.size() > kLongestOwner) return forget(lock.root_id);
    keep_none(lock.root_id);
    Known& known = known_[slot(lock.root_id)];
    known.locked = true;
    known.lock = lock;
    known.lock.root = Path();
  }
  void forget() { ++round_; }
  void forget(NodeId node) {
    if (!known_.empty()) known_[slot(node)].round = 0;
  }

 private:
  [[nodiscard]] std::size_t slot(NodeId node) const {
    return static_cast<std::size_t>(node) % known_.size();
  }

  std::uint64_t round_ = 1;
  std::vector<Known> known_;
};

}  // namespace holdfast::storage::sqlite
