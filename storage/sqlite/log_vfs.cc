#include "storage/sqlite/log_vfs.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <mutex>
#include <new>
#include <sqlite3.h>
#include <sys/statvfs.h>

namespace holdfast::storage::sqlite {

namespace {

// SQLite's own files take less than 128 KiB at a time.
constexpr int kBufferBytes = 96 * 1024;
// The header before each page of the log (https://www.sqlite.org/fileformat2.html#walformat). Bytes
// 4 to 8 are 0 unless the page is the last of a transaction.
constexpr int kFrameHeaderBytes = 24;
constexpr sqlite3_int64 kLogHeaderBytes = 32;
// A log is made longer by as much as is in it, within these.
constexpr sqlite3_int64 kLeastZeros = 64 * 1024;
constexpr sqlite3_int64 kMostZeros = 1024 * 1024;
// Not on a disk that has no room to give away.
constexpr std::uint64_t kPlentyOfRoom = std::uint64_t{256} << 20;

// The log, opened for writing. Bytes are held back until a transaction is complete, or somebody
// asks for something else: nobody reads them before, because the log's index does not know of them.
struct Log {
  sqlite3_file base;  // must come first: SQLite knows only this
  sqlite3_file* real;
  char* held;  // kBufferBytes
  sqlite3_int64 offset;
  int count;
  sqlite3_int64 end;   // of what was written since the log began
  sqlite3_int64 size;  // of the file, as far as known; never more than it is
  const char* name;
  bool unflushed_commits;
  bool last_page_due;  // the page after a header that ends a transaction
};

Log& log_of(sqlite3_file* file) { return *reinterpret_cast<Log*>(file); }

int flush(Log& log) {
  if (log.count == 0) return SQLITE_OK;
  const int count = log.count;
  log.count = 0;
  return log.real->pMethods->xWrite(log.real, log.held, count, log.offset);
}

// What was held back goes first; then `call` is made, unless that failed.
template <class Call>
int after_flush(sqlite3_file* file, Call call) {
  Log& log = log_of(file);
  const int code = flush(log);
  return code == SQLITE_OK ? call(log.real) : code;
}

int write_log(sqlite3_file* file, const void* bytes, int count, sqlite3_int64 offset) {
  Log& log = log_of(file);
  if (offset == 0) log.end = 0;
  const bool last_page = log.last_page_due;
  log.last_page_due = false;
  const bool appends = offset >= log.end && count <= kBufferBytes;
  if (log.count > 0 &&
      (!appends || offset != log.offset + log.count || count > kBufferBytes - log.count)) {
    if (const int code = flush(log); code != SQLITE_OK) return code;
  }
  log.end = std::max(log.end, offset + count);
  log.size = std::max(log.size, log.end);
  // Nothing tells when a page that is written anew is the last one.
  if (!appends) return log.real->pMethods->xWrite(log.real, bytes, count, offset);
  if (log.count == 0) log.offset = offset;
  std::memcpy(log.held + log.count, bytes, static_cast<std::size_t>(count));
  log.count += count;
  if (last_page) return flush(log);
  if (count == kFrameHeaderBytes) {
    constexpr char kZeros[4] = {};
    log.last_page_due = std::memcmp(static_cast<const char*>(bytes) + 4, kZeros, 4) != 0;
  }
  return SQLITE_OK;
}

int close_log(sqlite3_file* file) {
  Log& log = log_of(file);
  const int flushed = flush(log);
  delete[] log.held;
  const int closed = log.real->pMethods->xClose(log.real);
  return flushed == SQLITE_OK ? closed : flushed;
}

int read_log(sqlite3_file* file, void* bytes, int count, sqlite3_int64 offset) {
  return after_flush(
      file, [&](sqlite3_file* real) { return real->pMethods->xRead(real, bytes, count, offset); });
}

int truncate_log(sqlite3_file* file, sqlite3_int64 size) {
  log_of(file).size = 0;
  return after_flush(file,
                     [&](sqlite3_file* real) { return real->pMethods->xTruncate(real, size); });
}

// A log that ends here makes its file longer before it is flushed, so that the next flushes find
// room. Without success the log is as good as before.
void add_zeros(Log& log) {
  if (log.end < log.size || log.end <= kLogHeaderBytes) return;
  sqlite3_int64 size = 0;
  if (log.real->pMethods->xFileSize(log.real, &size) != SQLITE_OK) return;
  struct statvfs disk {};
  if (size <= log.end && ::statvfs(log.name, &disk) == 0 &&
      disk.f_bavail * disk.f_frsize >= kPlentyOfRoom) {
    constexpr int kBlockBytes = 64 * 1024;
    static constexpr std::array<char, kBlockBytes> kZeros{};
    const sqlite3_int64 wanted = log.end + std::clamp(log.end, kLeastZeros, kMostZeros);
    for (size = log.end; size < wanted; size += kBlockBytes) {
      if (log.real->pMethods->xWrite(log.real, kZeros.data(), kBlockBytes, size) != SQLITE_OK)
        break;
    }
  }
  log.size = size;
}

int sync_log(sqlite3_file* file, int flags) {
  Log& log = log_of(file);
  if (const int code = flush(log); code != SQLITE_OK) return code;
  // The header of a log that begins again must be on disk before what follows it, or the pages of
  // the old log would count once more.
  if (log.unflushed_commits && log.end > kLogHeaderBytes) return SQLITE_OK;
  add_zeros(log);
  return log.real->pMethods->xSync(log.real, flags);
}

int size_log(sqlite3_file* file, sqlite3_int64* size) {
  return after_flush(file,
                     [&](sqlite3_file* real) { return real->pMethods->xFileSize(real, size); });
}

int lock_log(sqlite3_file* file, int level) {
  sqlite3_file* real = log_of(file).real;
  return real->pMethods->xLock(real, level);
}

int unlock_log(sqlite3_file* file, int level) {
  sqlite3_file* real = log_of(file).real;
  return real->pMethods->xUnlock(real, level);
}

int check_reserved(sqlite3_file* file, int* out) {
  sqlite3_file* real = log_of(file).real;
  return real->pMethods->xCheckReservedLock(real, out);
}

int control_log(sqlite3_file* file, int operation, void* argument) {
  sqlite3_file* real = log_of(file).real;
  return real->pMethods->xFileControl(real, operation, argument);
}

int sector_size(sqlite3_file* file) {
  sqlite3_file* real = log_of(file).real;
  return real->pMethods->xSectorSize(real);
}

int characteristics(sqlite3_file* file) {
  sqlite3_file* real = log_of(file).real;
  return real->pMethods->xDeviceCharacteristics(real);
}

// Version 1: a log is neither mapped nor has it shared memory.
constexpr sqlite3_io_methods kLogMethods = {
    1,        close_log,  read_log,       write_log,   truncate_log, sync_log,        size_log,
    lock_log, unlock_log, check_reserved, control_log, sector_size,  characteristics, nullptr,
    nullptr,  nullptr,    nullptr,        nullptr,     nullptr};

int open_file(sqlite3_vfs* self, const char* name, sqlite3_file* file, int flags, int* out_flags) {
  auto* system = static_cast<sqlite3_vfs*>(self->pAppData);
  if ((flags & SQLITE_OPEN_WAL) == 0) return system->xOpen(system, name, file, flags, out_flags);
  // SQLite has given room for both, one after the other.
  Log& log = log_of(file);
  log = {};
  log.real = reinterpret_cast<sqlite3_file*>(&log + 1);
  log.name = name;
  log.held = new (std::nothrow) char[kBufferBytes];
  if (log.held == nullptr) return SQLITE_NOMEM;
  const int code = system->xOpen(system, name, log.real, flags, out_flags);
  if (code == SQLITE_OK) {
    log.base.pMethods = &kLogMethods;
  } else {
    delete[] log.held;
  }
  return code;
}

}  // namespace

UnflushedCommits::UnflushedCommits(sqlite3* connection, bool wanted) {
  if (!wanted) return;
  sqlite3_file* log = nullptr;
  if (sqlite3_file_control(connection, "main", SQLITE_FCNTL_JOURNAL_POINTER, &log) != SQLITE_OK ||
      log == nullptr || log->pMethods != &kLogMethods)
    return;
  flag_ = &log_of(log).unflushed_commits;
  *flag_ = true;
}

UnflushedCommits::~UnflushedCommits() {
  if (flag_ != nullptr) *flag_ = false;
}

const char* log_vfs() {
  static std::mutex mutex;
  static sqlite3_vfs vfs;
  const std::lock_guard lock(mutex);
  sqlite3_vfs* system = sqlite3_vfs_find(nullptr);
  if (system == nullptr) return nullptr;
  if (vfs.pAppData != system) {
    sqlite3_vfs_unregister(&vfs);
    vfs = *system;
    vfs.zName = "holdfast-log";
    vfs.szOsFile = static_cast<int>(sizeof(Log)) + system->szOsFile;
    vfs.pAppData = system;
    vfs.xOpen = open_file;
    sqlite3_vfs_register(&vfs, 0);
  }
  return vfs.zName;
}

}  // namespace holdfast::storage::sqlite
