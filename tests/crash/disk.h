// What may be on the disk after a power cut: a data folder rebuilt from a trace, with everything
// that was flushed and as much of the rest as a test likes.
//
// Stricter than any real file system: a page of a write, a size and a name that were not flushed
// may each be there or not, independent of the others and of their order; a name is flushed only
// with its folder; a page may be torn at 512 bytes; what a failed flush left is lost for good, even
// if a later flush of the file succeeds (as on Linux).
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "tests/crash/trace.h"

namespace holdfast::test {

// What becomes of all that was not flushed.
struct Fate {
  enum class Kind {
    kept,        // all of it is there: what a killed process leaves
    dropped,     // none of it
    names_only,  // created, renamed and removed names, but no bytes
    data_only,   // bytes, but no names
    zeros,       // names and sizes, and zeros for bytes
    last_torn,   // all of it, but of the last write to each file a part
    random,      // each for itself, by `seed`: kept, dropped, torn or zeros
  } kind = Kind::dropped;
  unsigned seed = 0;
};

class Disk {
 public:
  // Throws std::runtime_error for a call that it cannot follow.
  void apply(const TracedCall& call);

  // Every file with its content, every folder with nothing and a slash at its end.
  using Image = std::map<std::string, std::string>;
  [[nodiscard]] Image after_power_cut(const Fate& fate) const;

 private:
  struct Change {
    bool truncates = false;
    bool allocates = false;
    std::int64_t offset = 0;  // or the new size, or the least
    std::string data;
    bool lost = false;  // a flush of it failed
  };
  struct File {
    bool folder = false;
    std::string flushed;
    std::vector<Change> changes;  // since
  };
  struct Naming {
    std::string folder;
    std::string path;
    int file = -1;  // -1: the name is removed
  };

  void name(const std::string& path, int file);
  File* file_at(const std::string& path);
  static void flush(File& file);

  std::vector<File> files_;
  std::map<std::string, int> names_;          // as the running program sees them
  std::map<std::string, int> flushed_names_;  // on the disk
  std::vector<Naming> namings_;               // since, in order
};

// Makes the folder `path`, which must not exist, as the image says.
void make_folder(const Disk::Image& image, const std::filesystem::path& path);

}  // namespace holdfast::test
