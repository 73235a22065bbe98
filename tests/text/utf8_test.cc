#include "text/utf8.h"

#include <gtest/gtest.h>
#include <string>

namespace holdfast::text {
namespace {

TEST(Utf8, IsWellFormedOrNot) {  // RFC 3629 §3
  for (const std::string_view bad :
       {"\x80", "\xBF", "\xC0\x80", "\xC1\xBF", "\xC2", "\xC2\x41", "\xE0\x9F\xBF", "\xE1\x80",
        "\xED\xA0\x80", "\xED\xBF\xBF", "\xEF\xBF", "\xF0\x8F\xBF\xBF", "\xF4\x90\x80\x80",
        "\xF5\x80\x80\x80", "\xFF", "\xF0\x90\x80", "1234567\xC3", "12345678\xC3", "1234567\x80"}) {
    EXPECT_FALSE(valid_utf8(bad));
    EXPECT_FALSE(is_ascii(bad));
    EXPECT_FALSE(valid_utf8("0123456789" + std::string(bad) + "0123456789"));
  }
  for (const std::string_view good :
       {"", "a", "\xC2\x80", "\xDF\xBF", "\xE0\xA0\x80", "\xED\x9F\xBF", "\xEE\x80\x80",
        "\xEF\xBF\xBF", "\xF0\x90\x80\x80", "\xF4\x8F\xBF\xBF"}) {
    EXPECT_TRUE(valid_utf8(good));
    EXPECT_TRUE(valid_utf8("0123456" + std::string(good) + "0123456789"));
  }
}

TEST(Utf8, EveryCodePointIsReadAsItIsWritten) {
  for (char32_t c = 0; c <= 0x10FFFF; ++c) {
    if (c == 0xD800) c = 0xE000;  // surrogates
    std::string text;
    append_utf8(text, c);
    const CodePoint first = first_code_point(text + "x");
    ASSERT_EQ(first.value, c);
    ASSERT_EQ(first.length, text.size());
    ASSERT_TRUE(valid_utf8(text));
    ASSERT_EQ(is_ascii(text), c < 0x80);
    ASSERT_EQ(is_control_character(c), c < 0x20 || (c >= 0x7F && c <= 0x9F));
  }
  EXPECT_EQ(first_code_point("").length, 0U);
  EXPECT_EQ(first_code_point("\xC3").length, 0U);
  EXPECT_EQ(first_code_point("\xED\xA0\x80").length, 0U);
}

TEST(Utf8, IsCountedAndCutBetweenCodePoints) {
  EXPECT_EQ(count_code_points(""), 0U);
  EXPECT_EQ(count_code_points("a\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80"), 4U);
  const std::string_view text = "a\xC3\xA9\xE2\x82\xAC";
  const std::size_t cuts[] = {0, 1, 1, 3, 3, 3, 6, 6};
  for (std::size_t limit = 0; limit < std::size(cuts); ++limit)
    EXPECT_EQ(cut_to(text, limit), text.substr(0, cuts[limit])) << limit;
}

TEST(Utf8, WhatIsNoneIsLatin1) {
  EXPECT_EQ(as_utf8("J\xC3\xBCrgen"), "J\xC3\xBCrgen");
  EXPECT_EQ(as_utf8("J\xFCrgen \xA3\x80"), "J\xC3\xBCrgen \xC2\xA3\xC2\x80");
}

TEST(Utf8, NormalFormCIsComposed) {
  EXPECT_EQ(nfc("plain"), "plain");
  EXPECT_EQ(nfc("Ju\xCC\x88rgen"), "J\xC3\xBCrgen");
  EXPECT_EQ(nfc("J\xC3\xBCrgen"), "J\xC3\xBCrgen");
  EXPECT_EQ(nfc("\xE2\x84\xAB"), "\xC3\x85") << "ANGSTROM SIGN";
  EXPECT_EQ(nfc("\xE1\x84\x80\xE1\x85\xA1"), "\xEA\xB0\x80") << "Hangul";
  EXPECT_EQ(nfc("x\xFF"), "x\xFF") << "what is no UTF-8 stays";
}

}  // namespace
}  // namespace holdfast::text
