#include "storage/files/data_folder.h"

#include <array>
#include <cerrno>
#include <climits>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>
#include <utility>

#include "storage/files/blob_name.h"
#include "text/hex.h"

namespace holdfast::storage::files {

namespace {

constexpr long kCifs = 0xFF534D42;
constexpr long kSmb2 = 0xFE534D42;
constexpr long kFuse = 0x65735546;

[[noreturn]] void cannot_open(const std::string& what) {
  throw OpenError(what + ": " + std::strerror(errno) + ".");
}

void flush(int fd, const std::string& name) {
  if (fsync(fd) != 0) cannot_open("Cannot flush " + name);
}

// Opens the folder `name` in `above`, making and flushing it when it is missing.
Descriptor folder(int above, const char* name, const std::string& path) {
  constexpr int kFlags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
  Descriptor found(openat(above, name, kFlags));
  if (!found && errno == ENOENT) {
    if (mkdirat(above, name, 0700) != 0 && errno != EEXIST) cannot_open("Cannot create " + path);
    found = Descriptor(openat(above, name, kFlags));
    if (found) flush(found.get(), path);
  }
  if (!found) cannot_open("Cannot use " + path + " as a folder");
  return found;
}

bool is_regular_file(int above, const char* name) {
  struct stat file {};
  return fstatat(above, name, &file, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(file.st_mode);
}

void same_disk(int fd, const struct stat& root, const std::string& path) {
  struct stat here {};
  if (fstat(fd, &here) != 0) cannot_open("Cannot read " + path);
  if (here.st_dev != root.st_dev) {
    throw OpenError(path + " lies on another disk than the data folder; it must be on the same.");
  }
}

// Sets or clears an attribute (chattr) of a file or folder. A file system that does not know the
// attribute ignores it.
void set_attribute(int fd, int attribute, bool wanted) {
  int flags = 0;
  if (ioctl(fd, FS_IOC_GETFLAGS, &flags) != 0 || ((flags & attribute) != 0) == wanted) return;
  flags ^= attribute;
  (void)ioctl(fd, FS_IOC_SETFLAGS, &flags);
}

void refuse_network_disk(int fd, const std::string& path) {
  struct statfs disk {};
  if (fstatfs(fd, &disk) != 0) cannot_open("Cannot read " + path);
  const auto type = static_cast<long>(disk.f_type) & 0xFFFFFFFFL;
  for (const long network :
       {long{NFS_SUPER_MAGIC}, kCifs, kSmb2, long{SMB_SUPER_MAGIC}, long{V9FS_MAGIC}, kFuse}) {
    if (type == network) {
      throw OpenError("The data folder " + path +
                      " lies on a network or FUSE disk, which can lose data; use a local disk.");
    }
  }
}

}  // namespace

std::string DataFolder::displaced() const {
  const auto is_gone = [](int fd, const std::string& path) {
    struct stat opened {};
    struct stat there {};
    if (fstat(fd, &opened) != 0) return false;
    if (lstat(path.c_str(), &there) != 0) return errno == ENOENT || errno == ENOTDIR;
    return opened.st_dev != there.st_dev || opened.st_ino != there.st_ino;
  };
  if (is_gone(folder_.get(), path_)) return "the data folder";
  for (const auto& [fd, name] : {std::pair(lock_.get(), "LOCK"), std::pair(tmp_.get(), "tmp"),
                                 std::pair(blobs_.get(), "blobs")})
    if (is_gone(fd, path_ + "/" + name)) return std::string(name) + " in the data folder";
  return {};
}

DataFolder::DataFolder(const std::string& path, Options options) {
  const bool made = mkdir(path.c_str(), 0700) == 0;
  if (!made && errno != EEXIST) cannot_open("Cannot create the data folder " + path);
  std::array<char, PATH_MAX> real{};
  if (!realpath(path.c_str(), real.data())) cannot_open("Cannot use the data folder " + path);
  path_ = real.data();
  if (made) {
    const Descriptor above(open((path_ + "/..").c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!above) cannot_open("Cannot open the folder above " + path_);
    flush(above.get(), path_ + "/..");
  }
  folder_ = Descriptor(open(path_.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!folder_) cannot_open("Cannot open the data folder " + path_);
  struct stat root {};
  if (fstat(folder_.get(), &root) != 0) cannot_open("Cannot read " + path_);
  // The sticky bit does not help: anybody could create what does not exist yet.
  if ((root.st_mode & S_IWOTH) != 0)
    throw OpenError("The data folder " + path_ + " is one that everybody may write; chmod o-w it.");
  if (!options.allow_network_disk) refuse_network_disk(folder_.get(), path_);

  hold();
  if (read_only_) {
    blobs_ =
        Descriptor(openat(folder_.get(), "blobs", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!blobs_ && errno != ENOENT) cannot_open("Cannot use " + path_ + "/blobs as a folder");
  } else {
    make_folders(root);
  }
  look_for_content(root);
}

// A read-only disk has no other writer, so a shared lock is enough: it excludes only writers.
void DataFolder::hold() {
  lock_ =
      Descriptor(openat(folder_.get(), "LOCK", O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600));
  read_only_ = !lock_ && errno == EROFS;
  if (read_only_) {
    lock_ = Descriptor(openat(folder_.get(), "LOCK", O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
    if (!lock_ && errno == ENOENT) return;
  }
  if (!lock_) cannot_open("Cannot open " + path_ + "/LOCK");
  if (flock(lock_.get(), (read_only_ ? LOCK_SH : LOCK_EX) | LOCK_NB) != 0) {
    if (errno == EWOULDBLOCK) {
      throw OpenError("The data folder " + path_ + " is in use by another holdfast.");
    }
    cannot_open("Cannot lock the data folder " + path_);
  }
}

void DataFolder::make_folders(const struct stat& root) {
  // The database and its log are overwritten, and must keep their blocks on a copy-on-write disk:
  // new blocks for each write are not available on a full disk. Content is written once, and keeps
  // the disk's checksums.
  set_attribute(folder_.get(), FS_NOCOW_FL, true);
  tmp_ = folder(folder_.get(), "tmp", path_ + "/tmp");
  blobs_ = folder(folder_.get(), "blobs", path_ + "/blobs");
  same_disk(tmp_.get(), root, path_ + "/tmp");
  set_attribute(tmp_.get(), FS_NOCOW_FL, false);
  set_attribute(blobs_.get(), FS_NOCOW_FL, false);
  // This makes ext4 place the subfolders far from each other. ext4 places a file near its folder,
  // and without a journal it examines every inode freed there in the last minute before it makes
  // another.
  set_attribute(tmp_.get(), FS_TOPDIR_FL, true);
  for (const char digit : text::kHexDigits) {
    const std::string name(1, digit);
    const std::string full = path_ + "/tmp/" + name;
    same_disk(folder(tmp_.get(), name.c_str(), full).get(), root, full);
  }
  // The folders are flushed also when nothing was made just now, because an earlier start may have
  // died before its flush. Each is flushed by itself, because not every file system flushes a
  // folder with its parent.
  flush(tmp_.get(), path_ + "/tmp");
  flush(blobs_.get(), path_ + "/blobs");
  flush(folder_.get(), path_);
}

void DataFolder::set_aside(const std::string& name) {
  if (read_only_) return;
  const Descriptor lost = folder(folder_.get(), "lost", path_ + "/lost");
  if (renameat(blobs_.get(), name.c_str(), lost.get(), ("blobs-" + name).c_str()) != 0)
    cannot_open("Cannot move " + path_ + "/blobs/" + name + " away");
  flush(lost.get(), path_ + "/lost");
  flush(blobs_.get(), path_ + "/blobs");
}

void DataFolder::look_for_content(const struct stat& root) {
  if (blobs_) same_disk(blobs_.get(), root, path_ + "/blobs");
  for (const std::string& name : blob_folders()) {
    const std::string full = path_ + "/blobs/" + name;
    const Descriptor found(
        openat(blobs_.get(), name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (found) {
      same_disk(found.get(), root, full);
    } else if (!blobs_ || errno == ENOENT) {
      missing_.push_back(name);
    } else if (errno == ENOTDIR && is_regular_file(blobs_.get(), name.c_str())) {
      // On a file system without a journal, a power cut can leave the name of a folder that was
      // just made referring to the inode of an earlier file.
      set_aside(name);
      missing_.push_back(name);
    } else {
      cannot_open("Cannot use " + full + " as a folder");
    }
  }
}

}  // namespace holdfast::storage::files
