#include "http/accept.h"

#include <gtest/gtest.h>

#include "tests/http/fields.h"

namespace holdfast::http {
namespace {

using test::with;

TEST(Accept, ErrorsComeInTheFormThatAClientNames) {  // RFC 9110 §12.5.1
  struct Row {
    std::string_view accept;
    Preferred preferred;
  };
  constexpr auto kXml = Preferred::xml;
  constexpr auto kJson = Preferred::json;
  constexpr auto kHtml = Preferred::html;
  const Row rows[] = {
      // A wildcard names nothing, in whatever company.
      {"", kXml},
      {"*/*", kXml},
      {"application/*", kXml},
      {"text/*", kXml},
      {"text/plain", kXml},
      {"text/json", kXml},
      {"application/jsonp", kXml},
      {"application", kXml},
      {"application/json, */*", kJson},
      {"application/json, text/plain, */*", kJson},  // axios
      {"application/json;q=0.1, */*;q=0.2", kJson},
      {"application/problem+json, text/plain", kJson},
      {"APPLICATION/JSON", kJson},
      {"text/html, */*;q=0.1", kHtml},
      {"TEXT/HTML", kHtml},
      // XML goes first where it is named with the same weight or more.
      {"application/xml", kXml},
      {"text/xml, text/html", kXml},
      {"application/json, application/xml", kXml},
      {"application/json;q=0.5, text/xml;q=0.5", kXml},
      {"application/xml;q=0.9,application/json", kJson},
      {"text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8", kHtml},
      // Between the other two the weight decides.
      {"text/html, application/json", kJson},
      {"text/html, application/json;q=0.5", kHtml},
      {"text/html;q=0.3, application/json;q=0.5", kJson},
      // What is unacceptable or malformed is not named.
      {"application/json;q=0", kXml},
      {"application/json;q=0.0", kXml},
      {"application/json;q=2", kXml},
      {"application/json;q=1.001", kXml},
      {"application/json;q=x", kXml},
      {"application/json;q=", kXml},
      {"text/html;q=0", kXml},
      {"application/json;q=0, text/html", kHtml},
      {"*/*;q=x, application/json", kJson},
      {"application/json;charset=utf-8;q=0.001", kJson},
      {"application/json ; Q=0.5 , */* ; q=0.499", kJson},
      {"application/json;q=0,application/problem+json;q=1.000", kJson},
  };
  for (const Row& row : rows)
    EXPECT_EQ(preferred_form(with("Accept", {row.accept})), row.preferred) << row.accept;
  EXPECT_EQ(preferred_form({}), kXml);
  EXPECT_EQ(preferred_form(with("Accept", {"*/*;q=0.1", "application/json"})), kJson);
}

TEST(Accept, ALanguageIsChosenAmongThoseThatThereAre) {  // RFC 9110 §12.5.4, RFC 4647 §3.4
  constexpr std::string_view kAvailable[] = {"en", "de", "pt-BR"};
  struct Row {
    std::string_view accept;
    std::size_t language;
  };
  const Row rows[] = {
      {"", 0},
      {"*", 0},
      {"fr", 0},
      {"de", 1},
      {"DE", 1},
      {"de-AT", 1},
      {"de-AT, en;q=0.9", 1},
      {"fr, de;q=0.5, en;q=0.4", 1},
      {"en;q=0.4, de;q=0.5", 1},
      {"en, de", 0},
      {"de;q=0", 0},
      {"de;q=x", 0},
      {"den", 0},
      {"d", 0},
      {"pt-br", 2},
      {"pt", 0},
      {"pt-BRx", 0},
      {",,;q=1,de", 1},
  };
  for (const Row& row : rows)
    EXPECT_EQ(preferred_language(with("Accept-Language", {row.accept}), kAvailable), row.language)
        << row.accept;
  EXPECT_EQ(preferred_language({}, kAvailable), 0U);
}

TEST(Accept, GzipIsSentToWhoNamesIt) {  // RFC 9110 §12.5.3
  struct Row {
    std::string_view accept;
    bool gzip;
  };
  const Row rows[] = {
      {"", false},
      {"gzip", true},
      {"GZIP", true},
      {"gzip;q=0", false},
      {"gzip;q=0.001", true},
      {"deflate, br", false},
      {"br, gzip", true},
      {"*", true},
      {"*;q=0", false},
      {"gzip;q=0, *", false},
      {"*;q=0, gzip", true},
      {"identity", false},
      {"gzip;q=x", false},
      {"xgzip, x-gzip", false},
  };
  for (const Row& row : rows)
    EXPECT_EQ(accepts_gzip(with("Accept-Encoding", {row.accept})), row.gzip) << row.accept;
  EXPECT_FALSE(accepts_gzip({}));
}

}  // namespace
}  // namespace holdfast::http
