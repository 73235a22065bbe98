// The URL namespace (RFC 4918 §5) as a store: one tree of collections and files with their dead
// properties and locks. A Snapshot answers queries; a Transaction also writes.
//
//   ns.write(Flush::required, [&](Transaction& tx) {
//     Resolution target = tx.resolve(path);
//     ... throw to refuse: nothing of this closure remains ...
//     tx.make_collection(*target.parent, path.name(), kNobody);
//   });  // returned: committed and on disk
//
// A function here returns no lock whose lease has run out, unless its comment says otherwise. The
// store keeps such locks for a while, because one of them may live again
// (Transaction::refresh_lock) until a write changes what it covers. Names are stored byte-exact and
// found by their NFC form: two names with the same NFC form are one member (docs/clients.md R24).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "storage/accounts.h"
#include "storage/content.h"
#include "storage/error.h"
#include "storage/history.h"
#include "storage/model.h"

namespace holdfast::storage {

class ChangeWaits;

// What the rules need to know about one path, from one snapshot.
struct Resolution {
  Path path;                         // as given to resolve
  std::optional<Resource> resource;  // mapped here
  std::optional<Resource> parent;    // mapped at path.parent() (a file counts); none for the root
  // Ids from the root to the deepest mapped resource on the path. The path is mapped exactly when
  // lineage.size() == path.depth() + 1.
  std::vector<NodeId> lineage;
  // The stored names of those resources, without the root's.
  Path stored;
  // Locks that cover the URL itself: rooted at the resource, or Depth: infinity on an ancestor.
  std::vector<Lock> locks;
  // Locks that cover the parent collection: rooted at the parent, or Depth: infinity above it.
  // Adding or removing a member needs their tokens (RFC 4918 §7.4).
  std::vector<Lock> parent_locks;

  [[nodiscard]] bool mapped() const { return resource.has_value(); }
  // Returns true when this path lies at or below the resource `other`, compared by id and so
  // whatever the spelling of its names.
  [[nodiscard]] bool at_or_below(const Resource& other) const {
    for (NodeId id : lineage)
      if (id == other.id) return true;
    return false;
  }
};

// Returns whether a listing shows a member. It gets the member's row and its stored names below the
// listing's root.
using Shown = std::function<bool(const Resource&, std::span<const std::string> segments)>;

// What a listing returns for each member.
struct Wanted {
  bool properties = false;  // dead properties
  bool locks = false;       // every lock that covers the member
  bool checksums = false;
  // Members for which it returns false are left out together with all below them, which are not
  // read. It is not called for the root. When empty, all members are shown.
  Shown shown = {};
  // Restricts a Depth: 1 listing to a page, without the root: the members that follow the name
  // `after` in name order (no member need have that name), and at most `most` that are shown.
  struct Page {
    std::string after;  // empty: from the first member on
    std::size_t most = 0;
  };
  std::optional<Page> page = std::nullopt;
};

// One row of a listing. Valid during the visit only.
struct Member {
  Resource resource;
  std::span<const std::string>
      segments;                      // stored names below the listing's root; empty for the root
  std::vector<Property> properties;  // in name order
  std::vector<Lock> locks;
  std::optional<Checksums> checksums;  // files only
};

// Which locks to visit.
enum class Among { all, exclusive };

struct Usage {
  std::uint64_t resources = 0;  // mapped ones, the root included, and those in the trash
  // The sum of all files' and versions' sizes and of all dead properties (namespace names, names
  // and values), each copy counted.
  std::uint64_t bytes = 0;
};

// A late UNLOCK or refresh finds only this many expired locks of a resource: those that ran out
// last. A write to the resource or below it may remove the others.
inline constexpr std::size_t kLateLocks = 64;

// A consistent view of one instant. Used by one thread. Must not be kept while waiting for a
// client. Every function may throw Error{busy, corrupt, unavailable}.
class Snapshot {
 public:
  virtual ~Snapshot() = default;

  [[nodiscard]] virtual Resolution resolve(const Path& path) const = 0;
  // Visits the resource and, by depth, its members: the resource first, every collection before its
  // members, siblings in name order. Memory does not grow with the number of members; the number of
  // statements grows with the number of collections at most. `from` must be mapped.
  virtual void members(const Resolution& from, Depth depth, Wanted wanted,
                       const std::function<void(const Member&)>& visit) const = 0;
  // Returns the number of resources in the tree (the resource itself included), counted up to
  // `limit` + 1.
  [[nodiscard]] virtual std::uint64_t count(const Resource& root, std::uint64_t limit) const = 0;
  // Returns true when no descendant of `root` lies more than `levels` levels below it, and no path
  // from `root` to a descendant has more than `bytes` bytes of slashes and names. O(1) where the
  // tree is clearly small enough.
  [[nodiscard]] virtual bool fits_below(const Resource& root, std::size_t levels,
                                        std::size_t bytes) const = 0;
  // Visits live locks rooted at `root` or anywhere below, those of one resource one after the
  // other, until `visit` returns false. `visit` may call this snapshot. Costs O(min(collections
  // with locks, tree)) and what is visited. An expired lock, or one that `among` leaves out, costs
  // one step in an index.
  virtual void locks_within(const Resource& root, Among among,
                            const std::function<bool(const Lock&)>& visit) const = 0;
  // Returns the dead properties of a resource as this snapshot returned it.
  [[nodiscard]] virtual std::vector<Property> properties(const Resource& resource) const = 0;
  // Returns the file's content, with inline bytes.
  [[nodiscard]] virtual Content content(const Resource& file) const = 0;
  // Returns the file's content without inline bytes: its place, size and checksums.
  [[nodiscard]] virtual Content facts(const Resource& file) const = 0;
  // Returns the lock with this token, if live. An expired one is found as well when `grace_s` > 0
  // and it ran out at most that many seconds ago (Finder's late UNLOCK, docs/robustness.md L2).
  // Costs O(all locks).
  [[nodiscard]] virtual std::optional<Lock> find_lock(std::string_view token,
                                                      std::int64_t grace_s = 0) const = 0;
  // Does the same among the locks that cover what `at` mapped: locks rooted there, or with infinite
  // depth at a collection above. Of the expired locks of a resource, only the last kLateLocks are
  // found.
  [[nodiscard]] virtual std::optional<Lock> find_lock(const Resolution& at, std::string_view token,
                                                      std::int64_t grace_s = 0) const = 0;
  // Returns the locks that cover what `at` mapped, ran out at most `grace_s` seconds ago and may
  // live again. Of the expired locks of a resource, only the last kLateLocks are found.
  [[nodiscard]] virtual std::vector<Lock> late_locks(const Resolution& at,
                                                     std::int64_t grace_s) const = 0;
  // Returns all live locks, in root path order, at most `limit`.
  [[nodiscard]] virtual std::vector<Lock> all_locks(std::size_t limit) const = 0;
  // Returns how many live locks this account, which is not kNobody, has created. Costs O(these
  // locks).
  [[nodiscard]] virtual std::uint64_t locks_of(AccountId creator) const = 0;
  [[nodiscard]] virtual Usage usage() const = 0;
  // Returns what the account owns, or the members of the group own together: exact, and O(1). The
  // result is zero for kNobody and for what is gone.
  [[nodiscard]] virtual Usage usage_of(AccountId account) const = 0;
  // Returns how much of usage_of(account) is kept of the past. A tree counts as in the trash once
  // it was measured.
  [[nodiscard]] virtual Kept kept_of(AccountId account) const = 0;
  // Visits what lies in the trash, the oldest after `after` first, until `visit` returns false.
  virtual void trash(std::int64_t after,
                     const std::function<bool(const TrashEntry&)>& visit) const = 0;
  // Returns the entry with this id; nullopt when there is none.
  [[nodiscard]] virtual std::optional<TrashEntry> trash_entry(std::int64_t id) const = 0;
  // Returns what the tree of this entry has. Costs O(tree).
  [[nodiscard]] virtual TrashEntry::Size size_of_trash(const TrashEntry& entry) const = 0;
  // Returns the versions of the file, the newest first.
  [[nodiscard]] virtual std::vector<Version> versions(const Resource& file) const = 0;
  // Visits all versions, the oldest after `after` first, until `visit` returns false.
  virtual void all_versions(std::int64_t after,
                            const std::function<bool(const Version&)>& visit) const = 0;
  // Returns the versions of the first file whose `line` is larger than `after`, in the order of
  // their ids; none when there is no such file. `after` becomes its line.
  [[nodiscard]] virtual std::vector<Dated> next_line(std::int64_t& after) const = 0;
  // Returns the instant at the end of this second of the wall clock; a time older than a day stands
  // for the end of its minute. Returns nullopt for a time before the history begins.
  [[nodiscard]] virtual std::optional<Instant> instant_at(Millis wall) const = 0;
  [[nodiscard]] virtual Horizon horizon() const = 0;
  // Returns the instant of this snapshot; in a transaction, before what it has done.
  [[nodiscard]] virtual Instant present_instant() const = 0;
  // Visits the members that the collection with this id had at the instant, in name order. Costs
  // O(members of now, and those that have left it since).
  virtual void members_at(const Instant& instant, NodeId collection,
                          const std::function<void(const PastMember&)>& visit) const = 0;
  // Returns what was at this path at the instant, by the names of then; nullopt for nothing.
  [[nodiscard]] virtual std::optional<PastMember> resolve_at(const Instant& instant,
                                                             const Path& path) const = 0;
  // Returns where the resource with this id is; neither for one that is gone, or being removed.
  [[nodiscard]] virtual Whereabouts whereabouts(NodeId id) const = 0;
  // Returns the named snapshots, in name order.
  [[nodiscard]] virtual std::vector<NamedSnapshot> named_snapshots() const = 0;
  // Returns the name of a snapshot because of which this tree or version is not given up; nullopt
  // when there is none. Of what has moved since, it is not known whether it was below the
  // snapshot's path, so it is held. A tree of the trash is held as a whole. O(tree) at worst.
  [[nodiscard]] virtual std::optional<std::string> holder(const TrashEntry& entry) const = 0;
  [[nodiscard]] virtual std::optional<std::string> holder(const Version& version) const = 0;
  // Returns what tells the numbers of this store from those of others, also of those that were
  // restored from its backups: [0-9a-z].
  [[nodiscard]] virtual std::string epoch() const = 0;
  // Returns the number that the next change gets: what this snapshot shows has smaller ones.
  [[nodiscard]] virtual std::int64_t next_change() const = 0;
  // Returns true when `changes` visits all changes since the snapshot whose next_change this was:
  // none of them is forgotten, and the store has not gone back to before it (docs/storage.md).
  [[nodiscard]] virtual bool knows_changes_since(std::int64_t number) const = 0;
  // Visits the changes with this number and larger ones in their order, until `visit` returns
  // false. `visit` may call this snapshot. Costs O(what is visited).
  virtual void changes(std::int64_t from,
                       const std::function<bool(const Change&)>& visit) const = 0;
  // Returns a number that is another one after anything at or below this collection has changed:
  // content, properties, dates, names and members. Locks do not count. O(1).
  [[nodiscard]] virtual std::int64_t last_change(const Resource& collection) const = 0;
  // Returns the resource with this id, which may lie in the trash; nullopt when it is gone.
  [[nodiscard]] virtual std::optional<Standing> standing(NodeId id) const = 0;
  // Returns what is mapped in this collection under this name; nullopt for nothing.
  [[nodiscard]] virtual std::optional<Standing> standing(NodeId collection,
                                                         std::string_view name) const = 0;
  // The values of the lease clock and of the wall clock for this snapshot.
  [[nodiscard]] virtual Millis lease_now() const = 0;
  [[nodiscard]] virtual Millis wall_now() const = 0;
};

// A copy of a tree that is made a part at a time, between the writes of others
// (Transaction::begin_copy). Nobody sees it before Transaction::place_copy. When this object goes
// before that, Namespace::purge removes what was made. One thread at a time.
class TreeCopy {
 public:
  TreeCopy() = default;
  TreeCopy(const TreeCopy&) = delete;
  TreeCopy& operator=(const TreeCopy&) = delete;
  virtual ~TreeCopy() = default;

  // Returns true when something at or below the source has changed since the first part was made,
  // or may have: then this copy is of no use.
  [[nodiscard]] virtual bool outdated() const = 0;
};

// A snapshot that also writes. It sees its own changes. The writing functions take arguments that
// this transaction returned; an argument that does not fit the tree throws Error{conflict}. A write
// to a resource that an expired lock covers ends that lock for good: it never lives again. Such
// writes are new content, properties and dates, members added and removed, and locks. A write to a
// member counts as one to its collection, and as one to collections above it for their locks with
// infinite depth.
class Transaction : public Snapshot {
 public:
  // Stores `content` at parent/name: a new file, or new content for the file already there. Its
  // properties, locks, owner and creation date stay; it gets a new ETag. `modified` is its date,
  // marked by storage/dates.h; without it the date is now. `owner`, here and below, is the account
  // that owns a new resource.
  virtual Resource put(const Resource& parent, std::string_view name, const Content& content,
                       std::optional<Date> modified, AccountId owner) = 0;
  virtual Resource make_collection(const Resource& parent, std::string_view name,
                                   AccountId owner) = 0;
  // Copies `source` (with all its members when `recursive`) to parent/name with properties and
  // modification dates, without locks and without touching content bytes. What is mapped there is
  // replaced; a lock rooted at it stays and covers the new resource (RFC 4918 §7.6, §9.8.4).
  // `owner` owns the copies, whoever owns the source. Neither place may lie inside the other. Here
  // and in move_tree the new resource has the date that `source` carries; the caller may set
  // another in it.
  virtual Resource copy_tree(const Resource& source, bool recursive, const Resource& parent,
                             std::string_view name, AccountId owner) = 0;
  // Begins a copy of the collection `source` with all its members, for the account `owner`. Nothing
  // is made yet.
  [[nodiscard]] virtual std::shared_ptr<TreeCopy> begin_copy(const Resource& source,
                                                             AccountId owner) = 0;
  // Makes the next part of a copy, of about `most` resources, which count for its owner from now
  // on. Call it once in a closure, and again only when the write of the last part has returned.
  // Returns true when no part is left, or the copy is outdated.
  virtual bool copy_part(TreeCopy& copy, std::size_t most) = 0;
  // Does what copy_tree does with a copy of `source` that has all its parts. Costs O(1) where
  // nothing is replaced. Returns nullopt, and changes nothing, when the copy is outdated, is one of
  // another source, or has parts left.
  virtual std::optional<Resource> place_copy(TreeCopy& copy, const Resource& source,
                                             const Resource& parent, std::string_view name) = 0;
  // Moves `source` to parent/name; ids and owners stay. Locks inside it are removed (RFC 4918
  // §7.5). What is mapped there is replaced as by copy_tree, except when it is `source` itself:
  // then the resource gets a new spelling and keeps its locks, which covered source and destination
  // alike.
  virtual Resource move_tree(const Resource& source, const Resource& parent,
                             std::string_view name) = 0;
  // Removes the resource, its members, and all their locks. Where the trash is kept, the tree goes
  // there; otherwise a large one is removed by Namespace::purge. O(1) but for a small tree without
  // trash, and for collections with locks.
  virtual void remove_tree(const Resource& root) = 0;
  // Sets who makes the changes of this closure from now on. Until then it is kNobody.
  virtual void acts_for(AccountId account) = 0;
  // From now on this closure keeps nothing of what it removes and replaces (Namespace::keep).
  virtual void keep_nothing() = 0;
  // Puts a tree of the trash at parent/name, where nothing may be mapped. Its ids, owners,
  // properties and dates stay. Throws Error{conflict} when there is no such entry, too.
  virtual Resource restore_trash(std::int64_t id, const Resource& parent,
                                 std::string_view name) = 0;
  // Gives up a tree of the trash; Namespace::purge removes it. Returns false when there is no such
  // entry, or a snapshot holds it. O(1) without snapshots.
  virtual bool purge_trash(std::int64_t id) = 0;
  // Notes what the tree of the entry has (Snapshot::size_of_trash), unless that is known. Does
  // nothing when there is no such entry.
  virtual void measure_trash(std::int64_t id, TrashEntry::Size size) = 0;
  // Stores the content of a version of the file as its new content, as `put` does with this date.
  // The version stays, and the content until now is kept whatever its age. Throws Error{conflict}
  // when the file has no such version.
  virtual Resource restore_version(const Resource& file, std::int64_t version, Date modified) = 0;
  // Gives up a version. Returns false when there is none with this id, or a snapshot holds it.
  virtual bool purge_version(std::int64_t id) = 0;
  // Stores the content that `then` has as the new content of the file, as restore_version does; of
  // any file. Its modification date is that of then. Does nothing when the file has that content.
  virtual Resource restore_content(const Resource& file, const PastMember& then) = 0;
  // Makes a new file with the content that `then` has, for its owner. Throws Error{conflict} when
  // the name is taken.
  virtual Resource restore_file(const PastMember& then, const Resource& parent,
                                std::string_view name) = 0;
  // Moves a member of a tree in the trash, which is not the tree's root, to parent/name, where
  // nothing may be mapped.
  virtual Resource restore_member(const Resource& source, const Resource& parent,
                                  std::string_view name) = 0;
  // Keeps the present instant under this name. Of `snapshot`, name, root, path and creator count.
  // Throws Error{conflict} when the name is taken.
  virtual void add_snapshot(NamedSnapshot snapshot) = 0;
  // Returns false when there is none of this name.
  virtual bool remove_snapshot(std::string_view name) = 0;
  // Forgets where resources were before this instant, except what a snapshot needs: looks at the
  // collections from `from` on, and forgets at most `most` places. Returns the collection to go on
  // with; 0 when all is done.
  virtual NodeId forget_places(const Instant& before, NodeId from, std::size_t most) = 0;
  // Forgets the oldest changes that were made before this time of the wall clock, at most `most`,
  // so that knows_changes_since is false of what came before them. Returns how many. Where changes
  // had no numbers until now (Keeping::changes), they have from then on, and all collections get
  // new tags.
  virtual std::size_t forget_changes(Millis before, std::size_t most) = 0;
  // Makes `owner`, an account that is there, the owner of what nobody owns at and below `root`, or
  // an account owned that is gone; but the root of the tree is nobody's. What other accounts own
  // stays theirs. Returns what it came to own.
  virtual Usage adopt_tree(const Resource& root, AccountId owner) = 0;
  // Makes the resource count against the quota of `owner`. Nothing else of it changes.
  virtual void set_owner(NodeId id, AccountId owner) = 0;
  // Applies the changes in order. Does not check them. Returns by how many bytes the properties
  // grew; less than 0 when they shrank.
  virtual std::int64_t patch_properties(NodeId id, std::span<const PropertyChange> changes) = 0;
  // Sets the modification date. A collection's date keeps its mark of what is gone from it
  // (storage/dates.h).
  virtual void set_modified(NodeId id, Date modified) = 0;
  // Adds a lock on root_id, under a token that no other lock has ever had; `granted` is set from
  // the lease clock. Does not check for conflicts.
  virtual Lock add_lock(Lock lock) = 0;
  // Restarts the lock's lease with a new timeout; returns the lock as it is now. An expired lock
  // lives again unless it has ended for good. Does not check for conflicts. Here and in
  // remove_lock, token, root and lease identify the lock, as it was found.
  virtual Lock refresh_lock(const Lock& lock, std::int64_t timeout_s) = 0;
  // Removes the lock, live or expired; returns false when it no longer exists.
  virtual bool remove_lock(const Lock& lock) = 0;

  // Returns the accounts as of this transaction, its own changes included.
  [[nodiscard]] virtual std::shared_ptr<const Accounts> accounts() const = 0;
  // With id kNobody, adds the account under a new id; else replaces the account with this id, which
  // may get another name. Returns its id. Each grant is bound to what is mapped at its path now.
  // The account's sessions end when its password changes or it is suspended.
  // Throws Error{conflict} when the name is taken or not allowed, or there is no such id or group.
  virtual AccountId put_account(Account account) = 0;
  // Removes the account, its grants, tokens, sessions and links, and every lock that it has created.
  // Resources
  // keep their owner, who is nobody from now on: the id is never given out again.
  virtual void remove_account(AccountId id) = 0;
  // Does for a group what put_account does for an account. Members say themselves which groups they
  // are in.
  virtual AccountId put_group(Group group) = 0;
  // Removes the group and its grants. Its members stay. Throws Error{conflict} when there is none.
  virtual void remove_group(AccountId id) = 0;
  // Adds a token, or replaces the one with this id. Throws Error{conflict} when its account does
  // not exist.
  virtual void put_token(DeviceToken token) = 0;
  // Returns false when there is no token with this id.
  virtual bool remove_token(std::string_view id) = 0;
  // Adds a session, or replaces the one with this id. Throws Error{conflict} when its account does
  // not exist.
  virtual void put_session(Session session) = 0;
  // Returns false when there is no session with this id.
  virtual bool remove_session(std::string_view id) = 0;
  // Adds a link, or replaces the one with this id. Throws Error{conflict} when its account does not
  // exist.
  virtual void put_share(Share share) = 0;
  // Returns false when there is no link with this id.
  virtual bool remove_share(std::string_view id) = 0;
};

// How a write must be acknowledged (docs/robustness.md G1).
enum class Flush {
  required,    // on disk before write() returns
  deferrable,  // survives a crash of the process at once, and a power cut once a later write was
               // flushed; a write that does more than add, refresh and remove locks is flushed
               // nevertheless
};

// Counters since the start, and gauges; for /metrics.
struct NamespaceStats {
  std::uint64_t batches = 0;  // commits that changed something
  std::uint64_t flushed_batches = 0;
  std::uint64_t writes = 0;  // closures run in them
  std::uint64_t largest_batch = 0;
  std::vector<std::uint64_t> batch_size_buckets;  // writes per batch: ≤1, ≤2, ≤4, …, ≤1024, more
  std::uint64_t wal_bytes = 0;
  // Space in the database that the next checkpoint returns to the disk, as of the last checkpoint.
  std::uint64_t returnable_bytes = 0;
  std::uint64_t locks = 0;
  Usage usage;
};

// Result of checking the whole store, for `holdfast check`.
struct NamespaceCheck {
  std::vector<std::string> problems;  // one plain sentence each
  std::uint64_t resources = 0;
  std::uint64_t contents = 0;
  std::uint64_t repaired = 0;
  // Contents (Resource::content) that a resource names and whose rows are missing or incomplete;
  // content files are not checked. At most a thousand.
  std::vector<std::int64_t> incomplete;
};

// Any thread may call any function.
class Namespace {
 public:
  virtual ~Namespace() = default;

  [[nodiscard]] virtual std::unique_ptr<const Snapshot> snapshot() const = 0;
  // Runs `fn` in a transaction, together with others that wait (group commit), and returns when it
  // is committed and, with Flush::required in `full` durability, flushed. `fn` runs on any thread,
  // never two at once, and may run more than once. What `fn` throws is rethrown here, after the
  // commit of the batch that decided it, and nothing of that `fn` remains. If the commit fails, no
  // write of the batch is acknowledged: Error{full} means that it was undone, Error{unavailable}
  // that the outcome is unknown.
  virtual void write(Flush flush, const std::function<void(Transaction&)>& fn) = 0;
  // Returns the accounts as of the last commit. Never null. Costs no statement, so that every
  // request may call it.
  [[nodiscard]] virtual std::shared_ptr<const Accounts> accounts() const = 0;

  // Returns what signals each commit, where changes get numbers (Keeping::changes); null where
  // nothing does.
  [[nodiscard]] virtual ChangeWaits* change_waits() const { return nullptr; }

  // Returns the value of the lease clock now.
  [[nodiscard]] virtual Millis lease_now() const = 0;

  // Returns content files that no row names any more, at most `limit`, oldest first.
  [[nodiscard]] virtual std::vector<std::string> garbage(std::size_t limit) const = 0;
  // Forgets these files, which the caller has removed. Does not flush.
  virtual void forget_garbage(std::span<const std::string> blobs) = 0;
  // Returns true when some row names this content file, or it is garbage that was not forgotten.
  [[nodiscard]] virtual bool names_blob(const std::string& blob) const = 0;
  // Returns the number of content files that are garbage.
  [[nodiscard]] virtual std::uint64_t garbage_count() const = 0;
  // Visits every content that is a file, with its id (Resource::content) and its place.
  virtual void for_each_blob(
      const std::function<void(std::int64_t id, const Content&)>& visit) const = 0;
  // Visits every content that has no file, with its id (Resource::content) and its bytes.
  virtual void for_each_inline(
      const std::function<void(std::int64_t id, const Content&)>& visit) const = 0;
  // Makes everything acknowledged so far durable (also deferred and relaxed writes), and moves the
  // write-ahead log into the database where readers allow.
  virtual void checkpoint() = 0;
  // Until the result is destroyed, the write-ahead log is only appended to, so that another process
  // can read the store as it is when this returns, or later. For backups.
  [[nodiscard]] virtual std::shared_ptr<void> hold_log() = 0;
  // Forgets locks that expired more than `grace_s` seconds ago.
  virtual void purge_expired_locks(std::int64_t grace_s) = 0;
  // Sets what writes keep of the past; in the beginning nothing.
  virtual void keep(Keeping keeping) = 0;
  // Removes resources and versions that were given up, at most `most`, in one write. Returns how
  // many it removed; fewer than `most` when there are no more.
  virtual std::size_t purge(std::size_t most) = 0;
  // Returns a file that somebody has removed or replaced, so that it is no longer the one at its
  // path, as part of a sentence: "meta.db in the data folder". Empty when there is none.
  [[nodiscard]] virtual std::string displaced() const = 0;
  // From now on every write throws Error{unavailable}, as after a failed disk. OnFailure is called
  // with this sentence.
  virtual void refuse_writes(const std::string& why) = 0;
  [[nodiscard]] virtual NamespaceStats stats() const = 0;
  // Verifies structure, counts and references (not content files); with `repair`, repairs what can
  // be repaired without guessing.
  [[nodiscard]] virtual NamespaceCheck check(bool repair) = 0;
};

}  // namespace holdfast::storage
