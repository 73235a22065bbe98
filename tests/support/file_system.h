// Real file systems of a test's own: an image file with ext4, xfs or btrfs in it, mounted through a
// loop device in a mount namespace of this process, so that nothing is left behind whatever ends
// it.
//
//   if (const auto reason = why_no_disk_image(FileSystem::xfs); !reason.empty()) GTEST_SKIP() <<
//   reason; DiskImage disk({.kind = FileSystem::xfs, .mebibytes = 300}); ServerProcess
//   server(disk.point() / "data"); disk.fill();
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "tests/support/temporary_folder.h"

namespace holdfast::test {

enum class FileSystem { ext4, ext4_without_journal, xfs, btrfs };

inline constexpr FileSystem kFileSystems[] = {FileSystem::ext4, FileSystem::ext4_without_journal,
                                              FileSystem::xfs, FileSystem::btrfs};

[[nodiscard]] std::string name_of(FileSystem kind);
// The smallest image that its mkfs takes.
[[nodiscard]] std::size_t least_mebibytes(FileSystem kind);

// Why this machine cannot mount an image with such a file system; empty when it can. Moves this
// process into a mount namespace of its own: call it before any thread is started.
[[nodiscard]] std::string why_no_disk_image(FileSystem kind);

// A folder for large sparse images: in memory where the system has enough of it.
[[nodiscard]] std::filesystem::path folder_for_images();

// Makes the file `image` (or makes it anew), sparse, with an empty file system. `options` are added
// to mkfs's. Throws std::runtime_error with what mkfs printed.
void make_file_system(const std::filesystem::path& image, FileSystem kind, std::size_t mebibytes,
                      const std::vector<std::string>& options = {});

// Copies `from` to `to`, which may exist; what is a hole or only zeros becomes a hole.
void copy_sparse(const std::filesystem::path& from, const std::filesystem::path& to);

// A loop device over a file. The kernel frees it when this object is gone and nothing is mounted.
class LoopDevice {
 public:
  explicit LoopDevice(const std::filesystem::path& file, bool read_only = false);
  ~LoopDevice();
  LoopDevice(const LoopDevice&) = delete;
  LoopDevice& operator=(const LoopDevice&) = delete;

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  // True when the kernel sends the device flushes.
  [[nodiscard]] bool is_flushed() const;
  // The file has another size now.
  void resize();

 private:
  std::filesystem::path path_;
  int fd_ = -1;
};

// A file or FUSE file with a file system in it, mounted while this object exists.
class MountedImage {
 public:
  // Makes the folder `point`. `options` are mount(8)'s, as "usrquota". Throws std::runtime_error
  // when the kernel refuses: what a power cut has left cannot be repaired by its log.
  MountedImage(const std::filesystem::path& image, FileSystem kind, std::filesystem::path point,
               const std::string& options = "");
  // Unmounts, also when files are open; returns when the device is free of it.
  ~MountedImage();
  MountedImage(const MountedImage&) = delete;
  MountedImage& operator=(const MountedImage&) = delete;

  [[nodiscard]] const std::filesystem::path& point() const { return point_; }
  [[nodiscard]] const LoopDevice& device() const { return device_; }
  // Mounts anew with other options, as "ro".
  void remount(const std::string& options);

 private:
  FileSystem kind_;
  std::filesystem::path point_;
  LoopDevice device_;
};

// A small disk of a test's own.
class DiskImage {
 public:
  struct Options {
    FileSystem kind = FileSystem::ext4;
    std::size_t mebibytes = 0;  // the smallest that is possible when 0
    std::vector<std::string> mkfs{};
    std::string mount{};
  };
  explicit DiskImage(const Options& options);

  [[nodiscard]] const std::filesystem::path& point() const { return mounted_->point(); }
  [[nodiscard]] std::uintmax_t available() const {
    return std::filesystem::space(point()).available;
  }

  // Another program takes all that is free but `left` bytes; what it wrote is on the disk then.
  void fill(std::uintmax_t left = 0);
  // Gives it back, on the disk too.
  void clear();

  // Without the file system, for the time between.
  void unmount() { mounted_.reset(); }
  void mount();
  // Read-only, or writable again.
  void remount_read_only(bool read_only) { mounted_->remount(read_only ? "ro" : "rw"); }
  [[nodiscard]] std::filesystem::path image() const { return folder_ / "image"; }
  // Of its loop device, while it is mounted.
  [[nodiscard]] std::filesystem::path device() const { return mounted_->device().path(); }

 private:
  TemporaryFolder folder_{folder_for_images()};
  Options options_;
  std::unique_ptr<MountedImage> mounted_;
};

}  // namespace holdfast::test
