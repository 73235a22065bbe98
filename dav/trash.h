// What a caller may do with what lies in the trash
// (docs/operations.md#what-was-removed-and-replaced). Pure functions; any thread.
#pragma once

#include "dav/caller.h"
#include "dav/path.h"
#include "storage/history.h"
#include "storage/namespace.h"

namespace holdfast::dav {

// Returns where a removed tree was, by the names of now.
[[nodiscard]] storage::Path place_of(const storage::TrashEntry& entry);

// Returns true for who owns what was removed, or removed it, and may write where it was now.
[[nodiscard]] bool may_restore(const Caller& caller, const storage::TrashEntry& entry);

// Returns a free name beside the one that is taken: "report (restored).odt".
[[nodiscard]] storage::Path free_name_beside(const storage::Snapshot& snapshot,
                                             const storage::Path& taken, bool is_file);

}  // namespace holdfast::dav
