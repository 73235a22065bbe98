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

TEST(EntityTags, AreOursAlsoAsAProxyThatCompressesMarksThem) {  // RFC 9110 §8.8.3.3
  const struct {
    std::string_view text;
    bool strong, weak, exact;
  } rows[] = {
      {"\"e-1\"", true, true, true},
      {"\"e-1-gzip\"", true, true, false},
      {"\"e-1-br\"", true, true, false},
      {"\"e-1-zstd\"", true, true, false},
      {"\"e-1-deflate\"", true, true, false},
      {"\"e-1--gzip\"", true, true, false},
      {"\"e-1--br\"", true, true, false},
      {"\"e-1;gzip\"", true, true, false},
      {"\"x\", \"e-1-gzip\"", true, true, false},
      {"W/\"e-1\"", false, true, false},
      {"W/\"e-1-gzip\"", false, true, false},
      {"\"e-12-gzip\"", false, false, false},
      {"\"e-12\"", false, false, false},
      {"\"-gzip\"", false, false, false},
      {"\"e-1-\"", false, false, false},
      {"\"e-1gzip\"", false, false, false},
      {"\"e-1-GZIP\"", false, false, false},
      {"\"e-1-gzip-gzip\"", false, false, false},
      {"\"e-1-gzip2\"", false, false, false},
      {"\"e-1---gzip\"", false, false, false},
      {"\"e-1;\"", false, false, false},
      {"\"e-1-other\"", false, false, false},
      {"\"gzip-e-1\"", false, false, false},
  };
  for (const auto& row : rows) {
    const EntityTagList list = parse_entity_tags(row.text);
    EXPECT_EQ(list.matches_strongly("e-1"), row.strong) << row.text;
    EXPECT_EQ(list.matches_weakly("e-1"), row.weak) << row.text;
    EXPECT_EQ(list.matches_exactly("e-1"), row.exact) << row.text;
  }
}

}  // namespace
}  // namespace holdfast::http
