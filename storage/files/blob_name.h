// Names of content files: 128 random bits in hexadecimal, in a folder named by the first two
// digits. Pure functions; any thread.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "storage/error.h"
#include "text/hex.h"

namespace holdfast::storage::files {

inline constexpr std::size_t kBlobNameSize = 32;

// Returns true when `name` has the form of a content file's name. Names are read from the database,
// and nothing else may become a path.
[[nodiscard]] inline bool is_blob_name(std::string_view name) {
  return name.size() == kBlobNameSize && text::is_lower_hex(name);
}

// Returns "xx/NAME". Throws Error{corrupt} when `blob` is no such name.
[[nodiscard]] inline std::string blob_location(const std::string& blob) {
  if (!is_blob_name(blob)) throw Error(Fault::corrupt, "a content file of an impossible name");
  return blob.substr(0, 2) + '/' + blob;
}

// Returns the place of a file during its upload: "x/NAME" in tmp/. There are several folders,
// because threads that make files in one folder wait for each other.
[[nodiscard]] inline std::string staged_location(const std::string& blob) {
  return blob.substr(0, 1) + '/' + blob;
}

// Returns "00" to "ff".
[[nodiscard]] inline std::vector<std::string> blob_folders() {
  std::vector<std::string> names;
  for (const char first : text::kHexDigits)
    for (const char second : text::kHexDigits) names.push_back({first, second});
  return names;
}

}  // namespace holdfast::storage::files
