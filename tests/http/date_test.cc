#include "http/date.h"

#include <ctime>
#include <gtest/gtest.h>
#include <limits>
#include <random>

namespace holdfast::http {
namespace {

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
    EXPECT_EQ(parse_date(bad), std::nullopt) << bad;
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
  for (const auto& row : rows) EXPECT_EQ(parse_date(row.text), row.seconds) << row.text;
}

TEST(HttpDate, PlacesTwoDigitYears) {  // RFC 9110 §5.6.7: at most 50 years ahead
  const auto date = [](std::string_view text) { return parse_date(text).value(); };
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
  for (const auto& row : rows) EXPECT_EQ(parse_date(row.text, now), date(row.meaning)) << row.text;
}

TEST(HttpDate, IsWrittenAsTheCLibraryDoes) {  // docs/clients.md R16
  EXPECT_EQ(format_date(784111777), "Sun, 06 Nov 1994 08:49:37 GMT");
  EXPECT_EQ(http::format_rfc3339(784111777), "1994-11-06T08:49:37Z");
  EXPECT_EQ(format_date(-1), "Wed, 31 Dec 1969 23:59:59 GMT");
  EXPECT_EQ(http::format_rfc3339(-1), "1969-12-31T23:59:59Z");
  EXPECT_EQ(format_date(std::numeric_limits<std::int64_t>::max()), "Fri, 31 Dec 9999 23:59:59 GMT");
  EXPECT_EQ(http::format_rfc3339(std::numeric_limits<std::int64_t>::min()), "0000-01-01T00:00:00Z");
  std::mt19937_64 random(16);
  for (int round = 0; round < 5'000; ++round) {
    const auto seconds =
        static_cast<std::int64_t>(random() % 265'621'593'600) - 12'219'292'800;  // 1582 to 9999
    const std::time_t time = seconds;
    std::tm parts{};
    gmtime_r(&time, &parts);
    char text[64];
    std::strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &parts);
    ASSERT_EQ(format_date(seconds), text);
    ASSERT_EQ(parse_date(text), seconds);
    std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
    ASSERT_EQ(http::format_rfc3339(seconds), text);
  }
}

TEST(HttpDate, LastModifiedIsNeverAfterNow) {  // RFC 9110 §8.8.2.1
  EXPECT_EQ(last_modified(784111777000, 784111778000), format_date(784111777));
  EXPECT_EQ(last_modified(784111777999, 784111777999), format_date(784111777));
  EXPECT_EQ(last_modified(784111778000, 784111777000), format_date(784111777));
}

TEST(AnyDate, IsWhateverNamesOneSecondClearly) {
  constexpr std::int64_t kThen = 784'111'777;  // RFC 9110 §5.6.7
  const struct {
    std::string_view text;
    std::optional<std::int64_t> seconds;
  } rows[] = {
      {"Sun, 06 Nov 1994 08:49:37 GMT", kThen},
      {"Sunday, 06-Nov-94 08:49:37 GMT", kThen},
      {"Sun Nov  6 08:49:37 1994", kThen},
      {"Sun, 6 Nov 1994 08:49:37 GMT", kThen},
      {"Sun, 06 Nov 1994 08:49:37 UTC", kThen},
      {"Sun, 06 Nov 1994 08:49:37 Z", kThen},
      {"Sun, 06 Nov 1994 09:49:37 +0100", kThen},
      {"Sun, 06 Nov 1994 05:19:37 -0330", kThen},
      {"Sun, 06 Nov 1994 08:49:37 GMT\n", kThen},
      {"\r\n\t Sun, 06 Nov 1994 08:49:37 GMT ", kThen},
      {"1994-11-06T08:49:37Z", kThen},
      {"1994-11-06t08:49:37z", kThen},
      {"1994-11-06 08:49:37Z", kThen},
      {"1994-11-06T08:49:37.987Z", kThen},
      {"1994-11-06T09:49:37+01:00", kThen},
      {"1994-11-06T09:49:37+0100", kThen},
      {"1994-11-06T08:49Z", kThen - 37},
      {"784111777", kThen},
      {"784111777\n", kThen},
      {"0", 0},
      {"-1", -1},
      {"-86400", -86'400},
      {"Sun, 25 Jan 1959 00:00:00 GMT", -345'081'600},
      {"Mon, 01 Jan 1601 00:00:00 GMT", -11'644'473'600},
      {"1601-01-01T00:00:00Z", -11'644'473'600},
      {"0000-01-01T00:00:00Z", -62'167'219'200},
      {"253402300799", 253'402'300'799},
      // What could be another second, or is none.
      {"", {}},
      {" ", {}},
      {"soon", {}},
      {"-", {}},
      {"--1", {}},
      {"+1", {}},
      {"1e9", {}},
      {"0x10", {}},
      {"1 2", {}},
      {"784111777.5", {}},
      {"253402300800", {}},
      {"-62167219201", {}},
      {"99999999999999999999", {}},
      {"06.11.1994 08:49:37", {}},
      {"11/06/1994", {}},
      {"1994-11-06", {}},
      {"1994-11-06T08:49:37", {}},
      {"1994-11-06T08:49:37 GMT", {}},
      {"1994-13-06T08:49:37Z", {}},
      {"1994-02-29T08:49:37Z", {}},
      {"1994-11-06T24:00:00Z", {}},
      {"1994-11-06T08:60:00Z", {}},
      {"1994-11-06T08:49:37.Z", {}},
      {"1994-11-06T08:49:37+24:00", {}},
      {"1994-11-06T08:49:37+1:00", {}},
      {"1994-11-06T08:49:37Zx", {}},
      {"0000-01-01T00:00:00+01:00", {}},
      {"9999-12-31T23:59:59-00:01", {}},
      {"Sun, 06 Nov 1994 08:49:37", {}},
      {"Sun, 06 Nov 1994 08:49:37 EST", {}},
      {"Sun, 06 Nov 94 08:49:37 GMT", {}},
      {"Sun, 31 Feb 1994 08:49:37 GMT", {}},
      {"Sun, 006 Nov 1994 08:49:37 GMT", {}},
      {"Sun, 06 Nov 1994 08:49:37 +01", {}},
      {"Sun, 06 Nov 1994 08:49:37 GMT 2", {}},
  };
  for (const auto& row : rows) EXPECT_EQ(parse_any_date(row.text), row.seconds) << row.text;
}

TEST(HttpDate, RoundsDownAlsoBefore1970) {
  EXPECT_EQ(second_of(-1), -1);
  EXPECT_EQ(second_of(-1000), -1);
  EXPECT_EQ(second_of(-1001), -2);
  EXPECT_EQ(second_of(999), 0);
  EXPECT_EQ(last_modified(-152'712'000'500, 0), format_date(-152'712'001));
  EXPECT_EQ(last_modified(-152'712'000'000, 0), format_date(-152'712'000));
}

}  // namespace
}  // namespace holdfast::http
