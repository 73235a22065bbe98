// Which names a mistyped one may stand for. Pure functions; any thread.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace holdfast::server::config {

// At most three of `known`, the nearest first; none when nothing is near. Neither case nor the
// dashes before an option count, and '_' is '-'.
[[nodiscard]] std::vector<std::string> nearest(std::string_view word,
                                               std::span<const std::string> known);

// "; the nearest is listen" or "; the nearest are head-limit and head-timeout", to be put behind a
// sentence about `word`. Empty when nothing is near. Each name is shown behind
// `prefix`.
[[nodiscard]] std::string nearest_text(std::string_view word, std::span<const std::string> known,
                                       std::string_view prefix = {});

// "a", "a and b", "a, b and c".
[[nodiscard]] std::string listed(std::span<const std::string> words,
                                 std::string_view last = " and ");

}  // namespace holdfast::server::config
