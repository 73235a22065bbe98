// Content is an immutable byte string, staged before a row names it
// (docs/storage.md#crash-at-each-step).
//
// The order of steps: stage, see that it is complete, seal (flush the file, rename it, flush the
// folder), name it by Namespace::write, acknowledge. So a row never names content that may be
// missing; content without a row is garbage and is swept.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "storage/error.h"
#include "storage/model.h"

namespace holdfast::storage {

// Content of at most this many bytes lives in the namespace's own store, which costs one flush and
// no file.
inline constexpr std::uint64_t kInlineLimitBytes = 64 * 1024;

// Which checksums to compute besides SHA-256, which is always known.
struct Digests {
  bool sha1 = false;
  bool md5 = false;
};

// One upload. Used by one thread at a time. An upload that is destroyed before `seal`, or after
// `seal` and without `keep`, leaves nothing behind.
class Upload {
 public:
  virtual ~Upload() = default;
  // Adds bytes. Throws Error{full} when there is no space, Error{unavailable} when the disk fails.
  virtual void append(std::span<const char> bytes) = 0;
  [[nodiscard]] virtual std::uint64_t size() const = 0;
  // Gives memory back, because the next bytes may be long in coming. Throws like append.
  virtual void rest() {}
  // Call once, after the whole body has arrived. On return the content is complete and, in `full`
  // durability, on disk under its final name; the value can be given to Transaction::put any
  // number of times (a closure may rerun). Throws like append.
  [[nodiscard]] virtual const Content& seal() = 0;
  // Call when a row names the content now, or may name it (a commit whose outcome is unknown): the
  // content is then not removed.
  virtual void keep() = 0;
};

// Reads one content file. Its bytes stay readable when the file is unlinked meanwhile.
class ContentReader {
 public:
  virtual ~ContentReader() = default;
  [[nodiscard]] virtual std::uint64_t size() const = 0;
  // Reads up to buffer.size() bytes at `offset`; returns how many (0 only at the end). Throws
  // Error{corrupt} when the file is shorter than its size or the disk cannot read it.
  [[nodiscard]] virtual std::size_t read(std::uint64_t offset, std::span<char> buffer) = 0;
  // Returns a descriptor for sendfile(2) of these bytes, or -1 when they must be read by `read`.
  // The reader owns the descriptor.
  [[nodiscard]] virtual int descriptor(std::uint64_t /*offset*/, std::uint64_t /*length*/) const {
    return -1;
  }
  // Call before the first byte is served. Throws Error{corrupt} when the file does not have the
  // SHA-256 it was stored with (docs/robustness.md G9). Costs next to nothing when the store has
  // written or verified the file itself and it has not changed since. A file too large to be read
  // before the response begins passes; it is verified while it is read from its beginning to its
  // end, and `read` throws before it returns the last part. May read for long: do not call it while
  // a snapshot exists.
  virtual void require_sound() = 0;
};

// Any thread may call any function.
class ContentStore {
 public:
  virtual ~ContentStore() = default;
  [[nodiscard]] virtual std::unique_ptr<Upload> begin(Digests digests) = 0;
  // Opens the file of `content`, which must not be inline. Returns nullptr when there is no such
  // file: the caller looks the resource up again once (it may have been replaced) and then throws
  // Error{corrupt}. Throws Error{corrupt} when the file has another size than the row says.
  [[nodiscard]] virtual std::unique_ptr<ContentReader> open(const Content& content) = 0;
  // Removes a file. A file that is already gone is no error.
  virtual void remove(const std::string& blob) = 0;
  // Flushes every file and folder entry sealed so far (a no-op in `full` durability).
  virtual void flush() = 0;
  // Calls `visit` (which may call remove) with name and size of each stored file that no upload
  // holds any more, in no order. Files sealed after the call began may or may not appear.
  virtual void for_each(
      const std::function<void(const std::string& blob, std::uint64_t size)>& visit) = 0;
  // Moves a file that no row names to a folder from which nothing is served or removed. The move is
  // on the disk once `flush_aside` has returned.
  virtual void set_aside(const std::string& blob) = 0;
  virtual void flush_aside() = 0;
  // Moves the missing file of `content` back from there when the size and SHA-256 fit (reads all of
  // it). Returns false when no file fits.
  [[nodiscard]] virtual bool take_back(const Content& content) = 0;
  // Does what Namespace::displaced does, for the files of the content store.
  [[nodiscard]] virtual std::string displaced() const = 0;
  // Returns true when the content, inline or a file, has its size and SHA-256 (reads all of it).
  [[nodiscard]] virtual bool verify(const Content& content) = 0;
  // Does what ContentReader::require_sound does, for inline content. `id` is Resource::content.
  virtual void require_sound(std::int64_t id, const Content& content) = 0;
  // Returns true when require_sound need not read this inline content again.
  [[nodiscard]] virtual bool is_known_sound(std::int64_t id) const = 0;
  // Makes is_known_sound true: an upload of this store made the content, and a commit gave it this
  // id.
  virtual void note_sound(std::int64_t id) = 0;
  // Bytes that can still be stored, and the size of the whole disk; for RFC 4331 quota properties
  // and the free-space floor.
  struct Space {
    std::uint64_t available = 0;
    std::uint64_t total = 0;
  };
  [[nodiscard]] virtual Space space() const = 0;
};

}  // namespace holdfast::storage
