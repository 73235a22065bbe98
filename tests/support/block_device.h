// A disk that keeps a log of all that is written to it and of every flush, and can be told to fail.
// It is one FUSE file, served by a child process, that a loop device makes a block device of.
//
//   make_file_system(folder / "image", FileSystem::ext4, 64);
//   BlockDevice disk(folder / "image", folder / "log", folder / "device");
//   MountedImage mounted(disk.path(), FileSystem::ext4, folder / "disk");
//   ... write ...
//   disk.records();                          // how many writes and flushes there were
//
// The log holds a DeviceRecord and, after that of a write, its bytes, one after the other. A flush
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

// Why this machine cannot; empty when it can.
[[nodiscard]] std::string why_no_block_device();

class BlockDevice {
 public:
  // `image` is what the disk holds, and is changed; `log` and `path` are files to be made.
  BlockDevice(const std::filesystem::path& image, const std::filesystem::path& log,
              std::filesystem::path path);
  // Nothing may be mounted from it any more.
  ~BlockDevice();
  BlockDevice(const BlockDevice&) = delete;
  BlockDevice& operator=(const BlockDevice&) = delete;

  // To make a loop device of.
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  // Records in the log. What is written or flushed is counted before its writer hears of it.
  [[nodiscard]] std::uint64_t records() const;

  // From now on, or no longer, each of these fails with EIO.
  void fail_reads(bool on);
  void fail_writes(bool on);
  void fail_flushes(bool on);
  // From now on each flush takes so long, as a slow disk's.
  void delay_flushes(std::chrono::milliseconds time);
  // While this is on, a flush that comes does not end, and nothing after it begins.
  void hold_flushes(bool on);

 private:
  struct Shared;
  [[noreturn]] static void serve(const std::filesystem::path& image,
                                 const std::filesystem::path& log,
                                 const std::filesystem::path& path, Shared& shared);

  std::filesystem::path path_;
  Shared* shared_ = nullptr;  // with the child
  pid_t child_ = -1;
};

}  // namespace holdfast::test
