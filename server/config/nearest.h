// Finds the names that a mistyped one may mean. Pure functions; any thread.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace holdfast::server::config {

// Returns at most three of `known`, the nearest first; none when no name is near. Case and the
// dashes before an option are ignored, and '_' equals '-'.
[[nodiscard]] std::vector<std::string> nearest(std::string_view word,
                                               std::span<const std::string> known);

// Returns "; the nearest is listen" or "; the nearest are head-limit and head-timeout", to be
// appended to a sentence about `word`. Empty when no name is near. Each name is preceded by
// `prefix`.
[[nodiscard]] std::string nearest_text(std::string_view word, std::span<const std::string> known,
                                       std::string_view prefix = {});

// Returns "a", "a and b" or "a, b and c".
[[nodiscard]] std::string listed(std::span<const std::string> words,
                                 std::string_view last = " and ");

}  // namespace holdfast::server::config
