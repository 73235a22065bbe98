// The namespace mounted below a prefix (issue: "at / or under a prefix, with the ancestors of the
// prefix answering OPTIONS and PROPFIND"; docs/clients.md R4, docs/robustness.md P9, P10).
#include <gmock/gmock.h>

#include "tests/dav/world.h"

namespace holdfast::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

dav::Options mounted(std::string_view prefix) {
  dav::Options options;
  options.space.prefix = dav::parse_prefix(prefix);
  return options;
}

TEST(Prefix, EveryMethodWorksBelowIt) {
  for (const char* prefix : {"/dav", "/a/b", "/a%20b", "/dav/"}) {
    World w(mounted(prefix));
    std::string base = prefix;
    if (base.back() == '/') base.pop_back();
    w.put(base + "/f", "x");
    w.mkcol(base + "/c");
    EXPECT_EQ(w.get(base + "/f"), "x");
    EXPECT_THAT(hrefs(w.send("PROPFIND", base, {{"Depth", "1"}})),
                ElementsAre(base + "/", base + "/c/", base + "/f"));
    EXPECT_EQ(w.status("COPY", base + "/f", {{"Destination", base + "/c/g"}}), 201);
    EXPECT_EQ(
        w.status("MOVE", base + "/c/g", {{"Destination", "http://localhost:8080" + base + "/c/h"}}),
        201);
    const Answer lock = w.send("LOCK", base + "/c", {}, lockinfo());
    EXPECT_EQ(granted(lock).at(0).root, base + "/c/");
    EXPECT_EQ(w.locks_of(base + "/c/h").at(0).root, base + "/c/");
    const Answer refused = w.send("PUT", base + "/c/h", {}, "x");
    EXPECT_EQ(refusal(refused).hrefs, std::vector<std::string>{base + "/c/"});
    EXPECT_EQ(w.status("PUT", base + "/c/h", with_token(base + "/c", lock.lock_token()), "x"), 204);
    EXPECT_EQ(w.status("UNLOCK", base + "/c", {{"Lock-Token", "<" + lock.lock_token() + ">"}}),
              204);
    EXPECT_EQ(single(w.send("PROPPATCH", base + "/f", {}, set_properties("<x:p/>"))).href,
              base + "/f");
    const std::string page = w.get(base + "/c/");
    EXPECT_THAT(page, HasSubstr("href=\"" + base + "/c/h\""));
    EXPECT_THAT(page, HasSubstr("href=\"" + base + "/\""));
    EXPECT_EQ(w.status("DELETE", base), 403);
    EXPECT_EQ(w.status("MKCOL", base), 405);
    EXPECT_EQ(w.status("DELETE", base + "/c"), 204);
  }
}

TEST(Prefix, TheRootIsNamedAfterIt) {  // docs/clients.md R19
  World w(mounted("/a/b%20c"));
  EXPECT_EQ(w.properties("/a/b%20c", "displayname").text("displayname"), "b c");
}

TEST(Prefix, AncestorsAnswerOptionsAndPropfind) {  // docs/clients.md R4
  World w(mounted("/a/b"));
  w.put("/a/b/f");
  for (const char* target : {"/", "/a", "/a/", "*"}) {
    const Answer answer = w.send("OPTIONS", target);
    EXPECT_EQ(answer.status, 200) << target;
    EXPECT_EQ(answer.header("DAV"), "1, 2, 3, sabredav-partialupdate") << target;
    EXPECT_EQ(answer.header("MS-Author-Via"), "DAV") << target;
  }
  EXPECT_THAT(hrefs(w.send("PROPFIND", "/", {{"Depth", "0"}})), ElementsAre("/"));
  EXPECT_THAT(hrefs(w.send("PROPFIND", "/", {{"Depth", "1"}})), ElementsAre("/", "/a/"));
  EXPECT_THAT(hrefs(w.send("PROPFIND", "/a", {{"Depth", "1"}})), ElementsAre("/a/", "/a/b/"));
  EXPECT_THAT(hrefs(w.send("PROPFIND", "/a/", {{"Depth", "0"}})), ElementsAre("/a/"));
  const auto found = single(w.send("PROPFIND", "/a", {{"Depth", "0"}},
                                   propfind("resourcetype displayname getcontentlength")));
  EXPECT_THAT(found.find("resourcetype")->children, ElementsAre("collection"));
  EXPECT_EQ(found.text("displayname"), "a");
  EXPECT_EQ(found.code("getcontentlength"), 404);
  EXPECT_EQ(single(w.send("PROPFIND", "/", {{"Depth", "0"}}, propfind("displayname")))
                .code("displayname"),
            404);
  const Answer infinity = w.send("PROPFIND", "/");
  EXPECT_EQ(infinity.status, 403);
  EXPECT_EQ(refusal(infinity).precondition, "propfind-finite-depth");
}

TEST(Prefix, AncestorsShowNothingOfTheRootsOwn) {
  World w(mounted("/a"));
  EXPECT_EQ(w.status("PROPPATCH", "/a", {}, set_properties("<x:p>secret</x:p>")), 207);
  w.lock("/a");
  const auto found = multistatus(w.send("PROPFIND", "/", {{"Depth", "1"}}));
  ASSERT_EQ(found.size(), 2U);
  for (const auto& response : found) EXPECT_EQ(response.code("p", "urn:x"), 0) << response.href;
}

TEST(Prefix, AncestorsAreNotInTheNamespace) {
  World w(mounted("/a/b"));
  w.put("/a/b/f");
  const std::string before = w.dump();
  struct Row {
    const char* method;
    int status;
  };
  const Row rows[] = {{"GET", 404},   {"HEAD", 404},      {"PUT", 403},  {"DELETE", 403},
                      {"MKCOL", 405}, {"PROPPATCH", 403}, {"LOCK", 403}, {"UNLOCK", 403},
                      {"COPY", 403},  {"MOVE", 403}};
  for (const Row& row : rows)
    for (const char* target : {"/", "/a", "/a/"})
      EXPECT_EQ(w.status(row.method, target, {{"Destination", "/a/b/x"}, {"Lock-Token", "<a:b>"}}),
                row.status)
          << row.method << " " << target;
  EXPECT_EQ(w.dump(), before);
}

TEST(Prefix, NothingOutsideIsReached) {  // docs/robustness.md P9, P10
  World w(mounted("/dav"));
  w.put("/dav/f", "x");
  const std::string before = w.dump();
  for (const char* target : {"/d", "/da", "/davx", "/davx/f", "/dav2/f", "/DAV/f", "/other"})
    for (const char* method : {"GET", "PUT", "DELETE", "PROPFIND", "MKCOL", "OPTIONS"})
      EXPECT_EQ(w.status(method, target), 404) << method << target;
  for (const char* target : {"/dav../x", "/dav/../x", "/dav%2e%2e/x", "/dav/%2e%2e/x"}) {
    const int status = w.status("GET", target);
    EXPECT_TRUE(status == 400 || status == 404) << target;
  }
  for (const char* destination :
       {"/", "/d", "/da", "/dav", "/dav/", "", "http:", "http://h", "http://h:", "//", "/davx",
        "/davx/g", "http://localhost:8080", "http://localhost:8080/davx/g"}) {
    const int status = w.status("COPY", "/dav/f", {{"Destination", destination}});
    EXPECT_TRUE(status == 502 || status == 403 || status == 400) << destination << status;
    EXPECT_EQ(w.dump(), before) << destination;
  }
}

}  // namespace
}  // namespace holdfast::test
