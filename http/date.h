// Dates as HTTP and RFC 3339 write them, without the C library's locale and time zone. Times are
// whole seconds since 1970-01-01T00:00:00Z unless a name says otherwise. Pure functions, but for
// what the system's clock tells; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace holdfast::http {

// HTTP-date (RFC 9110 §5.6.7) in any of its three forms; nullopt when malformed. `now` only places
// the two-digit years of the obsolete RFC 850 form; without it the system's clock does.
[[nodiscard]] std::optional<std::int64_t> parse_date(std::string_view field);
[[nodiscard]] std::optional<std::int64_t> parse_date(std::string_view field, std::int64_t now);
// Whatever names one second clearly, for properties that clients set: an HTTP-date with a day of
// one digit, "UTC" or an offset in place of GMT; ISO 8601 as RFC 3339 §5.6 has it, with a space for
// its T or without seconds; Unix seconds. White space around it does not matter. Without a time
// zone, nullopt.
[[nodiscard]] std::optional<std::int64_t> parse_any_date(std::string_view text);
// Unix seconds as a decimal number, negative before 1970; nullopt for anything else, and for a time
// outside the years 0 to 9999.
[[nodiscard]] std::optional<std::int64_t> parse_seconds(std::string_view text);
// The second that a time in milliseconds lies in, also before 1970.
[[nodiscard]] constexpr std::int64_t second_of(std::int64_t milliseconds) {
  return milliseconds / 1000 - (milliseconds % 1000 < 0 ? 1 : 0);
}
// IMF-fixdate (RFC 9110 §5.6.7). Times outside the years 0 to 9999 are written as the nearest that
// can be.
[[nodiscard]] std::string format_date(std::int64_t seconds);
void append_date(std::string& out, std::int64_t seconds);
// The Last-Modified of a resource with this modification date, in an answer that is made now: never
// later than its Date (RFC 9110 §8.8.2.1). Both in milliseconds.
[[nodiscard]] std::string last_modified(std::int64_t modified_ms, std::int64_t now_ms);
// The Date of an answer that is made now (RFC 9110 §6.6.1). Made once a second in each thread;
// valid until the thread asks again.
[[nodiscard]] std::string_view date_now();

// date-time (RFC 3339 §5.6) with Z. Times are limited as in format_date.
[[nodiscard]] std::string format_rfc3339(std::int64_t seconds);

}  // namespace holdfast::http
