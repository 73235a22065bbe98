// Dates in the forms of HTTP and RFC 3339, without the C library's locale and time zone. Times are
// whole seconds since 1970-01-01T00:00:00Z unless a name says otherwise. The functions are pure
// unless they read the system's clock; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace holdfast::http {

// Parses an HTTP-date (RFC 9110 §5.6.7) in any of its three forms; returns nullopt when malformed.
// `now` decides only the century of the two-digit years of the obsolete RFC 850 form; its default
// is the system's clock.
[[nodiscard]] std::optional<std::int64_t> parse_date(std::string_view field);
[[nodiscard]] std::optional<std::int64_t> parse_date(std::string_view field, std::int64_t now);
// Parses a date in the forms that clients use in properties: an HTTP-date, also with a day of one
// digit and with "UTC" or an offset in place of GMT; ISO 8601 as in RFC 3339 §5.6, also with a
// space for its T or without seconds; Unix seconds. White space around it is ignored. Returns
// nullopt for anything else and for a date without a time zone.
[[nodiscard]] std::optional<std::int64_t> parse_any_date(std::string_view text);
// Parses Unix seconds as a decimal number, negative before 1970; returns nullopt for anything else,
// and for a time outside the years 0 to 9999.
[[nodiscard]] std::optional<std::int64_t> parse_seconds(std::string_view text);
// Returns the second in which a time in milliseconds lies, also before 1970.
[[nodiscard]] constexpr std::int64_t second_of(std::int64_t milliseconds) {
  return milliseconds / 1000 - (milliseconds % 1000 < 0 ? 1 : 0);
}
// These functions write an IMF-fixdate (RFC 9110 §5.6.7). A time outside the years 0 to 9999 is
// written as the nearest one inside them.
[[nodiscard]] std::string format_date(std::int64_t seconds);
void append_date(std::string& out, std::int64_t seconds);
// Returns the Last-Modified of a resource with this modification date, in a response that is made
// now: never later than its Date (RFC 9110 §8.8.2.1). Both times are in milliseconds.
[[nodiscard]] std::string last_modified(std::int64_t modified_ms, std::int64_t now_ms);
// Returns the Date of a response that is made now (RFC 9110 §6.6.1). Each thread makes the text
// once a second; it is valid until the thread's next call.
[[nodiscard]] std::string_view date_now();

// Returns a date-time (RFC 3339 §5.6) with Z. Times are limited as in format_date.
[[nodiscard]] std::string format_rfc3339(std::int64_t seconds);

}  // namespace holdfast::http
