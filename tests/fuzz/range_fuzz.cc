// Any size and any Range value: the ranges that RFC 9110 §14.2 means, computed here in numbers that
// cannot overflow; all inside the content, and at most its size together.
#include <algorithm>
#include <cstring>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "http/range.h"
#include "tests/fuzz/property.h"

using namespace holdfast;

namespace {

__extension__ using Wide = unsigned __int128;

std::optional<Wide> number(std::string_view digits) {
  if (digits.empty() || digits.find_first_not_of("0123456789") != std::string_view::npos)
    return std::nullopt;
  // What is beyond every size counts as the largest number.
  constexpr Wide kMost = std::numeric_limits<std::uint64_t>::max();
  Wide value = 0;
  for (const char c : digits) value = std::min(value * 10 + static_cast<unsigned>(c - '0'), kMost);
  return value;
}

struct Naive {
  bool usable = false;
  std::vector<http::ByteRange> ranges;
};

Naive read(std::string_view text, std::uint64_t size) {
  const std::size_t equals = text.find('=');
  if (size == 0 || equals == std::string_view::npos) return {};
  std::string unit(text.substr(0, equals));
  for (char& c : unit) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  if (unit != "bytes") return {};

  Naive result;
  Wide total = 0;
  std::size_t specs = 0;
  std::string list(text.substr(equals + 1));
  list += ',';
  for (std::string spec; const char c : list) {
    if (c != ',') {
      spec += c;
      continue;
    }
    while (!spec.empty() && (spec.front() == ' ' || spec.front() == '\t')) spec.erase(0, 1);
    while (!spec.empty() && (spec.back() == ' ' || spec.back() == '\t')) spec.pop_back();
    if (spec.empty()) continue;
    const std::size_t dash = spec.find('-');
    if (++specs > 16 || dash == std::string::npos) return {};
    const auto first = number(std::string_view(spec).substr(0, dash));
    const auto last = number(std::string_view(spec).substr(dash + 1));
    const bool suffix = dash == 0;
    if ((!suffix && !first) || (suffix && !last) || (dash + 1 < spec.size() && !last)) return {};
    if (first && last && *last < *first) return {};
    Wide begin = suffix ? (*last < size ? size - *last : 0) : *first;
    Wide end = suffix || !last || *last >= size ? Wide{size} : *last + 1;
    if (begin < end) {
      total += end - begin;
      if (total > size) return {};
      result.ranges.push_back(
          {static_cast<std::uint64_t>(begin), static_cast<std::uint64_t>(end - begin)});
    }
    spec.clear();
  }
  result.usable = specs > 0;
  return result;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::uint64_t content = 0;
  if (size < sizeof content) return 0;
  std::memcpy(&content, data, sizeof content);
  const std::string_view text = fuzz::text_of(data + sizeof content, size - sizeof content);
  http::Fields fields;
  fields.add("Range", text);
  const http::Ranges ranges = http::parse_range(fields, content);
  fuzz::require(ranges.ranges.empty() == (ranges.kind != http::Ranges::Kind::some), "kind");
  std::uint64_t left = content;
  for (const http::ByteRange& range : ranges.ranges) {
    fuzz::require(range.length > 0 && range.offset < content, "begins inside");
    fuzz::require(range.length <= content - range.offset, "ends inside");
    fuzz::require(range.length <= left, "no more than the content");
    left -= range.length;
  }
  const Naive naive = read(text, content);
  fuzz::require(naive.usable == (ranges.kind != http::Ranges::Kind::whole), "usable or not");
  fuzz::require(naive.ranges.size() == ranges.ranges.size(), "as many ranges");
  for (std::size_t i = 0; i < naive.ranges.size(); ++i)
    fuzz::require(naive.ranges[i].offset == ranges.ranges[i].offset &&
                      naive.ranges[i].length == ranges.ranges[i].length,
                  "the same ranges");
  return 0;
}
