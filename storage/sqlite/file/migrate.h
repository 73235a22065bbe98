// Brings an older database to this program's schema, one transaction a step, and keeps a copy of
// the older database (docs/storage.md). Used while a store is being opened, by one thread.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "storage/content.h"
#include "storage/sqlite/file/sqlite.h"

namespace holdfast::storage::sqlite {

// A step from schema `version` - 1 to `version`.
struct Migration {
  std::int64_t version = 0;
  const char* sql = nullptr;
  const char* more_sql = "";
  const char* last_sql = "";
  // Does what SQL alone cannot do, before `sql` and in the same transaction.
  void (*first)(Connection& writer, ContentStore& content) = nullptr;
};

// Returns every step, in order; the last one leads to kSchemaVersion.
[[nodiscard]] std::span<const Migration> migrations();

// Runs the steps that the database at `path`, open as `writer`, has not had. Before the first step,
// a compact copy is flushed to "PATH.schema-N" beside it, N being its schema. An existing copy is
// from an attempt that was cut short, and is kept. A step that fails throws and leaves the database
// as the step before left it; the next start continues from there.
void migrate(Connection& writer, const std::string& path, std::span<const Migration> steps,
             ContentStore& content);

}  // namespace holdfast::storage::sqlite
