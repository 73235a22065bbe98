#include "http/date.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <ctime>

#include "text/ascii.h"

namespace holdfast::http {
namespace {

constexpr std::array<std::string_view, 7> kDays = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                                   "Thursday", "Friday", "Saturday"};
constexpr std::array<std::string_view, 12> kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                      "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
constexpr std::int64_t kFirstSecond = -62'167'219'200;  // 0000-01-01T00:00:00Z
constexpr std::int64_t kLastSecond = 253'402'300'799;   // 9999-12-31T23:59:59Z

// Reads a date's text from the left. After the first mismatch every further call fails.
class Reader {
 public:
  explicit Reader(std::string_view rest) : rest_(rest) {}

  [[nodiscard]] bool complete() const { return ok_ && rest_.empty(); }
  bool literal(std::string_view text) {
    ok_ = ok_ && rest_.substr(0, text.size()) == text;
    if (ok_) rest_.remove_prefix(text.size());
    return ok_;
  }
  // Reads exactly `digits` digits; the first may be a space when `padded`.
  int number(std::size_t digits, bool padded = false) {
    ok_ = ok_ && rest_.size() >= digits;
    int value = 0;
    for (std::size_t i = 0; ok_ && i < digits; ++i) {
      const char c = padded && i == 0 && rest_[i] == ' ' ? '0' : rest_[i];
      ok_ = text::is_digit(c);
      value = value * 10 + (c - '0');
    }
    if (ok_) rest_.remove_prefix(digits);
    return value;
  }
  int one_or_two_digits() {
    const bool two = rest_.size() > 1 && text::is_digit(rest_[1]);
    return number(two ? 2 : 1);
  }
  // Skips "." or "," and at least one digit.
  void skip_fraction() {
    rest_.remove_prefix(1);
    const std::size_t digits = std::min(rest_.find_first_not_of("0123456789"), rest_.size());
    ok_ = ok_ && digits > 0;
    rest_.remove_prefix(digits);
  }
  [[nodiscard]] bool begins_with(char c) const { return ok_ && rest_.starts_with(c); }
  void fail() { ok_ = false; }
  // Reads the name of a month; returns its number, from 1.
  unsigned month() {
    for (unsigned i = 0; ok_ && i < kMonths.size(); ++i) {
      if (rest_.substr(0, 3) != kMonths[i]) continue;
      rest_.remove_prefix(3);
      return i + 1;
    }
    ok_ = false;
    return 0;
  }
  // Reads the name of a day, whole or its first three letters.
  bool day_name(bool whole) {
    for (const std::string_view day : kDays) {
      const std::string_view name = whole ? day : day.substr(0, 3);
      if (ok_ && rest_.substr(0, name.size()) == name) return literal(name);
    }
    return ok_ = false;
  }

 private:
  std::string_view rest_;
  bool ok_ = true;
};

struct Parts {
  int year = 0;
  unsigned month = 0;
  int day = 0;
  int hour = 0;
  int minute = 0;
  int second = 0;

  void read_time(Reader& at) {
    hour = at.number(2);
    at.literal(":");
    minute = at.number(2);
    at.literal(":");
    second = at.number(2);
  }
  // A leap second counts as the first second of the next minute, as in POSIX time. Returns nullopt
  // for the year 10000, which cannot be written.
  [[nodiscard]] std::optional<std::int64_t> seconds() const {
    const std::chrono::year_month_day date(std::chrono::year(year), std::chrono::month(month),
                                           std::chrono::day(static_cast<unsigned>(day)));
    if (!date.ok() || hour > 23 || minute > 59 || second > 60) return std::nullopt;
    const std::int64_t days = std::chrono::sys_days(date).time_since_epoch().count();
    const std::int64_t time = ((days * 24 + hour) * 60 + minute) * 60 + second;
    return time <= kLastSecond ? std::optional(time) : std::nullopt;
  }
};

// Parses "Sun, 06 Nov 1994 08:49:37 GMT".
std::optional<std::int64_t> parse_imf_fixdate(std::string_view text) {
  Reader at(text);
  Parts parts;
  at.day_name(false);
  at.literal(", ");
  parts.day = at.number(2);
  at.literal(" ");
  parts.month = at.month();
  at.literal(" ");
  parts.year = at.number(4);
  at.literal(" ");
  parts.read_time(at);
  at.literal(" GMT");
  return at.complete() ? parts.seconds() : std::nullopt;
}

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

// Reads "+0100", "+01:00" or "-0330"; returns by how many seconds local time is ahead of UTC.
std::int64_t read_offset(Reader& at, bool west) {
  const int hours = at.number(2);
  if (at.begins_with(':')) at.literal(":");
  const int minutes = at.number(2);
  if (hours > 23 || minutes > 59) at.fail();
  const std::int64_t ahead = std::int64_t{hours} * 3600 + minutes * 60;
  return west ? -ahead : ahead;
}

std::int64_t read_sign_and_offset(Reader& at) {
  const bool west = at.begins_with('-');
  at.literal(west ? "-" : "+");
  return read_offset(at, west);
}

std::optional<std::int64_t> in_zone(const Reader& at, const Parts& parts, std::int64_t ahead) {
  const auto seconds = at.complete() ? parts.seconds() : std::nullopt;
  if (!seconds || *seconds - ahead < kFirstSecond || *seconds - ahead > kLastSecond)
    return std::nullopt;
  return *seconds - ahead;
}

// Parses an IMF-fixdate, also with a day of one digit, and with "UTC", "Z" or an offset instead of
// GMT.
std::optional<std::int64_t> parse_loose_fixdate(std::string_view text) {
  Reader at(text);
  Parts parts;
  at.day_name(false);
  at.literal(", ");
  parts.day = at.one_or_two_digits();
  at.literal(" ");
  parts.month = at.month();
  at.literal(" ");
  parts.year = at.number(4);
  at.literal(" ");
  parts.read_time(at);
  at.literal(" ");
  std::int64_t ahead = 0;
  if (at.begins_with('+') || at.begins_with('-')) {
    ahead = read_sign_and_offset(at);
  } else {
    at.literal(at.begins_with('U') ? "UTC" : at.begins_with('Z') ? "Z" : "GMT");
  }
  return in_zone(at, parts, ahead);
}

// Parses "1994-11-06T08:49:37Z", "1994-11-06 09:49:37.25+01:00" or "1994-11-06T08:49Z".
std::optional<std::int64_t> parse_iso_date(std::string_view text) {
  Reader at(text);
  Parts parts;
  parts.year = at.number(4);
  at.literal("-");
  parts.month = static_cast<unsigned>(at.number(2));
  at.literal("-");
  parts.day = at.number(2);
  at.literal(at.begins_with(' ') ? " " : at.begins_with('t') ? "t" : "T");
  parts.hour = at.number(2);
  at.literal(":");
  parts.minute = at.number(2);
  if (at.begins_with(':')) {
    at.literal(":");
    parts.second = at.number(2);
    if (at.begins_with('.') || at.begins_with(',')) at.skip_fraction();
  }
  if (at.begins_with('Z') || at.begins_with('z')) {
    at.literal(at.begins_with('Z') ? "Z" : "z");
    return in_zone(at, parts, 0);
  }
  const std::int64_t ahead = read_sign_and_offset(at);
  return in_zone(at, parts, ahead);
}

// Parses "Sunday, 06-Nov-94 08:49:37 GMT".
std::optional<std::int64_t> parse_rfc850_date(std::string_view text, std::int64_t now) {
  Reader at(text);
  Parts parts;
  at.day_name(true);
  at.literal(", ");
  parts.day = at.number(2);
  at.literal("-");
  parts.month = at.month();
  at.literal("-");
  const int year_of_century = at.number(2);
  at.literal(" ");
  parts.read_time(at);
  at.literal(" GMT");
  if (!at.complete()) return std::nullopt;
  // A year more than 50 years ahead means the last past year with these two digits.
  const auto today =
      std::chrono::floor<std::chrono::days>(std::chrono::sys_seconds(std::chrono::seconds(now)));
  const int this_year = static_cast<int>(std::chrono::year_month_day(today).year());
  parts.year = this_year - this_year % 100 + year_of_century;
  if (parts.year > this_year + 50) parts.year -= 100;
  const std::optional<std::int64_t> seconds = parts.seconds();
  if (parts.year == this_year + 50 && seconds) {
    Parts limit = parts;
    limit.year = this_year;
    const std::optional<std::int64_t> same_day = limit.seconds();
    if (!same_day || *same_day > now) {
      parts.year -= 100;
      return parts.seconds();
    }
  }
  return seconds;
}

// Parses "Sun Nov  6 08:49:37 1994".
std::optional<std::int64_t> parse_asctime_date(std::string_view text) {
  Reader at(text);
  Parts parts;
  at.day_name(false);
  at.literal(" ");
  parts.month = at.month();
  at.literal(" ");
  parts.day = at.number(2, true);
  at.literal(" ");
  parts.read_time(at);
  at.literal(" ");
  parts.year = at.number(4);
  return at.complete() ? parts.seconds() : std::nullopt;
}

void append_digits(std::string& out, std::int64_t value, int digits) {
  const std::size_t start = out.size();
  out.append(static_cast<std::size_t>(digits), '0');
  for (std::size_t i = out.size(); i > start; value /= 10)
    out[--i] = static_cast<char>('0' + value % 10);
}

void append_time(std::string& out, std::int64_t second_of_day) {
  append_digits(out, second_of_day / 3600, 2);
  out += ':';
  append_digits(out, second_of_day / 60 % 60, 2);
  out += ':';
  append_digits(out, second_of_day % 60, 2);
}

// A time in a year of four digits.
struct Moment {
  std::chrono::sys_days day;
  std::chrono::year_month_day date;
  std::int64_t second_of_day;
  explicit Moment(std::int64_t seconds) {
    seconds = std::min(std::max(seconds, kFirstSecond), kLastSecond);
    const std::chrono::sys_seconds time{std::chrono::seconds(seconds)};
    day = std::chrono::floor<std::chrono::days>(time);
    date = day;
    second_of_day = (time - day).count();
  }
  [[nodiscard]] int year() const { return static_cast<int>(date.year()); }
  [[nodiscard]] unsigned month() const { return static_cast<unsigned>(date.month()); }
  [[nodiscard]] unsigned day_of_month() const { return static_cast<unsigned>(date.day()); }
};

}  // namespace

std::optional<std::int64_t> parse_date(std::string_view field, std::int64_t now) {
  const std::string_view text = text::trimmed(field);
  if (text.size() < 4) return std::nullopt;
  if (text[3] == ',') return parse_imf_fixdate(text);
  if (text[3] == ' ') return parse_asctime_date(text);
  return parse_rfc850_date(text, now);
}

std::optional<std::int64_t> parse_date(std::string_view text) {
  return parse_date(text, std::time(nullptr));
}

// The date is written in place, not part by part, because a listing shows a date for every member.
void append_date(std::string& out, std::int64_t seconds) {
  const Moment moment(seconds);
  std::array<char, 29> text{};
  const auto put = [&text](std::size_t at, std::string_view part) {
    std::copy(part.begin(), part.end(), text.begin() + static_cast<std::ptrdiff_t>(at));
  };
  const auto put_two_digits = [&text](std::size_t at, std::int64_t value) {
    text[at] = static_cast<char>('0' + value / 10);
    text[at + 1] = static_cast<char>('0' + value % 10);
  };
  put(0, "Day, 00 Mon 0000 00:00:00 GMT");
  put(0, kDays[std::chrono::weekday(moment.day).c_encoding()].substr(0, 3));
  put_two_digits(5, moment.day_of_month());
  put(8, kMonths[moment.month() - 1]);
  put_two_digits(12, moment.year() / 100);
  put_two_digits(14, moment.year() % 100);
  put_two_digits(17, moment.second_of_day / 3600);
  put_two_digits(20, moment.second_of_day / 60 % 60);
  put_two_digits(23, moment.second_of_day % 60);
  out.append(text.data(), text.size());
}

std::optional<std::int64_t> parse_seconds(std::string_view text) {
  const bool negative = text.starts_with('-');
  const auto seconds = text::parse_number(text.substr(negative ? 1 : 0));
  if (!seconds || *seconds > static_cast<std::uint64_t>(kLastSecond)) return std::nullopt;
  const auto value = static_cast<std::int64_t>(*seconds);
  if (negative && -value < kFirstSecond) return std::nullopt;
  return negative ? -value : value;
}

std::optional<std::int64_t> parse_any_date(std::string_view text) {
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  if (text.empty()) return std::nullopt;
  if (text::is_digit(text.front()) || text.front() == '-') {
    if (const auto seconds = parse_seconds(text)) return seconds;
    return parse_iso_date(text);
  }
  if (const auto seconds = parse_date(text)) return seconds;
  return parse_loose_fixdate(text);
}

std::string format_date(std::int64_t seconds) {
  std::string out;
  append_date(out, seconds);
  return out;
}

std::string last_modified(std::int64_t modified_ms, std::int64_t now_ms) {
  return format_date(second_of(std::min(modified_ms, now_ms)));
}

std::string_view date_now() {
  thread_local std::time_t made = 0;
  thread_local std::string text;
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME_COARSE, &now);
  if (now.tv_sec != made) {
    made = now.tv_sec;
    text = format_date(made);
  }
  return text;
}

std::string format_rfc3339(std::int64_t seconds) {
  const Moment moment(seconds);
  std::string out;
  out.reserve(20);
  append_digits(out, moment.year(), 4);
  out += '-';
  append_digits(out, moment.month(), 2);
  out += '-';
  append_digits(out, moment.day_of_month(), 2);
  out += 'T';
  append_time(out, moment.second_of_day);
  return out += 'Z';
}

}  // namespace holdfast::http
