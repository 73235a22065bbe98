// The last barrier of relaxed durability (docs/storage.md): how long the log was when every content
// file that the store named, and then the log, had been flushed. It lies in a file beside the
// database. Two places in the file are written in turn, so that one of them is always whole. One
// thread at a time.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace holdfast::storage::sqlite {

struct Barrier {
  std::uint64_t number = 0;       // of this barrier; the first has 1
  std::uint64_t salts = 0;        // of the log (wal_vfs.h); 0: there was no log
  std::int64_t frames = 0;        // pages in it
  std::int64_t next_content = 0;  // contents with this id and later ones came after the barrier
};

class BarrierFile {
 public:
  // `database` is the path of the database.
  explicit BarrierFile(const std::string& database) : path_(database + ".barrier") {}

  // Returns the last barrier; nullopt when there is no file, no barrier in it yet, or the barriers
  // were ended. nullopt means that every commit so far was flushed. Throws OpenError when there is
  // a file and it cannot be read.
  [[nodiscard]] std::optional<Barrier> read() const;
  // Writes and flushes the barrier under the next number; the first call also flushes the file's
  // name. Throws Error{full}, Error{read_only} or Error{unavailable}; then the previous barrier
  // still counts.
  void write(Barrier barrier);
  // Records that from now on every commit is flushed, so that none may be cut off. The file stays:
  // a full disk may have no room for another. Throws what `write` throws.
  void end();

 private:
  [[nodiscard]] std::optional<Barrier> last_record() const;

  std::string path_;
  std::uint64_t last_ = 0;  // number of the last barrier; 0: the file was not read
};

}  // namespace holdfast::storage::sqlite
