// MKCOL and DELETE (RFC 4918 §9.3, §9.6), and names of every kind
// (docs/robustness.md#paths-and-names).
#include <gmock/gmock.h>

#include "dav/path.h"
#include "dav/xml/output.h"
#include "tests/dav/world.h"

namespace holdfast::test {
namespace {

using testing::HasSubstr;

TEST(Mkcol, TellsApartWhyItCannot) {  // RFC 4918 §9.3.1
  struct Row {
    const char* target;
    Headers headers;
    const char* body;
    int status;
    const char* source;
  };
  const Row rows[] = {
      {"/c", {}, "", 405, "docs/clients.md R50"},
      {"/c/", {}, "", 405, "docs/clients.md R50"},
      {"/f", {}, "", 405, "docs/clients.md R50"},
      {"/f/", {}, "", 405, "docs/robustness.md P14"},
      {"/", {}, "", 405, "docs/clients.md R50"},
      {"/c", {{"If-None-Match", "JoplinIgnore-1"}}, "", 405, "docs/clients.md R34, R50"},
      {"/c",
       {{"If-Match", "\"a\""}},
       "",
       405,
       "docs/clients.md R50: whether it exists comes first"},
      {"/locked/in", {}, "", 405, "docs/clients.md R50: before locks"},
      {"/none/x", {}, "", 409, "docs/clients.md R52"},
      {"/none/x/", {}, "", 409, "docs/clients.md R52"},
      {"/f/x", {}, "", 409, "§9.3.1: the parent is a file"},
      {"/new", {}, "<x/>", 415, "§9.3.1, docs/robustness.md D1"},
      {"/c", {}, "<x/>", 405, "docs/clients.md R50"},
      {"/locked/new", {}, "", 423, "§7.4"},
      {"/new", {{"If-Match", "*"}}, "", 412, "RFC 9110 §13.1.1"},
      {"/new", {{"If", "<"}}, "", 400, "§10.4"},
  };
  World w;
  w.mkcol("/c");
  w.put("/f");
  w.mkcol("/locked");
  w.mkcol("/locked/in");
  w.lock("/locked", "0");
  const std::string before = w.dump();
  for (const Row& row : rows) {
    const Answer answer = w.send("MKCOL", row.target, row.headers, row.body);
    EXPECT_EQ(answer.status, row.status) << row.target << " " << row.source;
    EXPECT_EQ(w.dump(), before);
    if (row.status == 405) {
      EXPECT_THAT(answer.header("Allow"), HasSubstr("PROPFIND"));
    }
  }
}

TEST(Mkcol, Answers201WithOrWithoutASlashOrAType) {  // docs/clients.md R21, R22, R51
  World w;
  EXPECT_EQ(w.status("MKCOL", "/a"), 201);
  EXPECT_EQ(w.status("MKCOL", "/b/"), 201);
  EXPECT_EQ(w.status("MKCOL", "/c", {{"Content-Type", "text/xml"}}), 201);
  EXPECT_EQ(w.status("MKCOL", "/d/", {{"If-None-Match", "*"}}), 201);
  StringBody nothing("");
  nothing.chunked();
  EXPECT_EQ(w.dav.send("MKCOL", "/e", {}, nothing).status, 201);
  for (const char* target : {"/a", "/a/", "/b", "/b/", "/c", "/d", "/e"})
    EXPECT_EQ(w.status("GET", target), 200) << target;
}

TEST(Delete, TellsApartWhyItCannot) {
  struct Row {
    const char* target;
    Headers headers;
    int status;
    const char* source;
  };
  const Row rows[] = {
      {"/none", {}, 404, "docs/clients.md R55, docs/robustness.md D1"},
      {"/none/x", {}, 404, "docs/clients.md R55"},
      {"/f/", {}, 404, "docs/robustness.md P14"},
      {"/f/x", {}, 404, ""},
      {"/", {}, 403, "docs/robustness.md D4"},
      {"//", {}, 403, "docs/robustness.md D4"},
      {"/c", {{"Depth", "0"}}, 400, "RFC 4918 §9.6.1"},
      {"/c", {{"Depth", "1"}}, 400, "RFC 4918 §9.6.1"},
      {"/c", {{"Depth", "two"}}, 400, "docs/robustness.md D3"},
      {"/f#x", {}, 400, "docs/robustness.md P8"},
      {"/f", {{"If-Match", "\"a\""}}, 412, "docs/clients.md R36"},
      {"/f", {{"If", "([\"a\"])"}}, 412, "RFC 4918 §10.4"},
      {"/f", {{"If", "</c> (<urn:x:y>)"}}, 412, "RFC 4918 §10.4: a tagged list that is false"},
      {"/l", {}, 423, "RFC 4918 §7.5"},
  };
  World w;
  w.mkcol("/c");
  w.put("/f");
  w.put("/l");
  w.lock("/l");
  const std::string before = w.dump();
  for (const Row& row : rows) {
    EXPECT_EQ(w.status("DELETE", row.target, row.headers), row.status)
        << row.target << " " << row.source;
    EXPECT_EQ(w.dump(), before);
  }
}

TEST(Delete, TakesTheWholeTree) {  // RFC 4918 §9.6.1
  World w;
  w.put("/f");
  EXPECT_EQ(w.status("DELETE", "/f"), 204);  // the date of the root says that a member went
  const std::string empty = w.dump();
  for (const Headers& headers :
       {Headers{}, Headers{{"Depth", "infinity"}}, Headers{{"Depth", "Infinity"}}}) {
    w.mkcol("/c");
    w.mkcol("/c/d");
    w.put("/c/d/f");
    w.put("/c/f");
    EXPECT_EQ(w.status("DELETE", "/c/", headers), 204);
    for (const char* target : {"/c", "/c/d", "/c/d/f", "/c/f"})
      EXPECT_EQ(w.status("HEAD", target), 404);
    EXPECT_EQ(w.dump(), empty);
  }
  w.put("/f");
  EXPECT_EQ(w.status("DELETE", "/f", {{"Depth", "0"}}), 204);  // a file has no members
}

TEST(Delete, HonoursTaggedLists) {  // RFC 4918 §10.4.3
  World w;
  w.mkcol("/c");
  w.put("/c/f");
  w.put("/other");
  const std::string token = w.lock("/c/f");
  EXPECT_EQ(w.status("DELETE", "/c", with_token(token)), 412);  // not a lock on /c
  EXPECT_EQ(w.status("DELETE", "/c", with_token("/c/f", token)), 204);
  w.mkcol("/c");
  w.put("/c/f");
  EXPECT_EQ(w.status("DELETE", "/c",
                     {{"If", "</other> ([\"a\"]) <http://localhost:8080/c/f> ([" + w.etag("/c/f") +
                                 "])"}}),
            204);
}

TEST(Delete,
     RemovesLocksAndPropertiesWithTheResource) {  // docs/clients.md R57, docs/robustness.md L3
  World w;
  w.put("/f");
  EXPECT_EQ(w.status("PROPPATCH", "/f", {}, set_properties("<x:p>v</x:p>")), 207);
  const std::string token = w.lock("/f");
  EXPECT_EQ(w.status("DELETE", "/f", with_token(token)), 204);
  EXPECT_EQ(w.status("PUT", "/f", {}, "new"), 201);
  EXPECT_TRUE(w.locks_of("/f").empty());
  EXPECT_EQ(single(w.send("PROPFIND", "/f", {{"Depth", "0"}})).code("p", "urn:x"), 0);
  EXPECT_EQ(w.status("UNLOCK", "/f", {{"Lock-Token", "<" + token + ">"}}), 409);
}

// Windows shows an empty folder after a redirect, Finder ENOENT, rclone "not found".
TEST(Collections, AnswerInPlaceWithAndWithoutTheSlash) {  // docs/clients.md R22
  struct Row {
    const char* method;
    Headers headers;
    std::string body;
    int status;
  };
  const Row rows[] = {
      {"OPTIONS", {}, "", 200},
      {"GET", {}, "", 200},
      {"HEAD", {}, "", 200},
      {"PROPFIND", {{"Depth", "1"}}, "", 207},
      {"PROPPATCH", {}, set_properties("<x:p/>"), 207},
      {"PUT", {}, "x", 405},
      {"MKCOL", {}, "", 405},
      {"LOCK", {}, lockinfo(), 200},
      {"COPY", {{"Destination", "/new"}}, "", 201},
      {"COPY", {{"Destination", "/new/"}}, "", 201},
      {"MOVE", {{"Destination", "/new"}}, "", 201},
      {"MOVE", {{"Destination", "/new/"}}, "", 201},
      {"DELETE", {}, "", 204},
  };
  for (const Row& row : rows) {
    for (const char* target : {"/c", "/c/", "/c//"}) {
      World w;
      w.mkcol("/c");
      w.put("/c/f");
      const Answer answer = w.send(row.method, target, row.headers, row.body);
      EXPECT_EQ(answer.status, row.status) << row.method << " " << target;
      EXPECT_EQ(answer.header("Location"), "") << row.method << " " << target;
      if (row.method == std::string("LOCK")) {
        EXPECT_EQ(w.status("UNLOCK", "/c", {{"Lock-Token", "<" + answer.lock_token() + ">"}}), 204);
      }
    }
  }
}

TEST(Delete, OverALockedMemberIsAPlain423) {  // docs/robustness.md D12
  World w;
  w.mkcol("/c");
  w.mkcol("/c/d");
  w.put("/c/d/f");
  w.put("/c/g");
  w.lock("/c/d/f");
  const std::string before = w.dump();
  const Answer answer = w.send("DELETE", "/c");
  EXPECT_EQ(answer.status, 423);
  EXPECT_EQ(refusal(answer).precondition, "lock-token-submitted");
  EXPECT_EQ(refusal(answer).hrefs, std::vector<std::string>{"/c/d/f"});
  EXPECT_EQ(w.dump(), before);
}

TEST(Move, OfOrOverALockedMemberIsAPlain423) {  // docs/robustness.md D12
  for (const bool always_409 : {false, true}) {
    dav::Options options;
    if (always_409) options.conflict_status = dav::ConflictStatus::always_409;
    World w(options);
    for (const char* url : {"/c", "/c/d", "/free"}) w.mkcol(url);
    w.put("/c/d/f");
    w.put("/c/g");
    w.lock("/c/d/f");
    const std::string before = w.dump();
    for (const auto& [from, to] : {std::pair("/c", "/n"), std::pair("/free", "/c"),
                                   std::pair("/c/d", "/free"), std::pair("/c", "/free")}) {
      const Answer answer = w.send("MOVE", from, {{"Destination", to}});
      EXPECT_EQ(answer.status, always_409 ? 409 : 423) << from << to;
      EXPECT_EQ(refusal(answer).precondition, "lock-token-submitted");
      EXPECT_EQ(refusal(answer).hrefs, std::vector<std::string>{"/c/d/f"});
      EXPECT_EQ(w.dump(), before);
    }
    EXPECT_EQ(w.status("DELETE", "/c"), always_409 ? 409 : 423);
    EXPECT_EQ(w.dump(), before);
  }
}

TEST(Delete, OfADeepTreeSucceeds) {  // docs/robustness.md P18
  World w;
  std::string path;
  for (std::size_t i = 0; i < dav::PathLimits{}.depth; ++i) w.mkcol(path += "/d");
  EXPECT_EQ(w.status("MKCOL", path + "/d"), 403);
  EXPECT_EQ(w.status("DELETE", "/d"), 204);
}

TEST(Names, AreKeptByteExactThroughEveryMethod) {  // docs/robustness.md P2, P5, P12–P14, P16, P19
  const char* names[] = {"'; DROP TABLE node--",
                         "%_",
                         "\"",
                         "`",
                         "*",
                         "[a]",
                         "x' OR '1'='1",
                         "a&b",
                         "<x>",
                         "a;b=c",
                         "a,b",
                         "a+b",
                         "a b",
                         " lead",
                         "trail ",
                         "dot.",
                         "..x",
                         "...",
                         "CON",
                         "aux.txt",
                         "a:b",
                         "a?b",
                         "a#b",
                         "100%",
                         "%2e%2e",
                         "back\\slash",
                         "name.txt::$DATA",
                         "NAME~1",
                         "~$doc",
                         "tmp",
                         "blobs",
                         "meta.db",
                         "meta.db-wal",
                         ".dav",
                         ".DAV",
                         "LOCK",
                         "\xF0\x9F\x92\xBE",
                         "\xE2\x80\xAE"
                         "txt.exe",
                         "\xEF\xAC\x81",
                         "=?utf-8?Q?x?=",
                         "http:",
                         "a\xC2\xA0"
                         "b"};
  World w;
  for (const char* name : names) {
    const std::string target = "/" + dav::encode_segment(name);
    EXPECT_EQ(w.status("PUT", target, {}, name), 201) << name;
    EXPECT_EQ(w.get(target), name);
    EXPECT_EQ(w.properties(target, "displayname").text("displayname"), name);
    const std::string token = w.lock(target);
    EXPECT_EQ(w.locks_of(target).at(0).root, target);
    EXPECT_EQ(w.status("PROPPATCH", target, with_token("http://localhost:8080" + target, token),
                       set_properties("<x:p>" + dav::xml::escape(name) + "</x:p>")),
              207);
    EXPECT_EQ(w.status("UNLOCK", target, {{"Lock-Token", "<" + token + ">"}}), 204);
    EXPECT_EQ(single(w.send("PROPFIND", target, {{"Depth", "0"}})).text("p", "urn:x"), name);
    const std::string collection = "/c-" + dav::encode_segment(name);
    w.mkcol(collection);
    EXPECT_EQ(w.status("MOVE", target, {{"Destination", collection + target}}), 201) << name;
    EXPECT_EQ(w.status("COPY", collection, {{"Destination", target}}), 201) << name;
    EXPECT_EQ(w.get(target + target), name);
    const auto listed = multistatus(w.send("PROPFIND", target, {{"Depth", "1"}}));
    ASSERT_EQ(listed.size(), 2U);
    EXPECT_EQ(listed[0].href, target + "/");
    EXPECT_EQ(listed[1].href, target + target);
    EXPECT_EQ(w.status("DELETE", collection), 204);
    EXPECT_EQ(w.status("DELETE", target), 204) << name;
  }
}

TEST(Names, HaveExactLimits) {  // docs/robustness.md P17
  World w;
  EXPECT_EQ(w.status("PUT", "/" + std::string(255, 'a'), {}, "x"), 201);
  EXPECT_EQ(w.status("PUT", "/" + std::string(256, 'a'), {}, "x"), 400);
  std::string wide;
  for (int i = 0; i < 63; ++i) wide += "%F0%9F%92%BE";
  EXPECT_EQ(w.status("PUT", "/" + wide + "abc", {}, "x"), 201);
  EXPECT_EQ(w.status("PUT", "/" + wide + "abcd", {}, "x"), 400);

  std::string path;
  for (int i = 0; i < 15; ++i) w.mkcol(path += "/" + std::string(255, 'p'));
  w.mkcol(path += "/" + std::string(250, 'p'));
  ASSERT_EQ(path.size(), 4091U);
  EXPECT_EQ(w.status("PUT", path + "/abcd", {}, "x"), 201);
  EXPECT_EQ(w.status("PUT", path + "/abcde", {}, "x"), 414);
}

TEST(Names, NfcAndNfdAreOneMember) {  // docs/clients.md R24, docs/robustness.md P19
  World w;
  const std::string nfc = "/%C3%84.txt";
  const std::string nfd = "/A%CC%88.txt";
  EXPECT_EQ(w.status("PUT", nfd, {}, "finder"), 201);
  EXPECT_EQ(w.get(nfc), "finder");
  EXPECT_EQ(w.status("PUT", nfc, {}, "other"), 204);
  EXPECT_EQ(w.get(nfd), "other");
  EXPECT_EQ(w.status("MKCOL", nfc), 405);
  EXPECT_EQ(w.status("PUT", nfc, {{"If-None-Match", "*"}}, "x"), 412);
  // Stored as first spelt; shown as asked.
  EXPECT_EQ(multistatus(w.send("PROPFIND", "/", {{"Depth", "1"}})).at(1).href, nfd);
  EXPECT_EQ(w.properties(nfc, "getetag").href, nfc);
  // A lock holds whatever the spelling.
  const std::string token = w.lock(nfc);
  EXPECT_EQ(w.status("PUT", nfd, {}, "x"), 423);
  EXPECT_EQ(w.status("PUT", nfd, with_token(token), "x"), 204);
  EXPECT_EQ(w.status("UNLOCK", nfd, {{"Lock-Token", "<" + token + ">"}}), 204);
  // A MOVE to the other spelling renames.
  EXPECT_EQ(w.status("MOVE", nfd, {{"Destination", nfc}, {"Overwrite", "F"}}), 201);
  EXPECT_EQ(multistatus(w.send("PROPFIND", "/", {{"Depth", "1"}})).at(1).href, nfc);
  EXPECT_EQ(w.status("COPY", nfc, {{"Destination", nfd}}), 403);
}

TEST(Names, CaseAndWidthStayApart) {  // docs/clients.md R25
  World w;
  w.put("/a", "1");
  EXPECT_EQ(w.status("PUT", "/A", {}, "2"), 201);
  EXPECT_EQ(w.status("PUT", "/%EF%BC%A1", {}, "3"), 201);
  EXPECT_EQ(w.get("/a"), "1");
}

TEST(Paths, DoubledSlashesAreOne) {  // issue: "//" is merged
  World w;
  w.mkcol("//c");
  w.put("/c///f", "x");
  EXPECT_EQ(w.get("/c/f"), "x");
  EXPECT_EQ(w.get("///c//f"), "x");
  EXPECT_EQ(w.status("MKCOL", "//c//"), 405);
  EXPECT_EQ(w.status("MOVE", "//c//f", {{"Destination", "//c///g"}}), 201);
  EXPECT_EQ(w.get("/c/g"), "x");
}

// docs/robustness.md P10, P11: a lock, a condition and a destination mean the resource, however it
// is spelt, and nothing whose name only looks alike.
TEST(Paths, EverySpellingIsOneResourceToLocksConditionsAndDestinations) {
  const char* spellings[] = {"/secret/f",
                             "//secret/f",
                             "/secret//f",
                             "/%73ecret/f",
                             "/secret/%66",
                             "/%73%65%63%72%65%74//%66",
                             "http://localhost:8080/secret/f",
                             "HTTP://LOCALHOST:8080//%73ecret/f"};
  const char* others[] = {"/SECRET/f",   "/secret/F",    "/secret%20/f",  "/secret/f%20",
                          "/secret/f.",  "/secrets/f",   "/secre/f",      "/%2573ecret/f",
                          "/secret2/f",  "/secret%2e/f", "/secret/f%2ex", "/%EF%BD%93ecret/f",
                          "/secret%5cf", "/secret/f;x",  "/secret;a=b/f", "/secret/%C2%ADf"};
  World w;
  w.mkcol("/secret");
  w.put("/secret/f", "x");
  w.put("/free", "free");
  for (const char* other : others) {
    std::string collection = other;
    collection.resize(collection.rfind('/'));
    if (!collection.empty()) (void)w.send("MKCOL", collection);
    EXPECT_EQ(w.status("PUT", other, {}, "other"), 201) << other;
  }
  const std::string tag = w.etag("/secret/f");
  for (const char* depth : {"0", "infinity"}) {
    for (const char* locked : {"/secret", "/secret/f"}) {
      const std::string token = w.lock(locked, depth);
      const std::string before = w.dump();
      for (const char* url : spellings) {
        EXPECT_EQ(w.status("DELETE", url), 423) << url;
        EXPECT_EQ(w.status("MOVE", url, {{"Destination", "/n"}}), 423) << url;
        EXPECT_EQ(w.status("MOVE", "/free", {{"Destination", url}}), 423) << url;
        EXPECT_EQ(w.status("COPY", "/free", {{"Destination", url}}), 423) << url;
        EXPECT_EQ(w.status("PROPFIND", "/free",
                           {{"Depth", "0"}, {"If", "<" + std::string(url) + "> ([" + tag + "])"}}),
                  207)
            << url;
        const bool covered = std::string(locked) == "/secret/f" || depth[0] == 'i';
        EXPECT_EQ(
            w.status("PROPFIND", "/free",
                     {{"Depth", "0"}, {"If", "<" + std::string(url) + "> (<" + token + ">)"}}),
            covered ? 207 : 412)
            << url;
        EXPECT_EQ(w.status("LOCK", url, {}, lockinfo()), covered ? 423 : 200) << url;
        if (!covered) {
          EXPECT_EQ(
              w.status("UNLOCK", url, {{"Lock-Token", "<" + w.locks_of(url).at(0).token + ">"}}),
              204);
        }
        EXPECT_EQ(w.dump(), before) << url;
      }
      for (const std::string url : others) {
        // Members of the locked collection, other ones than /secret/f, are covered with it.
        if (std::string(locked) == "/secret" && url.starts_with("/secret/")) continue;
        EXPECT_EQ(w.status("PUT", url, {}, "other"), 204) << url;
        EXPECT_EQ(w.status("COPY", "/free", {{"Destination", url}}), 204) << url;
        for (const std::string& condition : {"[" + tag + "]", "<" + token + ">"})
          EXPECT_EQ(w.status("PROPFIND", "/free",
                             {{"Depth", "0"}, {"If", "<" + url + "> (" + condition + ")"}}),
                    412)
              << url;
      }
      EXPECT_EQ(w.status("UNLOCK", locked, {{"Lock-Token", "<" + token + ">"}}), 204);
    }
  }
}

TEST(Paths, EveryMethodRefusesTheSameUrls) {  // docs/robustness.md P1, P3, P4, P6, P7
  const char* bad[] = {"/../x",       "/c/../../x", "/c/%2e%2e/x", "/c/.%2e/x", "/c/%2E./x",
                       "/%2e%2e%2fx", "/c/./x",     "/c/%2e/x",    "/%c0%af",   "/%e0%80%af",
                       "/%ed%a0%80",  "/%80",       "/%c3",        "/a%2fb",    "/a%2Fb",
                       "/%00",        "/a%00.txt",  "/%0d%0a",     "/%7f",      "/%",
                       "/%zz",        "/%u002e",    "/c#f"};
  World w;
  w.mkcol("/c");
  w.put("/c/f");
  const std::string before = w.dump();
  for (const char* target : bad) {
    for (const char* method : {"OPTIONS", "GET", "HEAD", "PUT", "DELETE", "MKCOL", "COPY", "MOVE",
                               "PROPFIND", "PROPPATCH", "LOCK", "UNLOCK"})
      EXPECT_EQ(w.status(method, target, {{"Destination", "/d"}, {"Lock-Token", "<a:b>"}}, ""), 400)
          << method << " " << target;
    for (const char* method : {"COPY", "MOVE"}) {
      EXPECT_EQ(w.status(method, "/c/f", {{"Destination", target}}), 400) << target;
      EXPECT_EQ(w.status(method, "/c/f",
                         {{"Destination", std::string("http://localhost:8080") + target}}),
                400)
          << target;
    }
    EXPECT_EQ(w.status("PUT", "/c/f", {{"If", "<" + std::string(target) + "> (<a:b>)"}}, "x"), 400)
        << target;
  }
  EXPECT_EQ(w.dump(), before);
}

}  // namespace
}  // namespace holdfast::test
