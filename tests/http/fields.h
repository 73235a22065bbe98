// Fields of a request in one expression.
#pragma once

#include <string_view>
#include <vector>

#include "http/message.h"

namespace holdfast::test {

// Fields of one name, in this order. The texts must outlive them.
[[nodiscard]] inline http::Fields with(std::string_view name,
                                       const std::vector<std::string_view>& values) {
  http::Fields fields;
  for (const std::string_view value : values) fields.add(name, value);
  return fields;
}

}  // namespace holdfast::test
