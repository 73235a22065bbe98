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

}  // namespace

Preferred preferred_form(const Fields& fields) {
  const std::optional<std::string> accept = fields.joined("Accept");
  if (!accept) return Preferred::xml;
  int json = 0;
  int html = 0;
  int xml = 0;
  std::string_view rest = *accept;
  while (const auto element = text::next_element(rest)) {
    const std::size_t semicolon = std::min(element->find(';'), element->size());
    const std::string_view type = trimmed(element->substr(0, semicolon));
    const std::optional<int> q = weight(element->substr(semicolon));
    if (!q) continue;
    const auto is = [&](std::string_view name) { return equal_ignoring_case(type, name); };
    if (is("application/json") || is("application/problem+json")) json = std::max(json, *q);
    if (is("text/html")) html = std::max(html, *q);
    if (is("application/xml") || is("text/xml")) xml = std::max(xml, *q);
  }
  if (json > xml && json >= html) return Preferred::json;
  if (html > xml && html > json) return Preferred::html;
  return Preferred::xml;
}

}  // namespace holdfast::http
