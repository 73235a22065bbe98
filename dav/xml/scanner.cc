#include "dav/xml/scanner.h"

#include <algorithm>
#include <cstdint>
#include <vector>

#include "dav/xml/encoding.h"
#include "text/ascii.h"
#include "text/hex.h"

namespace holdfast::dav::xml {
namespace {

[[noreturn]] void malformed(const char* why) { throw Error(400, why); }

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

// Scans a text whose characters are all legal. Each function reads one production of XML 1.0 and
// moves past it.
class Scanner {
 public:
  Scanner(std::string_view text, const Limits& limits) : rest_(text), limits_(limits) {}

  // Scans [23] XMLDecl, if there is one.
  void declaration(Encoding encoding);
  // Scans [1] document, without its XMLDecl.
  void document();

  [[nodiscard]] std::string_view rest() const { return rest_; }
  [[nodiscard]] std::size_t elements() const { return elements_; }

 private:
  bool take(std::string_view text) {
    if (rest_.substr(0, text.size()) != text) return false;
    rest_.remove_prefix(text.size());
    return true;
  }
  bool take_space() {
    const std::size_t before = rest_.size();
    while (!rest_.empty() && is_space(rest_.front())) rest_.remove_prefix(1);
    return rest_.size() != before;
  }
  // Returns everything before `end`, and skips `end`.
  std::string_view take_until(std::string_view end, const char* otherwise) {
    const std::size_t n = rest_.find(end);
    if (n == std::string_view::npos) malformed(otherwise);
    const std::string_view taken = rest_.substr(0, n);
    rest_.remove_prefix(n + end.size());
    return taken;
  }

  std::string_view pseudo_attribute(std::string_view name);
  std::string_view nc_name();
  std::string_view qualified_name();
  void references(std::string_view text) const;
  void character_reference(std::string_view digits) const;
  void attribute();
  void start_tag();
  void end_tag();
  void comment();
  void processing_instruction();
  void character_data();
  void markup();

  std::string_view rest_;
  const Limits& limits_;
  std::size_t elements_ = 0;
  std::vector<std::string_view> open_;        // names of the elements around this position
  std::vector<std::string_view> attributes_;  // names in the start tag at this position
};

// Scans S name Eq quoted value. Returns an empty text and does not move when another name stands
// here.
std::string_view Scanner::pseudo_attribute(std::string_view name) {
  const std::string_view before = rest_;
  if (!take_space() || !take(name)) {
    rest_ = before;
    return {};
  }
  take_space();
  if (!take("=")) malformed("The XML declaration is malformed.");
  take_space();
  for (const std::string_view quote : {"\"", "'"}) {
    if (!take(quote)) continue;
    const std::string_view value = take_until(quote, "The XML declaration is malformed.");
    if (value.empty()) break;
    return value;
  }
  malformed("The XML declaration is malformed.");
}

void Scanner::declaration(Encoding encoding) {
  if (rest_.substr(0, 5) != "<?xml" || rest_.size() < 6 || !is_space(rest_[5])) return;
  rest_.remove_prefix(5);
  const std::string_view version = pseudo_attribute("version");
  if (version.substr(0, 2) != "1." || version.size() == 2 ||
      !std::all_of(version.begin() + 2, version.end(), text::is_digit))
    malformed("The XML declaration has no version that we know.");
  const std::string_view name = pseudo_attribute("encoding");
  const auto is = [&](std::string_view other) { return text::equal_ignoring_case(name, other); };
  const bool fits = encoding == Encoding::utf8      ? is("UTF-8") || is("UTF8")
                    : encoding == Encoding::utf16le ? is("UTF-16") || is("UTF-16LE")
                                                    : is("UTF-16") || is("UTF-16BE");
  if (!name.empty() && !fits)
    malformed("The body's encoding is not the declared one, or is not accepted.");
  const std::string_view standalone = pseudo_attribute("standalone");
  if (!standalone.empty() && standalone != "yes" && standalone != "no")
    malformed("The XML declaration is malformed.");
  take_space();
  if (!take("?>")) malformed("The XML declaration is malformed.");
}

std::string_view Scanner::nc_name() {
  std::size_t length = 0;
  while (length < rest_.size()) {
    const Decoded next = decode_utf8(rest_.substr(length));
    if (length == 0 ? !is_name_start(next.character) : !is_name_char(next.character)) break;
    length += next.length;
  }
  if (length == 0) malformed("A name is missing or malformed.");
  const std::string_view name = rest_.substr(0, length);
  rest_.remove_prefix(length);
  return name;
}

std::string_view Scanner::qualified_name() {
  const std::string_view start = rest_;
  nc_name();
  if (take(":")) nc_name();
  return start.substr(0, start.size() - rest_.size());
}

// Checks what stands between "&#" and ";".
void Scanner::character_reference(std::string_view digits) const {
  std::uint32_t base = 10;
  if (!digits.empty() && digits.front() == 'x') {
    base = 16;
    digits.remove_prefix(1);
  }
  if (digits.empty()) malformed("A character reference is malformed.");
  std::uint32_t value = 0;
  for (const char c : digits) {
    const int digit = text::hex_value(c);
    if (digit < 0 || static_cast<std::uint32_t>(digit) >= base)
      malformed("A character reference is malformed.");
    value = std::min(value * base + static_cast<std::uint32_t>(digit),
                     std::uint32_t{0x110000});  // stays above every Char
  }
  if (!is_char(value)) malformed("A character reference names a character that XML forbids.");
}

void Scanner::references(std::string_view text) const {
  for (std::size_t at = text.find('&'); at != std::string_view::npos; at = text.find('&', at + 1)) {
    const std::size_t end = text.find_first_of(";&", at + 1);
    if (end == std::string_view::npos || text[end] != ';')
      malformed("An ampersand is not escaped.");
    const std::string_view name = text.substr(at + 1, end - at - 1);
    if (!name.empty() && name.front() == '#') {
      character_reference(name.substr(1));
    } else if (name != "amp" && name != "lt" && name != "gt" && name != "quot" && name != "apos") {
      malformed("An entity reference names no predefined entity.");
    }
  }
}

void Scanner::attribute() {
  const std::string_view name = qualified_name();
  if (std::find(attributes_.begin(), attributes_.end(), name) != attributes_.end())
    malformed("An element has the same attribute twice.");
  if (attributes_.size() == limits_.attributes) malformed("An element has too many attributes.");
  attributes_.push_back(name);
  take_space();
  if (!take("=")) malformed("An attribute has no value.");
  take_space();
  const std::string_view quote = rest_.substr(0, 1);
  if (quote != "\"" && quote != "'") malformed("An attribute's value is not quoted.");
  rest_.remove_prefix(1);
  const std::string_view value = take_until(quote, "An attribute's value does not end.");
  if (value.find('<') != std::string_view::npos) malformed("An attribute's value has a raw <.");
  references(value);
}

void Scanner::start_tag() {
  if (open_.empty() && elements_ > 0) malformed("The document has two roots.");
  if (open_.size() == limits_.depth) malformed("The document is nested too deeply.");
  if (elements_ == limits_.elements) malformed("The document has too many elements.");
  ++elements_;
  const std::string_view name = qualified_name();
  attributes_.clear();
  for (;;) {
    const bool space = take_space();
    if (take("/>")) return;
    if (take(">")) break;
    if (rest_.empty()) malformed("The document ends inside a tag.");
    if (!space) malformed("A tag is malformed.");
    attribute();
  }
  open_.push_back(name);
}

void Scanner::end_tag() {
  const std::string_view name = qualified_name();
  take_space();
  if (!take(">")) malformed("An end tag is malformed.");
  if (open_.empty() || open_.back() != name) malformed("An end tag does not fit its start tag.");
  open_.pop_back();
}

void Scanner::comment() {
  take_until("--", "A comment does not end.");
  if (!take(">")) malformed("A comment has -- inside.");
}

void Scanner::processing_instruction() {
  if (text::equal_ignoring_case(nc_name(), "xml"))
    malformed("The XML declaration is malformed or not at the beginning.");
  if (take("?>")) return;
  if (!take_space()) malformed("A processing instruction is malformed.");
  take_until("?>", "A processing instruction does not end.");
}

// Scans text up to the next markup.
void Scanner::character_data() {
  const std::string_view text = rest_.substr(0, rest_.find('<'));
  rest_.remove_prefix(text.size());
  if (open_.empty()) {
    if (!std::all_of(text.begin(), text.end(), is_space))
      malformed("Text stands outside the root.");
    return;
  }
  if (text.find("]]>") != std::string_view::npos) malformed("Text has a raw ]]>.");
  references(text);
}

void Scanner::markup() {
  if (take("<!--")) return comment();
  if (take("<![CDATA[")) {
    if (open_.empty()) malformed("Text stands outside the root.");
    take_until("]]>", "A CDATA section does not end.");
    return;
  }
  if (text::equal_ignoring_case(rest_.substr(0, 9), "<!DOCTYPE"))
    throw Error(Precondition::no_external_entities, "The body has a DOCTYPE.");
  if (take("<!")) malformed("A markup declaration stands where none may.");
  if (take("<?")) return processing_instruction();
  if (take("</")) return end_tag();
  take("<");
  start_tag();
}

void Scanner::document() {
  while (!rest_.empty()) {
    if (rest_.front() == '<') {
      markup();
    } else {
      character_data();
    }
  }
  if (!open_.empty()) malformed("The document ends before its root does.");
  if (elements_ == 0) malformed("The document has no root.");
}

}  // namespace

ScannedDocument scan(std::string_view body, const Limits& limits) {
  DecodedBody decoded = decode_body(body);
  normalise_line_ends(decoded.text);
  Scanner scanner(decoded.text, limits);
  scanner.declaration(decoded.encoding);
  const std::size_t start = decoded.text.size() - scanner.rest().size();
  scanner.document();
  ScannedDocument scanned{.text = std::move(decoded.text), .elements = scanner.elements()};
  scanned.text.erase(0, start);
  return scanned;
}

}  // namespace holdfast::dav::xml
