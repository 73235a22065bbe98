// The rows that are named here are those of docs/robustness.md.
#include <ctime>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <pthread.h>
#include <random>

#include "dav/xml/document.h"
#include "dav/xml/output.h"
#include "tests/dav/xmllint.h"

namespace holdfast::dav::xml {
namespace {

using namespace std::string_literals;

// The sentence a body is refused with; empty when it is accepted.
std::string refusal(std::string_view body, const Limits& limits = {}) {
  try {
    (void)Document::parse(body, limits);
    return "";
  } catch (const Error& error) {
    EXPECT_EQ(error.status, 400);
    EXPECT_FALSE(error.detail.empty());
    return error.detail;
  }
}

bool accepted(std::string_view body) { return refusal(body).empty(); }

std::string standalone(std::string_view body) { return Document::parse(body).root().standalone(); }

// Names, text and shape of an element, to compare documents whatever their spelling.
std::string shape(const Element& element) {
  std::string out = "{" + element.name().xmlns + "}" + element.name().name + "[" + element.text();
  for (const Element& child : element.children()) out += shape(child);
  return out + "]";
}

std::string repeated(std::string_view text, std::size_t times) {
  std::string out;
  out.reserve(text.size() * times);
  for (std::size_t i = 0; i < times; ++i) out += text;
  return out;
}

std::string utf16(std::string_view ascii, bool big_endian, bool mark = true) {
  std::string out = !mark ? "" : big_endian ? "\xFE\xFF" : "\xFF\xFE";
  for (const char c : ascii) out += big_endian ? "\0"s + c : c + "\0"s;
  return out;
}

struct XmlRow {
  std::string_view source;
  std::string body;
};

const std::vector<XmlRow>& ill_formed() {
  static const std::vector<XmlRow> rows = {
      // X1, X2, X3: any DOCTYPE.
      {"X1 billion laughs",
       "<?xml version=\"1.0\"?><!DOCTYPE l [<!ENTITY a \"ha\"><!ENTITY b \"&a;&a;\">]><l>&b;</l>"},
      {"X1 quadratic", "<!DOCTYPE a [<!ENTITY x \"" + std::string(10000, 'x') + "\">]><a>" +
                           repeated("&x;", 1000) + "</a>"},
      {"X2 external entity", "<!DOCTYPE a [<!ENTITY x SYSTEM \"file:///etc/passwd\">]><a>&x;</a>"},
      {"X2 parameter entity", "<!DOCTYPE a [<!ENTITY % x SYSTEM \"http://h/\"> %x;]><a/>"},
      {"X2 external DTD", "<!DOCTYPE a SYSTEM \"http://127.0.0.1/x.dtd\"><a/>"},
      {"X3 in UTF-16", utf16("<!DOCTYPE a><a/>", false)},
      {"X3 in UTF-16", utf16("<!DOCTYPE a><a/>", true)},
      {"X3 after BOM", "\xEF\xBB\xBF<!DOCTYPE a><a/>"},
      {"X3 after comment", "<!-- --><!DOCTYPE a><a/>"},
      {"X3 lower case", "<!doctype a><a/>"},
      {"X3 inside", "<a><!DOCTYPE a></a>"},
      {"X3 after the root", "<a/><!DOCTYPE a>"},
      {"X3 split by NUL", "<!DOC\0TYPE a><a/>"s},
      // X4: unclosed.
      {"X4", "<a>"},
      {"X4", "<a><b></a>"},
      {"X4", "<a><b></a></b>"},
      {"X4", "<a/></a>"},
      {"X4", "</a>"},
      {"X4", "<a></A>"},
      {"X4", "<a"},
      {"X4", "<a "},
      {"X4", "<a b"},
      {"X4", "<a b='"},
      {"X4", "<a/"},
      {"X4", "<"},
      {"X4", "<a></a"},
      {"X4", "<a><"},
      {"X4 truncated", "<D:propfind xmlns:D=\"DAV:\"><D:prop>"},
      // X6: structure and namespaces.
      {"X6 duplicate attribute", "<a b='1' b='2'/>"},
      {"X6 duplicate expanded name", "<a xmlns:p='u' xmlns:q='u' p:b='1' q:b='2'/>"},
      {"X6 duplicate declaration", "<a xmlns:p='u' xmlns:p='u'/>"},
      {"X6 duplicate declaration", "<a xmlns='u' xmlns='v'/>"},
      {"X6 two roots", "<a/><b/>"},
      {"X6 two roots", "<a></a><a></a>"},
      {"X6 trailing text", "<a/>x"},
      {"X6 leading text", "x<a/>"},
      {"X6 reference outside", "<a/>&#32;"},
      {"X6 CDATA outside", "<a/><![CDATA[]]>"},
      {"X6 unbound prefix", "<p:a/>"},
      {"X6 unbound prefix", "<a p:b=''/>"},
      {"X6 unbound prefix", "<a><b xmlns:p='u'/><p:c/></a>"},
      {"X6 undeclared prefix", "<a xmlns:x=''/>"},
      {"X6 undeclared prefix", "<a xmlns:x='u'><b xmlns:x=''/></a>"},
      {"X6 xml redeclared", "<a xmlns:xml='u'/>"},
      {"X6 xml under another prefix", "<a xmlns:p='http://www.w3.org/XML/1998/namespace'/>"},
      {"X6 xml as default", "<a xmlns='http://www.w3.org/XML/1998/namespace'/>"},
      {"X6 xmlns redeclared", "<a xmlns:xmlns='u'/>"},
      {"X6 xmlns redeclared", "<a xmlns:xmlns='http://www.w3.org/2000/xmlns/'/>"},
      {"X6 xmlns under another prefix", "<a xmlns:p='http://www.w3.org/2000/xmlns/'/>"},
      {"X6 xmlns as default", "<a xmlns='http://www.w3.org/2000/xmlns/'/>"},
      {"X6 element with prefix xmlns", "<xmlns:a/>"},
      {"Namespaces §4", "<a:b:c xmlns:a='u'/>"},
      {"Namespaces §4", "<:a/>"},
      {"Namespaces §4", "<a:/>"},
      {"Namespaces §4", "<a xmlns:='u'/>"},
      {"Namespaces §4", "<a xmlns:p='u' p:1='x'/>"},
      {"Namespaces §4", "<a xmlns:p='u'><p:-b/></a>"},
      {"Namespaces §4", "<?p:i x?><a/>"},
      // X7: characters.
      {"X7 invalid UTF-8", "<a>\x80</a>"},
      {"X7 cut UTF-8", "<a>\xC3</a>"},
      {"X7 overlong", "<a>\xC0\xBC</a>"},
      {"X7 overlong in a name", "<\xC1\xA1/>"},
      {"X7 surrogate", "<a>\xED\xA0\x80</a>"},
      {"X7 too high", "<a>\xF4\x90\x80\x80</a>"},
      {"X7 NUL", "<a>\0</a>"s},
      {"X7 NUL at the end", "<a/>\0"s},
      {"X7 C0", "<a>\x01</a>"},
      {"X7 C0 in a value", "<a b='\x1B'/>"},
      {"X7 C0 in a comment", "<a><!--\x02--></a>"},
      {"X7 C0 in CDATA", "<a><![CDATA[\x1F]]></a>"},
      {"X7 C0 in a PI", "<a><?p \x0C?></a>"},
      {"X7 U+FFFE", "<a>\xEF\xBF\xBE</a>"},
      {"X7 U+FFFF", "<a>\xEF\xBF\xBF</a>"},
      {"X7 reference", "<a>&#0;</a>"},
      {"X7 reference", "<a>&#x0;</a>"},
      {"X7 reference", "<a>&#8;</a>"},
      {"X7 reference", "<a>&#xD800;</a>"},
      {"X7 reference", "<a>&#xDFFF;</a>"},
      {"X7 reference", "<a>&#xFFFE;</a>"},
      {"X7 reference", "<a>&#xFFFF;</a>"},
      {"X7 reference", "<a>&#x110000;</a>"},
      {"X7 reference", "<a>&#xFFFFFFFFF;</a>"},
      {"X7 reference wraps", "<a>&#x100000041;</a>"},
      {"X7 reference wraps", "<a>&#4294967361;</a>"},
      {"X7 reference in a value", "<a b='&#0;'/>"},
      {"X7 reference", "<a>&#;</a>"},
      {"X7 reference", "<a>&#x;</a>"},
      {"X7 reference", "<a>&#X41;</a>"},
      {"X7 reference", "<a>&#4A;</a>"},
      {"X7 reference", "<a>&# 41;</a>"},
      {"X7 reference", "<a>&#-1;</a>"},
      {"X7 reference without end", "<a>&#65</a>"},
      {"X7 reference in a name", "<&#97;/>"},
      // Entities (XML §4.1).
      {"XML §4.1", "<a>&</a>"},
      {"XML §4.1", "<a>&;</a>"},
      {"XML §4.1", "<a>& amp;</a>"},
      {"XML §4.1", "<a>&amp</a>"},
      {"XML §4.1", "<a>&foo;</a>"},
      {"XML §4.1", "<a>&nbsp;</a>"},
      {"XML §4.1", "<a>&AMP;</a>"},
      {"XML §4.1", "<a>&amp&lt;</a>"},
      {"XML §4.1", "<a b='&foo;'/>"},
      {"XML §4.1", "<a b='x&y'/>"},
      // Tags, attributes (XML §3.1).
      {"XML §3.1", "< a/>"},
      {"XML §3.1", "<a/ >"},
      {"XML §3.1", "<a / >"},
      {"XML §3.1", "</ a>"},
      {"XML §3.1", "<a></ a>"},
      {"XML §3.1", "<a></a b=''>"},
      {"XML §3.1", "<a b/>"},
      {"XML §3.1", "<a b=/>"},
      {"XML §3.1", "<a b=c/>"},
      {"XML §3.1", "<a b='c\"/>"},
      {"XML §3.1", "<a b='1'c='2'/>"},
      {"XML §3.1", "<a b='<'/>"},
      {"XML §3.1", "<a b='<![CDATA[x]]>'/>"},
      {"XML §3.1", "<a ='x'/>"},
      {"XML §3.1", "<a 'x'/>"},
      {"XML §3.1", "<a,b/>"},
      {"XML §2.3", "<1a/>"},
      {"XML §2.3", "<-a/>"},
      {"XML §2.3", "<.a/>"},
      {"XML §2.3", "<a$/>"},
      {"XML §2.3", "<\xC3\x97/>"},
      {"XML §2.3", "<a\xE2\x80\x82/>"},
      {"XML §2.3", "<a 1b=''/>"},
      {"XML §2.3", "<\xCC\x81 />"},
      {"XML §2.3 NEL is no space", "<a\xC2\x85/>"},
      // Text, comments, CDATA, PIs.
      {"XML §2.4", "<a>]]></a>"},
      {"XML §2.4", "<a>x]]>y</a>"},
      {"XML §2.5", "<a><!-- -- --></a>"},
      {"XML §2.5", "<a><!-- ---></a>"},
      {"XML §2.5", "<a><!--></a>"},
      {"XML §2.5", "<a><!---></a>"},
      {"XML §2.5", "<a><!-- </a>"},
      {"XML §2.5", "<a><!- x --></a>"},
      {"XML §2.7", "<a><![CDATA[x</a>"},
      {"XML §2.7", "<a><![cdata[x]]></a>"},
      {"XML §2.7", "<a><![CDATA [x]]></a>"},
      {"XML §2.6", "<a><?xml version='1.0'?></a>"},
      {"XML §2.6", "<a><?XML x?></a>"},
      {"XML §2.6", "<a><?xMl?></a>"},
      {"XML §2.6", "<a><?p x></a>"},
      {"XML §2.6",
       "<a><?"
       "?></a>"},
      {"XML §2.6", "<a><? p?></a>"},
      {"XML §2.6", "<a><?p+x?></a>"},
      {"XML §2.8", "<a><!ELEMENT a ANY></a>"},
      {"XML §2.8", "<!ENTITY a 'x'><a/>"},
      {"XML §2.8", "<!><a/>"},
      // The declaration.
      {"XML §2.8", " <?xml version='1.0'?><a/>"},
      {"XML §2.8", "<?xml?><a/>"},
      {"XML §2.8", "<?xml ?><a/>"},
      {"XML §2.8", "<?xml encoding='UTF-8'?><a/>"},
      {"XML §2.8", "<?xml version=''?><a/>"},
      {"XML §2.8", "<?xml version=1.0?><a/>"},
      {"XML §2.8", "<?xml version='1'?><a/>"},
      {"XML §2.8", "<?xml version='1.'?><a/>"},
      {"XML §2.8", "<?xml version='1.x'?><a/>"},
      {"XML §2.8", "<?xml version='2.0'?><a/>"},
      {"XML §2.8", "<?xml version='1.0'encoding='UTF-8'?><a/>"},
      {"XML §2.8", "<?xml version='1.0' standalone='maybe'?><a/>"},
      {"XML §2.8", "<?xml version='1.0' standalone='yes' encoding='UTF-8'?><a/>"},
      {"XML §2.8", "<?xml version='1.0' encoding=''?><a/>"},
      {"XML §2.8", "<?xml version='1.0' x='y'?><a/>"},
      {"XML §2.8", "<?xml version='1.0'><a/>"},
      {"XML §2.8", "<?xml version='1.0' ? ><a/>"},
      {"XML §2.8", "<?xml version='1.0'?><?xml version='1.0'?><a/>"},
      {"XML §2.8", "<?XML version='1.0'?><a/>"},
      {"XML §2.8", "<?xml version='1.0'?>"},
      // X10: encodings.
      {"X10 ISO-8859-1", "<?xml version='1.0' encoding='ISO-8859-1'?><a/>"},
      {"X10 UTF-7", "<?xml version='1.0' encoding='UTF-7'?><a/>"},
      {"X10 EBCDIC", "<?xml version='1.0' encoding='EBCDIC-CP-US'?><a/>"},
      {"X10 EBCDIC bytes", "\x4C\x6F\xA7\x94\x93"},
      {"X10 declared UTF-16, is UTF-8", "<?xml version='1.0' encoding='UTF-16'?><a/>"},
      {"X10 declared UTF-8, is UTF-16", utf16("<?xml version='1.0' encoding='UTF-8'?><a/>", true)},
      {"X10 declared the other order",
       utf16("<?xml version='1.0' encoding='UTF-16LE'?><a/>", true)},
      {"X10 UTF-16 without BOM", utf16("<a/>", false, false)},
      {"X10 UTF-16 without BOM", utf16("<a/>", true, false)},
      {"X10 UTF-16 of odd length", utf16("<a/>", true) + "\0"s},
      {"X10 UTF-16 lone surrogate", utf16("<a>", true) + "\xD8\x00"s + "\0<\0/\0a\0>"s},
      {"X10 UTF-16 lone surrogate", utf16("<a>", true) + "\xDC\x00"s + "\0<\0/\0a\0>"s},
      {"X10 UTF-16 surrogate at the end", utf16("<a/>", true) + "\xD8\x00"s},
      {"X10 UTF-16 NUL", utf16("<a>\0</a>"s, true)},
      {"X10 UTF-32", "\xFF\xFE\0\0<\0\0\0a\0\0\0/\0\0\0>\0\0\0"s},
      {"X10 UTF-32", "\0\0\xFE\xFF\0\0\0<\0\0\0a\0\0\0/\0\0\0>"s},
      {"X10 two marks", "\xEF\xBB\xBF\xEF\xBB\xBF<a/>"},
      {"X10 only a mark", "\xEF\xBB\xBF"},
      {"X10 only a mark", "\xFF\xFE"},
      // X11.
      {"X11 empty", ""},
      {"X11 whitespace", " \t\r\n"},
      {"X11 comment only", "<!-- x -->"},
      {"X11 JSON", "{\"a\": 1}"},
      {"X11 HTML", "<html><br></html>"},
      {"X11 text", "hello"},
      // X13.
      {"X13", "<a></D:prop><D:status>HTTP/1.1 200 OK</a>"},
  };
  return rows;
}

const std::vector<XmlRow>& well_formed() {
  static const std::vector<XmlRow> rows = {
      {"", "<a/>"},
      {"", "<a />"},
      {"", "<a></a >"},
      {"", "<a\n\tb = 'x'\r\n c=\"y\" ></a>"},
      {"", " <a/> \r\n\t"},
      {"", "<!--x--><?p?><a/><!--y--><?p q?>"},
      {"", "<?xml version='1.0'?><a/>"},
      {"", "<?xml version=\"1.0\" encoding=\"utf-8\" ?>\n<a/>"},
      {"", "<?xml version = '1.0' encoding= \"UTF-8\" standalone ='no' ?><a/>"},
      {"", "<?xml version='1.0' standalone='yes'?><a/>"},
      {"", "<?xml-stylesheet href='x'?><a/>"},
      {"X10", "\xEF\xBB\xBF<?xml version='1.0' encoding='UTF-8'?><a/>"},
      {"XML §2.3", "<_a.b-c1\xC2\xB7\xCC\x81/>"},
      {"XML §2.3", "<\xC3\xA9l\xC3\xA9ment \xE6\x97\xA5='x'/>"},
      {"XML §2.3", "<\xF0\x90\x80\x80/>"},
      {"XML §2.4", "<a>]] > ]]&gt; ]</a>"},
      {"XML §2.4", "<a>&lt;&gt;&amp;&quot;&apos;&#65;&#x41;&#x10FFFF;&#9;&#10;&#13;</a>"},
      {"XML §2.5", "<a><!----><!-- - < & ]]> --></a>"},
      {"XML §2.6", "<a><?p?><?p ?><?p x ? > y?><?xmlx?></a>"},
      {"XML §2.7", "<a><![CDATA[]]><![CDATA[<b>&amp;]]]]><![CDATA[>]]></a>"},
      {"XML §3.1", "<a b='\">' c=\"'>]]>\"/>"},
      {"XML §2.2 C1", "<a>\xC2\x80\x7F</a>"},
      {"X6 prefix reuse", "<p:a xmlns:p='u'><p:b xmlns:p='v'/><p:c/></p:a>"},
      {"X6 default undeclared", "<a xmlns='u'><b xmlns=''><c/></b></a>"},
      {"X6 xml declared as it is", "<a xmlns:xml='http://www.w3.org/XML/1998/namespace'/>"},
      {"X6 xml undeclared", "<a xml:lang='de' xml:space='preserve'/>"},
      {"X6 same local name", "<a b='1' p:b='2' q:b='3' xmlns:p='u' xmlns:q='v'/>"},
      {"X6 default is not for attributes", "<a xmlns='u' xmlns:p='u' b='1' p:b='2'/>"},
      {"X6 declared after use", "<p:a p:b='' xmlns:p='u'/>"},
      {"Namespaces §3", "<xmlx:a xmlns:xmlx='u'/>"},
  };
  return rows;
}

TEST(Xml, RefusesWhatIsNotWellFormed) {
  for (const XmlRow& row : ill_formed())
    EXPECT_FALSE(accepted(row.body)) << row.source << ": " << row.body;
}

TEST(Xml, AcceptsWhatIsWellFormed) {
  for (const XmlRow& row : well_formed())
    EXPECT_EQ(refusal(row.body), "") << row.source << ": " << row.body;
}

TEST(Xml, NamesTheDoctypeWhenItRefusesOne) {
  try {
    (void)Document::parse("<!DOCTYPE a><a/>");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.status, 400);
    EXPECT_EQ(error.precondition, Precondition::no_external_entities);
  }
}

TEST(Xml, RefusesAtOnceWhatWouldExplode) {  // X1, X5
  const std::string bodies[] = {
      "<!DOCTYPE a [" + repeated("<!ENTITY x \"&y;&y;\">", 50'000) + "]><a>&x;</a>",
      "<a " + repeated("b", 1'000'000) + "='",
      "<a>" + repeated("&", 1'000'000),
      "<a>" + repeated("<!", 500'000),
      "<a b='" + repeated("&lt;", 250'000),
      repeated("<a b=''>", 100'000),
  };
  const auto cpu_seconds = [] {
    timespec time{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
  };
  for (const std::string& body : bodies) {
    const double start = cpu_seconds();
    EXPECT_FALSE(accepted(body));
    // A hundred times what it takes, and with sanitizers ten times; quadratic would be minutes.
    EXPECT_LT(cpu_seconds() - start, 5) << body.substr(0, 9);
  }
}

TEST(Xml, KeepsTheLimits) {  // X4, X5, X12
  const auto nested = [](std::size_t n) { return repeated("<a>", n) + repeated("</a>", n); };
  EXPECT_EQ(refusal(nested(64)), "");
  EXPECT_NE(refusal(nested(65)), "");
  EXPECT_NE(refusal(nested(10'000)), "");
  EXPECT_NE(refusal(repeated("<a>", 1'000'000)), "");
  EXPECT_NE(refusal(repeated("<a>", 64) + "<b/>" + repeated("</a>", 64)), "");

  const auto siblings = [](std::size_t n) { return "<a>" + repeated("<b/>", n - 1) + "</a>"; };
  EXPECT_EQ(refusal(siblings(20'000)), "");
  EXPECT_NE(refusal(siblings(20'001)), "");
  EXPECT_NE(refusal(siblings(100'000)), "");

  const auto numbered = [](std::string_view before, std::string_view after, std::size_t n) {
    std::string out;
    for (std::size_t i = 0; i < n; ++i)
      out.append(before).append(std::to_string(i)).append(after).append(std::to_string(i)) += "'";
    return out;
  };
  EXPECT_EQ(refusal("<a" + numbered(" b", "='", 64) + "/>"), "");
  EXPECT_NE(refusal("<a" + numbered(" b", "='", 65) + "/>"), "");
  EXPECT_NE(refusal("<a" + numbered(" b", "='", 100'000) + "/>"), "");
  EXPECT_EQ(refusal("<a b='" + std::string(200 * 1024, 'x') + "'/>"), "")
      << "the body limit's task";

  const auto namespaces = [](std::size_t n) {
    std::string out = "<a>";
    for (std::size_t i = 0; i < n; ++i) out += "<b xmlns='u" + std::to_string(i) + "'/>";
    return out + "</a>";
  };
  EXPECT_EQ(refusal(namespaces(256)), "");
  EXPECT_NE(refusal(namespaces(257)), "");
  EXPECT_NE(refusal(namespaces(10'000)), "");
  EXPECT_EQ(refusal("<a>" + repeated("<p:b xmlns:p='u'/>", 5'000) + "</a>"), "")
      << "one namespace declared often is one";

  const Limits tight{.depth = 2, .elements = 3, .attributes = 1, .namespaces = 1};
  EXPECT_EQ(refusal("<a xmlns='u'><b/><c/></a>", tight), "");
  EXPECT_NE(refusal("<a xmlns='u'><b/><c/><d/></a>", tight), "");
  EXPECT_NE(refusal("<a xmlns='u'><b xmlns='v'/></a>", tight), "");
}

TEST(Xml, NeedsLittleStack) {  // X4
  struct Work {
    std::string body = repeated("<p:a xmlns:p=\"u\">", 64) + "x" + repeated("</p:a>", 64);
    std::string out;
  } work;
  pthread_attr_t attributes;
  ASSERT_EQ(pthread_attr_init(&attributes), 0);
  ASSERT_EQ(pthread_attr_setstacksize(&attributes, 256 * 1024), 0);
  pthread_t thread{};
  const auto run = [](void* argument) -> void* {
    auto& job = *static_cast<Work*>(argument);
    job.out = Document::parse(job.body).root().standalone();
    (void)refusal(repeated("<a>", 1'000'000));
    (void)refusal(repeated("<a>", 200'000) + repeated("</a>", 200'000));
    return nullptr;
  };
  ASSERT_EQ(pthread_create(&thread, &attributes, run, &work), 0);
  pthread_join(thread, nullptr);
  pthread_attr_destroy(&attributes);
  EXPECT_EQ(work.out, work.body);
}

TEST(Xml, ReadsUtf16) {  // X10
  for (const bool big_endian : {false, true}) {
    const std::string name = big_endian ? "UTF-16BE" : "utf-16le";
    for (const std::string& declaration :
         {""s, "<?xml version='1.0'?>"s, "<?xml version='1.0' encoding='UTF-16'?>"s,
          "<?xml version='1.0' encoding='" + name + "'?>"}) {
      const Document document =
          Document::parse(utf16(declaration + "<p:a xmlns:p='u'>x\r\ny</p:a>", big_endian));
      EXPECT_TRUE(document.root().is("u", "a"));
      EXPECT_EQ(document.root().text(), "x\ny");
    }
  }
  const std::string smile = "\xD8\x3D\xDE\x00"s;
  EXPECT_EQ(Document::parse(utf16("<a>", true) + "\0\xE9\x20\xAC"s + smile + "\0<\0/\0a\0>"s)
                .root()
                .text(),
            "\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80");
}

TEST(Xml, ExpandsNames) {  // X6, Namespaces §6
  const Document document = Document::parse(
      "<p:a xmlns:p='u' xmlns='d'><b/><p:b xmlns:p='v'><p:c/></p:b><p:c/>"
      "<b xmlns=''><c/></b><xml:x/></p:a>");
  EXPECT_EQ(shape(document.root()),
            "{u}a[{d}b[]{v}b[{v}c[]]{u}c[]{}b[{}c[]]{http://www.w3.org/XML/1998/namespace}x[]]");
}

TEST(Xml, FindsChildrenByExpandedName) {
  const Document document = Document::parse(
      "<a xmlns='DAV:'>t<prop xmlns='u'/>&amp;<!--no--><prop n='1'>1</prop><x:prop "
      "xmlns:x='DAV:'>2</x:prop><![CDATA[<>]]></a>");
  const Element root = document.root();
  EXPECT_TRUE(root.is_dav("a"));
  EXPECT_FALSE(root.is_dav("A"));
  EXPECT_FALSE(root.is("", "a"));
  EXPECT_EQ(root.children().size(), 3U);
  EXPECT_EQ(root.text(), "t&<>");
  ASSERT_TRUE(root.child_dav("prop"));
  EXPECT_EQ(root.child_dav("prop")->text(), "1");
  EXPECT_FALSE(root.child_dav("propname"));
}

TEST(Xml, ElementsOutliveAMove) {
  Document first = Document::parse("<a><b>x</b></a>");
  const Element b = first.root().children().front();
  Document second = std::move(first);
  first = Document::parse("<z/>");
  EXPECT_EQ(b.text(), "x");
  EXPECT_EQ(b.standalone(), "<b>x</b>");
  EXPECT_EQ(second.root().standalone(), "<a><b>x</b></a>");
}

// The one child of DAV:prop in a PROPPATCH-like document.
std::string property(const std::string& declarations, const std::string& element) {
  const Document document = Document::parse("<D:set xmlns:D='DAV:'" + declarations + "><D:prop>" +
                                            element + "</D:prop></D:set>");
  return document.root().children().at(0).children().at(0).standalone();
}

TEST(Xml, MakesElementsStandAlone) {
  const struct {
    std::string_view source;
    std::string declarations;
    std::string element;
    std::string expected;
  } rows[] = {
      {"no namespace", "", "<x>1</x>", "<x>1</x>"},
      {"own declaration", "", "<p:x xmlns:p='u'>1</p:x>", "<p:x xmlns:p=\"u\">1</p:x>"},
      {"outer prefix", " xmlns:p='u'", "<p:x/>", "<p:x xmlns:p=\"u\"/>"},
      {"unused prefixes stay out", " xmlns:p='u' xmlns:q='v'", "<p:x/>", "<p:x xmlns:p=\"u\"/>"},
      {"outer default", " xmlns='u'", "<x><y/></x>", "<x xmlns=\"u\"><y/></x>"},
      {"default undeclared by itself", " xmlns='u'", "<x xmlns=''/>", "<x xmlns=\"\"/>"},
      {"default undeclared inside", " xmlns='u'", "<x><y xmlns=''/></x>",
       "<x xmlns=\"u\"><y xmlns=\"\"/></x>"},
      {"default not used", " xmlns='u' xmlns:p='v'", "<p:x/>", "<p:x xmlns:p=\"v\"/>"},
      {"used in a descendant", " xmlns:p='u'", "<x><y><p:z/></y></x>",
       "<x xmlns:p=\"u\"><y><p:z/></y></x>"},
      {"used by an attribute", " xmlns:p='u'", "<x p:b='1' c='2'/>",
       "<x xmlns:p=\"u\" p:b=\"1\" c=\"2\"/>"},
      {"shadowed inside", " xmlns:p='u'", "<x><p:y xmlns:p='v'/></x>",
       "<x><p:y xmlns:p=\"v\"/></x>"},
      {"shadowed and used beside", " xmlns:p='u'", "<x><p:y xmlns:p='v'/><p:z/></x>",
       "<x xmlns:p=\"u\"><p:y xmlns:p=\"v\"/><p:z/></x>"},
      {"redeclared on itself", " xmlns:p='u'", "<p:x xmlns:p='v'>p:q</p:x>",
       "<p:x xmlns:p=\"v\">p:q</p:x>"},
      {"DAV: inside", "", "<x><D:href>/</D:href></x>",
       "<x xmlns:D=\"DAV:\"><D:href>/</D:href></x>"},
      {"several, in order of prefix", " xmlns:q='v' xmlns:p='u' xmlns='d'", "<x><q:y p:z=''/></x>",
       "<x xmlns=\"d\" xmlns:p=\"u\" xmlns:q=\"v\"><q:y p:z=\"\"/></x>"},
      {"RFC 4918 §4.3 names in text", " xmlns:p='u'", "<x>p:string</x>",
       "<x xmlns:p=\"u\">p:string</x>"},
      {"RFC 4918 §4.3 names in values", " xmlns:p='u' xmlns:i='w'", "<x i:type='p:string'/>",
       "<x xmlns:i=\"w\" xmlns:p=\"u\" i:type=\"p:string\"/>"},
      {"no name in text", " xmlns:p='u'", "<x>xp:y :p http://h/p</x>", "<x>xp:y :p http://h/p</x>"},
      {"§4.3 xml:lang", " xml:lang='de'", "<x/>", "<x xml:lang=\"de\"/>"},
      {"§4.3 own xml:lang", " xml:lang='de'", "<x xml:lang='en'/>", "<x xml:lang=\"en\"/>"},
      {"§4.3 own empty xml:lang", " xml:lang='de'", "<x xml:lang=''/>", "<x xml:lang=\"\"/>"},
      {"§4.3 inner xml:lang", " xml:lang='de'", "<x><y xml:lang='en'/></x>",
       "<x xml:lang=\"de\"><y xml:lang=\"en\"/></x>"},
      {"X9 whitespace", "", "<x>  a\n\t</x>", "<x>  a\n\t</x>"},
      {"X9 whitespace only", "", "<x> \n </x>", "<x> \n </x>"},
      {"X9 mixed content", "", "<x>a<y>b</y>c<y/>d</x>", "<x>a<y>b</y>c<y/>d</x>"},
      {"X9 CDATA", "", "<x>a<![CDATA[<b>&amp;]]>c</x>", "<x>a&lt;b&gt;&amp;amp;c</x>"},
      {"X9 comment, PI", "", "<x><!-- c --><?p  d e ?><?q?></x>",
       "<x><!-- c --><?p d e ?><?q?></x>"},
      {"X9 line ends", "", "<x>a\r\nb\rc&#13;</x>", "<x>a\nb\nc&#13;</x>"},
      {"XML §3.3.3 values", "", "<x y='a\r\nb\tc&#9;&#10;&#13;\"&lt;&amp;'/>",
       "<x y=\"a b c&#9;&#10;&#13;&quot;&lt;&amp;\"/>"},
      {"X13 text that looks like markup", "", "<x>&lt;/D:prop>&lt;D:status>]]&gt;\"</x>",
       "<x xmlns:D=\"DAV:\">&lt;/D:prop&gt;&lt;D:status&gt;]]&gt;\"</x>"},
      {"characters beyond ASCII", "", "<x>\xC3\xA9&#xE9;&#x1F600;</x>",
       "<x>\xC3\xA9\xC3\xA9\xF0\x9F\x98\x80</x>"},
      {"namespace name with markup", " xmlns:p='http://e/?a&amp;b=\"'", "<p:x/>",
       "<p:x xmlns:p=\"http://e/?a&amp;b=&quot;\"/>"},
      {"litmus propvalnspace", "",
       "<t:valnspace xmlns:t='http://h/n'><foo xmlns='bar'/></t:valnspace>",
       "<t:valnspace xmlns:t=\"http://h/n\"><foo xmlns=\"bar\"/></t:valnspace>"},
  };
  for (const auto& row : rows) {
    SCOPED_TRACE(row.source);
    const std::string fragment = property(row.declarations, row.element);
    EXPECT_EQ(fragment, row.expected);
    EXPECT_EQ(standalone(fragment), fragment) << "a fixpoint";
    EXPECT_EQ(property("", fragment), fragment) << "and inside another document";
  }
}

TEST(Xml, MakesContentStandAlone) {  // docs/clients.md R67
  const auto owner = [](const std::string& declarations, const std::string& content) {
    const Document document = Document::parse("<D:lockinfo xmlns:D='DAV:'" + declarations +
                                              "><D:owner>" + content + "</D:owner></D:lockinfo>");
    return document.root().child_dav("owner")->inner_standalone();
  };
  EXPECT_EQ(owner("", ""), "");
  EXPECT_EQ(owner("", "alice"), "alice");
  EXPECT_EQ(owner("", " alice \n\"Q\" "), " alice \n\"Q\" ");
  EXPECT_EQ(owner("", "a &amp; b &lt;c>"), "a &amp; b &lt;c&gt;");
  EXPECT_EQ(owner("", "<D:href>x</D:href>"), "<D:href xmlns:D=\"DAV:\">x</D:href>");
  EXPECT_EQ(owner(" xmlns='u'", "by <name>alice</name>, <!--c--><D:href/>"),
            "by <name xmlns=\"u\">alice</name>, <!--c--><D:href xmlns:D=\"DAV:\"/>");
  EXPECT_EQ(owner(" xml:lang='de'", "<D:href/>"), "<D:href xmlns:D=\"DAV:\" xml:lang=\"de\"/>");
}

TEST(Xml, Escapes) {
  EXPECT_EQ(escape(""), "");
  EXPECT_EQ(escape("plain 'text' \xC3\xA9"), "plain 'text' \xC3\xA9");
  EXPECT_EQ(escape("<a href=\"x\">&]]>"), "&lt;a href=&quot;x&quot;&gt;&amp;]]&gt;");
  EXPECT_EQ(escape("\t\n\r"), "&#9;&#10;&#13;");
  const std::string_view replacement = "\xEF\xBF\xBD";
  for (const std::string& bad :
       {"\0"s, "\x01"s, "\x1F"s, "\xEF\xBF\xBE"s, "\xEF\xBF\xBF"s, "\x80"s, "\xFF"s, "\xC3"s})
    EXPECT_EQ(escape("a" + bad + "b"), "a" + std::string(replacement) + "b");
  EXPECT_EQ(escape("\xED\xA0\x80"), repeated(replacement, 3));
  EXPECT_EQ(escape("\xF0\x9F\x98"), repeated(replacement, 3));
  EXPECT_EQ(escape("\x7F\xC2\x80"), "\x7F\xC2\x80");
}

TEST(Xml, EscapedTextComesBack) {  // X13, P16
  std::mt19937 random(43);
  const std::string_view alphabet = "<>&\"'] \t\n\ra;#\xC3\xA9\x01\xEF\xBF\xBE";
  for (int round = 0; round < 5'000; ++round) {
    std::string text;
    for (std::size_t i = random() % 12; i > 0; --i) text += alphabet[random() % alphabet.size()];
    std::string once = escape(text);
    const Document document = Document::parse("<a b=\"" + once + "\" xmlns:p=\"u" + once +
                                              "\"><p:c>" + once + "</p:c></a>");
    const Element child = document.root().children().at(0);
    EXPECT_EQ(escape(child.text()), once) << "only what XML cannot carry is replaced";
    EXPECT_EQ(child.name().xmlns, "u" + child.text());
  }
}

TEST(Xml, WritesEmptyElements) {
  const auto element = [](std::string xmlns, std::string name) {
    std::string out;
    append_empty_element(out, {.xmlns = std::move(xmlns), .name = std::move(name)});
    return out;
  };
  EXPECT_EQ(element("DAV:", "prop"), "<D:prop/>");
  EXPECT_EQ(element("", "prop"), "<prop/>");
  EXPECT_EQ(element("http://e/?a&b\"", "x"), "<ns0:x xmlns:ns0=\"http://e/?a&amp;b&quot;\"/>");
  // In any answer, an empty element means its name again.
  for (const std::string& xmlns :
       {"DAV:"s, ""s, "urn:schemas-microsoft-com:"s, "http://owncloud.org/ns"s,
        "http://apache.org/dav/props/"s, "http://www.w3.org/XML/1998/namespace"s, "u"s, "dav:"s}) {
    const Document document = Document::parse("<D:multistatus" + std::string(root_declarations()) +
                                              ">" + element(xmlns, "x") + "</D:multistatus>");
    EXPECT_TRUE(document.root().is_dav("multistatus"));
    EXPECT_TRUE(document.root().children().at(0).is(xmlns, "x")) << xmlns;
  }
}

// Documents made of seeds by small damage, which is mostly not well-formed but near it.
std::vector<std::string> mutants(std::size_t count, unsigned seed) {
  std::vector<std::string> seeds;
  for (const XmlRow& row : well_formed()) seeds.push_back(row.body);
  seeds.push_back(
      "<D:propertyupdate xmlns:D=\"DAV:\" xmlns:Z=\"u:z\"><D:set><D:prop><Z:a Z:l='1'>x &amp; "
      "y</Z:a></D:prop></D:set><D:remove><D:prop><b "
      "xmlns='u'/></D:prop></D:remove></D:propertyupdate>");
  seeds.push_back(
      "<a xmlns:p='u' xmlns:q='v'><p:b q:c='d'>t<!--c--><?p i?></p:b><![CDATA[x]]></a>");
  const std::string_view pieces[] = {
      "<",        ">",        "/",      "&",        ";",         "'",     "\"",         "=",
      "-",        "--",       "!",      "?",        "[",         "]]>",   "]",          ":",
      "x",        " ",        "\n",     "a",        "p:",        "xmlns", "xmlns:p=''", "xmlns=''",
      " b='1'",   "<b>",      "</b>",   "<b/>",     "&#65;",     "&#0;",  "&lt;",       "&x;",
      "<!--",     "-->",      "<?",     "?>",       "<![CDATA[", "xml",   "1",          ".",
      "\xC3\xA9", "\xCC\x81", "<p:b/>", " p:b='2'", " q:b='3'",  "\x7F",  "</a>"};
  std::mt19937 random(seed);
  std::vector<std::string> out;
  while (out.size() < count) {
    std::string text = seeds[random() % seeds.size()];
    for (std::size_t edits = 1 + random() % 3; edits > 0; --edits) {
      const std::size_t at = random() % (text.size() + 1);
      const std::string_view piece = pieces[random() % std::size(pieces)];
      switch (random() % 4) {
        case 0:
          text.insert(at, piece);
          break;
        case 1:
          text.erase(at, 1 + random() % 4);
          break;
        case 2:
          text.replace(at, std::min(piece.size(), text.size() - at), piece);
          break;
        default: {  // a stretch of the text once more, elsewhere
          const std::string stretch = text.substr(at, 1 + random() % 12);
          text.insert(random() % (text.size() + 1), stretch);
        }
      }
    }
    out.push_back(text);
  }
  return out;
}

TEST(Xml, StandingAloneIsAFixpointOfParsing) {
  int parsed = 0;
  for (const std::string& body : mutants(20'000, 1)) {
    std::optional<Document> document;
    try {
      document = Document::parse(body);
    } catch (const Error& error) {
      ASSERT_EQ(error.status, 400);
      continue;
    }
    ++parsed;
    std::vector<Element> todo = {document->root()};
    while (!todo.empty()) {
      const Element element = todo.back();
      todo.pop_back();
      const std::string fragment = element.standalone();
      const Document again = Document::parse(fragment);
      ASSERT_EQ(again.root().standalone(), fragment) << body;
      ASSERT_EQ(shape(again.root()), shape(element)) << body;
      const Document inner =
          Document::parse("<D:owner xmlns:D='DAV:'>" + element.inner_standalone() + "</D:owner>");
      ASSERT_EQ(inner.root().text(), element.text());
      for (const Element& child : element.children()) todo.push_back(child);
    }
  }
  EXPECT_GT(parsed, 1'000) << "the mutants are too broken to show anything";
}

TEST(XmlPeer, ReadsTheSameFromAStandaloneRoot) {  // by canonical XML
  if (!test::Xmllint::installed()) GTEST_SKIP() << "xmllint (libxml2-utils) is not installed";
  std::vector<std::string> before;
  std::vector<std::string> after;
  for (const std::string& body : mutants(4'000, 3)) {
    // Canonical XML keeps comments beside the root; a standalone element does not.
    if (body.size() < 4 || body[0] != '<' || body[1] == '!' || body[1] == '?' ||
        body.back() != '>' || body[body.size() - 2] == '-' || body[body.size() - 2] == '?')
      continue;
    try {
      after.push_back(standalone(body));
      before.push_back(body);
    } catch (const Error&) {
      continue;
    }
  }
  ASSERT_GT(before.size(), 100U);
  EXPECT_EQ(test::Xmllint().run("--c14n", after, 1), test::Xmllint().run("--c14n", before, 1));
}

}  // namespace
}  // namespace holdfast::dav::xml
