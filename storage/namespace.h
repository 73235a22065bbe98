// The URL namespace (RFC 4918 §5) as a store: one tree of collections and files with their dead
// properties and locks. Whole questions are asked of a Snapshot, whole acts told to a Transaction.
//
//   ns.write(Flush::required, [&](Transaction& tx) {
//     Resolution target = tx.resolve(path);
//     ... throw to refuse: nothing of this closure remains ...
//     tx.make_collection(*target.parent, path.name(), kNobody);
//   });  // returned: committed and on disk
//
// Locks whose lease has run out are absent from every answer here that does not say otherwise. The
// store keeps them for a while, because one of them may live again (Transaction::refresh_lock)
// until something else is done to what it covers. Names are stored byte-exact and found
// normalisation-insensitively: two names equal under NFC are one member (docs/clients.md R24).
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
#include "storage/model.h"

namespace holdfast::storage {

// Everything the rules need to know about one path, from one snapshot.
struct Resolution {
  Path path;                         // as asked
  std::optional<Resource> resource;  // mapped here
  std::optional<Resource> parent;    // mapped at path.parent() (a file counts); none for the root
  // Ids from the root to the deepest mapped resource on the path. The path is mapped exactly when
  // lineage.size() == path.depth() + 1.
  std::vector<NodeId> lineage;
  // Names as stored of that chain, without the root's.
  Path stored;
  // Locks that cover the URL itself: rooted at the resource, or Depth: infinity on an ancestor.
  std::vector<Lock> locks;
  // Locks that cover the parent collection: rooted at the parent, or Depth: infinity above it.
  // Adding or removing a member needs their tokens (RFC 4918 §7.4).
  std::vector<Lock> parent_locks;

  [[nodiscard]] bool mapped() const { return resource.has_value(); }
  // This path lies at or below `other`'s resource, by identity and so whatever the spelling.
  [[nodiscard]] bool at_or_below(const Resource& other) const {
    for (NodeId id : lineage)
      if (id == other.id) return true;
    return false;
  }
};

// Whether a listing shows a member, by its row and its stored names below the listing's root.
using Shown = std::function<bool(const Resource&, std::span<const std::string> segments)>;

// What a listing must bring along for each member.
struct Wanted {
  bool properties = false;  // dead properties
  bool locks = false;       // every lock that covers the member
  bool checksums = false;
  // Members for which it says no are left out with all below them, which nothing walks. Never asked
  // about the root. Empty: all are shown.
  Shown shown = {};
  // A page of a Depth: 1 listing, which is then without the root: the members behind this name in
  // name order, whether one has it or not, and at most so many that are shown.
  struct Page {
    std::string after;  // empty: from the first on
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

// Which locks are asked for.
enum class Among { all, exclusive };

struct Usage {
  std::uint64_t resources = 0;  // mapped resources, the root included
  std::uint64_t bytes = 0;      // sum of all files' sizes, each copy counted
};

// A late UNLOCK or refresh is looked for among so many locks of a resource that ran out: those that
// ran out last. An act on the resource or below it may forget the others.
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
  // Resources in the tree (the resource itself included), counted up to `limit` + 1.
  [[nodiscard]] virtual std::uint64_t count(const Resource& root, std::uint64_t limit) const = 0;
  // True when no descendant of `root` lies more than `levels` below it, or is reached from it by
  // more than `bytes` bytes of slashes and names. O(1) where the tree is clearly small enough.
  [[nodiscard]] virtual bool fits_below(const Resource& root, std::size_t levels,
                                        std::size_t bytes) const = 0;
  // Visits live locks rooted at `root` or anywhere below, those of one resource one after the
  // other, until `visit`, which may ask this snapshot for more, says no. Costs
  // O(min(collections with locks, tree)) and what is visited; one that ran out, or that `among`
  // leaves out, costs a step of an index.
  virtual void locks_within(const Resource& root, Among among,
                            const std::function<bool(const Lock&)>& visit) const = 0;
  [[nodiscard]] virtual std::vector<Property> properties(NodeId id) const = 0;
  // The file's content; inline bytes included.
  [[nodiscard]] virtual Content content(const Resource& file) const = 0;
  // The same without inline bytes: where it is, its size and its checksums.
  [[nodiscard]] virtual Content facts(const Resource& file) const = 0;
  // The lock with this token, if live. An expired one is found as well when `grace_s` > 0 and it
  // ran out at most that many seconds ago (Finder's late UNLOCK, docs/robustness.md L2). Costs
  // O(all locks).
  [[nodiscard]] virtual std::optional<Lock> find_lock(std::string_view token,
                                                      std::int64_t grace_s = 0) const = 0;
  // The same among those that cover what `at` mapped: rooted there, or with infinite depth at a
  // collection above. Of those that ran out, only the last kLateLocks of a resource are looked at.
  [[nodiscard]] virtual std::optional<Lock> find_lock(const Resolution& at, std::string_view token,
                                                      std::int64_t grace_s = 0) const = 0;
  // Those that cover what `at` mapped, ran out at most `grace_s` seconds ago and may live again. Of
  // each resource only the last kLateLocks that ran out are looked at.
  [[nodiscard]] virtual std::vector<Lock> late_locks(const Resolution& at,
                                                     std::int64_t grace_s) const = 0;
  // All live locks, in root path order, at most `limit`.
  [[nodiscard]] virtual std::vector<Lock> all_locks(std::size_t limit) const = 0;
  // How many live locks this account, which is not kNobody, has created. Costs O(these).
  [[nodiscard]] virtual std::uint64_t locks_of(AccountId creator) const = 0;
  [[nodiscard]] virtual Usage usage() const = 0;
  // What the account owns: exact, and O(1). Nothing for nobody and for an account that is gone.
  [[nodiscard]] virtual Usage usage_of(AccountId account) const = 0;
  // This snapshot's reading of the lease clock, and of the wall clock.
  [[nodiscard]] virtual Millis lease_now() const = 0;
  [[nodiscard]] virtual Millis wall_now() const = 0;
};

// A snapshot that also writes. Sees its own changes. Acts trust their arguments to come from this
// transaction's own answers; an argument that does not fit the tree throws Error{conflict}. An act
// on what a lock covers that ran out ends that lock for good: it never lives again. Acts are new
// content, properties and dates, members that come and go, and locks; those on a member count for
// its collection, and for locks with infinite depth from above.
class Transaction : public Snapshot {
 public:
  // Stores `content` at parent/name: a new file, or new content for the file already there. Its
  // properties, locks, owner and creation date stay; it gets a new ETag. `modified`: its date, as
  // storage/dates.h judges it, else now. `owner`, here and below: whose a new resource is.
  virtual Resource put(const Resource& parent, std::string_view name, const Content& content,
                       std::optional<Date> modified, AccountId owner) = 0;
  virtual Resource make_collection(const Resource& parent, std::string_view name,
                                   AccountId owner) = 0;
  // Copies `source` (with all its members when `recursive`) to parent/name with properties and
  // modification dates, without locks and without touching content bytes. What is mapped there is
  // replaced; a lock rooted at it stays and covers the new resource (RFC 4918 §7.6, §9.8.4). The
  // copies are `owner`'s, whoever owns the source. Neither place may lie inside the other. Here and
  // in move_tree the new resource has the date of `source`, where the caller may have set another.
  virtual Resource copy_tree(const Resource& source, bool recursive, const Resource& parent,
                             std::string_view name, AccountId owner) = 0;
  // Moves `source` to parent/name, identity and owners kept. Locks inside it vanish (§7.5); what is
  // mapped there is replaced as by copy_tree, except when it is `source` itself: then it has a new
  // spelling and keeps its locks, which were on source and destination alike.
  virtual Resource move_tree(const Resource& source, const Resource& parent,
                             std::string_view name) = 0;
  // Removes the resource, its members, and all their properties and locks.
  virtual void remove_tree(const Resource& root) = 0;
  // Makes `owner`, an account that is there, the owner of what nobody owns at and below `root`, or
  // an account owned that is gone; but the root of the tree is nobody's. What other accounts own
  // stays theirs. Returns what it came to own.
  virtual Usage adopt_tree(const Resource& root, AccountId owner) = 0;
  // Applies the changes in order. Does not judge them.
  virtual void patch_properties(NodeId id, std::span<const PropertyChange> changes) = 0;
  // A collection's date goes on saying what is gone from it (storage/dates.h).
  virtual void set_modified(NodeId id, Date modified) = 0;
  // Adds a lock on root_id, under a token that no other has ever had; `granted` is set from the
  // lease clock. Does not judge conflicts.
  virtual Lock add_lock(Lock lock) = 0;
  // Restarts the lock's lease with a new timeout; returns it as it is now. A lock that ran out
  // lives again unless it has ended for good. Does not judge conflicts. Here and below it is known
  // by its token, its root and its lease, as it was found.
  virtual Lock refresh_lock(const Lock& lock, std::int64_t timeout_s) = 0;
  // Removes the lock, live or expired; false when it is there no longer.
  virtual bool remove_lock(const Lock& lock) = 0;

  // As of this transaction, its own changes included.
  [[nodiscard]] virtual std::shared_ptr<const Accounts> accounts() const = 0;
  // With id kNobody, adds the account under a new id; else replaces the one with this id, whose
  // name stays. Returns its id. Error{conflict}: the name is taken or not allowed, there is no such
  // id. Does not judge paths.
  virtual AccountId put_account(Account account) = 0;
  // Removes the account, its grants and tokens, and every lock that it has created. Resources
  // keep their owner, who is nobody from now on: the id is never given out again.
  virtual void remove_account(AccountId id) = 0;
  // Adds a token, or replaces the one with this id. Error{conflict} when its account is not there.
  virtual void put_token(DeviceToken token) = 0;
  // False when there is none with this id.
  virtual bool remove_token(std::string_view id) = 0;
};

// How a write must be acknowledged (docs/robustness.md G1).
enum class Flush {
  required,    // on disk before write() returns
  deferrable,  // survives a crash of the process at once, a power cut once a later flushed write
               // has carried it; a write that does more than add, refresh and remove locks is
               // flushed nevertheless
};

// Counters since the start, and gauges; for /metrics.
struct NamespaceStats {
  std::uint64_t batches = 0;  // commits that changed something
  std::uint64_t flushed_batches = 0;
  std::uint64_t writes = 0;  // closures run in them
  std::uint64_t largest_batch = 0;
  std::vector<std::uint64_t> batch_size_buckets;  // writes per batch: ≤1, ≤2, ≤4, …, ≤1024, more
  std::uint64_t wal_bytes = 0;
  // Space in the database that the next checkpoint gives back to the disk, as of the last one.
  std::uint64_t returnable_bytes = 0;
  std::uint64_t locks = 0;
  Usage usage;
};

// Result of looking at the whole store, for `holdfast check`.
struct NamespaceCheck {
  std::vector<std::string> problems;  // one plain sentence each
  std::uint64_t resources = 0;
  std::uint64_t contents = 0;
  std::uint64_t repaired = 0;
  // Contents (Resource::content) that a resource names and that are not there whole, not counting
  // content files; at most a thousand.
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
  // commit of the batch that decided it, and nothing of that `fn` remains. If the commit
  // fails no write of the batch is acknowledged: Error{full}, undone, or {unavailable}, unknown.
  virtual void write(Flush flush, const std::function<void(Transaction&)>& fn) = 0;
  // As of the last commit. Costs no statement: for every request. Never null.
  [[nodiscard]] virtual std::shared_ptr<const Accounts> accounts() const = 0;

  // The lease clock, at once.
  [[nodiscard]] virtual Millis lease_now() const = 0;

  // Content files that no row names any more, at most `limit`, oldest first.
  [[nodiscard]] virtual std::vector<std::string> garbage(std::size_t limit) const = 0;
  // The files are gone: forget them. Does not flush.
  virtual void forget_garbage(std::span<const std::string> blobs) = 0;
  // True when some row names this content file, or it is garbage that is still known.
  [[nodiscard]] virtual bool names_blob(const std::string& blob) const = 0;
  // How many there are.
  [[nodiscard]] virtual std::uint64_t garbage_count() const = 0;
  // Visits every content that is a file: Resource::content, and where it is.
  virtual void for_each_blob(
      const std::function<void(std::int64_t id, const Content&)>& visit) const = 0;
  // Visits every content that has no file: Resource::content, and its bytes.
  virtual void for_each_inline(
      const std::function<void(std::int64_t id, const Content&)>& visit) const = 0;
  // Makes everything acknowledged so far durable (also deferred and relaxed writes), and moves the
  // write-ahead log into the database where readers allow.
  virtual void checkpoint() = 0;
  // Until the answer is destroyed, the write-ahead log stays as it is but for what is added to it,
  // so that another process can read the store as it is when this returns, or later: for backups.
  [[nodiscard]] virtual std::shared_ptr<void> hold_log() = 0;
  // Forgets locks that expired more than `grace_s` seconds ago.
  virtual void purge_expired_locks(std::int64_t grace_s) = 0;
  // Which of its files is no longer the one at its path, because somebody has removed or replaced
  // it, as part of a sentence: "meta.db in the data folder". Empty when all are.
  [[nodiscard]] virtual std::string displaced() const = 0;
  // From now on every write throws Error{unavailable}, as after a failed disk; the program is told
  // to end with this sentence.
  virtual void refuse_writes(const std::string& why) = 0;
  [[nodiscard]] virtual NamespaceStats stats() const = 0;
  // Verifies structure, counts and references (not content files); with `repair`, sets right what
  // can be without guessing.
  [[nodiscard]] virtual NamespaceCheck check(bool repair) = 0;
};

}  // namespace holdfast::storage
