// The write operations of storage::Transaction on the writing connection. One closure runs at a
// time; GroupCommit (group_commit.h) calls begin, save, restore and write_counters around it.
//
// docs/storage.md numbers the invariants that these operations keep; they are cited as "invariant
// n".
#pragma once

#include <limits>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "storage/sqlite/read/snapshot_base.h"

namespace holdfast::storage::sqlite {

// The row of counters, kept in memory while a batch runs and written once at its end.
struct Counters {
  std::int64_t next_node = 0;
  std::int64_t next_content = 0;
  std::int64_t resources = 0;
  std::int64_t bytes = 0;
  std::int64_t locks = 0;
  AccountId next_account = 1;
  std::int64_t whole_since = 0;  // Horizon::whole
  // Changes with smaller numbers are forgotten; 0: they have no numbers.
  std::int64_t changes_since = 0;
  // These are read when the store is opened, and not written with the others.
  std::int64_t last_second = std::numeric_limits<std::int64_t>::min();  // of an instant
  std::int64_t held_content = 0;  // what has a smaller id may be held by a snapshot; 0: none is

  // Only the number of locks is not written, because each LOCK and UNLOCK would then write one more
  // page: locks are counted when the store is opened.
  [[nodiscard]] bool same_but_locks(const Counters& other) const {
    return next_node == other.next_node && next_content == other.next_content &&
           resources == other.resources && bytes == other.bytes &&
           next_account == other.next_account && whole_since == other.whole_since &&
           changes_since == other.changes_since;
  }
};

// These functions read the row of counters with the current number of locks, and all accounts.
[[nodiscard]] Counters read_counters(Connection& connection);
[[nodiscard]] std::shared_ptr<const Accounts> read_accounts(Connection& connection);

class WriteTransaction final : public SnapshotBase<Transaction> {
 public:
  WriteTransaction(Connection& connection, Queries& queries);

  // For a batch, call `begin` before its closures and `write_counters` after them. For a closure,
  // call `save` before it and `restore` after it was rolled back. Ids that the closure took are not
  // given out again.
  struct State {
    Counters counters;
    std::shared_ptr<const Accounts> accounts;
    std::size_t touched = 0;  // how many collections are in `touched_`
    std::uint32_t begun = 0;  // number of write operations begun, perhaps without effect
    bool changed = false;     // something was changed
    bool must_flush = false;  // docs/robustness.md G1 wants a flush
    // Of the closure that runs.
    bool grew = false;         // a change takes space
    bool administers = false;  // it changes accounts, groups or tokens
  };
  void begin(const Counters& counters, std::shared_ptr<const Accounts> accounts);
  // Call before each closure. It keeps of the past what `keeping` says.
  void begin_closure(Keeping keeping);
  [[nodiscard]] const State& save() {
    state_.touched = touched_.size();
    return state_;
  }
  void restore(const State& saved);
  // Call before each closure.
  void begin_closure() { state_.grew = state_.administers = false; }
  void write_counters();
  // Call after the last closure of a batch that is to be committed, before write_counters: gives
  // new tags to the collections that changed, and to all above them.
  void write_tags();
  // What the batch has changed, after write_tags: all collections with something changed at or
  // below them, those that left their place, and whether the tags of all did.
  [[nodiscard]] const std::unordered_set<NodeId>& tagged() const { return tagged_; }
  [[nodiscard]] const std::vector<NodeId>& left() const { return left_; }
  [[nodiscard]] bool all_tags_changed() const { return all_tags_changed_; }
  // Call after the commit.
  void committed() { above_is_committed_ = true; }
  [[nodiscard]] Usage usage() const override;
  [[nodiscard]] Instant present_instant() const override {
    return {closure_node_, closure_content_};
  }
  [[nodiscard]] std::int64_t next_change() const override { return counters_.next_node; }
  [[nodiscard]] Horizon horizon() const override;
  [[nodiscard]] std::optional<Instant> instant_at(Millis wall) const override;

  Resource put(const Resource& parent, std::string_view name, const Content& content,
               std::optional<Date> modified, AccountId owner) override;
  Resource make_collection(const Resource& parent, std::string_view name, AccountId owner) override;
  Resource copy_tree(const Resource& source, bool recursive, const Resource& parent,
                     std::string_view name, AccountId owner) override;
  std::shared_ptr<TreeCopy> begin_copy(const Resource& source, AccountId owner) override;
  bool copy_part(TreeCopy& copy, std::size_t most) override;
  std::optional<Resource> place_copy(TreeCopy& copy, const Resource& source, const Resource& parent,
                                     std::string_view name) override;
  Resource move_tree(const Resource& source, const Resource& parent,
                     std::string_view name) override;
  void remove_tree(const Resource& root) override;
  void acts_for(AccountId account) override { author_ = account; }
  void keep_nothing() override { keeping_ = {.changes = keeping_.changes}; }
  Resource restore_trash(std::int64_t id, const Resource& parent, std::string_view name) override;
  bool purge_trash(std::int64_t id) override;
  void measure_trash(std::int64_t id, TrashEntry::Size size) override;
  Resource restore_version(const Resource& file, std::int64_t version, Date modified) override;
  bool purge_version(std::int64_t id) override;
  Resource restore_content(const Resource& file, const PastMember& then) override;
  Resource restore_file(const PastMember& then, const Resource& parent,
                        std::string_view name) override;
  Resource restore_member(const Resource& source, const Resource& parent,
                          std::string_view name) override;
  void add_snapshot(NamedSnapshot snapshot) override;
  bool remove_snapshot(std::string_view name) override;
  NodeId forget_places(const Instant& before, NodeId from, std::size_t most) override;
  std::size_t forget_changes(Millis before, std::size_t most) override;
  Usage adopt_tree(const Resource& root, AccountId owner) override;
  void set_owner(NodeId id, AccountId owner) override;
  std::int64_t patch_properties(NodeId id, std::span<const PropertyChange> changes) override;
  void set_modified(NodeId id, Date modified) override;
  Lock add_lock(Lock lock) override;
  Lock refresh_lock(const Lock& lock, std::int64_t timeout_s) override;
  bool remove_lock(const Lock& lock) override;
  [[nodiscard]] std::shared_ptr<const Accounts> accounts() const override;
  AccountId put_account(Account account) override;
  void remove_account(AccountId id) override;
  AccountId put_group(Group group) override;
  void remove_group(AccountId id) override;
  void put_token(DeviceToken token) override;
  void put_session(Session session) override;
  bool remove_session(std::string_view id) override;
  void put_share(Share share) override;
  bool remove_share(std::string_view id) override;
  bool remove_token(std::string_view id) override;

  // Maintenance. These writes need no flush of their own.
  void forget_garbage(std::span<const std::string> blobs);
  // Forgets locks that ran out more than `grace_s` seconds ago, at most `most`.
  void purge_expired_locks(std::int64_t grace_s, std::size_t most);
  // Does what Namespace::purge does.
  std::size_t purge(std::size_t most);
  // Does what Namespace::check does with `repair`.
  [[nodiscard]] NamespaceCheck repair();

 private:
  // Call before the first statement that writes: remembered rows and locks may no longer be true.
  void acting() {
    ++state_.begun;
    queries_.forget();
    queries_.has_locks(counters_.locks > 0);
  }
  void changing() {
    acting();
    state_.changed = state_.must_flush = true;
  }
  void growing() {
    changing();
    state_.grew = true;
  }
  void administering() {
    growing();
    state_.administers = true;
  }
  // These throw Error{conflict} when the resource is gone, or is no collection.
  [[nodiscard]] NodeRow row(NodeId id);
  [[nodiscard]] NodeRow collection(NodeId id);
  // Inserts `row`, whose key is that of its resource's name.
  void insert_node(const NodeRow& row);
  // Does the same with any key; it is no change of the tree.
  void insert_row(const NodeRow& row);
  // Changes what an account owns by this much (invariant 10). Nothing is counted for kNobody.
  struct Owned {
    std::int64_t resources = 0;
    std::int64_t bytes = 0;
    std::int64_t trash_bytes = 0;  // of `bytes`, as version_bytes
    std::int64_t version_bytes = 0;
  };
  void owns(AccountId owner, Owned change);
  // Records that a member with these bounds was added to `parent`: dates `parent` `modified`
  // (storage/dates.h) and raises the bounds of all collections above (invariant 6).
  void member_came(NodeRow parent, std::int64_t name_bytes, std::int64_t height, std::int64_t reach,
                   Date modified);
  void touch(const NodeRow& row, Date modified);
  void member_left(const NodeRow& parent, const Resource& lost);

  // Defined in accounts.cc:
  // Returns the accounts for a change, after which they are put back into the state.
  [[nodiscard]] std::shared_ptr<Accounts> changing_accounts();
  // Sorts the grants, binds each to what is mapped at its path, and writes them in place of those
  // that the account or group had.
  void write_grants(AccountId of, std::vector<Grant>& grants);

  // Defined in grants.cc:
  // What the grants of all accounts and groups belong to.
  struct Granted {
    std::shared_ptr<const Accounts> of{};                // the accounts that have them
    std::unordered_set<NodeId> nodes{};                  // resources
    std::vector<std::string> paths{};                    // keys of their paths, sorted
    std::vector<Path> waiting{};                         // paths where nothing is yet
    std::set<std::string, std::less<>> waiting_names{};  // keys of all segments of those
  };
  [[nodiscard]] const Granted& granted();
  // What one operation does to the tree, as far as it concerns grants.
  struct Following {
    std::optional<Path> from{};  // the path of a tree with grants that leaves
    std::optional<Path> to{};    // where grants follow it, or wait, or lose their resource
    bool replaces = false;       // there was a tree with grants
  };
  // Call before the operation. `leaving` is the tree that is moved or removed, `replaced` the one
  // that gives its place at parent/name; both may be null.
  [[nodiscard]] Following grants_of(const Resource* leaving, const Resource* replaced,
                                    const Resource& parent, std::string_view name);
  // Call after the operation: grants are moved, removed and bound.
  void follow(const Following& following);
  [[nodiscard]] Path path_of(NodeId id);
  // Returns true when a grant belongs to the resource or to one below it.
  [[nodiscard]] bool has_grants(const Resource& root);

  // Defined in trees.cc:
  void fill_tree(const Resource& root);
  void copy_members(const NodeRow& source, NodeId target, AccountId owner);
  // These remove what has no locks. `gone` and `root` are as the database has them now.
  void drop(const NodeRow& gone);
  void drop_tree(const Resource& root);
  // Removes one resource without members. Its content may be missing where `damaged` is true.
  void drop_row(const NodeRow& gone, bool damaged = false);
  // These remove locks, live and expired: those of one resource, and those of all below it.
  void drop_locks_at(NodeId id, NodeId parent);
  void drop_locks_below(const Resource& root);
  // Takes a tree away from its place, with the locks below its root: to the trash, or for good.
  void leave(const NodeRow& gone);
  // Takes `replaced` away for `next`, which has `history` when it is a file with versions of its
  // own. Returns the line that `next` is to have (NodeRow::own_line). The locks rooted at
  // `replaced` stay for take_locks.
  [[nodiscard]] std::int64_t give_place(const NodeRow& replaced, const NodeRow& next, bool history);
  // The locks of `replaced` cover `to`, which has its place (RFC 4918 §7.6).
  void take_locks(const NodeRow& replaced, NodeId to);

  // Defined in tree_copy.cc:
  struct Copying;
  // Copies some members of the collection `from`, those after the key `after`, at most `most`, into
  // the collection `to`. Appends the collections among them to `found`, each with its copy. Returns
  // how many it copied; `after` becomes the key of the last one.
  struct Pair {
    NodeId from = 0;
    NodeId to = 0;
  };
  std::size_t copy_some_members(Pair pair, std::string& after, std::size_t most, AccountId owner,
                                std::vector<Pair>& found);
  // Call when something in the collection `in` changes: copies of what is above are outdated.
  void outdate_copies(NodeId in);
  // Call when anything may have changed.
  void outdate_all_copies();
  // Returns true for the root of a copy that is being made.
  [[nodiscard]] bool is_being_made(NodeId root);

  // Defined in history.cc:
  // Puts a tree without locks into the trash.
  void to_trash(const NodeRow& gone);
  // Puts a tree to those that are removed in the background.
  void give_up(const NodeRow& gone);
  // The content of `old` becomes a version. The caller counts it.
  void insert_version(const NodeRow& old, std::int64_t line);
  // Removes a file; its content becomes a version of `line`, if it is to be kept.
  void become_version(const NodeRow& gone, std::int64_t line, bool kept);
  // Does what purge_version does, whatever snapshots hold when they do not count.
  enum class Holds { count, ignore };
  bool purge_version(std::int64_t id, Holds holds);
  // Releases a version, which is counted.
  void drop_version(std::int64_t id, std::int64_t content, std::int64_t size, AccountId owner);
  // Returns the line for a version of this file. A file whose line another one continues, which was
  // made later, gets one of its own.
  [[nodiscard]] std::int64_t line_for_version(const NodeRow& file);
  // Which other files count as having the line of a file: all, or those that were made later and
  // are mapped.
  enum class Sharing { made_later, any };
  [[nodiscard]] bool shares_line(const NodeRow& file, Sharing which);
  // Remembers which file was at a place, and returns the line that a file continues which comes
  // there; 0 for none. So the history of a name goes on when an editor renames the old file and
  // then the new one.
  void note_departure(const NodeRow& file);
  [[nodiscard]] std::int64_t line_left_at(NodeId parent, std::string_view key);
  // Removes a file that was given up with its versions, at most `most` rows; returns how many.
  std::size_t purge_file(const NodeRow& file, std::size_t most);

  // Defined in past.cc:
  // Notes that this resource, or with this name, was at its place until the instant `id`.
  void end_place(const NodeRow& gone, std::int64_t id);
  // Notes that something is gone from the past for good: it was there until the instant `ended`.
  void lose(std::int64_t ended);
  // Notes which ids came next when the batch began, once for each second.
  void note_instant();
  // Throws Error{full} when a snapshot holds this tree, which would be removed for good.
  void require_not_held(const NodeRow& gone);
  // Returns true when the content that a file has may be that of a snapshot.
  [[nodiscard]] bool in_snapshot(const Resource& file) const {
    return file.content < counters_.held_content;
  }
  // Gives the file at `at` another content, which is there; what it had becomes a version.
  Resource exchange_version(NodeRow& at, std::int64_t content, std::uint64_t size, Date modified,
                            AccountId author);
  // What is in the trash as part of a larger tree is about to leave that.
  void leave_trash(const NodeRow& moved);

  // Defined in changes.cc:
  // Notes the change with this number, or with a new one for kNewNumber, and that the tag of the
  // collection `in` is to change with it.
  static constexpr std::int64_t kNewNumber = 0;
  void note_change(std::int64_t number, NodeId node, NodeId in);
  // Returns false when changes get no numbers. Then all those before are unknown.
  [[nodiscard]] bool notes_changes();
  // Does the same where a resource has left its place.
  void note_leaving(const NodeRow& gone);
  // Returns the collection that this one is in, which is remembered; 0 for the root and for what
  // lies in no collection, nullopt when it is gone.
  [[nodiscard]] std::optional<NodeId> above(NodeId collection);

  // Defined in locks.cc:
  // Ends for good the expired locks that cover this resource, because it is about to change. Costs
  // one comparison as long as no lock has run out.
  void end_late_locks(NodeId changed);
  [[nodiscard]] bool any_late_locks();
  // Call after a lock was granted or refreshed.
  void lasts_until(Millis expires);

  // Defined in properties.cc:
  // Returns the set that the changes of this resource's properties apply to, which no other
  // resource shares; 0 when it has none and `make` is false.
  [[nodiscard]] std::int64_t own_set(const NodeRow& row, bool make);
  // Releases a set of properties; `set` may be 0.
  void release_set(std::int64_t set);

  // Defined in content.cc:
  std::int64_t insert_content(const Content& content);
  // Inserts `content` and releases `old`.
  std::int64_t exchange_content(std::int64_t old, const Content& content);
  void release(std::int64_t content, bool damaged = false);

  Connection& connection_;
  Millis none_late_before_ = 0;  // no lock runs out before this; 0: not known
  State state_;
  Counters& counters_ = state_.counters;

  Granted granted_;

  // Copies that are being made; some may be gone.
  std::vector<std::weak_ptr<Copying>> copies_;

  // Collections whose tags change with this batch, and the parents of collections as of the last
  // commit, or as of this batch.
  std::vector<NodeId> touched_;
  std::unordered_map<NodeId, NodeId> above_;
  std::unordered_set<NodeId> tagged_;  // keeps its memory
  // Perhaps more than that: those of closures that failed, too.
  std::vector<NodeId> left_;
  bool all_tags_changed_ = false;
  bool above_is_committed_ = true;

  Keeping keeping_;
  AccountId author_ = kNobody;
  // The ids that came next when the batch and the closure began, and the time of the batch.
  std::int64_t batch_node_ = 0;
  std::int64_t batch_content_ = 0;
  std::int64_t closure_node_ = 0;
  std::int64_t closure_content_ = 0;
  Millis batch_wall_ = 0;
  bool batch_began_ = false;
  struct Departure {
    NodeId node = 0;
    Millis at = 0;  // lease clock
  };
  std::unordered_map<std::string, Departure> departures_;  // by collection and key

  struct Statements;
  struct Delete {
    void operator()(Statements* statements) const;
  };
  std::unique_ptr<Statements, Delete> sql_;
};

}  // namespace holdfast::storage::sqlite
