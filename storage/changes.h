// What has changed at or below a collection since a snapshot: the members to show and the names
// that are gone (RFC 6578 §3). Costs O(changes since then), and what came to the collection as a
// whole tree. Pure functions over a snapshot.
//
// Who has applied every step up to some number has what the collection showed, for each step shows
// what it names as it is now.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "storage/namespace.h"

namespace holdfast::storage {

// One name below the collection.
struct Step {
  std::vector<std::string> segments;  // stored names below the collection
  bool removed = false;               // nothing is there any more, nor below
  bool collection = false;            // of what was removed last
  bool tree = false;                  // what is there came with all that lies below
};

struct Steps {
  std::vector<Step> removed;  // to be applied first
  std::vector<Step> changed;
  std::int64_t next = 0;  // the number from which to go on
  bool complete = false;  // `next` is the snapshot's next_change
  bool too_many = false;  // the first change alone shows more than `most`
};

// Which changes to look for.
struct Since {
  std::int64_t number = 0;       // Snapshot::knows_changes_since it
  Depth depth = Depth::one;      // one: members only; infinity: all that lies below
  std::uint64_t most = 0;        // how many members and names the steps show; 0: any number
  std::size_t changes = 10'000;  // how many changes to look at; never fewer than one
};

// `collection` is mapped in `now`. Steps end before a name of a removed collection is used again,
// so that its removal can be told: then they are not complete.
[[nodiscard]] Steps steps_since(const Snapshot& now, const Resource& collection,
                                const Since& since);

}  // namespace holdfast::storage
