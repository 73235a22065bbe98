// What may be on a disk after a power cut: an image rebuilt from what the disk held at first and
// the log of tests/support/block_device.h. All that was written before the last flush is there, and
// as much of the rest as a test likes, in any order, torn at sectors but for btrfs's superblock.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tests/support/block_device.h"

namespace holdfast::test {

// What becomes of the writes since the last flush.
enum class Unflushed { all, none, half, torn_half };

inline constexpr Unflushed kUnflushed[] = {Unflushed::none, Unflushed::half, Unflushed::torn_half,
                                           Unflushed::all};
[[nodiscard]] std::string name_of(Unflushed fate);

// A log, read.
class DeviceLog {
 public:
  using Time = std::chrono::steady_clock::time_point;

  explicit DeviceLog(const std::filesystem::path& file);
  ~DeviceLog();
  DeviceLog(const DeviceLog&) = delete;
  DeviceLog& operator=(const DeviceLog&) = delete;

  [[nodiscard]] std::size_t size() const { return entries_.size(); }
  [[nodiscard]] const DeviceRecord& operator[](std::size_t index) const {
    return entries_[index].record;
  }
  [[nodiscard]] std::string_view data(std::size_t index) const { return entries_[index].data; }
  [[nodiscard]] Time time(std::size_t index) const;
  // How many records there were at that time.
  [[nodiscard]] std::size_t records_before(Time time) const;
  // "1234 writes, 56 flushes"
  [[nodiscard]] std::string summary() const;

 private:
  struct Entry {
    DeviceRecord record;
    std::string_view data;
  };
  void* memory_ = nullptr;
  std::size_t bytes_ = 0;
  std::vector<Entry> entries_;
};

class DiskHistory {
 public:
  // `base` is what the disk held before the first record; a copy that goes with the time is made
  // beside it.
  DiskHistory(const DeviceLog& log, std::filesystem::path base);

  // Makes `image` what the disk may hold when the power is cut before record `cut`.
  void rebuild(std::size_t cut, Unflushed fate, unsigned seed, const std::filesystem::path& image);

 private:
  const DeviceLog& log_;
  std::filesystem::path base_;
  std::filesystem::path flushed_;
  std::optional<std::size_t> at_;  // flushed_ has all records before
};

}  // namespace holdfast::test
