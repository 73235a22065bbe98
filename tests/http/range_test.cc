#include "http/range.h"

#include <gtest/gtest.h>
#include <limits>
#include <random>
#include <string>

#include "tests/http/fields.h"

namespace holdfast::http {
namespace {

using test::with;

constexpr std::uint64_t kMost = std::numeric_limits<std::uint64_t>::max();

// "whole", "416" or "offset+length,…".
std::string range(const std::vector<std::string_view>& values, std::uint64_t size) {
  const Ranges ranges = parse_range(with("Range", values), size);
  EXPECT_EQ(ranges.ranges.empty(), ranges.kind != Ranges::Kind::some);
  if (ranges.kind == Ranges::Kind::whole) return "whole";
  if (ranges.kind == Ranges::Kind::unsatisfiable) return "416";
  std::string out;
  for (const ByteRange& one : ranges.ranges) {
    EXPECT_GT(one.length, 0U);
    EXPECT_LT(one.offset, size);
    EXPECT_LE(one.length, size - one.offset);
    out += (out.empty() ? "" : ",") + std::to_string(one.offset) + "+" + std::to_string(one.length);
  }
  return out;
}

TEST(Range, IsResolvedAgainstTheSize) {  // RFC 9110 §14.1.2, docs/robustness.md R1 to R4
  const struct {
    std::string value;
    std::uint64_t size;
    std::string_view expected;
  } rows[] = {
      // Bad syntax and other units.
      {"", 10, "whole"},
      {"bytes", 10, "whole"},
      {"bytes=", 10, "whole"},
      {"bytes=,", 10, "whole"},
      {"bytes=-", 10, "whole"},
      {"bytes=a-b", 10, "whole"},
      {"bytes=0", 10, "whole"},
      {"bytes=0-1-2", 10, "whole"},
      {"bytes=--1", 10, "whole"},
      {"bytes=+1-2", 10, "whole"},
      {"bytes=1 - 2", 10, "whole"},
      {"bytes=0x1-2", 10, "whole"},
      {"bytes=1-2;3-4", 10, "whole"},
      {"bytes=2-1", 10, "whole"},
      {"bytes=0-1,2-1", 10, "whole"},
      {"bytes=0-1,x", 10, "whole"},
      {"bytes 0-1", 10, "whole"},
      {"bytes:0-1", 10, "whole"},
      {"items=0-1", 10, "whole"},
      {" bytes =0-1", 10, "whole"},
      {"bytes=-9223372036854775808-", 10, "whole"},
      // Satisfied.
      {"bytes=0-", 10, "0+10"},
      {"bytes=0-0", 10, "0+1"},
      {"bytes=0-9", 10, "0+10"},
      {"bytes=0-10", 10, "0+10"},
      {"bytes=9-", 10, "9+1"},
      {"bytes=9-9", 10, "9+1"},
      {"bytes=9-99", 10, "9+1"},
      {"bytes=-1", 10, "9+1"},
      {"bytes=-10", 10, "0+10"},
      {"bytes=-11", 10, "0+10"},
      {"BYTES=1-2", 10, "1+2"},
      {"bytes= 1-2 ,\t4-5", 10, "1+2,4+2"},
      {"bytes=,1-2,,", 10, "1+2"},
      {"bytes=5-6,0-1", 10, "5+2,0+2"},
      {"bytes=-2,0-1", 10, "8+2,0+2"},
      {"bytes=0-0,20-30,-1", 10, "0+1,9+1"},
      {"bytes=0-4,5-9", 10, "0+5,5+5"},
      {"bytes=1-2,2-3", 10, "1+2,2+2"},
      // Not satisfiable.
      {"bytes=10-", 10, "416"},
      {"bytes=10-20", 10, "416"},
      {"bytes=-0", 10, "416"},
      {"bytes=11-12,-0,99-", 10, "416"},
      {"bytes=1-", 1, "416"},
      // Nothing to take a part of.
      {"bytes=0-", 0, "whole"},
      {"bytes=-5", 0, "whole"},
      {"bytes=7-9", 0, "whole"},
      // Overlaps that add up to more than there is.
      {"bytes=0-,0-", 10, "whole"},
      {"bytes=0-5,5-9", 10, "whole"},
      {"bytes=-10,9-", 10, "whole"},
      // Numbers that do not fit.
      {"bytes=-9223372036854775808", 10, "0+10"},
      {"bytes=-10,-9223372036854775798", 10, "whole"},
      {"bytes=18446744073709551615-", 10, "416"},
      {"bytes=18446744073709551616-", 10, "416"},
      {"bytes=99999999999999999999-", 10, "416"},
      {"bytes=0-18446744073709551615", 10, "0+10"},
      {"bytes=0-18446744073709551616", 10, "0+10"},
      {"bytes=5-99999999999999999999999999", 10, "5+5"},
      {"bytes=-99999999999999999999999999", 10, "0+10"},
      {"bytes=0-", kMost, "0+18446744073709551615"},
      {"bytes=18446744073709551614-", kMost, "18446744073709551614+1"},
      {"bytes=18446744073709551615-", kMost, "416"},
      {"bytes=0-18446744073709551614,0-0", kMost, "whole"},
      {"bytes=4294967295-4294967297", 5'000'000'000, "4294967295+3"},
  };
  for (const auto& row : rows) EXPECT_EQ(range({row.value}, row.size), row.expected) << row.value;
  EXPECT_EQ(range({}, 10), "whole");
  EXPECT_EQ(range({"bytes=0-1", "bytes=2-3"}, 10), "whole") << "R4";
}

TEST(Range, TakesAtMost16) {  // R2
  std::string value = "bytes=0-0";
  for (int i = 1; i < 16; ++i) value += "," + std::to_string(2 * i) + "-" + std::to_string(2 * i);
  EXPECT_NE(range({value}, 1000), "whole");
  EXPECT_EQ(range({value + ",40-40"}, 1000), "whole");
  EXPECT_EQ(range({value + ",2000-"}, 1000), "whole") << "unsatisfiable ones count";
  for (int i = 0; i < 1300; ++i) value += ",0-" + std::to_string(i);
  EXPECT_EQ(range({value}, 1 << 20), "whole");
}

// The ranges by their definition: the bytes of a small content that each spec selects.
TEST(Range, SelectsTheBytesOfTheDefinition) {
  std::mt19937 random(14);
  for (int round = 0; round < 20'000; ++round) {
    const std::uint64_t size = 1 + random() % 6;
    std::string value = "bytes=";
    std::string expected;
    std::uint64_t total = 0;
    bool valid = true;
    const std::size_t specs = 1 + random() % 3;
    for (std::size_t i = 0; i < specs; ++i) {
      const std::uint64_t first = random() % 8;
      const std::uint64_t last = random() % 8;
      const std::uint64_t form = random() % 3;
      value += i > 0 ? "," : "";
      value += form == 0   ? std::to_string(first) + "-"
               : form == 1 ? "-" + std::to_string(last)
                           : std::to_string(first) + "-" + std::to_string(last);
      valid = valid && (form != 2 || first <= last);
      std::vector<std::uint64_t> bytes;
      for (std::uint64_t at = 0; at < size; ++at) {
        const bool in = form == 0   ? at >= first
                        : form == 1 ? at + last >= size
                                    : at >= first && at <= last;
        if (in) bytes.push_back(at);
      }
      if (bytes.empty()) continue;
      total += bytes.size();
      expected += (expected.empty() ? "" : ",") + std::to_string(bytes.front()) + "+" +
                  std::to_string(bytes.size());
    }
    if (!valid || total > size) {
      expected = "whole";
    } else if (expected.empty()) {
      expected = "416";
    }
    ASSERT_EQ(range({value}, size), expected) << value << " of " << size;
  }
}

}  // namespace
}  // namespace holdfast::http
