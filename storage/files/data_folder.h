// The data folder: {LOCK, meta.db, tmp/0..f/, blobs/00..ff/}, all of it 0700/0600 and on one local
// disk. Holding a DataFolder holds the folder: a second one, in any process, is refused. One thread
// opens and closes; the accessors are constant.
#pragma once

#include <string>
#include <vector>

#include "storage/descriptor.h"
#include "storage/open.h"

struct stat;

namespace holdfast::storage::files {

class DataFolder {
 public:
  struct Options {
    bool allow_network_disk = false;  // NFS, CIFS, 9p and FUSE do not keep SQLite's promises
  };
  // Creates what is missing and flushes it; on a read-only disk what is there must do, and others
  // may hold it as well. Throws OpenError.
  explicit DataFolder(const std::string& path, Options options);
  explicit DataFolder(const std::string& path) : DataFolder(path, Options{}) {}

  // Without symbolic links.
  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] std::string database() const { return path_ + "/meta.db"; }
  [[nodiscard]] int blobs() const { return blobs_.get(); }
  [[nodiscard]] int tmp() const { return tmp_.get(); }
  [[nodiscard]] bool read_only() const { return read_only_; }
  // Folders for content ("00" to "ff") that were not there when this one was opened: each is made
  // with its first file. Whoever knows what the database names must see that none of it was in
  // them.
  [[nodiscard]] const std::vector<std::string>& missing() const { return missing_; }
  // The folder itself.
  [[nodiscard]] int descriptor() const { return folder_.get(); }
  // What of it is no longer what is at its path, because somebody has removed or replaced it, as
  // part of a sentence: "the data folder", "LOCK in the data folder". Empty when all is.
  [[nodiscard]] std::string displaced() const;

 private:
  void hold();
  void make_folders(const struct stat& root);
  void look_for_content(const struct stat& root);
  void set_aside(const std::string& name);

  std::string path_;
  Descriptor folder_, lock_, tmp_, blobs_;
  bool read_only_ = false;
  std::vector<std::string> missing_;
};

}  // namespace holdfast::storage::files
