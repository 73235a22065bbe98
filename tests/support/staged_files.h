// The files in a data folder that are still on their way.
#pragma once

#include <filesystem>
#include <vector>

namespace holdfast::test {

// What uploads have in this data folder that is not in place yet. It may vanish meanwhile.
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
