// The table of methods (dav/method.h): what derives from its rows is what clients see.
#include "dav/method.h"

#include <gmock/gmock.h>
#include <set>

#include "tests/dav/world.h"

namespace holdfast::test {
namespace {

constexpr std::string_view kAll =
    "OPTIONS, GET, HEAD, PUT, DELETE, MKCOL, COPY, MOVE, PROPFIND, PROPPATCH, LOCK, UNLOCK";

storage::Resource resource_at(World& w, const storage::Path& path) {
  return *w.store.names.snapshot()->resolve(path).resource;
}

TEST(Methods, AreFoundByTheirExactName) {
  std::set<std::string_view> names;
  for (const dav::Method& method : dav::methods()) {
    EXPECT_EQ(dav::find_method(method.name), &method);
    EXPECT_TRUE(names.insert(method.name).second) << method.name;
  }
  for (const char* unknown : {"", "get", "GET ", "REPORT", "PROPFINDX"})
    EXPECT_EQ(dav::find_method(unknown), nullptr) << unknown;
}

TEST(Methods, RowsAgreeWithThemselves) {
  for (const dav::Method& method : dav::methods()) {
    SCOPED_TRACE(method.name);
    EXPECT_EQ(method.handle == nullptr, method.allowed_on == 0);
    EXPECT_EQ(method.body_limit_bytes == nullptr, method.body == dav::BodyUse::ignored);
    EXPECT_FALSE(method.access == dav::Access::write && method.quick != dav::Quick::never);
  }
}

TEST(Methods, AllowListsThoseOfTheTableInItsOrder) {
  World w;
  w.put("/f");
  w.mkcol("/c");
  EXPECT_EQ(w.send("OPTIONS", "*").header("Allow"), kAll);
  EXPECT_EQ(w.send("POST", "/f").header("Allow"), kAll);
  EXPECT_EQ(w.send("OPTIONS", "/f").header("DAV"), "1, 2, 3");
  EXPECT_EQ(dav::allowed_on(resource_at(w, storage::Path({"f"}))),
            "OPTIONS, GET, HEAD, PUT, DELETE, COPY, MOVE, PROPFIND, PROPPATCH, LOCK, UNLOCK");
  EXPECT_EQ(dav::allowed_on(resource_at(w, storage::Path({"c"}))),
            "OPTIONS, GET, HEAD, DELETE, COPY, MOVE, PROPFIND, PROPPATCH, LOCK, UNLOCK");
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
    const int status = w.status(method.name, target, {{"Depth", "0"}}, large);
    EXPECT_EQ(status == 413, method.body != dav::BodyUse::ignored);
    const int small = w.status(method.name, target, {{"Depth", "0"}}, "x");
    EXPECT_EQ(small == 415, method.body == dav::BodyUse::refused);
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

}  // namespace
}  // namespace holdfast::test
