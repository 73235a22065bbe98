#include "tests/support/multistatus.h"

#include <cstring>
#include <pugixml.hpp>
#include <sstream>
#include <stdexcept>

namespace holdfast::test {
namespace {

std::string prefix_of(const char* name) {
  const char* colon = std::strchr(name, ':');
  return colon == nullptr ? "" : std::string(name, colon);
}

std::string local_name(const char* name) {
  const char* colon = std::strchr(name, ':');
  return colon == nullptr ? name : colon + 1;
}

// Returns the namespace to which the prefix of `node` is bound.
std::string namespace_of(const pugi::xml_node& node) {
  const auto prefix = prefix_of(node.name());
  const auto attribute = prefix.empty() ? std::string("xmlns") : "xmlns:" + prefix;
  for (auto scope = node; scope; scope = scope.parent()) {
    if (const auto bound = scope.attribute(attribute.c_str())) return bound.value();
  }
  if (!prefix.empty()) throw std::runtime_error("unbound prefix: " + prefix);
  return "";
}

bool is_dav(const pugi::xml_node& node, std::string_view name) {
  return node.type() == pugi::node_element && local_name(node.name()) == name &&
         namespace_of(node) == "DAV:";
}

pugi::xml_node dav_child(const pugi::xml_node& node, std::string_view name) {
  for (const auto& child : node.children()) {
    if (is_dav(child, name)) return child;
  }
  return {};
}

int status_of(const pugi::xml_node& status) {
  // The text is such as "HTTP/1.1 200 OK".
  std::istringstream words(status.text().get());
  std::string version;
  int code = 0;
  words >> version >> code;
  return code;
}

std::string content_of(const pugi::xml_node& property) {
  bool has_elements = false;
  for (const auto& child : property.children()) {
    has_elements = has_elements || child.type() == pugi::node_element;
  }
  if (!has_elements) return property.text().get();
  std::ostringstream raw;
  for (const auto& child : property.children()) child.print(raw, "", pugi::format_raw);
  return raw.str();
}

}  // namespace

std::vector<MultistatusResponse> parse_multistatus(std::string_view body) {
  pugi::xml_document document;
  const auto parsed = document.load_buffer(body.data(), body.size(),
                                           pugi::parse_default | pugi::parse_ws_pcdata_single);
  if (!parsed) throw std::runtime_error(std::string("not XML: ") + parsed.description());
  const auto root = document.document_element();
  if (!is_dav(root, "multistatus")) throw std::runtime_error("no DAV:multistatus");
  std::vector<MultistatusResponse> responses;
  for (const auto& element : root.children()) {
    if (!is_dav(element, "response")) continue;
    MultistatusResponse response;
    response.href = dav_child(element, "href").text().get();
    response.status = status_of(dav_child(element, "status"));
    for (const auto& propstat : element.children()) {
      if (!is_dav(propstat, "propstat")) continue;
      auto& properties = response.properties[status_of(dav_child(propstat, "status"))];
      for (const auto& property : dav_child(propstat, "prop").children()) {
        if (property.type() != pugi::node_element) continue;
        properties["{" + namespace_of(property) + "}" + local_name(property.name())] =
            content_of(property);
      }
    }
    responses.push_back(std::move(response));
  }
  return responses;
}

}  // namespace holdfast::test
