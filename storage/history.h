// What is kept of the past: resources in the trash, and versions of files. Plain values and pure
// functions; any thread.
//
// What is removed goes to the trash as a whole, with its members and their properties, and without
// its locks and grants. Content that is replaced is kept as a version of its file. Both count for
// the quota of their owners, until they are given up: when they are too old, when there are too
// many, or when their space is needed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "storage/model.h"

namespace holdfast::storage {

// Which past is kept from now on. What was kept before stays until it is given up.
struct alignas(4) Keeping {  // so that an atomic one needs no lock
  bool trash = false;
  bool versions = false;
  // Whether changes get numbers (Snapshot::changes). Once one did not, those before it are unknown,
  // until Transaction::forget_changes begins anew.
  bool changes = true;
};

// How long and how much of the past is kept when its space is not needed.
struct Retention {
  std::int64_t trash_s = 0;       // of a tree in the trash; 0: nothing is kept there
  bool versions = false;          // whether versions are kept
  std::size_t most_versions = 0;  // of one file; 0: no limit but their age
  unsigned versions_percent = 0;  // of the quota of bytes of their owner; 0: no limit

  std::int64_t changes_s = 30 * 24 * 60 * 60;  // of changes; 0: they get no numbers

  [[nodiscard]] Keeping keeping() const {
    return {.trash = trash_s > 0, .versions = versions, .changes = changes_s > 0};
  }
};

// What is missing so that something can be stored.
struct Shortage {
  AccountId of = kNobody;  // the account or group whose quota is used up; kNobody: the disk is full
  std::uint64_t resources = 0;
  std::uint64_t bytes = 0;
};

// A tree in the trash.
struct TrashEntry {
  std::int64_t id = 0;  // rises with the time of removal, and is never given out again
  Resource root;        // as it was; its `parent` is the collection in which it was
  Path path;            // where it was, by the names of that time
  // The path now of the collection in which it was; nullopt when that is gone, or in the trash.
  std::optional<Path> collection;
  Millis removed = 0;  // wall clock
  AccountId remover = kNobody;
  // What the whole tree has, as Usage counts it. Not known until Transaction::measure.
  struct Size {
    std::uint64_t resources = 0;
    std::uint64_t bytes = 0;
    friend bool operator==(const Size&, const Size&) = default;
  };
  std::optional<Size> size;
};

// A content that a file had before.
struct Version {
  std::int64_t id = 0;    // rises with the time of replacement, and is never given out again
  std::int64_t line = 0;  // the same for all versions of a file
  // The file with this content: its name is empty, and it has no place. Its owner is the one for
  // whose quota the version counts.
  Resource file;
  AccountId author = kNobody;  // who stored this content
  Millis replaced = 0;         // wall clock
};

// Bytes of an account, of which Usage has the sum.
struct Kept {
  std::uint64_t trash_bytes = 0;
  std::uint64_t version_bytes = 0;
  friend bool operator==(const Kept&, const Kept&) = default;
};

// A moment between two writes. The store's ids only ever go up, so the ids that came next say what
// was there: what has a smaller id, and had not ended. By default: now.
struct Instant {
  std::int64_t node = std::numeric_limits<std::int64_t>::max();
  std::int64_t content = std::numeric_limits<std::int64_t>::max();
};

// Returns "NODE-CONTENT", as commands and JSON show an instant, and the instant of such a text;
// nullopt for any other text.
[[nodiscard]] std::string text_of(const Instant& instant);
[[nodiscard]] std::optional<Instant> instant_of(std::string_view text);

// How far back the tree can be seen as it was.
struct Horizon {
  Instant whole;         // since then nothing is missing
  Millis whole_at = 0;   // wall clock; the first whole second
  Millis begins_at = 0;  // before that nothing is known
};

// A resource as it was at an instant. Its name, place, kind and content are those of then; of a
// collection the dates, and of everything the dead properties and the owner, are those of now.
struct PastMember {
  Resource resource;
  std::int64_t line = 0;  // of the versions of a file
  // False for a file whose content is all that is left of it: something else has taken its place.
  bool exists = true;
  // Its content of then is not kept: `resource` has the nearest later one that is.
  bool later = false;
};

// Where a resource is now.
struct Whereabouts {
  std::optional<Path> path;  // where it is mapped
  std::int64_t trash = 0;    // the entry of the trash in whose tree it is
  bool is_root = false;      // it is the root of that tree
};

// An instant that is kept under a name until it is removed: what existed then at `path` and below
// is not given up, whatever its age, and whoever needs its space.
struct NamedSnapshot {
  std::string name;
  Instant instant;
  NodeId root = 0;  // the collection
  Path path;        // where the collection was
  Millis created = 0;
  AccountId creator = kNobody;
};

// Returns true when content that `author` stored at `stored` and `next_author` replaced at
// `replaced` is kept as a version. What the same author stored in the same minute is one version,
// and content that was empty for less than a minute is none: editors and mounted drives store a
// file several times when they save it once.
[[nodiscard]] bool is_kept(Millis stored, AccountId author, std::uint64_t size, Millis replaced,
                           AccountId next_author);

// The time when a version was stored, and its id.
struct Dated {
  std::int64_t id = 0;
  Millis stored = 0;
};

// Returns the ids of those versions of one file that are given up by their age at `now`: all are
// kept for an hour, then the last one of each hour, after a day the last one of each day, after 30
// days the last one of each week. Of what is left the newest `most` are kept. `versions` are in the
// order of their ids. What is dated later than now counts as new.
[[nodiscard]] std::vector<std::int64_t> surplus(std::span<const Dated> versions, Millis now,
                                                std::size_t most);

// One change of the tree. Numbers rise from commit to commit and are never given out again; they
// are from the counter that Instant::node counts by.
struct Change {
  std::int64_t number = 0;
  NodeId node = 0;
  // When the resource left its place, the collection that this was in, and the name there. 0: it
  // came to its place, or its content, properties or date changed.
  NodeId left = 0;
  std::string name{};
  bool collection = false;  // what left is one
};

// A resource, and the number of the change that brought it to its place.
struct Standing {
  Resource resource;
  std::int64_t since = 0;
};

}  // namespace holdfast::storage
