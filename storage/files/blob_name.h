// How content files are named: 128 random bits in hexadecimal, in a folder of the first two digits.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "storage/error.h"

namespace holdfast::storage::files {

inline constexpr std::size_t kBlobNameSize = 32;

// Names come back from the database: nothing but a name of ours may become a path.
[[nodiscard]] inline bool is_blob_name(std::string_view name) {
  return name.size() == kBlobNameSize && name.find_first_not_of("0123456789abcdef") == name.npos;
}

// "xx/NAME". Throws Error{corrupt} for anything else.
[[nodiscard]] inline std::string blob_location(const std::string& blob) {
  if (!is_blob_name(blob)) throw Error(Fault::corrupt, "a content file of an impossible name");
  return blob.substr(0, 2) + '/' + blob;
}

}  // namespace holdfast::storage::files
