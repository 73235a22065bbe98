#include "text/natural.h"

#include <algorithm>
#include <gtest/gtest.h>
#include <string>
#include <vector>

#include "text/utf8.h"

namespace holdfast::text {
namespace {

TEST(Natural, OrdersNamesAsPeopleExpect) {
  const std::vector<std::string> wanted = {
      "",
      "1",
      "01",
      "2",
      "9",
      "10",
      "10.5",
      "100",
      "a",
      "Ärger",
      "az",
      "b1c2",
      "B1C10",
      "B02",
      "img_9",
      "IMG_10",
      "img_0100",
      "img_99999999999999999999999999",
      "img_100000000000000000000000000",
      "u",
      "Über",
      "ufer",
      "x 1",
      "x1",
  };
  for (std::size_t i = 0; i < wanted.size(); ++i)
    for (std::size_t j = 0; j < wanted.size(); ++j) {
      const int order = compare_naturally(folded(wanted[i]), folded(wanted[j]));
      // Leading zeros make no difference here; whoever needs one order compares the names then.
      if (wanted[i] == "01" || wanted[j] == "01") continue;
      EXPECT_EQ(order < 0, i < j) << wanted[i] << " and " << wanted[j];
      EXPECT_EQ(order == 0, i == j) << wanted[i] << " and " << wanted[j];
    }
  EXPECT_EQ(compare_naturally("1", "01"), 0);
  EXPECT_EQ(compare_naturally("a0", "a00"), 0);
  EXPECT_LT(compare_naturally("a0", "a00b"), 0);
}

TEST(Natural, FoldedTextHasNeitherCaseNorMarks) {
  const std::pair<const char*, const char*> rows[] = {
      {"", ""},
      {"ABC", "abc"},
      {"Über", "uber"},
      {"U\xCC\x88\x62\x65r", "uber"},  // decomposed
      {"Straße", "strasse"},
      {"ÉÈÊ", "eee"},
      {"Ελλάς", "ελλασ"},
      {"日本", "日本"},
      {"x\xFF", "x\xFF"},  // no UTF-8
  };
  for (const auto& [text, wanted] : rows) EXPECT_EQ(folded(text), wanted) << text;
}

}  // namespace
}  // namespace holdfast::text
