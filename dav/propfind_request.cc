#include "dav/propfind_request.h"

#include <algorithm>

namespace holdfast::dav {

PropFind PropFind::parse(std::string_view body, const Options& options) {
  PropFind propfind;
  if (body.find_first_not_of(" \t\r\n") == std::string_view::npos) return propfind;
  const xml::Document document = xml::Document::parse(body, options.xml);
  const xml::Element root = document.root();
  if (!root.is_dav("propfind")) throw Error(400, "the root element is not DAV:propfind");

  const auto allprop = root.child_dav("allprop");
  const auto propname = root.child_dav("propname");
  const auto prop = root.child_dav("prop");
  if (allprop.has_value() + propname.has_value() + prop.has_value() != 1)
    throw Error(400, "DAV:propfind needs exactly one of allprop, propname and prop");
  const auto include = root.child_dav("include");
  if (include && !allprop) throw Error(400, "DAV:include goes with allprop only");

  propfind.kind = prop ? Kind::prop : propname ? Kind::propname : Kind::allprop;
  for (const xml::Element& list : root.children()) {
    if (!list.is_dav(prop ? "prop" : "include")) continue;
    propfind.ask(list, options);
  }
  if (propfind.kind == Kind::allprop) {
    // Properties that allprop includes must not appear twice.
    std::erase_if(propfind.asked, [](const Asked& asked) {
      return asked.live == nullptr || asked.live->in_allprop;
    });
  }
  return propfind;
}

PropFind PropFind::of(const xml::Element& prop, const Options& options) {
  PropFind propfind;
  propfind.kind = Kind::prop;
  propfind.ask(prop, options);
  return propfind;
}

void PropFind::ask(const xml::Element& list, const Options& options) {
  for (const xml::Element& element : list.children()) {
    const bool known = std::any_of(asked.begin(), asked.end(), [&](const Asked& entry) {
      return entry.name == element.name();
    });
    if (known) continue;
    if (asked.size() == options.propfind_property_limit)
      throw Error(400, "too many properties are named");
    asked.push_back({element.name(), find_live(element.name())});
  }
}

unsigned PropFind::needs() const {
  unsigned needs = LiveProperty::nothing;
  if (kind == Kind::propname) return needs;
  if (kind == Kind::allprop)
    for (const LiveProperty& live : live_properties())
      if (live.in_allprop) needs |= live.needs;
  for (const Asked& entry : asked)
    if (entry.live != nullptr) needs |= entry.live->needs;
  return needs;
}

storage::Wanted PropFind::wanted() const {
  const bool names_dead = std::any_of(asked.begin(), asked.end(), [](const Asked& entry) {
    return entry.live == nullptr || entry.live->patch == LiveProperty::Patch::stored;
  });
  const unsigned needed = needs();
  return {.properties = kind != Kind::prop || names_dead,
          .locks = (needed & LiveProperty::locks) != 0,
          .checksums = (needed & LiveProperty::checksums) != 0};
}

}  // namespace holdfast::dav
