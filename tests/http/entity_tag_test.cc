#include "http/entity_tag.h"

#include <gtest/gtest.h>

namespace holdfast::http {
namespace {

TEST(EntityTags, RefuseWhatIsNoList) {  // RFC 9110 §8.8.3, docs/clients.md R34
  for (const std::string_view bad : {"",         " ",           ",",          "JoplinIgnore-12345",
                                     "abc",      "\"abc",       "abc\"",      "'abc'",
                                     "w/\"a\"",  "W\"a\"",      "W/ \"a\"",   "W/",
                                     "W/a",      "\"a\" \"b\"", "\"a\"\"b\"", "\"a\"x",
                                     "x\"a\"",   "\"a b\"",     "\"a\tb\"",   "\"a\x7F\"",
                                     "*, \"a\"", "\"a\", *",    "**",         "\"a\", b",
                                     "\"a\";"}) {
    const EntityTagList list = parse_entity_tags(bad);
    EXPECT_TRUE(list.malformed) << bad;
    EXPECT_FALSE(list.any || !list.tags.empty()) << bad;
    EXPECT_FALSE(list.matches_weakly("a") || list.matches_strongly("a")) << bad;
  }
}

TEST(EntityTags, CompareStronglyAndWeakly) {  // RFC 9110 §8.8.3.2
  const struct {
    std::string_view text;
    bool strong;
    bool weak;
  } rows[] = {
      {"*", true, true},
      {" * ", true, true},
      {"\"a\"", true, true},
      {"W/\"a\"", false, true},
      {"\"A\"", false, false},
      {"\"\"", false, false},
      {"\"b\"", false, false},
      {"\"b\", \"a\"", true, true},
      {"\"b\",W/\"a\"", false, true},
      {"W/\"a\" ,\t\"a\"", true, true},
      {",, \"a\" ,,", true, true},
      {"\"W/\"", false, false},
      {"\"a,b\", \"c\"", false, false},
      {"\"\\\", \"a\"", true, true},
      {"\"\xC3\xA9\", \"a\"", true, true},
      {"\"*\"", false, false},
  };
  for (const auto& row : rows) {
    const EntityTagList list = parse_entity_tags(row.text);
    EXPECT_FALSE(list.malformed) << row.text;
    EXPECT_EQ(list.matches_strongly("a"), row.strong) << row.text;
    EXPECT_EQ(list.matches_weakly("a"), row.weak) << row.text;
  }
  EXPECT_TRUE(parse_entity_tags("*").any);
  EXPECT_TRUE(parse_entity_tags("\"a,b\"").matches_strongly("a,b"));
}

}  // namespace
}  // namespace holdfast::http
