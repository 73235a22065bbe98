// Byte ranges (RFC 9110 §14). Pure functions; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "http/message.h"

namespace holdfast::http {

// One resolved byte range: offset and length inside the content; length > 0.
struct ByteRange {
  std::uint64_t offset = 0;
  std::uint64_t length = 0;
};
// A Range field (RFC 9110 §14.2) resolved for a content of `size` bytes.
struct Ranges {
  enum class Kind {
    whole,          // no usable Range: send everything with 200
    some,           // 206 with `ranges` (one or more, in the order of the request)
    unsatisfiable,  // 416
  };
  Kind kind = Kind::whole;
  std::vector<ByteRange> ranges;
};
inline constexpr std::size_t kRangeSpecLimit = 16;  // unless an option says otherwise
// Returns `whole` for more than `spec_limit` specs, overlapping ranges that add up to more than
// `size`, another unit, several Range fields, bad syntax or an empty content. No number overflows.
[[nodiscard]] Ranges parse_range(const Fields& fields, std::uint64_t size,
                                 std::size_t spec_limit = kRangeSpecLimit);

}  // namespace holdfast::http
