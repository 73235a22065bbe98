// A second opinion on XML: libxml2, which shares nothing with dav/xml. One thread.
#pragma once

#include <algorithm>
#include <libxml/parser.h>
#include <libxml/parserInternals.h>
#include <libxml/tree.h>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace holdfast::fuzz {

struct FreeDocument {
  void operator()(xmlDoc* document) const { xmlFreeDoc(document); }
};
using IndependentDocument = std::unique_ptr<xmlDoc, FreeDocument>;

// Counts what is wrong; that a namespace name is no URI is not (Namespaces in XML 1.0 §2.2 leaves
// it to the author).
inline void count_error(void* context, xmlError* error) {
  if (error->level < XML_ERR_ERROR || error->code == XML_WAR_NS_URI) return;
  ++*static_cast<int*>(static_cast<xmlParserCtxt*>(context)->_private);
}

// nullptr unless the text is well-formed, namespaces included.
inline IndependentDocument parse_independently(std::string_view text) {
  struct FreeContext {
    void operator()(xmlParserCtxt* context) const { xmlFreeParserCtxt(context); }
  };
  const std::unique_ptr<xmlParserCtxt, FreeContext> context(xmlNewParserCtxt());
  // No entity leads out of the text.
  xmlSetExternalEntityLoader(
      [](const char*, const char*, xmlParserCtxt*) -> xmlParserInput* { return nullptr; });
  int errors = 0;
  context->_private = &errors;
  context->sax->serror = &count_error;
  IndependentDocument document(xmlCtxtReadMemory(
      context.get(), text.data(), static_cast<int>(text.size()), nullptr, nullptr,
      XML_PARSE_NONET | XML_PARSE_NOENT | XML_PARSE_NOERROR | XML_PARSE_NOWARNING));
  if (context->wellFormed == 0 || errors > 0) document.reset();
  // A digit must follow the dot (XML 1.0 production 26), which libxml2 does not ask for.
  if (document && document->version != nullptr &&
      std::string_view("1.") == reinterpret_cast<const char*>(document->version))
    document.reset();
  return document;
}

inline std::string text_of(const xmlChar* text) {
  return text == nullptr ? std::string() : reinterpret_cast<const char*>(text);
}

inline std::string expanded_name(const xmlNs* xmlns, const xmlChar* name) {
  return "{" + (xmlns == nullptr ? std::string() : text_of(xmlns->href)) + "}" + text_of(name);
}

// Everything that means something in an element, in one text: two elements with equal texts have
// equal infosets but for prefixes and namespace declarations.
inline std::string infoset(const xmlNode* element) {
  std::string out = "<" + expanded_name(element->ns, element->name);
  std::vector<std::string> attributes;
  for (xmlAttr* attribute = element->properties; attribute != nullptr;
       attribute = attribute->next) {
    xmlChar* value = xmlNodeListGetString(element->doc, attribute->children, 1);
    attributes.push_back(expanded_name(attribute->ns, attribute->name) + "=" + text_of(value));
    xmlFree(value);
  }
  std::sort(attributes.begin(), attributes.end());
  for (const std::string& attribute : attributes) out += "\n" + attribute;
  out += ">";
  for (const xmlNode* child = element->children; child != nullptr; child = child->next) {
    switch (child->type) {
      case XML_ELEMENT_NODE:
        out += infoset(child);
        break;
      case XML_COMMENT_NODE:
        out += "<!--" + text_of(child->content) + "-->";
        break;
      case XML_PI_NODE:
        out += "<?" + text_of(child->name) + " " + text_of(child->content) + "?>";
        break;
      default:  // a "<" in text cannot be taken for the begin of an element
        for (const char c : text_of(child->content))
          out += c == '<' ? std::string("&lt;") : std::string(1, c);
    }
  }
  return out + "</>";
}

inline std::vector<const xmlNode*> child_elements(const xmlNode* element) {
  std::vector<const xmlNode*> children;
  for (const xmlNode* child = element->children; child != nullptr; child = child->next)
    if (child->type == XML_ELEMENT_NODE) children.push_back(child);
  return children;
}

// All character data directly inside.
inline std::string direct_text(const xmlNode* element) {
  std::string out;
  for (const xmlNode* child = element->children; child != nullptr; child = child->next)
    if (child->type == XML_TEXT_NODE || child->type == XML_CDATA_SECTION_NODE)
      out += text_of(child->content);
  return out;
}

inline bool has_attribute(const xmlNode* element, std::string_view xmlns, std::string_view name) {
  for (const xmlAttr* attribute = element->properties; attribute != nullptr;
       attribute = attribute->next)
    if (expanded_name(attribute->ns, attribute->name) ==
        "{" + std::string(xmlns) + "}" + std::string(name))
      return true;
  return false;
}

}  // namespace holdfast::fuzz
