// Values and the one seam of `holdfast backup` and `holdfast restore`: the content's side
// (storage/files/backup.h) does the work and needs of the namespace's side only what Database says.
// docs/storage.md tells the layout and the reasons.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "storage/model.h"

namespace holdfast::storage {

struct BackupProgress {
  enum class Stage { database, looking, copying } stage = Stage::database;
  std::uint64_t files = 0;  // content files to copy; known when copying begins
  std::uint64_t bytes = 0;  // in them
  std::uint64_t files_done = 0;
  std::uint64_t bytes_done = 0;
};

// Called many times a second, on the caller's thread. What it throws ends the work, which then
// leaves no trace but what a later run can use.
using OnBackupProgress = std::function<void(const BackupProgress&)>;

struct BackupReport {
  std::uint64_t contents = 0;  // all that the database names, inline ones included
  std::uint64_t files = 0;     // those of them that are files
  std::uint64_t file_bytes = 0;
  std::uint64_t copied_files = 0;
  std::uint64_t copied_bytes = 0;
  std::uint64_t removed_files = 0;  // of the backup, because the new one does not name them
};

// What a backup needs of a namespace that is one file. Every function throws OpenError when the
// file is not a database of ours, and Error otherwise.
struct BackupDatabase {
  // Writes the namespace at `from`, which may be in use, as it is at one instant to the empty file
  // `to`. Only reads `from`. Calls `tick` often; what that throws ends it. Does not flush.
  std::function<void(const std::string& from, const std::string& to,
                     const std::function<void()>& tick)>
      copy;
  // Visits every content that the file names, `id` being its ETag's number; inline ones (with their
  // bytes) only when asked for.
  std::function<void(const std::string& file, bool inline_too,
                     const std::function<void(std::int64_t id, const Content&)>& visit)>
      contents;
  // For messages: the path of one resource that has this content, "/a/b".
  std::function<std::string(const std::string& file, std::int64_t id)> resource_of;
  // Makes the copy a store of its own: verifies its structure, gives it a new epoch, so that no
  // ETag of the old store is given out again (docs/robustness.md G7), and drops all locks. Does not
  // flush.
  std::function<void(const std::string& file)> renew;
};

}  // namespace holdfast::storage
