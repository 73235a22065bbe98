// Brings a collection back to an instant (storage/history.h), with one transaction's functions. Any
// thread that has a transaction.
//
// What is at another place, or has another content, is brought back; what was removed is restored
// from the trash; what came since goes to the trash. What has moved out of the collection since is
// brought back as a copy, because nothing outside of it changes. All of it is in the past
// afterwards, so undoing to the instant before brings back what was.
#pragma once

#include <cstdint>

#include "storage/namespace.h"
#include "storage/past_view.h"

namespace holdfast::storage {

// How many resources were changed, each counted once.
struct Undone {
  std::uint64_t moved = 0;     // had another place or name
  std::uint64_t restored = 0;  // were in the trash, or replaced by something else
  std::uint64_t copied = 0;    // have moved out of the collection
  std::uint64_t contents = 0;  // only had another content
  std::uint64_t removed = 0;   // trees that came since
  // Files among them and among the unchanged whose content of then is not kept
  // (PastMember::later).
  std::uint64_t later = 0;

  [[nodiscard]] std::uint64_t changes() const {
    return moved + restored + copied + contents + removed;
  }
};

// Brings what was at `path`, by the names of then, back to this instant. Locks inside are removed
// where what they cover moves or goes. Costs O(the tree of now and of then), and its memory.
// What `in_view` returns false for is not brought back, with all below it; it is not asked about
// what was at `path` itself. Throws Error{conflict} when nothing was there, or what would have it
// as a member is no collection now.
[[nodiscard]] Undone undo(Transaction& tx, const Path& path, const Instant& instant,
                          const InView& in_view = {});

}  // namespace holdfast::storage
