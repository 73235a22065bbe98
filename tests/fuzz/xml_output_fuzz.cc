// Any property tree as a 207: well-formed for libxml2 and for our own parser, with every property's
// element as it was given, and the resource's name as text. The input is a resource's name in one
// line, a lock's owner as XML in the next, and an XML document whose root's children are the dead
// properties, as PROPPATCH stores them.
#include <map>

#include "dav/multistatus.h"
#include "dav/property.h"
#include "dav/xml/document.h"
#include "dav/xml/output.h"
#include "tests/fuzz/independent_xml.h"
#include "tests/fuzz/property.h"

using namespace holdfast;

namespace {

constexpr const char* kKinds[] = {"<D:propfind xmlns:D=\"DAV:\"><D:allprop/></D:propfind>",
                                  "<D:propfind xmlns:D=\"DAV:\"><D:propname/></D:propfind>"};

std::string_view take_line(std::string_view& text) {
  const std::size_t end = std::min(text.find('\n'), text.size());
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return line;
}

// The owner as a LOCK body brings it; nothing when that is no XML.
std::string owner_of(std::string_view xml) {
  try {
    return dav::xml::Document::parse("<D:owner xmlns:D='DAV:'>" + std::string(xml) + "</D:owner>")
        .root()
        .inner_standalone();
  } catch (const dav::Error&) {
    return {};
  }
}

const xmlNode* child(const xmlNode* element, const std::string& name) {
  for (const xmlNode* each : fuzz::child_elements(element))
    if (fuzz::expanded_name(each->ns, each->name) == name) return each;
  return nullptr;
}

// The elements in the DAV:prop of the propstat with this status.
std::vector<const xmlNode*> properties(const xmlNode* multistatus, const std::string& status) {
  const xmlNode* response = child(multistatus, "{DAV:}response");
  fuzz::require(response != nullptr && child(response, "{DAV:}href") != nullptr, "a response");
  for (const xmlNode* propstat : fuzz::child_elements(response)) {
    const xmlNode* line = child(propstat, "{DAV:}status");
    if (line != nullptr && fuzz::direct_text(line).find(status) != std::string::npos)
      return fuzz::child_elements(child(propstat, "{DAV:}prop"));
  }
  return {};
}

// U+FFFD stands for what XML cannot carry; the rest is the name's own bytes.
bool shows(std::string_view text, std::string_view name) {
  const dav::xml::Document holder =
      dav::xml::Document::parse("<a>" + dav::xml::escape(name) + "</a>");
  return holder.root().text() == text &&
         (text.find("\xEF\xBF\xBD") != std::string_view::npos || text == name);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view text = fuzz::text_of(data, size);
  const dav::Options options;
  dav::PropertyContext context;
  context.options = &options;
  context.caller = dav::anonymous_caller(storage::Right::write);
  storage::Member member;
  member.resource.id = 2;
  member.resource.parent = 1;
  member.resource.name = take_line(text);
  storage::Lock lock{
      .token = "urn:t", .root_id = 2, .root = {}, .owner = owner_of(take_line(text))};
  lock.root = storage::Path({member.resource.name});
  member.locks.push_back(lock);

  std::map<storage::PropertyName, std::string> given;
  std::string asked = "<D:propfind";
  asked.append(dav::xml::root_declarations()).append("><D:prop>");
  try {
    const dav::xml::Document document = dav::xml::Document::parse(text);
    for (const dav::xml::Element& element : document.root().children()) {
      const bool live = dav::find_live(element.name()) != nullptr;
      if (!live) given[element.name()] = element.standalone();
      dav::xml::append_empty_element(asked, element.name());
      // One that is not there.
      dav::xml::append_empty_element(asked, {element.name().xmlns + "x", element.name().name});
    }
  } catch (const dav::Error&) {
    return 0;
  }
  asked += "</D:prop></D:propfind>";
  for (const auto& [name, xml] : given) member.properties.push_back({name, xml});

  std::vector<dav::PropFind> questions;
  for (const char* kind : kKinds) questions.push_back(dav::PropFind::parse(kind, {}));
  try {
    questions.push_back(dav::PropFind::parse(asked, {}));
  } catch (const dav::Error& error) {
    fuzz::require(error.detail.find("too many") != std::string::npos, "our own names parse");
  }
  for (const dav::PropFind& question : questions) {
    std::string body;
    dav::multistatus::begin(body);
    dav::multistatus::append_member(body, question, member, "/a", context);
    dav::multistatus::end(body);

    const fuzz::IndependentDocument read = fuzz::parse_independently(body);
    fuzz::require(read != nullptr, "well-formed for libxml2");
    constexpr dav::xml::Limits kWide{
        .depth = 80, .elements = 100'000, .attributes = 4096, .namespaces = 10'000};
    (void)dav::xml::Document::parse(body, kWide);

    const xmlNode* root = xmlDocGetRootElement(read.get());
    const std::vector<const xmlNode*> found = properties(root, " 200 ");
    std::size_t dead = 0;
    for (const xmlNode* element : found) {
      const std::string name = fuzz::expanded_name(element->ns, element->name);
      if (name == "{DAV:}displayname" && question.kind != dav::PropFind::Kind::propname)
        fuzz::require(shows(fuzz::direct_text(element), member.resource.name), "the name as text");
      for (const auto& [property, xml] : given) {
        if (name != "{" + property.xmlns + "}" + property.name) continue;
        ++dead;
        if (question.kind == dav::PropFind::Kind::propname) continue;
        const fuzz::IndependentDocument alone = fuzz::parse_independently(xml);
        fuzz::require(fuzz::infoset(element) == fuzz::infoset(xmlDocGetRootElement(alone.get())),
                      "a property as it was given");
      }
    }
    fuzz::require(dead == given.size(), "every property once");
    if (question.kind == dav::PropFind::Kind::prop) {
      const std::size_t missing = properties(root, " 404 ").size();
      fuzz::require(found.size() + missing == question.asked.size(), "every name is answered");
    }
  }
  return 0;
}
