#include "dav/headers.h"

#include <clocale>
#include <ctime>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <limits>
#include <random>

namespace holdfast::dav {
namespace {

using namespace std::string_literals;

constexpr std::uint64_t kMost = std::numeric_limits<std::uint64_t>::max();

// A request with fields of one name.
Fields with(std::string_view name, std::vector<std::string_view> values) {
  Fields fields;
  for (const std::string_view value : values) fields.add(name, value);
  return fields;
}

template <class Parse>
bool refused(Parse parse) {
  try {
    parse();
    return false;
  } catch (const Error& error) {
    EXPECT_EQ(error.status, 400);
    EXPECT_FALSE(error.detail.empty());
    return true;
  }
}

TEST(Depth, IsZeroOneOrInfinity) {  // RFC 4918 §10.2, D3
  for (const std::string_view bad :
       {"", "2", "-1", "00", "01", "0,1", "1,noroot", "infinite", "inf", "1.0", "0 0", "\xC2\xB2"})
    EXPECT_TRUE(refused([&] { (void)parse_depth(with("Depth", {bad})); })) << bad;
  EXPECT_TRUE(refused([&] { (void)parse_depth(with("Depth", {"0", "0"})); }));
  EXPECT_TRUE(refused([&] { (void)parse_depth(with("Depth", {"0", "infinity"})); }));
  EXPECT_EQ(parse_depth({}), std::nullopt);
  EXPECT_EQ(parse_depth(with("depth", {"0"})), storage::Depth::zero);
  EXPECT_EQ(parse_depth(with("Depth", {"1"})), storage::Depth::one);
  EXPECT_EQ(parse_depth(with("DEPTH", {"infinity"})), storage::Depth::infinity);
  EXPECT_EQ(parse_depth(with("Depth", {"Infinity"})), storage::Depth::infinity);
}

TEST(Overwrite, IsTrueUnlessItSaysF) {  // RFC 4918 §10.6
  for (const std::string_view bad : {"", "true", "false", "0", "1", "TT", "T,F"})
    EXPECT_TRUE(refused([&] { (void)parse_overwrite(with("Overwrite", {bad})); })) << bad;
  EXPECT_TRUE(refused([&] { (void)parse_overwrite(with("Overwrite", {"T", "F"})); }));
  EXPECT_TRUE(parse_overwrite({}));
  EXPECT_TRUE(parse_overwrite(with("Overwrite", {"T"})));
  EXPECT_TRUE(parse_overwrite(with("Overwrite", {"t"})));
  EXPECT_FALSE(parse_overwrite(with("Overwrite", {"F"})));
  EXPECT_FALSE(parse_overwrite(with("overwrite", {"f"})));
}

TEST(Timeout, TakesTheFirstAlternativeItUnderstands) {  // RFC 4918 §10.7, D6, docs/clients.md R65
  const struct {
    std::vector<std::string_view> values;
    std::int64_t seconds;
  } rows[] = {
      {{}, 3600},
      {{""}, 3600},
      {{"garbage"}, 3600},
      {{"Second"}, 3600},
      {{"Second-"}, 3600},
      {{"Second--1"}, 3600},
      {{"Second-+1"}, 3600},
      {{"Second-1.5"}, 3600},
      {{"Second-1x"}, 3600},
      {{"Second- 5"}, 3600},
      {{"Minute-5"}, 3600},
      {{"5"}, 3600},
      {{"Second-0"}, 1},
      {{"Second-1"}, 1},
      {{"Second-0000180"}, 180},
      {{"second-600"}, 600},
      {{"Second-3599"}, 3599},
      {{"Second-3600"}, 3600},
      {{"Second-3601"}, 3600},
      {{"Second-4294967295"}, 3600},
      {{"Second-4294967296"}, 3600},
      {{"Second-99999999999999"}, 3600},
      {{"Second-18446744073709551616"}, 3600},
      {{"Second-99999999999999999999999999"}, 3600},
      {{"Infinite"}, 3600},
      {{"infinite"}, 3600},
      {{"Infinite, Second-4100000000"}, 3600},
      {{"Second-10, Infinite"}, 10},
      {{"Extend-1, Second-20"}, 20},
      {{" , ,Second-30"}, 30},
      {{"x", "Second-40"}, 40},
  };
  for (const auto& row : rows)
    EXPECT_EQ(parse_timeout(with("Timeout", row.values), 3600), row.seconds)
        << testing::PrintToString(row.values);
}

TEST(LockToken, IsOneStateToken) {  // RFC 4918 §10.5, docs/clients.md R71
  for (const std::string_view bad : {"",
                                     "<>",
                                     "<",
                                     ">",
                                     "< >",
                                     "token",
                                     "<token>",
                                     "<urn:uuid:1",
                                     "urn:uuid:1>",
                                     "<<urn:uuid:1>>",
                                     "<urn:uuid:1> <urn:uuid:2>",
                                     "urn:uuid:1, urn:uuid:2",
                                     "<urn:>",
                                     "<:x>",
                                     "<1a:x>",
                                     "(<urn:uuid:1>)",
                                     "<urn:a b>",
                                     "<urn:\xC3\xA9>",
                                     "urn:a\"b",
                                     "<urn:a\x7F>"})
    EXPECT_TRUE(refused([&] { (void)parse_lock_token(with("Lock-Token", {bad})); })) << bad;
  EXPECT_TRUE(refused([&] { (void)parse_lock_token(with("Lock-Token", {"<u:a>", "<u:a>"})); }));
  EXPECT_EQ(parse_lock_token({}), std::nullopt);
  EXPECT_EQ(parse_lock_token(with("Lock-Token", {"<urn:uuid:1>"})), "urn:uuid:1");
  EXPECT_EQ(parse_lock_token(with("Lock-Token", {"< urn:uuid:1 >"})), "urn:uuid:1");
  EXPECT_EQ(parse_lock_token(with("Lock-Token", {"opaquelocktoken:a-b"})), "opaquelocktoken:a-b");
}

TEST(HttpDate, RefusesWhatIsNoDate) {  // RFC 9110 §5.6.7
  for (const std::string_view bad : {
           "Fri, 31 Dec 9999 23:59:60 GMT",  // would be in the year 10000
           "",
           "0",
           "784111777",
           "Sun",
           "Sun, ",
           "Sun, 06 Nov 1994",
           "Sun, 06 Nov 1994 08:49:37",
           "Sun, 06 Nov 1994 08:49:37 UTC",
           "Sun, 06 Nov 1994 08:49:37 +0000",
           "Sun, 06 Nov 1994 08:49:37 gmt",
           "Sun, 06 Nov 1994 08:49:37 GMT x",
           "Sun, 6 Nov 1994 08:49:37 GMT",
           "Sun,  6 Nov 1994 08:49:37 GMT",
           "Sun, 06 Nov 94 08:49:37 GMT",
           "Sun, 06 Nov 19944 08:49:37 GMT",
           "Sun, 06-Nov-1994 08:49:37 GMT",
           "Sun 06 Nov 1994 08:49:37 GMT",
           "sun, 06 Nov 1994 08:49:37 GMT",
           "Sub, 06 Nov 1994 08:49:37 GMT",
           "Sun, 06 nov 1994 08:49:37 GMT",
           "Sun, 06 Nox 1994 08:49:37 GMT",
           "Sun, 00 Nov 1994 08:49:37 GMT",
           "Sun, 31 Nov 1994 08:49:37 GMT",
           "Sun, 32 Dec 1994 08:49:37 GMT",
           "Wed, 29 Feb 2023 00:00:00 GMT",
           "Wed, 29 Feb 1900 00:00:00 GMT",
           "Sun, 06 Nov 1994 24:00:00 GMT",
           "Sun, 06 Nov 1994 08:60:37 GMT",
           "Sun, 06 Nov 1994 08:49:61 GMT",
           "Sun, 06 Nov 1994 8:49:37 GMT",
           "Sun, 06 Nov 1994 -8:49:37 GMT",
           "Sun, 06 Nov 1994 08.49.37 GMT",
           "Sun, +6 Nov 1994 08:49:37 GMT",
           "Sunday, 06-Nov-1994 08:49:37 GMT",
           "Sunday, 06-Nov-94 08:49:37",
           "Sunday, 06 Nov 94 08:49:37 GMT",
           "Sundays, 06-Nov-94 08:49:37 GMT",
           "Sunday, 31-Nov-94 08:49:37 GMT",
           "Sun Nov 6 08:49:37 1994",
           "Sun Nov  6 08:49:37 94",
           "Sun Nov  6 08:49:37 1994 GMT",
           "Sun Nov  0 08:49:37 1994",
           "Sun Nov 31 08:49:37 1994",
           "1994-11-06T08:49:37Z",
       })
    EXPECT_EQ(parse_http_date(bad), std::nullopt) << bad;
}

TEST(HttpDate, ReadsAllThreeForms) {  // RFC 9110 §5.6.7
  const struct {
    std::string_view text;
    std::int64_t seconds;
  } rows[] = {
      {"Sun, 06 Nov 1994 08:49:37 GMT", 784111777},
      {"Sunday, 06-Nov-94 08:49:37 GMT", 784111777},
      {"Sun Nov  6 08:49:37 1994", 784111777},
      {"Wed Nov 16 08:49:37 1994", 784975777},
      {" Sun, 06 Nov 1994 08:49:37 GMT ", 784111777},
      {"Thu, 01 Jan 1970 00:00:00 GMT", 0},
      {"Wed, 31 Dec 1969 23:59:59 GMT", -1},
      {"Tue, 29 Feb 2000 12:00:00 GMT", 951825600},
      {"Thu, 29 Feb 2024 00:00:00 GMT", 1709164800},
      {"Tue, 19 Jan 2038 03:14:08 GMT", 2147483648},
      {"Mon, 01 Jan 1601 00:00:00 GMT", -11644473600},
      {"Fri, 31 Dec 9999 23:59:59 GMT", 253402300799},
      // A leap second, and another day's name.
      {"Sat, 31 Dec 2016 23:59:60 GMT", 1483228800},
      {"Mon, 06 Nov 1994 08:49:37 GMT", 784111777},
  };
  for (const auto& row : rows) EXPECT_EQ(parse_http_date(row.text), row.seconds) << row.text;
}

TEST(HttpDate, PlacesTwoDigitYears) {  // RFC 9110 §5.6.7: at most 50 years ahead
  const auto date = [](std::string_view text) { return parse_http_date(text).value(); };
  const std::int64_t now = date("Sun, 22 Nov 2026 12:00:00 GMT");
  const struct {
    std::string_view text;
    std::string_view meaning;
  } rows[] = {
      {"Sunday, 22-Nov-26 12:00:00 GMT", "Sun, 22 Nov 2026 12:00:00 GMT"},
      {"Friday, 01-Jan-70 00:00:00 GMT", "Fri, 01 Jan 2070 00:00:00 GMT"},
      {"Sunday, 22-Nov-76 12:00:00 GMT", "Sun, 22 Nov 2076 12:00:00 GMT"},
      {"Sunday, 22-Nov-76 12:00:01 GMT", "Mon, 22 Nov 1976 12:00:01 GMT"},
      {"Sunday, 31-Dec-76 00:00:00 GMT", "Fri, 31 Dec 1976 00:00:00 GMT"},
      {"Saturday, 01-Jan-77 00:00:00 GMT", "Sat, 01 Jan 1977 00:00:00 GMT"},
      {"Friday, 31-Dec-99 23:59:59 GMT", "Fri, 31 Dec 1999 23:59:59 GMT"},
      {"Saturday, 01-Jan-00 00:00:00 GMT", "Sat, 01 Jan 2000 00:00:00 GMT"},
  };
  for (const auto& row : rows)
    EXPECT_EQ(parse_http_date(row.text, now), date(row.meaning)) << row.text;
}

TEST(HttpDate, IsWrittenAsTheCLibraryDoes) {  // docs/clients.md R16
  EXPECT_EQ(format_http_date(784111777), "Sun, 06 Nov 1994 08:49:37 GMT");
  EXPECT_EQ(format_rfc3339(784111777), "1994-11-06T08:49:37Z");
  EXPECT_EQ(format_http_date(-1), "Wed, 31 Dec 1969 23:59:59 GMT");
  EXPECT_EQ(format_rfc3339(-1), "1969-12-31T23:59:59Z");
  EXPECT_EQ(format_http_date(std::numeric_limits<std::int64_t>::max()),
            "Fri, 31 Dec 9999 23:59:59 GMT");
  EXPECT_EQ(format_rfc3339(std::numeric_limits<std::int64_t>::min()), "0000-01-01T00:00:00Z");
  std::mt19937_64 random(16);
  for (int round = 0; round < 5'000; ++round) {
    const auto seconds =
        static_cast<std::int64_t>(random() % 265'621'593'600) - 12'219'292'800;  // 1582 to 9999
    const std::time_t time = seconds;
    std::tm parts{};
    gmtime_r(&time, &parts);
    char text[64];
    std::strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &parts);
    ASSERT_EQ(format_http_date(seconds), text);
    ASSERT_EQ(parse_http_date(text), seconds);
    std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
    ASSERT_EQ(format_rfc3339(seconds), text);
  }
}

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

// "whole", "416" or "offset+length,…".
std::string range(std::vector<std::string_view> values, std::uint64_t size) {
  const Ranges ranges = parse_range(with("Range", std::move(values)), size);
  EXPECT_EQ(ranges.ranges.empty(), ranges.kind != Ranges::Kind::some);
  if (ranges.kind == Ranges::Kind::whole) return "whole";
  if (ranges.kind == Ranges::Kind::unsatisfiable) return "416";
  std::string out;
  for (const ByteRange& one : ranges.ranges) {
    EXPECT_GT(one.length, 0U);
    EXPECT_LT(one.offset, size);
    EXPECT_LE(one.length, size - one.offset);
    out += (out.empty() ? "" : ",") + std::to_string(one.offset) + "+" + std::to_string(one.length);
  }
  return out;
}

TEST(Range, IsResolvedAgainstTheSize) {  // RFC 9110 §14.1.2, docs/robustness.md R1 to R4
  const struct {
    std::string value;
    std::uint64_t size;
    std::string_view expected;
  } rows[] = {
      // Bad syntax and other units.
      {"", 10, "whole"},
      {"bytes", 10, "whole"},
      {"bytes=", 10, "whole"},
      {"bytes=,", 10, "whole"},
      {"bytes=-", 10, "whole"},
      {"bytes=a-b", 10, "whole"},
      {"bytes=0", 10, "whole"},
      {"bytes=0-1-2", 10, "whole"},
      {"bytes=--1", 10, "whole"},
      {"bytes=+1-2", 10, "whole"},
      {"bytes=1 - 2", 10, "whole"},
      {"bytes=0x1-2", 10, "whole"},
      {"bytes=1-2;3-4", 10, "whole"},
      {"bytes=2-1", 10, "whole"},
      {"bytes=0-1,2-1", 10, "whole"},
      {"bytes=0-1,x", 10, "whole"},
      {"bytes 0-1", 10, "whole"},
      {"bytes:0-1", 10, "whole"},
      {"items=0-1", 10, "whole"},
      {" bytes =0-1", 10, "whole"},
      {"bytes=-9223372036854775808-", 10, "whole"},
      // Satisfied.
      {"bytes=0-", 10, "0+10"},
      {"bytes=0-0", 10, "0+1"},
      {"bytes=0-9", 10, "0+10"},
      {"bytes=0-10", 10, "0+10"},
      {"bytes=9-", 10, "9+1"},
      {"bytes=9-9", 10, "9+1"},
      {"bytes=9-99", 10, "9+1"},
      {"bytes=-1", 10, "9+1"},
      {"bytes=-10", 10, "0+10"},
      {"bytes=-11", 10, "0+10"},
      {"BYTES=1-2", 10, "1+2"},
      {"bytes= 1-2 ,\t4-5", 10, "1+2,4+2"},
      {"bytes=,1-2,,", 10, "1+2"},
      {"bytes=5-6,0-1", 10, "5+2,0+2"},
      {"bytes=-2,0-1", 10, "8+2,0+2"},
      {"bytes=0-0,20-30,-1", 10, "0+1,9+1"},
      {"bytes=0-4,5-9", 10, "0+5,5+5"},
      {"bytes=1-2,2-3", 10, "1+2,2+2"},
      // Not satisfiable.
      {"bytes=10-", 10, "416"},
      {"bytes=10-20", 10, "416"},
      {"bytes=-0", 10, "416"},
      {"bytes=11-12,-0,99-", 10, "416"},
      {"bytes=1-", 1, "416"},
      // Nothing to take a part of.
      {"bytes=0-", 0, "whole"},
      {"bytes=-5", 0, "whole"},
      {"bytes=7-9", 0, "whole"},
      // Overlaps that add up to more than there is.
      {"bytes=0-,0-", 10, "whole"},
      {"bytes=0-5,5-9", 10, "whole"},
      {"bytes=-10,9-", 10, "whole"},
      // Numbers that do not fit.
      {"bytes=-9223372036854775808", 10, "0+10"},
      {"bytes=-10,-9223372036854775798", 10, "whole"},
      {"bytes=18446744073709551615-", 10, "416"},
      {"bytes=18446744073709551616-", 10, "416"},
      {"bytes=99999999999999999999-", 10, "416"},
      {"bytes=0-18446744073709551615", 10, "0+10"},
      {"bytes=0-18446744073709551616", 10, "0+10"},
      {"bytes=5-99999999999999999999999999", 10, "5+5"},
      {"bytes=-99999999999999999999999999", 10, "0+10"},
      {"bytes=0-", kMost, "0+18446744073709551615"},
      {"bytes=18446744073709551614-", kMost, "18446744073709551614+1"},
      {"bytes=18446744073709551615-", kMost, "416"},
      {"bytes=0-18446744073709551614,0-0", kMost, "whole"},
      {"bytes=4294967295-4294967297", 5'000'000'000, "4294967295+3"},
  };
  for (const auto& row : rows) EXPECT_EQ(range({row.value}, row.size), row.expected) << row.value;
  EXPECT_EQ(range({}, 10), "whole");
  EXPECT_EQ(range({"bytes=0-1", "bytes=2-3"}, 10), "whole") << "R4";
}

TEST(Range, TakesAtMost16) {  // docs/robustness.md R2
  std::string value = "bytes=0-0";
  for (int i = 1; i < 16; ++i) value += "," + std::to_string(2 * i) + "-" + std::to_string(2 * i);
  EXPECT_NE(range({value}, 1000), "whole");
  EXPECT_EQ(range({value + ",40-40"}, 1000), "whole");
  EXPECT_EQ(range({value + ",2000-"}, 1000), "whole") << "unsatisfiable ones count";
  for (int i = 0; i < 1300; ++i) value += ",0-" + std::to_string(i);
  EXPECT_EQ(range({value}, 1 << 20), "whole");
}

// The ranges by their definition: the bytes of a small content that each spec selects.
TEST(Range, SelectsTheBytesOfTheDefinition) {
  std::mt19937 random(14);
  for (int round = 0; round < 20'000; ++round) {
    const std::uint64_t size = 1 + random() % 6;
    std::string value = "bytes=";
    std::string expected;
    std::uint64_t total = 0;
    bool valid = true;
    const std::size_t specs = 1 + random() % 3;
    for (std::size_t i = 0; i < specs; ++i) {
      const std::uint64_t first = random() % 8;
      const std::uint64_t last = random() % 8;
      const std::uint64_t form = random() % 3;
      value += i > 0 ? "," : "";
      value += form == 0   ? std::to_string(first) + "-"
               : form == 1 ? "-" + std::to_string(last)
                           : std::to_string(first) + "-" + std::to_string(last);
      valid = valid && (form != 2 || first <= last);
      std::vector<std::uint64_t> bytes;
      for (std::uint64_t at = 0; at < size; ++at) {
        const bool in = form == 0   ? at >= first
                        : form == 1 ? at + last >= size
                                    : at >= first && at <= last;
        if (in) bytes.push_back(at);
      }
      if (bytes.empty()) continue;
      total += bytes.size();
      expected += (expected.empty() ? "" : ",") + std::to_string(bytes.front()) + "+" +
                  std::to_string(bytes.size());
    }
    if (!valid || total > size) {
      expected = "whole";
    } else if (expected.empty()) {
      expected = "416";
    }
    ASSERT_EQ(range({value}, size), expected) << value << " of " << size;
  }
}

constexpr std::string_view kSha256 =
    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";  // of "abc"
constexpr std::string_view kSha256Base64 = "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=";
constexpr std::string_view kSha1 = "a9993e364706816aba3e25717850c26c9cd0d89d";
constexpr std::string_view kMd5 = "900150983cd24fb0d6963f7d28e17f72";
constexpr std::string_view kMd5Base64 = "kAFQmDzST7DWlj99KOF/cg==";

std::string upper(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  return out;
}

TEST(Checksums, AreReadFromTheFieldsClientsSend) {
  const struct {
    std::string_view name;
    std::string value;
    std::string_view known;  // which of sha256, sha1, md5 it announces
  } rows[] = {
      {"OC-Checksum", "SHA256:" + std::string(kSha256), "sha256"},
      {"oc-checksum", "sha256:" + upper(kSha256), "sha256"},
      {"OC-Checksum", "SHA1:" + std::string(kSha1), "sha1"},
      {"OC-Checksum", "MD5:" + std::string(kMd5), "md5"},
      {"OC-Checksum", "SHA1:" + std::string(kSha1) + " MD5:" + std::string(kMd5), "sha1 md5"},
      {"OC-Checksum", "Adler32:deadbeef", ""},
      {"OC-Checksum", "SHA3-256:zz", ""},
      {"OC-Checksum", "", ""},
      {"OC-Checksum", "nothing", ""},
      {"Content-MD5", std::string(kMd5Base64), "md5"},
      {"Repr-Digest", "sha-256=:" + std::string(kSha256Base64) + ":", "sha256"},
      {"Content-Digest", "sha-256=:" + std::string(kSha256Base64) + ":", "sha256"},
      {"Repr-Digest", "sha-512=:zz:, sha-256=:" + std::string(kSha256Base64) + ":;p=1", "sha256"},
      {"Repr-Digest", "sha-512=:zz:, unixsum", ""},
      {"Repr-Digest", "SHA-256=:zz:", ""},  // keys are lower case (RFC 8941 §3.1.2)
      {"Want-Repr-Digest", "sha-256=1", ""},
  };
  for (const auto& row : rows) {
    const ExpectedChecksums expected = parse_checksums(with(row.name, {row.value}));
    std::string known;
    if (expected.sha256) {
      EXPECT_EQ(hex(*expected.sha256), kSha256);
      known += " sha256";
    }
    if (expected.sha1) {
      EXPECT_EQ(hex(*expected.sha1), kSha1);
      known += " sha1";
    }
    if (expected.md5) {
      EXPECT_EQ(hex(*expected.md5), kMd5);
      known += " md5";
    }
    EXPECT_EQ(known.substr(known.empty() ? 0 : 1), row.known) << row.name << ": " << row.value;
    EXPECT_EQ(expected.digests().sha1, expected.sha1.has_value());
    EXPECT_EQ(expected.digests().md5, expected.md5.has_value());
  }
}

TEST(Checksums, MalformedOnesAreRefused) {
  const struct {
    std::string_view name;
    std::string value;
  } rows[] = {
      {"OC-Checksum", "SHA1:"},
      {"OC-Checksum", "SHA1:a999"},
      {"OC-Checksum", "SHA1:" + std::string(39, 'a') + "g"},
      {"OC-Checksum", "MD5:" + std::string(kSha1)},
      {"OC-Checksum", "SHA256:" + std::string(kSha1)},
      {"OC-Checksum", "SHA1:" + std::string(kSha1) + " SHA1:" + std::string(40, '0')},
      {"Content-MD5", ""},
      {"Content-MD5", std::string(kMd5)},
      {"Content-MD5", "kAFQmDzST7DWlj99KOF/cg"},
      {"Content-MD5", "kAFQmDzST7DWlj99KOF/cg="},
      {"Content-MD5", "kAFQmDzST7DWlj99KOF_cg=="},
      {"Content-MD5", "kAFQmDzST7DWlj99KOF/ch=="},  // bits that no byte holds
      {"Content-MD5", "kAFQmDzST7DWlj99KOF/c==="},
      {"Content-MD5", "kAFQmDzST7DWlj99KOF/cgAA"},
      {"Repr-Digest", "sha-256"},
      {"Repr-Digest", "sha-256="},
      {"Repr-Digest", "sha-256=:"},
      {"Repr-Digest", "sha-256=::"},
      {"Repr-Digest", "sha-256=" + std::string(kSha256Base64)},
      {"Repr-Digest", "sha-256=:" + std::string(kMd5Base64) + ":"},
      {"Content-Digest", "sha-256=:" + std::string(kSha256) + ":"},
  };
  for (const auto& row : rows)
    EXPECT_TRUE(refused([&] { (void)parse_checksums(with(row.name, {row.value})); }))
        << row.name << ": " << row.value;

  Fields contradictory;
  const std::string other = "MD5:" + std::string(32, '0');
  contradictory.add("Content-MD5", kMd5Base64);
  contradictory.add("OC-Checksum", other);
  EXPECT_TRUE(refused([&] { (void)parse_checksums(contradictory); }));
}

TEST(Checksums, AreVerified) {
  const std::string sha1 = "SHA1:" + std::string(kSha1);
  Fields fields;
  fields.add("OC-Checksum", sha1);
  fields.add("Content-MD5", kMd5Base64);
  const std::string digest = "sha-256=:" + std::string(kSha256Base64) + ":";
  fields.add("Repr-Digest", digest);
  const ExpectedChecksums expected = parse_checksums(fields);
  storage::Checksums actual{.sha256 = *expected.sha256, .sha1 = expected.sha1, .md5 = expected.md5};
  EXPECT_FALSE(refused([&] { expected.verify(actual); }));
  EXPECT_FALSE(refused([&] { ExpectedChecksums().verify(actual); }));
  storage::Checksums changed = actual;
  changed.sha256[31] ^= 1;
  EXPECT_TRUE(refused([&] { expected.verify(changed); }));
  changed = actual;
  (*changed.sha1)[0] ^= 1;
  EXPECT_TRUE(refused([&] { expected.verify(changed); }));
  changed = actual;
  changed.md5.reset();
  EXPECT_TRUE(refused([&] { expected.verify(changed); })) << "not computed is not the same";
}

TEST(OcMtime, IsUnixSeconds) {
  for (const std::string_view bad :
       {"", "-1", "+1", "abc", "1e9", "0x10", " 1", "1 ", "1,5", ".5", "1.x",
        "99999999999999999999", "253402300800", "Sun, 06 Nov 1994 08:49:37 GMT"})
    EXPECT_EQ(parse_oc_mtime(with("X-OC-Mtime", {bad})), std::nullopt) << bad;
  EXPECT_EQ(parse_oc_mtime({}), std::nullopt);
  EXPECT_EQ(parse_oc_mtime(with("X-OC-Mtime", {"0"})), 0);
  EXPECT_EQ(parse_oc_mtime(with("x-oc-mtime", {"1405659985"})), 1405659985000);
  EXPECT_EQ(parse_oc_mtime(with("X-OC-Mtime", {"1405659985.987"})), 1405659985000);
  EXPECT_EQ(parse_oc_mtime(with("X-OC-Mtime", {"1405659985."})), 1405659985000);
  EXPECT_EQ(parse_oc_mtime(with("X-OC-Mtime", {"253402300799"})), 253402300799000);
}

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

TEST(AbsoluteUri, HasASchemeAndMore) {  // RFC 3986 §4.3
  for (const std::string_view bad :
       {"", ":", "a", "a:", ":a", "1:a", "a b:c", "\xC3\xA9:a", "a:\n", "a_b:c"})
    EXPECT_FALSE(is_absolute_uri(bad)) << bad;
  for (const std::string_view good :
       {"a:b", "DAV:no-lock", "urn:uuid:1", "http://h/?q", "a+b-c.1::"})
    EXPECT_TRUE(is_absolute_uri(good)) << good;
}

TEST(Decimal, IsDigitsOnly) {
  for (const std::string_view bad : {"", "-1", "+1", " 1", "1 ", "1.", "0x1",
                                     "18446744073709551616", "99999999999999999999", "\xD9\xA1"})
    EXPECT_EQ(parse_decimal(bad), std::nullopt) << bad;
  EXPECT_EQ(parse_decimal("0"), 0U);
  EXPECT_EQ(parse_decimal("007"), 7U);
  EXPECT_EQ(parse_decimal("18446744073709551615"), kMost);
  EXPECT_EQ(parse_decimal(std::string(100, '0') + "5"), 5U);
}

TEST(Codes, WriteHexAndBase64) {  // RFC 4648 §10
  const auto bytes = [](std::string_view text) {
    return std::vector<std::uint8_t>(text.begin(), text.end());
  };
  EXPECT_EQ(hex(bytes("")), "");
  EXPECT_EQ(hex(std::vector<std::uint8_t>{0x00, 0x0F, 0xA0, 0xFF}), "000fa0ff");
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
  for (const auto& row : rows) EXPECT_EQ(base64(bytes(row.text)), row.base64);
  EXPECT_EQ(base64(std::vector<std::uint8_t>{0xFB, 0xFF, 0xFE}), "+//+");
}

}  // namespace
}  // namespace holdfast::dav
