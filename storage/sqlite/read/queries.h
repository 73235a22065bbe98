// All reading statements of one connection. It implements the functions of storage::Snapshot for
// readers and for the writer. One thread at a time.
#pragma once

#include <array>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "storage/name_key.h"
#include "storage/namespace.h"
#include "storage/sqlite/file/sqlite.h"
#include "storage/sqlite/read/commit_counter.h"
#include "storage/sqlite/read/lookup_cache.h"

namespace holdfast::storage::sqlite {

// These functions convert the mark of a date to its stored number, and read a date from two columns
// of a row of `node`. A number that only damage leaves counts as the mark that proves least.
[[nodiscard]] constexpr std::int64_t number_of(DateMark mark) {
  return static_cast<std::int64_t>(mark);
}
[[nodiscard]] inline Date read_date(const Run& run, int modified, int mark) {
  const std::int64_t number = run.integer(mark);
  const bool known = number >= 0 && number <= number_of(DateMark::hides_dates);
  return {run.amount(modified), known ? static_cast<DateMark>(number) : DateMark::hides_dates};
}

// A tree with more resources is not walked in search of locks: the collections that hold locks are
// visited instead.
inline constexpr std::uint64_t kSmallTree = 4096;

class Queries {
 public:
  // How much a Queries remembers (LookupCache): what one request needs, or what many clients work
  // on.
  enum class Remembers { little, writes };
  // `commits` must outlive this object.
  Queries(Connection& connection, std::string epoch, const CommitCounter& commits,
          Remembers remembers = Remembers::little);

  // Sets the time for the queries that follow, inside a transaction of the connection. Remembered
  // rows stay: call `forget` when they may have changed.
  void begin(Millis lease_now, Millis wall_now);
  void forget() { remembered_.forget(); }
  // Call after a write operation that changed nothing but this lock or file.
  void lock_came(const Lock& lock);
  void lock_went(const Lock& lock);
  void file_changed(NodeRow file) { remembered_.keep(std::move(file)); }
  // Sets whether the store has locks, live or expired, as the counter of locks says.
  void has_locks(bool any) { remembered_.keep_any_locks(any); }

  [[nodiscard]] Resolution resolve(const Path& path);
  // Resolves a path whose parent is mapped, from the results of `resolve` for the parent and of
  // `child` for the member, both as of this instant. `locked` means that a lock may be rooted at
  // the member.
  [[nodiscard]] Resolution resolve_member(const Resolution& parent, const Path& path,
                                          std::optional<Resource> member, bool locked);
  void members(const Resolution& from, Depth depth, Wanted wanted,
               const std::function<void(const Member&)>& visit);
  [[nodiscard]] std::uint64_t count(const Resource& root, std::uint64_t limit);
  [[nodiscard]] bool fits_below(const Resource& root, std::size_t levels, std::size_t bytes);
  void locks_within(const Resource& root, Among among,
                    const std::function<bool(const Lock&)>& visit);
  [[nodiscard]] std::vector<Property> properties(const Resource& resource);
  [[nodiscard]] Content content(const Resource& file);
  [[nodiscard]] Content facts(const Resource& file);
  // Visits the facts of the contents whose ids follow `id` in order, at most `most`.
  void facts_after(std::int64_t id, std::size_t most,
                   const std::function<void(std::int64_t, const Content&)>& visit);
  // Reads the bytes of an inline content whose size is known.
  void read_inline(std::int64_t id, Content& content);
  // Visits the members of a collection that follow this key (NameKey) in order, at most `most`.
  void children_after(NodeId parent, std::string_view key, std::size_t most,
                      const std::function<void(std::string_view, const Resource&)>& visit);
  [[nodiscard]] std::optional<Lock> find_lock(std::string_view token, std::int64_t grace_s);
  [[nodiscard]] std::optional<Lock> find_lock(const Resolution& at, std::string_view token,
                                              std::int64_t grace_s);
  [[nodiscard]] std::vector<Lock> late_locks(const Resolution& at, std::int64_t grace_s);
  [[nodiscard]] std::vector<Lock> all_locks(std::size_t limit);
  [[nodiscard]] std::uint64_t locks_of(AccountId creator);
  [[nodiscard]] Usage usage();
  [[nodiscard]] Usage usage_of(AccountId account);
  // Defined in history.cc:
  [[nodiscard]] Kept kept_of(AccountId account);
  void trash(std::int64_t after, const std::function<bool(const TrashEntry&)>& visit);
  [[nodiscard]] std::optional<TrashEntry> trash_entry(std::int64_t id);
  [[nodiscard]] TrashEntry::Size size_of_trash(const TrashEntry& entry);
  [[nodiscard]] std::vector<Version> versions(const Resource& file);
  void all_versions(std::int64_t after, const std::function<bool(const Version&)>& visit);
  [[nodiscard]] std::vector<Dated> next_line(std::int64_t& after);
  // Returns true when there are versions with this `line`.
  [[nodiscard]] bool has_versions(std::int64_t line);
  [[nodiscard]] bool any_versions();
  // Defined in past.cc:
  [[nodiscard]] std::optional<Instant> instant_at(Millis wall);
  [[nodiscard]] Horizon horizon();
  [[nodiscard]] Horizon horizon(std::int64_t whole_since);
  [[nodiscard]] Instant present_instant();
  void members_at(const Instant& instant, NodeId collection,
                  const std::function<void(const PastMember&)>& visit);
  [[nodiscard]] std::optional<PastMember> resolve_at(const Instant& instant, const Path& path);
  [[nodiscard]] Whereabouts whereabouts(NodeId id);
  [[nodiscard]] std::vector<NamedSnapshot> named_snapshots();
  [[nodiscard]] std::optional<std::string> holder(const TrashEntry& entry);
  [[nodiscard]] std::optional<std::string> holder(const Version& version);
  // Returns the name of a snapshot that holds the tree of this root, which was a member of `parent`
  // until the instant `ended`, in ids.
  [[nodiscard]] std::optional<std::string> holder(const NodeRow& root, NodeId parent,
                                                  std::int64_t ended);
  // Defined in changes.cc:
  [[nodiscard]] const std::string& epoch() const { return epoch_; }
  [[nodiscard]] std::int64_t next_change();
  // `next` is the number of the next change.
  [[nodiscard]] bool knows_changes_since(std::int64_t number, std::int64_t next);
  void changes(std::int64_t from, const std::function<bool(const Change&)>& visit);
  [[nodiscard]] std::int64_t last_change(const Resource& collection);
  [[nodiscard]] std::optional<Standing> standing(NodeId id);
  [[nodiscard]] std::optional<Standing> standing(NodeId collection, std::string_view name);
  [[nodiscard]] Millis lease_now() const { return lease_now_; }
  [[nodiscard]] Millis wall_now() const { return wall_now_; }

  // Returns the first member after this one, in the order of ids, that has locks, live or expired.
  // Costs one step, whatever the number of locks.
  [[nodiscard]] std::optional<NodeId> next_locked(NodeId parent, NodeId after);

  // The functions below are for the write operations of a transaction.
  [[nodiscard]] std::optional<Resource> child(NodeId parent, std::string_view key);
  // Returns the row of a member, valid until the next call; its id is 0 when nothing is mapped.
  [[nodiscard]] const NodeRow& look(NodeId parent, std::string_view key);
  // Returns nullopt when the id is not mapped.
  [[nodiscard]] std::optional<NodeRow> row(NodeId id);
  // Returns the first rows of a collection in the order of keys, at most `most`.
  [[nodiscard]] std::vector<NodeRow> rows_in(NodeId parent, std::size_t most);
  // Returns the names from the root to a mapped resource; nullopt when the id is not mapped.
  [[nodiscard]] std::optional<Path> path_of(NodeId id);
  // Returns true when `id` is `above` or lies below it.
  [[nodiscard]] bool lies_in(NodeId id, NodeId above);
  // Visits the collections at or below `root` whose members may have locks, live or expired, until
  // `visit` returns false. Visits none when `root` is a file.
  void lock_parents(const Resource& root, const std::function<bool(NodeId)>& visit);
  [[nodiscard]] std::optional<NodeId> parent_of(NodeId id);
  void make_etag(std::int64_t content, std::string& etag) const;
  [[nodiscard]] bool any_locks();

 private:
  friend class TreeWalk;

  void read_row(const Run& run, NodeRow& row) const;
  void read_resource(const Run& run, Resource& resource) const;
  void read_lock(const Run& run, Lock& lock) const;
  [[nodiscard]] TrashEntry read_trash(const Run& run);
  [[nodiscard]] Version read_version(const Run& run) const;
  // Returns the second of the wall clock in which what came next after the instant was written, or
  // the next one that is known; the greatest number when nothing came.
  [[nodiscard]] std::int64_t second_after(const Instant& instant);
  // Returns true when the file has had this content only since after the instant.
  [[nodiscard]] bool is_later(const Resource& content, const Instant& instant);
  // Sets the content that the file had at the instant. Returns false when nothing of it is left.
  [[nodiscard]] bool fill_content(const Instant& instant, PastMember& file);
  void read_place(const Run& run, PastMember& member) const;
  // Returns true when the snapshot has what has been a member of `parent` since `since`, or may
  // have it.
  [[nodiscard]] bool may_hold(const NamedSnapshot& snapshot, NodeId node, NodeId parent,
                              std::int64_t since);
  // Returns true when the snapshot needs what lies below this collection, wherever that was.
  [[nodiscard]] bool needs_below(const NamedSnapshot& snapshot, NodeId collection);
  // Returns true when one of these versions may be a content that the snapshot has.
  [[nodiscard]] bool needs_line(const NamedSnapshot& snapshot, std::int64_t line);
  // Returns the first content that the file had until this instant or a later one.
  [[nodiscard]] std::optional<Version> version_after(NodeId node, std::int64_t instant);
  // Returns the latest time at which a lock that no longer counts ran out.
  [[nodiscard]] Millis expired_after(std::int64_t grace_s) const;
  [[nodiscard]] static Content read_facts(const Run& run);
  // Appends to `out` the live locks rooted at `node`, a member of `parent`, without their root's
  // path.
  void locks_at(NodeId parent, NodeId node, std::vector<Lock>& out);
  // Does the same, with `root` as their root's path.
  void locks_at(NodeId parent, NodeId node, const Path& root, std::vector<Lock>& out);
  // Returns the first collection after this one, in the order of ids, whose members have locks,
  // live or expired.
  [[nodiscard]] std::optional<NodeId> next_lock_parent(NodeId after);
  // Returns the first member after this one, in the order of ids, that has a live lock. Members
  // without a live lock cost a step for each of their locks.
  [[nodiscard]] std::optional<NodeId> next_live(NodeId parent, NodeId after, Among among);

  Connection& connection_;
  std::string epoch_;
  const CommitCounter& commits_;
  Millis lease_now_ = 0;
  Millis wall_now_ = 0;
  bool remembers_;
  LookupCache remembered_;

  Statement child_;
  Statement children_after_;
  Statement step_;
  Statement by_id_;
  Statement rows_in_;
  Statement parent_of_;
  Statement bounds_;
  Statement first_lock_;
  Statement locks_at_;
  Statement late_locks_at_;
  Statement next_lock_parent_;
  Statement next_locked_;
  Statement next_live_;
  Statement lock_by_token_;
  Statement properties_;
  Statement facts_;
  Statement facts_after_;
  Statement inline_;
  Statement usage_;
  Statement usage_of_;
  Statement kept_of_;
  Statement trash_;
  Statement versions_after_;
  Statement versions_of_;
  Statement next_line_;
  Statement any_version_;
  Statement instant_after_;
  Statement instant_before_;
  Statement instant_from_;
  Statement last_instant_;
  Statement whole_since_;
  Statement present_;
  Statement members_at_;
  Statement places_at_;
  Statement place_of_key_;
  Statement own_version_after_;
  Statement other_version_after_;
  Statement line_version_after_;
  Statement file_of_line_;
  Statement snapshots_;
  Statement version_of_then_;
  Statement node_of_version_;
  Statement changes_known_;
  Statement changes_after_;
  Statement tag_;
  Statement locks_of_;
  // What second_after found last: it stays true.
  std::pair<Instant, std::int64_t> second_after_{{}, std::numeric_limits<std::int64_t>::max()};
  // Unused statements that list a collection, by what they select. A walk takes one for each level
  // and gives it back, so a visit may start another walk.
  std::array<std::vector<std::unique_ptr<Statement>>, 3> idle_children_;
};

}  // namespace holdfast::storage::sqlite
