// Disk space that is kept for the moment when there is none: the log's file is never shorter than
// this, so that removals can be committed on a full disk and nobody else can take their room
// (docs/robustness.md E1). This says how much it is, and when it must be looked after. One thread
// at a time.
#pragma once

#include <cstdint>
#include <string>

namespace holdfast::storage::sqlite {

class DiskReserve {
 public:
  // `path` lies on the disk in question, `bytes` is how long the log's file is kept; 0: not at all.
  DiskReserve(std::string path, std::uint64_t bytes) : path_(std::move(path)), bytes_(bytes) {}

  [[nodiscard]] std::uint64_t bytes() const { return bytes_; }
  // True when the disk has as much free twice.
  [[nodiscard]] bool fits_twice() const noexcept;
  // True when the log holds so much that its room might not suffice for the next removal, on a disk
  // that has little else: it must be moved into the database at once. Looks at the disk again when
  // the log has grown a little.
  [[nodiscard]] bool wants_short_log(std::uint64_t log_bytes) noexcept;

 private:
  std::string path_;
  std::uint64_t bytes_;
  std::uint64_t looked_at_bytes_ = 0;  // how long the log was then
  bool scarce_ = false;
};

}  // namespace holdfast::storage::sqlite
