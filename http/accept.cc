#include "http/accept.h"

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>

#include "text/ascii.h"

namespace holdfast::http {
namespace {

using text::equal_ignoring_case;
using text::is_digit;
using text::next_element;
using text::trimmed;

// Returns the weight (RFC 9110 §12.4.2) among a media range's parameters, in thousandths; nullopt
// when malformed.
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

// Calls `visit` with each element of a field such as Accept, without its parameters, and its weight
// in thousandths. Malformed elements are left out.
template <class Visit>
void each_weighted(std::string_view list, Visit visit) {
  while (const auto element = next_element(list)) {
    const std::size_t semicolon = std::min(element->find(';'), element->size());
    if (const std::optional<int> q = weight(element->substr(semicolon)))
      visit(trimmed(element->substr(0, semicolon)), *q);
  }
}

}  // namespace

Preferred preferred_form(const Fields& fields) {
  const std::optional<std::string> accept = fields.joined("Accept");
  if (!accept) return Preferred::xml;
  int json = 0;
  int html = 0;
  int xml = 0;
  each_weighted(*accept, [&](std::string_view type, int q) {
    const auto is = [&](std::string_view name) { return equal_ignoring_case(type, name); };
    if (is("application/json") || is("application/problem+json")) json = std::max(json, q);
    if (is("text/html")) html = std::max(html, q);
    if (is("application/xml") || is("text/xml")) xml = std::max(xml, q);
  });
  if (json > xml && json >= html) return Preferred::json;
  if (html > xml && html > json) return Preferred::html;
  return Preferred::xml;
}

std::size_t preferred_language(const Fields& fields, std::span<const std::string_view> available) {
  std::size_t best = 0;
  int best_weight = 0;
  each_weighted(fields.joined("Accept-Language").value_or(""), [&](std::string_view range, int q) {
    for (std::size_t i = 0; i < available.size(); ++i) {
      const std::string_view tag = available[i];
      const bool named = equal_ignoring_case(range.substr(0, tag.size()), tag) &&
                         (range.size() == tag.size() || range[tag.size()] == '-');
      if (!named || q <= best_weight) continue;
      best = i;
      best_weight = q;
    }
  });
  return best;
}

bool accepts_gzip(const Fields& fields) {
  std::optional<int> named;
  int any = 0;
  each_weighted(fields.joined("Accept-Encoding").value_or(""), [&](std::string_view coding, int q) {
    if (equal_ignoring_case(coding, "gzip")) named = q;
    if (coding == "*") any = q;
  });
  return named.value_or(any) > 0;
}

}  // namespace holdfast::http
