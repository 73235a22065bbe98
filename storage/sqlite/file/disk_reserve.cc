#include "storage/sqlite/file/disk_reserve.h"

#include <sys/statvfs.h>

namespace holdfast::storage::sqlite {

bool DiskReserve::fits_twice() const noexcept {
  struct statvfs disk {};
  return ::statvfs(path_.c_str(), &disk) == 0 && disk.f_bavail * disk.f_frsize / 2 >= bytes_;
}

bool DiskReserve::wants_short_log(std::uint64_t log_bytes) noexcept {
  if (log_bytes <= bytes_ / 2 || bytes_ == 0) return false;
  const bool grown = log_bytes < looked_at_bytes_ || log_bytes - looked_at_bytes_ >= bytes_ / 64;
  if (scarce_ || grown) {
    looked_at_bytes_ = log_bytes;
    struct statvfs disk {};
    scarce_ = ::statvfs(path_.c_str(), &disk) == 0 && disk.f_bavail * disk.f_frsize < 16 * bytes_;
  }
  return scarce_;
}

}  // namespace holdfast::storage::sqlite
