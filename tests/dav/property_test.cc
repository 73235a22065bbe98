// The table of live properties (dav/property.h): what derives from its rows is what clients see.
#include "dav/property.h"

#include <gmock/gmock.h>
#include <set>

#include "dav/propfind_request.h"
#include "tests/dav/world.h"

namespace holdfast::test {
namespace {

std::string element(const dav::LiveProperty& live, std::string_view value = {}) {
  const std::string name(live.name);
  return "<p:" + name + " xmlns:p=\"" + std::string(live.xmlns) + "\">" + std::string(value) +
         "</p:" + name + ">";
}

std::string question(const dav::LiveProperty& live) {
  return "<D:propfind xmlns:D=\"DAV:\"><D:prop>" + element(live) + "</D:prop></D:propfind>";
}

struct Store : World {
  Store() {
    put("/f");
    mkcol("/c");
  }
};

TEST(Properties, AreFoundByTheirExpandedName) {
  std::set<storage::PropertyName> names;
  for (const dav::LiveProperty& live : dav::live_properties()) {
    const storage::PropertyName name{std::string(live.xmlns), std::string(live.name)};
    EXPECT_EQ(dav::find_live(name), &live);
    EXPECT_TRUE(names.insert(name).second) << live.name;
    EXPECT_EQ(dav::find_live({"urn:x", name.name}), nullptr);
  }
}

TEST(Properties, AreOfTheKindsThatTheirRowSays) {
  Store w;
  for (const dav::LiveProperty& live : dav::live_properties()) {
    for (const auto& [target, kind] :
         {std::pair("/f", dav::LiveProperty::file), std::pair("/c", dav::LiveProperty::collection),
          std::pair("/", dav::LiveProperty::unnamed_root)}) {
      SCOPED_TRACE(std::string(live.name) + " " + target);
      const bool synced = kind != dav::LiveProperty::file;
      const bool defined =
          (live.kinds & (kind | (synced ? dav::LiveProperty::synced : 0U))) != 0;
      const MultistatusResponse shown =
          single(w.send("PROPFIND", target, {{"Depth", "0"}}, question(live)));
      EXPECT_EQ(shown.code(live.name, live.xmlns), defined ? 200 : 404);
      const std::string propname = "<D:propfind xmlns:D=\"DAV:\"><D:propname/></D:propfind>";
      EXPECT_EQ(single(w.send("PROPFIND", target, {{"Depth", "0"}}, propname))
                    .code(live.name, live.xmlns),
                defined ? 200 : 0);
      EXPECT_EQ(single(w.send("PROPFIND", target, {{"Depth", "0"}})).code(live.name, live.xmlns),
                defined && live.in_allprop ? 200 : 0);
    }
  }
}

TEST(Properties, AreChangedByProppatchAsTheirRowSays) {
  using Patch = dav::LiveProperty::Patch;
  Store w;
  for (const dav::LiveProperty& live : dav::live_properties()) {
    SCOPED_TRACE(live.name);
    const auto status = [&](std::string_view value) {
      return single(w.send("PROPPATCH", "/f", {}, set_properties(element(live, value))))
          .code(live.name, live.xmlns);
    };
    if (live.patch == Patch::compared) {
      EXPECT_EQ(status("SHA256:2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881"),
                200)
          << "of \"x\"";
      EXPECT_EQ(status("SHA256:" + std::string(64, '0')), 409);
    } else {
      EXPECT_EQ(status("Thu, 01 Jan 1970 00:00:10 GMT") == 200, !live.is_protected());
      EXPECT_EQ(status("10") == 200, !live.is_protected());
    }
    const std::string removal =
        propertyupdate("<D:remove><D:prop>" + element(live) + "</D:prop></D:remove>");
    EXPECT_EQ(single(w.send("PROPPATCH", "/f", {}, removal)).code(live.name, live.xmlns),
              live.patch == Patch::stored ? 200 : 403);
    EXPECT_EQ(live.is_protected(), live.patch == Patch::refused || live.patch == Patch::compared);
  }
}

TEST(Properties, ALookUpIsMadeJustForThoseThatNeedIt) {
  for (const dav::LiveProperty& live : dav::live_properties()) {
    SCOPED_TRACE(live.name);
    const dav::PropFind propfind = dav::PropFind::parse(question(live), {});
    EXPECT_EQ(propfind.needs(), live.needs);
    EXPECT_EQ(propfind.wanted().locks, (live.needs & dav::LiveProperty::locks) != 0);
    EXPECT_EQ(propfind.wanted().checksums, (live.needs & dav::LiveProperty::checksums) != 0);
    EXPECT_EQ(propfind.wanted().properties, live.patch == dav::LiveProperty::Patch::stored);
  }
  EXPECT_EQ(dav::PropFind().needs(), dav::LiveProperty::locks) << "allprop";
}

}  // namespace
}  // namespace holdfast::test
