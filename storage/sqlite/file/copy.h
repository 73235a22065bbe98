// Copies of a database, for migrations and for backups. A copy is one file without a log beside it.
// One thread at a time per copy; any number of other connections may use the original.
#pragma once

#include <functional>
#include <string>

#include "storage/backup.h"
#include "storage/sqlite/file/sqlite.h"

namespace holdfast::storage::sqlite {

// Writes what `connection` sees at this instant to the empty file `to`, compact and not flushed.
// Other connections go on reading and writing; the log cannot be reset meanwhile. `tick` is called
// often; an exception that it throws ends the copy.
void copy_database(Connection& connection, const std::string& to,
                   const std::function<void()>& tick = {});

// Creates an empty file, mode 0600, for copy_database. Throws OpenError.
void create_file(const std::string& path);

[[nodiscard]] BackupDatabase backup_database();

}  // namespace holdfast::storage::sqlite
