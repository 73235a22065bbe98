// The data folder: {LOCK, meta.db, tmp/0..f/, blobs/00..ff/}, all of it 0700/0600 and on one local
// disk. A DataFolder holds the folder exclusively: a second one, in any process, is refused. One
// thread opens and closes it; any thread may call the accessors.
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
  // Creates what is missing and flushes it. On a read-only disk nothing is created, and other
  // processes may hold the folder as well. Throws OpenError.
  explicit DataFolder(const std::string& path, Options options);
  explicit DataFolder(const std::string& path) : DataFolder(path, Options{}) {}

  // The path without symbolic links.
  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] std::string database() const { return path_ + "/meta.db"; }
  [[nodiscard]] int blobs() const { return blobs_.get(); }
  [[nodiscard]] int tmp() const { return tmp_.get(); }
  [[nodiscard]] bool read_only() const { return read_only_; }
  // Folders for content ("00" to "ff") that did not exist when this one was opened; each is made
  // with its first file. The caller must check that the database names no content in them.
  [[nodiscard]] const std::vector<std::string>& missing() const { return missing_; }
  // A descriptor of the folder itself, owned by this object.
  [[nodiscard]] int descriptor() const { return folder_.get(); }
  // Returns what somebody has removed or replaced, so that it is no longer what is at its path, as
  // part of a sentence: "the data folder", "LOCK in the data folder". Empty when nothing was.
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
