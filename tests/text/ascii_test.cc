#include "text/ascii.h"

#include <gtest/gtest.h>
#include <limits>
#include <string>
#include <vector>

namespace holdfast::text {
namespace {

constexpr std::uint64_t kMost = std::numeric_limits<std::uint64_t>::max();

TEST(Ascii, ComparesWithoutAsciiCase) {  // RFC 9110 §5.1
  EXPECT_TRUE(equal_ignoring_case("", ""));
  EXPECT_TRUE(equal_ignoring_case("If-Match", "iF-mATCH"));
  EXPECT_FALSE(equal_ignoring_case("If", "If-"));
  EXPECT_FALSE(equal_ignoring_case("[", "{"));
  EXPECT_FALSE(equal_ignoring_case("@", "`"));
  EXPECT_FALSE(equal_ignoring_case("\xC3\x89", "\xC3\xA9")) << "only ASCII has case here";
}

TEST(Ascii, TrimsSpacesAndTabs) {  // RFC 9110 §5.6.3
  EXPECT_EQ(trimmed(""), "");
  EXPECT_EQ(trimmed(" \t "), "");
  EXPECT_EQ(trimmed("\t a b\t"), "a b");
  EXPECT_EQ(trimmed("\r a\v"), "\r a\v");
}

TEST(Ascii, HasClassesForEveryByte) {
  for (int i = 0; i < 256; ++i) {
    const char c = static_cast<char>(i);
    const bool digit = i >= '0' && i <= '9';
    const bool letter = (i >= 'a' && i <= 'z') || (i >= 'A' && i <= 'Z');
    EXPECT_EQ(is_digit(c), digit) << i;
    EXPECT_EQ(is_letter(c), letter) << i;
    EXPECT_EQ(is_alphanumeric(c), digit || letter) << i;
    EXPECT_EQ(is_control(c), i < 32 || i == 127) << i;
    EXPECT_EQ(is_ascii(c), i < 128) << i;
    const bool sign =
        i != 0 && std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
    EXPECT_EQ(kTokenBytes.has(c), digit || letter || sign) << i;  // RFC 9110 §5.6.2
    EXPECT_EQ(lower(c), i >= 'A' && i <= 'Z' ? i + 32 : c) << i;
    EXPECT_EQ(upper(c), i >= 'a' && i <= 'z' ? i - 32 : c) << i;
  }
  EXPECT_EQ(lower("aZ[\xC3\x84"), "az[\xC3\x84");
}

TEST(Ascii, KnowsTokens) {  // RFC 9110 §5.6.2
  for (const std::string_view bad :
       {"", " ", "a b", "a,b", "a:", "(a)", "\"a\"", "a\t", "\xC3\xA9"})
    EXPECT_FALSE(is_token(bad)) << bad;
  EXPECT_FALSE(is_token(std::string_view("\0", 1)));
  for (const std::string_view good : {"a", "GET", "x-1", "!#$%&'*+-.^_`|~"})
    EXPECT_TRUE(is_token(good));
}

TEST(Ascii, ReplacesControls) {
  EXPECT_FALSE(has_control(""));
  EXPECT_FALSE(has_control("a b \xC3\xA9 \x80"));
  for (const std::string_view bad : {"\n", "a\x1f", "\x7f-"}) EXPECT_TRUE(has_control(bad));
  EXPECT_EQ(without_controls("a\r\nb\x7f\t\xC3\xA9", '?'), "a??b??\xC3\xA9");
}

TEST(Ascii, TakesListsApart) {  // RFC 9110 §5.6.1
  const struct {
    std::string_view list;
    std::vector<std::string_view> elements;
  } rows[] = {
      {"a", {"a"}},
      {" a ,\tb", {"a", "b"}},
      {",a,,", {"", "a", "", ""}},
      {"a b", {"a b"}},
  };
  for (const auto& row : rows) {
    std::string_view rest = row.list;
    std::vector<std::string_view> elements;
    while (const auto element = next_element(rest)) elements.push_back(*element);
    EXPECT_EQ(elements, row.elements) << row.list;
    EXPECT_EQ(next_element(rest), std::nullopt);
  }
}

TEST(Ascii, NumbersAreDigitsOnly) {
  for (const std::string_view bad : {"", "-1", "+1", " 1", "1 ", "1.", "0x1",
                                     "18446744073709551616", "99999999999999999999", "\xD9\xA1"})
    EXPECT_EQ(parse_number(bad), std::nullopt) << bad;
  EXPECT_EQ(parse_number("0"), 0U);
  EXPECT_EQ(parse_number("007"), 7U);
  EXPECT_EQ(parse_number("18446744073709551615"), kMost);
  EXPECT_EQ(parse_number(std::string(100, '0') + "5"), 5U);
  EXPECT_EQ(parse_number<std::uint16_t>("65535"), 65535U);
  EXPECT_EQ(parse_number<std::uint16_t>("65536"), std::nullopt);
  EXPECT_EQ(parse_number("fF", 16), 255U);
  EXPECT_EQ(parse_number("fg", 16), std::nullopt);
  EXPECT_EQ(parse_number("-f", 16), std::nullopt);
}

TEST(Ascii, NumbersAreTakenAndWritten) {
  const struct {
    std::string_view text;
    std::optional<std::uint64_t> number;
    std::string_view rest;
  } rows[] = {
      {"", std::nullopt, ""},
      {"x1", std::nullopt, "x1"},
      {"-1", std::nullopt, "-1"},
      {"0", 0, ""},
      {"12-3", 12, "-3"},
      {"0018446744073709551615x", kMost, "x"},
      {"18446744073709551616", kMost, ""},
  };
  for (const auto& row : rows) {
    std::string_view rest = row.text;
    EXPECT_EQ(take_saturated(rest), row.number) << row.text;
    EXPECT_EQ(rest, row.rest) << row.text;
  }
  std::string out = "n";
  append_number(out, 0U);
  append_number(out += ' ', kMost);
  append_number(out += ' ', std::numeric_limits<std::int64_t>::min());
  append_number(out += ' ', 255, 16);
  EXPECT_EQ(out, "n0 18446744073709551615 -9223372036854775808 ff");
}

}  // namespace
}  // namespace holdfast::text
