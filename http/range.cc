#include "http/range.h"

#include <algorithm>
#include <optional>
#include <string_view>

#include "text/ascii.h"

namespace holdfast::http {
namespace {

// Parses one range-spec. Returns false when it is malformed; `range` stays empty when it cannot be
// satisfied.
bool parse_range_spec(std::string_view spec, std::uint64_t size, ByteRange& range) {
  const std::optional<std::uint64_t> first = text::take_saturated(spec);
  if (spec.empty() || spec.front() != '-') return false;
  spec.remove_prefix(1);
  const std::optional<std::uint64_t> last = text::take_saturated(spec);
  if (!spec.empty()) return false;
  if (!first) {
    if (!last) return false;
    const std::uint64_t length = std::min(*last, size);
    range = {.offset = size - length, .length = length};
    return true;
  }
  if (last && *last < *first) return false;
  if (*first < size) {
    const std::uint64_t end = last && *last < size ? *last + 1 : size;
    range = {.offset = *first, .length = end - *first};
  }
  return true;
}

}  // namespace

Ranges parse_range(const Fields& fields, std::uint64_t size, std::size_t spec_limit) {
  if (size == 0 || fields.count("Range") != 1) return {};
  std::string_view rest = *fields.find("Range");
  const std::size_t equals = rest.find('=');
  if (equals == std::string_view::npos ||
      !text::equal_ignoring_case(rest.substr(0, equals), "bytes"))
    return {};
  rest.remove_prefix(equals + 1);

  Ranges ranges;
  std::size_t specs = 0;
  std::uint64_t total = 0;
  while (const auto spec = text::next_element(rest)) {
    if (spec->empty()) continue;
    if (++specs > spec_limit) return {};
    ByteRange range;
    if (!parse_range_spec(*spec, size, range)) return {};
    if (range.length == 0) continue;
    if (range.length > size - total) return {};  // they overlap
    total += range.length;
    ranges.ranges.push_back(range);
  }
  if (specs == 0) return {};
  ranges.kind = ranges.ranges.empty() ? Ranges::Kind::unsatisfiable : Ranges::Kind::some;
  return ranges;
}

}  // namespace holdfast::http
