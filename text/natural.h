// The order in which people expect names: "img_9" before "IMG_10", "Über" beside "Ufer". Pure
// functions; any thread.
#pragma once

#include <string_view>

namespace holdfast::text {

// Returns a negative number, 0 or a positive number when `a` comes before `b`, is equal to it, or
// comes behind it. Runs of ASCII digits are compared as numbers of any length, everything else by
// bytes. Fold both texts before (text/utf8.h), to ignore case and marks.
[[nodiscard]] int compare_naturally(std::string_view a, std::string_view b);

}  // namespace holdfast::text
