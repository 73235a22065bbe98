#include "storage/files/staging.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <dirent.h>
#include <fcntl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

#include "storage/files/blob_name.h"
#include "storage/files/digest.h"
#include "storage/files/failure.h"
#include "storage/open.h"
#include "text/ascii.h"
#include "text/hex.h"
#include "text/percent.h"

namespace holdfast::storage::files {
namespace {

constexpr const char* kRoot = "uploads";
constexpr const char* kAbout = "about";
constexpr const char* kData = "data";
// The parts in the order of their numbers, where they do not lie so in `data`.
constexpr const char* kJoined = "joined";
constexpr int kFolderFlags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;

// What `about` begins with: the bytes that are kept, in so many digits.
constexpr std::size_t kKeptDigits = 20;
constexpr std::size_t kAboutLimitBytes = 4 << 20;
// What an upload takes besides its bytes: its folder and the file `about`.
constexpr std::uint64_t kOwnBytes = 8192;
// So many uploads are remembered after they became content, for clients that did not hear of it.
constexpr std::size_t kFinishedKept = 1024;
constexpr std::size_t kCopyBytes = 1 << 20;

constexpr text::ByteSet kPlain = text::ByteSet::alphanumeric_and("-._~");

std::string random_id() {
  std::array<std::uint8_t, kBlobNameSize / 2> random{};
  if (getrandom(random.data(), random.size(), 0) != static_cast<ssize_t>(random.size()))
    fail("getrandom", "");
  return text::hex(random);
}

void write_at(int fd, std::span<const char> bytes, std::uint64_t offset, const char* name) {
  while (!bytes.empty()) {
    const ssize_t done = pwrite(fd, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (done < 0 && errno == EINTR) continue;
    if (done < 0) fail("write", name);
    bytes = bytes.subspan(static_cast<std::size_t>(done));
    offset += static_cast<std::uint64_t>(done);
  }
}

// Reads `length` bytes from `offset` on and passes them to `take`.
template <class Take>
void read_range(int fd, std::uint64_t offset, std::uint64_t length, const char* name, Take take) {
  std::vector<char> buffer(std::min<std::uint64_t>(length, kCopyBytes));
  while (length > 0) {
    const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(length, buffer.size()));
    const ssize_t got = pread(fd, buffer.data(), wanted, static_cast<off_t>(offset));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) fail("read", name);
    if (got == 0)
      throw Error(Fault::corrupt, std::string("an upload's file is too short: ") + name);
    take(std::span<const char>(buffer.data(), static_cast<std::size_t>(got)));
    offset += static_cast<std::uint64_t>(got);
    length -= static_cast<std::uint64_t>(got);
  }
}

// Gives the blocks of a part that nobody needs any more back to the disk, where the file system
// can.
void punch(int fd, const auto& part) {
  if (part.size == 0) return;
  static_cast<void>(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                              static_cast<off_t>(part.offset), static_cast<off_t>(part.size)));
}

std::string kept_text(std::uint64_t kept) {
  std::string digits = std::to_string(kept);
  return std::string(kKeptDigits - digits.size(), '0') + digits;
}

void add_value(std::string& out, std::string_view key, std::string_view value) {
  out.append(key).append(" ");
  text::append_encoded(out, value, kPlain);
  out += '\n';
}

bool covers(Digests computed, Digests wanted) {
  return (computed.sha1 || !wanted.sha1) && (computed.md5 || !wanted.md5);
}

}  // namespace

// One upload. Guarded by FileStaging::mutex_, but for the digester: that belongs to who holds the
// upload, and while parts arrive, which excludes such a hold, it has a mutex of its own.
struct StagedState {
  // A part in the file `data`.
  struct Extent {
    std::uint64_t offset = 0;
    std::uint64_t size = 0;
  };

  StagedInfo info;
  std::uint64_t kept = 0;
  Millis touched = 0;
  std::uint64_t about_bytes = 0;  // length of the file `about`
  bool busy = false;              // a request holds it
  bool removed = false;
  std::uint64_t holds = 0;    // how often it was claimed
  std::uint64_t counted = 0;  // by the ledger
  std::mutex about_mutex;     // held while `about` is written

  std::map<std::uint64_t, Extent> parts;
  std::uint64_t end = 0;         // of the file `data`: where the next part begins
  std::size_t parts_coming = 0;  // requests that add parts

  std::mutex digest_mutex;  // held by parts that arrive, for what follows
  Digests digests;
  std::unique_ptr<Digester> digester;  // of the first `digested` bytes
  std::uint64_t digested = 0;

  // Takes one line of `about`. Returns false for a line that it does not know.
  bool take(std::string_view line);
  [[nodiscard]] StagedStatus status() const;
  [[nodiscard]] std::uint64_t bytes() const {
    std::uint64_t sum = kOwnBytes + kept;
    for (const auto& [number, part] : parts) sum += part.size;
    return sum;
  }
};

bool StagedState::take(std::string_view line) {
  const std::size_t space = std::min(line.find(' '), line.size());
  const std::string_view key = line.substr(0, space);
  line.remove_prefix(std::min(space + 1, line.size()));
  if (key == "part") {
    std::array<std::uint64_t, 3> numbers{};
    for (std::uint64_t& number : numbers) {
      const std::string_view word = line.substr(0, std::min(line.find(' '), line.size()));
      const auto parsed = text::parse_number(word);
      if (!parsed) return false;
      number = *parsed;
      line.remove_prefix(std::min(word.size() + 1, line.size()));
    }
    parts[numbers[0]] = {numbers[1], numbers[2]};
    end = std::max(end, numbers[1] + numbers[2]);
    return true;
  }
  const auto value = text::percent_decoded(line);
  if (!value) return false;
  const bool negative = value->starts_with('-');
  const auto number = text::parse_number(std::string_view(*value).substr(negative ? 1 : 0));
  const auto signed_number = [&] {
    const auto magnitude = static_cast<std::int64_t>(number.value_or(0));
    return negative ? -magnitude : magnitude;
  };
  if (key == "account" && number) {
    info.account = signed_number();
  } else if (key == "length" && number) {
    info.length = *number;
  } else if (key == "modified" && number) {
    info.modified = signed_number();
  } else if (key == "created" && number) {
    info.created = signed_number();
  } else if (key == "parts") {
    info.in_parts = true;
  } else if (key == "label") {
    info.label = *value;
  } else if (key == "segment") {
    info.target = info.target.child(*value);
  } else {
    return false;
  }
  return true;
}

StagedStatus StagedState::status() const {
  StagedStatus status{.info = info, .kept = kept, .touched = touched, .parts = {}, .busy = busy};
  for (const auto& [number, part] : parts) {
    status.parts[number] = part.size;
    status.kept += part.size;
  }
  return status;
}

class FileStaged final : public Staged {
 public:
  FileStaged(FileStaging& staging, std::shared_ptr<StagedState> state, Descriptor folder,
             Descriptor data, Descriptor about);
  ~FileStaged() override;
  FileStaged(const FileStaged&) = delete;
  FileStaged& operator=(const FileStaged&) = delete;

  [[nodiscard]] const StagedInfo& info() const override { return info_; }
  [[nodiscard]] std::uint64_t size() const override { return size_; }
  [[nodiscard]] bool resume() override;
  void append(std::span<const char> bytes) override;
  void keep() override;
  void rest() override;
  void drop() override { size_ = kept_; }
  void set_length(std::uint64_t length) override;
  void sum_from_here(Digests digests) override { sum_.emplace(digests); }
  [[nodiscard]] Checksums sum() override { return sum_->finish(); }
  [[nodiscard]] std::uint64_t bytes_to_copy() const override;
  [[nodiscard]] std::unique_ptr<Upload> content(Digests digests) override;
  void finish() override;

 private:
  // Returns the parts in the order of their numbers.
  [[nodiscard]] std::vector<StagedState::Extent> parts() const;
  void let_go();
  [[nodiscard]] std::unique_ptr<Upload> content_of(const char* name, int fd, std::uint64_t size,
                                                   Digests digests);
  [[nodiscard]] Descriptor join(const std::vector<StagedState::Extent>& parts,
                                const Digests& digests);

  FileStaging& staging_;
  std::shared_ptr<StagedState> state_;
  StagedInfo info_;
  Descriptor folder_, data_, about_;
  std::uint64_t size_ = 0;
  std::uint64_t kept_ = 0;
  std::uint64_t hold_ = 0;  // StagedState::holds of this one
  bool holds_ = true;
  bool joined_ = false;  // there is a file kJoined
  std::optional<Digester> sum_;
};

FileStaged::FileStaged(FileStaging& staging, std::shared_ptr<StagedState> state, Descriptor folder,
                       Descriptor data, Descriptor about)
    : staging_(staging),
      state_(std::move(state)),
      folder_(std::move(folder)),
      data_(std::move(data)),
      about_(std::move(about)) {
  const std::lock_guard lock(staging_.mutex_);
  info_ = state_->info;
  size_ = kept_ = state_->kept;
  hold_ = state_->holds;
  if (info_.in_parts) return;
  if (state_->digester && state_->digested != kept_) state_->digester.reset();
  if (kept_ == 0 && !state_->digester) {
    state_->digester = std::make_unique<Digester>(state_->digests);
    state_->digested = 0;
  }
}

FileStaged::~FileStaged() {
  try {
    if (sum_) drop();
    if (holds_ && !info_.in_parts) keep();
  } catch (const Error&) {
    // The client learns from the next request how much was kept.
  }
  if (joined_) unlinkat(folder_.get(), kJoined, 0);
  let_go();
}

void FileStaged::let_go() {
  const std::lock_guard lock(staging_.mutex_);
  if (holds_) state_->busy = false;
  holds_ = false;
}

bool FileStaged::resume() {
  const std::lock_guard lock(staging_.mutex_);
  if (state_->removed) return false;
  if (holds_) return true;
  if (state_->busy || state_->holds != hold_) return false;
  state_->busy = holds_ = true;
  return true;
}

void FileStaged::append(std::span<const char> bytes) {
  staging_.contents_.refuse_if_failed();
  write_at(data_.get(), bytes, size_, kData);
  if (state_->digester && state_->digested == size_) {
    state_->digester->add(bytes);
    state_->digested += bytes.size();
  } else {
    state_->digester.reset();
  }
  if (sum_) sum_->add(bytes);
  size_ += bytes.size();
}

void FileStaged::keep() {
  std::uint64_t kept = size_;
  if (info_.length && *info_.length > 0) kept = std::min(kept, *info_.length - 1);
  if (kept == kept_) return;
  staging_.contents_.refuse_if_failed();
  staging_.contents_.flush_sealed(data_.get(), kData);
  {
    const std::lock_guard one(state_->about_mutex);
    const std::string digits = kept_text(kept);
    write_at(about_.get(), digits, 0, kAbout);
    staging_.contents_.flush_sealed(about_.get(), kAbout);
  }
  kept_ = kept;
  const std::lock_guard lock(staging_.mutex_);
  state_->kept = kept;
  state_->touched = staging_.clock_.wall();
  staging_.count(*state_);
}

void FileStaged::rest() {
  if (!holds_ || sum_) return;
  keep();
  // Who comes next goes on from what is kept, which may be less than has arrived by one byte.
  if (kept_ == size_) let_go();
}

void FileStaged::set_length(std::uint64_t length) {
  staging_.add_line(*state_, "length " + std::to_string(length) + "\n");
  info_.length = length;
  const std::lock_guard lock(staging_.mutex_);
  state_->info.length = length;
}

std::unique_ptr<Upload> FileStaged::content_of(const char* name, int fd, std::uint64_t size,
                                               Digests digests) {
  if (size <= kInlineLimitBytes) {
    std::unique_ptr<Upload> small = staging_.contents_.begin(digests);
    read_range(fd, 0, size, name, [&](std::span<const char> bytes) { small->append(bytes); });
    return small;
  }
  if (!state_->digester || state_->digested != size || !covers(state_->digests, digests)) {
    state_->digests = digests;
    state_->digester = std::make_unique<Digester>(digests);
    read_range(fd, 0, size, name,
               [&](std::span<const char> bytes) { state_->digester->add(bytes); });
  }
  const Checksums checksums = state_->digester->finish();
  state_->digester.reset();
  Descriptor own(fcntl(fd, F_DUPFD_CLOEXEC, 0));
  Descriptor folder(fcntl(folder_.get(), F_DUPFD_CLOEXEC, 0));
  if (!own || !folder) fail("dup", name);
  return staging_.contents_.link(std::move(folder), name, std::move(own), size, checksums);
}

// Writes the parts one behind the other into a file of their own.
Descriptor FileStaged::join(const std::vector<StagedState::Extent>& parts, const Digests& digests) {
  if (unlinkat(folder_.get(), kJoined, 0) != 0 && errno != ENOENT) fail("remove", kJoined);
  Descriptor joined(
      openat(folder_.get(), kJoined, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!joined) fail("create", kJoined);
  joined_ = true;
  state_->digests = digests;
  state_->digester = std::make_unique<Digester>(digests);
  std::uint64_t at = 0;
  for (const StagedState::Extent& part : parts)
    read_range(data_.get(), part.offset, part.size, kData, [&](std::span<const char> bytes) {
      state_->digester->add(bytes);
      write_at(joined.get(), bytes, at, kJoined);
      at += bytes.size();
    });
  state_->digested = at;
  return joined;
}

std::vector<StagedState::Extent> FileStaged::parts() const {
  std::vector<StagedState::Extent> parts;
  const std::lock_guard lock(staging_.mutex_);
  for (const auto& [number, part] : state_->parts) parts.push_back(part);
  return parts;
}

std::uint64_t FileStaged::bytes_to_copy() const {
  std::uint64_t size = 0;
  bool in_order = true;
  for (const StagedState::Extent& part : parts()) {
    in_order = in_order && part.offset == size;
    size += part.size;
  }
  return in_order ? 0 : size;
}

std::unique_ptr<Upload> FileStaged::content(Digests digests) {
  if (!info_.in_parts) {
    if (ftruncate(data_.get(), static_cast<off_t>(size_)) != 0) fail("truncate", kData);
    return content_of(kData, data_.get(), size_, digests);
  }
  const std::vector<StagedState::Extent> ordered = parts();
  const bool in_order = bytes_to_copy() == 0;
  size_ = 0;
  for (const StagedState::Extent& part : ordered) size_ += part.size;
  if (in_order) {
    // What lies behind the last part are the rests of parts that did not arrive.
    if (ftruncate(data_.get(), static_cast<off_t>(size_)) != 0) fail("truncate", kData);
    return content_of(kData, data_.get(), size_, digests);
  }
  const Descriptor joined = join(ordered, digests);
  return content_of(kJoined, joined.get(), size_, digests);
}

void FileStaged::finish() {
  {
    const std::lock_guard lock(staging_.mutex_);
    staging_.finished_.push_back({info_.id, info_.account, size_});
    if (staging_.finished_.size() > kFinishedKept) staging_.finished_.pop_front();
  }
  staging_.take_out(state_);
  kept_ = size_;
  let_go();
}

class FilePart final : public StagedPart {
 public:
  FilePart(FileStaging& staging, std::shared_ptr<StagedState> state, Descriptor data,
           std::uint64_t number, StagedState::Extent place)
      : staging_(staging),
        state_(std::move(state)),
        data_(std::move(data)),
        number_(number),
        place_(place) {}
  ~FilePart() override;
  FilePart(const FilePart&) = delete;
  FilePart& operator=(const FilePart&) = delete;

  void append(std::span<const char> bytes) override;
  void keep() override;

 private:
  FileStaging& staging_;
  std::shared_ptr<StagedState> state_;
  Descriptor data_;
  std::uint64_t number_;
  StagedState::Extent place_;
  std::uint64_t size_ = 0;
  bool kept_ = false;
};

FilePart::~FilePart() {
  if (!kept_) {
    punch(data_.get(), place_);
    const std::lock_guard digesting(state_->digest_mutex);
    if (state_->digested > place_.offset) state_->digester.reset();
  }
  const std::lock_guard lock(staging_.mutex_);
  --state_->parts_coming;
  // The next part takes the place of one that did not arrive when nothing lies behind it.
  if (!kept_ && state_->end == place_.offset + place_.size) state_->end = place_.offset;
}

void FilePart::append(std::span<const char> bytes) {
  if (bytes.size() > place_.size - size_)
    throw Error(Fault::conflict, "a part is longer than announced");
  staging_.contents_.refuse_if_failed();
  write_at(data_.get(), bytes, place_.offset + size_, kData);
  // Parts that come one after the other are hashed as they come.
  {
    const std::lock_guard digesting(state_->digest_mutex);
    if (state_->digester && state_->digested == place_.offset + size_) {
      state_->digester->add(bytes);
      state_->digested += bytes.size();
    }
  }
  size_ += bytes.size();
}

void FilePart::keep() {
  if (size_ != place_.size) throw Error(Fault::conflict, "a part is shorter than announced");
  staging_.contents_.refuse_if_failed();
  staging_.contents_.flush_sealed(data_.get(), kData);
  {
    const std::lock_guard lock(staging_.mutex_);
    if (state_->removed) throw Error(Fault::conflict, "the upload was removed");
  }
  staging_.add_line(*state_, "part " + std::to_string(number_) + " " +
                                 std::to_string(place_.offset) + " " + std::to_string(place_.size) +
                                 "\n");
  StagedState::Extent replaced;
  {
    const std::lock_guard lock(staging_.mutex_);
    kept_ = true;
    replaced = std::exchange(state_->parts[number_], place_);
    state_->touched = staging_.clock_.wall();
    staging_.count(*state_);
  }
  punch(data_.get(), replaced);
}

FileStaging::FileStaging(const DataFolder& folder, FileContentStore& contents, const Clock& clock)
    : folder_(folder), contents_(contents), clock_(clock) {
  if (!folder_.read_only()) load();
}

FileStaging::~FileStaging() = default;

Descriptor FileStaging::open_root(bool may_make) const {
  Descriptor root(openat(folder_.descriptor(), kRoot, kFolderFlags));
  if (root || errno != ENOENT || !may_make) return root;
  if (mkdirat(folder_.descriptor(), kRoot, 0700) != 0 && errno != EEXIST) fail("create", kRoot);
  contents_.flush_sealed(folder_.descriptor(), "the data folder");
  return Descriptor(openat(folder_.descriptor(), kRoot, kFolderFlags));
}

Descriptor FileStaging::open_upload(const std::string& id) const {
  const Descriptor root = open_root(false);
  if (!root) return {};
  return Descriptor(openat(root.get(), id.c_str(), kFolderFlags));
}

void FileStaging::load() {
  Descriptor root = open_root(false);
  if (!root && errno == ENOENT) return;
  if (!root)
    throw OpenError("Cannot use " + folder_.path() +
                    "/uploads as a folder: " + std::strerror(errno) + ".");
  std::vector<std::string> ids;
  const std::unique_ptr<DIR, int (*)(DIR*)> entries(fdopendir(root.release()), &closedir);
  while (const dirent* entry = entries ? readdir(entries.get()) : nullptr)
    if (is_blob_name(entry->d_name)) ids.emplace_back(entry->d_name);
  for (const std::string& id : ids) {
    auto state = std::make_shared<StagedState>();
    const Descriptor folder = open_upload(id);
    const Descriptor about(folder ? openat(folder.get(), kAbout, O_RDONLY | O_NOFOLLOW | O_CLOEXEC)
                                  : -1);
    struct stat file {};
    struct stat data {};
    bool whole = about && fstat(about.get(), &file) == 0 && S_ISREG(file.st_mode) &&
                 static_cast<std::size_t>(file.st_size) <= kAboutLimitBytes &&
                 fstatat(folder.get(), kData, &data, AT_SYMLINK_NOFOLLOW) == 0 &&
                 S_ISREG(data.st_mode);
    std::string text;
    if (whole)
      read_range(about.get(), 0, static_cast<std::uint64_t>(file.st_size), kAbout,
                 [&](std::span<const char> bytes) { text.append(bytes.data(), bytes.size()); });
    std::string_view rest = text;
    const auto kept = text::parse_number(rest.substr(0, std::min(rest.find('\n'), rest.size())));
    bool begun = false;
    if (whole && kept)
      for (rest.remove_prefix(std::min(kKeptDigits + 1, rest.size()));
           rest.find('\n') != rest.npos;) {
        const std::string_view line = rest.substr(0, rest.find('\n'));
        if (line == "begun") {
          begun = true;
        } else if (!state->take(line)) {
          break;
        }
        rest.remove_prefix(line.size() + 1);
      }
    // An upload is begun once its line says so; before that, no client knew of it.
    if (!begun || !kept) {
      erase_files(id);
      continue;
    }
    const auto size = static_cast<std::uint64_t>(data.st_size);
    std::erase_if(state->parts,
                  [&](const auto& part) { return part.second.offset + part.second.size > size; });
    state->info.id = id;
    state->kept = std::min(*kept, size);
    // What was not acknowledged is not counted either.
    const std::uint64_t used = state->info.in_parts ? state->end : state->kept;
    const Descriptor bytes(openat(folder.get(), kData, O_WRONLY | O_NOFOLLOW | O_CLOEXEC));
    if (!bytes || (used < size && ftruncate(bytes.get(), static_cast<off_t>(used)) != 0))
      throw OpenError("Cannot use " + folder_.path() + "/uploads/" + id + ": " +
                      std::strerror(errno) + ".");
    state->touched = static_cast<Millis>(file.st_mtim.tv_sec) * 1000;
    state->about_bytes = text.size() - rest.size();
    uploads_.emplace(id, std::move(state));
  }
}

void FileStaging::erase_files(const std::string& id) const noexcept {
  const Descriptor root = open_root(false);
  const Descriptor folder(root ? openat(root.get(), id.c_str(), kFolderFlags) : -1);
  if (!folder) return;
  // Without `about` the rest is nothing, whenever the process dies.
  for (const char* name : {kAbout, kData, kJoined}) unlinkat(folder.get(), name, 0);
  unlinkat(root.get(), id.c_str(), AT_REMOVEDIR);
}

void FileStaging::write_first(const StagedInfo& info) {
  std::string text = kept_text(0) + "\n";
  add_value(text, "account", std::to_string(info.account));
  if (info.length) add_value(text, "length", std::to_string(*info.length));
  if (info.modified) add_value(text, "modified", std::to_string(*info.modified));
  add_value(text, "created", std::to_string(info.created));
  if (info.in_parts) add_value(text, "parts", "");
  add_value(text, "label", info.label);
  for (const std::string& segment : info.target.segments()) add_value(text, "segment", segment);
  text += "begun\n";
  const Descriptor root = open_root(true);
  if (!root) fail("open", kRoot);
  if (mkdirat(root.get(), info.id.c_str(), 0700) != 0) fail("create", info.id);
  const Descriptor folder(openat(root.get(), info.id.c_str(), kFolderFlags));
  if (!folder) fail("open", info.id);
  constexpr int kNew = O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
  const Descriptor data(openat(folder.get(), kData, kNew, 0600));
  if (!data) fail("create", kData);
  const Descriptor about(openat(folder.get(), kAbout, kNew, 0600));
  if (!about) fail("create", kAbout);
  write_at(about.get(), text, 0, kAbout);
  contents_.flush_sealed(about.get(), kAbout);
  contents_.flush_sealed(folder.get(), info.id);
  contents_.flush_sealed(root.get(), kRoot);
  auto state = std::make_shared<StagedState>();
  state->info = info;
  state->touched = info.created;
  state->about_bytes = text.size();
  state->digests = info.digests;
  state->digester = std::make_unique<Digester>(info.digests);
  const std::lock_guard lock(mutex_);
  count(*state);
  uploads_.emplace(info.id, std::move(state));
}

std::optional<std::string> FileStaging::create(StagedInfo info, std::size_t most) {
  if (folder_.read_only()) throw Error(Fault::read_only, "the data folder is on a read-only disk");
  contents_.refuse_if_failed();
  {
    const std::lock_guard lock(mutex_);
    const auto count = std::ranges::count_if(
        uploads_, [&](const auto& upload) { return upload.second->info.account == info.account; });
    if (static_cast<std::size_t>(count) >= most) return std::nullopt;
  }
  info.id = random_id();
  info.created = clock_.wall();
  try {
    write_first(info);
  } catch (...) {
    erase_files(info.id);
    throw;
  }
  return info.id;
}

std::shared_ptr<StagedState> FileStaging::state_of(std::string_view id) const {
  const auto found = uploads_.find(id);
  return found == uploads_.end() ? nullptr : found->second;
}

std::optional<StagedStatus> FileStaging::find(std::string_view id) const {
  const std::lock_guard lock(mutex_);
  const auto state = state_of(id);
  return state ? std::optional(state->status()) : std::nullopt;
}

std::optional<StagedStatus> FileStaging::find(AccountId account, std::string_view label) const {
  const std::lock_guard lock(mutex_);
  for (const auto& [id, state] : uploads_)
    if (state->info.in_parts && state->info.account == account && state->info.label == label)
      return state->status();
  return std::nullopt;
}

std::optional<std::uint64_t> FileStaging::finished(AccountId account, std::string_view id) const {
  const std::lock_guard lock(mutex_);
  for (const Finished& each : finished_)
    if (each.id == id && each.account == account) return each.size;
  return std::nullopt;
}

std::unique_ptr<Staged> FileStaging::claim(std::string_view id) {
  std::shared_ptr<StagedState> state;
  {
    const std::lock_guard lock(mutex_);
    state = state_of(id);
    if (!state || state->busy || state->parts_coming > 0) return nullptr;
    state->busy = true;
    ++state->holds;
  }
  try {
    Descriptor folder = open_upload(state->info.id);
    Descriptor data;
    Descriptor about;
    if (folder) data = Descriptor(openat(folder.get(), kData, O_RDWR | O_NOFOLLOW | O_CLOEXEC));
    if (data) about = Descriptor(openat(folder.get(), kAbout, O_RDWR | O_NOFOLLOW | O_CLOEXEC));
    if (!about) fail("open", state->info.id);
    return std::make_unique<FileStaged>(*this, state, std::move(folder), std::move(data),
                                        std::move(about));
  } catch (...) {
    const std::lock_guard lock(mutex_);
    state->busy = false;
    throw;
  }
}

std::unique_ptr<StagedPart> FileStaging::add_part(std::string_view id, std::uint64_t number,
                                                  std::uint64_t length) {
  Descriptor data;
  if (const Descriptor folder = open_upload(std::string(id)))
    data = Descriptor(openat(folder.get(), kData, O_RDWR | O_NOFOLLOW | O_CLOEXEC));
  const std::lock_guard lock(mutex_);
  const std::shared_ptr<StagedState> state = state_of(id);
  if (!state || state->busy || !state->info.in_parts) return nullptr;
  if (!data) throw Error(Fault::unavailable, "an upload's file cannot be opened");
  auto part = std::make_unique<FilePart>(*this, state, std::move(data), number,
                                         StagedState::Extent{state->end, length});
  state->end += length;
  ++state->parts_coming;
  return part;
}

bool FileStaging::take_out(const std::shared_ptr<StagedState>& state) {
  {
    const std::lock_guard lock(mutex_);
    if (std::exchange(state->removed, true)) return false;
    uploads_.erase(state->info.id);
    if (ledger_) ledger_->release(state->info.account, state->counted);
    state->counted = 0;
  }
  erase_files(state->info.id);
  return true;
}

bool FileStaging::remove(std::string_view id) {
  std::shared_ptr<StagedState> state;
  {
    const std::lock_guard lock(mutex_);
    state = state_of(id);
  }
  return state && take_out(state);
}

std::size_t FileStaging::expire(std::int64_t seconds) {
  std::vector<std::shared_ptr<StagedState>> old;
  {
    const std::lock_guard lock(mutex_);
    const Millis now = clock_.wall();
    for (const auto& [id, state] : uploads_)
      if (!state->busy && state->parts_coming == 0 && now - state->touched >= seconds * 1000)
        old.push_back(state);
  }
  std::size_t removed = 0;
  for (const auto& state : old) removed += take_out(state) ? 1U : 0U;
  return removed;
}

std::vector<StagedStatus> FileStaging::list() const {
  std::vector<StagedStatus> all;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [id, state] : uploads_) all.push_back(state->status());
  }
  std::ranges::stable_sort(all, {}, [](const StagedStatus& each) { return each.info.created; });
  return all;
}

void FileStaging::count_in(std::shared_ptr<SpaceLedger> ledger) {
  const std::lock_guard lock(mutex_);
  ledger_ = std::move(ledger);
  for (const auto& [id, state] : uploads_) count(*state);
}

void FileStaging::count(StagedState& state) {
  if (!ledger_ || state.removed) return;
  const std::uint64_t bytes = state.bytes();
  if (bytes > state.counted) ledger_->hold(state.info.account, bytes - state.counted);
  if (bytes < state.counted) ledger_->release(state.info.account, state.counted - bytes);
  state.counted = bytes;
}

void FileStaging::add_line(StagedState& state, const std::string& line) {
  const Descriptor folder = open_upload(state.info.id);
  const Descriptor about(folder ? openat(folder.get(), kAbout, O_RDWR | O_NOFOLLOW | O_CLOEXEC)
                                : -1);
  if (!about) fail("open", kAbout);
  const std::lock_guard one(state.about_mutex);
  if (state.about_bytes + line.size() > kAboutLimitBytes)
    throw Error(Fault::full, "an upload has too many parts");
  write_at(about.get(), line, state.about_bytes, kAbout);
  contents_.flush_sealed(about.get(), kAbout);
  state.about_bytes += line.size();
}

}  // namespace holdfast::storage::files
