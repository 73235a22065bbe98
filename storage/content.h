// Content: immutable byte strings, staged before they are named by a row
// (docs/storage.md#crash-at-each-step).
//
// The order that keeps every promise: stage → complete? → seal (flush file, rename, flush folder)
// → Namespace::write names it → acknowledge. A row never names content that may be missing;
// content without a row is garbage and is swept.
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

// Content of at most this many bytes lives in the namespace's own store: one flush, no file.
inline constexpr std::uint64_t kInlineLimitBytes = 64 * 1024;

// Which checksums to compute besides SHA-256, which is always known.
struct Digests {
  bool sha1 = false;
  bool md5 = false;
};

// One upload. Used by one thread at a time. Destroyed unsealed, or sealed and not kept, it leaves
// nothing behind.
class Upload {
 public:
  virtual ~Upload() = default;
  // Adds bytes. Throws Error{full} without space, Error{unavailable} when the disk fails.
  virtual void append(std::span<const char> bytes) = 0;
  [[nodiscard]] virtual std::uint64_t size() const = 0;
  // Call once, after the whole body has arrived. On return the content is complete and, in `full`
  // durability, on disk under its final name; the value can be given to Transaction::put any
  // number of times (a closure may rerun). Throws like append.
  [[nodiscard]] virtual const Content& seal() = 0;
  // A row names the content now, or may name it (a commit whose outcome is unknown): do not remove
  // it.
  virtual void keep() = 0;
};

// Reads one content file; keeps its bytes alive though the file be unlinked meanwhile.
class ContentReader {
 public:
  virtual ~ContentReader() = default;
  [[nodiscard]] virtual std::uint64_t size() const = 0;
  // Reads up to buffer.size() bytes at `offset`; returns how many (0 only at the end). Throws
  // Error{corrupt} when the file is shorter than its size or the disk cannot read it.
  [[nodiscard]] virtual std::size_t read(std::uint64_t offset, std::span<char> buffer) = 0;
  // A descriptor for sendfile(2) of these bytes, or -1 when they must be taken through read. Owned
  // by the reader.
  [[nodiscard]] virtual int descriptor(std::uint64_t /*offset*/, std::uint64_t /*length*/) const {
    return -1;
  }
  // Before the first byte is served: throws Error{corrupt} when the file does not have the SHA-256
  // it was stored with (docs/robustness.md G9). Costs next to nothing when the store has written or
  // verified the file itself and nobody has touched it since. A file too large to be read before
  // the answer begins passes; it is verified while it is read from its beginning to its end, and
  // read throws before it gives the last piece. May read for long: not while a snapshot stands.
  virtual void require_sound() = 0;
};

// Any thread may call any function.
class ContentStore {
 public:
  virtual ~ContentStore() = default;
  [[nodiscard]] virtual std::unique_ptr<Upload> begin(Digests digests) = 0;
  // Opens the file of `content`, which must not be inline. nullptr when there is no such file: look
  // the resource up again once (it may have been replaced), then it is Error{corrupt}. Throws
  // Error{corrupt} when the file has another size than the row says.
  [[nodiscard]] virtual std::unique_ptr<ContentReader> open(const Content& content) = 0;
  // Removes a file; one that is gone already is no error.
  virtual void remove(const std::string& blob) = 0;
  // Flushes every file and folder entry sealed so far (a no-op in `full` durability).
  virtual void flush() = 0;
  // Calls `visit` (which may call remove) with name and size of each stored file that no upload
  // holds any more, in no order. Files sealed after the call began may or may not appear.
  virtual void for_each(
      const std::function<void(const std::string& blob, std::uint64_t size)>& visit) = 0;
  // Moves a file that no row names to where nothing is served from and nobody removes it, on the
  // disk once `flush_aside` has returned.
  virtual void set_aside(const std::string& blob) = 0;
  virtual void flush_aside() = 0;
  // Takes the file of `content`, which is missing, back from there when it has its size and
  // SHA-256 (reads all of it). False when there is none that fits.
  [[nodiscard]] virtual bool take_back(const Content& content) = 0;
  // As Namespace::displaced.
  [[nodiscard]] virtual std::string displaced() const = 0;
  // True when the content, inline or a file, has its size and SHA-256 (reads all of it).
  [[nodiscard]] virtual bool verify(const Content& content) = 0;
  // ContentReader::require_sound for inline content. `id` is Resource::content.
  virtual void require_sound(std::int64_t id, const Content& content) = 0;
  // require_sound has nothing left to look at in this inline content.
  [[nodiscard]] virtual bool is_known_sound(std::int64_t id) const = 0;
  // From now on there is none: an upload of this store made it, and a commit gave it this id.
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
