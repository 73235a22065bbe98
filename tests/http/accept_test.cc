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

}  // namespace
}  // namespace holdfast::http
