#include "dav/headers.h"

#include <algorithm>

#include "http/date.h"
#include "text/ascii.h"

namespace holdfast::dav {

std::optional<storage::Depth> parse_depth(const Fields& fields) {
  const std::optional<std::string_view> value = fields.find("Depth");
  if (!value) return std::nullopt;
  if (!fields.repeats_one_value("Depth")) throw Error(400, "The Depth header stands twice.");
  if (*value == "0") return storage::Depth::zero;
  if (*value == "1") return storage::Depth::one;
  if (text::equal_ignoring_case(*value, "infinity")) return storage::Depth::infinity;
  throw Error(400, "The Depth header is neither 0, 1 nor infinity.");
}

bool parse_overwrite(const Fields& fields) {
  const std::optional<std::string_view> value = fields.find("Overwrite");
  if (!value) return true;
  if (!fields.repeats_one_value("Overwrite"))
    throw Error(400, "The Overwrite header stands twice.");
  if (text::equal_ignoring_case(*value, "T")) return true;
  if (text::equal_ignoring_case(*value, "F")) return false;
  throw Error(400, "The Overwrite header is neither T nor F.");
}

std::int64_t parse_timeout(const Fields& fields, std::int64_t maximum_s) {
  const std::optional<std::string> value = fields.joined("Timeout");
  if (!value) return maximum_s;
  std::string_view rest = *value;
  while (const auto element = text::next_element(rest)) {
    if (text::equal_ignoring_case(*element, "Infinite")) return maximum_s;
    if (!text::equal_ignoring_case(element->substr(0, 7), "Second-")) continue;
    std::string_view digits = element->substr(7);
    const std::optional<std::uint64_t> seconds = text::take_saturated(digits);
    if (!seconds || !digits.empty()) continue;
    if (*seconds >= static_cast<std::uint64_t>(maximum_s)) return maximum_s;
    return std::max<std::int64_t>(1, static_cast<std::int64_t>(*seconds));
  }
  return maximum_s;
}

std::optional<std::string> parse_lock_token(const Fields& fields) {
  const std::optional<std::string_view> value = fields.find("Lock-Token");
  if (!value) return std::nullopt;
  if (fields.count("Lock-Token") > 1) throw Error(400, "The Lock-Token header stands twice.");
  std::string_view token = text::trimmed(*value);
  if (token.size() >= 2 && token.front() == '<' && token.back() == '>')
    token = text::trimmed(token.substr(1, token.size() - 2));
  if (!is_absolute_uri(token)) throw Error(400, "The Lock-Token header is not a state token.");
  return std::string(token);
}

std::optional<storage::Millis> parse_oc_mtime(const Fields& fields) {
  const std::optional<std::string_view> value = fields.find("X-OC-Mtime");
  if (!value) return std::nullopt;
  const std::size_t point = value->find('.');
  if (point != std::string_view::npos) {
    const std::string_view fraction = value->substr(point + 1);
    if (!std::all_of(fraction.begin(), fraction.end(), text::is_digit)) return std::nullopt;
  }
  const std::optional<std::int64_t> seconds = http::parse_seconds(value->substr(0, point));
  if (!seconds) return std::nullopt;
  // A fraction is rounded down, as for Last-Modified, also before 1970.
  const bool below = value->starts_with('-') && point != std::string_view::npos &&
                     value->find_first_not_of('0', point + 1) != std::string_view::npos;
  return (*seconds - (below ? 1 : 0)) * 1000;
}

bool is_absolute_uri(std::string_view text) {
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos || colon + 1 == text.size() || !text::is_letter(text.front()))
    return false;
  for (const char c : text.substr(0, colon))
    if (!text::is_alphanumeric(c) && c != '+' && c != '-' && c != '.') return false;
  return std::all_of(text.begin(), text.end(), [](char c) {
    return c > 0x20 && c < 0x7F && c != '<' && c != '>' && c != '"';
  });
}

}  // namespace holdfast::dav
