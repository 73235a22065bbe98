// What relaxed durability may have left half on the disk, put right when a store is opened: before
// anybody reads it. One thread.
#pragma once

#include "storage/content.h"
#include "storage/sqlite/file/barrier.h"
#include "storage/sqlite/file/sqlite.h"

namespace holdfast::storage::sqlite {

// True when every content file that came after the barrier has its size and SHA-256. Reads them.
[[nodiscard]] bool is_whole_since(const Barrier& barrier, Connection& connection,
                                  ContentStore& content);

// For a store of schema 6 and its transaction of migration: versions until then kept what a file
// replaced until it was flushed. A file that is not whole gives way to that, and the rows go. A
// file that had nothing before stays, damaged, for its owner to see.
void drop_unflushed(Connection& writer, ContentStore& content);

}  // namespace holdfast::storage::sqlite
