#include "dav/query.h"

#include <algorithm>

#include "text/percent.h"
#include "text/utf8.h"

namespace holdfast::dav {

std::string_view query_of(std::string_view target) {
  const std::size_t mark = target.find('?');
  return mark == std::string_view::npos ? std::string_view() : target.substr(mark + 1);
}

std::optional<std::string> query_parameter(std::string_view target, std::string_view name,
                                           bool form) {
  std::optional<std::string> found;
  std::string_view rest = query_of(target);
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find('&'), rest.size());
    const std::string_view field = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    const std::size_t equals = std::min(field.find('='), field.size());
    if (field.substr(0, equals) != name) continue;
    if (found) throw Error(400, "the query names " + std::string(name) + " twice");
    std::string value(field.substr(std::min(equals + 1, field.size())));
    if (form) std::ranges::replace(value, '+', ' ');
    found = text::percent_decoded(value);
    if (!found || !text::valid_utf8(*found))
      throw Error(400, std::string(name) + " is not encoded text");
  }
  return found;
}

std::optional<std::string_view> root_query(const Request& request, const UrlSpace& space,
                                           std::string_view key) {
  std::string_view query = query_of(request.target);
  if (!query.starts_with(key)) return std::nullopt;
  query.remove_prefix(key.size());
  if (!query.empty() && query.front() != '=') return std::nullopt;
  try {
    const Target target =
        parse_url(request.target, space, request.fields.find("Host").value_or(""));
    if (!target.path.is_root() || target.above_prefix) return std::nullopt;
  } catch (const Error&) {
    return std::nullopt;
  }
  return query;
}

}  // namespace holdfast::dav
