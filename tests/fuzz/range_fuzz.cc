// Any size and any Range value: ranges inside the content that add up to at most its size.
#include <cstring>

#include "dav/headers.h"
#include "tests/fuzz/property.h"

using namespace holdfast;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::uint64_t content = 0;
  if (size < sizeof content) return 0;
  std::memcpy(&content, data, sizeof content);
  dav::Fields fields;
  fields.add("Range", fuzz::text_of(data + sizeof content, size - sizeof content));
  const dav::Ranges ranges = dav::parse_range(fields, content);
  fuzz::require(ranges.ranges.empty() == (ranges.kind != dav::Ranges::Kind::some), "kind");
  fuzz::require(ranges.ranges.size() <= 16, "at most 16");
  std::uint64_t left = content;
  for (const dav::ByteRange& range : ranges.ranges) {
    fuzz::require(range.length > 0 && range.offset < content, "begins inside");
    fuzz::require(range.length <= content - range.offset, "ends inside");
    fuzz::require(range.length <= left, "no more than the content");
    left -= range.length;
  }
  return 0;
}
