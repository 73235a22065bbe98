// Any bytes as a body: 400, or elements that stand alone, a fixpoint of parsing; and any bytes as
// text: escaped, they parse.
#include "dav/xml.h"
#include "tests/fuzz/property.h"

using namespace holdfast;

namespace {

void check(const dav::xml::Element& element) {
  // A fragment has all declarations in scope on one element, which may exceed what was allowed.
  constexpr dav::xml::Limits kWide{.depth = 64, .elements = 20'000, .attributes = 4096};
  const std::string fragment = element.standalone();
  const dav::xml::Document again = dav::xml::Document::parse(fragment, kWide);
  fuzz::require(again.root().name() == element.name(), "the same name");
  fuzz::require(again.root().text() == element.text(), "the same text");
  fuzz::require(again.root().children().size() == element.children().size(), "the same children");
  fuzz::require(again.root().standalone() == fragment, "a fixpoint");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = fuzz::text_of(data, size);
  try {
    const dav::xml::Document document = dav::xml::Document::parse(text);
    check(document.root());
    for (const dav::xml::Element& child : document.root().children()) check(child);
  } catch (const dav::Error& error) {
    fuzz::require(error.status == 400, "400");
  }
  const std::string escaped = dav::xml::escape(text);
  const dav::xml::Document holder =
      dav::xml::Document::parse("<a b=\"" + escaped + "\">" + escaped + "</a>");
  fuzz::require(dav::xml::escape(holder.root().text()) == escaped, "escaped text comes back");
  return 0;
}
