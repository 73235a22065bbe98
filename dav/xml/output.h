// Writing XML: escaped text, names, and the declarations of a response's root element. Pure
// functions, any thread.
#pragma once

#include <string>
#include <string_view>

#include "storage/model.h"

namespace holdfast::dav::xml {

// Escapes text for element content and for attribute values in double quotes: & < > " and CR, tab
// and newline become references where the parser would change them. What XML 1.0 does not allow (C0
// controls, U+FFFE, U+FFFF, malformed UTF-8) becomes U+FFFD.
[[nodiscard]] std::string escape(std::string_view text);
void append_escaped(std::string& out, std::string_view text);

// The beginning of every XML body.
inline constexpr std::string_view kDeclaration = "<?xml version=\"1.0\" encoding=\"utf-8\"?>";

// Appends the empty element of an expanded name: "<D:name/>" for DAV:, a prefix that
// root_declarations() declares for the other well-known namespaces, else
// `<ns0:name xmlns:ns0="…"/>`.
void append_empty_element(std::string& out, std::string_view xmlns, std::string_view local);
inline void append_empty_element(std::string& out, const storage::PropertyName& name) {
  append_empty_element(out, name.xmlns, name.name);
}

// Returns the namespace declarations of every response's root element: " xmlns:D=\"DAV:\" …" with a
// leading space (docs/clients.md R13).
[[nodiscard]] std::string_view root_declarations();

}  // namespace holdfast::dav::xml
