// Is a body well-formed XML 1.0 with well-formed qualified names, in an encoding and of a size that
// we accept? Checks everything that pugixml lets pass except what the prefixes are bound to, before
// any tree is built. One pass, no recursion, any thread. Used by dav/xml/document only.
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
