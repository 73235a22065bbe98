// The rights of a caller: to read and to write by path, and what follows for trees, for collections
// above something readable, and for the members of a listing (RFC 3744 as far as
// docs/conformance.md says). A path alone decides about the resource on it, mapped or not. The
// rights on a tree depend on what is mapped in it, so they are checked in the snapshot or
// transaction in which the request is carried out. A write is judged by the accounts as of its own
// commit (docs/robustness.md S8): see write(). Pure functions but for write(); any thread.
//
// A new member needs the right to write on its own path and none on its collection: the account may
// make, remove and replace the granted path itself. (RFC 3744's bind and unbind on the collection
// would need a second grant above every home.)
//
// Every refusal is 403 need-privileges, whether anything is mapped or not, and precedes every
// answer that would show it (404, 409, 412, 423).
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "dav/call.h"
#include "dav/caller.h"
#include "storage/namespace.h"

namespace holdfast::dav {

// Returns the caller's right on `path`: that of the longest granted path at or above it, with names
// compared under NFC, limited by Caller::scope and Caller::most. The home has the right to write,
// unless a grant for it says otherwise.
[[nodiscard]] storage::Right right_on(const Caller& caller, const storage::Path& path);

// Returns true when the caller may read something below `path`. A collection there shows that it
// exists, its type, and those of its members that the caller can see.
[[nodiscard]] bool leads_to_rights(const Caller& caller, const storage::Path& path);

// Throws Error 403 unless the caller has `needed` on the path. With `slash` the refusal names the
// path as a collection.
void require_right(const Call& call, const storage::Path& path, bool slash, storage::Right needed);

// Throws Error 403 unless the caller has the right that the method needs on the path that the URL
// names, whatever is mapped there.
void require_right_on_target(const Call& call);

// Runs `fn` in a transaction, as storage::Namespace::write does, for the caller by the accounts of
// that instant. Throws Error 401 when the client is not signed in any more (caller_as_of), and 403
// when the caller has lost the right on the target. `fn` checks the rights on everything else that
// it changes, by call.caller. While the accounts are the same, this costs one comparison. When `fn`
// refuses for want of room, what is kept of the past gives way, and `fn` runs again.
void write(Call& call, storage::Flush flush, const std::function<void(storage::Transaction&)>& fn);

// Checks the same by the accounts of now, for a request whose body is still under way. Call it for
// each piece: it takes one look at the accounts. Throws like write().
void require_signed_in(Call& call);

// Throws Error 403 for a resource that the caller may not read, unless it is a collection above
// something that the caller may read. Methods that read call it before existing(), after the engine
// has checked the path.
void require_visible(const Call& call, const storage::Resolution& target);

// Throws Error 403 unless the caller has `needed` on every resource below `root`, too. It looks up
// each path below the root with a lesser grant, and walks no tree.
void require_right_within(const Call& call, const storage::Snapshot& snapshot,
                          const storage::Path& root, storage::Right needed);

// Returns a resource below `root` on which the caller has less than `needed`; nullopt when there is
// none.
[[nodiscard]] std::optional<storage::Resolution> find_lesser_within(
    const Caller& caller, const storage::Snapshot& snapshot, const storage::Path& root,
    storage::Right needed);

// Throws Error 403 unless the caller may write at the new path of each member of the tree at
// `source` when it is moved or copied to `destination`.
void require_right_at_destination(const Call& call, const storage::Snapshot& snapshot,
                                  const storage::Path& source, const storage::Path& destination);

// The part of a collection's tree that the caller can see, for listings.
class VisibleTree {
 public:
  VisibleTree(std::shared_ptr<const Caller> caller, storage::Path collection);

  // Returns the caller's right on the member with these names below the collection; without names,
  // on the collection itself. It compares no paths when nothing below has a grant of its own.
  [[nodiscard]] storage::Right right(std::span<const std::string> segments) const;
  // Returns the filter for Snapshot::members. It is empty when everything can be seen.
  [[nodiscard]] storage::Shown filter() const;

 private:
  std::shared_ptr<const Caller> caller_;
  storage::Path collection_;
  storage::Right right_;  // on the collection
  bool same_below_;       // right_ is the right on everything below as well
};

// Returns what a caller without the right to read may see of a collection above something readable:
// no properties that clients set, no locks, and no time at which members were added or removed.
[[nodiscard]] storage::Resolution as_seen(const Caller& caller, storage::Resolution target);
[[nodiscard]] storage::Member as_seen(storage::Member member);

// Returns a number that is another one when the caller's rights are others, as good as always. It
// depends on them alone, so it stays after a restart.
[[nodiscard]] std::uint64_t fingerprint(const Caller& caller);

// Returns the href of DAV:current-user-principal (RFC 5397). It names the account, and only that
// account can see it as a resource.
[[nodiscard]] std::string principal_href(const UrlSpace& space, std::string_view account);

}  // namespace holdfast::dav
