// The last barrier of relaxed durability (docs/storage.md): how long the log was when every content
// file that the store named, and then the log, had been flushed. It lies in a file beside the
// database, in two places that are written in turn, so that one of them is always whole.
// One thread at a time.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace holdfast::storage::sqlite {

struct Barrier {
  std::uint64_t number = 0;       // of barriers, the first has 1
  std::uint64_t salts = 0;        // of the log (wal_vfs.h); 0: there was none
  std::int64_t frames = 0;        // pages in it
  std::int64_t next_content = 0;  // contents with this id and later ones came after the barrier
};

class BarrierFile {
 public:
  // `database` is the path of the database.
  explicit BarrierFile(const std::string& database) : path_(database + ".barrier") {}

  // The last one; nothing when there is no file, or none in it yet, or it was ended: every commit
  // so far was flushed. Throws OpenError when there is a file and it cannot be read.
  [[nodiscard]] std::optional<Barrier> read() const;
  // Flushes it, and the first time also its name; takes the next number. Throws Error{full},
  // {read_only} or {unavailable}; then the one before still counts.
  void write(Barrier barrier);
  // Writes that from now on every commit is flushed, so that none may be cut off. The file stays: a
  // full disk may have no room for another. Throws as write.
  void end();

 private:
  [[nodiscard]] std::optional<Barrier> last_record() const;

  std::string path_;
  std::uint64_t last_ = 0;  // its number; 0: nothing is known of the file
};

}  // namespace holdfast::storage::sqlite
