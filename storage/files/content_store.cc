#include "storage/files/content_store.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <dirent.h>
#include <fcntl.h>
#include <optional>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>
#include <vector>

#include "storage/files/blob_name.h"
#include "storage/files/digest.h"
#include "storage/files/failure.h"
#include "text/hex.h"

namespace holdfast::storage::files {

namespace {

// A larger file is not read as a whole before its first byte is served. This much takes 50 ms from
// the page cache, and a player that requests one range of a film must not wait for all of it.
constexpr std::uint64_t kVerifiedAtOnceBytes = 64 << 20;

// More files than this are flushed with one syncfs: one by one, each file would wait for the disk
// twice.
constexpr std::size_t kFewFiles = 16;

std::string random_name() {
  std::array<std::uint8_t, kBlobNameSize / 2> random{};
  if (getrandom(random.data(), random.size(), 0) != static_cast<ssize_t>(random.size())) {
    fail("getrandom", "");
  }
  return text::hex(random);
}

// Opens the folder in blobs/ that has `blob`. It is opened by itself, so that no symbolic link is
// followed on the way to a file. When that fails, errno says why.
Descriptor open_fan(const DataFolder& folder, const std::string& blob) {
  return Descriptor(openat(folder.blobs(), blob.substr(0, 2).c_str(),
                           O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
}

// Returns which of the 256 folders has `blob`.
std::size_t place_of(const std::string& blob) {
  return static_cast<std::size_t>(text::hex_value(blob[0]) * 16 + text::hex_value(blob[1]));
}

// Calls visit(folder, name) for each entry of the folder `name` in `above`; for none when the
// folder is missing.
template <typename Visit>
void each_entry(int above, const std::string& name, const Visit& visit) {
  const int fd = openat(above, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0 && errno == ENOENT) return;
  if (fd < 0) fail("open", name);
  const std::unique_ptr<DIR, int (*)(DIR*)> folder(fdopendir(fd), &closedir);
  if (!folder) {
    close(fd);
    fail("open", name);
  }
  while (const dirent* entry = readdir(folder.get())) {
    const std::string_view file = entry->d_name;
    if (file != "." && file != "..") visit(dirfd(folder.get()), std::string(file));
  }
}

class FileReader final : public ContentReader {
 public:
  FileReader(Descriptor fd, const struct stat& file, const Content& content,
             SoundContents& verified)
      : fd_(std::move(fd)),
        size_(content.size),
        sha256_(content.checksums.sha256),
        mark_(content.blob, file),
        verified_(verified) {}
  [[nodiscard]] std::uint64_t size() const override { return size_; }
  [[nodiscard]] int descriptor(std::uint64_t offset, std::uint64_t length) const override {
    return digester_ && offset == 0 && length == size_ ? -1 : fd_.get();
  }

  [[nodiscard]] std::size_t read(std::uint64_t offset, std::span<char> buffer) override {
    if (offset >= size_) return 0;
    const auto wanted =
        static_cast<std::size_t>(std::min<std::uint64_t>(buffer.size(), size_ - offset));
    if (wanted == 0) return 0;
    for (;;) {
      const ssize_t got = pread(fd_.get(), buffer.data(), wanted, static_cast<off_t>(offset));
      if (got > 0) {
        const auto count = static_cast<std::size_t>(got);
        if (digester_ && offset == digested_) digest(buffer.first(count));
        return count;
      }
      if (got < 0 && errno == EINTR) continue;
      throw Error(Fault::corrupt, got == 0 ? "a content file ends early"
                                           : std::string("read: ") + std::strerror(errno));
    }
  }

  void require_sound() override {
    if (verified_.contains(mark_)) return;
    digester_.emplace(Digests{});
    if (size_ > kVerifiedAtOnceBytes) return;
    std::vector<char> buffer(std::min<std::uint64_t>(size_, 256 * 1024));
    while (digester_) static_cast<void>(read(digested_, buffer));
  }

 private:
  // Adds the next bytes in order. Throws Error{corrupt} with the last ones when the hash is wrong.
  void digest(std::span<const char> bytes) {
    digester_->add(bytes);
    digested_ += bytes.size();
    if (digested_ < size_) return;
    if (digester_->finish().sha256 != sha256_)
      throw Error(Fault::corrupt, "a content file does not have its SHA-256");
    digester_.reset();
    verified_.add(mark_);
  }

  Descriptor fd_;
  std::uint64_t size_;
  std::array<std::uint8_t, 32> sha256_;
  Mark mark_;
  SoundContents& verified_;
  std::optional<Digester> digester_;  // while the file is not known to be sound
  std::uint64_t digested_ = 0;
};

// Returns true when the content has its SHA-256. Reads all of it.
bool has_its_hash(ContentReader& reader, const Content& content) {
  Digester digester(Digests{});
  std::vector<char> buffer(1 << 20);
  for (std::uint64_t at = 0; at < content.size;) {
    const std::size_t got = reader.read(at, buffer);
    digester.add(std::span<const char>(buffer).first(got));
    at += got;
  }
  return digester.finish().sha256 == content.checksums.sha256;
}

// The folder of files that no row names and that are too many to be thrown away.
constexpr const char* kLost = "lost";
Descriptor open_lost(const DataFolder& folder, bool may_make) {
  if (may_make && mkdirat(folder.descriptor(), kLost, 0700) != 0 && errno != EEXIST) return {};
  return Descriptor(
      openat(folder.descriptor(), kLost, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
}

}  // namespace

// An upload in memory. It gets a file when it becomes larger than the buffer, or rests.
class FileUpload final : public Upload {
 public:
  FileUpload(FileContentStore& store, Digests digests) : store_(store), digester_(digests) {}
  ~FileUpload() override;
  FileUpload(const FileUpload&) = delete;
  FileUpload& operator=(const FileUpload&) = delete;

  void append(std::span<const char> bytes) override;
  [[nodiscard]] std::uint64_t size() const override { return size_; }
  void rest() override;
  [[nodiscard]] const Content& seal() override;
  void keep() override {
    kept_ = true;
    if (in_place_) store_.let_go(name_);
  }

 private:
  // Bytes collected before one write to the file: network reads are small.
  static constexpr std::size_t kBuffer = 256 * 1024;
  static_assert(kBuffer > kInlineLimitBytes);
  // So much may stay in memory while the upload rests.
  static constexpr std::size_t kLittle = 1024;

  void write_out();
  void take_back();
  void move_into_place();

  FileContentStore& store_;
  Digester digester_;
  std::uint64_t size_ = 0;
  std::string buffer_;
  std::string name_;  // of the file, in tmp/ or in blobs/; empty before there is one
  Descriptor fd_;
  bool in_place_ = false;
  bool sealed_ = false;
  bool kept_ = false;
  Content content_;
};

FileUpload::~FileUpload() {
  if (name_.empty() || kept_) return;
  if (in_place_) {
    try {
      store_.remove(name_);
    } catch (const Error&) {
      // The sweep of the next start finds the file.
    }
    store_.let_go(name_);
  } else {
    unlinkat(store_.folder_.tmp(), staged_location(name_).c_str(), 0);
  }
}

void FileUpload::append(std::span<const char> bytes) {
  if (bytes.empty()) return;
  digester_.add(bytes);
  size_ += bytes.size();
  while (!bytes.empty()) {
    const std::size_t part = std::min(bytes.size(), kBuffer - buffer_.size());
    buffer_.append(bytes.data(), part);
    bytes = bytes.subspan(part);
    if (buffer_.size() == kBuffer) write_out();
  }
}

void FileUpload::write_out() {
  if (name_.empty()) {
    std::string name = random_name();
    fd_ = Descriptor(openat(store_.folder_.tmp(), staged_location(name).c_str(),
                            O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (!fd_) fail("create", name);
    name_ = std::move(name);
  }
  std::size_t done = 0;
  while (done < buffer_.size()) {
    const ssize_t written = write(fd_.get(), buffer_.data() + done, buffer_.size() - done);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) fail("write", name_);
    done += static_cast<std::size_t>(written);
  }
  buffer_.clear();
}

void FileUpload::rest() {
  if (buffer_.size() > kLittle) write_out();
  buffer_.shrink_to_fit();
}

// Reads what was written out back into the buffer, and removes the file.
void FileUpload::take_back() {
  std::string late = std::move(buffer_);
  buffer_.resize(static_cast<std::size_t>(size_) - late.size());
  for (std::size_t done = 0; done < buffer_.size();) {
    const ssize_t got =
        pread(fd_.get(), buffer_.data() + done, buffer_.size() - done, static_cast<off_t>(done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) fail("read", name_);
    if (got == 0) throw Error(Fault::unavailable, "an upload's file became shorter: " + name_);
    done += static_cast<std::size_t>(got);
  }
  buffer_ += late;
  fd_ = Descriptor();
  unlinkat(store_.folder_.tmp(), staged_location(name_).c_str(), 0);
  name_.clear();
}

const Content& FileUpload::seal() {
  if (sealed_) return content_;
  content_.checksums = digester_.finish();
  content_.size = size_;
  if (size_ <= kInlineLimitBytes) {
    if (!name_.empty()) take_back();
    content_.bytes = std::move(buffer_);
  } else {
    if (!buffer_.empty()) write_out();
    move_into_place();
    content_.blob = name_;
  }
  sealed_ = true;
  return content_;
}

// The file is on disk before its name is, and its name is on disk before any row can name it.
void FileUpload::move_into_place() {
  const bool full = store_.durability_ == Durability::full;
  store_.refuse_if_failed();
  if (full) store_.flush_sealed(fd_.get(), name_);
  struct stat file {};
  if (fstat(fd_.get(), &file) != 0) fail("stat", name_);
  // After an interrupted close the descriptor is gone all the same.
  if (close(fd_.release()) != 0 && errno != EINTR) fail("close", name_);

  const std::string target = blob_location(name_);
  const Descriptor fan = store_.folder_for(name_);
  store_.hold(name_);
  if (renameat2(store_.folder_.tmp(), staged_location(name_).c_str(), store_.folder_.blobs(),
                target.c_str(), RENAME_NOREPLACE) != 0) {
    const int error = errno;
    store_.let_go(name_);
    errno = error;
    fail("rename", name_);
  }
  in_place_ = true;
  store_.verified_.add(Mark(name_, file));
  if (!full) {
    store_.sealed_unflushed(name_);
    return;
  }
  store_.flush_sealed(fan.get(), target);
}

// A file that an upload of storage/staging.h filled, and that becomes a content by a second name.
class LinkedUpload final : public Upload {
 public:
  LinkedUpload(FileContentStore& store, Descriptor folder, std::string file, Descriptor fd,
               std::uint64_t size, const Checksums& checksums)
      : store_(store), folder_(std::move(folder)), file_(std::move(file)), fd_(std::move(fd)) {
    content_.size = size;
    content_.checksums = checksums;
  }
  ~LinkedUpload() override {
    if (content_.blob.empty()) return;
    if (!kept_) try {
        store_.remove(content_.blob);
      } catch (const Error&) {
        // The sweep of the next start finds the file.
      }
    store_.let_go(content_.blob);
  }
  LinkedUpload(const LinkedUpload&) = delete;
  LinkedUpload& operator=(const LinkedUpload&) = delete;

  void append(std::span<const char> /*bytes*/) override {
    throw Error(Fault::conflict, "the upload is whole already");
  }
  [[nodiscard]] std::uint64_t size() const override { return content_.size; }
  [[nodiscard]] const Content& seal() override {
    if (!content_.blob.empty()) return content_;
    store_.refuse_if_failed();
    store_.flush_sealed(fd_.get(), file_);
    struct stat file {};
    if (fstat(fd_.get(), &file) != 0) fail("stat", file_);
    std::string name = random_name();
    const std::string target = blob_location(name);
    const Descriptor fan = store_.folder_for(name);
    store_.hold(name);
    if (linkat(folder_.get(), file_.c_str(), store_.folder_.blobs(), target.c_str(), 0) != 0) {
      const int error = errno;
      store_.let_go(name);
      errno = error;
      fail("link", name);
    }
    content_.blob = std::move(name);
    store_.verified_.add(Mark(content_.blob, file));
    if (store_.durability_ == Durability::full) {
      store_.flush_sealed(fan.get(), target);
    } else {
      store_.sealed_unflushed(content_.blob);
    }
    return content_;
  }
  void keep() override { kept_ = true; }

 private:
  FileContentStore& store_;
  Descriptor folder_;
  std::string file_;
  Descriptor fd_;
  bool kept_ = false;
  Content content_;
};

std::unique_ptr<Upload> FileContentStore::link(Descriptor folder, std::string name, Descriptor fd,
                                               std::uint64_t size, const Checksums& checksums) {
  return std::make_unique<LinkedUpload>(*this, std::move(folder), std::move(name), std::move(fd),
                                        size, checksums);
}

FileContentStore::FileContentStore(const DataFolder& folder, Durability durability,
                                   OnFailure on_failure)
    : folder_(folder), durability_(durability), on_failure_(std::move(on_failure)) {
  const auto remove = [](int in, const std::string& name) {
    if (unlinkat(in, name.c_str(), 0) != 0 && errno != ENOENT) fail("remove", name);
  };
  if (!folder.read_only())
    each_entry(folder.tmp(), ".", [&](int in, const std::string& name) {
      if (name.size() == 1 && text::is_lower_hex(name)) {
        each_entry(in, name, remove);
      } else {
        remove(in, name);  // left by an earlier version
      }
    });
  // OpenSSL initialises itself at its first use, and stays broken if that fails for want of memory.
  // Here a failure only prevents the start.
  static_cast<void>(Digester(Digests{.sha1 = true}));
}

std::unique_ptr<Upload> FileContentStore::begin(Digests digests) {
  return std::make_unique<FileUpload>(*this, digests);
}

std::unique_ptr<ContentReader> FileContentStore::open(const Content& content) {
  const std::string path = blob_location(content.blob);
  const Descriptor fan = open_fan(folder_, content.blob);
  Descriptor fd;
  if (fan)
    fd = Descriptor(openat(fan.get(), content.blob.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
  if (!fd) {
    if (errno == ENOENT) return nullptr;
    // These errors mean that the process or system has run out of something; any other means that
    // something is wrong with the file.
    if (errno == EMFILE || errno == ENFILE || errno == ENOMEM) fail("open", path);
    if (errno == ELOOP || errno == ENOTDIR)
      throw Error(Fault::corrupt, path + " is or lies behind a symbolic link");
    throw Error(Fault::corrupt, "open " + path + ": " + std::strerror(errno));
  }
  struct stat file {};
  if (fstat(fd.get(), &file) != 0) fail("stat", path);
  if (!S_ISREG(file.st_mode) || static_cast<std::uint64_t>(file.st_size) != content.size) {
    throw Error(Fault::corrupt, path + " has another size than it should");
  }
  return std::make_unique<FileReader>(std::move(fd), file, content, verified_);
}

void FileContentStore::remove(const std::string& blob) {
  const std::string path = blob_location(blob);
  {
    const std::lock_guard lock(mutex_);
    unflushed_.erase(blob);
  }
  const Descriptor fan = open_fan(folder_, blob);
  if (!fan || (unlinkat(fan.get(), blob.c_str(), 0) != 0 && errno != ENOENT)) fail("remove", path);
}

void FileContentStore::hold(const std::string& blob) {
  const std::lock_guard lock(mutex_);
  held_.insert(blob);
}

void FileContentStore::let_go(const std::string& blob) {
  const std::lock_guard lock(mutex_);
  held_.erase(blob);
}

bool FileContentStore::held(const std::string& blob) {
  const std::lock_guard lock(mutex_);
  return held_.contains(blob);
}

// Linux reports a lost write once, and a later flush of the same folder succeeds. After a failure
// no flush of this process can be trusted.
void FileContentStore::flush_sealed(int fd, const std::string& name) {
  if (fsync(fd) == 0) return;
  const int error = errno;
  const bool full = error == ENOSPC || error == EDQUOT;
  if (!full && !failed_.exchange(true) && on_failure_) {
    on_failure_({"fsync " + name + ": " + std::strerror(error), error == EROFS});
  }
  errno = error;
  fail("fsync", name);
}

void FileContentStore::refuse_if_failed() const {
  if (failed_) throw Error(Fault::unavailable, "the disk failed; no uploads until a restart");
}

Descriptor FileContentStore::folder_for(const std::string& blob) {
  const std::string name = blob.substr(0, 2);
  Descriptor fan = open_fan(folder_, blob);
  if (!fan && errno == ENOENT) {
    if (mkdirat(folder_.blobs(), name.c_str(), 0700) != 0 && errno != EEXIST) fail("create", name);
    fan = open_fan(folder_, blob);
  }
  if (!fan) fail("open", name);
  std::atomic<bool>& named = named_[place_of(blob)];
  if (durability_ == Durability::full && !named) {
    flush_sealed(fan.get(), name);
    flush_sealed(folder_.blobs(), "blobs");
    named = true;
  }
  return fan;
}

void FileContentStore::sealed_unflushed(const std::string& blob) {
  const std::lock_guard lock(mutex_);
  unflushed_.insert(blob);
}

void FileContentStore::flush() {
  const std::lock_guard one(flush_mutex_);
  std::set<std::string> blobs;
  bool many = false;
  {
    const std::lock_guard lock(mutex_);
    many = unflushed_.size() > kFewFiles;
    if (!many && flushed_earlier_) blobs.swap(unflushed_);
  }
  if (many || !flushed_earlier_) {
    flush_all();
    flushed_earlier_ = true;
    return;
  }
  try {
    for (const std::string& blob : blobs) flush_one(blob);
    // Names sort by folder, so each folder is flushed once, after its files.
    std::string_view last;
    bool made = false;
    for (const std::string& blob : blobs) {
      const std::string_view fan_name = std::string_view(blob).substr(0, 2);
      if (fan_name == last) continue;
      last = fan_name;
      const Descriptor fan = open_fan(folder_, blob);
      if (!fan || fsync(fan.get()) != 0) fail("fsync", std::string(fan_name));
      made = made || !named_[place_of(blob)];
    }
    if (made && fsync(folder_.blobs()) != 0) fail("fsync", "blobs");
    for (const std::string& blob : blobs) named_[place_of(blob)] = true;
  } catch (...) {
    // The files stay unflushed: nothing that they replaced may be removed.
    const std::lock_guard lock(mutex_);
    unflushed_.merge(blobs);
    throw;
  }
}

void FileContentStore::flush_all() {
  std::set<std::string> blobs;
  {
    const std::lock_guard lock(mutex_);
    blobs.swap(unflushed_);
  }
  if (syncfs(folder_.blobs()) == 0) return;
  const std::lock_guard lock(mutex_);
  unflushed_.merge(blobs);
  fail("syncfs", "blobs");
}

void FileContentStore::flush_one(const std::string& blob) {
  const std::string path = blob_location(blob);
  const Descriptor fan = open_fan(folder_, blob);
  Descriptor fd;
  if (fan) fd = Descriptor(openat(fan.get(), blob.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
  if (!fd && errno == ENOENT) return;  // removed meanwhile
  if (!fd || fdatasync(fd.get()) != 0) fail("fsync", path);
}

void FileContentStore::for_each(
    const std::function<void(const std::string& blob, std::uint64_t size)>& visit) {
  for (const std::string& fan : blob_folders()) {
    // All names of a folder are read first, because `visit` may remove files.
    std::vector<std::pair<std::string, std::uint64_t>> found;
    each_entry(folder_.blobs(), fan, [&](int in, const std::string& name) {
      struct stat file {};
      if (!is_blob_name(name) || held(name) ||
          fstatat(in, name.c_str(), &file, AT_SYMLINK_NOFOLLOW) != 0)
        return;
      if (S_ISREG(file.st_mode)) found.emplace_back(name, static_cast<std::uint64_t>(file.st_size));
    });
    for (const auto& [name, size] : found) visit(name, size);
  }
}

bool FileContentStore::verify(const Content& content) {
  if (content.is_inline()) {
    Digester digester(Digests{});
    digester.add(content.bytes);
    return content.bytes.size() == content.size &&
           digester.finish().sha256 == content.checksums.sha256;
  }
  try {
    const std::unique_ptr<ContentReader> reader = open(content);
    return reader && has_its_hash(*reader, content);
  } catch (const Error& error) {
    if (error.fault() == Fault::corrupt) return false;
    throw;
  }
}

void FileContentStore::set_aside(const std::string& blob) {
  const std::string path = blob_location(blob);
  const Descriptor lost = open_lost(folder_, true);
  if (!lost ||
      renameat2(folder_.blobs(), path.c_str(), lost.get(), blob.c_str(), RENAME_NOREPLACE) != 0)
    fail("set aside", path);
  const std::lock_guard lock(mutex_);
  unflushed_.erase(blob);
}

void FileContentStore::flush_aside() {
  const Descriptor lost = open_lost(folder_, false);
  if (!lost && errno == ENOENT) return;
  if (!lost || fsync(lost.get()) != 0 || fsync(folder_.descriptor()) != 0) fail("fsync", kLost);
}

bool FileContentStore::take_back(const Content& content) {
  const std::string path = blob_location(content.blob);
  const Descriptor lost = open_lost(folder_, false);
  if (!lost) return false;
  Descriptor fd(openat(lost.get(), content.blob.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
  struct stat file {};
  if (!fd || fstat(fd.get(), &file) != 0 || !S_ISREG(file.st_mode) ||
      static_cast<std::uint64_t>(file.st_size) != content.size)
    return false;
  FileReader reader(std::move(fd), file, content, verified_);
  if (!has_its_hash(reader, content)) return false;
  const Descriptor fan = folder_for(content.blob);
  if (renameat2(lost.get(), content.blob.c_str(), folder_.blobs(), path.c_str(),
                RENAME_NOREPLACE) != 0)
    fail("take back", path);
  if (fsync(fan.get()) != 0 || fsync(folder_.blobs()) != 0) fail("fsync", path);
  return true;
}

void FileContentStore::require_sound(std::int64_t id, const Content& content) {
  const Mark mark(id);
  if (verified_.contains(mark)) return;
  if (!verify(content)) {
    throw Error(Fault::corrupt,
                "content " + std::to_string(id) + " does not have the SHA-256 it was stored with");
  }
  verified_.add(mark);
}

ContentStore::Space FileContentStore::space() const {
  struct statvfs disk {};
  if (fstatvfs(folder_.blobs(), &disk) != 0) fail("statvfs", "blobs");
  return {disk.f_bavail * disk.f_frsize, disk.f_blocks * disk.f_frsize};
}

}  // namespace holdfast::storage::files
