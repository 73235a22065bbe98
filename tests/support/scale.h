// How large tests make what is better the larger it is. scripts/test keeps to what shows a defect;
// scripts/scale sets HOLDFAST_FULL_SCALE=1 and asks for the numbers of the promises.
#pragma once

#include <cstdlib>
#include <string_view>

namespace holdfast::test {

[[nodiscard]] inline bool full_scale() {
  const char* wanted = std::getenv("HOLDFAST_FULL_SCALE");
  return wanted != nullptr && std::string_view(wanted) == "1";
}

// The first number at full scale, else the second.
template <class Number>
[[nodiscard]] Number at_scale(Number full, Number usual) {
  return full_scale() ? full : usual;
}

}  // namespace holdfast::test
