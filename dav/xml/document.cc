#include "dav/xml/document.h"

#include <algorithm>
#include <map>
#include <new>
#include <pugixml.hpp>
#include <set>

#include "dav/xml/scanner.h"
#include "text/ascii.h"

namespace holdfast::dav::xml {
namespace {

constexpr std::string_view kXml = "http://www.w3.org/XML/1998/namespace";
constexpr std::string_view kXmlns = "http://www.w3.org/2000/xmlns/";

[[noreturn]] void malformed(const char* why) { throw Error(400, why); }

// The two parts of a qualified name; the prefix is empty when there is none.
struct QualifiedName {
  std::string_view prefix;
  std::string_view local;
  explicit QualifiedName(std::string_view text) : local(text) {
    const std::size_t colon = text.find(':');
    if (colon == std::string_view::npos) return;
    prefix = text.substr(0, colon);
    local = text.substr(colon + 1);
  }
};

// A namespace declaration; the prefix is empty for the default namespace.
struct Binding {
  std::string_view prefix;
  std::string_view xmlns;
};

bool is_declaration(const QualifiedName& attribute) {
  return attribute.prefix == "xmlns" || (attribute.prefix.empty() && attribute.local == "xmlns");
}

// append_text appends the text of content or of an attribute, escaped so that a parser returns it
// unchanged.
enum class Context { content, attribute };
void append_text(std::string& out, std::string_view text, Context context) {
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '\r':
        out += "&#13;";
        break;
      case '"':
        out += context == Context::attribute ? "&quot;" : "\"";
        break;
      case '\t':
        out += context == Context::attribute ? "&#9;" : "\t";
        break;
      case '\n':
        out += context == Context::attribute ? "&#10;" : "\n";
        break;
      default:
        out += c;
    }
  }
}

void append_attribute(std::string& out, std::string_view name, std::string_view value) {
  out.append(1, ' ').append(name).append("=\"");
  append_text(out, value, Context::attribute);
  out += '"';
}

}  // namespace

struct Element::Node {
  storage::PropertyName name;
  pugi::xml_node source;
  Node* parent = nullptr;  // only elements have these four
  Node* first_child = nullptr;
  Node* last_child = nullptr;
  Node* next_sibling = nullptr;
  std::vector<Binding> declared;
};

struct Document::Impl {
  std::string text;  // pugixml parses it in place
  pugi::xml_document tree;
  std::vector<Element::Node> nodes;  // in document order; never grows beyond the reserved capacity
};

namespace {

using Node = Element::Node;

// Gives every element its expanded name (Namespaces in XML 1.0 §5, §6).
class Resolver {
 public:
  Resolver(std::vector<Node>& nodes, const Limits& limits) : nodes_(nodes), limits_(limits) {}

  // Walks without recursion, because workers have small stacks.
  void resolve(pugi::xml_node root) {
    for (Node* node = enter(root, nullptr); node != nullptr;) {
      pugi::xml_node next = first_element(node->source.first_child());
      Node* parent = node;
      for (; !next && node != nullptr; node = parent) {
        scope_.resize(scope_.size() - node->declared.size());
        parent = node->parent;
        if (parent != nullptr) next = first_element(node->source.next_sibling());
      }
      if (next) node = enter(next, parent);
    }
  }

 private:
  // Returns `node` or the first sibling after it that is an element.
  static pugi::xml_node first_element(pugi::xml_node node) {
    while (node && node.type() != pugi::node_element) node = node.next_sibling();
    return node;
  }

  Node* enter(pugi::xml_node source, Node* parent) {
    // Nodes point at each other, so the vector must not grow. A parser that finds more elements
    // than the scanner is a bug.
    if (nodes_.size() == nodes_.capacity()) malformed("The document is not well-formed.");
    Node& node = nodes_.emplace_back();
    node.source = source;
    node.parent = parent;
    if (parent != nullptr) {
      (parent->last_child == nullptr ? parent->first_child : parent->last_child->next_sibling) =
          &node;
      parent->last_child = &node;
    }
    declare(node);
    const QualifiedName name(source.name());
    node.name = {.xmlns = std::string(look_up(name.prefix)), .name = std::string(name.local)};
    check_attributes(source);
    return &node;
  }

  void declare(Node& node) {
    for (const pugi::xml_attribute attribute : node.source.attributes()) {
      const QualifiedName name(attribute.name());
      if (!is_declaration(name)) continue;
      const std::string_view prefix = name.prefix.empty() ? std::string_view() : name.local;
      const std::string_view xmlns = attribute.value();
      if (prefix == "xmlns" || xmlns == kXmlns || (prefix == "xml") != (xmlns == kXml))
        malformed("A reserved prefix or namespace is declared.");
      if (xmlns.empty() && !prefix.empty()) malformed("A prefix is declared for no namespace.");
      if (xmlns.size() > limits_.namespace_bytes)
        malformed("The name of a namespace has too many bytes.");
      names_.insert(xmlns);
      scope_.push_back({.prefix = prefix, .xmlns = xmlns});
      node.declared.push_back(scope_.back());
      if (names_.size() > limits_.namespaces || scope_.size() > limits_.namespaces)
        malformed("The document has too many namespaces.");
    }
  }

  [[nodiscard]] std::string_view look_up(std::string_view prefix) const {
    for (auto binding = scope_.rbegin(); binding != scope_.rend(); ++binding)
      if (binding->prefix == prefix) return binding->xmlns;
    if (prefix == "xml") return kXml;
    if (!prefix.empty()) malformed("A prefix is not declared.");
    return {};
  }

  // Two prefixes may name one namespace (Namespaces in XML 1.0 §6.3).
  void check_attributes(pugi::xml_node source) {
    expanded_.clear();
    for (const pugi::xml_attribute attribute : source.attributes()) {
      const QualifiedName name(attribute.name());
      if (name.prefix.empty() || is_declaration(name)) continue;
      const Binding expanded{.prefix = name.local, .xmlns = look_up(name.prefix)};
      for (const Binding& other : expanded_)
        if (other.prefix == expanded.prefix && other.xmlns == expanded.xmlns)
          malformed("An element has the same attribute twice.");
      expanded_.push_back(expanded);
    }
  }

  std::vector<Node>& nodes_;
  const Limits& limits_;
  std::vector<Binding> scope_;
  std::set<std::string_view> names_;
  std::vector<Binding> expanded_;  // reused memory: local names in place of prefixes
};

// Writes one element so that it stands alone. Prefixes stay as they are; a prefix that is declared
// outside and used inside is declared on the element itself. Prefixes in attribute values and text
// count as used (RFC 4918 §4.3: some vocabularies write qualified names there).
class Writer {
 public:
  explicit Writer(const Node& top) : top_(top) {
    for (const Node* node = top.parent; node != nullptr; node = node->parent)
      for (const Binding& binding : node->declared)
        outside_.try_emplace(binding.prefix, Outside{.xmlns = binding.xmlns, .used = false});
    for (const Binding& binding : top.declared) outside_.erase(binding.prefix);
  }

  std::string write() {
    std::string rest;
    write_after_name(rest);
    std::string out = "<";
    out += top_.source.name();
    for (const auto& [prefix, outside] : outside_) {
      if (!outside.used || outside.xmlns.empty()) continue;
      append_attribute(out, prefix.empty() ? "xmlns" : "xmlns:" + std::string(prefix),
                       outside.xmlns);
    }
    if (const std::string_view language = inherited_language(); !language.empty())
      append_attribute(out, "xml:lang", language);
    return out += rest;
  }

  // Appends a node that is not an element.
  static void append_leaf(std::string& out, pugi::xml_node leaf) {
    switch (leaf.type()) {
      case pugi::node_pcdata:
      case pugi::node_cdata:
        append_text(out, leaf.value(), Context::content);
        break;
      case pugi::node_comment:
        out.append("<!--").append(leaf.value()).append("-->");
        break;
      case pugi::node_pi:
        out.append("<?").append(leaf.name());
        if (*leaf.value() != '\0') out.append(1, ' ').append(leaf.value());
        out += "?>";
        break;
      default:
        break;
    }
  }

 private:
  struct Outside {
    std::string_view xmlns;
    bool used;
  };

  // Returns the xml:lang in scope that the element does not have itself.
  [[nodiscard]] std::string_view inherited_language() const {
    for (const Node* node = &top_; node != nullptr; node = node->parent)
      if (const pugi::xml_attribute language = node->source.attribute("xml:lang"))
        return node == &top_ ? std::string_view() : std::string_view(language.value());
    return {};
  }

  void use(std::string_view prefix) {
    for (auto binding = inside_.rbegin(); binding != inside_.rend(); ++binding)
      if (binding->prefix == prefix) return;
    if (const auto found = outside_.find(prefix); found != outside_.end())
      found->second.used = true;
  }

  void use_prefixes_in(std::string_view text) {
    if (outside_.empty()) return;
    const auto in_name = [](char c) {
      return text::is_alphanumeric(c) || c == '_' || c == '-' || c == '.' || c < 0;
    };
    for (std::size_t colon = text.find(':'); colon != std::string_view::npos;
         colon = text.find(':', colon + 1)) {
      std::size_t start = colon;
      while (start > 0 && in_name(text[start - 1])) --start;
      if (start == colon) continue;
      if (const auto found = outside_.find(text.substr(start, colon - start));
          found != outside_.end())
        found->second.used = true;
    }
  }

  // Writes the rest of a start tag. Returns true when content follows.
  bool write_attributes(const Node& node, std::string& out) {
    inside_.insert(inside_.end(), node.declared.begin(), node.declared.end());
    use(QualifiedName(node.source.name()).prefix);
    for (const pugi::xml_attribute attribute : node.source.attributes()) {
      const QualifiedName name(attribute.name());
      append_attribute(out, attribute.name(), attribute.value());
      if (is_declaration(name)) continue;
      if (!name.prefix.empty()) use(name.prefix);
      use_prefixes_in(attribute.value());
    }
    const bool content = !node.source.first_child().empty();
    out += content ? ">" : "/>";
    if (!content) leave(node);
    return content;
  }

  void leave(const Node& node) { inside_.resize(inside_.size() - node.declared.size()); }

  // Writes the top element's attributes, content and end tag, without recursion, as in Resolver.
  void write_after_name(std::string& out) {
    if (!write_attributes(top_, out)) return;
    const Node* open = &top_;
    const Node* element = top_.first_child;  // the next one inside `open`
    pugi::xml_node at = top_.source.first_child();
    while (true) {
      if (!at) {
        out.append("</").append(open->source.name()).append(1, '>');
        leave(*open);
        if (open == &top_) return;
        at = open->source.next_sibling();
        element = open->next_sibling;
        open = open->parent;
        continue;
      }
      if (at.type() == pugi::node_element) {
        out.append(1, '<').append(at.name());
        if (write_attributes(*element, out)) {
          open = element;
          element = open->first_child;
          at = at.first_child();
          continue;
        }
        element = element->next_sibling;
      } else {
        if (at.type() == pugi::node_pcdata || at.type() == pugi::node_cdata)
          use_prefixes_in(at.value());
        append_leaf(out, at);
      }
      at = at.next_sibling();
    }
  }

  const Node& top_;
  std::vector<Binding> inside_;
  std::map<std::string_view, Outside> outside_;
};

}  // namespace

const storage::PropertyName& Element::name() const { return node_->name; }

bool Element::is(std::string_view xmlns, std::string_view local) const {
  return node_->name.name == local && node_->name.xmlns == xmlns;
}

std::vector<Element> Element::children() const {
  std::vector<Element> children;
  for (const Node* child = node_->first_child; child != nullptr; child = child->next_sibling)
    children.emplace_back(child);
  return children;
}

std::optional<Element> Element::child_dav(std::string_view local) const {
  for (const Node* child = node_->first_child; child != nullptr; child = child->next_sibling)
    if (Element(child).is_dav(local)) return Element(child);
  return std::nullopt;
}

std::string Element::text() const {
  std::string text;
  for (const pugi::xml_node child : node_->source.children())
    if (child.type() == pugi::node_pcdata || child.type() == pugi::node_cdata)
      text += child.value();
  return text;
}

std::optional<std::string> Element::attribute(std::string_view local) const {
  for (const pugi::xml_attribute attribute : node_->source.attributes())
    if (attribute.name() == local) return attribute.value();
  return std::nullopt;
}

std::string Element::standalone() const { return Writer(*node_).write(); }

std::string Element::inner_standalone(std::size_t enough_bytes) const {
  std::string out;
  const Node* element = node_->first_child;
  for (const pugi::xml_node child : node_->source.children()) {
    if (out.size() > enough_bytes) break;
    if (child.type() != pugi::node_element) {
      Writer::append_leaf(out, child);
      continue;
    }
    out += Element(element).standalone();
    element = element->next_sibling;
  }
  return out;
}

Document::Document(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Document::Document(Document&&) noexcept = default;
Document& Document::operator=(Document&&) noexcept = default;
Document::~Document() = default;

Document Document::parse(std::string_view body, const Limits& limits) {
  ScannedDocument scanned = scan(body, limits);
  auto impl = std::make_unique<Impl>();
  impl->text = std::move(scanned.text);
  const unsigned options = pugi::parse_pi | pugi::parse_comments | pugi::parse_cdata |
                           pugi::parse_ws_pcdata | pugi::parse_escapes |
                           pugi::parse_wconv_attribute;
  const pugi::xml_parse_result result = impl->tree.load_buffer_inplace(
      impl->text.data(), impl->text.size(), options, pugi::encoding_utf8);
  if (result.status == pugi::status_out_of_memory) throw std::bad_alloc();
  if (!result) malformed("The document is not well-formed.");
  impl->nodes.reserve(scanned.elements);
  Resolver(impl->nodes, limits).resolve(impl->tree.document_element());
  return Document(std::move(impl));
}

Element Document::root() const { return Element(&impl_->nodes.front()); }

}  // namespace holdfast::dav::xml
