// A disk that keeps a log of all that is written to it and of every flush, and that a test can make
// fail. It is one FUSE file, served by a child process, of which a loop device makes a block
// device. One thread at a time.
//
//   make_file_system(folder / "image", FileSystem::ext4, 64);
//   BlockDevice disk(folder / "image", folder / "log", folder / "device");
//   MountedImage mounted(disk.path(), FileSystem::ext4, folder / "disk");
//   ... write ...
//   disk.records();                          // how many writes and flushes there were
//
// The log is a sequence of DeviceRecords; the record of a write is followed by its bytes. A flush
// has made durable what was written before its record.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <string>
#include <sys/types.h>

namespace holdfast::test {

struct DeviceRecord {
  enum class Kind : std::uint32_t { write, flush };
  std::int64_t time_ns = 0;  // of the steady clock
  std::uint64_t offset = 0;
  std::uint32_t size = 0;
  Kind kind = Kind::write;
};

// Returns why this machine cannot make such a disk; empty when it can.
[[nodiscard]] std::string why_no_block_device();

class BlockDevice {
 public:
  // `image` has the content of the disk, and is changed; `log` and `path` are files to be made.
  BlockDevice(const std::filesystem::path& image, const std::filesystem::path& log,
              std::filesystem::path path);
  // Nothing may be mounted from the disk any more.
  ~BlockDevice();
  BlockDevice(const BlockDevice&) = delete;
  BlockDevice& operator=(const BlockDevice&) = delete;

  // The file for a loop device.
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  // Returns the number of records in the log. A write or flush is counted before its caller returns
  // from it.
  [[nodiscard]] std::uint64_t records() const;

  // With `on`, each of these fails with EIO from now on.
  void fail_reads(bool on);
  void fail_writes(bool on);
  void fail_flushes(bool on);
  // From now on each flush takes this long, as on a slow disk.
  void delay_flushes(std::chrono::milliseconds time);
  // While this is on, a flush does not end, and nothing after it begins.
  void hold_flushes(bool on);

 private:
  struct Shared;
  [[noreturn]] static void serve(const std::filesystem::path& image,
                                 const std::filesystem::path& log,
                                 const std::filesystem::path& path, Shared& shared);

  std::filesystem::path path_;
  Shared* shared_ = nullptr;  // shared with the child
  pid_t child_ = -1;
};

}  // namespace holdfast::test
