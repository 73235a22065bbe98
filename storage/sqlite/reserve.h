// Disk space that is kept for the moment when there is none: a file of zeros beside the database,
// given up so that the log has room for removals and for being moved into the database (robustness
// E1). One thread at a time.
#pragma once

#include <cstdint>
#include <string>

namespace holdfast::storage::sqlite {

class Reserve {
 public:
  // `path` is the file, `bytes` its wanted size; 0: there is never a reserve. Takes nothing yet.
  Reserve(std::string path, std::uint64_t bytes) : path_(std::move(path)), bytes_(bytes) {}

  // Makes the file its wanted size, unless the disk has less than twice that. True when the disk
  // has room: the reserve is there, or could be if this disk let us.
  bool take() noexcept;
  // Gives the space back to the disk; false when there was none.
  bool release() noexcept;
  // True when the log holds so much that the reserve might not suffice to move it into the
  // database, on a disk that has little else: it must be moved at once. Looks at the disk again
  // when the log has grown a little.
  [[nodiscard]] bool wants_short_log(std::uint64_t log_bytes) noexcept;

 private:
  std::string path_;
  std::uint64_t bytes_;
  std::uint64_t looked_at_bytes_ = 0;  // how long the log was then
  bool scarce_ = false;
};

}  // namespace holdfast::storage::sqlite
