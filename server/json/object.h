// Reads JSON (RFC 8259) that is one flat object, as lines of the logs, bodies of requests and files
// for import have it. Pure functions; any thread.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace holdfast::server::json {

// A string, a whole number that is not negative, true or false, null, or an array of strings.
using Value =
    std::variant<std::nullptr_t, bool, std::uint64_t, std::string, std::vector<std::string>>;
using Object = std::map<std::string, Value, std::less<>>;

// Returns nullopt for a text that is no JSON object, or has a value of another kind. Of members
// with one name the last counts.
[[nodiscard]] std::optional<Object> parse_object(std::string_view text);

// Returns the string of that name; empty when it is absent or no string.
[[nodiscard]] std::string_view text_of(const Object& object, std::string_view name);

}  // namespace holdfast::server::json
