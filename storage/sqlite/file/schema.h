// The database's identity, tables and settings (docs/storage.md has the schema with its reasons).
// Used while a store is being opened, by one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "storage/sqlite/file/sqlite.h"

namespace holdfast::storage::sqlite {

inline constexpr std::int64_t kApplicationId = 0x486f6c64;  // "Hold"
inline constexpr std::int64_t kSchemaVersion = 15;
inline constexpr std::int64_t kRoot = 1;  // id of the root collection; its parent is 0
// Ids that no resource has: the parent of the trees in the trash, and of those that were given up.
inline constexpr std::int64_t kTrash = -1;
inline constexpr std::int64_t kGivenUp = -2;
// More levels than any tree can have: the largest depth limit is 1024. A longer way up goes in a
// circle, which only a damaged database has, and ends with Error{corrupt}.
inline constexpr std::size_t kMostLevels = 1100;

// The bytes of dead properties, as Usage::bytes counts them; an aggregate over rows of `property`.
#define HOLDFAST_PROPERTY_BYTES                                     \
  "sum(length(CAST(xmlns AS BLOB)) + length(CAST(name AS BLOB)) + " \
  "length(CAST(xml AS BLOB)))"

// The tables that schema 3 brought, for new databases and for migrated ones.
extern const char* const kAccountTables;

// What schema 11 brought, as changes of older tables and new ones, for new databases and for
// migrated ones.
extern const char* const kGroupTables;

// What schema 12 brought, in the same way.
extern const char* const kHistoryTables;

// What schema 13 brought, in the same way.
extern const char* const kPlaceTables;

// What schema 14 brought, in the same way.
extern const char* const kChangeTables;

// What schema 15 brought, in the same way.
extern const char* const kSessionTables;

// Makes a complete new database at `path`, or none: it is built in `tmp_path` beside it and
// renamed. `now` is the root collection's date.
void create_database(const std::string& path, const std::string& tmp_path, std::int64_t now);

// Returns six random characters [0-9a-z], the first part of every ETag. Throws OpenError.
[[nodiscard]] std::string random_epoch();

// Throws OpenError when the file is not a Holdfast database, or is one of a newer version.
// `migrate` handles an older one.
void accept_database(Connection& writer);

// Makes the settings that every connection needs, and reads each back. Throws OpenError when a
// setting had no effect.
void configure(Connection& connection, Connection::Mode mode, std::size_t cache_bytes);

// Flushes the file or folder at `path`, opened with `flags`. Throws OpenError.
void flush(const std::string& path, int flags);

}  // namespace holdfast::storage::sqlite
