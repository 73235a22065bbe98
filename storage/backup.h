// Values and the interface of `holdfast backup` and `holdfast restore`. storage/files/backup.h does
// the work; from the namespace it needs only what BackupDatabase declares. docs/storage.md
// describes the layout and the reasons.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>

#include "storage/model.h"

namespace holdfast::storage {

struct BackupProgress {
  enum class Stage { database, looking, copying } stage = Stage::database;
  std::uint64_t files = 0;  // content files to copy; known when copying begins
  std::uint64_t bytes = 0;  // sum of their sizes
  std::uint64_t files_done = 0;
  std::uint64_t bytes_done = 0;
};

// Called many times a second, on the caller's thread. An exception that it throws ends the work,
// which then leaves nothing behind but what a later run can use.
using OnBackupProgress = std::function<void(const BackupProgress&)>;

struct BackupReport {
  std::uint64_t contents = 0;  // all that the database names, inline ones included
  std::uint64_t files = 0;     // the ones among them that are files
  std::uint64_t file_bytes = 0;
  std::uint64_t copied_files = 0;
  std::uint64_t copied_bytes = 0;
  std::uint64_t removed_files = 0;  // of the old backup, which the new one does not name
};

// What a backup needs of a namespace that is one file. Every function throws OpenError when the
// file is not a Holdfast database, and Error for any other failure.
struct BackupDatabase {
  // Writes the namespace at `from`, which may be in use, as it is at one instant to the empty file
  // `to`. Only reads `from`. Calls `tick` often; an exception that `tick` throws ends the copy.
  // Does not flush.
  std::function<void(const std::string& from, const std::string& to,
                     const std::function<void()>& tick)>
      copy;
  // Visits every content that the file names, `id` being its ETag's number; inline contents (with
  // their bytes) only when `inline_too`.
  std::function<void(const std::string& file, bool inline_too,
                     const std::function<void(std::int64_t id, const Content&)>& visit)>
      contents;
  // Returns the path of one resource that has this content, such as "/a/b", for messages.
  std::function<std::string(const std::string& file, std::int64_t id)> resource_of;
  // Visits what is mapped at `path` and all below it, every collection before its members, with
  // their names below it, and files with their content. Returns false when nothing is mapped there.
  std::function<bool(const std::string& file, const Path& path,
                     const std::function<void(std::span<const std::string> segments,
                                              const Resource&, const Content&)>& visit)>
      tree;
  // Makes the copy a store of its own: verifies its structure, gives it a new epoch, so that no
  // ETag of the old store is given out again (docs/robustness.md G7), and drops all locks. Does not
  // flush.
  std::function<void(const std::string& file)> renew;
};

}  // namespace holdfast::storage
