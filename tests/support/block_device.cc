#define FUSE_USE_VERSION 35
#include "tests/support/block_device.h"

#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdarg>
#include <cstring>
#include <fcntl.h>
#include <fuse3/fuse_lowlevel.h>
#include <new>
#include <sched.h>
#include <signal.h>
#include <stdexcept>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <utility>
#include <vector>

#include "tests/support/mount.h"

namespace holdfast::test {

struct BlockDevice::Shared {
  std::atomic<std::uint64_t> records{0};
  std::atomic<bool> fail_reads{false};
  std::atomic<bool> fail_writes{false};
  std::atomic<bool> fail_flushes{false};
  std::atomic<bool> hold_flushes{false};
  std::atomic<int> flush_ms{0};

  pid_t parent = getpid();

  // Only the child uses these.
  int image = -1;
  int log = -1;
  off_t size = 0;
  std::vector<char> buffer{};

  void append(DeviceRecord record, const char* data) {
    record.time_ns = std::chrono::duration_cast<std::chrono::nanoseconds>(
                         std::chrono::steady_clock::now().time_since_epoch())
                         .count();
    const iovec parts[] = {{&record, sizeof(record)}, {const_cast<char*>(data), record.size}};
    const auto whole = static_cast<ssize_t>(sizeof(record) + record.size);
    if (::writev(log, static_cast<const iovec*>(parts), 2) != whole) _exit(4);
    ++records;
  }
};

using Request = fuse_req_t;

std::string why_no_block_device() {
  if (geteuid() != 0) return "only root makes block devices";
  if (const auto reason = why_no_fuse(); !reason.empty()) return reason;
  return keep_mounts_to_ourselves() ? "" : "no mount namespace";
}

void BlockDevice::serve(const std::filesystem::path& image, const std::filesystem::path& log,
                        const std::filesystem::path& path, Shared& shared) {
  // The child must not keep descriptors of the parent open.
  const int others = mounts_of_others();
  close_range(3, static_cast<unsigned>(others) - 1, 0);
  close_range(static_cast<unsigned>(others) + 1, ~0U, 0);
  shared.image = ::open(image.c_str(), O_RDWR | O_CLOEXEC);
  shared.log = ::open(log.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600);
  shared.size = lseek(shared.image, 0, SEEK_END);
  if (shared.image < 0 || shared.log < 0 || shared.size <= 0) _exit(1);

  static const auto of = [](Request request) -> Shared& {
    return *static_cast<Shared*>(fuse_req_userdata(request));
  };
  fuse_lowlevel_ops operations{};
  operations.getattr = [](Request request, fuse_ino_t, fuse_file_info*) {
    struct stat facts {};
    facts.st_ino = FUSE_ROOT_ID;
    facts.st_mode = S_IFREG | 0600;
    facts.st_nlink = 1;
    facts.st_size = of(request).size;
    fuse_reply_attr(request, &facts, 3600);
  };
  operations.open = [](Request request, fuse_ino_t, fuse_file_info* file) {
    file->direct_io = 1;  // each write arrives at once and unchanged
    fuse_reply_open(request, file);
  };
  operations.read = [](Request request, fuse_ino_t, std::size_t size, off_t offset,
                       fuse_file_info*) {
    Shared& disk = of(request);
    disk.buffer.resize(size);
    const ssize_t got =
        disk.fail_reads ? -1 : ::pread(disk.image, disk.buffer.data(), size, offset);
    if (got < 0) {
      fuse_reply_err(request, EIO);
    } else {
      fuse_reply_buf(request, disk.buffer.data(), static_cast<std::size_t>(got));
    }
  };
  operations.write = [](Request request, fuse_ino_t, const char* data, std::size_t size,
                        off_t offset, fuse_file_info*) {
    Shared& disk = of(request);
    if (disk.fail_writes ||
        ::pwrite(disk.image, data, size, offset) != static_cast<ssize_t>(size)) {
      fuse_reply_err(request, EIO);
      return;
    }
    disk.append({.offset = static_cast<std::uint64_t>(offset),
                 .size = static_cast<std::uint32_t>(size),
                 .kind = DeviceRecord::Kind::write},
                data);
    fuse_reply_write(request, size);
  };
  operations.fsync = [](Request request, fuse_ino_t, int, fuse_file_info*) {
    Shared& disk = of(request);
    if (disk.fail_flushes) {
      fuse_reply_err(request, EIO);
      return;
    }
    if (const int delay = disk.flush_ms; delay > 0)
      std::this_thread::sleep_for(std::chrono::milliseconds(delay));
    while (disk.hold_flushes && getppid() == disk.parent)
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    disk.append({.kind = DeviceRecord::Kind::flush}, nullptr);
    fuse_reply_err(request, 0);
  };

  // libfuse logs that it ends, which is expected.
  fuse_set_log_func([](fuse_log_level, const char*, va_list) {});
  std::string name = "block-device";
  char* arguments[] = {name.data(), nullptr};
  fuse_args parsed{1, static_cast<char**>(arguments), 0};
  fuse_session* session = fuse_session_new(&parsed, &operations, sizeof(operations), &shared);
  if (session == nullptr || fuse_session_mount(session, path.c_str()) != 0) _exit(2);
  // This process serves until the mount is gone, also after its parent was killed.
  if (setns(others, CLONE_NEWNS) != 0) _exit(2);
  close(others);
  const int ended = fuse_session_loop(session);
  _exit(ended == 0 ? 0 : 3);
}

BlockDevice::BlockDevice(const std::filesystem::path& image, const std::filesystem::path& log,
                         std::filesystem::path path)
    : path_(std::move(path)) {
  if (const auto reason = why_no_block_device(); !reason.empty()) throw std::runtime_error(reason);
  // FUSE mounts a file on a file.
  const int file = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (file < 0) throw std::runtime_error(path_.string() + ": " + std::strerror(errno));
  ::close(file);
  void* memory =
      mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) throw std::runtime_error("mmap");
  shared_ = new (memory) Shared;
  child_ = fork();
  if (child_ < 0) throw std::runtime_error("fork");
  if (child_ == 0) {
    if (getppid() != shared_->parent) _exit(127);
    serve(image, log, path_, *shared_);
  }
  for (int tries = 0; tries < 10'000; ++tries) {
    struct stat facts {};
    if (::stat(path_.c_str(), &facts) == 0 && facts.st_size > 0) return;
    int status = 0;
    if (waitpid(child_, &status, WNOHANG) == child_) {
      child_ = -1;
      break;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  if (child_ > 0) {
    ::kill(child_, SIGKILL);
    waitpid(child_, nullptr, 0);
  }
  munmap(shared_, sizeof(Shared));
  throw std::runtime_error("the block device was not mounted");
}

BlockDevice::~BlockDevice() {
  hold_flushes(false);
  // A loop device releases the file some moments after its last user has ended.
  bool gone = false;
  for (int tries = 0; tries < 1'000 && !gone; ++tries) {
    gone = umount2(path_.c_str(), 0) == 0 || errno != EBUSY;
    if (!gone) std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  if (!gone) umount2(path_.c_str(), MNT_DETACH);
  // After the unmount the child ends by itself.
  for (int tries = 0; tries < 1'000; ++tries) {
    if (waitpid(child_, nullptr, WNOHANG) == child_) {
      child_ = -1;
      break;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  if (child_ > 0) {
    ::kill(child_, SIGKILL);
    waitpid(child_, nullptr, 0);
  }
  munmap(shared_, sizeof(Shared));
}

std::uint64_t BlockDevice::records() const { return shared_->records; }
void BlockDevice::fail_reads(bool on) { shared_->fail_reads = on; }
void BlockDevice::fail_writes(bool on) { shared_->fail_writes = on; }
void BlockDevice::fail_flushes(bool on) { shared_->fail_flushes = on; }
void BlockDevice::hold_flushes(bool on) { shared_->hold_flushes = on; }
void BlockDevice::delay_flushes(std::chrono::milliseconds time) {
  shared_->flush_ms = static_cast<int>(time.count());
}

}  // namespace holdfast::test
