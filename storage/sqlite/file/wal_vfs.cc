#include "storage/sqlite/file/wal_vfs.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <map>
#include <memory>
#include <mutex>
#include <new>
#include <sqlite3.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>
#include <utility>

#include "storage/sqlite/file/wal_index.h"

namespace holdfast::storage::sqlite {

namespace {

// SQLite writes less than 128 KiB in one system call, so the write buffer is smaller.
constexpr int kBufferBytes = 96 * 1024;
// The log's header has its salts at 16 to 24, and the header before each page has them at 8 to 16
// (https://www.sqlite.org/fileformat2.html#walformat). Bytes 4 to 8 of a page's header are 0, or,
// for the last page of a transaction, the number of pages that the database has after it.
constexpr int kFrameHeaderBytes = 24;
constexpr int kLogHeaderBytes = 32;
// A log's file is extended by the log's own length, within these bounds, in bytes.
constexpr sqlite3_int64 kLeastZeros = 64 * 1024;
constexpr sqlite3_int64 kMostZeros = 1024 * 1024;
// The log's file is not extended on a disk with less free space than this, in bytes.
constexpr std::uint64_t kPlentyOfRoom = std::uint64_t{256} << 20;
// Zeros are written in blocks of this many.
constexpr int kBlockBytes = 1024 * 1024;
// Not constant, so that it takes no space in the program's file.
std::array<char, kBlockBytes> zeros;
// The database is made longer by this many bytes at a time.
constexpr sqlite3_int64 kDatabaseStep = 1024 * 1024;
// So many bytes behind its end are kept (SpareKept).
constexpr sqlite3_int64 kSpareBytes = 256 * 1024;
// The bytes of a database that SQLite locks (https://www.sqlite.org/fileformat2.html, the lock-byte
// page).
constexpr off_t kLockBytes = 0x40000000;
constexpr off_t kLockBytesCount = 512;

std::uint32_t big_endian(const unsigned char* bytes) {
  return std::uint32_t{bytes[0]} << 24U | std::uint32_t{bytes[1]} << 16U |
         std::uint32_t{bytes[2]} << 8U | std::uint32_t{bytes[3]};
}

// What this process knows about one database file, for all its connections.
struct DatabaseFile {
  WalIndex index;
  // The descriptor of the connection that writes; -1 when there is none.
  int descriptor = -1;
  sqlite3_int64 page_bytes = 4096;
  sqlite3_int64 bytes = 0;              // of the file, as far as known; never more than the true
                                        // size
  sqlite3_int64 log_limit = INT64_MAX;  // bytes of the log that count
};

// Returns the DatabaseFile of this device and inode; makes one when no connection uses it.
std::shared_ptr<DatabaseFile> database_file(const struct stat& file) {
  static std::mutex mutex;
  static std::map<std::pair<dev_t, ino_t>, std::weak_ptr<DatabaseFile>> used;
  const std::lock_guard lock(mutex);
  std::erase_if(used, [](const auto& each) { return each.second.expired(); });
  std::weak_ptr<DatabaseFile>& known = used[{file.st_dev, file.st_ino}];
  std::shared_ptr<DatabaseFile> found = known.lock();
  if (!found) known = found = std::make_shared<DatabaseFile>();
  return found;
}

// SQLite knows only the beginning of a File, and allocates memory for the file of the default VFS
// behind it.
struct File {
  sqlite3_file base;
  sqlite3_file* real;
};

sqlite3_file* real_of(sqlite3_file* file) { return reinterpret_cast<File*>(file)->real; }

// These calls are passed on to the default VFS.
int close_file(sqlite3_file* file) { return real_of(file)->pMethods->xClose(real_of(file)); }

int read_file(sqlite3_file* file, void* bytes, int count, sqlite3_int64 offset) {
  return real_of(file)->pMethods->xRead(real_of(file), bytes, count, offset);
}

int write_file(sqlite3_file* file, const void* bytes, int count, sqlite3_int64 offset) {
  return real_of(file)->pMethods->xWrite(real_of(file), bytes, count, offset);
}

int sync_file(sqlite3_file* file, int flags) {
  return real_of(file)->pMethods->xSync(real_of(file), flags);
}

int file_size(sqlite3_file* file, sqlite3_int64* size) {
  return real_of(file)->pMethods->xFileSize(real_of(file), size);
}

int control_file(sqlite3_file* file, int operation, void* argument) {
  return real_of(file)->pMethods->xFileControl(real_of(file), operation, argument);
}

int sector_size(sqlite3_file* file) { return real_of(file)->pMethods->xSectorSize(real_of(file)); }

int characteristics(sqlite3_file* file) {
  return real_of(file)->pMethods->xDeviceCharacteristics(real_of(file));
}

// Locks on the file itself are needed only against other programs, which DatabaseFile::descriptor
// keeps away.
int lock_nothing(sqlite3_file* /*file*/, int /*level*/) { return SQLITE_OK; }

int nothing_reserved(sqlite3_file* /*file*/, int* out) {
  *out = 0;
  return SQLITE_OK;
}

// The log. Bytes are buffered until a transaction is complete or another call needs them in the
// file. Nobody reads them before, because the log's index does not have them yet.
struct Log : File {
  std::shared_ptr<DatabaseFile> database;
  std::unique_ptr<char[]> held;  // of kBufferBytes; allocated at the first write
  sqlite3_int64 offset = 0;
  int count = 0;
  sqlite3_int64 end = 0;   // of what was written since the log began
  sqlite3_int64 size = 0;  // of the file, as far as known; never more than the true size
  sqlite3_int64 kept = 0;  // the file is not made shorter than this
  const char* name = nullptr;
  bool unflushed_commits = false;
  bool last_page_due = false;  // the next write is the page that ends a transaction
  bool leaves_spare = false;   // transactions leave the database's spare bytes
};

Log& log_of(sqlite3_file* file) { return *static_cast<Log*>(reinterpret_cast<File*>(file)); }

int flush(Log& log) {
  if (log.count == 0) return SQLITE_OK;
  const int count = log.count;
  log.count = 0;
  return log.real->pMethods->xWrite(log.real, log.held.get(), count, log.offset);
}

// Writes the buffered bytes; then makes `call`, unless the write failed.
template <class Call>
int after_flush(sqlite3_file* file, Call call) {
  Log& log = log_of(file);
  const int code = flush(log);
  return code == SQLITE_OK ? call(log.real) : code;
}

// Writes zeros behind the end of a file until it has `wanted` bytes. `size` is the file's size and
// is updated. Returns false when the disk has too little space.
bool append_zeros(int descriptor, sqlite3_int64 wanted, sqlite3_int64& size) {
  while (size < wanted) {
    const auto block =
        static_cast<std::size_t>(std::min<sqlite3_int64>(zeros.size(), wanted - size));
    const ssize_t written = ::pwrite(descriptor, zeros.data(), block, size);
    if (written <= 0) return false;
    size += written;
  }
  return true;
}

// Extends the database's file to this many pages, which the database has after a transaction, and
// the spare bytes when it must leave them. Zeros behind the database's end are no pages: its first
// page says how many it has. The zeros are written and flushed, not only allocated, so that only
// data changes when the log is moved: ext4 without a journal may lose a whole file when only a part
// of its metadata was on disk. Returns SQLite's result code.
int make_room(DatabaseFile& database, sqlite3_int64 pages, bool leaves_spare) {
  const sqlite3_int64 needed = pages * database.page_bytes + (leaves_spare ? kSpareBytes : 0);
  if (needed <= database.bytes || database.descriptor < 0) return SQLITE_OK;
  const sqlite3_int64 step = (needed + kDatabaseStep - 1) / kDatabaseStep * kDatabaseStep;
  if (!append_zeros(database.descriptor, step, database.bytes) && database.bytes < needed)
    return SQLITE_FULL;
  if (::fdatasync(database.descriptor) == 0) return SQLITE_OK;
  return errno == EROFS ? SQLITE_READONLY : SQLITE_IOERR_FSYNC;
}

int write_log(sqlite3_file* file, const void* bytes, int count, sqlite3_int64 offset) {
  Log& log = log_of(file);
  if (!log.held) {
    log.held.reset(new (std::nothrow) char[kBufferBytes]);
    if (!log.held) return SQLITE_IOERR_NOMEM;
  }
  if (offset == 0) log.end = 0;
  const bool last_page = log.last_page_due;
  log.last_page_due = false;
  if (count == kFrameHeaderBytes) {
    const std::uint32_t pages = big_endian(static_cast<const unsigned char*>(bytes) + 4);
    log.last_page_due = pages != 0;
    const int room = pages == 0 ? SQLITE_OK : make_room(*log.database, pages, log.leaves_spare);
    if (room != SQLITE_OK) {
      log.count = 0;  // the transaction is undone
      log.last_page_due = false;
      return room;
    }
  }
  const bool appends = offset >= log.end && count <= kBufferBytes;
  if (log.count > 0 &&
      (!appends || offset != log.offset + log.count || count > kBufferBytes - log.count)) {
    if (const int code = flush(log); code != SQLITE_OK) return code;
  }
  log.end = std::max(log.end, offset + count);
  log.size = std::max(log.size, log.end);
  // When a page is overwritten, nothing shows which one is the last.
  if (!appends) {
    log.last_page_due = false;
    return log.real->pMethods->xWrite(log.real, bytes, count, offset);
  }
  if (log.count == 0) log.offset = offset;
  std::memcpy(log.held.get() + log.count, bytes, static_cast<std::size_t>(count));
  log.count += count;
  return last_page ? flush(log) : SQLITE_OK;
}

int close_log(sqlite3_file* file) {
  Log& log = log_of(file);
  const int flushed = flush(log);
  const int closed = log.real->pMethods->xClose(log.real);
  log.~Log();
  return flushed == SQLITE_OK ? closed : flushed;
}

int read_log(sqlite3_file* file, void* bytes, int count, sqlite3_int64 offset) {
  return after_flush(
      file, [&](sqlite3_file* real) { return real->pMethods->xRead(real, bytes, count, offset); });
}

// SQLite truncates the log only to nothing, when all of it has been moved into the database. The
// header is overwritten on disk before the end is cut off: else a part of the old log could be
// taken for the newest state.
int truncate_log(sqlite3_file* file, sqlite3_int64 size) {
  Log& log = log_of(file);
  if (const int code = flush(log); code != SQLITE_OK) return code;
  const auto* methods = log.real->pMethods;
  log.end = 0;
  log.size = 0;
  if (size != 0 || log.kept == 0) return methods->xTruncate(log.real, size);
  if (const int code = methods->xWrite(log.real, zeros.data(), kLogHeaderBytes, 0);
      code != SQLITE_OK)
    return code;
  if (const int code = methods->xSync(log.real, SQLITE_SYNC_NORMAL); code != SQLITE_OK) return code;
  sqlite3_int64 now = 0;
  if (const int code = methods->xFileSize(log.real, &now); code != SQLITE_OK) return code;
  log.size = std::min(now, log.kept);
  return now > log.kept ? methods->xTruncate(log.real, log.kept) : SQLITE_OK;
}

// Extends the file to this size by zeros behind its end. Returns false when that fails; the file is
// then as long as it could be made.
bool write_zeros(Log& log, sqlite3_int64 wanted) {
  struct stat file {};
  const int descriptor = ::open(log.name, O_WRONLY | O_NOFOLLOW | O_CLOEXEC);
  if (descriptor < 0) return false;
  if (::fstat(descriptor, &file) == 0) log.size = file.st_size;
  const bool all = append_zeros(descriptor, wanted, log.size);
  ::close(descriptor);
  return all;
}

// Extends the file before a flush when the log ends at the end of the file, so that the next
// flushes need not change its size. When that fails, the log is as good as before.
void add_zeros(Log& log) {
  if (log.end < log.size || log.end <= kLogHeaderBytes) return;
  struct statvfs disk {};
  sqlite3_int64 wanted = log.end;
  if (::statvfs(log.name, &disk) == 0 && disk.f_bavail * disk.f_frsize >= kPlentyOfRoom)
    wanted += std::clamp(log.end, kLeastZeros, kMostZeros);
  write_zeros(log, wanted);
}

int sync_log(sqlite3_file* file, int flags) {
  Log& log = log_of(file);
  if (const int code = flush(log); code != SQLITE_OK) return code;
  // The header of a log that was reset must be on disk before what follows it, or the pages of the
  // old log would count once more.
  if (log.unflushed_commits && log.end > kLogHeaderBytes) return SQLITE_OK;
  add_zeros(log);
  return log.real->pMethods->xSync(log.real, flags);
}

int size_log(sqlite3_file* file, sqlite3_int64* size) {
  const int code =
      after_flush(file, [&](sqlite3_file* real) { return real->pMethods->xFileSize(real, size); });
  if (code == SQLITE_OK) *size = std::min(*size, log_of(file).database->log_limit);
  return code;
}

// Version 1 has no calls for mapping or shared memory, which a log does not need.
constexpr sqlite3_io_methods kLogMethods = {
    1,
    close_log,
    read_log,
    write_log,
    truncate_log,
    sync_log,
    size_log,
    lock_nothing,
    lock_nothing,
    nothing_reserved,
    control_file,
    sector_size,
    characteristics,
    nullptr,
    nullptr,
    nullptr,
    nullptr,
    nullptr,
    nullptr,
};

// Stands for a log that is missing on a read-only disk: an empty file.
int close_nothing(sqlite3_file* /*file*/) { return SQLITE_OK; }

int read_nothing(sqlite3_file* /*file*/, void* bytes, int count, sqlite3_int64 /*offset*/) {
  std::memset(bytes, 0, static_cast<std::size_t>(count));
  return SQLITE_IOERR_SHORT_READ;
}

int write_nothing(sqlite3_file* /*file*/, const void* /*bytes*/, int /*count*/,
                  sqlite3_int64 /*offset*/) {
  return SQLITE_READONLY;
}

int truncate_nothing(sqlite3_file* /*file*/, sqlite3_int64 /*size*/) { return SQLITE_READONLY; }

int sync_nothing(sqlite3_file* /*file*/, int /*flags*/) { return SQLITE_OK; }

int size_of_nothing(sqlite3_file* /*file*/, sqlite3_int64* size) {
  *size = 0;
  return SQLITE_OK;
}

int control_nothing(sqlite3_file* /*file*/, int /*operation*/, void* /*argument*/) {
  return SQLITE_NOTFOUND;
}

int sector_of_nothing(sqlite3_file* /*file*/) { return 4096; }

int characteristics_of_nothing(sqlite3_file* /*file*/) { return 0; }

constexpr sqlite3_io_methods kMissingLogMethods = {
    1,
    close_nothing,
    read_nothing,
    write_nothing,
    truncate_nothing,
    sync_nothing,
    size_of_nothing,
    lock_nothing,
    lock_nothing,
    nothing_reserved,
    control_nothing,
    sector_of_nothing,
    characteristics_of_nothing,
    nullptr,
    nullptr,
    nullptr,
    nullptr,
    nullptr,
    nullptr,
};

struct Database : File {
  std::shared_ptr<DatabaseFile> file;
  bool writes = false;  // true for the connection that writes
  // The locks in the index that this connection holds, one bit for each.
  unsigned shared = 0;
  unsigned exclusive = 0;
};

Database& database_of(sqlite3_file* file) {
  return *static_cast<Database*>(reinterpret_cast<File*>(file));
}

unsigned bits(int first, int count) { return ((1U << static_cast<unsigned>(count)) - 1U) << first; }

// Behaves as SQLite's own xShmLock: releasing a lock that is not held is no error.
int lock_index(sqlite3_file* file, int first, int count, int flags) {
  Database& database = database_of(file);
  WalIndex& index = database.file->index;
  const bool shared = (flags & SQLITE_SHM_SHARED) != 0;
  unsigned& held = shared ? database.shared : database.exclusive;
  const unsigned wanted = bits(first, count);
  if ((flags & SQLITE_SHM_UNLOCK) != 0) {
    for (int each = first; each < first + count; ++each)
      if ((held & bits(each, 1)) != 0) index.unlock(each, 1, shared);
    held &= ~wanted;
    return SQLITE_OK;
  }
  if ((held & wanted) == wanted) return SQLITE_OK;
  if (!index.lock(first, count, shared)) return SQLITE_BUSY;
  held |= wanted;
  return SQLITE_OK;
}

int unmap_index(sqlite3_file* file, int /*remove*/) {
  lock_index(file, 0, WalIndex::kLocks, SQLITE_SHM_UNLOCK | SQLITE_SHM_SHARED);
  lock_index(file, 0, WalIndex::kLocks, SQLITE_SHM_UNLOCK | SQLITE_SHM_EXCLUSIVE);
  return SQLITE_OK;
}

int map_index(sqlite3_file* file, int number, int bytes, int extend, void volatile** out) {
  *out = database_of(file).file->index.region(static_cast<std::size_t>(number),
                                              static_cast<std::size_t>(bytes), extend != 0);
  return extend != 0 && *out == nullptr ? SQLITE_IOERR_NOMEM : SQLITE_OK;
}

// A full fence, by the builtin that SQLite itself uses. GCC refuses std::atomic_thread_fence under
// ThreadSanitizer.
void index_barrier(sqlite3_file* /*file*/) { __sync_synchronize(); }

int close_database(sqlite3_file* file) {
  Database& database = database_of(file);
  unmap_index(file, 0);
  const int closed = close_file(file);
  if (database.writes) ::close(std::exchange(database.file->descriptor, -1));
  database.~Database();
  return closed;
}

// SQLite truncates the database to its pages whenever the whole log was moved into it. The spare
// bytes stay.
int truncate_database(sqlite3_file* file, sqlite3_int64 size) {
  Database& database = database_of(file);
  if (database.writes) size = std::max(size, std::min(database.file->bytes, size + kSpareBytes));
  const int code = database.real->pMethods->xTruncate(database.real, size);
  if (code == SQLITE_OK && database.writes)
    database.file->bytes = std::min(database.file->bytes, size);
  return code;
}

int fetch(sqlite3_file* file, sqlite3_int64 offset, int count, void** out) {
  return real_of(file)->pMethods->xFetch(real_of(file), offset, count, out);
}

int unfetch(sqlite3_file* file, sqlite3_int64 offset, void* bytes) {
  return real_of(file)->pMethods->xUnfetch(real_of(file), offset, bytes);
}

constexpr sqlite3_io_methods kDatabaseMethods = {
    3,
    close_database,
    read_file,
    write_file,
    truncate_database,
    sync_file,
    file_size,
    lock_nothing,
    lock_nothing,
    nothing_reserved,
    control_file,
    sector_size,
    characteristics,
    map_index,
    lock_index,
    index_barrier,
    unmap_index,
    fetch,
    unfetch,
};

bool is_missing(const char* name) {
  struct stat file {};
  return ::stat(name, &file) != 0 && errno == ENOENT;
}

int open_log(sqlite3_vfs* system, const char* name, sqlite3_file* file, int flags, int* out_flags) {
  struct stat of {};
  const std::string path(name);
  constexpr std::size_t kSuffix = 4;  // "-wal"
  if (::stat(path.substr(0, path.size() - kSuffix).c_str(), &of) != 0) return SQLITE_CANTOPEN;
  // SQLite has allocated memory for both, one after the other.
  auto* log = new (file) Log;
  log->real = reinterpret_cast<sqlite3_file*>(log + 1);
  log->name = name;
  const int code = system->xOpen(system, name, log->real, flags, out_flags);
  if (code == SQLITE_OK) {
    log->database = database_file(of);
    log->base.pMethods = &kLogMethods;
    return code;
  }
  log->~Log();
  file->pMethods = nullptr;
  if (!is_missing(name)) return code;
  file->pMethods = &kMissingLogMethods;
  if (out_flags != nullptr) *out_flags = SQLITE_OPEN_READONLY | SQLITE_OPEN_WAL;
  return SQLITE_OK;
}

// Keeps other programs from opening the database: their connections begin with a lock on one of
// these bytes. A lock of this kind also holds against other connections of this process.
bool keep_others_away(int descriptor) {
  struct flock lock {};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  lock.l_start = kLockBytes;
  lock.l_len = kLockBytesCount;
  return ::fcntl(descriptor, F_OFD_SETLK, &lock) == 0;
}

// Called for the connection that writes. Returns SQLite's result code.
int begin_writing(DatabaseFile& database, const char* name) {
  const int descriptor = ::open(name, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
  if (descriptor < 0) return SQLITE_CANTOPEN;
  struct stat file {};
  std::array<unsigned char, 18> header{};
  if (!keep_others_away(descriptor) || ::fstat(descriptor, &file) != 0 ||
      ::pread(descriptor, header.data(), header.size(), 0) < 0) {
    ::close(descriptor);
    return SQLITE_BUSY;
  }
  const sqlite3_int64 page = header[16] * 256 + header[17];
  if (page != 0) database.page_bytes = page == 1 ? 65536 : page;
  database.bytes = file.st_size;
  database.descriptor = descriptor;
  return SQLITE_OK;
}

int open_database(sqlite3_vfs* system, const char* name, sqlite3_file* file, int flags,
                  int* out_flags) {
  auto* database = new (file) Database;
  database->real = reinterpret_cast<sqlite3_file*>(database + 1);
  int opened = 0;
  int code = system->xOpen(system, name, database->real, flags, &opened);
  if (out_flags != nullptr) *out_flags = opened;
  struct stat of {};
  if (code == SQLITE_OK) {
    const bool writes = (flags & SQLITE_OPEN_READWRITE) != 0;
    if (::stat(name, &of) != 0) {
      code = SQLITE_CANTOPEN;
    } else {
      database->file = database_file(of);
      if (writes && (opened & SQLITE_OPEN_READONLY) != 0) {
        code = SQLITE_READONLY;
      } else if (writes) {
        code = database->file->descriptor < 0 ? begin_writing(*database->file, name) : SQLITE_BUSY;
        database->writes = code == SQLITE_OK;
      }
    }
    if (code == SQLITE_OK) {
      database->base.pMethods = &kDatabaseMethods;
      return code;
    }
    database->real->pMethods->xClose(database->real);
  }
  database->~Database();
  file->pMethods = nullptr;
  return code;
}

int open_file(sqlite3_vfs* self, const char* name, sqlite3_file* file, int flags, int* out_flags) {
  auto* system = static_cast<sqlite3_vfs*>(self->pAppData);
  if ((flags & SQLITE_OPEN_WAL) != 0) return open_log(system, name, file, flags, out_flags);
  if ((flags & SQLITE_OPEN_MAIN_DB) != 0 && name != nullptr)
    return open_database(system, name, file, flags, out_flags);
  return system->xOpen(system, name, file, flags, out_flags);
}

// Returns the log of a connection that writes; nullptr when it has none.
Log* log_of(sqlite3* connection) {
  sqlite3_file* log = nullptr;
  if (sqlite3_file_control(connection, "main", SQLITE_FCNTL_JOURNAL_POINTER, &log) != SQLITE_OK ||
      log == nullptr || log->pMethods != &kLogMethods)
    return nullptr;
  return &log_of(log);
}

using LogHeader = std::array<unsigned char, kLogHeaderBytes>;

std::uint64_t salts_in(const LogHeader& header) {
  constexpr std::uint32_t kMagic = 0x377f0682;  // the last bit may be 0 or 1
  if ((big_endian(header.data()) & ~1U) != kMagic) return 0;
  return std::uint64_t{big_endian(header.data() + 16)} << 32U | big_endian(header.data() + 20);
}

// Returns where the log with this header ends when it is cut; 0 when nothing of it stays.
std::int64_t cut_at(const LogHeader& header, std::uint64_t salts, std::int64_t frames) {
  if (salts == 0 || salts_in(header) != salts) return 0;
  return kLogHeaderBytes + frames * (kFrameHeaderBytes + big_endian(header.data() + 8));
}

}  // namespace

UnflushedCommits::UnflushedCommits(sqlite3* connection, bool wanted) {
  Log* log = wanted ? log_of(connection) : nullptr;
  if (log == nullptr) return;
  flag_ = &log->unflushed_commits;
  *flag_ = true;
}

UnflushedCommits::~UnflushedCommits() {
  if (flag_ != nullptr) *flag_ = false;
}

bool keep_log(sqlite3* connection, std::int64_t bytes) {
  Log* log = log_of(connection);
  if (log == nullptr) return false;
  log->kept = bytes;
  return write_zeros(*log, bytes);
}

SpareKept::SpareKept(sqlite3* connection, bool wanted) {
  Log* log = wanted ? log_of(connection) : nullptr;
  if (log == nullptr) return;
  flag_ = &log->leaves_spare;
  *flag_ = true;
}

SpareKept::~SpareKept() {
  if (flag_ != nullptr) *flag_ = false;
}

int flush_log(sqlite3* connection) {
  Log* log = log_of(connection);
  return log == nullptr ? SQLITE_OK : log->base.pMethods->xSync(&log->base, SQLITE_SYNC_NORMAL);
}

std::uint64_t log_salts(sqlite3* connection) {
  Log* log = log_of(connection);
  LogHeader header{};
  if (log == nullptr ||
      log->base.pMethods->xRead(&log->base, header.data(), kLogHeaderBytes, 0) != SQLITE_OK)
    return 0;
  return salts_in(header);
}

LogLimit::LogLimit(const std::string& path, std::uint64_t salts, std::int64_t frames) {
  struct stat of {};
  LogHeader header{};
  const int log = ::open((path + "-wal").c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
  if (log >= 0) {
    if (::pread(log, header.data(), header.size(), 0) < 0) header = {};
    ::close(log);
  }
  if (::stat(path.c_str(), &of) != 0) return;
  const std::shared_ptr<DatabaseFile> database = database_file(of);
  database->log_limit = cut_at(header, salts, frames);
  database_ = database;
}

bool cut_log(const std::string& path, std::uint64_t salts, std::int64_t frames) {
  const int log = ::open((path + "-wal").c_str(), O_RDWR | O_NOFOLLOW | O_CLOEXEC);
  if (log < 0) return errno == ENOENT;
  // A header of zeros is invalid, so SQLite ignores what lies behind it.
  LogHeader header{};
  const ssize_t got = ::pread(log, header.data(), header.size(), 0);
  const std::int64_t at = cut_at(header, salts, frames);
  struct stat file {};
  bool cut = got >= 0 && ::fstat(log, &file) == 0;
  if (cut && at < file.st_size) {
    const auto count = static_cast<std::size_t>(
        std::min<std::int64_t>(at == 0 ? kLogHeaderBytes : kFrameHeaderBytes, file.st_size - at));
    cut = ::pwrite(log, zeros.data(), count, at) == static_cast<ssize_t>(count) &&
          ::fdatasync(log) == 0;
  }
  const int error = errno;
  ::close(log);
  errno = error;
  return cut;
}

const char* wal_vfs() {
  static std::mutex mutex;
  static sqlite3_vfs vfs;
  const std::lock_guard lock(mutex);
  sqlite3_vfs* system = sqlite3_vfs_find(nullptr);
  if (system == nullptr) return nullptr;
  if (vfs.pAppData != system) {
    sqlite3_vfs_unregister(&vfs);
    vfs = *system;
    vfs.zName = "holdfast-wal";
    vfs.szOsFile = static_cast<int>(std::max(sizeof(Log), sizeof(Database))) + system->szOsFile;
    vfs.pAppData = system;
    vfs.xOpen = open_file;
    sqlite3_vfs_register(&vfs, 0);
  }
  return vfs.zName;
}

}  // namespace holdfast::storage::sqlite
