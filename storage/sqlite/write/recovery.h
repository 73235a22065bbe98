// Repairs what relaxed durability may have left incomplete on the disk, while a store is being
// opened and before anybody reads it. One thread at a time.
#pragma once

#include "storage/content.h"
#include "storage/sqlite/file/barrier.h"
#include "storage/sqlite/file/sqlite.h"

namespace holdfast::storage::sqlite {

// Returns true when every content file that came after the barrier has its size and SHA-256. Reads
// them all.
[[nodiscard]] bool is_whole_since(const Barrier& barrier, Connection& connection,
                                  ContentStore& content);

// Part of the migration from schema 6. Versions until then kept the previous content of a file
// until the new content was flushed. A file whose content is not whole gets its previous content
// back, and the rows of previous contents are removed. A file without previous content stays,
// damaged, for its owner to see.
void drop_unflushed(Connection& writer, ContentStore& content);

}  // namespace holdfast::storage::sqlite
