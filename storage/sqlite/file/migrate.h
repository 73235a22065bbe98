// Brings an older database to this program's schema, one transaction a step, keeping a copy of what
// was there before (docs/storage.md). Used while a store is being opened; one thread.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "storage/content.h"
#include "storage/sqlite/file/sqlite.h"

namespace holdfast::storage::sqlite {

// From schema `version` - 1 to `version`.
struct Migration {
  std::int64_t version = 0;
  const char* sql = nullptr;
  const char* more_sql = "";
  const char* last_sql = "";
  // What SQL alone cannot do, before it and in the same transaction.
  void (*first)(Connection& writer, ContentStore& content) = nullptr;
};

// Every step there is, in order; the last one leads to kSchemaVersion.
[[nodiscard]] std::span<const Migration> migrations();

// Runs the steps that the database at `path`, open as `writer`, has not had. Before the first, a
// compact copy is flushed to "PATH.schema-N" beside it, N being the schema it had; one that is
// there already is from an attempt that was cut short and is kept. A step that fails throws and
// leaves the database as the step before it did; the next start goes on from there.
void migrate(Connection& writer, const std::string& path, std::span<const Migration> steps,
             ContentStore& content);

}  // namespace holdfast::storage::sqlite
