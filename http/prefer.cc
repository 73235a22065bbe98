#include "http/prefer.h"

#include <algorithm>
#include <string>
#include <string_view>

#include "text/ascii.h"

namespace holdfast::http {

std::optional<std::uint64_t> preferred_wait_s(const Fields& fields) {
  const std::optional<std::string> joined = fields.joined("Prefer");
  if (!joined) return std::nullopt;
  for (std::string_view list = *joined; const auto element = text::next_element(list);) {
    // preference = token [ BWS "=" BWS word ] *( OWS ";" [ OWS parameter ] )
    const std::string_view preference = element->substr(0, element->find(';'));
    const std::size_t equals = std::min(preference.find('='), preference.size());
    if (!text::equal_ignoring_case(text::trimmed(preference.substr(0, equals)), "wait")) continue;
    if (equals == preference.size()) return std::nullopt;
    std::string_view value = text::trimmed(preference.substr(equals + 1));
    if (value.size() >= 2 && value.front() == '"' && value.back() == '"')
      value = value.substr(1, value.size() - 2);
    const auto seconds = text::take_saturated(value);
    return value.empty() ? seconds : std::nullopt;
  }
  return std::nullopt;
}

}  // namespace holdfast::http
