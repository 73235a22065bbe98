// A library to be preloaded into the real program. It intercepts the calls of the program (and of
// the SQLite and C++ libraries in it) to the C library that change the data folder or answer a
// client. It can record them, make them fail, or kill the process at one of them. It also sets the
// program's wall clock. tests/support/faults.h controls it.
//
// The code below may make system calls only, because it must not call what it replaces. While a
// trace is made, recorded calls happen one at a time, so that the order in the trace is the order
// on the disk.
#include <cerrno>
#include <climits>
#include <csignal>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <linux/stat.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "tests/support/fault_control.h"

namespace {

using holdfast::test::bit;
using holdfast::test::CallKind;
using holdfast::test::FaultAction;
using holdfast::test::FaultControl;
using holdfast::test::TraceHeader;

FaultControl* control = nullptr;
int trace = -1;
char folder[PATH_MAX];
std::size_t folder_size = 0;
pthread_mutex_t order = PTHREAD_MUTEX_INITIALIZER;

long system_call(long number, long a = 0, long b = 0, long c = 0, long d = 0, long e = 0) {
  return syscall(number, a, b, c, d, e);
}
long as_long(const void* pointer) { return reinterpret_cast<long>(pointer); }

__attribute__((constructor)) void begin() {
  const char* path = std::getenv(holdfast::test::kControlVariable);
  const char* data = std::getenv(holdfast::test::kFolderVariable);
  if (path == nullptr || data == nullptr) return;
  std::snprintf(folder, sizeof folder, "%s", data);
  folder_size = std::strlen(folder);
  const auto fd =
      static_cast<int>(system_call(SYS_openat, AT_FDCWD, as_long(path), O_RDWR | O_CLOEXEC));
  void* page = MAP_FAILED;
  if (fd >= 0) {
    page = reinterpret_cast<void*>(syscall(SYS_mmap, nullptr, sizeof(FaultControl),
                                           PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0L));
    system_call(SYS_close, fd);
  }
  if (page == MAP_FAILED) std::abort();
  if (const char* to = std::getenv(holdfast::test::kTraceVariable)) {
    trace = static_cast<int>(system_call(SYS_openat, AT_FDCWD, as_long(to),
                                         O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600));
    if (trace < 0) std::abort();
  }
  control = static_cast<FaultControl*>(page);
}

// A path below the data folder, relative to it; "." is the folder itself.
struct Place {
  bool ours = false;
  char text[PATH_MAX];

  // `absolute` is NUL-terminated.
  void set(const char* absolute) {
    if (std::strncmp(absolute, folder, folder_size) != 0) return;
    const char* rest = absolute + folder_size;
    if (*rest != '\0' && *rest != '/') return;
    ours = true;
    std::snprintf(text, sizeof text, "%s", *rest == '\0' || rest[1] == '\0' ? "." : rest + 1);
  }
};

bool descriptor_path(int fd, char* into) {
  char link[64];
  std::snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  const long size =
      system_call(SYS_readlinkat, AT_FDCWD, as_long(link), as_long(into), PATH_MAX - 1);
  if (size <= 0) return false;
  into[size] = '\0';
  return true;
}

void place_of(int fd, Place& place) {
  char path[PATH_MAX];
  if (control == nullptr || !descriptor_path(fd, path)) return;
  // A file that is no longer in the tree cannot change it.
  const std::size_t size = std::strlen(path);
  constexpr const char* kDeleted = " (deleted)";
  if (size > 10 && std::strcmp(path + size - 10, kDeleted) == 0) return;
  place.set(path);
}

void place_of(int at, const char* name, Place& place) {
  if (control == nullptr || name == nullptr) return;
  char path[2 * PATH_MAX];
  if (name[0] == '/') {
    std::snprintf(path, sizeof path, "%s", name);
  } else {
    char above[PATH_MAX];
    if (at == AT_FDCWD) {
      if (syscall(SYS_getcwd, above, sizeof above) < 0) return;
    } else if (!descriptor_path(at, above)) {
      return;
    }
    if (std::strcmp(name, ".") == 0) {
      std::snprintf(path, sizeof path, "%s", above);
    } else {
      std::snprintf(path, sizeof path, "%s/%s", above, name);
    }
  }
  place.set(path);
}

bool exists(int at, const char* name) {
  const int before = errno;
  const bool there = system_call(SYS_faccessat, at, as_long(name), F_OK) == 0;
  errno = before;
  return there;
}

[[noreturn]] void die() {
  system_call(SYS_kill, system_call(SYS_getpid), SIGKILL);
  for (;;) system_call(SYS_pause);
}

// One watched call. The constructor counts it and decides whether it fails; `done` records it.
class Call {
 public:
  // `end` is the offset behind the bytes of a write.
  Call(CallKind kind, const Place& place, const Place* place2 = nullptr, std::int64_t end = -1)
      : kind_(kind), place_(place), place2_(place2), end_(end) {
    watched_ = control != nullptr && (place.ours || (place2 != nullptr && place2->ours));
    if (!watched_) return;
    if (trace >= 0) {
      pthread_mutex_lock(&order);
      ordered_ = true;
    }
    ++control->judging;
    if (control->armed != 0 && (control->kinds & bit(kind_)) != 0 && is_meant()) judge();
    --control->judging;
  }
  ~Call() { release(); }
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;

  // Returns true when the call must do nothing and fail with errno as it is now.
  [[nodiscard]] bool fails() const { return fails_; }
  // Returns true when only the first half must be written.
  [[nodiscard]] bool halves() const { return tears_ || shortens_; }

  void done(long result, int fd, std::int64_t offset, const iovec* data, int pieces) {
    if (tears_) die();
    if (!watched_ || trace < 0) return;
    const int error = errno;
    record(result, fd, offset, data, pieces);
    errno = error;
  }
  long done(long result, int fd = -1, std::int64_t offset = 0) {
    done(result, fd, offset, nullptr, 0);
    return result;
  }
  // Call before a call that may wait for another process.
  void release() {
    if (ordered_) pthread_mutex_unlock(&order);
    ordered_ = false;
  }

 private:
  [[nodiscard]] bool is_meant() const {
    const char* only = control->only.data();
    const std::size_t size = std::strlen(only);
    const bool here = std::strncmp(place_.text, only, size) == 0 ||
                      (place2_ != nullptr && std::strncmp(place2_->text, only, size) == 0);
    return here && (end_ < 0 || static_cast<std::uint64_t>(end_) > control->room);
  }
  void judge() {
    const std::uint64_t number = ++control->counted;
    const bool writes = kind_ == CallKind::write;
    if (control->action == FaultAction::fail_short && number == control->at + 1) {
      fail();
      return;
    }
    if (!holdfast::test::is_met(*control, number)) return;
    if (control->fired++ == 0) {
      std::snprintf(control->last.data(), control->last.size(), "call %u of %s",
                    static_cast<unsigned>(kind_), place_.text);
    }
    switch (control->action) {
      case FaultAction::none:
        break;
      case FaultAction::kill:
        die();
      case FaultAction::tear:
        if (!writes) die();
        tears_ = true;
        break;
      case FaultAction::fail:
        fail();
        break;
      case FaultAction::fail_short:
        if (writes) {
          shortens_ = true;
        } else {
          fail();
        }
        break;
    }
  }
  void fail() {
    fails_ = true;
    errno = control->error;
    if (trace >= 0) record(-1, -1, 0, nullptr, 0);
    errno = control->error;
  }

  void record(long result, int fd, std::int64_t offset, const iovec* data, int pieces) {
    TraceHeader header{};
    header.kind = static_cast<std::uint32_t>(kind_);
    header.descriptor = fd;
    header.thread = static_cast<std::int32_t>(system_call(SYS_gettid));
    header.error = result < 0 ? errno : 0;
    header.path_size = static_cast<std::uint32_t>(std::strlen(place_.text));
    header.path2_size =
        place2_ != nullptr ? static_cast<std::uint32_t>(std::strlen(place2_->text)) : 0;
    header.offset = offset;
    iovec out[16];
    out[0] = {&header, sizeof header};
    out[1] = {const_cast<char*>(place_.text), header.path_size};
    out[2] = {place2_ != nullptr ? const_cast<char*>(place2_->text) : nullptr, header.path2_size};
    int used = 3;
    std::size_t left = result > 0 ? static_cast<std::size_t>(result) : 0;
    for (int i = 0; i < pieces && left > 0; ++i) {
      if (used == 16) std::abort();
      out[used] = {data[i].iov_base, left < data[i].iov_len ? left : data[i].iov_len};
      left -= out[used].iov_len;
      header.data_size += static_cast<std::uint32_t>(out[used].iov_len);
      ++used;
    }
    const long wanted =
        static_cast<long>(sizeof header) + header.path_size + header.path2_size + header.data_size;
    if (system_call(SYS_writev, trace, as_long(out), used) != wanted) std::abort();
  }

  CallKind kind_;
  const Place& place_;
  const Place* place2_;
  std::int64_t end_;
  bool watched_ = false;
  bool ordered_ = false;
  bool fails_ = false;
  bool tears_ = false;
  bool shortens_ = false;
};

ssize_t write_pieces(int fd, const iovec* pieces, int count, std::int64_t offset) {
  Place place;
  place_of(fd, place);
  if (!place.ours) {
    return offset < 0 ? system_call(SYS_writev, fd, as_long(pieces), count)
                      : system_call(SYS_pwritev, fd, as_long(pieces), count, offset);
  }
  const std::int64_t at = offset < 0 ? system_call(SYS_lseek, fd, 0, SEEK_CUR) : offset;
  std::int64_t end = at;
  for (int i = 0; i < count; ++i) end += static_cast<std::int64_t>(pieces[i].iov_len);
  Call call(CallKind::write, place, nullptr, end);
  if (call.fails()) return -1;
  iovec half[1];
  if (call.halves()) {
    half[0] = {pieces[0].iov_base, pieces[0].iov_len / 2};
    pieces = half;
    count = 1;
  }
  const long written = offset < 0 ? system_call(SYS_writev, fd, as_long(pieces), count)
                                  : system_call(SYS_pwritev, fd, as_long(pieces), count, offset);
  call.done(written, fd, at, pieces, count);
  return written;
}

ssize_t write_one(int fd, const void* data, std::size_t size, std::int64_t offset) {
  const iovec piece{const_cast<void*>(data), size};
  return write_pieces(fd, &piece, 1, offset);
}

int open_at(int at, const char* name, int flags, unsigned mode) {
  Place place;
  if ((flags & O_CREAT) != 0 || (flags & O_TRUNC) != 0) place_of(at, name, place);
  const bool makes = place.ours && (flags & O_CREAT) != 0 && !exists(at, name);
  const bool empties = place.ours && !makes && (flags & O_TRUNC) != 0;
  if (!makes && !empties) {
    return static_cast<int>(system_call(SYS_openat, at, as_long(name), flags, mode));
  }
  Call call(makes ? CallKind::create : CallKind::truncate, place);
  if (call.fails()) return -1;
  return static_cast<int>(call.done(system_call(SYS_openat, at, as_long(name), flags, mode)));
}

bool takes_mode(int flags) { return (flags & (O_CREAT | __O_TMPFILE)) != 0; }

int change_size(int fd, off_t size) {
  Place place;
  place_of(fd, place);
  Call call(CallKind::truncate, place);
  if (call.fails()) return -1;
  return static_cast<int>(call.done(system_call(SYS_ftruncate, fd, size), fd, size));
}

int allocate(int fd, int mode, off_t offset, off_t size) {
  Place place;
  place_of(fd, place);
  Call call(CallKind::allocate, place);
  if (call.fails()) return -1;
  return static_cast<int>(
      call.done(system_call(SYS_fallocate, fd, mode, offset, size), fd, offset + size));
}

int flush(long number, CallKind kind, int fd) {
  Place place;
  place_of(fd, place);
  Call call(kind, place);
  if (call.fails()) return -1;
  return static_cast<int>(call.done(system_call(number, fd), fd));
}

int rename_at(int from, const char* name, int to, const char* target, unsigned flags) {
  Place place;
  Place place2;
  place_of(from, name, place);
  place_of(to, target, place2);
  Call call(CallKind::rename, place, &place2);
  if (call.fails()) return -1;
  return static_cast<int>(
      call.done(system_call(SYS_renameat2, from, as_long(name), to, as_long(target), flags)));
}

int link_at(int from, const char* name, int to, const char* target, int flags) {
  Place place;
  Place place2;
  place_of(from, name, place);
  place_of(to, target, place2);
  Call call(CallKind::link, place, &place2);
  if (call.fails()) return -1;
  return static_cast<int>(
      call.done(system_call(SYS_linkat, from, as_long(name), to, as_long(target), flags)));
}

int unlink_at(int at, const char* name, int flags) {
  Place place;
  place_of(at, name, place);
  if (!place.ours || !exists(at, name)) {
    return static_cast<int>(system_call(SYS_unlinkat, at, as_long(name), flags));
  }
  Call call(CallKind::unlink, place);
  if (call.fails()) return -1;
  return static_cast<int>(call.done(system_call(SYS_unlinkat, at, as_long(name), flags)));
}

int make_folder_at(int at, const char* name, mode_t mode) {
  Place place;
  place_of(at, name, place);
  if (!place.ours || exists(at, name)) {
    return static_cast<int>(system_call(SYS_mkdirat, at, as_long(name), mode));
  }
  Call call(CallKind::make_folder, place);
  if (call.fails()) return -1;
  return static_cast<int>(call.done(system_call(SYS_mkdirat, at, as_long(name), mode)));
}

// An internet socket counts as a place in the data folder without a name.
void place_of_socket(int fd, Place& place) {
  if (control == nullptr) return;
  int domain = 0;
  socklen_t size = sizeof domain;
  if (system_call(SYS_getsockopt, fd, SOL_SOCKET, SO_DOMAIN, as_long(&domain), as_long(&size)) !=
      0) {
    return;
  }
  place.ours = domain == AF_INET || domain == AF_INET6;
  place.text[0] = '\0';
}

// The call is recorded before it is made, so that a response is in the trace before a client can
// have it.
ssize_t answer(int fd, const msghdr* message, int flags) {
  Place place;
  place_of_socket(fd, place);
  Call call(CallKind::answer, place);
  if (call.fails()) return -1;
  if (place.ours) {
    std::size_t size = 0;
    for (std::size_t i = 0; i < message->msg_iovlen; ++i) size += message->msg_iov[i].iov_len;
    call.done(static_cast<long>(size), fd, 0, message->msg_iov,
              static_cast<int>(message->msg_iovlen));
    call.release();
  }
  return system_call(SYS_sendmsg, fd, as_long(message), flags);
}

void* map(void* address, std::size_t size, int protection, int flags, int fd, off_t offset) {
  const auto real = [&] {
    return reinterpret_cast<void*>(syscall(SYS_mmap, address, size, protection, flags, fd, offset));
  };
  if (fd < 0 || (flags & MAP_SHARED) == 0 || (protection & PROT_WRITE) == 0) return real();
  Place place;
  place_of(fd, place);
  Call call(CallKind::map, place);
  if (call.fails()) return MAP_FAILED;
  void* mapped = real();
  call.done(mapped == MAP_FAILED ? -1 : 0, fd);
  return mapped;
}

// The functions below return the wall clock with the test's offset. Monotonic clocks are unchanged.
std::int64_t wall_offset_s() { return control == nullptr ? 0 : control->wall_offset_s.load(); }

int read_clock(clockid_t clock, timespec* time) {
  const auto result = static_cast<int>(system_call(SYS_clock_gettime, clock, as_long(time)));
  if (result == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
    time->tv_sec += wall_offset_s();
  return result;
}

}  // namespace

extern "C" {

int clock_gettime(clockid_t clock, timespec* time) noexcept { return read_clock(clock, time); }
int gettimeofday(timeval* time, void* /*zone*/) noexcept {
  timespec now{};
  if (read_clock(CLOCK_REALTIME, &now) != 0) return -1;
  *time = {now.tv_sec, now.tv_nsec / 1000};
  return 0;
}
time_t time(time_t* into) noexcept {
  timespec now{};
  read_clock(CLOCK_REALTIME, &now);
  if (into != nullptr) *into = now.tv_sec;
  return now.tv_sec;
}

ssize_t write(int fd, const void* data, size_t size) { return write_one(fd, data, size, -1); }
ssize_t pwrite(int fd, const void* data, size_t size, off_t at) {
  return write_one(fd, data, size, at);
}
ssize_t pwrite64(int fd, const void* data, size_t size, off64_t at) {
  return write_one(fd, data, size, at);
}
ssize_t writev(int fd, const iovec* pieces, int count) {
  return write_pieces(fd, pieces, count, -1);
}
ssize_t pwritev(int fd, const iovec* pieces, int count, off_t at) {
  return write_pieces(fd, pieces, count, at);
}
ssize_t pwritev64(int fd, const iovec* pieces, int count, off64_t at) {
  return write_pieces(fd, pieces, count, at);
}

int openat(int at, const char* name, int flags, ...) {
  unsigned mode = 0;
  if (takes_mode(flags)) {
    va_list rest;
    va_start(rest, flags);
    mode = va_arg(rest, unsigned);
    va_end(rest);
  }
  return open_at(at, name, flags, mode);
}
int openat64(int at, const char* name, int flags, ...) {
  unsigned mode = 0;
  if (takes_mode(flags)) {
    va_list rest;
    va_start(rest, flags);
    mode = va_arg(rest, unsigned);
    va_end(rest);
  }
  return open_at(at, name, flags, mode);
}
int open(const char* name, int flags, ...) {
  unsigned mode = 0;
  if (takes_mode(flags)) {
    va_list rest;
    va_start(rest, flags);
    mode = va_arg(rest, unsigned);
    va_end(rest);
  }
  return open_at(AT_FDCWD, name, flags, mode);
}
int open64(const char* name, int flags, ...) {
  unsigned mode = 0;
  if (takes_mode(flags)) {
    va_list rest;
    va_start(rest, flags);
    mode = va_arg(rest, unsigned);
    va_end(rest);
  }
  return open_at(AT_FDCWD, name, flags, mode);
}
int creat(const char* name, mode_t mode) {
  return open_at(AT_FDCWD, name, O_WRONLY | O_CREAT | O_TRUNC, mode);
}

int ftruncate(int fd, off_t size) noexcept { return change_size(fd, size); }
int ftruncate64(int fd, off64_t size) noexcept { return change_size(fd, size); }
int fallocate(int fd, int mode, off_t offset, off_t size) {
  return allocate(fd, mode, offset, size);
}
int fallocate64(int fd, int mode, off64_t offset, off64_t size) {
  return allocate(fd, mode, offset, size);
}
// These functions return the error and do not set errno.
int posix_fallocate(int fd, off_t offset, off_t size) {
  return allocate(fd, 0, offset, size) == 0 ? 0 : errno;
}
int posix_fallocate64(int fd, off64_t offset, off64_t size) {
  return allocate(fd, 0, offset, size) == 0 ? 0 : errno;
}

int fsync(int fd) { return flush(SYS_fsync, CallKind::sync, fd); }
int fdatasync(int fd) { return flush(SYS_fdatasync, CallKind::sync, fd); }
int syncfs(int fd) noexcept { return flush(SYS_syncfs, CallKind::sync_all, fd); }

int rename(const char* from, const char* to) noexcept {
  return rename_at(AT_FDCWD, from, AT_FDCWD, to, 0);
}
int renameat(int at, const char* from, int to, const char* target) noexcept {
  return rename_at(at, from, to, target, 0);
}
int renameat2(int at, const char* from, int to, const char* target, unsigned flags) noexcept {
  return rename_at(at, from, to, target, flags);
}
int link(const char* from, const char* to) noexcept {
  return link_at(AT_FDCWD, from, AT_FDCWD, to, 0);
}
int linkat(int at, const char* from, int to, const char* target, int flags) noexcept {
  return link_at(at, from, to, target, flags);
}
int unlink(const char* name) noexcept { return unlink_at(AT_FDCWD, name, 0); }
int unlinkat(int at, const char* name, int flags) noexcept { return unlink_at(at, name, flags); }
int rmdir(const char* name) noexcept { return unlink_at(AT_FDCWD, name, AT_REMOVEDIR); }
int mkdir(const char* name, mode_t mode) noexcept { return make_folder_at(AT_FDCWD, name, mode); }
int mkdirat(int at, const char* name, mode_t mode) noexcept {
  return make_folder_at(at, name, mode);
}

ssize_t sendmsg(int fd, const msghdr* message, int flags) { return answer(fd, message, flags); }
ssize_t send(int fd, const void* data, size_t size, int flags) {
  iovec piece{const_cast<void*>(data), size};
  msghdr message{};
  message.msg_iov = &piece;
  message.msg_iovlen = 1;
  return answer(fd, &message, flags);
}

void* mmap(void* address, size_t size, int protection, int flags, int fd, off_t at) noexcept {
  return map(address, size, protection, flags, fd, at);
}
void* mmap64(void* address, size_t size, int protection, int flags, int fd, off64_t at) noexcept {
  return map(address, size, protection, flags, fd, at);
}

}  // extern "C"
