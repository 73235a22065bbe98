#include "dav/headers.h"

#include <algorithm>
#include <limits>

namespace holdfast::dav {
namespace {

constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }
constexpr bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

// Takes the next element of a comma-separated list (RFC 9110 §5.6.1), without surrounding OWS;
// nullopt at the end.
std::optional<std::string_view> next_element(std::string_view& list) {
  if (list.data() == nullptr) return std::nullopt;
  const std::size_t comma = list.find(',');
  const std::string_view element = trimmed(list.substr(0, comma));
  list = comma == std::string_view::npos ? std::string_view() : list.substr(comma + 1);
  return element;
}

bool is_etagc(char c) { return c == 0x21 || (c >= 0x23 && c != 0x7F) || c < 0; }

// The number in front of `text`, at most the largest there is; nullopt when there is no digit.
std::optional<std::uint64_t> take_saturated(std::string_view& text) {
  constexpr std::uint64_t kMost = std::numeric_limits<std::uint64_t>::max();
  if (text.empty() || !is_digit(text.front())) return std::nullopt;
  std::uint64_t value = 0;
  while (!text.empty() && is_digit(text.front())) {
    const auto digit = static_cast<std::uint64_t>(text.front() - '0');
    value = value > (kMost - digit) / 10 ? kMost : value * 10 + digit;
    text.remove_prefix(1);
  }
  return value;
}

// One range-spec. False when it is malformed; `range` stays empty when it cannot be satisfied.
bool parse_range_spec(std::string_view spec, std::uint64_t size, ByteRange& range) {
  const std::optional<std::uint64_t> first = take_saturated(spec);
  if (spec.empty() || spec.front() != '-') return false;
  spec.remove_prefix(1);
  const std::optional<std::uint64_t> last = take_saturated(spec);
  if (!spec.empty()) return false;
  if (!first) {
    if (!last) return false;
    const std::uint64_t length = std::min(*last, size);
    range = {.offset = size - length, .length = length};
    return true;
  }
  if (last && *last < *first) return false;
  if (*first < size) {
    const std::uint64_t end = last && *last < size ? *last + 1 : size;
    range = {.offset = *first, .length = end - *first};
  }
  return true;
}

// Thousandths of a weight (RFC 9110 §12.4.2) among a media range's parameters; nullopt when
// malformed.
std::optional<int> weight(std::string_view parameters) {
  while (!parameters.empty()) {
    const std::size_t end = std::min(parameters.find(';'), parameters.size());
    std::string_view parameter = trimmed(parameters.substr(0, end));
    parameters.remove_prefix(std::min(end + 1, parameters.size()));
    if (!equal_ignoring_case(parameter.substr(0, 2), "q=")) continue;
    parameter.remove_prefix(2);
    if (parameter.empty() || parameter.size() > 5 || parameter[0] > '1' || !is_digit(parameter[0]))
      return std::nullopt;
    if (parameter.size() > 1 && parameter[1] != '.') return std::nullopt;
    int thousandths = (parameter[0] - '0') * 1000;
    int unit = 100;
    for (std::size_t i = 2; i < parameter.size(); ++i, unit /= 10) {
      if (!is_digit(parameter[i])) return std::nullopt;
      thousandths += (parameter[i] - '0') * unit;
    }
    if (thousandths > 1000) return std::nullopt;
    return thousandths;
  }
  return 1000;
}

}  // namespace

std::optional<storage::Depth> parse_depth(const Fields& fields) {
  const std::optional<std::string_view> value = fields.find("Depth");
  if (!value) return std::nullopt;
  if (fields.count("Depth") > 1) throw Error(400, "The Depth header stands twice.");
  if (*value == "0") return storage::Depth::zero;
  if (*value == "1") return storage::Depth::one;
  if (equal_ignoring_case(*value, "infinity")) return storage::Depth::infinity;
  throw Error(400, "The Depth header is neither 0, 1 nor infinity.");
}

bool parse_overwrite(const Fields& fields) {
  const std::optional<std::string_view> value = fields.find("Overwrite");
  if (!value) return true;
  if (fields.count("Overwrite") > 1) throw Error(400, "The Overwrite header stands twice.");
  if (equal_ignoring_case(*value, "T")) return true;
  if (equal_ignoring_case(*value, "F")) return false;
  throw Error(400, "The Overwrite header is neither T nor F.");
}

std::int64_t parse_timeout(const Fields& fields, std::int64_t maximum_s) {
  const std::optional<std::string> value = fields.joined("Timeout");
  if (!value) return maximum_s;
  std::string_view rest = *value;
  while (const auto element = next_element(rest)) {
    if (equal_ignoring_case(*element, "Infinite")) return maximum_s;
    if (!equal_ignoring_case(element->substr(0, 7), "Second-")) continue;
    std::string_view digits = element->substr(7);
    const std::optional<std::uint64_t> seconds = take_saturated(digits);
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
  std::string_view token = trimmed(*value);
  if (token.size() >= 2 && token.front() == '<' && token.back() == '>')
    token = trimmed(token.substr(1, token.size() - 2));
  if (!is_absolute_uri(token)) throw Error(400, "The Lock-Token header is not a state token.");
  return std::string(token);
}

bool EntityTagList::matches_strongly(std::string_view opaque) const {
  return any || std::any_of(tags.begin(), tags.end(),
                            [&](const Tag& tag) { return !tag.weak && tag.opaque == opaque; });
}

bool EntityTagList::matches_weakly(std::string_view opaque) const {
  return any || std::any_of(tags.begin(), tags.end(),
                            [&](const Tag& tag) { return tag.opaque == opaque; });
}

EntityTagList parse_entity_tags(std::string_view text) {
  constexpr auto kMalformed = [] {
    return EntityTagList{.any = false, .malformed = true, .tags = {}};
  };
  text = trimmed(text);
  if (text == "*") return {.any = true, .malformed = false, .tags = {}};
  EntityTagList list;
  bool comma_due = false;
  while (!text.empty()) {
    if (text.front() == ',' || text.front() == ' ' || text.front() == '\t') {
      if (text.front() == ',') comma_due = false;
      text.remove_prefix(1);
      continue;
    }
    if (comma_due) return kMalformed();
    EntityTagList::Tag tag;
    if (text.substr(0, 2) == "W/") {
      tag.weak = true;
      text.remove_prefix(2);
    }
    if (text.empty() || text.front() != '"') return kMalformed();
    const std::size_t end = text.find('"', 1);
    if (end == std::string_view::npos) return kMalformed();
    tag.opaque = text.substr(1, end - 1);
    if (!std::all_of(tag.opaque.begin(), tag.opaque.end(), is_etagc)) return kMalformed();
    list.tags.push_back(std::move(tag));
    text.remove_prefix(end + 1);
    comma_due = true;
  }
  if (list.tags.empty()) return kMalformed();
  return list;
}

Ranges parse_range(const Fields& fields, std::uint64_t size, std::size_t spec_limit) {
  if (size == 0 || fields.count("Range") != 1) return {};
  std::string_view rest = *fields.find("Range");
  const std::size_t equals = rest.find('=');
  if (equals == std::string_view::npos || !equal_ignoring_case(rest.substr(0, equals), "bytes"))
    return {};
  rest.remove_prefix(equals + 1);

  Ranges ranges;
  std::size_t specs = 0;
  std::uint64_t total = 0;
  while (const auto spec = next_element(rest)) {
    if (spec->empty()) continue;
    if (++specs > spec_limit) return {};
    ByteRange range;
    if (!parse_range_spec(*spec, size, range)) return {};
    if (range.length == 0) continue;
    if (range.length > size - total) return {};  // they overlap
    total += range.length;
    ranges.ranges.push_back(range);
  }
  if (specs == 0) return {};
  ranges.kind = ranges.ranges.empty() ? Ranges::Kind::unsatisfiable : Ranges::Kind::some;
  return ranges;
}

std::optional<storage::Millis> parse_oc_mtime(const Fields& fields) {
  constexpr std::uint64_t kLastSecond = 253'402'300'799;  // of the year 9999
  const std::optional<std::string_view> value = fields.find("X-OC-Mtime");
  if (!value) return std::nullopt;
  const std::size_t point = value->find('.');
  if (point != std::string_view::npos) {
    const std::string_view fraction = value->substr(point + 1);
    if (!std::all_of(fraction.begin(), fraction.end(), is_digit)) return std::nullopt;
  }
  const std::optional<std::uint64_t> seconds = parse_decimal(value->substr(0, point));
  if (!seconds || *seconds > kLastSecond) return std::nullopt;
  return static_cast<storage::Millis>(*seconds) * 1000;
}

bool prefers_json(const Fields& fields) {
  const std::optional<std::string> accept = fields.joined("Accept");
  if (!accept) return false;
  int json = 0;
  int other = 0;
  std::string_view rest = *accept;
  while (const auto element = next_element(rest)) {
    const std::size_t semicolon = std::min(element->find(';'), element->size());
    const std::string_view type = trimmed(element->substr(0, semicolon));
    const std::optional<int> q = weight(element->substr(semicolon));
    if (!q) continue;
    const auto is = [&](std::string_view name) { return equal_ignoring_case(type, name); };
    if (is("application/json") || is("application/problem+json")) json = std::max(json, *q);
    if (is("application/xml") || is("text/xml") || is("*/*") || is("application/*") || is("text/*"))
      other = std::max(other, *q);
  }
  return json > other;
}

bool is_absolute_uri(std::string_view text) {
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos || colon + 1 == text.size() || !is_letter(text.front()))
    return false;
  for (const char c : text.substr(0, colon))
    if (!is_letter(c) && !is_digit(c) && c != '+' && c != '-' && c != '.') return false;
  return std::all_of(text.begin(), text.end(), [](char c) {
    return c > 0x20 && c < 0x7F && c != '<' && c != '>' && c != '"';
  });
}

std::optional<std::uint64_t> parse_decimal(std::string_view text) {
  std::uint64_t value = 0;
  if (text.empty()) return std::nullopt;
  for (const char c : text) {
    if (!is_digit(c)) return std::nullopt;
    const auto digit = static_cast<std::uint64_t>(c - '0');
    if (value > (std::numeric_limits<std::uint64_t>::max() - digit) / 10) return std::nullopt;
    value = value * 10 + digit;
  }
  return value;
}

}  // namespace holdfast::dav
