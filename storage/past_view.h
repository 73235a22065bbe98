// A snapshot of the tree as it was at an instant (storage/history.h), for what reads through
// storage::Snapshot. Used by one thread.
#pragma once

#include <memory>

#include "storage/namespace.h"

namespace holdfast::storage {

// Returns whether the view has a resource. It gets the resource as it was.
using InView = std::function<bool(const PastMember&)>;

// Returns a snapshot whose paths, resources and contents are those that `now` says were there at
// the instant. It has no locks. What `in_view` returns false for is not there, with all below it;
// it is not asked about the root. What is about accounts, the trash and the clocks is as `now`
// says.
[[nodiscard]] std::unique_ptr<const Snapshot> view_past(std::unique_ptr<const Snapshot> now,
                                                        const Instant& instant, InView in_view);
// Does the same for a snapshot or transaction that outlives the view.
[[nodiscard]] std::unique_ptr<const Snapshot> view_past(const Snapshot& now, const Instant& instant,
                                                        InView in_view);

}  // namespace holdfast::storage
