// PROPPATCH (RFC 4918 §9.2) and dead properties (§4).
#include <gmock/gmock.h>
#include <pthread.h>

#include "tests/dav/world.h"

namespace holdfast::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

std::string remove_properties(const std::string& properties) {
  return propertyupdate("<D:remove><D:prop>" + properties + "</D:prop></D:remove>");
}

// The element of a dead property as PROPFIND prop gives it.
std::string stored(World& w, const std::string& target, const std::string& name,
                   const std::string& xmlns) {
  const auto found = single(w.send("PROPFIND", target, {{"Depth", "0"}},
                                   "<D:propfind xmlns:D=\"DAV:\"><D:prop><" + name + " xmlns=\"" +
                                       xmlns + "\"/></D:prop></D:propfind>"));
  const Shown* shown = found.find(name, xmlns);
  return shown ? shown->xml : "";
}

TEST(Proppatch, AnswersA207WithOneResponse) {  // RFC 4918 §9.2, docs/clients.md R76
  World w;
  w.put("/f");
  w.mkcol("/c");
  for (const char* target : {"/f", "/c/", "/"}) {
    const Answer answer = w.send("PROPPATCH", target, {}, set_properties("<x:a>1</x:a><x:b/>"));
    EXPECT_EQ(answer.header("Content-Type"), "application/xml; charset=utf-8");
    const auto response = single(answer);
    EXPECT_EQ(response.href, target);
    ASSERT_EQ(response.propstats.size(), 1U);
    EXPECT_EQ(response.propstats[0].status, "HTTP/1.1 200 OK");
    EXPECT_EQ(response.code("a", "urn:x"), 200);
    EXPECT_EQ(response.code("b", "urn:x"), 200);
    EXPECT_EQ(response.propstats[0].properties.begin()->second.text, "");  // names only
  }
  EXPECT_EQ(single(w.send("PROPPATCH", "/c", {}, set_properties("<x:a/>"))).href, "/c/");
}

TEST(Proppatch, KeepsAnyXmlValue) {  // RFC 4918 §4.3, docs/robustness.md X9, X13
  struct Row {
    const char* property;  // as sent
    const char* text;      // character data directly inside
    std::size_t children;
  };
  const Row rows[] = {
      {"<x:p>plain</x:p>", "plain", 0},
      {"<x:p/>", "", 0},
      {"<x:p>  padded \n</x:p>", "  padded \n", 0},
      {"<x:p>a<x:q>b</x:q>c</x:p>", "ac", 1},
      {"<x:p><q xmlns=\"urn:other\" a=\"1\"><x:r/></q></x:p>", "", 1},
      {"<x:p><![CDATA[</D:prop><D:status>HTTP/1.1 200 OK]]></x:p>",
       "</D:prop><D:status>HTTP/1.1 200 OK", 0},
      {"<x:p>&lt;script&gt;]]&gt;\"'&amp;</x:p>", "<script>]]>\"'&", 0},
      {"<x:p>&#13;&#10;&#9;</x:p>", "\r\n\t", 0},
      {"<x:p>\xF0\x9F\x92\xBE &#x1F4BE;</x:p>", "\xF0\x9F\x92\xBE \xF0\x9F\x92\xBE", 0},
      {"<p xmlns=\"urn:x\" xmlns:e=\"urn:e\" e:a=\"v\">t</p>", "t", 0},
      {"<x:p xml:lang=\"de\">Hallo</x:p>", "Hallo", 0},
  };
  for (const Row& row : rows) {
    World w;
    w.put("/f");
    EXPECT_EQ(
        single(w.send("PROPPATCH", "/f", {}, set_properties(row.property))).code("p", "urn:x"), 200)
        << row.property;
    for (const char* body :
         {"", "<propfind xmlns=\"DAV:\"><prop><p xmlns=\"urn:x\"/></prop></propfind>"}) {
      const auto found = single(w.send("PROPFIND", "/f", {{"Depth", "0"}}, body));
      const Shown* shown = found.find("p", "urn:x");
      ASSERT_NE(shown, nullptr) << row.property;
      EXPECT_EQ(shown->text, row.text) << row.property;
      EXPECT_EQ(shown->children.size(), row.children) << row.property;
    }
    // Idempotent: storing what was read changes nothing.
    const std::string once = stored(w, "/f", "p", "urn:x");
    EXPECT_EQ(w.status("PROPPATCH", "/f", {}, set_properties(once)), 207);
    EXPECT_EQ(stored(w, "/f", "p", "urn:x"), once);
  }
}

TEST(Proppatch, KeepsTheLanguageInScope) {  // RFC 4918 §4.3, docs/robustness.md X14
  World w;
  w.put("/f");
  EXPECT_EQ(w.status("PROPPATCH", "/f", {},
                     propertyupdate("<D:set xml:lang=\"fr\"><D:prop><x:a>mot</x:a>"
                                    "<x:b xml:lang=\"de\">Wort</x:b></D:prop></D:set>")),
            207);
  EXPECT_THAT(stored(w, "/f", "a", "urn:x"), HasSubstr("xml:lang=\"fr\""));
  EXPECT_THAT(stored(w, "/f", "b", "urn:x"), HasSubstr("xml:lang=\"de\""));
}

TEST(Proppatch, KeepsNamesOfAnyNamespaceApart) {  // RFC 4918 §4.5
  World w;
  w.put("/f");
  EXPECT_EQ(w.status("PROPPATCH", "/f", {},
                     set_properties("<p xmlns=\"\">none</p><x:p>x</x:p><p xmlns=\"urn:y\">y</p>"
                                    "<D:p>dav</D:p><p xmlns=\"http://a&amp;b/%3C\">odd</p>")),
            207);
  const auto all = single(w.send("PROPFIND", "/f", {{"Depth", "0"}}));
  EXPECT_EQ(all.text("p", ""), "none");
  EXPECT_EQ(all.text("p", "urn:x"), "x");
  EXPECT_EQ(all.text("p", "urn:y"), "y");
  EXPECT_EQ(all.text("p", "DAV:"), "dav");
  EXPECT_EQ(all.text("p", "http://a&b/%3C"), "odd");
}

// A namespace name that is no URI would spoil every later listing for clients that write a name as
// {namespace}local (Namespaces in XML 1.0 §2.2). What is stored already can be removed.
TEST(Proppatch, RefusesANamespaceNameThatIsNoUri) {
  World w;
  w.put("/f");
  const auto set = [&](const std::string& xmlns) {
    return w.send("PROPPATCH", "/f", {}, set_properties("<p xmlns=\"" + xmlns + "\">x</p>"));
  };
  for (const char* good : {"", "DAV:", "urn:x", "http://h/a?b=c&amp;d#e", "relative/name", "x",
                           "%7B", "urn:\xC3\xA4", "a:b'(c)*;$!,[d]@"})
    EXPECT_EQ(set(good).status, 207) << good;
  for (const char* bad : {"a}b", "{urn:x}", "a b", "&lt;", "a&gt;b", "a&quot;b", "a\\b", "a^b",
                          "a`b", "a|b", "a&#9;b", "a&#10;b", " urn:x", "urn:x "}) {
    const Answer answer = set(bad);
    EXPECT_EQ(answer.status, 400) << bad;
    EXPECT_THAT(answer.body, testing::HasSubstr("no URI")) << bad;
  }
  EXPECT_EQ(w.status("PROPPATCH", "/f", {},
                     propertyupdate("<D:remove><D:prop><p xmlns=\"a}b\"/></D:prop></D:remove>")),
            207);
}

TEST(Proppatch, WorksInDocumentOrder) {  // RFC 4918 §9.2
  World w;
  w.put("/f");
  const auto patch = [&](const std::string& actions) {
    const auto response = single(w.send("PROPPATCH", "/f", {}, propertyupdate(actions)));
    EXPECT_EQ(response.propstats.size(), 1U);
    EXPECT_EQ(response.code("p", "urn:x"), 200);
  };
  const std::string set1 = "<D:set><D:prop><x:p>1</x:p></D:prop></D:set>";
  const std::string set2 = "<D:set><D:prop><x:p>2</x:p></D:prop></D:set>";
  const std::string remove = "<D:remove><D:prop><x:p/></D:prop></D:remove>";
  patch(set1 + set2);
  EXPECT_THAT(stored(w, "/f", "p", "urn:x"), HasSubstr(">2<"));
  patch(set2 + remove);
  EXPECT_EQ(stored(w, "/f", "p", "urn:x"), "");
  patch(remove + set1);
  EXPECT_THAT(stored(w, "/f", "p", "urn:x"), HasSubstr(">1<"));
  patch(remove);
  patch(remove);  // removing what is not there is no error (§14.23)
  EXPECT_EQ(stored(w, "/f", "p", "urn:x"), "");
}

TEST(Proppatch, EveryPropElementCounts) {
  // What is acknowledged was done, also where the DTD of §14.26 would have one DAV:prop.
  World w;
  w.put("/f");
  const auto response = single(w.send(
      "PROPPATCH", "/f", {},
      propertyupdate("<D:set><D:prop><x:a>1</x:a></D:prop><D:prop><x:b>2</x:b></D:prop></D:set>")));
  EXPECT_EQ(response.code("a", "urn:x"), 200);
  EXPECT_EQ(response.code("b", "urn:x"), 200);
  EXPECT_THAT(stored(w, "/f", "b", "urn:x"), HasSubstr(">2<"));
}

TEST(Proppatch, AnEmptyPropIsA207WithNothingInIt) {  // docs/clients.md R76, docs/robustness.md X14
  World w;
  w.put("/f");
  for (const char* actions : {"<D:set><D:prop/></D:set>", "<D:remove><D:prop></D:prop></D:remove>",
                              "<D:set>\n <D:prop>\n </D:prop>\n</D:set>"}) {
    const auto response = single(w.send("PROPPATCH", "/f", {}, propertyupdate(actions)));
    ASSERT_EQ(response.propstats.size(), 1U) << actions;
    EXPECT_EQ(response.propstats[0].code(), 200);
    EXPECT_TRUE(response.propstats[0].properties.empty());
  }
}

TEST(Proppatch, ProtectedPropertiesRefuseAll) {  // RFC 4918 §9.2, §16; docs/robustness.md D10, X14
  World w;
  w.put("/f");
  for (const char* name :
       {"creationdate", "getcontentlength", "getcontenttype", "getetag", "lockdiscovery",
        "resourcetype", "supportedlock", "quota-available-bytes", "quota-used-bytes"}) {
    const std::string element = "<D:" + std::string(name) + ">x</D:" + name + ">";
    const std::string before = w.dump();
    for (const std::string& body :
         {set_properties("<x:a>1</x:a>" + element + "<x:b>2</x:b>"),
          propertyupdate("<D:set><D:prop><x:a>1</x:a></D:prop></D:set><D:remove><D:prop>" +
                         element +
                         "</D:prop></D:remove><D:set><D:prop><x:b>2</x:b></D:prop>"
                         "</D:set>")}) {
      const auto response = single(w.send("PROPPATCH", "/f", {}, body));
      EXPECT_EQ(response.code(name), 403) << name;
      EXPECT_EQ(response.code("a", "urn:x"), 424) << name;
      EXPECT_EQ(response.code("b", "urn:x"), 424) << name;
      EXPECT_THAT(response.propstats[0].errors, ElementsAre("cannot-modify-protected-property"));
      EXPECT_EQ(response.propstats[1].status, "HTTP/1.1 424 Failed Dependency");
      EXPECT_EQ(w.dump(), before) << name;
    }
  }
}

TEST(Proppatch, OneFailureAmongFiftyAppliesNone) {  // docs/robustness.md D10
  for (const std::size_t bad : {0U, 24U, 49U}) {
    for (const char* failing :
         {"<D:getetag>x</D:getetag>", "<D:lastmodified>never</D:lastmodified>",
          "<x:large>LARGE</x:large>"}) {
      World w;
      w.put("/f");
      std::string body;
      for (std::size_t i = 0; i < 50; ++i) {
        const std::string name = "x:p" + std::to_string(i);
        body += i == bad ? std::string(failing) : "<" + name + ">" + name + "</" + name + ">";
      }
      if (const std::size_t at = body.find("LARGE"); at != std::string::npos)
        body.replace(at, 5, std::string(64 * 1024, 'v'));
      const std::string before = w.dump();
      const auto response = single(w.send("PROPPATCH", "/f", {}, set_properties(body)));
      ASSERT_EQ(response.propstats.size(), 2U) << failing;
      EXPECT_NE(response.propstats[0].code(), 200) << failing;
      EXPECT_EQ(response.propstats[0].properties.size(), 1U) << failing;
      EXPECT_EQ(response.propstats[1].code(), 424) << failing;
      EXPECT_EQ(response.propstats[1].properties.size(), 49U) << failing;
      EXPECT_EQ(w.dump(), before) << failing;
    }
  }
}

TEST(Proppatch, TheDeepestValueNeedsLittleStack) {  // docs/robustness.md X4
  World w;
  w.put("/f");
  struct Job {
    World& w;
    std::string value, read_back;
    int set = 0, too_deep = 0, deepest = 0;
  } job{.w = w, .value = {}, .read_back = {}};
  const auto nested = [](int levels) {
    std::string text;
    for (int i = 0; i < levels; ++i) text += "<x:v" + std::to_string(i) + ">";
    text += "deep";
    for (int i = levels; i > 0; --i) text += "</x:v" + std::to_string(i - 1) + ">";
    return text;
  };
  // propertyupdate, set and prop are the other three of 64 levels.
  job.value = nested(61);
  pthread_attr_t attributes;
  ASSERT_EQ(pthread_attr_init(&attributes), 0);
  ASSERT_EQ(pthread_attr_setstacksize(&attributes, 256 * 1024), 0);
  const auto run = [](void* argument) -> void* {
    auto& [world, value, read_back, set, too_deep, deepest] = *static_cast<Job*>(argument);
    set = world.status("PROPPATCH", "/f", {}, set_properties(value));
    too_deep = world.status("PROPPATCH", "/f", {}, set_properties("<x:w>" + value + "</x:w>"));
    std::string million;
    for (int i = 0; i < 250'000; ++i) million += "<a>";
    deepest = world.status("PROPPATCH", "/f", {}, million);
    read_back = world.send("PROPFIND", "/f", {{"Depth", "0"}}).body;
    return nullptr;
  };
  pthread_t thread{};
  ASSERT_EQ(pthread_create(&thread, &attributes, run, &job), 0);
  pthread_join(thread, nullptr);
  pthread_attr_destroy(&attributes);
  EXPECT_EQ(job.set, 207);
  EXPECT_EQ(job.too_deep, 400);
  EXPECT_EQ(job.deepest, 400);
  const std::size_t inside = job.value.find("<x:v1>");
  EXPECT_THAT(job.read_back,
              HasSubstr(job.value.substr(inside, job.value.find("</x:v0>") - inside)));
}

TEST(Proppatch, HrefsInBodiesAreOnlyText) {  // docs/robustness.md X15
  World w;
  w.put("/f");
  w.put("/other", "other");
  for (const char* href : {"http://elsewhere.example/x", "/../../etc/passwd", "/%2e%2e/x", "/other",
                           "file:///etc/passwd", "//127.0.0.1:1/"}) {
    const std::string value = "<D:href>" + std::string(href) + "</D:href>";
    EXPECT_EQ(single(w.send("PROPPATCH", "/f", {}, set_properties("<x:p>" + value + "</x:p>")))
                  .code("p", "urn:x"),
              200);
    EXPECT_THAT(stored(w, "/f", "p", "urn:x"), HasSubstr(href));
    const Answer lock = w.send("LOCK", "/f", {}, lockinfo("exclusive", value));
    EXPECT_EQ(lock.status, 200);
    EXPECT_EQ(granted(lock).at(0).root, "/f") << "no href of the body's";
    EXPECT_EQ(w.status("UNLOCK", "/f", {{"Lock-Token", "<" + lock.lock_token() + ">"}}), 204);
    EXPECT_EQ(single(w.send("PROPFIND", "/f", {{"Depth", "0"}},
                            "<D:propfind xmlns:D=\"DAV:\"><D:prop><D:getetag/>" + value +
                                "</D:prop></D:propfind>"))
                  .href,
              "/f");
  }
  EXPECT_EQ(w.get("/other"), "other");
}

TEST(Proppatch, RefusesWhatIsNoPropertyupdate) {  // RFC 4918 §14.19, docs/robustness.md X11, X12
  std::string namespaces = "<D:propertyupdate xmlns:D=\"DAV:\"";
  for (int i = 0; i < 10'000; ++i)
    namespaces += " xmlns:n" + std::to_string(i) + "=\"urn:" + std::to_string(i) + "\"";
  namespaces += "><D:set><D:prop><n1:p/></D:prop></D:set></D:propertyupdate>";
  const std::string bodies[] = {
      "",
      " ",
      "<a/>",
      "not xml",
      "{}",
      "<propertyupdate/>",
      propertyupdate(""),
      propertyupdate("<D:bogus/>"),
      propertyupdate("<D:set/>"),
      propertyupdate("<D:set><x:y/></D:set>"),
      propertyupdate("<D:set><D:prop><y:z/></D:prop></D:set>"),
      namespaces,
  };
  World w;
  w.put("/f");
  const std::string before = w.dump();
  for (const std::string& body : bodies)
    EXPECT_EQ(w.status("PROPPATCH", "/f", {}, body), 400) << body.substr(0, 200);
  EXPECT_EQ(w.dump(), before);
}

TEST(Proppatch, HonoursUrlsConditionsAndLocks) {
  World w;
  w.put("/f");
  const std::string body = set_properties("<x:a>1</x:a>");
  EXPECT_EQ(w.status("PROPPATCH", "/none", {}, body), 404);
  EXPECT_EQ(w.status("PROPPATCH", "/f/", {}, body), 404);  // docs/robustness.md P14
  EXPECT_EQ(w.status("PROPPATCH", "/f", {{"If-Match", "\"a\""}}, body), 412);
  EXPECT_EQ(w.status("PROPPATCH", "/f", {{"Content-Type", "application/json"}}, body), 207);
  const std::string token = w.lock("/f");
  EXPECT_EQ(w.status("PROPPATCH", "/f", {}, body), 423);
  EXPECT_EQ(w.status("PROPPATCH", "/f", with_token(token), body), 207);  // docs/clients.md R75
  EXPECT_EQ(w.status("PROPPATCH", "/f", {{"Lock-Token", "<" + token + ">"}}, body), 207);
}

TEST(Proppatch, SetsTheModificationDate) {  // docs/clients.md R44
  struct Row {
    const char* property;
    const char* last_modified;
  };
  const Row rows[] = {
      {"<D:lastmodified>1700000001</D:lastmodified>", "Tue, 14 Nov 2023 22:13:21 GMT"},
      {"<D:getlastmodified>Tue, 14 Nov 2023 22:13:22 GMT</D:getlastmodified>",
       "Tue, 14 Nov 2023 22:13:22 GMT"},
      {"<Z:Win32LastModifiedTime>Tue, 14 Nov 2023 22:13:23 GMT</Z:Win32LastModifiedTime>",
       "Tue, 14 Nov 2023 22:13:23 GMT"},
      {"<D:lastmodified> 1700000004 </D:lastmodified>", "Tue, 14 Nov 2023 22:13:24 GMT"},
  };
  World w;
  w.put("/f");
  w.mkcol("/c");
  const std::string tag = w.etag("/f");
  for (const char* target : {"/f", "/c"}) {
    for (const Row& row : rows) {
      const auto response = single(w.send("PROPPATCH", target, {}, set_properties(row.property)));
      EXPECT_EQ(response.propstats.size(), 1U);
      EXPECT_EQ(response.propstats[0].code(), 200) << row.property;
      EXPECT_EQ(w.properties(target, "getlastmodified").text("getlastmodified"), row.last_modified);
      const std::string read = target == std::string("/c") ? "/c/" : target;
      EXPECT_EQ(w.send("HEAD", read).header("Last-Modified"), row.last_modified);
    }
  }
  EXPECT_EQ(w.etag("/f"), tag);  // docs/storage.md#entity-tags
}

TEST(Proppatch,
     TakesTheChecksumsThatAreTrue) {  // docs/clients.md R43: rclone sends them with a date
  dav::Options options;
  options.checksums.sha1 = true;  // and not MD5
  World w(options);
  w.mkcol("/c");
  w.put("/f", "hello");
  const auto patch = [&](const char* target, const std::string& checksum) {
    return single(
        w.send("PROPPATCH", target, {},
               set_properties("\n   <lastmodified xmlns=\"DAV:\">1700000001</lastmodified>\n"
                              "   <oc:checksums xmlns:oc=\"http://owncloud.org/ns\">\n"
                              "    <oc:checksum>" +
                              checksum + "</oc:checksum>\n   </oc:checksums>\n")));
  };
  struct Case {
    std::string checksum;
    int status;
  };
  const std::vector<Case> cases = {
      {"SHA1:" + std::string(40, '0'), 409},
      {"SHA256:" + std::string(64, '0'), 409},
      {"SHA1:aaf4c6", 409},
      {"SHA1:aaf4c61ddcc5e8a2dabede0f3b482cd9aea9434d", 200},
      {"sha1:AAF4C61DDCC5E8A2DABEDE0F3B482CD9AEA9434D", 200},
      {"MD5:" + std::string(32, '0'), 200},  // not known, so not contradicted
      {"ADLER32:062c0215", 200},
      {"", 200},
  };
  for (const Case& c : cases) {
    const std::string before = w.dump();
    const auto answer = patch("/f", c.checksum);
    EXPECT_EQ(answer.code("checksums", kOwnCloud), c.status) << c.checksum;
    EXPECT_EQ(answer.code("lastmodified"), c.status == 200 ? 200 : 424) << c.checksum;
    if (c.status != 200) {
      EXPECT_EQ(w.dump(), before) << c.checksum;
    }
  }
  EXPECT_EQ(w.send("HEAD", "/f").header("Last-Modified"), "Tue, 14 Nov 2023 22:13:21 GMT");
  // Nothing that was not verified is given back, and nothing is kept twice.
  EXPECT_EQ(w.send("HEAD", "/f").header("OC-Checksum"),
            "SHA1:aaf4c61ddcc5e8a2dabede0f3b482cd9aea9434d");
  EXPECT_THAT(w.send("PROPFIND", "/f", {{"Depth", "0"}}).body, Not(HasSubstr("checksum")));
  EXPECT_EQ(patch("/c", "").code("checksums", kOwnCloud), 403);
  EXPECT_EQ(
      single(w.send("PROPPATCH", "/f", {},
                    propertyupdate("<D:remove><D:prop><oc:checksums "
                                   "xmlns:oc=\"http://owncloud.org/ns\"/></D:prop></D:remove>")))
          .code("checksums", kOwnCloud),
      403);
}

TEST(Proppatch, RefusesDatesThatAreNone) {  // RFC 4918 §9.2.1: 409 for a value that makes no sense
  World w;
  w.put("/f");
  const std::string before = w.dump();
  for (const char* property :
       {"<D:lastmodified>soon</D:lastmodified>", "<D:lastmodified>-</D:lastmodified>",
        "<D:lastmodified>99999999999999999999</D:lastmodified>",
        "<D:getlastmodified>yesterday</D:getlastmodified>", "<D:getlastmodified/>"}) {
    const auto response = single(w.send("PROPPATCH", "/f", {}, set_properties(property)));
    EXPECT_EQ(response.propstats[0].code(), 409) << property;
    EXPECT_EQ(w.dump(), before);
  }
  EXPECT_EQ(single(w.send("PROPPATCH", "/f", {}, remove_properties("<D:getlastmodified/>")))
                .code("getlastmodified"),
            403);
}

TEST(Proppatch, KeepsWhatWindowsWrites) {  // docs/clients.md R76
  World w;
  w.put("/f");
  const std::string date = "Tue, 14 Nov 2023 22:13:20 GMT";
  const auto response =
      single(w.send("PROPPATCH", "/f", {},
                    set_properties("<Z:Win32CreationTime>" + date +
                                   "</Z:Win32CreationTime><Z:Win32LastAccessTime>" + date +
                                   "</Z:Win32LastAccessTime><Z:Win32LastModifiedTime>" + date +
                                   "</Z:Win32LastModifiedTime><Z:Win32FileAttributes>00000020"
                                   "</Z:Win32FileAttributes>")));
  ASSERT_EQ(response.propstats.size(), 1U);
  EXPECT_EQ(response.propstats[0].code(), 200);
  EXPECT_EQ(response.propstats[0].properties.size(), 4U);
  const auto all = single(w.send("PROPFIND", "/f", {{"Depth", "0"}}));
  EXPECT_EQ(all.text("Win32CreationTime", kMicrosoft), date);
  EXPECT_EQ(all.text("Win32FileAttributes", kMicrosoft), "00000020");
  EXPECT_EQ(all.text("getlastmodified"), date);
}

TEST(Proppatch, LetsOfficeDateItsLockedFileWithoutTheToken) {  // docs/clients.md R72
  World w;
  w.put("/f");
  const auto lock = [&](const std::string& who) {
    return w.send_as(who, "LOCK", "/f", {}, lockinfo()).lock_token();
  };
  const std::string win32 =
      set_properties("<Z:Win32FileAttributes>00000020</Z:Win32FileAttributes>");
  const std::string mixed =
      set_properties("<Z:Win32FileAttributes>00000020</Z:Win32FileAttributes><x:a>1</x:a>");
  const std::string token = lock("ann");
  EXPECT_EQ(w.send_as("ann", "PROPPATCH", "/f", {}, win32).status, 207);
  EXPECT_EQ(w.send_as("ann", "PROPPATCH", "/f", {}, mixed).status, 423);
  EXPECT_EQ(w.send_as("bob", "PROPPATCH", "/f", {}, win32).status, 423);
  EXPECT_EQ(w.send_as("", "PROPPATCH", "/f", {}, win32).status, 423);
  EXPECT_EQ(w.send_as("ann", "UNLOCK", "/f", {{"Lock-Token", "<" + token + ">"}}).status, 204);
  lock("");  // for anonymous clients the token alone decides
  EXPECT_EQ(w.send_as("", "PROPPATCH", "/f", {}, win32).status, 423);
}

TEST(Proppatch, HasExactLimits) {  // docs/robustness.md D9
  World w;
  w.put("/f");
  const auto element = [](std::size_t bytes) {
    const std::string empty = "<n:p xmlns:n=\"urn:l\"></n:p>";
    return "<n:p xmlns:n=\"urn:l\">" + std::string(bytes - empty.size(), 'v') + "</n:p>";
  };
  EXPECT_EQ(
      single(w.send("PROPPATCH", "/f", {}, set_properties(element(64 * 1024)))).code("p", "urn:l"),
      200);
  EXPECT_EQ(stored(w, "/f", "p", "urn:l").size(), 64U * 1024);
  const auto refused =
      single(w.send("PROPPATCH", "/f", {}, set_properties("<x:a/>" + element(64 * 1024 + 1))));
  EXPECT_EQ(refused.code("p", "urn:l"), 507);
  EXPECT_EQ(refused.code("a", "urn:x"), 424);

  World full;
  full.put("/f");
  std::string many;
  for (int i = 0; i < 512; ++i) many += "<x:p" + std::to_string(i) + "/>";
  EXPECT_EQ(single(full.send("PROPPATCH", "/f", {}, set_properties(many))).propstats[0].code(),
            200);
  const std::string before = full.dump();
  EXPECT_EQ(
      single(full.send("PROPPATCH", "/f", {}, set_properties("<x:more/>"))).code("more", "urn:x"),
      507);
  EXPECT_EQ(full.dump(), before);
  EXPECT_EQ(single(full.send("PROPPATCH", "/f", {}, set_properties("<x:p7>new</x:p7>")))
                .code("p7", "urn:x"),
            200);
  EXPECT_EQ(single(full.send("PROPPATCH", "/f", {},
                             propertyupdate("<D:remove><D:prop><x:p0/></D:prop></D:remove>"
                                            "<D:set><D:prop><x:more/></D:prop></D:set>")))
                .code("more", "urn:x"),
            200);
}

TEST(Proppatch, TotalOfPropertiesIsLimited) {  // docs/robustness.md D9: 1 MiB for one resource
  World w;
  w.put("/f");
  int stored_count = 0;
  for (int i = 0; i < 20; ++i) {
    const std::string name = "p" + std::to_string(i);
    const auto response = single(w.send(
        "PROPPATCH", "/f", {},
        set_properties("<x:" + name + ">" + std::string(60'000, 'v') + "</x:" + name + ">")));
    if (response.code(name, "urn:x") == 200) ++stored_count;
  }
  EXPECT_EQ(stored_count, 17);  // 17 × 60 KB fit into 1 MiB
}

TEST(Proppatch, TwoThousandInstructionsWorkAndMoreAreRefused) {  // docs/robustness.md X14
  World w;
  w.put("/f");
  std::string body;
  for (int i = 0; i < 2000; ++i) body += "<x:p>" + std::to_string(i) + "</x:p>";
  EXPECT_EQ(w.status("PROPPATCH", "/f", {}, set_properties(body)), 207);
  EXPECT_THAT(stored(w, "/f", "p", "urn:x"), HasSubstr(">1999<"));
  EXPECT_EQ(w.status("PROPPATCH", "/f", {}, set_properties(body + "<x:p/>")), 400);
}

TEST(Proppatch,
     PropertiesTravelWithCopyAndMove) {  // RFC 4918 §9.8.2, §9.9.1; docs/robustness.md D13
  World w;
  w.put("/f");
  w.put("/old");
  EXPECT_EQ(w.status("PROPPATCH", "/f", {}, set_properties("<x:p>f</x:p>")), 207);
  EXPECT_EQ(w.status("PROPPATCH", "/old", {}, set_properties("<x:q>stale</x:q>")), 207);
  EXPECT_EQ(w.status("COPY", "/f", {{"Destination", "/copy"}}), 201);
  EXPECT_EQ(w.status("MOVE", "/f", {{"Destination", "/old"}}), 204);
  for (const char* target : {"/copy", "/old"})
    EXPECT_THAT(stored(w, target, "p", "urn:x"), HasSubstr(">f<")) << target;
  EXPECT_EQ(stored(w, "/old", "q", "urn:x"), "");
}

}  // namespace
}  // namespace holdfast::test
