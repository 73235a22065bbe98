// The writing connection's access to files: SQLite's own, but that what a transaction appends to
// the write-ahead log goes to the system in one call instead of two for every page.
#pragma once

namespace holdfast::storage::sqlite {

// The name to open the writing connection with. Any thread; SQLite must be configured already.
[[nodiscard]] const char* log_vfs();

}  // namespace holdfast::storage::sqlite
