// What a caller may do where: read and write by path, and what that means for trees, for what lies
// on the way to something readable, and for the members of a listing (RFC 3744 as far as
// docs/conformance.md says). A caller's rights are fixed, so a path alone decides about the
// resource on it, mapped or not; about trees decide the resources mapped in them, so those are
// judged in the snapshot or transaction that acts. Pure functions; any thread.
//
// A new member needs the right to write on its own path and none on its collection: the path that
// is granted may be made, removed and replaced by whom it is granted to. (RFC 3744's bind and
// unbind on the collection would need a second grant above every home.)
//
// Every refusal is 403 need-privileges, the same whether anything is mapped or not, and decided
// before anything that would tell (404, 409, 412, 423).
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "dav/call.h"
#include "dav/caller.h"
#include "storage/namespace.h"

namespace holdfast::dav {

// The caller's right on `path`: the right of the longest granted path at or above it, by names
// equal under NFC, within what the caller's scope and most leave. The home is granted to write,
// unless a grant for it says otherwise.
[[nodiscard]] storage::Right right_on(const Caller& caller, const storage::Path& path);

// True when something below `path` is granted. A collection there shows that it exists, what it is,
// and those of its members that can be seen.
[[nodiscard]] bool leads_to_rights(const Caller& caller, const storage::Path& path);

// Refuses unless the caller has `needed` on the path. With `slash` the refusal names the path as a
// collection's. Throws Error 403.
void require_right(const Call& call, const storage::Path& path, bool slash, storage::Right needed);

// Refuses a resource that the caller may not read, unless it is a collection on the way to what the
// caller may read. For methods that read: they call it before existing(), and after the engine has
// found that the path can be seen. Throws Error 403.
void require_visible(const Call& call, const storage::Resolution& target);

// Refuses unless the caller has `needed` on every resource below `root`, too. It looks up each path
// below the root that is granted less, and walks no tree. Throws Error 403.
void require_right_within(const Call& call, const storage::Snapshot& snapshot,
                          const storage::Path& root, storage::Right needed);

// Refuses unless the caller may write where each member of the tree at `source` comes to lie when
// it is moved or copied to `destination`. Throws Error 403.
void require_right_at_destination(const Call& call, const storage::Snapshot& snapshot,
                                  const storage::Path& source, const storage::Path& destination);

// What of a collection's tree its caller can see, for listings.
class VisibleTree {
 public:
  VisibleTree(std::shared_ptr<const Caller> caller, storage::Path collection);

  // The caller's right on the member with these names below the collection; without names, on the
  // collection itself. It compares no paths when nothing below has a grant of its own.
  [[nodiscard]] storage::Right right(std::span<const std::string> segments) const;
  // The filter for Snapshot::members. It is empty when everything can be seen.
  [[nodiscard]] storage::Shown filter() const;

 private:
  std::shared_ptr<const Caller> caller_;
  storage::Path collection_;
  storage::Right right_;  // on the collection
  bool same_below_;       // right_ is the right on everything below as well
};

// What a caller without the right to read may know of a collection on the way to what it may read:
// neither properties that clients set nor locks, nor when its members came and went.
[[nodiscard]] storage::Resolution as_seen(const Caller& caller, storage::Resolution target);
[[nodiscard]] storage::Member as_seen(storage::Member member);

// The href of DAV:current-user-principal (RFC 5397). It names the account, and is a resource to
// that account alone.
[[nodiscard]] std::string principal_href(const UrlSpace& space, std::string_view account);

}  // namespace holdfast::dav
