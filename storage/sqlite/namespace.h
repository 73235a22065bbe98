// storage::Namespace over SQLite (docs/storage.md): one writer with group commit, read-only
// readers. Exactly one process may have a database open; DataFolder's lock ensures that.
//
//   auto names = sqlite::open(folder.database(), content, clock, {});
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>

#include "storage/namespace.h"
#include "storage/open.h"

namespace holdfast::storage::sqlite {

struct Options {
  Durability durability = Durability::full;
  std::size_t cache_bytes = 48 << 20;  // page caches of all connections together
  std::size_t readers = 6;             // most snapshots at a time; further ones wait
  std::int64_t read_limit_s = 30;      // of one snapshot; a longer read throws Error{busy}
  // Disk space kept for removals on a full disk: the least length of the log's file; 0: no minimum.
  std::uint64_t reserve_bytes = 0;
  // The disk is read-only: a database must exist, every write throws Error{read_only}, and several
  // processes may have it open.
  bool read_only = false;
  // Called when the disk loses a write. From then on every write throws Error{unavailable}.
  OnFailure on_failure = {};
  // Called while the store is being opened. Returns true when the folder of a content file was
  // missing. A store that names such content is refused, unchanged.
  std::function<bool(const std::string& blob)> is_lost = {};
  // Called while the store is being opened, with a sentence for the operator.
  std::function<void(const std::string& sentence)> on_notice = {};
};

// Opens the database at `path`, creating it if there is none; recovers from an unclean end. The
// content store and the clock must outlive the namespace. Throws OpenError when the database cannot
// be used, and Error when it is damaged.
[[nodiscard]] std::unique_ptr<Namespace> open(const std::string& path, ContentStore& content,
                                              const Clock& clock, Options options = {});

}  // namespace holdfast::storage::sqlite
