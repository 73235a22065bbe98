// The files of uploads in a data folder. Any thread.
#pragma once

#include <filesystem>
#include <vector>

namespace holdfast::test {

// Returns the files of uploads in this data folder that were not moved to blobs/ yet. They may
// vanish meanwhile.
inline std::vector<std::filesystem::path> staged_files(const std::filesystem::path& data) {
  namespace fs = std::filesystem;
  std::vector<fs::path> found;
  std::error_code gone;
  for (fs::recursive_directory_iterator entry(data / "tmp", gone), end; !gone && entry != end;
       entry.increment(gone))
    if (!entry->is_directory(gone)) found.push_back(entry->path());
  return found;
}

}  // namespace holdfast::test
