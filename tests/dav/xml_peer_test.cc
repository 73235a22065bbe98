// The XML gate against libxml2: thousands of damaged DAV bodies, accepted and refused alike, but
// for a short list of rules where we refuse on purpose (docs/robustness.md#xml).
#include <algorithm>
#include <cctype>
#include <gtest/gtest.h>
#include <map>
#include <random>
#include <regex>

#include "dav/xml/document.h"
#include "dav/xml/output.h"
#include "tests/dav/world.h"
#include "tests/dav/xmllint.h"
#include "text/utf8.h"

namespace holdfast::test {
namespace {

using namespace std::string_literals;

enum class Form { utf8, utf8_marked, utf16le, utf16be };

std::string utf16(const std::string& text, bool big_endian) {
  std::string out;
  const auto unit = [&](unsigned u) {
    out += static_cast<char>(big_endian ? u >> 8 : u & 255);
    out += static_cast<char>(big_endian ? u & 255 : u >> 8);
  };
  unit(0xFEFF);
  for (std::size_t i = 0; i < text.size();) {
    const auto b = static_cast<unsigned char>(text[i]);
    const std::size_t length = b < 0x80 ? 1 : b < 0xE0 ? 2 : b < 0xF0 ? 3 : 4;
    unsigned c = length == 1 ? b : b & (0xFFU >> (length + 1));
    for (std::size_t k = 1; k < length; ++k)
      c = c << 6 | (static_cast<unsigned char>(text[i + k]) & 63U);
    i += length;
    if (c < 0x10000) {
      unit(c);
    } else {
      unit(0xD800 + ((c - 0x10000) >> 10));
      unit(0xDC00 + ((c - 0x10000) & 1023));
    }
  }
  return out;
}

// Bodies that real clients could send, with everything XML has in them.
const std::string kBodies[] = {
    "<?xml version=\"1.0\" encoding=\"utf-8\"?><D:propfind xmlns:D=\"DAV:\"><D:prop>"
    "<D:getetag/><D:displayname /></D:prop></D:propfind>",
    "<propfind xmlns=\"DAV:\"><allprop/><include><x:y xmlns:x=\"urn:x\"/></include></propfind>",
    "<?xml version='1.0'?>\r\n<D:propfind\n xmlns:D='DAV:'\t><D:propname></D:propname >"
    "</D:propfind>\n",
    "<D:propertyupdate xmlns:D=\"DAV:\" xmlns:Z=\"urn:z\" xml:lang=\"de\"><D:set><D:prop>"
    "<Z:a Z:l='1' l=\"2\">x &amp; y &#x41;&#66;</Z:a></D:prop></D:set><D:remove><D:prop>"
    "<b xmlns='u'/></D:prop></D:remove></D:propertyupdate>",
    "<?xml version=\"1.0\" standalone='yes'?><!-- c - d --><D:propertyupdate xmlns:D=\"DAV:\">"
    "<D:set><D:prop><v xmlns=''>t<![CDATA[<&]]>]]&gt;<?p i ?><w/>\xC3\xA9\xF0\x9F\x98\x80"
    "</v></D:prop></D:set></D:propertyupdate><?end?>",
    "<D:lockinfo xmlns:D='DAV:'><D:lockscope><D:exclusive/></D:lockscope><D:locktype><D:write/>"
    "</D:locktype><D:owner><D:href>http://a/?b&amp;c='</D:href> \"o\" </D:owner></D:lockinfo>",
    "<a:a xmlns:a='urn:1' xmlns:b='urn:1'><a:c a:x='1' x='2'/><b:c xmlns:a='urn:2' a:x='1' "
    "b:x='&lt;&quot;'/></a:a>",
    "<D:x xmlns:D='DAV:'><D:y xmlns:D='urn:y'><D:z/></D:y><D:z/><!----><?q?></D:x>",
};

const std::string_view kPieces[] = {"<",
                                    ">",
                                    "/",
                                    "&",
                                    ";",
                                    "'",
                                    "\"",
                                    "=",
                                    "--",
                                    "!",
                                    "?",
                                    "]]>",
                                    ":",
                                    " ",
                                    "\r\n",
                                    "D:",
                                    "Q:",
                                    "&#0;",
                                    "&#9;",
                                    "&#xD800;",
                                    "&#xFFFE;",
                                    "&#x10FFFF;",
                                    "&#x110000;",
                                    "&#65",
                                    "&lt;",
                                    "&foo;",
                                    "&amp",
                                    " b='1'",
                                    " D:b='1'",
                                    " xmlns:Q='urn:q'",
                                    " xmlns:Q=''",
                                    " xmlns=''",
                                    " xmlns='DAV:'",
                                    " xmlns:xml='urn:x'",
                                    " xmlns:xml='http://www.w3.org/XML/1998/namespace'",
                                    " xmlns:Q='http://www.w3.org/XML/1998/namespace'",
                                    " xmlns:xmlns='urn:x'",
                                    " xmlns:Q='http://www.w3.org/2000/xmlns/'",
                                    " xml:space='preserve'",
                                    "<Q:x/>",
                                    "<x>",
                                    "</x>",
                                    "<x/>",
                                    "<xmlns:x/>",
                                    "<xml:x/>",
                                    "<!--",
                                    "-->",
                                    "<!-- -- -->",
                                    "<!---->",
                                    "<?",
                                    "?>",
                                    "<?xml version='1.0'?>",
                                    "<?XML x?>",
                                    "<?a:b c?>",
                                    "<?x y?>",
                                    "<![CDATA[",
                                    "<![CDATA[]]>",
                                    "<![CDATA[x]]]]><![CDATA[>]]>",
                                    "<!DOCTYPE x>",
                                    "<!DOCTYPE x [<!ENTITY foo 'bar'>]>",
                                    "<!DOCTYPE x SYSTEM 'file:///etc/passwd'>",
                                    "<!doctype x>",
                                    "<!ENTITY foo 'bar'>",
                                    " encoding='UTF-8'",
                                    " encoding='ISO-8859-1'",
                                    " encoding='UTF-16'",
                                    " encoding='no such'",
                                    " version='1.1'",
                                    " standalone='no'",
                                    "\x7F",
                                    "\xC2\x85",
                                    "\xE2\x80\xA8",
                                    "\xEF\xBF\xBE",
                                    "\xEF\xBF\xBF",
                                    "\xED\xA0\x80",
                                    "\xC0\xBC",
                                    "\xF4\x90\x80\x80",
                                    "\xEF\xBB\xBF",
                                    "\xCC\x81",
                                    "\xC3"};

const std::string_view kDoctypes[] = {
    "<!DOCTYPE x>", "<!DOCTYPE x [<!ENTITY foo 'bar'>]>", "<!-- --><!DOCTYPE x []>",
    "<!DOCTYPE x [<!ENTITY % p '<!ENTITY foo \"bar\">'> %p;]>", "\n<!DOCTYPE x PUBLIC 'p' 'u'>"};

// One small damage.
void damage(std::string& text, std::mt19937& random) {
  const auto below = [&](std::size_t n) { return n == 0 ? 0 : random() % n; };
  const std::size_t at = below(text.size());
  switch (below(9)) {
    case 0:  // drop
      text.erase(at, 1);
      break;
    case 1:  // duplicate
      if (!text.empty()) text.insert(at, 1, text[at]);
      break;
    case 2:  // swap
      if (at + 1 < text.size()) std::swap(text[at], text[at + 1]);
      break;
    case 3: {  // any byte; a control character as often as any other
      const auto byte = static_cast<char>(below(2) == 0 ? below(32) : below(256));
      if (!text.empty()) text[at] = byte;
      break;
    }
    case 4:  // cut
      text.erase(at, 1 + below(16));
      break;
    case 5: {  // a stretch again, elsewhere
      const std::string stretch = text.substr(at, 1 + below(24));
      text.insert(below(text.size()), stretch);
      break;
    }
    case 6: {  // before or after a piece of markup, where it means most
      const std::size_t bracket = text.find(below(2) == 0 ? '<' : '>', at);
      text.insert(bracket == std::string::npos ? 0 : bracket + below(2),
                  kPieces[below(std::size(kPieces))]);
      break;
    }
    default:
      text.insert(at, kPieces[below(std::size(kPieces))]);
  }
}

std::string encoded(const std::string& text, Form form) {
  switch (form) {
    case Form::utf8:
      return text;
    case Form::utf8_marked:
      return "\xEF\xBB\xBF" + text;
    case Form::utf16le:
      return utf16(text, false);
    case Form::utf16be:
      return utf16(text, true);
  }
  return {};
}

struct Ours {
  bool accepted = true;
  bool doctype = false;
  std::string why;
};

Ours ours(const std::string& body) {
  try {
    (void)dav::xml::Document::parse(body);
    return {};
  } catch (const dav::Error& error) {
    EXPECT_EQ(error.status, 400);
    return {.accepted = false,
            .doctype = error.precondition == dav::Precondition::no_external_entities,
            .why = error.detail};
  }
}

// The bytes as ASCII text where they are ASCII, whatever the encoding: enough to see a declaration.
std::string ascii_of(const std::string& body) {
  std::string text;
  for (const char c : body)
    if (c > 0) text += c;
  return text;
}

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

bool starts(const std::string& body, std::string_view with) {
  return std::string_view(body).substr(0, with.size()) == with;
}

// The rules by which we refuse what libxml2 may accept. Empty for a document of no such kind.
// Judged on the bytes alone.
std::string refused_on_purpose(const std::string& body) {
  // RFC 3023, XML Appendix F: what is neither UTF-8 nor UTF-16 with its mark.
  for (const std::string& other :
       {"\xFF\xFE\0\0"s, "\0\0\xFE\xFF"s, "<\0"s, "\0<"s, "\0\0\0<"s, "\x4C\x6F\xA7\x94"s})
    if (starts(body, other)) return "another encoding";
  static const std::regex declaration(
      "^<\\?xml[ \\t\\r\\n][^>]*encoding[ \\t\\r\\n]*=[ \\t\\r\\n]*[\"']([^\"'>]*)[\"']");
  static const std::regex version(
      "^<\\?xml[ \\t\\r\\n]+version[ \\t\\r\\n]*=[ \\t\\r\\n]*[\"']([^\"'>]*)[\"']");
  std::smatch match;
  const std::string text = ascii_of(body);
  const bool is_utf16 = starts(body, "\xFF\xFE") || starts(body, "\xFE\xFF");
  if (is_utf16 && body.size() % 2 != 0) return "UTF-16 that ends inside a character";
  // XML 1.0 §2.8: '1.' and digits.
  static const std::regex known("1\\.[0-9]+");
  if (std::regex_search(text, match, version) && !std::regex_match(match[1].str(), known))
    return "declares another version";
  if (std::regex_search(text, match, declaration)) {
    const std::string name = lower(match[1]);
    std::vector<std::string_view> fitting = {"utf-8", "utf8"};
    if (starts(body, "\xFF\xFE")) fitting = {"utf-16", "utf-16le"};
    if (starts(body, "\xFE\xFF")) fitting = {"utf-16", "utf-16be"};
    if (std::find(fitting.begin(), fitting.end(), name) == fitting.end())
      return "declares another encoding";
  }
  return {};
}

TEST(XmlPeer, AcceptsAndRefusesWhatLibxml2Does) {  // docs/robustness.md X1, X3, X6, X7, X9, X10
  if (!Xmllint::installed()) GTEST_SKIP() << "xmllint (libxml2-utils) is not installed";
  std::mt19937 random(1998);
  std::vector<std::string> documents;
  for (const std::string& body : kBodies)
    for (const Form form : {Form::utf8, Form::utf8_marked, Form::utf16le, Form::utf16be})
      documents.push_back(encoded(body, form));
  constexpr std::size_t kDocuments = 12'000;
  while (documents.size() < kDocuments) {
    std::string text = kBodies[random() % std::size(kBodies)];
    if (random() % 16 == 0)
      text.insert(text.find('>') + 1, kDoctypes[random() % std::size(kDoctypes)]);
    const std::size_t damages = random() % 4;
    // Before the encoding the damage is to the text, after it to the bytes.
    const bool to_bytes = random() % 2 == 0;
    const auto form = static_cast<Form>(random() % 8 < 5 ? 0 : random() % 4);
    if (to_bytes) text = encoded(text, form);
    for (std::size_t i = 0; i < damages; ++i) damage(text, random);
    if (!to_bytes && text::valid_utf8(text)) text = encoded(text, form);
    documents.push_back(std::move(text));
  }
  Xmllint xmllint;
  const std::vector<bool> theirs = xmllint.judge(documents);
  std::size_t both_accept = 0;
  std::size_t both_refuse = 0;
  std::map<std::string, std::size_t> by_rule;
  for (std::size_t i = 0; i < documents.size(); ++i) {
    const Ours mine = ours(documents[i]);
    if (mine.doctype) {
      std::string text = lower(ascii_of(documents[i]));
      EXPECT_NE(text.find("<!doctype"), std::string::npos) << text;
      ++by_rule["has a DOCTYPE"];
      continue;
    }
    if (const std::string rule = refused_on_purpose(documents[i]); !rule.empty()) {
      EXPECT_FALSE(mine.accepted) << rule << ":\n" << documents[i];
      ++by_rule[rule];
      continue;
    }
    EXPECT_EQ(mine.accepted, theirs[i]) << mine.why << "\n" << testing::PrintToString(documents[i]);
    ++(theirs[i] ? both_accept : both_refuse);
  }
  // All kinds are many, else this would show little.
  EXPECT_GT(both_accept, kDocuments / 8);
  EXPECT_GT(both_refuse, kDocuments / 4);
  EXPECT_GT(by_rule["has a DOCTYPE"], kDocuments / 100);
  EXPECT_GT(by_rule["declares another encoding"], kDocuments / 100);
}

// What clients stored comes back in answers as text and never as markup of ours: libxml2 finds
// every answer well-formed, and no answer has an element more than with harmless values.
TEST(XmlPeer, EveryAnswerIsWellFormedWhateverWasStored) {  // docs/robustness.md X13, P19
  if (!Xmllint::installed()) GTEST_SKIP() << "xmllint (libxml2-utils) is not installed";
  const std::string texts[] = {"plain",
                               "</D:prop><D:status>HTTP/1.1 200 OK</D:status>",
                               "]]>",
                               "\"'",
                               "<script>alert(1)</script>",
                               "&amp;&lt;",
                               "&#0;&bogus;",
                               "<!--",
                               "<![CDATA[",
                               "a\rb\nc\td",
                               "<?xml version='1.0'?>",
                               "<!DOCTYPE x [<!ENTITY e 'v'>]>&e;",
                               "\xE2\x80\xAE\xF0\x9F\x98\x80",
                               "--><x/>"};
  std::vector<std::string> answers;
  std::vector<std::size_t> elements;
  for (const std::string& text : texts) {
    World w;
    const std::string escaped = dav::xml::escape(text);
    std::string name = text;
    for (char& c : name)
      if (c == '/' || (c > 0 && c < ' ')) c = '_';
    const std::string url = "/" + dav::encode_segment(name);
    const std::string xmlns = dav::xml::escape(name);  // libxml2's errors quote it on one line
    w.put(url);
    const auto keep = [&](const Answer& answer) { answers.push_back(answer.body); };
    keep(w.send("PROPPATCH", url, {},
                "<D:propertyupdate xmlns:D='DAV:'><D:set><D:prop><D:displayname>" + escaped +
                    "</D:displayname><p:v xmlns:p=\"urn:" + dav::encode_segment(name) + "\" a=\"" +
                    escaped + "\">" + escaped + "</p:v></D:prop></D:set></D:propertyupdate>"));
    keep(w.send("LOCK", url, {}, lockinfo("exclusive", escaped)));
    keep(w.send("LOCK", url, {}, lockinfo("exclusive", escaped)));
    keep(w.send("PUT", url, {}, "x"));
    keep(w.send("PROPFIND", "/", {{"Depth", "1"}},
                "<D:propfind xmlns:D='DAV:'><D:allprop/><D:include><q:none xmlns:q=\"" + xmlns +
                    "\"/></D:include></D:propfind>"));
    keep(w.send("PROPFIND", url, {{"Depth", "0"}},
                "<D:propfind xmlns:D='DAV:'><D:prop><D:lockdiscovery/><q:none xmlns:q=\"" + xmlns +
                    "\"/></D:prop></D:propfind>"));
    keep(w.send("PROPFIND", url, {{"Depth", "0"}},
                "<D:propfind xmlns:D='DAV:'><D:propname/></D:propfind>"));
    keep(w.send("PROPFIND", url + "/" + escaped, {{"Depth", "0"}}));
    std::size_t all = 0;
    for (std::size_t i = answers.size() - 8; i + 1 < answers.size(); ++i) {
      // The document that holds these elements must live while they are counted.
      const dav::xml::Document document = dav::xml::Document::parse(answers[i]);
      std::vector<dav::xml::Element> todo = {document.root()};
      for (; !todo.empty(); ++all) {
        const auto children = todo.back().children();
        todo.pop_back();
        todo.insert(todo.end(), children.begin(), children.end());
      }
    }
    elements.push_back(all);
    EXPECT_EQ(elements.back(), elements.front()) << text;
  }
  const std::vector<bool> good = Xmllint().judge(answers);
  for (std::size_t i = 0; i < answers.size(); ++i) EXPECT_TRUE(good[i]) << answers[i];
}

}  // namespace
}  // namespace holdfast::test
