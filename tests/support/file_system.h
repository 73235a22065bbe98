// Real file systems for one test: an image file with ext4, xfs or btrfs in it, mounted through a
// loop device in a mount namespace of this process, so that nothing is left behind, however the
// process ends. One thread at a time.
//
//   if (const auto why = why_no_disk_image(FileSystem::xfs); !why.empty()) GTEST_SKIP() << why;
//   DiskImage disk({.kind = FileSystem::xfs, .mebibytes = 300});
//   ServerProcess server(disk.point() / "data");
//   disk.fill();
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
// Returns the size of the smallest image that its mkfs accepts, in MiB.
[[nodiscard]] std::size_t least_mebibytes(FileSystem kind);

// Returns why this machine cannot mount an image with such a file system; empty when it can. Moves
// this process into a mount namespace of its own: call it before any thread is started.
[[nodiscard]] std::string why_no_disk_image(FileSystem kind);

// Returns a folder for large sparse images: in memory where the system has enough of it.
[[nodiscard]] std::filesystem::path folder_for_images();

// Makes the file `image` (or makes it anew), sparse, with an empty file system. `options` are added
// to mkfs's. Throws std::runtime_error with what mkfs printed.
void make_file_system(const std::filesystem::path& image, FileSystem kind, std::size_t mebibytes,
                      const std::vector<std::string>& options = {});

// Copies `from` to `to`, which may exist; holes and blocks of zeros become holes.
void copy_sparse(const std::filesystem::path& from, const std::filesystem::path& to);

// A loop device over a file. The kernel frees it when this object is gone and nothing is mounted.
class LoopDevice {
 public:
  explicit LoopDevice(const std::filesystem::path& file, bool read_only = false);
  ~LoopDevice();
  LoopDevice(const LoopDevice&) = delete;
  LoopDevice& operator=(const LoopDevice&) = delete;

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  // Returns true when the kernel sends flushes to the device.
  [[nodiscard]] bool is_flushed() const;
  // Call after the file's size has changed.
  void resize();

 private:
  std::filesystem::path path_;
  int fd_ = -1;
};

// A file, or FUSE file, with a file system in it, mounted while this object exists.
class MountedImage {
 public:
  // Makes the folder `point`. `options` are those of mount(8), such as "usrquota". Throws
  // std::runtime_error when the kernel refuses, for example because the journal cannot repair what
  // a power cut has left.
  MountedImage(const std::filesystem::path& image, FileSystem kind, std::filesystem::path point,
               const std::string& options = "");
  // Unmounts, also when files are open; returns when the device is no longer in use.
  ~MountedImage();
  MountedImage(const MountedImage&) = delete;
  MountedImage& operator=(const MountedImage&) = delete;

  [[nodiscard]] const std::filesystem::path& point() const { return point_; }
  [[nodiscard]] const LoopDevice& device() const { return device_; }
  // Mounts anew with other options, such as "ro".
  void remount(const std::string& options);

 private:
  FileSystem kind_;
  std::filesystem::path point_;
  LoopDevice device_;
};

// Mounts what a power cut left, as a boot does: a file system without a journal is checked first,
// and ext4 with one when the kernel refuses it, because a superblock that was torn while it was
// written has a wrong checksum. `repaired` gets what e2fsck said, and is empty when it did not run.
// Throws std::runtime_error when the file system is beyond repair.
[[nodiscard]] std::unique_ptr<MountedImage> mount_at_a_boot(const std::filesystem::path& image,
                                                            FileSystem kind,
                                                            const std::filesystem::path& point,
                                                            std::string& repaired);

// A small disk for one test.
class DiskImage {
 public:
  struct Options {
    FileSystem kind = FileSystem::ext4;
    std::size_t mebibytes = 0;  // 0: the smallest possible size
    std::vector<std::string> mkfs{};
    std::string mount{};
  };
  explicit DiskImage(const Options& options);

  [[nodiscard]] const std::filesystem::path& point() const { return mounted_->point(); }
  [[nodiscard]] std::uintmax_t available() const {
    return std::filesystem::space(point()).available;
  }

  // Fills the disk with a file, as another program would, until `left` bytes are free. The file is
  // flushed.
  void fill(std::uintmax_t left = 0);
  // Removes that file, and waits until its space is free.
  void clear();

  // Unmounts the file system; mount() mounts it again.
  void unmount() { mounted_.reset(); }
  void mount();
  // Makes the file system read-only, or writable again.
  void remount_read_only(bool read_only) { mounted_->remount(read_only ? "ro" : "rw"); }
  [[nodiscard]] std::filesystem::path image() const { return folder_ / "image"; }
  // Returns the path of the loop device, while it is mounted.
  [[nodiscard]] std::filesystem::path device() const { return mounted_->device().path(); }

 private:
  TemporaryFolder folder_{folder_for_images()};
  Options options_;
  std::unique_ptr<MountedImage> mounted_;
};

}  // namespace holdfast::test
