#include "text/base64.h"

#include <gtest/gtest.h>
#include <vector>

namespace holdfast::text {
namespace {

std::vector<std::uint8_t> bytes(std::string_view text) { return {text.begin(), text.end()}; }

TEST(Base64, IsWrittenAndReadAgain) {  // RFC 4648 §10
  const struct {
    std::string_view text;
    std::string_view base64;
  } rows[] = {{"", ""},
              {"f", "Zg=="},
              {"fo", "Zm8="},
              {"foo", "Zm9v"},
              {"foob", "Zm9vYg=="},
              {"fooba", "Zm9vYmE="},
              {"foobar", "Zm9vYmFy"}};
  for (const auto& row : rows) {
    EXPECT_EQ(base64(bytes(row.text)), row.base64);
    std::vector<std::uint8_t> back(row.text.size());
    EXPECT_TRUE(decode_base64(row.base64, back)) << row.base64;
    EXPECT_EQ(back, bytes(row.text));
    EXPECT_EQ(decode_unpadded_base64(row.base64), row.text);
  }
  EXPECT_EQ(base64(std::vector<std::uint8_t>{0xFB, 0xFF, 0xFE}), "+//+");
  EXPECT_EQ(base64_url(std::vector<std::uint8_t>{0xFB, 0xFF, 0xFE, 0xFF}), "-__-_w");
}

TEST(Base64, IsReadExactly) {
  std::vector<std::uint8_t> out(4);
  for (const std::string_view bad :
       {"", "Zm9v", "Zm9vYg", "Zm9vYg=", "Zm9vYg===", "Zm9vYmE=", "Zm9vYh==" /* bits too many */,
        "Zm9vYg=x", "Zm9v Yg==", "Zm9vYg==\n", " Zm9vYg==", "Zm9v_g==", "Zm9vYmFy"})
    EXPECT_FALSE(decode_base64(bad, out)) << bad;
  EXPECT_TRUE(decode_base64("Zm9vYg==", out));
  EXPECT_EQ(out, bytes("foob"));
}

TEST(Base64, PaddingMayBeMissing) {
  for (const std::string_view good : {"Zm9vYg", "Zm9vYg=", "Zm9vYg=="})
    EXPECT_EQ(decode_unpadded_base64(good), "foob") << good;
  EXPECT_EQ(decode_unpadded_base64(""), "");
  for (const std::string_view bad :
       {"Zm9vYg===", "Z", "Zm9vYh", "Zm9v_g", "Zm 9v", "=Zm9v", "Zm=9v"})
    EXPECT_EQ(decode_unpadded_base64(bad), std::nullopt) << bad;
}

}  // namespace
}  // namespace holdfast::text
