// The table of methods (dav/method.h): what derives from its rows is what clients see.
#include "dav/method.h"

#include <gmock/gmock.h>
#include <set>

#include "tests/dav/world.h"

namespace holdfast::test {
namespace {

constexpr std::string_view kAll =
    "OPTIONS, GET, HEAD, PUT, DELETE, MKCOL, COPY, MOVE, PROPFIND, PROPPATCH, REPORT, "
    "SEARCH, LOCK, UNLOCK, PATCH";

constexpr std::string_view kPatchType = "application/x-sabredav-partialupdate";

storage::Resource resource_at(World& w, const storage::Path& path) {
  return *w.store.names.snapshot()->resolve(path).resource;
}

TEST(Methods, AreFoundByTheirExactName) {
  std::set<std::string_view> names;
  for (const dav::Method& method : dav::methods()) {
    EXPECT_EQ(dav::find_method(method.name), &method);
    EXPECT_TRUE(names.insert(method.name).second) << method.name;
  }
  for (const char* unknown : {"", "get", "GET ", "SEARCHX", "PROPFINDX"})
    EXPECT_EQ(dav::find_method(unknown), nullptr) << unknown;
}

TEST(Methods, RowsAgreeWithThemselves) {
  for (const dav::Method& method : dav::methods()) {
    SCOPED_TRACE(method.name);
    EXPECT_EQ(method.handle == nullptr, method.allowed_on == 0);
    EXPECT_EQ(method.body_limit_bytes == nullptr,
              method.body == dav::BodyUse::ignored || method.body == dav::BodyUse::none);
    EXPECT_FALSE(method.access == dav::Access::write && method.quick != dav::Quick::never);
  }
}

TEST(Methods, AllowListsThoseOfTheTableInItsOrder) {
  World w;
  w.put("/f");
  w.mkcol("/c");
  EXPECT_EQ(w.send("OPTIONS", "*").header("Allow"), kAll);
  EXPECT_EQ(w.send("POST", "/f").header("Allow"), kAll);
  EXPECT_EQ(w.send("OPTIONS", "/f").header("DAV"), "1, 2, 3, sabredav-partialupdate");
  EXPECT_EQ(
      dav::allowed_on(resource_at(w, storage::Path({"f"}))),
      "OPTIONS, GET, HEAD, PUT, DELETE, COPY, MOVE, PROPFIND, PROPPATCH, REPORT, SEARCH, LOCK, "
      "UNLOCK, PATCH");
  EXPECT_EQ(dav::allowed_on(resource_at(w, storage::Path({"c"}))),
            "OPTIONS, GET, HEAD, DELETE, COPY, MOVE, PROPFIND, PROPPATCH, REPORT, SEARCH, LOCK, "
            "UNLOCK");
  EXPECT_EQ(dav::allowed_on(std::nullopt), "OPTIONS, PUT, MKCOL, LOCK");
}

// 405 tells of a method that is not allowed on a mapped resource, whatever else is wrong.
TEST(Methods, AreRefusedWith405JustWhereTheirRowSaysSo) {
  for (const dav::Method& method : dav::methods()) {
    for (const auto& [target, named] :
         {std::pair("/f", dav::kFile), std::pair("/c", dav::kCollection)}) {
      SCOPED_TRACE(std::string(method.name) + " " + target);
      World w;
      w.put("/f");
      w.mkcol("/c");
      EXPECT_EQ(w.status(method.name, target) == 405, (method.allowed_on & named) == 0);
    }
    World w;
    const int status = w.status(method.name, "*");
    if (method.allowed_on == 0) {
      EXPECT_EQ(status, 405) << method.name;
    } else {
      EXPECT_EQ(status == 400, (method.allowed_on & dav::kServer) == 0) << method.name;
    }
  }
}

TEST(Methods, ReadNoMoreOfABodyThanTheirRowSays) {
  dav::Options options;
  options.body_limit_bytes = options.xml_limit_bytes = options.proppatch_limit_bytes = 100;
  const std::string large(101, ' ');
  for (const dav::Method& method : dav::methods()) {
    SCOPED_TRACE(method.name);
    if (method.allowed_on == 0) continue;
    World w(options);
    w.put("/f");
    const char* target = (method.allowed_on & dav::kFile) != 0 ? "/f" : "/new";
    const Headers headers = {
        {"Depth", "0"}, {"Content-Type", std::string(kPatchType)}, {"X-Update-Range", "append"}};
    const Headers& fitting = method.name == "PATCH" ? headers : Headers{{"Depth", "0"}};
    const int status = w.status(method.name, target, fitting, large);
    EXPECT_EQ(status == 413,
              method.body != dav::BodyUse::ignored && method.body != dav::BodyUse::none);
    const int small = w.status(method.name, target, fitting, "x");
    EXPECT_EQ(small == 415,
              method.body == dav::BodyUse::refused || method.body == dav::BodyUse::none);
    if (method.body == dav::BodyUse::xml) {
      EXPECT_EQ(small, 400);
    } else if (method.body == dav::BodyUse::content) {
      EXPECT_EQ(small, 204);
    }
  }
}

TEST(Methods, AreQuickByTheirHead) {
  http::Fields none, zero, one;
  zero.add("Depth", "0");
  one.add("Depth", "1");
  std::set<std::string_view> quick, quick_with_zero;
  for (const dav::Method& method : dav::methods()) {
    if (dav::is_quick(method, none)) quick.insert(method.name);
    if (dav::is_quick(method, zero)) quick_with_zero.insert(method.name);
    EXPECT_EQ(dav::is_quick(method, one), dav::is_quick(method, none)) << method.name;
  }
  EXPECT_THAT(quick, testing::UnorderedElementsAre("OPTIONS", "GET", "HEAD"));
  EXPECT_THAT(quick_with_zero, testing::UnorderedElementsAre("OPTIONS", "GET", "HEAD", "PROPFIND"));
}

// RFC 4918 §8.4, RFC 9110 §15.5.16.
TEST(Methods, RefuseABodyThatMeansNothing) {
  const struct {
    const char* method;
    const char* target;
    Headers headers;
    int status;  // without a body
  } rows[] = {
      {"OPTIONS", "/f", {}, 200},
      {"OPTIONS", "*", {}, 200},
      {"DELETE", "/f", {}, 204},
      {"COPY", "/f", {{"Destination", "/g"}}, 201},
      {"MOVE", "/f", {{"Destination", "/g"}}, 201},
      {"UNLOCK", "/f", {{"Lock-Token", "<urn:x:y>"}}, 409},
      // Theirs is ignored, as RFC 9110 §9.3.1 has it.
      {"GET", "/f", {}, 200},
      {"HEAD", "/f", {}, 200},
  };
  for (const auto& row : rows) {
    SCOPED_TRACE(row.method);
    const bool reads = row.status == 200 && std::string_view(row.method) != "OPTIONS";
    for (const bool chunked : {false, true})
      for (const std::string text : {"", "x", "<D:propertybehavior xmlns:D=\"DAV:\"/>"}) {
        World w;
        w.put("/f");
        const std::string before = w.dump();
        StringBody body(text);
        if (chunked) body.chunked();
        const Answer answer = w.dav.send(row.method, row.target, row.headers, body);
        EXPECT_EQ(answer.status, text.empty() || reads ? row.status : 415) << chunked << text;
        if (answer.status != 415) continue;
        EXPECT_EQ(w.dump(), before);
        EXPECT_NE(answer.body.find("takes no body"), std::string::npos);
      }
  }
  World w;
  w.put("/f");
  StringBody cut("xxxx");
  cut.chunked().ends(http::Body::State::malformed, 0);
  EXPECT_EQ(w.dav.send("DELETE", "/f", {}, cut).status, 400);
  EXPECT_EQ(w.status("HEAD", "/f"), 200);
}

}  // namespace
}  // namespace holdfast::test
