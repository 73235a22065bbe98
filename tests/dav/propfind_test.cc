// PROPFIND (RFC 4918 §9.1, §15) and the form of its 207 that clients depend on (docs/clients.md
// R9–R20).
#include <algorithm>
#include <gmock/gmock.h>

#include "dav/headers.h"
#include "dav/propfind_cache.h"
#include "tests/dav/world.h"
#include "tests/support/faulty_store.h"

namespace holdfast::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

TEST(Propfind, ListsSelfFirstWithSlashesOnCollectionsOnly) {  // docs/clients.md R10, R11
  World w;
  w.mkcol("/c");
  w.put("/c/b");
  w.mkcol("/c/a");
  w.put("/c/a/deep");
  EXPECT_THAT(hrefs(w.send("PROPFIND", "/c/", {{"Depth", "0"}})), ElementsAre("/c/"));
  EXPECT_THAT(hrefs(w.send("PROPFIND", "/c/", {{"Depth", "1"}})),
              ElementsAre("/c/", "/c/a/", "/c/b"));
  EXPECT_THAT(hrefs(w.send("PROPFIND", "/c/b", {{"Depth", "1"}})), ElementsAre("/c/b"));
  for (const Headers& depth :
       {Headers{{"Depth", "infinity"}}, Headers{{"Depth", "Infinity"}}, Headers{}}) {  // R20, D3
    std::vector<std::string> all = hrefs(w.send("PROPFIND", "/", depth));
    ASSERT_FALSE(all.empty());
    EXPECT_EQ(all[0], "/");
    std::sort(all.begin(), all.end());
    EXPECT_THAT(all, ElementsAre("/", "/c/", "/c/a/", "/c/a/deep", "/c/b"));
  }
}

TEST(Propfind, SpellsThePrefixAsTheClientDid) {  // docs/clients.md R9, R22
  World w;
  w.mkcol("/a%20b");
  w.put("/a%20b/%C3%84");
  struct Row {
    const char* target;
    const char* self;
    const char* member;
  };
  const Row rows[] = {
      {"/a%20b", "/a%20b/", "/a%20b/%C3%84"},
      {"/a%20b/", "/a%20b/", "/a%20b/%C3%84"},
      {"/%61%20b", "/%61%20b/", "/%61%20b/%C3%84"},
      {"//a%20b", "/a%20b/", "/a%20b/%C3%84"},
      {"/a%20b//", "/a%20b//", "/a%20b//%C3%84"},
      {"http://localhost:8080/a%20b", "/a%20b/", "/a%20b/%C3%84"},
      {"/a%20b?x=1", "/a%20b/", "/a%20b/%C3%84"},
  };
  for (const Row& row : rows)
    EXPECT_THAT(hrefs(w.send("PROPFIND", row.target, {{"Depth", "1"}})),
                ElementsAre(row.self, row.member))
        << row.target;
}

TEST(Propfind, HasTheFormClientsParse) {  // docs/clients.md R12–R14
  World w;
  w.put("/f");
  const Answer answer =
      w.send("PROPFIND", "/f", {{"Depth", "0"}}, propfind("none getetag other resourcetype"));
  EXPECT_EQ(answer.header("Content-Type"), "application/xml; charset=utf-8");
  EXPECT_THAT(
      answer.body,
      StartsWith("<?xml version=\"1.0\" encoding=\"utf-8\"?><D:multistatus xmlns:D=\"DAV:\""));
  EXPECT_THAT(answer.body, Not(HasSubstr("xmlns=\"")));  // no default namespace
  EXPECT_THAT(answer.body, Not(HasSubstr(">\n")));       // compact
  EXPECT_THAT(answer.body, Not(HasSubstr("> <")));
  const MultistatusResponse response = single(answer);
  ASSERT_EQ(response.propstats.size(), 2U);
  EXPECT_EQ(response.propstats[0].status, "HTTP/1.1 200 OK");
  EXPECT_EQ(response.propstats[1].status, "HTTP/1.1 404 Not Found");
  EXPECT_EQ(response.propstats[0].properties.size(), 2U);
  EXPECT_EQ(response.propstats[1].properties.size(), 2U);
}

TEST(Propfind, HasOnlyOnePropstatWhenAllOrNoneIsFound) {  // docs/clients.md R12
  World w;
  w.put("/f");
  const auto all = w.properties("/f", "getetag");
  ASSERT_EQ(all.propstats.size(), 1U);
  EXPECT_EQ(all.propstats[0].code(), 200);
  const auto none = w.properties("/f", "nothing");
  ASSERT_EQ(none.propstats.size(), 1U);
  EXPECT_EQ(none.propstats[0].code(), 404);
  const auto empty =
      single(w.send("PROPFIND", "/f", {}, "<D:propfind xmlns:D=\"DAV:\"><D:prop/></D:propfind>"));
  ASSERT_EQ(empty.propstats.size(), 1U);  // §14.24: a response has a propstat or a status
  EXPECT_EQ(empty.propstats[0].code(), 200);
}

TEST(Propfind, GivesLivePropertiesOfAFile) {  // RFC 4918 §15, docs/clients.md R15–R17
  World w;
  w.put("/f.txt", "hello");
  const auto found = w.properties(
      "/f.txt",
      "creationdate displayname getcontentlength getcontenttype getetag getlastmodified "
      "lockdiscovery resourcetype supportedlock getcontentlanguage source");
  EXPECT_EQ(found.text("creationdate"), "2026-01-02T03:04:05Z");
  EXPECT_EQ(found.text("displayname"), "f.txt");
  EXPECT_EQ(found.text("getcontentlength"), "5");
  EXPECT_EQ(found.text("getcontenttype"), "text/plain; charset=utf-8");
  EXPECT_EQ(found.text("getetag"), w.etag("/f.txt"));
  EXPECT_EQ(found.text("getlastmodified"), "Fri, 02 Jan 2026 03:04:05 GMT");
  EXPECT_THAT(found.find("resourcetype")->children, ElementsAre());
  EXPECT_THAT(found.find("lockdiscovery")->children, ElementsAre());
  EXPECT_THAT(found.find("supportedlock")->children, ElementsAre("lockentry", "lockentry"));
  EXPECT_EQ(found.code("getcontentlanguage"), 404);
}

TEST(Propfind, GivesLivePropertiesOfACollection) {  // docs/clients.md R15–R17
  World w;
  w.mkcol("/c");
  const auto found = w.properties(
      "/c", "creationdate getcontentlength getcontenttype getetag getlastmodified resourcetype");
  EXPECT_THAT(found.find("resourcetype")->children, ElementsAre("collection"));
  EXPECT_EQ(found.code("getcontentlength"), 404);
  EXPECT_EQ(found.code("getcontenttype"), 404);
  EXPECT_EQ(found.code("getetag"), 404);
  EXPECT_EQ(found.text("getlastmodified"), "Fri, 02 Jan 2026 03:04:05 GMT");
  EXPECT_EQ(found.text("creationdate"), "2026-01-02T03:04:05Z");
}

TEST(Propfind, DisplaynameIsTheDecodedLastSegment) {  // docs/clients.md R19
  World w;
  w.put("/%C3%84%20%26%3C");
  EXPECT_EQ(w.properties("/%C3%84%20%26%3C", "displayname").text("displayname"), "Ä &<");
  EXPECT_EQ(w.properties("/", "displayname").code("displayname"), 404);  // it has none
  // One that a client sets is a dead property that hides it, until removed (RFC 4918 §15.2).
  EXPECT_EQ(w.status("PROPPATCH", "/", {}, set_properties("<D:displayname>Home</D:displayname>")),
            207);
  EXPECT_EQ(w.properties("/", "displayname").text("displayname"), "Home");
  const auto all = single(w.send("PROPFIND", "/", {{"Depth", "0"}}));
  EXPECT_EQ(all.text("displayname"), "Home");
  EXPECT_EQ(w.status("PROPPATCH", "/", {},
                     propertyupdate("<D:remove><D:prop><D:displayname/></D:prop></D:remove>")),
            207);
  EXPECT_EQ(w.properties("/", "displayname").code("displayname"), 404);
}

TEST(Propfind, QuotaComesWholeOrNotAtAll) {  // RFC 4331, docs/clients.md R18
  World w;
  w.put("/f", "12345");
  w.put("/g", "678");
  w.store.contents.set_space({.available = 1000, .total = 5000});
  const auto found = w.properties("/", "quota-available-bytes quota-used-bytes quota quotaused");
  EXPECT_EQ(found.text("quota-available-bytes"), "1000");
  EXPECT_EQ(found.text("quota-used-bytes"), "8");
  EXPECT_EQ(found.code("quota"), 404);
  EXPECT_EQ(found.code("quotaused"), 404);
}

TEST(Propfind, QuotaIsNeverNegative) {  // docs/clients.md R18
  dav::Options options;
  options.free_space_floor_bytes = 2000;
  World w(options);
  w.store.contents.set_space({.available = 1000, .total = 5000});
  EXPECT_EQ(w.properties("/", "quota-available-bytes").text("quota-available-bytes"), "0");
}

TEST(Propfind,
     AnEmptyBodyIsAllprop) {  // RFC 4918 §9.1, docs/clients.md R20, docs/robustness.md X11
  World w;
  w.put("/f");
  EXPECT_EQ(w.status("PROPPATCH", "/f", {}, set_properties("<x:p>v</x:p>")), 207);
  const auto plain = single(w.send("PROPFIND", "/f", {{"Depth", "0"}}));
  const Headers types[] = {{},
                           {{"Content-Type", "application/x-www-form-urlencoded"}},
                           {{"Content-Type", "text/plain"}},
                           {{"Content-Type", "application/json"}}};
  for (const Headers& type : types) {
    for (const char* body :
         {"", " \r\n\t", "<D:propfind xmlns:D=\"DAV:\"><D:allprop/></D:propfind>",
          "<propfind xmlns=\"DAV:\"><allprop/></propfind>"}) {
      const auto found = single(w.send("PROPFIND", "/f", Headers{{"Depth", "0"}} + type, body));
      ASSERT_EQ(found.propstats.size(), 1U);
      EXPECT_EQ(found.propstats[0].properties.size(), plain.propstats[0].properties.size());
      EXPECT_EQ(found.text("p", "urn:x"), "v");
      EXPECT_EQ(found.code("quota-used-bytes"), 0);                   // docs/clients.md R47
      EXPECT_EQ(found.code("checksums", std::string(kOwnCloud)), 0);  // docs/clients.md R47
    }
  }
}

TEST(Propfind, IncludeAddsToAllpropWithoutRepeating) {  // RFC 4918 §14.8
  World w;
  w.put("/f", "hello");
  const auto found = single(w.send(
      "PROPFIND", "/f", {{"Depth", "0"}},
      "<D:propfind xmlns:D=\"DAV:\" xmlns:oc=\"http://owncloud.org/ns\"><D:allprop/><D:include>"
      "<D:lastmodified/><D:getetag/><D:supportedlock/><oc:checksums/></D:include>"
      "</D:propfind>"));
  EXPECT_EQ(found.code("lastmodified"), 200);
  EXPECT_EQ(found.text("getetag"), w.etag("/f"));
  EXPECT_EQ(found.code("checksums", kOwnCloud), 200);
}

TEST(Propfind, PropnameListsNamesWithoutValues) {  // RFC 4918 §9.1.4
  World w;
  w.put("/f", "hello");
  EXPECT_EQ(
      w.status("PROPPATCH", "/f", {},
               set_properties("<x:p>v</x:p><n xmlns=\"\">v</n><D:displayname>d</D:displayname>")),
      207);
  const auto found = single(w.send("PROPFIND", "/f", {{"Depth", "0"}},
                                   "<D:propfind xmlns:D=\"DAV:\"><D:propname/></D:propfind>"));
  ASSERT_EQ(found.propstats.size(), 1U);
  for (const auto& [name, shown] : found.propstats[0].properties) {
    EXPECT_EQ(shown.text, "") << name.name;
    EXPECT_THAT(shown.children, ElementsAre()) << name.name;
  }
  for (const char* name :
       {"creationdate", "displayname", "getcontentlength", "getcontenttype", "getetag",
        "getlastmodified", "lockdiscovery", "resourcetype", "supportedlock"})
    EXPECT_EQ(found.code(name), 200) << name;
  EXPECT_EQ(found.code("p", "urn:x"), 200);
  EXPECT_EQ(found.code("n", ""), 200);
  const auto collection = single(
      w.send("PROPFIND", "/", {{"Depth", "0"}}, "<propfind xmlns=\"DAV:\"><propname/></propfind>"));
  EXPECT_EQ(collection.code("getcontentlength"), 0);
  EXPECT_EQ(collection.code("checksums", kOwnCloud), 0);
}

TEST(Propfind, EveryNameOfPropnameHasAValue) {  // RFC 4918 §9.1.4: the names defined
  World w;
  w.put("/f", "hello");
  w.mkcol("/c");
  for (const char* target : {"/f", "/c", "/"}) {
    const auto names = single(w.send("PROPFIND", target, {{"Depth", "0"}},
                                     "<propfind xmlns=\"DAV:\"><propname/></propfind>"));
    for (const auto& [name, shown] : names.propstats.at(0).properties) {
      const auto found =
          single(w.send("PROPFIND", target, {{"Depth", "0"}},
                        "<D:propfind xmlns:D=\"DAV:\"><D:prop><n:" + name.name + " xmlns:n=\"" +
                            name.xmlns + "\"/></D:prop></D:propfind>"));
      EXPECT_EQ(found.code(name.name, name.xmlns), 200) << target << name.name;
    }
  }
}

TEST(Propfind, RefusesWhatIsNoPropfind) {  // RFC 4918 §9.1, §14.20; docs/robustness.md X11, X15
  struct Row {
    const char* body;
    const char* why;
  };
  const Row rows[] = {
      {"<a/>", "wrong root"},
      {"<propfind/>", "no namespace"},
      {"<propfind xmlns=\"dav:\"><allprop/></propfind>", "wrong namespace"},
      {"<D:propfind xmlns:D=\"DAV:\"/>", "empty"},
      {"<D:propfind xmlns:D=\"DAV:\"><D:bogus/></D:propfind>", "nothing known"},
      {"<D:propfind xmlns:D=\"DAV:\"><D:allprop/><D:propname/></D:propfind>", "two"},
      {"<D:propfind xmlns:D=\"DAV:\"><D:prop/><D:allprop/></D:propfind>", "two"},
      {"<D:propfind xmlns:D=\"DAV:\"><D:prop/><D:include/></D:propfind>",
       "include without allprop"},
      {"{\"json\":1}", "JSON"},
      {"<html><body>", "not well-formed"},
      {"<!DOCTYPE a [<!ENTITY e \"x\">]><D:propfind xmlns:D=\"DAV:\"><D:allprop/></D:propfind>",
       "docs/robustness.md X1"},
      {"<propfind xmlns=\"DAV:\"><prop><x:y/></prop></propfind>", "unbound prefix"},
      {"<propfind xmlns=\"DAV:\"><prop><n xmlns:b=\"\"/></prop></propfind>",
       "litmus propfind_invalid"},
  };
  World w;
  for (const Row& row : rows)
    EXPECT_EQ(w.status("PROPFIND", "/", {{"Depth", "0"}}, row.body), 400) << row.why;
  // §17: what is unknown is ignored.
  EXPECT_EQ(w.status("PROPFIND", "/", {{"Depth", "0"}},
                     "<D:propfind xmlns:D=\"DAV:\"><D:allprop/><x xmlns=\"urn:y\"/></D:propfind>"),
            207);
  EXPECT_EQ(w.status("PROPFIND", "/", {{"Depth", "0"}},
                     "<D:propfind xmlns:D=\"DAV:\"><x:e xmlns:x=\"urn:y\"/><D:prop/></D:propfind>"),
            207);
}

TEST(Propfind, RefusesDepthsItDoesNotKnow) {  // docs/robustness.md D3
  World w;
  for (const char* depth : {"2", "-1", "Infinite", "infinity,0", "00", "", "1 0"})
    EXPECT_EQ(w.status("PROPFIND", "/", {{"Depth", depth}}), 400) << depth;
  EXPECT_EQ(w.status("PROPFIND", "/", {{"Depth", "0"}, {"Depth", "1"}}), 400);
}

TEST(Propfind, InfinityAboveItsLimitIsRefusedWhole) {  // docs/clients.md R48, RFC 4918 §9.1
  dav::Options options;
  options.propfind_infinity_limit = 3;
  World w(options);
  w.mkcol("/c");
  w.put("/c/f");
  EXPECT_EQ(multistatus(w.send("PROPFIND", "/", {{"Depth", "infinity"}})).size(), 3U);
  w.put("/c/g");
  const Answer refused = w.send("PROPFIND", "/", {{"Depth", "infinity"}});
  EXPECT_EQ(refused.status, 403);
  EXPECT_EQ(refusal(refused).precondition, "propfind-finite-depth");
  EXPECT_EQ(multistatus(w.send("PROPFIND", "/c", {{"Depth", "infinity"}})).size(), 3U);
  EXPECT_EQ(multistatus(w.send("PROPFIND", "/c/f", {{"Depth", "infinity"}})).size(), 1U);

  dav::Options none;
  none.propfind_infinity_limit = 0;
  World off(none);
  off.put("/f");
  EXPECT_EQ(off.status("PROPFIND", "/", {}), 403);
  EXPECT_EQ(off.status("PROPFIND", "/f", {}), 207);  // no collection
}

TEST(Propfind, MissingResourcesAre404AndNever207) {  // docs/clients.md R11
  World w;
  w.put("/f");
  for (const char* target : {"/none", "/none/", "/f/", "/f/x"})
    EXPECT_EQ(w.status("PROPFIND", target, {{"Depth", "0"}}), 404) << target;
}

TEST(Propfind, HonoursConditions) {  // RFC 4918 §10.4
  World w;
  w.put("/f");
  const Headers depth = {{"Depth", "0"}};
  EXPECT_EQ(w.status("PROPFIND", "/f", depth + Headers{{"If", "([" + w.etag("/f") + "])"}}), 207);
  EXPECT_EQ(w.status("PROPFIND", "/f", depth + Headers{{"If", "([\"a\"])"}}), 412);
  EXPECT_EQ(w.status("PROPFIND", "/f", depth + Headers{{"If", "nonsense"}}), 400);
  EXPECT_EQ(w.status("PROPFIND", "/f", depth + Headers{{"If-None-Match", "JoplinIgnore-1"}}), 207);
  EXPECT_EQ(w.status("PROPFIND", "/f", depth + Headers{{"If-Match", "\"a\""}}), 412);
}

TEST(Propfind, AllpropAsksTheStoreForNothingElse) {  // docs/clients.md R47: no quota, no checksums
  MemoryStore store;
  FaultPlan plan;
  FaultyNamespace names(store.names, plan);
  const dav::Engine engine(names, store.contents, {});
  DavClient dav(engine);
  ASSERT_EQ(dav.send("PUT", "/f", {}, "x").status, 201);
  const auto steps = [&](const std::string& body) {
    const std::uint64_t before = plan.steps();
    const Answer answer = dav.send("PROPFIND", "/", {{"Depth", "1"}}, body);
    EXPECT_EQ(answer.status, 207);
    return plan.steps() - before;
  };
  const std::uint64_t least = steps(propfind("resourcetype"));
  EXPECT_EQ(steps(""), least);
  EXPECT_GT(steps(propfind("quota-used-bytes")), least);
  EXPECT_FALSE(dav::PropFind::parse("", {}).wanted().checksums);
}

TEST(Propfind, ABodyThatCameBeforeMeansWhatItMeant) {
  dav::Options options;
  options.propfind_property_limit = 3;
  dav::xml::ParseSlots parses(1, std::chrono::seconds(1));
  dav::PropFindCache cache(options, parses);
  const auto meaning = [](const dav::PropFind& propfind) {
    std::string text = std::to_string(static_cast<int>(propfind.kind));
    for (const auto& asked : propfind.asked) {
      text += " {" + asked.name.xmlns + "}" + asked.name.name;
      if (asked.live) text += " " + std::string(asked.live->name);
    }
    return text;
  };
  std::vector<std::string> bodies = {"", " ", propfind("allprop"), propfind("getetag"),
                                     propfind(std::string(3000, 'p'))};
  for (int i = 0; i < 300; ++i) bodies.push_back(propfind("p" + std::to_string(i)));
  for (int look = 0; look < 3; ++look)
    for (const std::string& body : bodies)
      ASSERT_EQ(meaning(*cache.parse(body)), meaning(dav::PropFind::parse(body, options))) << body;
  for (int look = 0; look < 2; ++look)
    for (const std::string& bad : {std::string("<x/>"), propfind("a b c d")})
      EXPECT_THROW((void)cache.parse(bad), dav::Error) << bad;
}

TEST(Propfind,
     AllpropStaysSmall) {  // docs/clients.md R26: Windows refuses listings above 1,000,000 bytes
  World w;
  for (int i = 0; i < 1000; ++i) w.put("/document-" + std::to_string(i) + ".docx");
  EXPECT_LT(w.send("PROPFIND", "/", {{"Depth", "1"}}).body.size(), 1'000'000U);
}

TEST(Propfind, TooManyNamesAreRefused) {  // docs/robustness.md X17
  World w;
  std::string body = "<D:propfind xmlns:D=\"DAV:\"><D:prop>";
  for (int i = 0; i < 1000; ++i) body += "<D:p" + std::to_string(i) + "/>";
  const std::string end = "</D:prop></D:propfind>";
  EXPECT_EQ(w.status("PROPFIND", "/", {{"Depth", "0"}}, body + end), 207);
  EXPECT_EQ(w.status("PROPFIND", "/", {{"Depth", "0"}}, body + "<D:more/>" + end), 400);
  EXPECT_EQ(w.status("PROPFIND", "/", {{"Depth", "0"}}, body + "<D:p7/><D:p7/>" + end), 207);
}

TEST(Propfind, AnEndlessListingIsCutAndNeverLooksComplete) {  // docs/robustness.md X17
  dav::Options options;
  options.listing_limit_bytes = 100'000;
  World w(options);
  for (int i = 0; i < 300; ++i) w.put("/f" + std::to_string(i));
  EXPECT_FALSE(w.send("PROPFIND", "/", {{"Depth", "1"}}, propfind("getetag")).cut);
  const Answer answer = w.send("PROPFIND", "/", {{"Depth", "1"}});
  EXPECT_TRUE(answer.cut);
  EXPECT_THAT(answer.body, Not(HasSubstr("</D:multistatus>")));
}

TEST(Propfind, BodyHasAnExactLimit) {  // docs/robustness.md X8
  World w;
  const std::string body = propfind("getetag");
  const std::size_t limit = dav::Options{}.xml_limit_bytes;
  EXPECT_EQ(
      w.status("PROPFIND", "/", {{"Depth", "0"}}, body + std::string(limit - body.size(), ' ')),
      207);
  EXPECT_EQ(
      w.status("PROPFIND", "/", {{"Depth", "0"}}, body + std::string(limit - body.size() + 1, ' ')),
      413);
  StringBody endless(std::string(limit * 4, ' '));
  endless.chunked();
  EXPECT_EQ(w.dav.send("PROPFIND", "/", {{"Depth", "0"}}, endless).status, 413);
  EXPECT_LE(endless.consumed(), limit + 16 * 1024);
  StringBody cut(body);
  cut.ends(http::Body::State::truncated, 10);
  EXPECT_EQ(w.dav.send("PROPFIND", "/", {{"Depth", "0"}}, cut).status, 400);
}

TEST(Propfind, ChecksumsListWhatIsKnown) {  // docs/clients.md R43
  World w;
  EXPECT_EQ(w.status("PUT", "/f",
                     {{"OC-Checksum", "SHA1:aaf4c61ddcc5e8a2dabede0f3b482cd9aea9434d"}}, "hello"),
            201);
  w.put("/g", "hello");
  const std::string body =
      "<d:propfind xmlns:d=\"DAV:\" xmlns:oc=\"http://owncloud.org/ns\"><d:prop><oc:checksums/>"
      "</d:prop></d:propfind>";
  const auto text = [&](const char* target) {
    const auto found = single(w.send("PROPFIND", target, {{"Depth", "0"}}, body));
    const Shown* shown = found.find("checksums", kOwnCloud);
    if (!shown) return std::string();
    return dav::xml::Document::parse(shown->xml).root().children().at(0).text();
  };
  // rclone announces the one and compares the other.
  EXPECT_THAT(text("/f"), StartsWith("SHA1:aaf4c61ddcc5e8a2dabede0f3b482cd9aea9434d "
                                     "MD5:5d41402abc4b2a76b9719d911017c592 "));
  EXPECT_THAT(text("/f"),
              HasSubstr("SHA256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"));
  EXPECT_THAT(text("/g"), Not(HasSubstr("SHA1")));
  EXPECT_EQ(text("/"), "");
}

TEST(Propfind, IsASnapshot) {  // docs/design.md#life-of-a-request
  World w;
  for (int i = 0; i < 5; ++i) w.put("/f" + std::to_string(i));
  http::Request request;
  http::NoBody none;
  request.method = "PROPFIND";
  request.target = "/";
  request.fields.add("Depth", "1");
  request.body = &none;
  http::Response response = w.engine.handle(request, dav::anonymous_caller(storage::Right::write));
  EXPECT_EQ(w.status("DELETE", "/f0"), 204);
  EXPECT_EQ(w.status("MOVE", "/f1", {{"Destination", "/z"}}), 201);
  EXPECT_THAT(hrefs(render(std::move(response))),
              ElementsAre("/", "/f0", "/f1", "/f2", "/f3", "/f4"));
}

TEST(Propfind, CountsSeveralPropElementsAsOne) {
  World w;
  w.put("/f");
  const auto ask = [&](const std::string& inside) {
    return w.send("PROPFIND", "/f", {{"Depth", "0"}},
                  "<D:propfind xmlns:D=\"DAV:\">" + inside + "</D:propfind>");
  };
  const std::string etag = "<D:prop><D:getetag/></D:prop>";
  const std::string length = "<D:prop><D:getcontentlength/></D:prop>";
  for (const std::string& inside :
       {etag + length, length + etag, etag + length + etag, etag + "<D:prop/>" + length,
        etag + "<x xmlns=\"urn:x\"/>" + length, "<D:prop/>" + etag + length}) {
    const MultistatusResponse all = single(ask(inside));
    EXPECT_EQ(all.code("getetag"), 200) << inside;
    EXPECT_EQ(all.code("getcontentlength"), 200) << inside;
  }
  const MultistatusResponse more = single(ask(
      "<D:allprop/><D:include><D:quota-used-bytes/></D:include><D:include><D:owner/></D:include>"));
  EXPECT_EQ(more.code("owner"), 200);
  EXPECT_EQ(more.code("getetag"), 200);
  EXPECT_EQ(more.code("quota-used-bytes"), 0) << "a file's";
  for (const std::string& inside :
       {etag + "<D:allprop/>", "<D:propname/>" + etag, std::string("<D:allprop/><D:propname/>"),
        etag + "<D:include><D:owner/></D:include>", std::string()})
    EXPECT_EQ(ask(inside).status, 400) << inside;
}

TEST(Propfind, QuotasAreOfCollectionsOnly) {  // RFC 4331 §3, §4
  World w;
  w.put("/f", "12345");
  w.mkcol("/c");
  for (const char* name : {"quota-used-bytes", "quota-available-bytes"}) {
    EXPECT_EQ(w.properties("/f", name).code(name), 404);
    EXPECT_EQ(w.properties("/c", name).code(name), 200);
    EXPECT_EQ(w.properties("/", name).code(name), 200);
    const auto all = multistatus(w.send("PROPFIND", "/", {{"Depth", "1"}}, propfind(name)));
    for (const MultistatusResponse& each : all)
      EXPECT_EQ(each.code(name), each.href == "/f" ? 404 : 200) << each.href;
    EXPECT_EQ(single(w.send("PROPFIND", "/f", {{"Depth", "0"}})).code(name), 0) << "allprop";
  }
}

TEST(Propfind, HrefsBeginWithOneSlash) {  // RFC 3986 §4.2
  World w;
  w.mkcol("/q");
  w.put("/q/f");
  const struct {
    const char* target;
    const char* self;
    const char* member;
  } rows[] = {
      {"/q/", "/q/", "/q/f"},
      {"//q/", "/q/", "/q/f"},
      {"///q", "/q/", "/q/f"},
      {"//q//", "/q//", "/q//f"},
      {"/q//", "/q//", "/q//f"},
      {"//%71/", "/%71/", "/%71/f"},
      {"http://localhost:8080//q/", "/q/", "/q/f"},
      {"http://localhost:8080///%71", "/%71/", "/%71/f"},
  };
  for (const auto& row : rows) {
    const auto all = multistatus(w.send("PROPFIND", row.target, {{"Depth", "1"}}));
    ASSERT_EQ(all.size(), 2U) << row.target;
    EXPECT_EQ(all[0].href, row.self) << row.target;
    EXPECT_EQ(all[1].href, row.member) << row.target;
  }
  EXPECT_EQ(single(w.send("PROPFIND", "//", {{"Depth", "0"}})).href, "/");
  EXPECT_EQ(single(w.send("PROPPATCH", "//q/f", {}, set_properties("<x:p/>"))).href, "/q/f");
}

// Names that macOS and others make: "Icon" with a carriage return, tabs, line feeds.
TEST(Propfind, ShowsNamesWithControlCharacters) {
  const struct {
    const char* segment;
    int status;
  } rows[] = {
      {"Icon%0D", 201},  {"a%0Ab", 201}, {"a%09b", 201},  {"%1B%5B2J", 201},
      {"%7F", 201},      {"%01", 201},   {"%C2%85", 201}, {"%00", 400},
      {"a%00.txt", 400}, {"a%2Fb", 400}, {"%0", 400},     {"%0D%C3", 400},
  };
  World w;
  for (const auto& row : rows) {
    const std::string target = std::string("/") + row.segment;
    EXPECT_EQ(w.status("PUT", target, {}, "x"), row.status) << target;
    if (row.status != 201) continue;
    EXPECT_EQ(w.get(target), "x");
    for (const auto& [name, value] : w.send("GET", target).headers)
      for (const char c : value) EXPECT_FALSE(static_cast<unsigned char>(c) < 0x20) << name;
    const MultistatusResponse shown = single(w.send("PROPFIND", target, {{"Depth", "0"}}));
    EXPECT_EQ(shown.href, target);
    EXPECT_EQ(w.status("COPY", target, {{"Destination", target + "2"}}), 201);
    EXPECT_EQ(w.status("MOVE", target + "2", {{"Destination", target + "3"}}), 201);
    EXPECT_EQ(w.status("LOCK", target + "3", {}, lockinfo()), 200);
  }
  for (const MultistatusResponse& each : multistatus(w.send("PROPFIND", "/", {{"Depth", "1"}})))
    for (const char c : each.href) EXPECT_GE(c, 0x21) << each.href;
  const Answer page = w.send("GET", "/");
  EXPECT_EQ(page.body.find("\x1B"), std::string::npos);
  EXPECT_EQ(page.body.find("Icon\r"), std::string::npos);
  EXPECT_EQ(w.status("PUT", "/a\tb", {}, "x"), 400) << "raw";
}

}  // namespace
}  // namespace holdfast::test
