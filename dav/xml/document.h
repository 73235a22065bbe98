// Reading XML (RFC 4918 §8.2, §17; XML 1.0; Namespaces in XML 1.0). The only user of pugixml,
// which checks neither well-formedness nor namespaces (docs/robustness.md#xml): everything it lets
// pass and XML forbids is refused here with Error 400. No DTD is ever accepted. No I/O, any thread.
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

// How much one document may hold (docs/operations.md#settings). The length of a namespace name is
// limited because every element and every stored property that uses it carries it: without a limit
// the memory that a small body takes grows with its square.
struct Limits {
  std::size_t depth = 64;
  std::size_t elements = 20'000;
  std::size_t attributes = 64;   // per element
  std::size_t namespaces = 256;  // per document
  std::size_t namespace_bytes = 1024;
};

// An element of a parsed document; a view into its Document.
class Element {
 public:
  [[nodiscard]] const storage::PropertyName& name() const;  // expanded name
  [[nodiscard]] bool is(std::string_view xmlns, std::string_view local) const;
  [[nodiscard]] bool is_dav(std::string_view local) const { return is(kDav, local); }
  // Child elements in document order.
  [[nodiscard]] std::vector<Element> children() const;
  // The first child element DAV:local.
  [[nodiscard]] std::optional<Element> child_dav(std::string_view local) const;
  // All character data directly inside, unescaped.
  [[nodiscard]] std::string text() const;
  // This element as a standalone fragment: every prefix and the default namespace in use declared
  // on it, the xml:lang in scope (RFC 4918 §4.3) carried along, content verbatim in infoset terms
  // (comments, processing instructions, whitespace and CDATA text kept as what they mean).
  [[nodiscard]] std::string standalone() const;
  // The content of this element as standalone XML: text and elements, each element declaring what
  // it needs. For DAV:owner. Stops early once there is more than `enough_bytes`.
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
