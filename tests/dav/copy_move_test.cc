// COPY and MOVE (RFC 4918 §9.8, §9.9): tables of refusals, and all small trees against a model.
#include <gmock/gmock.h>
#include <map>

#include "http/origin.h"
#include "tests/dav/world.h"

namespace holdfast::test {
namespace {

TEST(CopyMove, RefusalsChangeNothing) {
  struct Row {
    const char* url;
    Headers headers;
    int copy;
    int move;
    const char* source;
  };
  const auto to = [](const char* destination) { return Headers{{"Destination", destination}}; };
  const Row rows[] = {
      {"/f", {}, 400, 400, "RFC 4918 §10.3: no Destination"},
      {"/f", to(""), 400, 400, "docs/robustness.md P9"},
      {"/f", to("g"), 400, 400, "RFC 4918 §10.3: not absolute"},
      {"/f", to("http:"), 400, 400, "docs/robustness.md P9"},
      {"/f", to("http://"), 400, 400, "docs/robustness.md P9"},
      {"/f", to("http://other.example/g"), 502, 502, "RFC 4918 §9.8.5, docs/robustness.md S10"},
      {"/f", to("http://localhost:9999/g"), 502, 502, "docs/robustness.md S10"},
      {"/f", to("http://user@localhost:8081/g"), 502, 502, "docs/robustness.md S10"},
      {"/f", to("ftp://localhost:8080/g"), 502, 502, "docs/robustness.md S10"},
      {"/f", to("/../g"), 400, 400, "docs/robustness.md P3"},
      {"/f", to("/g#x"), 400, 400, "docs/robustness.md P8"},
      {"/none", to("/g"), 404, 404, "RFC 9110 §15.5.5"},
      {"/f/", to("/g"), 404, 404, "docs/robustness.md P14"},
      {"/f", to("/none/g"), 409, 409, "RFC 4918 §9.8.5, docs/clients.md R52"},
      {"/f", to("/f2/g"), 409, 409, "RFC 4918 §9.8.5: the parent is a file"},
      {"/f", to("/f"), 403, 403, "RFC 4918 §9.8.5, §9.9.4"},
      {"/f", to("//f"), 403, 403, "RFC 4918 §9.8.5"},
      {"/f", to("/%66"), 403, 403, "RFC 4918 §9.8.5"},
      {"/c", to("/c/"), 403, 403, "docs/robustness.md D4"},
      {"/c", to("/c/d/e"), 403, 403, "docs/robustness.md D4: into itself"},
      {"/c", to("/c/new"), 403, 403, "docs/robustness.md D4: into itself"},
      {"/c/d", to("/c"), 403, 403, "docs/robustness.md D4: an ancestor"},
      {"/c/d/f", to("/c"), 403, 403, "docs/robustness.md D4: an ancestor"},
      {"/", to("/new"), 403, 403, "docs/robustness.md D4"},
      {"/f", to("/"), 403, 403, "docs/robustness.md D4"},
      {"/c", to("/"), 403, 403, "docs/robustness.md D4"},
      {"/f",
       {{"Destination", "/f2"}, {"Overwrite", "F"}},
       412,
       412,
       "RFC 4918 §10.6, docs/clients.md R54"},
      {"/f", {{"Destination", "/c"}, {"Overwrite", "f"}}, 412, 412, "RFC 4918 §10.6"},
      {"/f", {{"Destination", "/g"}, {"Overwrite", "maybe"}}, 400, 400, "RFC 4918 §10.6"},
      {"/f", {{"Destination", "/g"}, {"Depth", "1"}}, 400, 400, "RFC 4918 §9.8.3"},
      {"/c", {{"Destination", "/g"}, {"Depth", "1"}}, 400, 400, "RFC 4918 §9.8.3"},
      {"/f", {{"Destination", "/g"}, {"If-Match", "\"a\""}}, 412, 412, "RFC 9110 §13.1.1"},
      {"/f", {{"Destination", "/g"}, {"If", "</g> ([\"a\"])"}}, 412, 412, "RFC 4918 §10.4"},
  };
  World w;
  w.put("/f", "f");
  w.put("/f2", "f2");
  w.mkcol("/c");
  w.mkcol("/c/d");
  w.put("/c/d/f");
  const std::string before = w.dump();
  for (const Row& row : rows) {
    EXPECT_EQ(w.status("COPY", row.url, row.headers), row.copy) << row.url << " " << row.source;
    EXPECT_EQ(w.dump(), before) << row.source;
    EXPECT_EQ(w.status("MOVE", row.url, row.headers), row.move) << row.url << " " << row.source;
    EXPECT_EQ(w.dump(), before) << row.source;
  }
  EXPECT_EQ(w.status("MOVE", "/c", {{"Destination", "/g"}, {"Depth", "0"}}), 400);  // §9.9.2
  EXPECT_EQ(w.dump(), before);
}

TEST(CopyMove, TakeTheDestinationInEveryForm) {  // docs/clients.md R23
  const char* forms[] = {"/c/new",
                         "http://localhost:8080/c/new",
                         "https://localhost:8080/c/new",
                         "HTTP://LOCALHOST:8080/c/new",
                         "http://localhost/c/new",
                         "http://anna:s%20cret@localhost:8080/c/new",
                         "/c/new/",
                         "//c//new"};
  for (const char* form : forms) {
    for (const char* source : {"/f", "/d", "/d/"}) {
      World w;
      w.mkcol("/c");
      w.put("/f");
      w.mkcol("/d");
      EXPECT_EQ(w.status("COPY", source, {{"Destination", form}}), 201) << form;
      EXPECT_EQ(w.status("MOVE", source, {{"Destination", form}}), 204) << form;
      EXPECT_EQ(w.status("HEAD", "/c/new"), 200);
      EXPECT_EQ(w.status("HEAD", source), 404);
    }
  }
  World w;
  w.put("/f");
  EXPECT_EQ(w.status("COPY", "/f", {{"Destination", "/\xC3\x84 b"}}), 201);  // Joplin: not encoded
  EXPECT_EQ(w.status("HEAD", "/%C3%84%20b"), 200);
}

// A name with a raw "?" is cut off there by whoever takes it for a query, and then another resource
// is replaced, with all its members.
TEST(CopyMove, RefuseADestinationWithAQuery) {  // RFC 3986 §3.4
  World w;
  w.put("/f");
  w.mkcol("/d");
  w.mkcol("/dir");
  w.put("/dir/member");
  w.put("/what");
  const std::string before = w.dump();
  for (const char* destination :
       {"/dir?/x", "/what?.txt", "/what?", "/new?", "/dir/?", "/?", "http://localhost:8080/dir?/x",
        "https://localhost:8080/what?.txt", "http://localhost:8080?x", "/dir/a%3F?b",
        "http://elsewhere.example/what?.txt"})
    for (const char* method : {"COPY", "MOVE"})
      for (const char* source : {"/f", "/d"})
        for (const char* overwrite : {"T", "F"}) {
          EXPECT_EQ(
              w.status(method, source, {{"Destination", destination}, {"Overwrite", overwrite}}),
              400)
              << method << destination;
          EXPECT_EQ(w.dump(), before);
        }
  EXPECT_EQ(w.status("DELETE", "/what", {{"If", "</what?.txt> ([" + w.etag("/what") + "])"}}), 400);
  EXPECT_EQ(w.status("COPY", "/f", {{"Destination", "/what%3F.txt"}}), 201);
  EXPECT_EQ(w.status("MOVE", "/d", {{"Destination", "/dir%3f"}}), 201);
  EXPECT_EQ(w.status("DELETE", "/what%3F.txt",
                     {{"If", "</what%3F.txt> ([" + w.etag("/what%3F.txt") + "])"}}),
            204);
  EXPECT_EQ(w.get("/dir/member"), "x");
}

TEST(CopyMove, KnowThePublicUrl) {  // issue: another host is 502, with public_url for proxies
  dav::Options options;
  options.space.origins = {{http::Scheme::https, "files.example.org"}};
  World w(options);
  w.put("/f");
  EXPECT_EQ(w.status("COPY", "/f", {{"Destination", "https://files.example.org/g"}}), 201);
  EXPECT_EQ(w.status("COPY", "/f", {{"Destination", "https://files.example.org:444/g"}}), 502);
  EXPECT_EQ(w.status("COPY", "/f", {{"Destination", "https://example.org/g"}}), 502);
}

// A trusted proxy that names itself in Host, and the client's host in X-Forwarded-Host: URLs are
// judged against what the client asked for (docs/clients.md R23, docs/robustness.md S10).
TEST(CopyMove, KnowTheHostThatAProxyWasAskedFor) {
  struct Row {
    const char* forwarded;  // empty: no trusted proxy said anything
    const char* destination;
    int status;
  };
  constexpr Row rows[] = {
      {"", "https://dav.example/g", 502},
      {"dav.example", "https://evil.example/g", 502},
      {"dav.example:443", "https://dav.example:8443/g", 502},
      {"dav.example", "http://backend:8080/g", 502},  // the proxy's name for us is nobody else's
      {"dav.example", "https://dav.example@evil.example/g", 502},
      {"", "http://backend:8080/g", 201},
      {"dav.example", "https://dav.example/g", 201},
      {"dav.example", "http://DAV.example:80/g", 201},
      {"dav.example:8443", "https://dav.example:8443/g", 201},
      {"[2001:db8::1]:8443", "https://[2001:DB8::1]:8443/g", 201},
      {"dav.example", "https://lan.example/g", 201},  // configured
      {"dav.example", "/g", 201},
  };
  for (const Row& row : rows) {
    dav::Options options;
    options.space.origins = {{http::Scheme::https, "lan.example"},
                             {http::Scheme::http, "other.example", 81}};
    World w(options);
    w.put("/f");
    w.dav.host("backend:8080");
    w.dav.forwarded_host(row.forwarded);
    EXPECT_EQ(w.status("COPY", "/f", {{"Destination", row.destination}}), row.status)
        << row.forwarded << " " << row.destination;
    EXPECT_EQ(w.status("MOVE", "/f", {{"Destination", row.destination}}),
              row.status == 201 ? 204 : row.status)
        << row.forwarded << " " << row.destination;
  }
}

TEST(CopyMove, GiveContentAndDatesAndTagsTheirDue) {  // docs/storage.md#entity-tags
  World w;
  w.put("/a", "a");
  w.put("/b", "b");
  const std::string tag_a = w.etag("/a");
  const std::string tag_b = w.etag("/b");
  EXPECT_EQ(w.status("PROPPATCH", "/a", {},
                     set_properties("<D:lastmodified>1700000000</D:lastmodified>")),
            207);
  EXPECT_EQ(w.status("LOCK", "/a", {}, lockinfo("shared")), 200);
  EXPECT_EQ(w.etag("/a"), tag_a);  // neither PROPPATCH nor LOCK changes it
  EXPECT_EQ(w.status("COPY", "/a", {{"Destination", "/b"}}), 204);
  EXPECT_NE(w.etag("/b"), tag_b);
  EXPECT_EQ(w.get("/b"), "a");
  EXPECT_EQ(w.send("HEAD", "/b").header("Last-Modified"), "Tue, 14 Nov 2023 22:13:20 GMT");
  const std::string before = w.etag("/b");
  EXPECT_EQ(w.status("MOVE", "/b", {{"Destination", "/c"}}), 201);
  EXPECT_EQ(w.etag("/c"), before);  // renaming keeps it
  // A copy is another resource: writing to it leaves the original alone.
  w.put("/c", "changed");
  EXPECT_EQ(w.get("/a"), "a");
}

TEST(CopyMove, SetTheDateAClientAsksFor) {  // docs/clients.md R42
  World w;
  w.put("/a");
  for (const char* method : {"COPY", "MOVE"}) {
    const Answer answer =
        w.send(method, "/a", {{"Destination", "/b"}, {"X-OC-Mtime", "1700000000"}});
    EXPECT_EQ(answer.header("X-OC-Mtime"), "accepted");
    EXPECT_EQ(w.send("HEAD", "/b").header("Last-Modified"), "Tue, 14 Nov 2023 22:13:20 GMT");
    EXPECT_FALSE(w.send("COPY", "/b", {{"Destination", "/x"}}).has("X-OC-Mtime"));
  }
}

TEST(Copy, OfACollectionWithDepthZeroTakesNoMembers) {  // RFC 4918 §9.8.3, docs/robustness.md D5
  World w;
  w.mkcol("/c");
  w.put("/c/f");
  EXPECT_EQ(w.status("PROPPATCH", "/c", {}, set_properties("<x:p>v</x:p>")), 207);
  w.mkcol("/old");
  w.put("/old/gone");
  EXPECT_EQ(w.status("COPY", "/c", {{"Destination", "/old"}, {"Depth", "0"}}), 204);
  EXPECT_EQ(multistatus(w.send("PROPFIND", "/old", {{"Depth", "1"}})).size(), 1U);
  EXPECT_EQ(single(w.send("PROPFIND", "/old", {{"Depth", "0"}})).text("p", "urn:x"), "v");
}

TEST(Copy, HasALimitOfResources) {  // docs/robustness.md D5
  dav::Options options;
  options.copy_limit = 3;
  World w(options);
  w.mkcol("/c");
  w.put("/c/a");
  w.put("/c/b");
  EXPECT_EQ(w.status("COPY", "/c", {{"Destination", "/d"}}), 201);
  w.put("/c/e");
  const std::string before = w.dump();
  EXPECT_EQ(w.status("COPY", "/c", {{"Destination", "/g"}}), 507);
  EXPECT_EQ(w.status("COPY", "/c", {{"Destination", "/d"}}), 507);
  EXPECT_EQ(w.dump(), before);
  EXPECT_EQ(w.status("COPY", "/c", {{"Destination", "/g"}, {"Depth", "0"}}), 201);
  EXPECT_EQ(w.status("MOVE", "/c", {{"Destination", "/h"}}), 201);  // moves no content
}

TEST(CopyMove, ResultsStayInsideThePathLimits) {  // docs/robustness.md P18
  World w;
  std::string deep;
  for (int i = 0; i < 130; ++i) w.mkcol(deep += "/d");
  std::string other;
  for (int i = 0; i < 125; ++i) w.mkcol(other += "/e");
  const std::string before = w.dump();
  EXPECT_EQ(w.status("MOVE", "/d", {{"Destination", other + "/x/"}}), 201);  // 125 + 130 = 255
  EXPECT_EQ(w.status("MOVE", other + "/x", {{"Destination", "/d"}}), 201);
  w.mkcol(other + "/e");
  w.mkcol(other + "/e/e");
  const std::string full = w.dump();
  for (const char* method : {"COPY", "MOVE"})
    EXPECT_EQ(w.status(method, "/d", {{"Destination", other + "/e/e/x"}}), 403) << method;
  EXPECT_EQ(w.dump(), full);
  EXPECT_EQ(w.status("COPY", "/d", {{"Destination", other + "/e/e/x"}, {"Depth", "0"}}), 201);
}

// ---- all small trees against a model -------------------------------------------------------

// A tree as a map from URL (collections end in a slash) to content.
using Tree = std::map<std::string, std::string>;

bool below(const std::string& url, const std::string& top) {
  return url != top && top.back() == '/' && url.starts_with(top);
}

Tree read(World& w) {
  Tree tree;
  for (const MultistatusResponse& each :
       multistatus(w.send("PROPFIND", "/", {{"Depth", "infinity"}}, propfind("resourcetype"))))
    tree[each.href] = each.href.back() == '/' ? "" : w.get(each.href);
  return tree;
}

struct Outcome {
  int status;
  Tree tree;
};

// What RFC 4918 §9.8 and §9.9 say shall be, written down plainly.
Outcome expected(const Tree& tree, bool moves, const std::string& from, const std::string& name,
                 bool overwrite) {
  const bool collection = from.back() == '/';
  const std::string to = collection ? name + "/" : name;
  if (name == "/" || name.empty()) return {403, tree};
  const std::string other = collection ? name : name + "/";  // mapped with the other type
  const bool mapped = tree.contains(to) || tree.contains(other);
  const std::string mapped_url = tree.contains(to) ? to : other;
  if (to == from) return {403, tree};
  if (below(to, from)) return {403, tree};
  if (mapped && below(from, mapped_url)) return {403, tree};
  const std::string parent = name.substr(0, name.rfind('/') + 1);
  if (!tree.contains(parent)) return {409, tree};
  if (mapped && !overwrite) return {412, tree};
  Tree result;
  for (const auto& [url, content] : tree) {
    const bool in_target = mapped && (url == mapped_url || below(url, mapped_url));
    const bool in_source = url == from || below(url, from);
    if (!in_target && !(moves && in_source)) result[url] = content;
    if (in_source) result[to + url.substr(from.size())] = content;
  }
  return {mapped ? 204 : 201, result};
}

void build(World& w, const Tree& tree) {
  for (const auto& [url, content] : tree) {
    if (url == "/") continue;
    if (url.back() == '/') {
      w.mkcol(url);
    } else {
      w.put(url, content);
    }
  }
}

TEST(CopyMove, EverySmallTreeComesOutAsTheModelSays) {
  const Tree trees[] = {
      {{"/", ""}, {"/a", "A"}, {"/b", "B"}},
      {{"/", ""}, {"/a/", ""}, {"/b", "B"}},
      {{"/", ""}, {"/a/", ""}, {"/a/a", "AA"}, {"/b", "B"}},
      {{"/", ""}, {"/a/", ""}, {"/a/b/", ""}, {"/a/b/a", "ABA"}, {"/b/", ""}, {"/b/a", "BA"}},
      {{"/", ""}, {"/a/", ""}, {"/a/a/", ""}, {"/a/a/a/", ""}, {"/a/a/a/a", "deep"}},
      {{"/", ""}, {"/a/", ""}, {"/a/b", "AB"}, {"/b/", ""}, {"/b/b/", ""}, {"/b/b/b", "BBB"}},
      {{"/", ""}, {"/a b/", ""}, {"/a b/b", "AB"}, {"/a", "A"}},
  };
  const char* destinations[] = {"/a",   "/b",   "/c",     "/a/a",   "/a/b", "/a/c",
                                "/b/a", "/b/b", "/b/b/b", "/a/a/b", "/c/a", "/a/a/a/b"};
  std::size_t judged = 0;
  for (const Tree& plain : trees) {
    Tree tree;  // URLs as they are sent
    for (const auto& [url, content] : plain) {
      std::string sent = url;
      if (const std::size_t space = sent.find(' '); space != std::string::npos)
        sent.replace(space, 1, "%20");
      tree[sent] = content;
    }
    for (const auto& [from, content] : tree) {
      if (from == "/") continue;
      for (const char* destination : destinations) {
        for (const bool moves : {false, true}) {
          for (const bool overwrite : {false, true}) {
            World w;
            w.store.names.rerun_closures(judged % 8 == 0);
            build(w, tree);
            const Outcome outcome = expected(tree, moves, from, destination, overwrite);
            const Answer answer =
                w.send(moves ? "MOVE" : "COPY", from,
                       {{"Destination", destination}, {"Overwrite", overwrite ? "T" : "F"}});
            ++judged;
            EXPECT_EQ(answer.status, outcome.status)
                << (moves ? "MOVE " : "COPY ") << from << " → " << destination << overwrite;
            EXPECT_EQ(read(w), outcome.tree)
                << (moves ? "MOVE " : "COPY ") << from << " → " << destination << overwrite;
            EXPECT_TRUE(w.store.names.check(false).problems.empty());
            if (testing::Test::HasFailure()) return;
          }
        }
      }
    }
  }
  EXPECT_GT(judged, 900U);
}

TEST(CopyMove, ShareNoStateWithLargeContent) {  // docs/storage.md#invariants
  World w;
  const std::string large(100'000, 'x');
  w.put("/a", large);
  EXPECT_EQ(w.status("COPY", "/a", {{"Destination", "/b"}}), 201);
  EXPECT_EQ(w.store.contents.files(), 1U);  // no bytes were touched
  EXPECT_EQ(w.status("DELETE", "/a"), 204);
  EXPECT_TRUE(w.get("/b") == large);
  EXPECT_TRUE(w.store.names.garbage(10).empty());
  EXPECT_EQ(w.status("DELETE", "/b"), 204);
  EXPECT_EQ(w.store.names.garbage(10).size(), 1U);
}

}  // namespace
}  // namespace holdfast::test
