#include "storage/files/backup.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <dirent.h>
#include <fcntl.h>
#include <filesystem>
#include <memory>
#include <set>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <vector>

#include "storage/files/blob_name.h"
#include "storage/files/digest.h"
#include "text/hex.h"

namespace holdfast::storage::files {
namespace {

namespace fs = std::filesystem;

constexpr const char* kManifest = "backup.txt";
constexpr std::string_view kFirstLine = "holdfast backup 1\n";
constexpr std::string_view kDatabaseLine = "database ";
constexpr std::size_t kManifestLimitBytes = 4096;
constexpr const char* kUnfinished = "meta.db.restoring";
constexpr std::size_t kBufferBytes = 256 * 1024;

using Name = std::array<char, kBlobNameSize>;

Name packed(const std::string& blob) {
  Name name{};
  std::copy_n(blob.begin(), std::min(blob.size(), name.size()), name.begin());
  return name;
}

[[noreturn]] void stop(const std::string& what) {
  const int error = errno;
  const Fault fault =
      error == ENOSPC || error == EDQUOT || error == EFBIG ? Fault::full : Fault::unavailable;
  throw Error(fault, what + ": " + std::strerror(error) + ".");
}

[[noreturn]] void refuse(const std::string& what) {
  throw OpenError(what + ": " + std::strerror(errno) + ".");
}

void sync(int fd, const std::string& path) {
  if (fsync(fd) != 0) stop("Cannot flush " + path);
}

Descriptor open_folder(int above, const char* name) {
  return Descriptor(openat(above, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
}

// Opens the folder `name` in `above`; makes it when it is missing.
Descriptor make_folder(int above, const char* name, const std::string& path) {
  if (mkdirat(above, name, 0700) != 0 && errno != EEXIST) stop("Cannot create " + path);
  Descriptor folder = open_folder(above, name);
  if (!folder) stop("Cannot open " + path);
  return folder;
}

std::vector<std::string> entries(int above, const char* name, const std::string& path) {
  const int fd = openat(above, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  const std::unique_ptr<DIR, int (*)(DIR*)> folder(fd < 0 ? nullptr : fdopendir(fd), &closedir);
  if (!folder) stop("Cannot read " + path);
  std::vector<std::string> names;
  while (const dirent* entry = readdir(folder.get())) {
    const std::string_view file = entry->d_name;
    if (file != "." && file != "..") names.emplace_back(file);
  }
  return names;
}

void remove_entries(int folder, const std::string& path) {
  for (const std::string& name : entries(folder, ".", path))
    if (unlinkat(folder, name.c_str(), 0) != 0) stop("Cannot remove " + path + "/" + name);
}

void write_all(int fd, std::string_view bytes, const std::string& path) {
  while (!bytes.empty()) {
    const ssize_t written = write(fd, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) stop("Cannot write " + path);
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
}

struct Copied {
  std::uint64_t bytes = 0;
  Sha256 sha256{};
};

// Reads `from` to its end, writing into `to` unless that is -1. `tick` is called with the size of
// each part.
Copied read_through(int from, const std::string& from_path, int to, const std::string& to_path,
                    const std::function<void(std::size_t bytes)>& tick) {
  Digester digester(Digests{});
  std::vector<char> buffer(kBufferBytes);
  Copied copied;
  for (;;) {
    const ssize_t got = read(from, buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) stop("Cannot read " + from_path);
    if (got == 0) break;
    const auto bytes = static_cast<std::size_t>(got);
    digester.add(std::span<const char>(buffer).first(bytes));
    if (to >= 0) write_all(to, {buffer.data(), bytes}, to_path);
    copied.bytes += bytes;
    tick(bytes);
  }
  copied.sha256 = digester.finish().sha256;
  return copied;
}

bool is_database_name(std::string_view name) {
  return name.size() == 64 + 3 && name.ends_with(".db") && text::is_lower_hex(name.substr(0, 64));
}

// Returns the name of the database that backup.txt in `folder` names; empty when there is no
// backup.txt. Throws OpenError when backup.txt is not one that Holdfast wrote.
std::string manifest_database(int folder, const std::string& path) {
  const Descriptor file(openat(folder, kManifest, O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
  if (!file && errno == ENOENT) return {};
  std::array<char, kManifestLimitBytes> bytes{};
  const ssize_t got = file ? read(file.get(), bytes.data(), bytes.size()) : -1;
  if (got < 0) refuse("Cannot read " + path + "/" + kManifest);
  std::string_view text(bytes.data(), static_cast<std::size_t>(got));
  if (text.starts_with(kFirstLine)) {
    text.remove_prefix(kFirstLine.size());
    const std::string_view line = text.substr(0, text.find('\n'));
    if (line.starts_with(kDatabaseLine) && is_database_name(line.substr(kDatabaseLine.size())))
      return std::string(line.substr(kDatabaseLine.size()));
  }
  throw OpenError(path + "/" + kManifest + " is damaged, or of a newer version.");
}

// Copies content files from one folder into another. Each is built in `tmp`, verified, flushed, and
// renamed into the folder of its first two digits.
class Copier {
 public:
  Copier(int from, std::string from_path, int tmp, int to, std::string to_path)
      : from_(from),
        from_path_(std::move(from_path)),
        tmp_(tmp),
        to_(to),
        to_path_(std::move(to_path)) {}

  // Throws Error{corrupt}, its text without the closing stop, when the source is not what `content`
  // says.
  void copy(const Content& content, const std::function<void(std::size_t bytes)>& tick) {
    const std::string place = blob_location(content.blob);
    const std::string from_path = from_path_ + "/" + place;
    const std::string to_path = to_path_ + "/" + place;
    // Each folder is opened by itself, so that no symbolic link is followed.
    const Descriptor from_fan = open_folder(from_, place.substr(0, 2).c_str());
    Descriptor from;
    if (from_fan)
      from = Descriptor(
          openat(from_fan.get(), content.blob.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
    if (!from && errno == ENOENT) throw Error(Fault::corrupt, from_path + " is missing");
    if (!from) stop("Cannot read " + from_path);
    Descriptor to(openat(tmp_, content.blob.c_str(),
                         O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (!to) stop("Cannot create " + to_path);
    const Copied copied = read_through(from.get(), from_path, to.get(), to_path, tick);
    if (copied.bytes != content.size || copied.sha256 != content.checksums.sha256)
      throw Error(Fault::corrupt,
                  from_path + " is damaged: it is not what its size and SHA-256 say");
    sync(to.get(), to_path);
    // After an interrupted close the descriptor is gone all the same.
    if (close(to.release()) != 0 && errno != EINTR) stop("Cannot write " + to_path);
    const std::string fan = place.substr(0, 2);
    if (fans_.insert(fan).second) make_folder(to_, fan.c_str(), to_path_ + "/" + fan);
    if (renameat(tmp_, content.blob.c_str(), to_, place.c_str()) != 0)
      stop("Cannot create " + to_path);
  }

  // Flushes the names of all that was copied.
  void flush() {
    for (const std::string& fan : fans_) {
      const Descriptor folder = open_folder(to_, fan.c_str());
      if (!folder) stop("Cannot open " + to_path_ + "/" + fan);
      sync(folder.get(), to_path_ + "/" + fan);
    }
    sync(to_, to_path_);
  }

 private:
  int from_;
  std::string from_path_;
  int tmp_, to_;
  std::string to_path_;
  std::set<std::string> fans_;
};

// Visits the contents of a database for one command: counts, reports progress, and names the
// resource whose content is damaged.
class Walk {
 public:
  Walk(const BackupDatabase& database, std::string file, const OnBackupProgress& progress)
      : database_(database), file_(std::move(file)), progress_(progress) {}

  // Visits every content; verifies inline contents first when `verify`.
  void each(bool verify, const std::function<void(const Content&)>& visit) {
    database_.contents(file_, verify, [&](std::int64_t id, const Content& content) {
      tell();
      try {
        if (content.is_inline()) verify_inline(content);
        visit(content);
      } catch (const Error& error) {
        if (error.fault() != Fault::corrupt) throw;
        throw Error(Fault::corrupt, std::string(error.what()) + "; it is the content of " +
                                        database_.resource_of(file_, id) + ".");
      }
    });
  }

  void copy(Copier& copier, const Content& content) {
    copier.copy(content, [this](std::size_t bytes) {
      now_.bytes_done += bytes;
      tell();
    });
    ++now_.files_done;
  }

  void tell() {
    if (progress_) progress_(now_);
  }
  [[nodiscard]] BackupProgress& now() { return now_; }

 private:
  static void verify_inline(const Content& content) {
    Digester digester(Digests{});
    digester.add(content.bytes);
    if (content.bytes.size() != content.size ||
        digester.finish().sha256 != content.checksums.sha256)
      throw Error(Fault::corrupt, "Content in the database is damaged");
  }

  const BackupDatabase& database_;
  std::string file_;
  const OnBackupProgress& progress_;
  BackupProgress now_;
};

// Returns the absolute path without symbolic links, whether it exists or not.
fs::path real_path(const std::string& path) {
  std::error_code error;
  fs::path real = fs::weakly_canonical(path, error);
  if (error) throw OpenError("Cannot use " + path + ": " + error.message() + ".");
  return real.has_filename() ? real : real.parent_path();
}

bool inside(const fs::path& path, const fs::path& folder) {
  return std::mismatch(folder.begin(), folder.end(), path.begin(), path.end()).first ==
         folder.end();
}

// A folder for backups, held exclusively.
class BackupFolder {
 public:
  BackupFolder(const std::string& data, const std::string& folder) {
    const fs::path real = real_path(folder);
    if (inside(real, real_path(data)))
      throw OpenError("A backup cannot lie in the data folder " + data + ".");
    path_ = real.string();
    const bool made = mkdir(path_.c_str(), 0700) == 0;
    if (!made && errno != EEXIST) refuse("Cannot create " + path_);
    folder_ = open_folder(AT_FDCWD, path_.c_str());
    if (!folder_) refuse("Cannot use " + path_ + " as a folder");
    refuse_foreign();
    lock_ =
        Descriptor(openat(folder_.get(), "LOCK", O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (!lock_) refuse("Cannot open " + path_ + "/LOCK");
    if (flock(lock_.get(), LOCK_EX | LOCK_NB) != 0) {
      if (errno == EWOULDBLOCK)
        throw OpenError("Another holdfast works on the backup in " + path_ + ".");
      refuse("Cannot lock " + path_);
    }
    tmp_ = make_folder(folder_.get(), "tmp", path_ + "/tmp");
    content_ = make_folder(folder_.get(), "content", path_ + "/content");
    remove_entries(tmp_.get(), path_ + "/tmp");
    sync(folder_.get(), path_);
    if (!made) return;
    const Descriptor above = open_folder(folder_.get(), "..");
    if (above) sync(above.get(), path_ + "/..");
  }
  ~BackupFolder() {
    try {
      if (tmp_) remove_entries(tmp_.get(), path_ + "/tmp");
    } catch (const Error&) {
      // The next run removes it.
    }
  }
  BackupFolder(const BackupFolder&) = delete;
  BackupFolder& operator=(const BackupFolder&) = delete;

  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] int folder() const { return folder_.get(); }
  [[nodiscard]] int tmp() const { return tmp_.get(); }
  [[nodiscard]] int content() const { return content_.get(); }

  [[nodiscard]] bool has(const Content& content) const {
    struct stat file {};
    return fstatat(content_.get(), blob_location(content.blob).c_str(), &file,
                   AT_SYMLINK_NOFOLLOW) == 0 &&
           S_ISREG(file.st_mode) && static_cast<std::uint64_t>(file.st_size) == content.size;
  }

  // Removes content files that are not among `named`, which is sorted. Returns how many.
  [[nodiscard]] std::uint64_t prune(const std::vector<Name>& named) const {
    std::uint64_t removed = 0;
    for (const std::string& fan : entries(content_.get(), ".", path_ + "/content")) {
      const std::string fan_path = path_ + "/content/" + fan;
      for (const std::string& name : entries(content_.get(), fan.c_str(), fan_path)) {
        if (is_blob_name(name) && std::binary_search(named.begin(), named.end(), packed(name)))
          continue;
        if (unlinkat(content_.get(), (fan + "/" + name).c_str(), 0) != 0)
          stop("Cannot remove " + fan_path + "/" + name);
        ++removed;
      }
    }
    return removed;
  }

  void remove_databases_but(const std::string& kept) const {
    for (const std::string& name : entries(folder_.get(), ".", path_))
      if (is_database_name(name) && name != kept && unlinkat(folder_.get(), name.c_str(), 0) != 0)
        stop("Cannot remove " + path_ + "/" + name);
  }

 private:
  void refuse_foreign() const {
    for (const std::string& name : entries(folder_.get(), ".", path_))
      if (name != "LOCK" && name != "tmp" && name != "content" && name != kManifest &&
          name != "lost+found" && !is_database_name(name))
        throw OpenError(path_ + " is not empty and no backup (it holds " + name + ").");
    // This throws when backup.txt is not one that Holdfast wrote.
    (void)manifest_database(folder_.get(), path_);
  }

  std::string path_;
  Descriptor folder_, lock_, tmp_, content_;
};

// Returns the names of the content files of the existing backup; nullopt when its database cannot
// be read.
std::optional<std::vector<Name>> names_in(const BackupDatabase& database, const std::string& file) {
  try {
    std::vector<Name> names;
    database.contents(file, false, [&](std::int64_t, const Content& content) {
      names.push_back(packed(content.blob));
    });
    return names;
  } catch (const std::exception&) {
    return std::nullopt;
  }
}

void write_new_file(int folder, const char* name, const std::string& text,
                    const std::string& path) {
  const Descriptor file(
      openat(folder, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!file) stop("Cannot create " + path);
  write_all(file.get(), text, path);
  sync(file.get(), path);
}

// A folder that becomes a data folder. When the object is destroyed before finish(), the folder is
// as it was.
class Target {
 public:
  Target(const std::string& data, const std::string& backup, DataFolder::Options options) {
    const fs::path real = real_path(data);
    if (inside(real, real_path(backup)))
      throw OpenError("A store cannot lie in the backup folder " + backup + ".");
    path_ = real.string();
    existed_ = fs::exists(path_);
    if (existed_) refuse_foreign();
    folder_.emplace(path_, options);
    root_ = open_folder(AT_FDCWD, path_.c_str());
    if (!root_) stop("Cannot open " + path_);
    refuse_foreign();  // now nobody else can change it in between
    ours_ = true;
  }
  ~Target() {
    if (!ours_ || finished_) return;
    clear();
    std::error_code ignored;
    for (const char* name : {"blobs", "tmp", "LOCK", kUnfinished})
      fs::remove_all(path_ + "/" + name, ignored);
    if (!existed_) fs::remove(path_, ignored);
  }
  Target(const Target&) = delete;
  Target& operator=(const Target&) = delete;

  // From here on the folder is refused as a store until it is whole.
  void claim() {
    clear();
    write_new_file(root_.get(), kUnfinished, "", database());
    sync(root_.get(), path_);
  }

  [[nodiscard]] std::string database() const { return path_ + "/" + kUnfinished; }
  [[nodiscard]] const DataFolder& folder() const { return *folder_; }

  void finish() {
    if (renameat2(root_.get(), kUnfinished, root_.get(), "meta.db", RENAME_NOREPLACE) != 0)
      stop("Cannot create " + path_ + "/meta.db");
    finished_ = true;
    sync(root_.get(), path_);
  }

 private:
  void refuse_foreign() const {
    const Descriptor root = open_folder(AT_FDCWD, path_.c_str());
    if (!root) refuse("Cannot use " + path_ + " as a folder");
    if (fs::exists(path_ + "/meta.db")) throw OpenError(path_ + " holds a store already.");
    bool unfinished = false;
    bool content = false;
    for (const std::string& name : entries(root.get(), ".", path_)) {
      if (name.starts_with(kUnfinished))
        unfinished = true;
      else if (name == "blobs")
        content = holds_files();
      else if (name != "LOCK" && name != "tmp" && name != "lost+found")
        throw OpenError(path_ + " is not empty (it holds " + name + ").");
    }
    if (content && !unfinished) throw OpenError(path_ + " holds content already.");
  }

  [[nodiscard]] bool holds_files() const {
    std::error_code error;
    for (fs::recursive_directory_iterator entry(path_ + "/blobs", error), end;
         !error && entry != end; entry.increment(error))
      if (!entry->is_directory(error)) return true;
    return false;
  }

  // Removes what this attempt, or an earlier one that was cut short, left behind.
  void clear() noexcept {
    std::error_code ignored;
    for (const char* folder : {"/blobs", "/tmp"})
      for (fs::recursive_directory_iterator entry(path_ + folder, ignored), end;
           !ignored && entry != end; entry.increment(ignored))
        if (!entry->is_directory(ignored)) fs::remove(entry->path(), ignored);
    for (const char* suffix : {"-journal", "-wal", "-shm", ""})
      fs::remove(path_ + "/" + kUnfinished + suffix, ignored);
  }

  std::string path_;
  bool existed_ = false;
  bool ours_ = false;
  bool finished_ = false;
  std::optional<DataFolder> folder_;
  Descriptor root_;
};

// A complete backup that is being read.
class Source {
 public:
  explicit Source(const std::string& folder)
      : path_(folder), folder_(open_folder(AT_FDCWD, folder.c_str())) {
    if (!folder_) refuse("Cannot use " + folder + " as a folder");
    // A backup on a read-only disk may be read all the same.
    lock_ = Descriptor(openat(folder_.get(), "LOCK", O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
    if (lock_ && flock(lock_.get(), LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK)
      throw OpenError("Another holdfast works on the backup in " + folder + ".");
    name_ = manifest_database(folder_.get(), folder);
    if (name_.empty()) throw OpenError("There is no complete backup in " + folder + ".");
    content_ = open_folder(folder_.get(), "content");
    if (!content_) stop("Cannot read " + folder + "/content");
  }

  // The name of the database's file.
  [[nodiscard]] const std::string& database() const { return name_; }
  [[nodiscard]] const Descriptor& content() const { return content_; }

  // Reads the database, writing it into `to` unless that is -1, and verifies its SHA-256.
  void read_database(int to, const std::string& to_path,
                     const std::function<void(std::size_t)>& tick) const {
    const std::string path = path_ + "/" + name_;
    const Descriptor source(
        openat(folder_.get(), name_.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
    if (!source) stop("Cannot read " + path);
    const Copied copied = read_through(source.get(), path, to, to_path, tick);
    if (text::hex(copied.sha256) + ".db" != name_)
      throw Error(Fault::corrupt, path + " is damaged: it does not have the SHA-256 of its name.");
  }

 private:
  std::string path_, name_;
  Descriptor folder_, lock_, content_;
};

void set_date(int fd, Millis at) {
  const Millis second = at / 1000 - (at % 1000 < 0 ? 1 : 0);
  const timespec time{.tv_sec = second, .tv_nsec = (at - second * 1000) * 1'000'000};
  const std::array<timespec, 2> both{time, time};
  (void)futimens(fd, both.data());  // a disk may not have such a date
}

// A tree of plain files and folders that is being written, in the order of a walk. When the object
// is destroyed before finish(), nothing of it is left.
class Plain {
 public:
  Plain(const std::string& into, const Path& path) : top_(path.name()), path_(into) {
    if (fs::exists(into) && !fs::is_directory(into)) throw OpenError(into + " is no folder.");
    std::error_code error;
    made_ = fs::create_directory(into, error);
    if (error) throw OpenError("Cannot create " + into + ": " + error.message() + ".");
    if (!top_.empty()) path_ += "/" + top_;
    if (top_.empty() ? !fs::is_empty(into) : fs::exists(fs::symlink_status(path_)))
      throw OpenError(path_ + (top_.empty() ? " is not empty." : " exists already."));
    into_ = open_folder(AT_FDCWD, into.c_str());
    if (!into_) stop("Cannot open " + into);
  }
  ~Plain() {
    if (finished_) return;
    std::error_code ignored;
    if (top_.empty()) {
      for (const fs::directory_entry& entry : fs::directory_iterator(path_, ignored))
        fs::remove_all(entry.path(), ignored);
    } else {
      fs::remove_all(path_, ignored);
    }
    if (made_) fs::remove(top_.empty() ? fs::path(path_) : fs::path(path_).parent_path(), ignored);
  }
  Plain(const Plain&) = delete;
  Plain& operator=(const Plain&) = delete;

  [[nodiscard]] std::string path_of(std::span<const std::string> segments) const {
    std::string path = path_;
    for (const std::string& segment : segments) path += "/" + segment;
    return path;
  }
  void make_folder(std::span<const std::string> segments, Millis modified) {
    const int above = above_of(segments);
    if (segments.empty() && top_.empty()) {
      open_.push_back({open_folder(above, "."), modified});
    } else {
      open_.push_back({files::make_folder(above, name_of(segments), path_of(segments)), modified});
    }
  }
  [[nodiscard]] Descriptor make_file(std::span<const std::string> segments) {
    Descriptor file(openat(above_of(segments), name_of(segments),
                           O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (!file) stop("Cannot create " + path_of(segments));
    return file;
  }
  void finish() {
    close_to(0);
    if (syncfs(into_.get()) != 0) stop("Cannot flush " + path_);
    finished_ = true;
  }

 private:
  struct Folder {
    Descriptor descriptor;
    Millis modified = 0;
  };
  [[nodiscard]] const char* name_of(std::span<const std::string> segments) const {
    return segments.empty() ? top_.c_str() : segments.back().c_str();
  }
  // Closes the folders below this many, which get no more members.
  void close_to(std::size_t levels) {
    while (open_.size() > levels) {
      set_date(open_.back().descriptor.get(), open_.back().modified);
      open_.pop_back();
    }
  }
  [[nodiscard]] int above_of(std::span<const std::string> segments) {
    close_to(segments.size());
    return open_.empty() ? into_.get() : open_.back().descriptor.get();
  }

  std::string top_, path_;
  bool made_ = false;
  bool finished_ = false;
  Descriptor into_;
  std::vector<Folder> open_;  // from the top to the last collection
};

void count(BackupReport& report, const Content& content) {
  ++report.contents;
  if (content.is_inline()) return;
  ++report.files;
  report.file_bytes += content.size;
}

}  // namespace

BackupReport backup(const std::string& data, const std::string& folder,
                    const BackupDatabase& database, const OnBackupProgress& progress) {
  const BackupFolder to(data, folder);
  const std::string before = manifest_database(to.folder(), to.path());
  const std::string store = real_path(data).string();
  const Descriptor blobs = open_folder(AT_FDCWD, (store + "/blobs").c_str());
  if (!blobs) refuse("Cannot open " + store + "/blobs");

  const std::string copy = to.path() + "/tmp/names.db";
  Walk walk(database, copy, progress);
  walk.tell();
  write_new_file(to.tmp(), "names.db", "", copy);
  database.copy(store + "/meta.db", copy, [&] { walk.tell(); });
  // A server that ended meanwhile may have changed what was read.
  walk.tell();
  walk.now().stage = BackupProgress::Stage::looking;

  BackupReport report;
  std::vector<Name> named;
  walk.each(true, [&](const Content& content) {
    count(report, content);
    if (content.is_inline()) return;
    named.push_back(packed(content.blob));
    if (to.has(content)) return;
    ++walk.now().files;
    walk.now().bytes += content.size;
  });
  std::sort(named.begin(), named.end());

  // What a failed attempt has left and neither backup needs is removed first, to free space.
  std::optional<std::vector<Name>> either = std::vector<Name>{};
  if (!before.empty()) either = names_in(database, to.path() + "/" + before);
  if (either) {
    either->insert(either->end(), named.begin(), named.end());
    std::sort(either->begin(), either->end());
    report.removed_files += to.prune(*either);
  }

  Copier copier(blobs.get(), store + "/blobs", to.tmp(), to.content(), to.path() + "/content");
  walk.now().stage = BackupProgress::Stage::copying;
  walk.tell();
  if (walk.now().files > 0) {
    walk.each(false, [&](const Content& content) {
      if (!to.has(content)) walk.copy(copier, content);
    });
  }
  copier.flush();
  report.copied_files = walk.now().files_done;
  report.copied_bytes = walk.now().bytes_done;

  const Descriptor written(openat(to.tmp(), "names.db", O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
  if (!written) stop("Cannot read " + copy);
  const Copied hashed =
      read_through(written.get(), copy, -1, {}, [&](std::size_t) { walk.tell(); });
  sync(written.get(), copy);
  const std::string name = text::hex(hashed.sha256) + ".db";
  if (renameat(to.tmp(), "names.db", to.folder(), name.c_str()) != 0)
    stop("Cannot create " + to.path() + "/" + name);
  sync(to.folder(), to.path());
  const std::string manifest = to.path() + "/" + kManifest;
  write_new_file(to.tmp(), kManifest,
                 std::string(kFirstLine) + std::string(kDatabaseLine) + name + "\n" + "It names " +
                     std::to_string(report.contents) + " contents, " +
                     std::to_string(report.files) + " of them files in content/.\n" +
                     "Restore it with: holdfast restore THIS-FOLDER --data NEW-FOLDER\n",
                 manifest);
  if (renameat(to.tmp(), kManifest, to.folder(), kManifest) != 0) stop("Cannot create " + manifest);
  sync(to.folder(), to.path());

  to.remove_databases_but(name);
  report.removed_files += to.prune(named);
  return report;
}

BackupReport restore(const std::string& folder, const std::string& data,
                     DataFolder::Options options, const BackupDatabase& database,
                     const OnBackupProgress& progress) {
  const Source from(folder);
  const Descriptor& content = from.content();

  Target to(data, folder, options);
  to.claim();
  Walk walk(database, to.database(), progress);
  {
    const Descriptor copy(open(to.database().c_str(), O_WRONLY | O_TRUNC | O_NOFOLLOW | O_CLOEXEC));
    if (!copy) stop("Cannot write " + to.database());
    from.read_database(copy.get(), to.database(), [&](std::size_t) { walk.tell(); });
  }
  walk.now().stage = BackupProgress::Stage::looking;

  BackupReport report;
  walk.each(true, [&](const Content& one) {
    count(report, one);
    if (one.is_inline()) return;
    ++walk.now().files;
    walk.now().bytes += one.size;
  });
  Copier copier(content.get(), folder + "/content", to.folder().tmp(), to.folder().blobs(),
                to.folder().path() + "/blobs");
  walk.now().stage = BackupProgress::Stage::copying;
  walk.each(false, [&](const Content& one) { walk.copy(copier, one); });
  copier.flush();
  report.copied_files = walk.now().files_done;
  report.copied_bytes = walk.now().bytes_done;

  database.renew(to.database());
  const Descriptor renewed(open(to.database().c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
  if (!renewed) stop("Cannot read " + to.database());
  sync(renewed.get(), to.database());
  to.finish();
  return report;
}

BackupReport extract(const std::string& folder, const Path& path, const std::string& into,
                     const BackupDatabase& database, const OnBackupProgress& progress) {
  const Source from(folder);
  BackupProgress now;
  const auto tell = [&](std::size_t) { progress(now); };
  from.read_database(-1, {}, tell);
  now.stage = BackupProgress::Stage::copying;
  BackupReport report;
  Plain to(into, path);
  const bool mapped = database.tree(
      folder + "/" + from.database(), path,
      [&](std::span<const std::string> segments, const Resource& resource, const Content& content) {
        progress(now);
        if (resource.is_collection()) return to.make_folder(segments, resource.modified.at);
        const Descriptor file = to.make_file(segments);
        const std::string name = to.path_of(segments);
        Copied copied{content.bytes.size(), {}};
        if (content.is_inline()) {
          Digester digester(Digests{});
          digester.add(content.bytes);
          copied.sha256 = digester.finish().sha256;
          write_all(file.get(), content.bytes, name);
        } else {
          const std::string blob = content.blob.substr(0, 2) + "/" + content.blob;
          const Descriptor source(
              openat(from.content().get(), blob.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
          if (!source) stop("Cannot read " + folder + "/content/" + blob);
          copied = read_through(source.get(), folder + "/content/" + blob, file.get(), name, tell);
        }
        if (copied.bytes != content.size || copied.sha256 != content.checksums.sha256)
          throw Error(Fault::corrupt, "The content of " + name + " is damaged in the backup.");
        set_date(file.get(), resource.modified.at);
        ++report.contents;
        ++report.copied_files;
        report.copied_bytes += copied.bytes;
      });
  if (!mapped) throw OpenError("The backup in " + folder + " has nothing at that path.");
  to.finish();
  return report;
}

std::string not_a_store(const std::string& path) {
  if (fs::exists(path + "/meta.db")) return {};
  if (fs::exists(path + "/content"))
    return path + " is for backups; make a store of one with holdfast restore.";
  if (fs::exists(path + "/" + kUnfinished))
    return "A restore into " + path + " was cut short; run it again.";
  return {};
}

}  // namespace holdfast::storage::files
