#include <array>
#include <openssl/evp.h>
#include <set>
#include <stdexcept>
#include <utility>

#include "tests/support/memory_store.h"

namespace holdfast::test {

using storage::Content;
using storage::ContentReader;
using storage::Error;
using storage::Fault;

struct MemoryContentStore::Shelf {
  std::mutex mutex;
  std::map<std::string, std::shared_ptr<const std::string>> files;
  std::map<std::string, std::shared_ptr<const std::string>> aside;
  std::set<std::string> held;  // files of uploads: sealed and not kept
  std::uint64_t last_name = 0;
  std::size_t uploads = 0;
  Space space{.available = std::uint64_t{1} << 40, .total = std::uint64_t{1} << 41};
};

namespace {

template <std::size_t size>
std::array<std::uint8_t, size> digest(const EVP_MD* algorithm, std::string_view bytes) {
  std::array<std::uint8_t, size> out{};
  unsigned int length = 0;
  if (EVP_Digest(bytes.data(), bytes.size(), out.data(), &length, algorithm, nullptr) != 1 ||
      length != size)
    throw std::runtime_error("digest failed");
  return out;
}

class MemoryUpload final : public storage::Upload {
 public:
  MemoryUpload(std::shared_ptr<MemoryContentStore::Shelf> shelf, storage::Digests digests)
      : shelf_(std::move(shelf)), digests_(digests) {
    const std::lock_guard lock(shelf_->mutex);
    ++shelf_->uploads;
  }
  ~MemoryUpload() override {
    const std::lock_guard lock(shelf_->mutex);
    --shelf_->uploads;
    shelf_->held.erase(content_.blob);
    if (sealed_ && !kept_) shelf_->files.erase(content_.blob);
  }

  void append(std::span<const char> bytes) override {
    const std::lock_guard lock(shelf_->mutex);
    if (bytes_.size() + bytes.size() > shelf_->space.available)
      throw Error(Fault::full, "memory store is full");
    bytes_.append(bytes.data(), bytes.size());
  }
  [[nodiscard]] std::uint64_t size() const override { return bytes_.size(); }
  [[nodiscard]] const Content& seal() override {
    if (sealed_) throw std::logic_error("sealed twice");
    content_.size = bytes_.size();
    content_.checksums.sha256 = digest<32>(EVP_sha256(), bytes_);
    if (digests_.sha1) content_.checksums.sha1 = digest<20>(EVP_sha1(), bytes_);
    if (digests_.md5) content_.checksums.md5 = digest<16>(EVP_md5(), bytes_);
    if (bytes_.size() <= storage::kInlineLimitBytes) {
      content_.bytes = bytes_;
    } else {
      const std::lock_guard lock(shelf_->mutex);
      content_.blob = "blob-" + std::to_string(++shelf_->last_name);
      shelf_->held.insert(content_.blob);
      shelf_->files[content_.blob] = std::make_shared<const std::string>(bytes_);
    }
    sealed_ = true;
    return content_;
  }
  void keep() override {
    const std::lock_guard lock(shelf_->mutex);
    shelf_->held.erase(content_.blob);
    kept_ = true;
  }

 private:
  std::shared_ptr<MemoryContentStore::Shelf> shelf_;
  storage::Digests digests_;
  std::string bytes_;
  Content content_;
  bool sealed_ = false;
  bool kept_ = false;
};

class MemoryReader final : public ContentReader {
 public:
  MemoryReader(std::shared_ptr<const std::string> bytes, const Content& content)
      : bytes_(std::move(bytes)), sha256_(content.checksums.sha256) {}
  [[nodiscard]] std::uint64_t size() const override { return bytes_->size(); }
  [[nodiscard]] std::size_t read(std::uint64_t offset, std::span<char> buffer) override {
    if (offset >= bytes_->size()) return 0;
    return bytes_->copy(buffer.data(), buffer.size(), offset);
  }
  void require_sound() override {
    if (digest<32>(EVP_sha256(), *bytes_) != sha256_)
      throw Error(Fault::corrupt, "a file does not have its SHA-256");
  }

 private:
  std::shared_ptr<const std::string> bytes_;
  std::array<std::uint8_t, 32> sha256_;
};

}  // namespace

MemoryContentStore::MemoryContentStore() : shelf_(std::make_shared<Shelf>()) {}
MemoryContentStore::~MemoryContentStore() = default;

std::unique_ptr<storage::Upload> MemoryContentStore::begin(storage::Digests digests) {
  return std::make_unique<MemoryUpload>(shelf_, digests);
}

std::unique_ptr<ContentReader> MemoryContentStore::open(const Content& content) {
  const std::lock_guard lock(shelf_->mutex);
  const auto found = shelf_->files.find(content.blob);
  if (found == shelf_->files.end()) return nullptr;
  if (found->second->size() != content.size)
    throw Error(Fault::corrupt, content.blob + " has another size than its row says");
  return std::make_unique<MemoryReader>(found->second, content);
}

void MemoryContentStore::remove(const std::string& blob) {
  const std::lock_guard lock(shelf_->mutex);
  shelf_->files.erase(blob);
}

void MemoryContentStore::set_aside(const std::string& blob) {
  const std::lock_guard lock(shelf_->mutex);
  const auto found = shelf_->files.find(blob);
  if (found == shelf_->files.end()) throw Error(Fault::unavailable, blob + " is missing");
  shelf_->aside.insert(shelf_->files.extract(found));
}

bool MemoryContentStore::take_back(const Content& content) {
  const std::lock_guard lock(shelf_->mutex);
  const auto found = shelf_->aside.find(content.blob);
  if (found == shelf_->aside.end() || found->second->size() != content.size ||
      digest<32>(EVP_sha256(), *found->second) != content.checksums.sha256)
    return false;
  shelf_->files.insert(shelf_->aside.extract(found));
  return true;
}

void MemoryContentStore::for_each(
    const std::function<void(const std::string& blob, std::uint64_t size)>& visit) {
  std::vector<std::pair<std::string, std::uint64_t>> files;
  {
    const std::lock_guard lock(shelf_->mutex);
    for (const auto& [blob, bytes] : shelf_->files)
      if (!shelf_->held.contains(blob)) files.emplace_back(blob, bytes->size());
  }
  for (const auto& [blob, size] : files) visit(blob, size);
}

bool MemoryContentStore::verify(const Content& content) {
  if (content.is_inline())
    return digest<32>(EVP_sha256(), content.bytes) == content.checksums.sha256;
  const std::lock_guard lock(shelf_->mutex);
  const auto found = shelf_->files.find(content.blob);
  return found != shelf_->files.end() && found->second->size() == content.size &&
         digest<32>(EVP_sha256(), *found->second) == content.checksums.sha256;
}

void MemoryContentStore::require_sound(std::int64_t /*id*/, const Content& content) {
  if (!verify(content)) throw Error(Fault::corrupt, "inline content does not have its SHA-256");
}

MemoryContentStore::Space MemoryContentStore::space() const {
  const std::lock_guard lock(shelf_->mutex);
  return shelf_->space;
}

void MemoryContentStore::set_space(Space space) {
  const std::lock_guard lock(shelf_->mutex);
  shelf_->space = space;
}

std::size_t MemoryContentStore::files() const {
  const std::lock_guard lock(shelf_->mutex);
  return shelf_->files.size();
}

std::size_t MemoryContentStore::uploads() const {
  const std::lock_guard lock(shelf_->mutex);
  return shelf_->uploads;
}

void MemoryContentStore::damage(const std::string& blob, std::string bytes) {
  const std::lock_guard lock(shelf_->mutex);
  shelf_->files.at(blob) = std::make_shared<const std::string>(std::move(bytes));
}

}  // namespace holdfast::test
