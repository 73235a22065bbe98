// Disk space that is kept for removals on a full disk: the log's file is never shorter than this,
// so that removals can be committed and no other program can take the space (docs/robustness.md
// E1). DiskReserve says how much it is and when the log must be moved because of it. One thread at
// a time.
#pragma once

#include <cstdint>
#include <string>

namespace holdfast::storage::sqlite {

class DiskReserve {
 public:
  // `path` lies on the disk in question. `bytes` is the least length of the log's file; 0 means no
  // reserve.
  DiskReserve(std::string path, std::uint64_t bytes) : path_(std::move(path)), bytes_(bytes) {}

  [[nodiscard]] std::uint64_t bytes() const { return bytes_; }
  // Returns true when the disk has at least twice the reserve free.
  [[nodiscard]] bool fits_twice() const noexcept;
  // Returns true when more than half of the reserve is in use and the disk has little other free
  // space: the log must be moved into the database at once, or the next removal might find no room.
  // Reads the disk's free space again when the log has grown a little.
  [[nodiscard]] bool wants_short_log(std::uint64_t log_bytes) noexcept;

 private:
  std::string path_;
  std::uint64_t bytes_;
  std::uint64_t looked_at_bytes_ = 0;  // length of the log when the free space was last read
  bool scarce_ = false;
};

}  // namespace holdfast::storage::sqlite
