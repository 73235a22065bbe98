#include "tests/support/file_system.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <fcntl.h>
#include <fstream>
#include <linux/btrfs.h>
#include <linux/loop.h>
#include <map>
#include <sched.h>
#include <stdexcept>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/types.h>
#include <system_error>
#include <thread>
#include <tuple>
#include <unistd.h>
#include <utility>

#include "tests/support/mount.h"
#include "tests/support/process.h"

namespace holdfast::test {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMebibyte = std::size_t{1} << 20;

[[noreturn]] void fail(const std::string& what) {
  throw std::runtime_error(what + ": " + std::strerror(errno));
}

class Descriptor {
 public:
  Descriptor(const fs::path& path, int flags, mode_t mode = 0600)
      : fd_(::open(path.c_str(), flags | O_CLOEXEC, mode)) {
    if (fd_ < 0) fail(path.string());
  }
  ~Descriptor() { ::close(fd_); }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;

  [[nodiscard]] int get() const { return fd_; }

 private:
  int fd_;
};

// Returns the file system's name for mount(2).
const char* type_of(FileSystem kind) {
  switch (kind) {
    case FileSystem::xfs:
      return "xfs";
    case FileSystem::btrfs:
      return "btrfs";
    default:
      return "ext4";
  }
}

// Splits options of mount(8) into flags of mount(2) and the rest for the file system.
std::pair<unsigned long, std::string> parsed(const std::string& options, FileSystem kind) {
  static const std::map<std::string, unsigned long> kFlags = {
      {"ro", MS_RDONLY}, {"rw", 0}, {"noatime", MS_NOATIME}, {"sync", MS_SYNCHRONOUS}};
  unsigned long flags = MS_NOATIME;
  // Copies of an image have the same UUID, which xfs refuses by default.
  std::string rest = kind == FileSystem::xfs ? "nouuid" : "";
  for (std::size_t at = 0; at < options.size();) {
    const std::size_t end = std::min(options.find(',', at), options.size());
    const std::string option = options.substr(at, end - at);
    at = end + 1;
    if (const auto flag = kFlags.find(option); flag != kFlags.end()) {
      flags |= flag->second;
    } else {
      rest += (rest.empty() ? "" : ",") + option;
    }
  }
  return {flags, rest};
}

// Makes btrfs forget a device: it remembers devices, and refuses an older copy of one.
void forget(const fs::path& device) {
  const int control = ::open("/dev/btrfs-control", O_RDWR | O_CLOEXEC);
  if (control < 0) return;
  btrfs_ioctl_vol_args argument{};
  device.string().copy(static_cast<char*>(argument.name), sizeof(argument.name) - 1);
  std::ignore = ::ioctl(control, BTRFS_IOC_FORGET_DEV, &argument);
  ::close(control);
}

std::string find_reason(FileSystem kind) {
  if (geteuid() != 0) return "only root mounts disk images";
  if (access("/dev/loop-control", R_OK | W_OK) != 0) return "/dev/loop-control cannot be opened";
  const std::string mkfs = std::string("mkfs.") + type_of(kind);
  if (!program_exists(mkfs)) return mkfs + " is not installed";
  if (!keep_mounts_to_ourselves()) return "no mount namespace";
  try {
    const DiskImage disk({.kind = kind});
  } catch (const std::exception& error) {
    return name_of(kind) + " cannot be mounted: " + error.what();
  }
  return "";
}

}  // namespace

std::string name_of(FileSystem kind) {
  return kind == FileSystem::ext4_without_journal ? "ext4_without_journal" : type_of(kind);
}

std::size_t least_mebibytes(FileSystem kind) {
  switch (kind) {
    case FileSystem::xfs:
      return 300;
    case FileSystem::btrfs:
      return 128;
    default:
      return 32;
  }
}

std::string why_no_disk_image(FileSystem kind) {
  static std::map<FileSystem, std::string> known;
  const auto found = known.find(kind);
  return found != known.end() ? found->second : known[kind] = find_reason(kind);
}

fs::path folder_for_images() {
  const fs::path memory = TemporaryFolder::in_memory();
  struct statvfs space {};
  constexpr std::uint64_t kEnough = std::uint64_t{4} << 30;
  const bool enough = statvfs(memory.c_str(), &space) == 0 &&
                      std::uint64_t{space.f_bavail} * space.f_frsize >= kEnough;
  return enough ? memory : fs::temp_directory_path();
}

void make_file_system(const fs::path& image, FileSystem kind, std::size_t mebibytes,
                      const std::vector<std::string>& options) {
  fs::remove(image);
  {
    const Descriptor file(image, O_WRONLY | O_CREAT | O_EXCL);
    if (ftruncate(file.get(), static_cast<off_t>(mebibytes * kMebibyte)) != 0) fail("ftruncate");
  }
  Command command;
  switch (kind) {
    case FileSystem::ext4:
    case FileSystem::ext4_without_journal:
      // These options leave no initialisation to the kernel in the background.
      command.arguments = {
          "mkfs.ext4", "-q", "-F", "-m", "0", "-E", "lazy_itable_init=0,lazy_journal_init=0"};
      if (kind == FileSystem::ext4_without_journal)
        command.arguments.insert(command.arguments.end(), {"-O", "^has_journal"});
      break;
    case FileSystem::xfs:
      command.arguments = {"mkfs.xfs", "-q", "-f"};
      break;
    case FileSystem::btrfs:
      command.arguments = {"mkfs.btrfs", "-q", "-f"};
      break;
  }
  command.arguments.insert(command.arguments.end(), options.begin(), options.end());
  command.arguments.push_back(image);
  const Outcome outcome = run(command);
  if (outcome.exit_code != 0) throw std::runtime_error("mkfs: " + outcome.output);
}

void copy_sparse(const fs::path& from, const fs::path& to) {
  const Descriptor source(from, O_RDONLY);
  const Descriptor target(to, O_WRONLY | O_CREAT | O_TRUNC);
  const off_t size = lseek(source.get(), 0, SEEK_END);
  if (ftruncate(target.get(), size) != 0) fail("ftruncate");
  constexpr std::size_t kPiece = 65536;
  static const std::vector<char> zeros(kPiece);
  std::vector<char> piece(kPiece);
  for (off_t at = 0; at < size;) {
    const off_t data = lseek(source.get(), at, SEEK_DATA);
    if (data < 0) break;  // a hole up to the end
    const off_t hole = lseek(source.get(), data, SEEK_HOLE);
    for (at = data; at < hole;) {
      const auto wanted = static_cast<std::size_t>(std::min<off_t>(hole - at, kPiece));
      const ssize_t got = pread(source.get(), piece.data(), wanted, at);
      if (got <= 0) fail("read of " + from.string());
      const auto count = static_cast<std::size_t>(got);
      if (std::memcmp(piece.data(), zeros.data(), count) != 0 &&
          pwrite(target.get(), piece.data(), count, at) != got)
        fail("write of " + to.string());
      at += got;
    }
  }
}

LoopDevice::LoopDevice(const fs::path& file, bool read_only) {
  const Descriptor backing(file, read_only ? O_RDONLY : O_RDWR);
  const Descriptor control("/dev/loop-control", O_RDWR);
  for (int tries = 0; tries < 200; ++tries) {
    const int number = ::ioctl(control.get(), LOOP_CTL_GET_FREE);
    if (number < 0) fail("no free loop device");
    path_ = "/dev/loop" + std::to_string(number);
    fd_ = ::open(path_.c_str(), (read_only ? O_RDONLY : O_RDWR) | O_CLOEXEC);
    if (fd_ < 0) fail(path_.string());
    loop_config config{};
    config.fd = static_cast<unsigned>(backing.get());
    config.info.lo_flags = LO_FLAGS_AUTOCLEAR | (read_only ? LO_FLAGS_READ_ONLY : 0);
    if (::ioctl(fd_, LOOP_CONFIGURE, &config) == 0) return;
    const int error = errno;
    ::close(fd_);
    errno = error;
    // Another process took the device.
    if (error != EBUSY && error != ENXIO) break;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  fail("LOOP_CONFIGURE of " + path_.string());
}

LoopDevice::~LoopDevice() { ::close(fd_); }

bool LoopDevice::is_flushed() const {
  std::ifstream file("/sys/block/" + path_.filename().string() + "/queue/write_cache");
  std::string cache;
  std::getline(file, cache);
  return cache == "write back";
}

void LoopDevice::resize() {
  if (::ioctl(fd_, LOOP_SET_CAPACITY, 0) != 0) fail("LOOP_SET_CAPACITY");
}

MountedImage::MountedImage(const fs::path& image, FileSystem kind, fs::path point,
                           const std::string& options)
    : kind_(kind), point_(std::move(point)), device_(image) {
  if (!keep_mounts_to_ourselves()) throw std::runtime_error("no mount namespace");
  fs::create_directories(point_);
  const auto [flags, rest] = parsed(options, kind);
  if (::mount(device_.path().c_str(), point_.c_str(), type_of(kind), flags, rest.c_str()) != 0)
    fail("mount of " + name_of(kind));
}

MountedImage::~MountedImage() {
  // A process that was just killed may use it for another moment.
  bool unmounted = false;
  for (int tries = 0; tries < 200 && !unmounted; ++tries) {
    unmounted = umount2(point_.c_str(), 0) == 0 || errno != EBUSY;
    if (!unmounted) std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  if (!unmounted) umount2(point_.c_str(), MNT_DETACH);
  if (kind_ == FileSystem::btrfs) forget(device_.path());
}

void MountedImage::remount(const std::string& options) {
  const auto [flags, rest] = parsed(options, kind_);
  if (::mount(nullptr, point_.c_str(), nullptr, MS_REMOUNT | flags, nullptr) != 0) fail("remount");
}

std::unique_ptr<MountedImage> mount_at_a_boot(const fs::path& image, FileSystem kind,
                                              const fs::path& point, std::string& repaired) {
  repaired.clear();
  const auto repair = [&] {
    const Outcome outcome = run({.arguments = {"e2fsck", "-f", "-y", image}});
    repaired = outcome.output;
    if (outcome.exit_code >= 4) throw std::runtime_error(outcome.output);
  };
  if (kind == FileSystem::ext4_without_journal) repair();
  if (kind == FileSystem::ext4) {
    try {
      return std::make_unique<MountedImage>(image, kind, point);
    } catch (const std::runtime_error&) {
      repair();
    }
  }
  return std::make_unique<MountedImage>(image, kind, point);
}

DiskImage::DiskImage(const Options& options) : options_(options) {
  const std::size_t least = least_mebibytes(options.kind);
  make_file_system(image(), options.kind, options.mebibytes == 0 ? least : options.mebibytes,
                   options.mkfs);
  mount();
}

void DiskImage::mount() {
  mounted_ =
      std::make_unique<MountedImage>(image(), options_.kind, folder_ / "disk", options_.mount);
}

void DiskImage::fill(std::uintmax_t left) {
  const Descriptor file(point() / "filler", O_WRONLY | O_CREAT | O_APPEND);
  const std::string bytes(kMebibyte, 'f');
  // What was written may need less space once it is on the disk.
  for (int rounds = 0; rounds < 8; ++rounds) {
    bool wrote = false;
    for (std::size_t size = bytes.size(); size >= 512;) {
      const std::uintmax_t free = available();
      const bool fits = left == 0 || free >= left + size;
      if (fits && ::write(file.get(), bytes.data(), size) > 0) {
        wrote = true;
        // btrfs reports the right free space once it has written its data.
        if (left > 0) std::ignore = fsync(file.get());
      } else {
        size /= 2;
      }
    }
    if (fsync(file.get()) != 0 && errno != ENOSPC) fail("fsync of the filler");
    // Space of removed files is free after the file system has been synced.
    if (syncfs(file.get()) != 0 && errno != ENOSPC) fail("syncfs");
    if (!wrote) return;
  }
}

void DiskImage::clear() {
  const std::uintmax_t full = available();
  const std::uintmax_t filler = fs::file_size(point() / "filler");
  fs::remove(point() / "filler");
  const Descriptor folder(point(), O_RDONLY | O_DIRECTORY);
  // btrfs frees the space of a file that was still being written only after one of its own threads
  // has handled it.
  for (int tries = 0; tries < 200; ++tries) {
    if (syncfs(folder.get()) != 0) fail("syncfs");
    if (available() >= full + filler / 2) return;
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  throw std::runtime_error("the space of the filler does not come back");
}

}  // namespace holdfast::test
