// The rules of write locks (RFC 4918 §6, §7) as functions over a snapshot: a lock has no life
// outside the transaction that sees it. Pure but for the token generator; any thread.
#pragma once

#include <span>
#include <string>

#include "dav/call.h"
#include "dav/conditions.h"
#include "storage/namespace.h"

namespace holdfast::dav {

// True when `caller` created the lock (RFC 4918 §6.4). All anonymous clients are one creator. The
// store knows a lock's creator by the name of the account, which never changes and is not given to
// another account while the lock lives, and a resource's owner by the account's id.
[[nodiscard]] bool created_by(const storage::Lock& lock, const Caller& caller);

// Refuses unless every lock of `locks`, which all cover one resource, lets this request write: each
// exclusive one needs its token submitted; of shared ones, one token is enough (§6.2, §7.5). A
// token counts only for the account that created the lock (§6.4). Throws Error 423 naming the lock
// root, or 403 when the token is another account's.
void require_tokens(const Call& call, const Conditions& conditions,
                    const storage::Snapshot& snapshot, std::span<const storage::Lock> locks);

// require_tokens for an unmapped URL and its parent: what adding a member needs (§7.4).
void require_tokens_to_add(const Call& call, const Conditions& conditions,
                           const storage::Snapshot& snapshot,
                           const storage::Resolution& resolution);

// require_tokens for the resource and for each one below it: what DELETE, MOVE and overwriting
// need. Members inherit infinite locks, also from outside the tree. Names the first lock that it
// meets, in no order, and looks at no more.
void require_tokens_within(const Call& call, const Conditions& conditions,
                           const storage::Snapshot& snapshot,
                           const storage::Resolution& resolution);

// A lock that forbids a new one of this scope and depth on the resolved URL (§6.2, §9.10.5): the
// first that is met, in no order below the URL.
[[nodiscard]] std::optional<storage::Lock> conflicting_lock(const storage::Snapshot& snapshot,
                                                            const storage::Resolution& resolution,
                                                            storage::LockScope scope,
                                                            bool infinite);

// The href of a lock's root as this server spells it.
[[nodiscard]] std::string lock_root_href(const Options& options, const storage::Snapshot& snapshot,
                                         const storage::Lock& lock);

// Appends DAV:activelock (§14.1). The token is left out for anybody but the lock's creator (§15.8).
void append_active_lock(std::string& out, const storage::Lock& lock, std::string_view root_href,
                        storage::Millis lease_now, bool show_token);

// A new random "urn:uuid:" token (§6.5), version 4.
[[nodiscard]] std::string new_lock_token();

}  // namespace holdfast::dav
