// How content files are named: 128 random bits in hexadecimal, in a folder of the first two digits.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "storage/error.h"
#include "text/hex.h"

namespace holdfast::storage::files {

inline constexpr std::size_t kBlobNameSize = 32;

// Names come back from the database: nothing but a name of ours may become a path.
[[nodiscard]] inline bool is_blob_name(std::string_view name) {
  return name.size() == kBlobNameSize && text::is_lower_hex(name);
}

// "xx/NAME". Throws Error{corrupt} for anything else.
[[nodiscard]] inline std::string blob_location(const std::string& blob) {
  if (!is_blob_name(blob)) throw Error(Fault::corrupt, "a content file of an impossible name");
  return blob.substr(0, 2) + '/' + blob;
}

// Where it is while it is being uploaded: "x/NAME" in tmp/. Several folders, because those who make
// files in one wait for each other.
[[nodiscard]] inline std::string staged_location(const std::string& blob) {
  return blob.substr(0, 1) + '/' + blob;
}

// "00" to "ff".
[[nodiscard]] inline std::vector<std::string> blob_folders() {
  std::vector<std::string> names;
  for (const char first : text::kHexDigits)
    for (const char second : text::kHexDigits) names.push_back({first, second});
  return names;
}

}  // namespace holdfast::storage::files
