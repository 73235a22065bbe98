#include "text/json.h"

#include <gtest/gtest.h>

namespace holdfast::text {
namespace {

std::string json_text(std::string_view text, std::size_t limit = 100) {
  std::string out;
  append_json_text(out, text, limit);
  return out;
}

TEST(Json, EscapesWhatEndsAStringOrCommandsATerminal) {
  struct Case {
    std::string_view text;
    std::string_view escaped;
  };
  const Case cases[] = {
      {{"\0", 1}, "\\u0000"},
      {"a\r\nb", "a\\u000d\\u000ab"},
      {"\x1b[31m", "\\u001b[31m"},
      {"\x7f", "\\u007f"},
      {"\"\\", "\\\"\\\\"},
      {"%n%s", "%n%s"},
      {"\xc2\x85", "\\ufffd"},         // C1 control
      {"\xc0\xaf", "\\ufffd\\ufffd"},  // overlong
      {"\xe0\x80\xaf", "\\ufffd\\ufffd\\ufffd"},
      {"\xed\xa0\x80", "\\ufffd\\ufffd\\ufffd"},  // surrogate
      {"\xf4\x90\x80\x80", "\\ufffd\\ufffd\\ufffd\\ufffd"},
      {"\xf5\x80", "\\ufffd\\ufffd"},
      {"\xc3", "\\ufffd"},  // cut
      {"\xe2\x82", "\\ufffd\\ufffd"},
      {"\x80x", "\\ufffdx"},
      {"é€😀", "é€😀"},
      {"a\u202egpj.exe", "a\\u202egpj.exe"},  // right-to-left override
      {"\u2028\u2029", "\\u2028\\u2029"},     // line and paragraph separator
      {"\u200b\u00ad\ufeff", "\\u200b\\u00ad\\ufeff"},
      {"\U000e0061", "\\udb40\\udc61"},  // a tag, above U+FFFF
      {"", ""},
  };
  for (const Case& row : cases) EXPECT_EQ(json_text(row.text), row.escaped);
}

TEST(Json, CutsLongTexts) {
  EXPECT_EQ(json_text("abcd", 4), "abcd");
  EXPECT_EQ(json_text("abcde", 4), "abcd…");
}

TEST(Json, WritesStrings) {  // RFC 8259 §7
  std::string out = "x:";
  append_json_string(out, "a\"b\xC3\xA9");
  EXPECT_EQ(out, "x:\"a\\\"b\xC3\xA9\"");
}

TEST(Json, TextForPeopleShowsWhatNobodySees) {
  EXPECT_EQ(escape_invisible("plain \"text\" \\"), "plain \"text\" \\");
  EXPECT_EQ(escape_invisible("é\u202e\x1b\u0085\xff€"), "é\\u202e\\u001b\\u0085\xff€");
}

}  // namespace
}  // namespace holdfast::text
