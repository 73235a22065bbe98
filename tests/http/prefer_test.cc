#include "http/prefer.h"

#include <cstdint>
#include <gtest/gtest.h>
#include <limits>
#include <optional>
#include <string_view>
#include <vector>

namespace holdfast::http {
namespace {

struct PreferRow {
  const char* section;  // of RFC 7240
  std::vector<std::string_view> values;
  std::optional<std::uint64_t> seconds;
};

TEST(Prefer, Wait) {
  const std::vector<PreferRow> rows = {
      {"none", {}, std::nullopt},
      {"4.3", {"wait=10"}, 10},
      {"2: names are case-insensitive", {"Wait=10"}, 10},
      {"2: BWS", {"wait = 10"}, 10},
      {"2: a quoted word", {"wait=\"10\""}, 10},
      {"2: parameters are ignored", {"wait=10; foo=bar"}, 10},
      {"2: among others", {"respond-async, wait=10, return=minimal"}, 10},
      {"2: several fields", {"respond-async", "wait=7"}, 7},
      {"2: the first one counts", {"wait=5, wait=10"}, 5},
      {"4.3: nothing to wait", {"wait=0"}, 0},
      {"a number without end",
       {"wait=99999999999999999999999"},
       std::numeric_limits<std::uint64_t>::max()},
      {"another preference", {"waiter=10"}, std::nullopt},
      {"4.3: no value", {"wait"}, std::nullopt},
      {"4.3: an empty value", {"wait="}, std::nullopt},
      {"4.3: no number", {"wait=soon"}, std::nullopt},
      {"4.3: a sign", {"wait=-1"}, std::nullopt},
      {"4.3: a fraction", {"wait=1.5"}, std::nullopt},
      {"half a quoted word", {"wait=\"10"}, std::nullopt},
      {"a quote alone", {"wait=\""}, std::nullopt},
  };
  for (const PreferRow& row : rows) {
    Fields fields;
    for (const std::string_view value : row.values) fields.add("Prefer", value);
    EXPECT_EQ(preferred_wait_s(fields), row.seconds) << row.section;
  }
}

}  // namespace
}  // namespace holdfast::http
