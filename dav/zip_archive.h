// A zip archive that is written piece by piece, by libarchive: contents as they are (stored), names
// in UTF-8, modification dates. Its memory grows with the number of entries, which a zip archive
// lists at its end, and not with their size. This is the only user of libarchive. One thread at a
// time.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace holdfast::dav {

class ZipArchive {
 public:
  ZipArchive();
  ~ZipArchive();
  ZipArchive(const ZipArchive&) = delete;
  ZipArchive& operator=(const ZipArchive&) = delete;

  // Adds a folder, or begins a file of this many bytes, which `add` must then add. `path` is names
  // with slashes between them; `modified` is in Unix seconds. These functions throw
  // std::runtime_error.
  void add_folder(const std::string& path, std::int64_t modified);
  void begin_file(const std::string& path, std::uint64_t size, std::int64_t modified);
  void add(std::string_view bytes);
  // Ends the archive.
  void finish();
  // What was written and is not taken yet. The caller takes it away.
  std::string written;

 private:
  struct Handle;
  void begin(const std::string& path, bool folder, std::uint64_t size, std::int64_t modified);
  std::unique_ptr<Handle> handle_;
};

}  // namespace holdfast::dav
