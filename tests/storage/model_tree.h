// The tree of storage/namespace.h once more, in the simplest words there are: a map from whole
// paths to what is there, without ids, parents or sharing. model_check_test.cc does the same acts
// to it and to a back end and compares. It shares no code with any back end. One thread.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "storage/model.h"

namespace holdfast::test {

// An act that does not fit the tree.
struct Refused {};

struct ModelTree {
  using Key = std::vector<std::string>;  // segments in NFC

  struct Entry {
    std::string spelling;
    bool is_collection = true;
    int identity = 0;   // stays through moves
    int content = 0;    // shared by copies
    std::string bytes;  // files
    storage::Millis created = 0;
    storage::Date modified;
    storage::Millis stored = 0;
    bool had_members = false;
    int owner = 0;  // 0 is nobody; others as the test numbers them
    std::map<storage::PropertyName, std::string> properties;
  };
  struct LockEntry {
    Key root;
    bool infinite = false;
    storage::LockScope scope = storage::LockScope::exclusive;
    storage::Millis granted = 0;
    std::int64_t timeout_s = 0;
    [[nodiscard]] storage::Millis expires() const { return granted + timeout_s * 1000; }
  };

  explicit ModelTree(storage::Millis start) : now(start) {
    entries[{}].created = start;
    entries[{}].modified = start;
    entries[{}].identity = ++*last_number;
  }

  std::map<Key, Entry> entries;
  std::map<std::string, LockEntry> locks;  // expired ones until they are purged
  storage::Millis now;
  // Outside of what an undone write restores, so that no number stands for two things.
  std::shared_ptr<int> last_number = std::make_shared<int>(0);

  static Key key(const storage::Path& path);
  [[nodiscard]] static bool at_or_below(const Key& key, const Key& top) {
    return key.size() >= top.size() && std::equal(top.begin(), top.end(), key.begin());
  }
  [[nodiscard]] bool mapped(const Key& key) const { return entries.contains(key); }
  [[nodiscard]] bool live(const LockEntry& lock) const { return now < lock.expires(); }
  [[nodiscard]] std::string stored_path(const Key& key) const;
  // Tokens of live locks that cover `key`, in order.
  [[nodiscard]] std::vector<std::string> covering(const Key& key) const;

  // The acts; paths are mapped as each act needs, or the act is Refused.
  void put(const storage::Path& at, const std::string& bytes,
           std::optional<storage::Millis> modified, int owner);
  void make_collection(const storage::Path& at, int owner);
  void copy(const storage::Path& from, bool recursive, const storage::Path& to, int owner);
  void move(const storage::Path& from, const storage::Path& to);
  void remove(const storage::Path& at);
  void patch(const storage::Path& at, const std::vector<storage::PropertyChange>& changes);
  void set_modified(const storage::Path& at, storage::Date modified);
  void add_lock(const std::string& token, const storage::Path& at, bool infinite,
                storage::LockScope scope, std::int64_t timeout_s);
  void refresh(const std::string& token, std::int64_t timeout_s);
  void remove_lock(const std::string& token);
  void purge(std::int64_t grace_s);
  // Those that ran out and cover what is there never live again.
  void end_late_locks(const Key& changed);

 private:
  [[nodiscard]] Key parent(const Key& key) const { return Key(key.begin(), key.end() - 1); }
  void check_place(const Key& to) const;
  Entry& appear(const storage::Path& at, bool is_collection);
  void came(const Key& at);
  void vanish(const Key& top);
  void drop_locks(const Key& top, bool also_at_top);
};

}  // namespace holdfast::test
