#include "text/percent.h"

#include <gtest/gtest.h>

namespace holdfast::text {
namespace {

TEST(Percent, EscapesWhatIsNotPlain) {  // RFC 3986 §2.1
  constexpr auto kPlain = ByteSet::alphanumeric_and("-/");
  std::string out = "=";
  append_encoded(out, "a-Z/9 %\xC3\xBC\n", kPlain);
  EXPECT_EQ(out, "=a-Z/9%20%25%C3%BC%0A");
}

TEST(Percent, ReadsEscapes) {
  const struct {
    std::string_view text;
    std::string_view decoded;
    bool strict;
  } rows[] = {
      {"", "", true},        {"a+b", "a+b", true},  {"%41%5a%c3%BC", "AZ\xC3\xBC", true},
      {"%", "%", false},     {"%4", "%4", false},   {"a%", "a%", false},
      {"%4g", "%4g", false}, {"%%41", "%A", false}, {"%2541", "%41", true},
      {"%-1", "%-1", false}, {"% 1", "% 1", false}, {"100%", "100%", false},
  };
  for (const auto& row : rows) {
    EXPECT_EQ(percent_decoded_leniently(row.text), row.decoded) << row.text;
    const auto strict = percent_decoded(row.text);
    EXPECT_EQ(strict.has_value(), row.strict) << row.text;
    if (strict) {
      EXPECT_EQ(*strict, row.decoded) << row.text;
    }
  }
  EXPECT_EQ(percent_decoded("%00"), std::string_view("\0", 1));
  EXPECT_EQ(escaped_byte("%fF", 0), 255);
  EXPECT_EQ(escaped_byte("x%41", 1), 'A');
  EXPECT_EQ(escaped_byte("x%41", 2), -1);
}

}  // namespace
}  // namespace holdfast::text
