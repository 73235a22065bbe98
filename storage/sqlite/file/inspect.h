// Checks every row: structure, references, counts (docs/storage.md, invariants). One thread at a
// time.
#pragma once

#include "storage/namespace.h"
#include "storage/sqlite/file/sqlite.h"

namespace holdfast::storage::sqlite {

// Call inside a transaction of `connection`; with `repair`, inside a writing one. Repairs what
// follows from other rows without guessing, and never removes a resource.
[[nodiscard]] NamespaceCheck inspect(Connection& connection, bool repair);

}  // namespace holdfast::storage::sqlite
