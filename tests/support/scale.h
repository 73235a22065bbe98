// The size of tests that find more the larger they are. scripts/test uses sizes that show a defect;
// scripts/scale sets HOLDFAST_FULL_SCALE=1 for the documented numbers.
#pragma once

#include <cstdlib>
#include <string_view>

namespace holdfast::test {

[[nodiscard]] inline bool full_scale() {
  const char* wanted = std::getenv("HOLDFAST_FULL_SCALE");
  return wanted != nullptr && std::string_view(wanted) == "1";
}

// Returns the first number at full scale, else the second.
template <class Number>
[[nodiscard]] Number at_scale(Number full, Number usual) {
  return full_scale() ? full : usual;
}

}  // namespace holdfast::test
