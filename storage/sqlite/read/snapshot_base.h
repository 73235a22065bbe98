// Implements the reading functions of Snapshot or Transaction by a connection's Queries.
#pragma once

#include "storage/sqlite/read/queries.h"

namespace holdfast::storage::sqlite {

template <typename Interface>
class SnapshotBase : public Interface {
 public:
  explicit SnapshotBase(Queries& queries) : queries_(queries) {}

  Resolution resolve(const Path& path) const override { return queries_.resolve(path); }
  void members(const Resolution& from, Depth depth, Wanted wanted,
               const std::function<void(const Member&)>& visit) const override {
    queries_.members(from, depth, wanted, visit);
  }
  std::uint64_t count(const Resource& root, std::uint64_t limit) const override {
    return queries_.count(root, limit);
  }
  bool fits_below(const Resource& root, std::size_t levels, std::size_t bytes) const override {
    return queries_.fits_below(root, levels, bytes);
  }
  void locks_within(const Resource& root, Among among,
                    const std::function<bool(const Lock&)>& visit) const override {
    queries_.locks_within(root, among, visit);
  }
  std::vector<Property> properties(const Resource& resource) const override {
    return queries_.properties(resource);
  }
  Content content(const Resource& file) const override { return queries_.content(file); }
  Content facts(const Resource& file) const override { return queries_.facts(file); }
  std::optional<Lock> find_lock(std::string_view token, std::int64_t grace_s) const override {
    return queries_.find_lock(token, grace_s);
  }
  std::optional<Lock> find_lock(const Resolution& at, std::string_view token,
                                std::int64_t grace_s) const override {
    return queries_.find_lock(at, token, grace_s);
  }
  std::vector<Lock> late_locks(const Resolution& at, std::int64_t grace_s) const override {
    return queries_.late_locks(at, grace_s);
  }
  std::vector<Lock> all_locks(std::size_t limit) const override {
    return queries_.all_locks(limit);
  }
  std::uint64_t locks_of(AccountId creator) const override { return queries_.locks_of(creator); }
  Usage usage() const override { return queries_.usage(); }
  Usage usage_of(AccountId account) const override { return queries_.usage_of(account); }
  Kept kept_of(AccountId account) const override { return queries_.kept_of(account); }
  void trash(std::int64_t after,
             const std::function<bool(const TrashEntry&)>& visit) const override {
    queries_.trash(after, visit);
  }
  std::optional<TrashEntry> trash_entry(std::int64_t id) const override {
    return queries_.trash_entry(id);
  }
  TrashEntry::Size size_of_trash(const TrashEntry& entry) const override {
    return queries_.size_of_trash(entry);
  }
  std::vector<Version> versions(const Resource& file) const override {
    return queries_.versions(file);
  }
  void all_versions(std::int64_t after,
                    const std::function<bool(const Version&)>& visit) const override {
    queries_.all_versions(after, visit);
  }
  std::vector<Dated> next_line(std::int64_t& after) const override {
    return queries_.next_line(after);
  }
  std::optional<Instant> instant_at(Millis wall) const override {
    return queries_.instant_at(wall);
  }
  Horizon horizon() const override { return queries_.horizon(); }
  Instant present_instant() const override { return queries_.present_instant(); }
  void members_at(const Instant& instant, NodeId collection,
                  const std::function<void(const PastMember&)>& visit) const override {
    queries_.members_at(instant, collection, visit);
  }
  std::optional<PastMember> resolve_at(const Instant& instant, const Path& path) const override {
    return queries_.resolve_at(instant, path);
  }
  Whereabouts whereabouts(NodeId id) const override { return queries_.whereabouts(id); }
  std::vector<NamedSnapshot> named_snapshots() const override { return queries_.named_snapshots(); }
  std::optional<std::string> holder(const TrashEntry& entry) const override {
    return queries_.holder(entry);
  }
  std::optional<std::string> holder(const Version& version) const override {
    return queries_.holder(version);
  }
  std::string epoch() const override { return queries_.epoch(); }
  std::int64_t next_change() const override { return queries_.next_change(); }
  bool knows_changes_since(std::int64_t number) const override {
    return queries_.knows_changes_since(number, next_change());
  }
  void changes(std::int64_t from, const std::function<bool(const Change&)>& visit) const override {
    queries_.changes(from, visit);
  }
  std::int64_t last_change(const Resource& collection) const override {
    return queries_.last_change(collection);
  }
  std::optional<Standing> standing(NodeId id) const override { return queries_.standing(id); }
  std::optional<Standing> standing(NodeId collection, std::string_view name) const override {
    return queries_.standing(collection, name);
  }
  Millis lease_now() const override { return queries_.lease_now(); }
  Millis wall_now() const override { return queries_.wall_now(); }

 protected:
  // The functions are const although they use the connection's statements: for the one user, a
  // query changes nothing.
  Queries& queries_;
};

}  // namespace holdfast::storage::sqlite
