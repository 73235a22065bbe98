// The query of a request target (RFC 3986 §3.4), where the server gives it a meaning: parameters
// "NAME=VALUE" with "&" between them. Pure functions; any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "dav/message.h"
#include "dav/path.h"

namespace holdfast::dav {

// Returns the query of a request target without its "?"; empty when there is none.
[[nodiscard]] std::string_view query_of(std::string_view target);

// Returns the value of a parameter as text, percent-decoded; nullopt when the query does not have
// it. With `form`, "+" is a space, as in what an HTML form sends. Throws Error 400 when the query
// has it twice, or its value is not UTF-8 with whole escapes.
[[nodiscard]] std::optional<std::string> query_parameter(std::string_view target,
                                                         std::string_view name, bool form = false);

// Returns what follows `key` in the query of a request for the root of `space`, when the query is
// `key` or begins with `key` and "="; with that "=". Returns nullopt for any other request.
[[nodiscard]] std::optional<std::string_view> root_query(const Request& request,
                                                         const UrlSpace& space,
                                                         std::string_view key);

}  // namespace holdfast::dav
