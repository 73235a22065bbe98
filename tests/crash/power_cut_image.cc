#include "tests/crash/power_cut_image.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <random>
#include <stdexcept>
#include <sys/mman.h>
#include <unistd.h>
#include <utility>

#include "tests/support/file_system.h"

namespace holdfast::test {
namespace {

constexpr std::size_t kSector = 512;

// btrfs writes its superblock in place, with a checksum, and has no other one that names what was
// flushed last. It relies on a disk that writes 4 KiB as a whole, so this block is never torn.
constexpr std::uint64_t kBtrfsSuperblock = 64 * 1024;

class Image {
 public:
  explicit Image(const std::filesystem::path& path)
      : fd_(::open(path.c_str(), O_WRONLY | O_CLOEXEC)) {
    if (fd_ < 0) throw std::runtime_error(path.string() + ": " + std::strerror(errno));
  }
  ~Image() { ::close(fd_); }
  Image(const Image&) = delete;
  Image& operator=(const Image&) = delete;

  void write(std::uint64_t offset, std::string_view data) const {
    if (::pwrite(fd_, data.data(), data.size(), static_cast<off_t>(offset)) !=
        static_cast<ssize_t>(data.size()))
      throw std::runtime_error(std::string("write of an image: ") + std::strerror(errno));
  }

 private:
  int fd_;
};

}  // namespace

std::string name_of(Unflushed fate) {
  switch (fate) {
    case Unflushed::all:
      return "all";
    case Unflushed::none:
      return "none";
    case Unflushed::half:
      return "a half";
    case Unflushed::torn_half:
      return "a torn half";
  }
  return "";
}

DeviceLog::DeviceLog(const std::filesystem::path& file) : bytes_(std::filesystem::file_size(file)) {
  if (bytes_ == 0) return;
  const int fd = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
  memory_ = mmap(nullptr, bytes_, PROT_READ, MAP_PRIVATE, fd, 0);
  ::close(fd);
  if (memory_ == MAP_FAILED) throw std::runtime_error("mmap of a log");
  const std::string_view all(static_cast<const char*>(memory_), bytes_);
  for (std::size_t at = 0; at + sizeof(DeviceRecord) <= all.size();) {
    Entry entry;
    std::memcpy(&entry.record, all.data() + at, sizeof(DeviceRecord));
    at += sizeof(DeviceRecord);
    entry.data = all.substr(at, entry.record.size);
    at += entry.record.size;
    entries_.push_back(entry);
  }
}

DeviceLog::~DeviceLog() {
  if (memory_ != nullptr) munmap(memory_, bytes_);
}

DeviceLog::Time DeviceLog::time(std::size_t index) const {
  return Time(std::chrono::nanoseconds(entries_[index].record.time_ns));
}

std::size_t DeviceLog::records_before(Time time) const {
  const auto end = std::partition_point(entries_.begin(), entries_.end(), [&](const Entry& entry) {
    return Time(std::chrono::nanoseconds(entry.record.time_ns)) < time;
  });
  return static_cast<std::size_t>(end - entries_.begin());
}

std::string DeviceLog::summary() const {
  const auto flushes = std::count_if(entries_.begin(), entries_.end(), [](const Entry& entry) {
    return entry.record.kind == DeviceRecord::Kind::flush;
  });
  const auto writes = static_cast<std::ptrdiff_t>(entries_.size()) - flushes;
  return std::to_string(writes) + " writes, " + std::to_string(flushes) + " flushes";
}

DiskHistory::DiskHistory(const DeviceLog& log, std::filesystem::path base)
    : log_(log), base_(std::move(base)), flushed_(base_.string() + ".flushed") {}

void DiskHistory::rebuild(std::size_t cut, Unflushed fate, unsigned seed,
                          const std::filesystem::path& image) {
  std::size_t flush = cut;  // one after the last flush
  while (flush > 0 && log_[flush - 1].kind != DeviceRecord::Kind::flush) --flush;
  if (!at_ || *at_ > flush) {
    copy_sparse(base_, flushed_);
    at_ = 0;
  }
  {
    const Image flushed(flushed_);
    for (; *at_ < flush; ++*at_) flushed.write(log_[*at_].offset, log_.data(*at_));
  }
  copy_sparse(flushed_, image);

  const Image target(image);
  std::mt19937 random(seed);
  for (std::size_t index = flush; index < cut; ++index) {
    const std::uint64_t offset = log_[index].offset;
    const std::string_view data = log_.data(index);
    if (fate == Unflushed::none || (fate != Unflushed::all && random() % 2 == 0)) continue;
    const bool torn =
        fate == Unflushed::torn_half && random() % 3 == 0 && offset != kBtrfsSuperblock;
    if (!torn) {
      target.write(offset, data);
      continue;
    }
    for (std::size_t at = 0; at < data.size(); at += kSector)
      if (random() % 2 == 0) target.write(offset + at, data.substr(at, kSector));
  }
}

}  // namespace holdfast::test
