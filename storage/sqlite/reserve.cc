#include "storage/sqlite/reserve.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

namespace holdfast::storage::sqlite {

bool Reserve::take() noexcept {
  if (bytes_ == 0) return true;
  struct stat file {};
  const auto size = static_cast<off_t>(bytes_);
  if (::stat(path_.c_str(), &file) == 0 && file.st_size == size) return true;
  const int fd = ::open(path_.c_str(), O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (fd < 0) return false;
  struct statvfs disk {};
  const bool room = ::fstatvfs(fd, &disk) == 0 && disk.f_bavail * disk.f_frsize / 2 >= bytes_;
  // It may have had another size; a failure may leave a part.
  if (!room || ::ftruncate(fd, 0) != 0 || ::posix_fallocate(fd, 0, size) != 0) {
    [[maybe_unused]] const int ignored = ::ftruncate(fd, 0);
  }
  ::close(fd);
  return room;
}

bool Reserve::wants_short_log(std::uint64_t log_bytes) noexcept {
  if (log_bytes <= bytes_ / 2 || bytes_ == 0) return false;
  const bool grown = log_bytes < looked_at_bytes_ || log_bytes - looked_at_bytes_ >= bytes_ / 64;
  if (scarce_ || grown) {
    looked_at_bytes_ = log_bytes;
    struct statvfs disk {};
    scarce_ = ::statvfs(path_.c_str(), &disk) == 0 && disk.f_bavail * disk.f_frsize < 16 * bytes_;
  }
  return scarce_;
}

bool Reserve::release() noexcept {
  struct stat file {};
  if (bytes_ == 0 || ::stat(path_.c_str(), &file) != 0 || file.st_size == 0) return false;
  return ::truncate(path_.c_str(), 0) == 0;
}

}  // namespace holdfast::storage::sqlite
