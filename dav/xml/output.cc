#include "dav/xml/output.h"

#include <array>
#include <cstdint>

#include "dav/xml/encoding.h"

namespace holdfast::dav::xml {
namespace {

struct KnownNamespace {
  std::string_view prefix;
  std::string_view xmlns;
};
// The namespaces that clients use in nearly every request. Each adds its length to every response.
constexpr std::array<KnownNamespace, 4> kKnown = {{
    {"D", "DAV:"},
    {"Z", "urn:schemas-microsoft-com:"},
    {"oc", "http://owncloud.org/ns"},
    {"A", "http://apache.org/dav/props/"},
}};
constexpr std::string_view kXmlNamespace = "http://www.w3.org/XML/1998/namespace";

constexpr std::array<bool, 256> kPlain = [] {
  std::array<bool, 256> plain{};
  for (std::size_t i = 0x20; i < 0x80; ++i) plain[i] = true;
  for (const char c : {'&', '<', '>', '"'}) plain[static_cast<std::uint8_t>(c)] = false;
  return plain;
}();

}  // namespace

void append_escaped(std::string& out, std::string_view text) {
  while (!text.empty()) {
    std::size_t plain = 0;
    while (plain < text.size() && kPlain[static_cast<std::uint8_t>(text[plain])]) ++plain;
    out.append(text.substr(0, plain));
    text.remove_prefix(plain);
    if (text.empty()) return;
    const Decoded next = decode_utf8(text);
    switch (next.character) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\t':
        out += "&#9;";
        break;
      case '\n':
        out += "&#10;";
        break;
      case '\r':
        out += "&#13;";
        break;
      default:
        if (next.length > 0 && is_char(next.character)) {
          out.append(text.substr(0, next.length));
        } else {
          out += "\xEF\xBF\xBD";
        }
    }
    text.remove_prefix(next.length > 0 ? next.length : 1);
  }
}

std::string escape(std::string_view text) {
  std::string out;
  out.reserve(text.size() + text.size() / 8);
  append_escaped(out, text);
  return out;
}

void append_empty_element(std::string& out, std::string_view xmlns, std::string_view local) {
  out += '<';
  if (xmlns.empty()) {
    out.append(local).append("/>");
    return;
  }
  for (const KnownNamespace& known : kKnown) {
    if (xmlns != known.xmlns) continue;
    out.append(known.prefix).append(1, ':').append(local).append("/>");
    return;
  }
  if (xmlns == kXmlNamespace) {  // no other prefix may be bound to this namespace
    out.append("xml:").append(local).append("/>");
    return;
  }
  out.append("ns0:").append(local).append(" xmlns:ns0=\"");
  append_escaped(out, xmlns);
  out += "\"/>";
}

std::string_view root_declarations() {
  static const std::string declarations = [] {
    std::string all;
    for (const KnownNamespace& known : kKnown)
      all.append(" xmlns:").append(known.prefix).append("=\"").append(known.xmlns).append(1, '"');
    return all;
  }();
  return declarations;
}

}  // namespace holdfast::dav::xml
