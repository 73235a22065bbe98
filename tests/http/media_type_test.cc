#include "http/media_type.h"

#include <gtest/gtest.h>

namespace holdfast::http {
namespace {

TEST(MediaType, FollowsFromTheExtension) {
  const struct {
    std::string_view name;
    std::string_view type;
  } rows[] = {
      {"", "application/octet-stream"},
      {"txt", "application/octet-stream"},
      {".txt", "text/plain; charset=utf-8"},
      {"a.txt", "text/plain; charset=utf-8"},
      {"a.TXT", "text/plain; charset=utf-8"},
      {"a.tar.gz", "application/gzip"},
      {"a.", "application/octet-stream"},
      {"a.txt ", "application/octet-stream"},
      {"a.toolong", "application/octet-stream"},
      {"a.7z", "application/x-7z-compressed"},
      {"a.zst", "application/zstd"},
  };
  for (const auto& row : rows) EXPECT_EQ(content_type(row.name), row.type) << row.name;
}

TEST(MediaType, OnlyWhatCarriesNoScriptIsShownInPlace) {  // docs/robustness.md S6
  for (const std::string_view name :
       {"a.txt", "a.png", "a.jpg", "a.gif", "a.webp", "a.mp3", "a.mp4", "a.md", "a.pdf"})
    EXPECT_TRUE(shown_inline(content_type(name))) << name;
  for (const std::string_view name : {"a.html", "a.xhtml", "a.svg", "a.js", "a.xml", "a"})
    EXPECT_FALSE(shown_inline(content_type(name))) << name;
}

TEST(ContentDisposition, CarriesAnyNameSafely) {  // RFC 6266 §4.3, RFC 8187, docs/robustness.md H13
  EXPECT_EQ(content_disposition("a\"b\\c.txt", false),
            "attachment; filename=\"a_b_c.txt\"; filename*=UTF-8''a%22b%5Cc.txt");
  EXPECT_EQ(content_disposition("Ä.txt", true),
            "inline; filename=\"__.txt\"; filename*=UTF-8''%C3%84.txt");
  EXPECT_EQ(content_disposition("100%.txt", false),
            "attachment; filename=\"100_.txt\"; filename*=UTF-8''100%25.txt");
}

}  // namespace
}  // namespace holdfast::http
