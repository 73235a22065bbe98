#include "server/json/object.h"

#include <boost/json/src.hpp>
#include <utility>

namespace holdfast::server::json {
namespace {

std::optional<Value> converted(const boost::json::value& value) {
  if (value.is_null()) return Value(nullptr);
  if (value.is_bool()) return Value(value.get_bool());
  if (value.is_uint64()) return Value(value.get_uint64());
  if (value.is_int64() && value.get_int64() >= 0)
    return Value(static_cast<std::uint64_t>(value.get_int64()));
  if (value.is_string()) return Value(std::string(value.get_string()));
  if (!value.is_array()) return std::nullopt;
  std::vector<std::string> strings;
  for (const boost::json::value& element : value.get_array()) {
    if (!element.is_string()) return std::nullopt;
    strings.emplace_back(element.get_string());
  }
  return Value(std::move(strings));
}

}  // namespace

std::optional<Object> parse_object(std::string_view text) try {
  boost::json::parse_options options;
  options.max_depth = 2;
  boost::json::error_code error;
  const boost::json::value parsed = boost::json::parse(text, error, {}, options);
  if (error || !parsed.is_object()) return std::nullopt;
  Object object;
  for (const auto& [name, value] : parsed.get_object()) {
    std::optional<Value> plain = converted(value);
    if (!plain) return std::nullopt;
    object.emplace(std::string(name), *std::move(plain));
  }
  return object;
} catch (const std::bad_alloc&) {
  throw;
} catch (const std::exception&) {
  return std::nullopt;
}

std::string_view text_of(const Object& object, std::string_view name) {
  const auto found = object.find(name);
  if (found == object.end()) return {};
  const auto* text = std::get_if<std::string>(&found->second);
  return text ? std::string_view(*text) : std::string_view();
}

}  // namespace holdfast::server::json
