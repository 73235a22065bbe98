#include "text/hex.h"

#include <gtest/gtest.h>
#include <vector>

namespace holdfast::text {
namespace {

TEST(Hex, IsWrittenInLowerCase) {  // RFC 4648 §8
  EXPECT_EQ(hex({}), "");
  EXPECT_EQ(hex(std::vector<std::uint8_t>{0x00, 0x0F, 0xA0, 0xFF}), "000fa0ff");
  std::string out = "%";
  append_upper_hex(out, 0xAB);
  append_upper_hex(out, 0x07);
  EXPECT_EQ(out, "%AB07");
}

TEST(Hex, IsReadInAnyCaseAndExactLength) {
  std::vector<std::uint8_t> bytes(2);
  for (const std::string_view bad :
       {"", "a", "abc", "abcde", "abcdef", "abxy", "ab d", " abc", "ab:d", "0xab",
        "\xC3\xA9"
        "ab",
        "+1+2"})
    EXPECT_FALSE(decode_hex(bad, bytes)) << bad;
  EXPECT_FALSE(decode_hex(std::string_view("ab\0d", 4), bytes));
  EXPECT_TRUE(decode_hex("0aFf", bytes));
  EXPECT_EQ(bytes, (std::vector<std::uint8_t>{0x0A, 0xFF}));
  EXPECT_TRUE(decode_hex("", {}));
}

TEST(Hex, DigitsHaveValues) {
  for (int i = 0; i < 256; ++i) {
    const char c = static_cast<char>(i);
    const int value = i >= '0' && i <= '9'   ? i - '0'
                      : i >= 'a' && i <= 'f' ? i - 'a' + 10
                      : i >= 'A' && i <= 'F' ? i - 'A' + 10
                                             : -1;
    EXPECT_EQ(hex_value(c), value) << i;
    EXPECT_EQ(is_lower_hex(std::string_view(&c, 1)), value >= 0 && !(i >= 'A' && i <= 'F')) << i;
  }
}

}  // namespace
}  // namespace holdfast::text
