// Patterns of DAV:like against an obvious slow definition, and their cost.
#include "text/like.h"

#include <gtest/gtest.h>
#include <random>
#include <string>

namespace holdfast::test {
namespace {

using text::LikePattern;

// RFC 5323 §5.15 word by word, for ASCII with case.
bool slowly(std::string_view pattern, std::string_view text) {
  if (pattern.empty()) return text.empty();
  if (pattern[0] == '%') {
    for (std::size_t skip = 0; skip <= text.size(); ++skip)
      if (slowly(pattern.substr(1), text.substr(skip))) return true;
    return false;
  }
  if (text.empty()) return false;
  if (pattern[0] == '_') return slowly(pattern.substr(1), text.substr(1));
  if (pattern[0] == '\\' && pattern.size() > 1 &&
      std::string_view("%_\\").find(pattern[1]) != std::string_view::npos)
    pattern.remove_prefix(1);
  return pattern[0] == text[0] && slowly(pattern.substr(1), text.substr(1));
}

TEST(LikePattern, MeansWhatItsDefinitionSays) {
  std::mt19937 random(7);
  const auto pick = [&](std::string_view signs, std::size_t most) {
    std::string text(random() % (most + 1), ' ');
    for (char& c : text) c = signs[random() % signs.size()];
    return text;
  };
  int matched = 0;
  for (int i = 0; i < 20000; ++i) {
    const std::string pattern = pick("ab%_\\", 7);
    const std::string text = pick("ab%_\\", 9);
    const bool expected = slowly(pattern, text);
    EXPECT_EQ(LikePattern(pattern, false).matches(text), expected) << pattern << " on " << text;
    matched += expected ? 1 : 0;
  }
  EXPECT_GT(matched, 500);
}

TEST(LikePattern, IgnoresCaseAndMarksWhereItShould) {
  struct Row {
    const char* pattern;
    const char* text;
    bool caseless;
    bool matches;
  };
  for (const Row& row :
       {Row{"a%", "Abc", true, true}, Row{"a%", "Abc", false, false},
        Row{"%ÜBER%", "drüber", true, true}, Row{"%uber%", "drüber", true, true},
        Row{"%uber%", "drüber", false, false}, Row{"_", "é", false, true},
        Row{"_", "e\xcc\x81", false, true}, Row{"\xc3\xa9", "e\xcc\x81", false, true},
        Row{"", "", true, true}, Row{"", "a", true, false}, Row{"%", "", true, true},
        Row{"%%", "x", true, true}, Row{"x\\", "x\\", true, true}})
    EXPECT_EQ(LikePattern(row.pattern, row.caseless).matches(row.text), row.matches)
        << row.pattern << " on " << row.text;
}

TEST(LikePattern, CostsNoMoreForABadPattern) {
  std::string pattern;
  while (pattern.size() < 1000) pattern += "%a_";
  const std::string text(64 * 1024, 'a');
  EXPECT_TRUE(LikePattern(pattern, false).matches(text));
  EXPECT_FALSE(LikePattern(pattern + "b", false).matches(text));
}

TEST(LikePattern, CrossesTheWordsOfItsSets) {
  for (const std::size_t length : {62, 63, 64, 65, 127, 128, 129, 500}) {
    const std::string text(length, 'x');
    EXPECT_TRUE(LikePattern(text, false).matches(text)) << length;
    EXPECT_TRUE(LikePattern(std::string(length, '_'), false).matches(text)) << length;
    EXPECT_FALSE(LikePattern(text, false).matches(text + "x")) << length;
    EXPECT_FALSE(LikePattern(text + "x", false).matches(text)) << length;
    EXPECT_TRUE(LikePattern("%" + text + "%", false).matches("aa" + text + "bb")) << length;
  }
}

}  // namespace
}  // namespace holdfast::test
