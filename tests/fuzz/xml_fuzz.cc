// Any bytes as a body: accepted exactly when libxml2 finds a well-formed document without DOCTYPE,
// in an encoding and of a size that we take, and read as what libxml2 reads. Its elements stand
// alone with the infoset they had, a fixpoint of parsing. And any bytes as text: escaped, they
// parse.
#include "dav/xml/document.h"
#include "dav/xml/output.h"
#include "tests/fuzz/independent_xml.h"
#include "tests/fuzz/property.h"

using namespace holdfast;

namespace {

const xmlChar* as_xml(const char* text) { return reinterpret_cast<const xmlChar*>(text); }

constexpr std::string_view kXml = "http://www.w3.org/XML/1998/namespace";

// What we refuse although libxml2, for which a NUL is the end, takes it.
bool refused_on_purpose(std::string_view text, const std::string& detail) {
  if (text.find('\0') != std::string_view::npos) return true;
  for (const char* reason : {"too many", "too deeply", "DOCTYPE", "encod", "UTF-"})
    if (detail.find(reason) != std::string::npos) return true;
  return false;
}

// `original` is the element of the whole document that `element` shows.
void check(const dav::xml::Element& element, const xmlNode* original) {
  fuzz::require("{" + element.name().xmlns + "}" + element.name().name ==
                    fuzz::expanded_name(original->ns, original->name),
                "the name libxml2 reads");
  fuzz::require(element.text() == fuzz::direct_text(original), "the text libxml2 reads");
  fuzz::require(element.children().size() == fuzz::child_elements(original).size(),
                "the children libxml2 reads");

  const std::string fragment = element.standalone();
  const fuzz::IndependentDocument alone = fuzz::parse_independently(fragment);
  fuzz::require(alone != nullptr, "well-formed when it stands alone");
  xmlNode* root = xmlDocGetRootElement(alone.get());
  // It takes the xml:lang in scope along (RFC 4918 §4.3).
  if (!fuzz::has_attribute(original, kXml, "lang"))
    if (xmlNs* xml = xmlSearchNsByHref(alone.get(), root, as_xml(kXml.data())))
      xmlUnsetNsProp(root, xml, as_xml("lang"));
  fuzz::require(fuzz::infoset(root) == fuzz::infoset(original), "the same infoset");

  // A fragment has all declarations in scope on one element, which may exceed what was allowed.
  constexpr dav::xml::Limits kWide{.depth = 64, .elements = 20'000, .attributes = 4096};
  const dav::xml::Document again = dav::xml::Document::parse(fragment, kWide);
  fuzz::require(again.root().standalone() == fragment, "a fixpoint");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = fuzz::text_of(data, size);
  const fuzz::IndependentDocument other = fuzz::parse_independently(text);
  try {
    const dav::xml::Document document = dav::xml::Document::parse(text);
    fuzz::require(other != nullptr, "well-formed for libxml2 as well");
    const xmlNode* root = xmlDocGetRootElement(other.get());
    check(document.root(), root);
    const std::vector<const xmlNode*> originals = fuzz::child_elements(root);
    const std::vector<dav::xml::Element> children = document.root().children();
    for (std::size_t i = 0; i < children.size(); ++i) check(children[i], originals[i]);
  } catch (const dav::Error& error) {
    fuzz::require(error.status == 400, "400");
    fuzz::require(other == nullptr || refused_on_purpose(text, error.detail),
                  "refused for a reason");
  }
  const std::string escaped = dav::xml::escape(text);
  const dav::xml::Document holder =
      dav::xml::Document::parse("<a b=\"" + escaped + "\">" + escaped + "</a>");
  fuzz::require(dav::xml::escape(holder.root().text()) == escaped, "escaped text comes back");
  return 0;
}
