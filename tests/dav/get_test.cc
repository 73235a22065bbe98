// OPTIONS, GET and HEAD (RFC 9110 §9.3, RFC 4918 §9.4, §10.1).
#include <gmock/gmock.h>

#include "dav/headers.h"
#include "http/date.h"
#include "tests/dav/world.h"

namespace holdfast::test {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(Options,
     AnswersAlikeForFilesCollectionsAndUnmappedUrls) {  // RFC 4918 §10.1, docs/clients.md R1–R3
  World w;
  w.put("/f");
  w.mkcol("/c");
  for (const char* target : {"/", "/f", "/c", "/c/", "/none", "/none/below", "*"}) {
    const Answer answer = w.send("OPTIONS", target);
    EXPECT_EQ(answer.status, 200) << target;
    EXPECT_EQ(answer.header("DAV"), "1, 2, 3, sabredav-partialupdate") << target;
    EXPECT_EQ(answer.header("MS-Author-Via"), "DAV") << target;
    EXPECT_EQ(answer.length, 0U) << target;
    for (const char* method : {"OPTIONS", "GET", "HEAD", "PUT", "DELETE", "MKCOL", "COPY", "MOVE",
                               "PROPFIND", "PROPPATCH", "LOCK", "UNLOCK", "PATCH"})
      EXPECT_THAT(answer.header("Allow"), HasSubstr(method)) << target;
    EXPECT_EQ(answer.header("Accept-Patch"), "application/x-sabredav-partialupdate") << target;
    // Clients that read this would send fragments as PUT (docs/clients.md R40).
    EXPECT_THAT(answer.header("DAV"), Not(HasSubstr("apache")));
  }
}

TEST(Methods,
     UnknownOnesAre501AndRefusedOnes405) {  // RFC 9110 §15.6.2, docs/robustness.md H17, D14
  struct Row {
    const char* method;
    const char* target;
    int status;
  };
  const Row rows[] = {{"POST", "/f", 405}, {"PATCH", "/", 405},
                      {"TRACE", "/", 405}, {"CONNECT", "/", 405},
                      {"put", "/f", 501},  {"SEARCHX", "/f", 501},
                      {"BREW", "/f", 501}, {"VERSION-CONTROL", "/", 501},
                      {"GET", "*", 400}};
  World w;
  w.put("/f");
  for (const Row& row : rows) {
    const Answer answer = w.send(row.method, row.target);
    EXPECT_EQ(answer.status, row.status) << row.method;
    if (row.status == 405) {
      EXPECT_THAT(answer.header("Allow"), HasSubstr("PROPFIND"));
    }
  }
}

TEST(Get, ReturnsWhatWasPut) {  // RFC 9110 §9.3.1
  World w;
  const std::string large(3 * storage::kInlineLimitBytes + 17, 'z');
  for (const std::string& body : {std::string(), std::string("hello"), large}) {
    w.put("/f.bin", body);
    const Answer answer = w.send("GET", "/f.bin");
    EXPECT_EQ(answer.status, 200);
    EXPECT_TRUE(answer.body == body);
    EXPECT_EQ(answer.length, body.size());  // never chunked (docs/clients.md R39)
    EXPECT_EQ(answer.header("Accept-Ranges"), "bytes");
    EXPECT_EQ(answer.header("Cache-Control"), "no-cache");  // docs/clients.md R49
    EXPECT_EQ(answer.header("Content-Type"), "application/octet-stream");
    EXPECT_EQ(answer.header("Last-Modified"), http::format_date(ManualClock::kStart / 1000));
  }
}

TEST(Get, AnswersMissingThingsWith404) {  // RFC 9110 §15.5.5, docs/clients.md R27, R60;
                                          // docs/robustness.md P14
  World w;
  w.put("/f");
  for (const char* target : {"/none", "/none/", "/f/", "/f/x", "/desktop.ini", "/._f"}) {
    EXPECT_EQ(w.status("GET", target), 404) << target;
    const Answer head = w.send("HEAD", target);
    EXPECT_EQ(head.status, 404) << target;
    EXPECT_EQ(head.body, "");
    // Windows remembers a 404 otherwise (docs/clients.md R25).
    EXPECT_EQ(w.send("PROPFIND", target, {{"Depth", "0"}}).header("Cache-Control"), "no-store");
  }
}

TEST(Head, EqualsGetWithoutTheBody) {  // RFC 9110 §9.3.2, docs/robustness.md R7
  World w;
  w.put("/f.txt", "hello");
  w.put("/big", std::string(100'000, 'b'));
  w.mkcol("/c");
  w.put("/c/x", "1");
  const Headers conditions[] = {{},
                                {{"If-None-Match", "*"}},
                                {{"If-Match", "\"other\""}},
                                {{"Accept", "application/json"}, {"If-Match", "\"other\""}}};
  for (const char* target : {"/f.txt", "/big", "/c", "/c/", "/", "/none", "/f.txt/"}) {
    for (const Headers& headers : conditions) {
      const Answer get = w.send("GET", target, headers);
      const Answer head = w.send("HEAD", target, headers);
      EXPECT_EQ(head.status, get.status) << target;
      EXPECT_EQ(head.headers, get.headers) << target;
      EXPECT_EQ(head.body, "") << target;
      if (get.length) {
        EXPECT_EQ(head.length, get.length) << target;
      }
    }
  }
}

TEST(Get, TellsAChecksumOfTheWhole) {  // docs/clients.md R43: older clients read but one entry
  World w;
  w.put("/none", "hello");
  const std::string sha1 = "SHA1:aaf4c61ddcc5e8a2dabede0f3b482cd9aea9434d";
  const std::string md5 = "MD5:5d41402abc4b2a76b9719d911017c592";
  const Headers content_md5 = {{"Content-MD5", "XUFAKrxLKna5cZ2REBfFkg=="}};
  EXPECT_EQ(w.send("PUT", "/md5", content_md5, "hello").header("OC-Checksum"), md5);
  EXPECT_EQ(w.send("PUT", "/both", {{"OC-Checksum", md5}}, "hello").status, 201);
  for (const char* method : {"GET", "HEAD"}) {
    EXPECT_EQ(w.send(method, "/none").header("OC-Checksum"),
              "SHA256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824");
    EXPECT_EQ(w.send(method, "/md5").header("OC-Checksum"), md5);
    EXPECT_EQ(w.send(method, "/both", {{"Range", "bytes=1-2"}}).header("OC-Checksum"), sha1);
    EXPECT_FALSE(w.send(method, "/").has("OC-Checksum"));
  }
}

TEST(Get, OfACollectionIsAListing) {
  World w;
  w.mkcol("/c");
  w.put("/c/b.txt", std::string(2048, 'b'));
  w.put("/c/a.txt", "1");
  w.mkcol("/c/sub");
  w.put("/c/%3Cscript%3Ealert('x')&%22", "evil");  // docs/robustness.md S6
  const Answer page = w.send("GET", "/c/");
  EXPECT_EQ(page.status, 200);
  EXPECT_EQ(page.header("Content-Type"), "text/html; charset=utf-8");
  EXPECT_EQ(page.header("X-Content-Type-Options"), "nosniff");
  EXPECT_THAT(page.header("Content-Security-Policy"), HasSubstr("default-src 'none'"));
  EXPECT_FALSE(page.has("ETag"));
  EXPECT_THAT(page.body, HasSubstr("href=\"/c/a.txt\""));
  EXPECT_THAT(page.body, HasSubstr("href=\"/c/sub/\""));
  EXPECT_THAT(page.body, HasSubstr("2.0 KiB"));
  EXPECT_THAT(page.body, HasSubstr("href=\"/\""));  // up
  EXPECT_THAT(page.body, Not(HasSubstr("<script>")));
  EXPECT_THAT(page.body, HasSubstr("&lt;script&gt;"));
  EXPECT_LT(page.body.find("a.txt"), page.body.find("b.txt"));
}

TEST(Get, ListingLinksStayOnThisServerHoweverTheUrlIsSpelt) {
  // "//c/x" in a link would be the path "/x" on the host "c" (RFC 3986 §4.2).
  World w;
  w.mkcol("/c");
  w.mkcol("/c/d");
  w.put("/c/d/x");
  for (const char* target : {"//c/d/", "//c//d//", "/%63/d/"}) {
    const std::string page = w.get(target);
    EXPECT_THAT(page, HasSubstr("href=\"/c/d/x\"")) << target;
    EXPECT_THAT(page, HasSubstr("href=\"/c/\"")) << target;
    EXPECT_THAT(page, Not(HasSubstr("\"//"))) << target;
  }
}

TEST(Get, IsServedSoThatABrowserRunsNothing) {  // docs/robustness.md S6
  struct Row {
    const char* name;
    const char* type;
    const char* disposition;
  };
  const Row rows[] = {
      {"a.html", "text/html", "attachment"},
      {"a.svg", "image/svg+xml", "attachment"},
      {"a.xhtml", "application/xhtml+xml", "attachment"},
      {"a.xml", "application/xml", "attachment"},
      {"a.js", "text/javascript", "attachment"},
      {"a.mhtml", "multipart/related", "attachment"},
      {"a.pdf", "application/pdf", "inline"},
      {"noextension", "application/octet-stream", "attachment"},
      {"a.HTML", "text/html", "attachment"},
      {"a.png", "image/png", "inline"},
      {"a.JPG", "image/jpeg", "inline"},
      {"a.gif", "image/gif", "inline"},
      {"a.webp", "image/webp", "inline"},
      {"a.txt", "text/plain; charset=utf-8", "inline"},
      {"a.mp3", "audio/mpeg", "inline"},
      {"a.mp4", "video/mp4", "inline"},
      {"a.html.txt", "text/plain; charset=utf-8", "inline"},
      {".html", "text/html", "attachment"},
      {"html", "application/octet-stream", "attachment"},
  };
  World w;
  for (const Row& row : rows) {
    const std::string target = std::string("/") + row.name;
    w.put(target, "<script>alert(1)</script>");
    const Answer answer = w.send("GET", target);
    EXPECT_EQ(answer.header("Content-Type"), row.type) << row.name;
    EXPECT_EQ(answer.header("Content-Disposition"),
              std::string(row.disposition) + "; filename=\"" + row.name + "\"");
    EXPECT_EQ(answer.header("X-Content-Type-Options"), "nosniff") << row.name;
    // Shut in is what could run, and what a browser does not show by itself.
    EXPECT_EQ(answer.header("Content-Security-Policy").find("sandbox; default-src 'none'") == 0,
              std::string_view(row.disposition) == "attachment")
        << row.name;
    EXPECT_THAT(answer.header("Content-Security-Policy"), HasSubstr("default-src 'none'"));
    EXPECT_THAT(answer.header("Content-Security-Policy"), Not(HasSubstr("script")));
    // What PROPFIND says is what GET sends.
    EXPECT_EQ(w.properties(target, "getcontenttype").text("getcontenttype"), row.type) << row.name;
  }
}

TEST(Get, HonoursConditionsInTheOrderOfRfc9110) {  // RFC 9110 §13.2.2
  World w;
  w.put("/f", "hello");
  w.store.clock.advance(5000);
  const std::string tag = w.etag("/f");
  const std::string weak = "W/" + tag;
  const std::string date = w.send("HEAD", "/f").header("Last-Modified");
  const std::string later = http::format_date(ManualClock::kStart / 1000 + 1);
  const std::string earlier = http::format_date(ManualClock::kStart / 1000 - 1);
  struct Row {
    Headers headers;
    int status;
    const char* source;
  };
  const Row rows[] = {
      {{{"If-Match", tag}}, 200, "§13.1.1"},
      {{{"If-Match", "*"}}, 200, "§13.1.1"},
      {{{"If-Match", "\"a\", " + tag}}, 200, "§13.1.1"},
      {{{"If-Match", "\"a\""}, {"If-Match", tag}}, 200, "§5.3: two fields are one list"},
      {{{"If-Match", weak}}, 412, "§13.1.1: strong comparison"},
      {{{"If-Match", "\"a\""}}, 412, "§13.1.1, docs/clients.md R36"},
      {{{"If-Match", "unquoted"}}, 412, "docs/clients.md R34"},
      {{{"If-None-Match", tag}}, 304, "§13.1.2"},
      {{{"If-None-Match", weak}}, 304, "§13.1.2: weak comparison"},
      {{{"If-None-Match", "*"}}, 304, "§13.1.2"},
      {{{"If-None-Match", "\"a\", \"b\""}}, 200, "§13.1.2"},
      {{{"If-None-Match", "JoplinIgnore-12345"}}, 200, "docs/clients.md R34"},
      {{{"If-Modified-Since", date}}, 304, "§13.1.3, docs/clients.md R37"},
      {{{"If-Modified-Since", earlier}}, 200, "§13.1.3"},
      {{{"If-Modified-Since", later}}, 200, "docs/storage.md#dates"},
      {{{"If-Modified-Since", "yesterday"}}, 200, "§13.1.3: not a date, ignored"},
      {{{"If-Unmodified-Since", date}}, 200, "§13.1.4"},
      {{{"If-Unmodified-Since", later}}, 200, "§13.1.4"},
      {{{"If-Unmodified-Since", earlier}}, 412, "§13.1.4"},
      {{{"If-Unmodified-Since", "nonsense"}}, 200, "§13.1.4: not a date, ignored"},
      {{{"If-None-Match", "\"a\""}, {"If-Modified-Since", date}}, 200, "§13.1.3: tag wins"},
      {{{"If-None-Match", tag}, {"If-Modified-Since", earlier}}, 304, "§13.1.3: tag wins"},
      {{{"If-Match", tag}, {"If-Unmodified-Since", earlier}}, 200, "§13.1.4: tag wins"},
      {{{"If-Match", "\"a\""}, {"If-None-Match", tag}}, 412, "§13.2.2: If-Match first"},
      {{{"If", "([" + tag + "])"}}, 200, "RFC 4918 §10.4"},
      {{{"If", "([\"a\"])"}}, 412, "RFC 4918 §10.4"},
      {{{"If", "([\"a\"])"}, {"If-None-Match", tag}}, 412, "RFC 4918 §10.4"},
  };
  for (const Row& row : rows) {
    for (const char* method : {"GET", "HEAD"}) {
      const Answer answer = w.send(method, "/f", row.headers);
      EXPECT_EQ(answer.status, row.status)
          << row.headers[0].first << row.headers[0].second << row.source;
      if (row.status == 304) {  // RFC 9110 §15.4.5
        EXPECT_EQ(answer.body, "");
        EXPECT_EQ(answer.header("ETag"), tag);
        EXPECT_EQ(answer.header("Last-Modified"), date);
        EXPECT_EQ(answer.header("Cache-Control"), "no-cache");
      }
    }
  }
}

TEST(Get, NotModifiedCollectionHasNoEntityTag) {  // docs/storage.md#entity-tags
  World w;
  const Answer answer = w.send("GET", "/", {{"If-None-Match", "*"}});
  EXPECT_EQ(answer.status, 304);
  EXPECT_FALSE(answer.has("ETag"));
}

TEST(Get, ADateIsNoProofWhileItsSecondLasts) {  // docs/storage.md#dates; docs/clients.md R37
  World w;
  w.put("/f", "one");
  const std::string date = w.send("HEAD", "/f").header("Last-Modified");
  const Headers since = {{"If-Modified-Since", date}};
  const Headers range = {{"If-Range", date}, {"Range", "bytes=0-0"}};
  EXPECT_EQ(w.status("GET", "/f", since), 200);
  EXPECT_EQ(w.status("GET", "/f", range), 200);
  w.store.clock.advance(1000);
  EXPECT_EQ(w.status("GET", "/f", since), 304);
  EXPECT_EQ(w.status("GET", "/f", range), 206);
  w.put("/f", "two");
  EXPECT_EQ(w.status("GET", "/f", since), 200);
  EXPECT_EQ(w.status("GET", "/f", range), 200);
}

TEST(Get,
     ADateThatTwoContentsHadProvesNothing) {  // docs/clients.md R31, R37; docs/storage.md#dates
  const auto replace = [](World& w, const std::string& how) {
    if (how == "PUT") {
      w.put("/f", "two");
    } else if (how == "PUT dated") {
      const Headers dated = {{"X-OC-Mtime", std::to_string(ManualClock::kStart / 1000)}};
      EXPECT_EQ(w.status("PUT", "/f", dated, "two"), 204);
    } else {
      w.put("/new", "two");
      EXPECT_EQ(w.status(how, "/new", {{"Destination", "/f"}}), 204);
    }
  };
  for (const char* how : {"PUT", "PUT dated", "COPY", "MOVE"}) {
    World w;
    w.put("/f", "one");
    const std::string date = w.send("HEAD", "/f").header("Last-Modified");
    replace(w, how);
    EXPECT_EQ(w.send("HEAD", "/f").header("Last-Modified"), date) << how;  // and yet honest
    w.store.clock.advance(5000);
    EXPECT_EQ(w.send("GET", "/f", {{"If-Modified-Since", date}}).body, "two") << how;
    EXPECT_EQ(w.send("GET", "/f", {{"If-Range", date}, {"Range", "bytes=0-0"}}).body, "two") << how;
    w.put("/f", "three");  // a second later dates count again
    w.store.clock.advance(5000);
    const std::string later = w.send("HEAD", "/f").header("Last-Modified");
    EXPECT_EQ(w.status("GET", "/f", {{"If-Modified-Since", later}}), 304) << how;
  }
}

TEST(Get, AFileMadeEmptyAndFilledAtOnceHasAnHonestDate) {  // docs/clients.md R31
  World w;
  w.put("/f", "");
  w.put("/f", "content");
  w.store.clock.advance(2000);
  const std::string date = w.send("HEAD", "/f").header("Last-Modified");
  EXPECT_EQ(w.status("GET", "/f", {{"If-Modified-Since", date}}), 304);
}

TEST(Get, KeepsReadingTheVersionItBegan) {  // docs/robustness.md R5
  World w;
  const std::string old(200'000, 'o');
  w.put("/f", old);
  http::Request request;
  http::NoBody none;
  request.method = "GET";
  request.target = "/f";
  request.body = &none;
  http::Response response = w.engine.handle(request, dav::anonymous_caller(storage::Right::write));
  w.put("/f", std::string(200'000, 'n'));
  for (const std::string& blob : w.store.names.garbage(10)) w.store.contents.remove(blob);
  const Answer answer = render(std::move(response));
  EXPECT_FALSE(answer.cut);
  EXPECT_TRUE(answer.body == old);
  EXPECT_NE(answer.header("ETag"), w.etag("/f"));
}

TEST(Get, OfMissingContentIs500AndDeleteStillWorks) {  // docs/robustness.md R6, E8
  World w;
  w.put("/f", std::string(100'000, 'x'));
  w.put("/inline", "small");
  std::string blob;
  w.store.names.for_each_blob(
      [&](std::int64_t, const storage::Content& content) { blob = content.blob; });
  w.store.contents.remove(blob);
  const Answer answer = w.send("GET", "/f");
  EXPECT_EQ(answer.status, 500);
  EXPECT_THAT(answer.body, Not(HasSubstr("blob")));  // docs/robustness.md O3
  EXPECT_NE(answer.log_detail, "");
  EXPECT_EQ(w.status("GET", "/f", {{"Range", "bytes=0-1"}}), 500);
  EXPECT_EQ(w.status("PROPFIND", "/", {{"Depth", "1"}}), 207);
  EXPECT_EQ(w.get("/inline"), "small");
  EXPECT_EQ(w.status("COPY", "/f", {{"Destination", "/g"}}), 201);
  EXPECT_EQ(w.status("PUT", "/f", {}, "again"), 204);
  EXPECT_EQ(w.get("/f"), "again");
  EXPECT_EQ(w.status("DELETE", "/g"), 204);
}

TEST(Get, OfShortContentIsNeverACompleteAnswer) {  // docs/robustness.md R6
  World w;
  w.put("/f", std::string(100'000, 'x'));
  w.store.names.for_each_blob([&](std::int64_t, const storage::Content& content) {
    w.store.contents.damage(content.blob, "short");
  });
  const Answer answer = w.send("GET", "/f");
  EXPECT_TRUE(answer.status == 500 || answer.cut);
}

TEST(Get, LetsABrowserShowWhatCannotRun) {  // docs/robustness.md S6
  constexpr const char* kShutIn = "sandbox; default-src 'none'";
  constexpr const char* kViewed =
      "default-src 'none'; media-src 'self'; img-src 'self'; style-src 'unsafe-inline'";
  const struct {
    const char* name;
    const char* disposition;
    std::string policy;
  } rows[] = {
      {"a.mp4", "inline", kViewed},
      {"a.webm", "inline", kViewed},
      {"a.ogv", "inline", kViewed},
      {"a.mp3", "inline", kViewed},
      {"a.opus", "inline", kViewed},
      {"a.png", "inline", kViewed},
      {"a.txt", "inline", kViewed},
      {"a.md", "inline", kViewed},
      {"a.pdf", "inline", kViewed + std::string("; object-src 'self'")},
      {"a.html", "attachment", kShutIn},
      {"a.htm", "attachment", kShutIn},
      {"a.xhtml", "attachment", kShutIn},
      {"a.svg", "attachment", kShutIn},
      {"a.xml", "attachment", kShutIn},
      {"a.js", "attachment", kShutIn},
      {"a.pdf.html", "attachment", kShutIn},
      {"a", "attachment", kShutIn},
  };
  World w;
  for (const auto& row : rows) {
    const std::string target = std::string("/") + row.name;
    w.put(target, "%PDF-<script>alert(1)</script>");
    for (const char* method : {"GET", "HEAD"}) {
      const Answer answer = w.send(method, target, {{"Range", "bytes=0-3"}});
      EXPECT_EQ(answer.header("Content-Security-Policy"), row.policy) << row.name;
      EXPECT_EQ(answer.header("Content-Disposition").find(row.disposition), 0U) << row.name;
      EXPECT_EQ(answer.header("X-Content-Type-Options"), "nosniff") << row.name;
    }
  }
}

TEST(Get, LetsTrustedPagesRunAndNoOthers) {  // docs/robustness.md S6
  dav::Options options;
  options.trusted_html = {storage::Path({"wiki"}), storage::Path({"team", "p\xC3\xA4ges"})};
  World w(options);
  for (const char* collection : {"/wiki/", "/wiki/sub/", "/wikis/", "/team/", "/team/p%C3%A4ges/"})
    w.mkcol(collection);
  const struct {
    const char* target;
    bool runs;
  } rows[] = {
      {"/wiki/notes.html", true},
      {"/wiki/sub/notes.html", true},
      {"/wiki/drawing.svg", true},
      {"/wiki/%6Eotes.html", true},
      {"/team/pa%CC%88ges/notes.html", true},
      {"/notes.html", false},
      {"/wikis/notes.html", false},
      {"/team/notes.html", false},
      {"/team/drawing.svg", false},
  };
  for (const auto& row : rows) {
    w.put(row.target, "<script>save()</script>");
    const Answer answer = w.send("GET", row.target);
    EXPECT_EQ(answer.has("Content-Security-Policy"), !row.runs) << row.target;
    EXPECT_EQ(answer.header("Content-Disposition").find("inline") == 0, row.runs) << row.target;
    EXPECT_EQ(answer.header("X-Content-Type-Options"), "nosniff") << row.target;
  }
  EXPECT_EQ(w.status("MOVE", "/wiki/notes.html", {{"Destination", "/moved.html"}}), 201);
  EXPECT_TRUE(w.send("GET", "/moved.html").has("Content-Security-Policy"));
}

TEST(Get, OfACollectionWithoutFinalSlashLeadsToTheOneWithIt) {  // RFC 9110 §15.4.2
  const struct {
    const char* target;
    const char* location;
  } rows[] = {
      {"/dav", "/dav/"},
      {"/dav/c", "/dav/c/"},
      {"/dav/c?a=1&b=%20?", "/dav/c/?a=1&b=%20?"},
      {"/dav/c?", "/dav/c/?"},
      {"/dav/c?\"<>\\", "/dav/c/?%22%3C%3E%5C"},
      {"/dav/c?\xC3\xA9", "/dav/c/?%C3%A9"},
      {"/dav//c", "/dav//c/"},
      {"/dav/a%20b", "/dav/a%20b/"},
      {"/dav/\xC3\xA9", "/dav/%C3%A9/"},
      {"http://localhost:8080/dav/c", "/dav/c/"},
      {"http://localhost:8080/dav/c?q", "/dav/c/?q"},
      // Never another host's.
      {"//dav/c", "/dav/c/"},
      {"///dav//c?q", "/dav//c/?q"},
      {"//dav", "/dav/"},
  };
  dav::Options options;
  options.space.prefix = {"dav"};
  World w(options);
  w.mkcol("/dav/c");
  w.mkcol("/dav/a%20b");
  w.mkcol("/dav/%C3%A9");
  w.put("/dav/f");
  for (const auto& row : rows)
    for (const char* method : {"GET", "HEAD"}) {
      const Answer answer = w.send(method, row.target);
      EXPECT_EQ(answer.status, 301) << row.target;
      EXPECT_EQ(answer.header("Location"), row.location) << row.target;
      EXPECT_EQ(answer.header("DAV"), "1, 2, 3, sabredav-partialupdate");
      EXPECT_EQ(answer.header("Cache-Control"), "no-cache") << "a file may come to the URL";
      EXPECT_EQ(answer.body, "");
    }
  // Conditions are for what the URL leads to (RFC 9110 §13.2.1).
  EXPECT_EQ(w.status("GET", "/dav/c", {{"If-None-Match", "*"}}), 301);
  EXPECT_EQ(w.status("GET", "/dav/c/", {{"If-None-Match", "*"}}), 304);
  EXPECT_EQ(w.status("GET", "/dav/c/"), 200);
  EXPECT_EQ(w.status("GET", "/dav/"), 200);
  EXPECT_EQ(w.status("GET", "/dav/f"), 200);
  EXPECT_EQ(w.status("GET", "/dav/f/"), 404);
  EXPECT_EQ(w.status("GET", "/dav/none"), 404);
  // Every other method means the collection either way.
  EXPECT_EQ(w.status("PROPFIND", "/dav/c", {{"Depth", "0"}}), 207);
  EXPECT_EQ(w.status("OPTIONS", "/dav/c"), 200);
  EXPECT_EQ(w.status("PROPPATCH", "/dav/c", {}, set_properties("<x:p/>")), 207);
  EXPECT_EQ(w.status("COPY", "/dav/c", {{"Destination", "/dav/d"}}), 201);
  EXPECT_EQ(w.status("MOVE", "/dav/d", {{"Destination", "/dav/e"}}), 201);
  EXPECT_EQ(w.status("LOCK", "/dav/e", {}, lockinfo()), 200);
  EXPECT_EQ(w.status("PUT", "/dav/c", {}, "x"), 405);
  EXPECT_EQ(w.status("DELETE", "/dav/c"), 204);
}

TEST(Get, CutsARangeOutOfNothingElseThanWhatTheClientHas) {  // RFC 9110 §13.1.5
  World w;
  w.put("/f", "hello");
  const std::string tag = w.etag("/f");
  const std::string marked = tag.substr(0, tag.size() - 1) + "-gzip\"";
  EXPECT_EQ(w.status("GET", "/f", {{"Range", "bytes=1-2"}, {"If-Range", tag}}), 206);
  EXPECT_EQ(w.status("GET", "/f", {{"Range", "bytes=1-2"}, {"If-Range", marked}}), 200)
      << "it has a part of what was compressed";
  EXPECT_EQ(w.status("GET", "/f", {{"If-None-Match", marked}}), 304);
  EXPECT_EQ(w.status("GET", "/f", {{"If-None-Match", "W/" + marked}}), 304);
  EXPECT_EQ(w.status("GET", "/f", {{"If-Match", marked}}), 200);
  EXPECT_EQ(w.status("GET", "/f", {{"If-Match", "W/" + tag}}), 412);
}

}  // namespace
}  // namespace holdfast::test
