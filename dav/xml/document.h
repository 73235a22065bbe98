// Reading XML (RFC 4918 §8.2, §17; XML 1.0; Namespaces in XML 1.0). This is the only user of
// pugixml, which checks neither well-formedness nor namespaces (docs/robustness.md#xml): everything
// that pugixml accepts and XML forbids is refused here with Error 400. No DTD is ever accepted. No
// I/O, any thread.
#pragma once

#include <cstddef>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dav/error.h"
#include "storage/model.h"

namespace holdfast::dav::xml {

inline constexpr std::string_view kDav = "DAV:";

// Limits of one document (docs/operations.md#settings). The length of a namespace name is limited
// because every element and every stored property that uses the name has a copy: without a limit,
// the memory for a small body grows with the square of its size.
struct Limits {
  std::size_t depth = 64;
  std::size_t elements = 20'000;
  std::size_t attributes = 64;   // per element
  std::size_t namespaces = 256;  // per document
  std::size_t namespace_bytes = 1024;
};

// An element of a parsed document. It is a view into its Document.
class Element {
 public:
  [[nodiscard]] const storage::PropertyName& name() const;  // expanded name
  [[nodiscard]] bool is(std::string_view xmlns, std::string_view local) const;
  [[nodiscard]] bool is_dav(std::string_view local) const { return is(kDav, local); }
  // Returns the child elements in document order.
  [[nodiscard]] std::vector<Element> children() const;
  // Returns the first child element DAV:local.
  [[nodiscard]] std::optional<Element> child_dav(std::string_view local) const;
  // Returns all character data directly inside, unescaped.
  [[nodiscard]] std::string text() const;
  // Returns the value of the attribute with this name and no namespace.
  [[nodiscard]] std::optional<std::string> attribute(std::string_view local) const;
  // Returns this element as a standalone fragment. Every prefix and the default namespace in use
  // are declared on it, and it has the xml:lang in scope (RFC 4918 §4.3). Its content has the same
  // infoset: comments, processing instructions, white space and the text of CDATA sections.
  [[nodiscard]] std::string standalone() const;
  // Returns the content of this element as standalone XML, for DAV:owner: text and elements, each
  // of which declares what it needs. Stops early once the result has more than `enough_bytes`
  // bytes.
  [[nodiscard]] std::string inner_standalone(
      std::size_t enough_bytes = std::numeric_limits<std::size_t>::max()) const;

  struct Node;  // internal
  explicit Element(const Node* node) : node_(node) {}

 private:
  const Node* node_;
};

// A parsed, checked document. Movable; elements stay valid.
class Document {
 public:
  // Parses a complete body: UTF-8 or UTF-16 (with BOM), no DOCTYPE, one root, well-formed,
  // namespaces bound, within the limits. Throws Error 400 with a sentence that says what is wrong.
  [[nodiscard]] static Document parse(std::string_view body, const Limits& limits = {});
  Document(Document&&) noexcept;
  Document& operator=(Document&&) noexcept;
  ~Document();
  [[nodiscard]] Element root() const;

 private:
  struct Impl;
  explicit Document(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace holdfast::dav::xml
