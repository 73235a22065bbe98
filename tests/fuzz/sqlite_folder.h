// A data folder in memory for one SQLite store after the other, each beginning as a copy of one
// database made once. One thread.
#pragma once

#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <memory>
#include <string>

#include "storage/sqlite/namespace.h"
#include "tests/support/memory_store.h"
#include "tests/support/temporary_folder.h"

namespace holdfast::fuzz {

class SqliteFolder {
 public:
  // `fill` puts into the first database what all of them begin with.
  explicit SqliteFolder(const std::function<void(storage::Namespace&)>& fill) {
    const auto first = open();
    fill(*first);
  }

  // The database as it was after `fill`.
  [[nodiscard]] const std::string& original() {
    if (original_.empty()) original_ = read(path());
    return original_;
  }
  // Puts these bytes in the place of the database.
  void replace(const std::string& bytes) {
    (void)original();
    for (const char* suffix : {"-wal", ".barrier", ".new"})
      std::filesystem::remove(path() + suffix);
    std::ofstream(path(), std::ios::binary | std::ios::trunc) << bytes;
  }
  [[nodiscard]] std::unique_ptr<storage::Namespace> open() {
    storage::sqlite::Options options;
    options.readers = 2;
    options.cache_bytes = 1 << 20;
    return storage::sqlite::open(path(), contents, clock, options);
  }
  [[nodiscard]] std::string path() const { return folder_ / "meta.db"; }

  test::ManualClock clock;
  test::MemoryContentStore contents;

 private:
  static std::string read(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }

  test::TemporaryFolder folder_{test::TemporaryFolder::in_memory()};
  std::string original_;
};

}  // namespace holdfast::fuzz
