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

// SQLite knows only its beginning, and gives room for the system's own file behind it.
struct File {
  sqlite3_file base;
  sqlite3_file* real;
};

sqlite3_file* real_of(sqlite3_file* file) { return reinterpret_cast<File*>(file)->real; }

// What is passed on.
int lock_file(sqlite3_file* file, int level) {
  return real_of(file)->pMethods->xLock(real_of(file), level);
}

int unlock_file(sqlite3_file* file, int level) {
  return real_of(file)->pMethods->xUnlock(real_of(file), level);
}

int check_reserved(sqlite3_file* file, int* out) {
  return real_of(file)->pMethods->xCheckReservedLock(real_of(file), out);
}

int control_file(sqlite3_file* file, int operation, void* argument) {
  return real_of(file)->pMethods->xFileControl(real_of(file), operation, argument);
}

int sector_size(sqlite3_file* file) { return real_of(file)->pMethods->xSectorSize(real_of(file)); }

int characteristics(sqlite3_file* file) {
  return real_of(file)->pMethods->xDeviceCharacteristics(real_of(file));
}

// The log, opened for writing. Bytes are held back until a transaction is complete, or somebody
// asks for something else: nobody reads them before, because the log's index does not know of them.
struct Log : File {
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

// Version 1: a log is neither mapped nor has it shared memory.
constexpr sqlite3_io_methods kLogMethods = {
    1,         close_log,   read_log,       write_log,    truncate_log, sync_log,        size_log,
    lock_file, unlock_file, check_reserved, control_file, sector_size,  characteristics, nullptr,
    nullptr,   nullptr,     nullptr,        nullptr,      nullptr};

// The locks in the log's index, by SQLite's numbers (https://www.sqlite.org/walformat.html#locks).
constexpr int kWriting = 0;
constexpr int kMoving = 1;    // the log into the database; also held while the index is made anew
constexpr int kMarks = 3;     // five of them: how far a reader reads the log; 0: not at all
constexpr int kSetMarks = 4;  // the marks from this on can be set

// The database. Its connection takes the lock on writing when it first writes, and keeps it. From
// then on it asks the system for a lock only when the log is moved into the database or begins
// again, because
// 1. nobody else, in this process or another, can commit, begin the log again or make its index
//    anew: each takes the lock on writing. So this connection always reads the newest state, and
//    the log's pages stay where they are. Somebody else's checkpoint, if any, brings into the
//    database what is committed, which is what this connection sees there anyway. Hence its shared
//    locks on marks, which keep others from exactly that, protect nothing.
// 2. A mark may only be set under an exclusive lock on it, because others who hold it read up to
//    there. This connection needs none of its own, so it is refused the lock, as if somebody held
//    each of them, and takes an older mark for its own; unless there is none.
// 3. Who moves the log, or begins it again, must not pass by others' marks: those locks are real.
struct Database : File {
  bool writes;     // the lock on writing is held
  bool moves;      // the lock on moving is held
  int refused;     // marks, since one was locked
  unsigned marks;  // those locked in the system, before `writes`
};

Database& database_of(sqlite3_file* file) { return *reinterpret_cast<Database*>(file); }

int lock_index(sqlite3_file* file, int first, int count, int flags) {
  Database& database = database_of(file);
  const bool locks = (flags & SQLITE_SHM_LOCK) != 0;
  const bool shared = (flags & SQLITE_SHM_SHARED) != 0;
  const bool one_mark = count == 1 && first >= kMarks;
  if (first == kWriting && !shared && (!locks || database.writes)) return SQLITE_OK;
  if (one_mark && shared) {
    database.refused = 0;
    const unsigned mark = 1U << static_cast<unsigned>(first);
    if (locks ? database.writes : (database.marks & mark) == 0) return SQLITE_OK;
    const int code = database.real->pMethods->xShmLock(database.real, first, count, flags);
    if (code == SQLITE_OK) database.marks ^= mark;
    return code;
  }
  const bool sets_mark = one_mark && first >= kSetMarks && locks && !database.moves;
  if (sets_mark && database.writes && database.refused < SQLITE_SHM_NLOCK - kSetMarks) {
    ++database.refused;
    return SQLITE_BUSY;
  }
  const int code = database.real->pMethods->xShmLock(database.real, first, count, flags);
  if (code != SQLITE_OK) return code;
  if (first == kWriting && !shared) database.writes = true;
  if (first <= kMoving && kMoving < first + count) database.moves = locks;
  return code;
}

int unmap_index(sqlite3_file* file, int remove) {
  Database& database = database_of(file);
  if (database.writes) {
    database.real->pMethods->xShmLock(database.real, kWriting, 1,
                                      SQLITE_SHM_UNLOCK | SQLITE_SHM_EXCLUSIVE);
    database.writes = false;
  }
  return database.real->pMethods->xShmUnmap(database.real, remove);
}

int close_file(sqlite3_file* file) { return real_of(file)->pMethods->xClose(real_of(file)); }

int read_file(sqlite3_file* file, void* bytes, int count, sqlite3_int64 offset) {
  return real_of(file)->pMethods->xRead(real_of(file), bytes, count, offset);
}

int write_file(sqlite3_file* file, const void* bytes, int count, sqlite3_int64 offset) {
  return real_of(file)->pMethods->xWrite(real_of(file), bytes, count, offset);
}

int truncate_file(sqlite3_file* file, sqlite3_int64 size) {
  return real_of(file)->pMethods->xTruncate(real_of(file), size);
}

int sync_file(sqlite3_file* file, int flags) {
  return real_of(file)->pMethods->xSync(real_of(file), flags);
}

int file_size(sqlite3_file* file, sqlite3_int64* size) {
  return real_of(file)->pMethods->xFileSize(real_of(file), size);
}

int map_index(sqlite3_file* file, int region, int bytes, int extend, void volatile** out) {
  return real_of(file)->pMethods->xShmMap(real_of(file), region, bytes, extend, out);
}

void index_barrier(sqlite3_file* file) { real_of(file)->pMethods->xShmBarrier(real_of(file)); }

int fetch(sqlite3_file* file, sqlite3_int64 offset, int count, void** out) {
  return real_of(file)->pMethods->xFetch(real_of(file), offset, count, out);
}

int unfetch(sqlite3_file* file, sqlite3_int64 offset, void* bytes) {
  return real_of(file)->pMethods->xUnfetch(real_of(file), offset, bytes);
}

constexpr sqlite3_io_methods kDatabaseMethods = {3,
                                                 close_file,
                                                 read_file,
                                                 write_file,
                                                 truncate_file,
                                                 sync_file,
                                                 file_size,
                                                 lock_file,
                                                 unlock_file,
                                                 check_reserved,
                                                 control_file,
                                                 sector_size,
                                                 characteristics,
                                                 map_index,
                                                 lock_index,
                                                 index_barrier,
                                                 unmap_index,
                                                 fetch,
                                                 unfetch};

int open_log(sqlite3_vfs* system, const char* name, sqlite3_file* file, int flags, int* out_flags) {
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

int open_database(sqlite3_vfs* system, const char* name, sqlite3_file* file, int flags,
                  int* out_flags) {
  Database& database = database_of(file);
  database = {};
  database.real = reinterpret_cast<sqlite3_file*>(&database + 1);
  const int code = system->xOpen(system, name, database.real, flags, out_flags);
  if (code != SQLITE_OK) return code;
  if (database.real->pMethods->iVersion < 3) {  // cannot have a log at all
    database.real->pMethods->xClose(database.real);
    return SQLITE_CANTOPEN;
  }
  database.base.pMethods = &kDatabaseMethods;
  return code;
}

int open_file(sqlite3_vfs* self, const char* name, sqlite3_file* file, int flags, int* out_flags) {
  auto* system = static_cast<sqlite3_vfs*>(self->pAppData);
  if ((flags & SQLITE_OPEN_WAL) != 0) return open_log(system, name, file, flags, out_flags);
  if ((flags & SQLITE_OPEN_MAIN_DB) != 0)
    return open_database(system, name, file, flags, out_flags);
  return system->xOpen(system, name, file, flags, out_flags);
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
    vfs.szOsFile = static_cast<int>(std::max(sizeof(Log), sizeof(Database))) + system->szOsFile;
    vfs.pAppData = system;
    vfs.xOpen = open_file;
    sqlite3_vfs_register(&vfs, 0);
  }
  return vfs.zName;
}

}  // namespace holdfast::storage::sqlite
