#include "dav/http.h"

#include <gtest/gtest.h>

#include "dav/error.h"

namespace holdfast::dav {
namespace {

TEST(Http, ComparesWithoutAsciiCase) {  // RFC 9110 §5.1
  EXPECT_TRUE(equal_ignoring_case("", ""));
  EXPECT_TRUE(equal_ignoring_case("If-Match", "iF-mATCH"));
  EXPECT_FALSE(equal_ignoring_case("If", "If-"));
  EXPECT_FALSE(equal_ignoring_case("[", "{"));
  EXPECT_FALSE(equal_ignoring_case("@", "`"));
  EXPECT_FALSE(equal_ignoring_case("\xC3\x89", "\xC3\xA9")) << "only ASCII has case here";
}

TEST(Http, TrimsSpacesAndTabs) {  // RFC 9110 §5.6.3
  EXPECT_EQ(trimmed(""), "");
  EXPECT_EQ(trimmed(" \t "), "");
  EXPECT_EQ(trimmed("\t a b\t"), "a b");
  EXPECT_EQ(trimmed("\r a\v"), "\r a\v");
}

TEST(Http, FindsFieldsByName) {
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

TEST(Http, AnAnswersFieldsStayOnTheirLines) {  // docs/robustness.md H13
  Response response;
  response.set("X-A", "1\r\nX-B: 2").set("X-C", std::string_view("a\0b\nc", 5)).set("X-D", "");
  EXPECT_EQ(response.fields, "X-A: 1  X-B: 2\r\nX-C: a b c\r\nX-D: \r\n");
  EXPECT_EQ(response.find("x-c"), "a b c");
  EXPECT_EQ(response.find("X-D"), "");
  EXPECT_EQ(response.find("X-B"), std::nullopt);
}

TEST(Http, NoBodyIsCompleteAtOnce) {
  NoBody body;
  EXPECT_EQ(body.length(), 0U);
  EXPECT_EQ(body.read().state, Body::State::complete);
  EXPECT_TRUE(body.read().bytes.empty());
}

TEST(Http, ContentLengthCountsRunsAndTheirText) {
  ContentBody body;
  EXPECT_EQ(body.length(), 0U);
  body.runs.push_back({.text = "head", .offset = 7, .length = 100});
  body.runs.push_back({.text = "tail", .offset = 0, .length = 0});
  EXPECT_EQ(body.length(), 108U);
}

TEST(Http, KnowsTheReasonsItSends) {
  for (const int status :
       {100, 200, 201, 204, 206, 207, 304, 400, 401, 403, 404, 405, 408, 409, 411, 412, 413,
        414, 415, 416, 417, 421, 422, 423, 424, 429, 431, 500, 501, 502, 503, 505, 507})
    EXPECT_FALSE(reason_phrase(status).empty()) << status;
  EXPECT_EQ(reason_phrase(423), "Locked");
  EXPECT_EQ(reason_phrase(299), "");
}

TEST(DavError, SpellsPreconditionsAsTheRfcDoes) {  // RFC 4918 §16, RFC 4331 §6
  EXPECT_EQ(element_name(Precondition::none), "");
  EXPECT_EQ(element_name(Precondition::cannot_modify_protected_property),
            "cannot-modify-protected-property");
  EXPECT_EQ(element_name(Precondition::lock_token_matches_request_uri),
            "lock-token-matches-request-uri");
  EXPECT_EQ(element_name(Precondition::lock_token_submitted), "lock-token-submitted");
  EXPECT_EQ(element_name(Precondition::no_conflicting_lock), "no-conflicting-lock");
  EXPECT_EQ(element_name(Precondition::no_external_entities), "no-external-entities");
  EXPECT_EQ(element_name(Precondition::preserved_live_properties), "preserved-live-properties");
  EXPECT_EQ(element_name(Precondition::propfind_finite_depth), "propfind-finite-depth");
  EXPECT_EQ(element_name(Precondition::quota_not_exceeded), "quota-not-exceeded");
  EXPECT_EQ(element_name(Precondition::sufficient_disk_space), "sufficient-disk-space");
  const Error error(423, Precondition::lock_token_submitted, "Locked by another.");
  EXPECT_STREQ(error.what(), "Locked by another.");
}

}  // namespace
}  // namespace holdfast::dav
