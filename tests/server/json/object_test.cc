// Flat JSON objects, read and written.
#include "server/json/object.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <limits>
#include <string>

#include "server/json/writer.h"

namespace holdfast::server {
namespace {

using testing::ElementsAre;

TEST(JsonObject, HasItsValues) {
  const auto object = json::parse_object(
      R"( {"text":"a\u00e9\n\ud83d\ude00","number":18446744073709551615,"zero":0,"yes":true,)"
      R"("no":false,"none":null,"list":["x","y"],"empty":[],"same":1,"same":2} )");
  ASSERT_TRUE(object);
  EXPECT_EQ(json::text_of(*object, "text"), "a\xC3\xA9\n\xF0\x9F\x98\x80");
  EXPECT_EQ(std::get<std::uint64_t>(object->at("number")),
            std::numeric_limits<std::uint64_t>::max());
  EXPECT_EQ(std::get<std::uint64_t>(object->at("zero")), 0U);
  EXPECT_TRUE(std::get<bool>(object->at("yes")));
  EXPECT_FALSE(std::get<bool>(object->at("no")));
  EXPECT_TRUE(std::holds_alternative<std::nullptr_t>(object->at("none")));
  EXPECT_THAT(std::get<std::vector<std::string>>(object->at("list")), ElementsAre("x", "y"));
  EXPECT_TRUE(std::get<std::vector<std::string>>(object->at("empty")).empty());
  EXPECT_EQ(std::get<std::uint64_t>(object->at("same")), 2U);
  EXPECT_EQ(json::text_of(*object, "number"), "");
  EXPECT_EQ(json::text_of(*object, "nothing"), "");
  EXPECT_TRUE(json::parse_object("{}"));
}

TEST(JsonObject, IsNotReadFromAnythingElse) {
  for (const char* text : {"",
                           " ",
                           "null",
                           "1",
                           "\"x\"",
                           "[]",
                           "[{}]",
                           "{",
                           "}",
                           "{}}",
                           "{}{}",
                           "{\"a\"}",
                           "{\"a\":}",
                           "{\"a\":1,}",
                           "{a:1}",
                           "{'a':1}",
                           "{\"a\":01}",
                           "{\"a\":-1}",
                           "{\"a\":1.5}",
                           "{\"a\":1e400}",
                           "{\"a\":{}}",
                           "{\"a\":[1]}",
                           "{\"a\":[[\"x\"]]}",
                           "{\"a\":\"\n\"}",
                           "{\"a\":\"\xff\"}",
                           "{\"a\":\"\\ud800\"}",
                           "// c\n{}",
                           "{\"a\":NaN}",
                           "{\"a\":true} x",
                           "{\"a\":[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]}"})
    EXPECT_FALSE(json::parse_object(text)) << text;
}

TEST(JsonWriter, WritesWhatIsReadBack) {
  json::Writer json;
  json.object([&] {
    json.member("a", "x\"\n");
    json.member("b", std::uint64_t{7});
    json.member("c", true);
    json.member("d", std::optional<std::uint64_t>());
    json.member("e", std::vector<std::string>{"x", "y"});
    json.key("f").array([] {});
    json.member("g", std::optional<std::string>("z"));
  });
  EXPECT_EQ(json.text(),
            "{\"a\":\"x\\\"\\u000a\",\"b\":7,\"c\":true,\"d\":null,\"e\":[\"x\",\"y\"],\"f\":[],"
            "\"g\":\"z\"}\n");
  EXPECT_TRUE(json::parse_object(json.text()));
}

}  // namespace
}  // namespace holdfast::server
