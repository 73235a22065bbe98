// Checks that a body is well-formed XML 1.0 with well-formed qualified names, in an accepted
// encoding and within the limits. It checks everything that pugixml does not, except the bindings
// of prefixes, before any tree is built. One pass, no recursion, any thread. Used by
// dav/xml/document only.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "dav/xml/document.h"

namespace holdfast::dav::xml {

struct ScannedDocument {
  std::string text;  // UTF-8, line ends normalised (XML 1.0 §2.11), without BOM and XML declaration
  std::size_t elements = 0;
};

// Throws Error 400 with a sentence that says what is wrong.
[[nodiscard]] ScannedDocument scan(std::string_view body, const Limits& limits);

}  // namespace holdfast::dav::xml
