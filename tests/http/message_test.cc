// The rows that are named here are those of docs/robustness.md.
#include "http/message.h"

#include <gtest/gtest.h>

namespace holdfast::http {
namespace {

TEST(Message, FindsFieldsByName) {
  Fields fields;
  fields.add("Accept", "a");
  fields.add("Host", "h");
  fields.add("ACCEPT", "b");
  EXPECT_EQ(fields.find("accept"), "a");
  EXPECT_EQ(fields.find("Accept-Encoding"), std::nullopt);
  EXPECT_EQ(fields.count("Accept"), 2U);
  EXPECT_EQ(fields.count("Hos"), 0U);
  EXPECT_EQ(fields.joined("Accept"), "a, b");
  EXPECT_EQ(fields.joined("Host"), "h");
  EXPECT_EQ(fields.joined("If"), std::nullopt);
  EXPECT_EQ(fields.all().size(), 3U);
  fields.clear();
  EXPECT_EQ(fields.find("Host"), std::nullopt);
}

TEST(Message, AnAnswersFieldsStayOnTheirLines) {  // H13
  Response response;
  response.set("X-A", "1\r\nX-B: 2").set("X-C", std::string_view("a\0b\nc", 5)).set("X-D", "");
  EXPECT_EQ(response.fields, "X-A: 1  X-B: 2\r\nX-C: a b c\r\nX-D: \r\n");
  EXPECT_EQ(response.find("x-c"), "a b c");
  EXPECT_EQ(response.find("X-D"), "");
  EXPECT_EQ(response.find("X-B"), std::nullopt);
}

TEST(Message, NoBodyIsCompleteAtOnce) {
  NoBody body;
  EXPECT_EQ(body.length(), 0U);
  EXPECT_EQ(body.read().state, Body::State::complete);
  EXPECT_TRUE(body.read().bytes.empty());
}

TEST(Message, ContentLengthCountsRunsAndTheirText) {
  SourceBody body;
  EXPECT_EQ(body.length(), 0U);
  body.runs.push_back({.text = "head", .offset = 7, .length = 100});
  body.runs.push_back({.text = "tail", .offset = 0, .length = 0});
  EXPECT_EQ(body.length(), 108U);
}

}  // namespace
}  // namespace holdfast::http
