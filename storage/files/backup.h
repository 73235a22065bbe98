// Implements `holdfast backup` and `holdfast restore` on disk. A backup folder holds the latest
// backup:
//
//   backup.txt         names the database by its SHA-256; renamed into place last
//   <SHA-256>.db       the namespace at one instant, as one SQLite file
//   content/00..ff/    one file per content over 64 KiB, under the name it has in the store
//   tmp/  LOCK         what is being made; held while a command works on the folder
//
// A content never changes, so a later backup copies only what is not there yet. Until backup.txt is
// replaced, the earlier backup is whole. One thread at a time; LOCK keeps other processes out.
#pragma once

#include <string>

#include "storage/backup.h"
#include "storage/files/data_folder.h"

namespace holdfast::storage::files {

// Brings the backup in `folder` (made when missing; its parent must exist) up to what the store in
// the data folder `data` holds at one instant, reading and verifying every byte that it copies. The
// caller ensures that no content file of that instant is removed meanwhile. Throws OpenError when
// `folder` cannot take a backup, and Error when the work fails; the earlier backup is then as good
// as before. what() is one sentence in either case.
BackupReport backup(const std::string& data, const std::string& folder,
                    const BackupDatabase& database, const OnBackupProgress& progress);

// Makes a store in the folder `data`, which must be missing or empty, from the backup in `folder`,
// verifying every hash. The store exists once all is verified and flushed, and not before. Throws
// as `backup` does; then `data` is as it was, or holds empty folders when no data folder could be
// made there. A process that is killed leaves a folder that is refused as a store; a later restore
// into it begins anew.
BackupReport restore(const std::string& folder, const std::string& data,
                     DataFolder::Options options, const BackupDatabase& database,
                     const OnBackupProgress& progress);

// Writes what the backup in `folder` has at `path`, and all below it, as plain files and folders
// into the folder `into`, which is made when it is missing: under the last name of the path, where
// nothing may be yet. Verifies every hash, and keeps modification dates. Throws as `backup` does,
// and OpenError when the backup has nothing at the path; then nothing is left behind.
BackupReport extract(const std::string& folder, const Path& path, const std::string& into,
                     const BackupDatabase& database, const OnBackupProgress& progress);

// Returns why the folder at `path` can hold no store: it is a backup, or a restore into it was cut
// short. Empty when it is neither.
[[nodiscard]] std::string not_a_store(const std::string& path);

}  // namespace holdfast::storage::files
