#include "storage/sqlite/file/barrier.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <sys/stat.h>
#include <unistd.h>

#include "storage/error.h"
#include "storage/open.h"

namespace holdfast::storage::sqlite {

namespace {

// Each of the two places is a page, of which only the first bytes are used: they lie in one sector,
// which a disk writes as a whole or not at all.
constexpr off_t kPlaceBytes = 4096;
constexpr int kPlaces = 2;
constexpr std::int64_t kEnded = -1;  // frames in a record that is no barrier
constexpr std::uint64_t kMagic = 0x6272727265696821;

struct Record {
  std::uint64_t magic = kMagic;
  Barrier barrier;
  std::uint64_t check = 0;  // of the bytes before it
};
static_assert(sizeof(Record) == 48);

// Computes FNV-1a, which distinguishes a half written record from a whole one.
std::uint64_t check_of(const Record& record) {
  std::array<unsigned char, sizeof record - sizeof record.check> bytes{};
  std::memcpy(bytes.data(), &record, bytes.size());
  std::uint64_t sum = 0xcbf29ce484222325U;
  for (const unsigned char byte : bytes) sum = (sum ^ byte) * 0x100000001b3U;
  return sum;
}

[[noreturn]] void fail(const char* doing, const std::string& path) {
  const int error = errno;
  Fault fault = Fault::unavailable;
  if (error == ENOSPC || error == EDQUOT) fault = Fault::full;
  if (error == EROFS) fault = Fault::read_only;
  throw Error(fault, std::string(doing) + " " + path + ": " + std::strerror(error));
}

class Opened {
 public:
  Opened(const std::string& path, int flags)
      : descriptor_(::open(path.c_str(), flags | O_NOFOLLOW | O_CLOEXEC, 0600)) {}
  ~Opened() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  Opened(const Opened&) = delete;
  Opened& operator=(const Opened&) = delete;
  [[nodiscard]] int get() const { return descriptor_; }

 private:
  int descriptor_;
};

void flush_folder_of(const std::string& path) {
  const std::string folder = std::filesystem::path(path).parent_path().string();
  const Opened opened(folder, O_RDONLY | O_DIRECTORY);
  if (opened.get() < 0 || ::fsync(opened.get()) != 0) fail("flush", folder);
}

}  // namespace

std::optional<Barrier> BarrierFile::read() const {
  const std::optional<Barrier> last = last_record();
  return last && last->frames != kEnded ? last : std::nullopt;
}

std::optional<Barrier> BarrierFile::last_record() const {
  const Opened file(path_, O_RDONLY);
  if (file.get() < 0 && errno == ENOENT) return std::nullopt;
  std::optional<Barrier> last;
  bool readable = file.get() >= 0;
  for (int place = 0; readable && place < kPlaces; ++place) {
    Record record;
    const ssize_t got = ::pread(file.get(), &record, sizeof record, place * kPlaceBytes);
    readable = got >= 0;
    if (got != sizeof record || record.magic != kMagic || record.check != check_of(record))
      continue;
    if (!last || record.barrier.number > last->number) last = record.barrier;
  }
  if (!readable) throw OpenError("Cannot read " + path_ + ": " + std::strerror(errno) + ".");
  return last;
}

void BarrierFile::write(Barrier barrier) {
  const bool first = last_ == 0;
  if (first) {
    const std::optional<Barrier> before = last_record();
    last_ = before ? before->number : 0;
  }
  barrier.number = last_ + 1;
  Record record{.barrier = barrier};
  record.check = check_of(record);
  const Opened file(path_, O_RDWR | O_CREAT);
  if (file.get() < 0) fail("open", path_);
  // Both places get their blocks from the beginning: a full disk would have none for the second.
  struct stat now {};
  if (::fstat(file.get(), &now) != 0) fail("stat", path_);
  if (now.st_size < kPlaces * kPlaceBytes &&
      ::posix_fallocate(file.get(), 0, kPlaces * kPlaceBytes) != 0) {
    errno = ENOSPC;
    fail("write", path_);
  }
  // The other place keeps the previous barrier.
  std::array<char, kPlaceBytes> page{};
  std::memcpy(page.data(), &record, sizeof record);
  const off_t at = static_cast<off_t>(barrier.number % kPlaces) * kPlaceBytes;
  const ssize_t written = ::pwrite(file.get(), page.data(), page.size(), at);
  if (written >= 0 && written < kPlaceBytes) errno = ENOSPC;
  if (written != kPlaceBytes) fail("write", path_);
  if (::fdatasync(file.get()) != 0) fail("flush", path_);
  if (first) flush_folder_of(path_);
  last_ = barrier.number;
}

void BarrierFile::end() { write({.frames = kEnded}); }

}  // namespace holdfast::storage::sqlite
