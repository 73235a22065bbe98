#include "http/accept.h"

#include <gtest/gtest.h>

#include "tests/http/fields.h"

namespace holdfast::http {
namespace {

using test::with;

TEST(Accept, PrefersJsonOnlyWhenItWeighsMore) {  // RFC 9110 §12.5.1
  for (const std::string_view no : {"",
                                    "*/*",
                                    "application/xml",
                                    "application/json, */*",
                                    "application/json, text/plain, */*",
                                    "application/json, application/xml",
                                    "application/json;q=0",
                                    "application/json;q=0.0",
                                    "application/json;q=0.5, text/xml;q=0.5",
                                    "application/json;q=0.1, */*;q=0.2",
                                    "text/json",
                                    "application/*",
                                    "application/jsonx",
                                    "application/vnd.api+json",
                                    "application/json;q=2",
                                    "application/json;q=0.1234",
                                    "application/json;q=",
                                    "application/json;q=x",
                                    "application/json;q=-1",
                                    "application/json;q=.5",
                                    "application/json, text/*"})
    EXPECT_FALSE(prefers_json(with("Accept", {no}))) << no;
  for (const std::string_view yes :
       {"application/json", "APPLICATION/JSON", "application/problem+json",
        "application/json, */*;q=0.8", "application/xml;q=0.9,application/json",
        "text/html, application/json ; Q=0.5 , */* ; q=0.499",
        "application/json;charset=utf-8;q=0.001",
        "application/json;q=0,application/problem+json;q=1.000", "application/json;q=1.",
        "*/*;q=x, application/json"})
    EXPECT_TRUE(prefers_json(with("Accept", {yes}))) << yes;
  EXPECT_FALSE(prefers_json({}));
  EXPECT_TRUE(prefers_json(with("Accept", {"*/*;q=0.1", "application/json"})));
}

}  // namespace
}  // namespace holdfast::http
