// Remembers what one connection has read, so that it need not read it again: rows of `node` by
// parent and key and by id, the live lock of a resource, and whether there are locks at all.
//
// All entries are as of one instant, and `forget` drops them all. A reader calls it when it begins
// another transaction, the writer before each write operation and after each rollback. An operation
// that changes only one row or one lock does not call it: it stores the new state.
//
// One thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "storage/sqlite/read/node_row.h"

namespace holdfast::storage::sqlite {

class LookupCache {
 public:
  // A resource with one live lock or none. The lock may have run out meanwhile.
  struct Locked {
    NodeId node = 0;
    std::optional<Lock> lock;  // its root's path is empty
    std::uint64_t instant = 0;
  };

  // Remembers at most `rows` rows (one or more) and the locks of `locks` resources (0: none). Each
  // entry has one slot, and a later entry for the slot replaces it.
  LookupCache(std::size_t rows, std::size_t locks) : rows_(rows), by_id_(rows, 0), locks_(locks) {}

  void forget() {
    ++instant_;
    any_locks_.reset();
  }

  // Returns null when the row is not known. A row with id 0 means that no member has this key.
  [[nodiscard]] const NodeRow* row(NodeId parent, std::string_view key) const {
    const Slot& slot = rows_[slot_of(parent, key)];
    return slot.instant == instant_ && slot.row.resource.parent == parent && slot.row.key == key
               ? &slot.row
               : nullptr;
  }
  // Returns null when it is not known.
  [[nodiscard]] const NodeRow* row(NodeId id) const {
    const Slot& slot = rows_[by_id_[static_cast<std::size_t>(id) % by_id_.size()]];
    return slot.instant == instant_ && slot.row.mapped() && slot.row.resource.id == id ? &slot.row
                                                                                       : nullptr;
  }
  // Stores the row. The result is valid until the next call.
  const NodeRow& keep(NodeRow row) {
    const std::size_t at = slot_of(row.resource.parent, row.key);
    Slot& slot = rows_[at];
    slot.row = std::move(row);
    slot.instant = instant_;
    if (slot.row.mapped())
      by_id_[static_cast<std::size_t>(slot.row.resource.id) % by_id_.size()] = at;
    return slot.row;
  }

  [[nodiscard]] std::optional<bool> any_locks() const { return any_locks_; }
  void keep_any_locks(bool any) { any_locks_ = any; }

  // Returns null when it is not known.
  [[nodiscard]] const Locked* locked(NodeId node) const {
    if (locks_.empty()) return nullptr;
    const Locked& locked = locks_[slot_of(node)];
    return locked.instant == instant_ && locked.node == node ? &locked : nullptr;
  }
  void keep_unlocked(NodeId node) {
    if (!locks_.empty()) locks_[slot_of(node)] = {node, std::nullopt, instant_};
  }
  void keep_locked(const Lock& lock) {
    constexpr std::size_t kLongestOwner = 1024;
    if (lock.owner.size() > kLongestOwner) return forget_locked(lock.root_id);
    if (locks_.empty()) return;
    Locked& locked = locks_[slot_of(lock.root_id)];
    locked = {lock.root_id, lock, instant_};
    locked.lock->root = Path();
  }
  void forget_locked(NodeId node) {
    if (!locks_.empty()) locks_[slot_of(node)].instant = 0;
  }

 private:
  struct Slot {
    NodeRow row;
    std::uint64_t instant = 0;  // 0: never used
  };

  [[nodiscard]] std::size_t slot_of(NodeId parent, std::string_view key) const {
    const std::size_t spread = static_cast<std::size_t>(parent) * 0x9e3779b97f4a7c15U;
    return (std::hash<std::string_view>()(key) ^ (spread >> 32U)) % rows_.size();
  }
  [[nodiscard]] std::size_t slot_of(NodeId node) const {
    return static_cast<std::size_t>(node) % locks_.size();
  }

  std::uint64_t instant_ = 1;
  std::vector<Slot> rows_;
  std::vector<std::size_t> by_id_;  // the index in rows_ where the row of an id may be
  std::vector<Locked> locks_;
  std::optional<bool> any_locks_;
};

}  // namespace holdfast::storage::sqlite
