// The rules of write locks (RFC 4918 §6, §7) as functions over a snapshot. They are pure except for
// the token generator; any thread.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "dav/call.h"
#include "dav/conditions.h"
#include "storage/namespace.h"

namespace holdfast::dav {

// Returns true when `caller` created the lock (RFC 4918 §6.4), compared by the account's id. All
// anonymous clients are one creator.
[[nodiscard]] bool created_by(const storage::Lock& lock, const Caller& caller);
// Returns true when `caller` created the lock and may write at its root. Only such a caller is
// shown the token and may refresh and remove the lock: a device token that is narrowed to a path is
// told nothing of the locks that its account holds elsewhere.
[[nodiscard]] bool may_use(const storage::Lock& lock, const Caller& caller);

// Refuses unless every lock of `locks`, which all cover one resource, lets this request write: each
// exclusive lock needs its token submitted; of shared locks, one token is enough (RFC 4918 §6.2,
// §7.5). A token counts only for the account that created the lock (RFC 4918 §6.4). Throws Error
// 423 that names the lock root, or 403 when the token belongs to another account's lock.
void require_tokens(const Call& call, const Conditions& conditions,
                    const storage::Snapshot& snapshot, std::span<const storage::Lock> locks);

// Does what require_tokens does, for a URL and its parent: adding a member needs both (RFC 4918
// §7.4).
void require_tokens_to_add(const Call& call, const Conditions& conditions,
                           const storage::Snapshot& snapshot,
                           const storage::Resolution& resolution);

// Does what require_tokens does, for the resource and each one below it: DELETE, MOVE and
// overwriting need that. Members inherit locks with infinite depth, also from outside the tree. The
// refusal names the first lock found, in no particular order.
void require_tokens_within(const Call& call, const Conditions& conditions,
                           const storage::Snapshot& snapshot,
                           const storage::Resolution& resolution);

// Returns a lock that forbids a new one of this scope and depth on the resolved URL (RFC 4918 §6.2,
// §9.10.5): the first one found, in no particular order below the URL.
[[nodiscard]] std::optional<storage::Lock> conflicting_lock(const storage::Snapshot& snapshot,
                                                            const storage::Resolution& resolution,
                                                            storage::LockScope scope,
                                                            bool infinite);

// Returns why `wanted` would be too much beside the locks that cover the same resource, as a
// sentence; empty when it would not. Every listing of the resource shows them all, and they shut
// others out, so they are few, and those of one account fewer.
[[nodiscard]] std::string_view too_many_locks(const Options& options,
                                              std::span<const storage::Lock> others,
                                              const storage::Lock& wanted);

// Returns the href of a lock's root as this server spells it.
[[nodiscard]] std::string lock_root_href(const Options& options, const storage::Snapshot& snapshot,
                                         const storage::Lock& lock);

// Returns who holds the lock, for people: `creator`, the name of the account that made it, or, when
// that is empty, the text of its DAV:owner. It may be empty.
[[nodiscard]] std::string holder_of(const storage::Lock& lock, std::string_view creator);

// The parts of DAV:activelock that not everybody gets, or not everywhere.
struct ActiveLockParts {
  bool token = false;  // for whom may_use() holds (RFC 4918 §15.8)
  bool owner = false;  // where the lock is rooted, so that a listing has it once
};
// Appends DAV:activelock (RFC 4918 §14.1).
void append_active_lock(std::string& out, const storage::Lock& lock, std::string_view root_href,
                        storage::Millis lease_now, ActiveLockParts parts);

// Returns a new random "urn:uuid:" token (RFC 4918 §6.5), version 4.
[[nodiscard]] std::string new_lock_token();

}  // namespace holdfast::dav
