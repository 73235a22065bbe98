// --junk-files: the files that desktops strew about, under each policy (dav/junk.h, docs/clients.md
// R58).
#include "dav/junk.h"

#include <gmock/gmock.h>

#include "tests/dav/world.h"
#include "tests/support/faulty_store.h"

namespace holdfast::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

dav::Options with(dav::JunkFiles policy) {
  dav::Options options;
  options.junk_files = policy;
  return options;
}

std::vector<std::string> listed(World& w, const std::string& depth = "1") {
  std::vector<std::string> all;
  for (const auto& response :
       multistatus(w.send("PROPFIND", "/", {{"Depth", depth}}, propfind("resourcetype"))))
    all.push_back(response.href);
  return all;
}

TEST(Junk, IsWhatDesktopsLeaveBehind) {
  for (const char* name : {"._a", "._", "._.", ".DS_Store", ".ds_store", "Thumbs.db", "thumbs.db",
                           "desktop.ini", "Desktop.ini", "._\xC3\xA4"})
    EXPECT_TRUE(dav::is_junk(name)) << name;
  for (const char* name : {"", ".", "a._", "_.a", ".a", "DS_Store", ".DS_Store2", "Thumbs.db2",
                           "my desktop.ini", ".hidden", "~$d.docx", ".~lock.d.odt#"})
    EXPECT_FALSE(dav::is_junk(name)) << name;
}

TEST(Junk, IsAFileLikeAnyOtherByDefault) {
  World w;
  w.put("/._a", "resource fork");
  w.put("/.DS_Store", "view");
  EXPECT_EQ(w.get("/._a"), "resource fork");
  EXPECT_THAT(listed(w), ElementsAre("/", "/.DS_Store", "/._a"));
  EXPECT_EQ(w.status("MOVE", "/._a", {{"Destination", "/._b"}}), 201);
  EXPECT_EQ(w.status("DELETE", "/._a"), 404);
}

TEST(Junk, HiddenIsKeptAndNotListed) {
  World w(with(dav::JunkFiles::hide));
  w.mkcol("/d");
  for (const char* target : {"/a", "/._a", "/.DS_Store", "/d/Thumbs.db", "/d/b"}) w.put(target);
  w.mkcol("/._folder");  // only files are junk
  EXPECT_THAT(listed(w), ElementsAre("/", "/._folder/", "/a", "/d/"));
  EXPECT_THAT(listed(w, "infinity"), ElementsAre("/", "/._folder/", "/a", "/d/", "/d/b"));
  const std::string page = w.get("/");
  EXPECT_THAT(page, HasSubstr("._folder"));
  EXPECT_THAT(page, Not(HasSubstr(".DS_Store")));
  EXPECT_THAT(page, Not(HasSubstr("._a")));
  // By its own URL it is there, with everything.
  EXPECT_EQ(w.get("/._a"), "x");
  EXPECT_EQ(w.properties("/._a", "getcontentlength").text("getcontentlength"), "1");
  w.lock("/._a");
  EXPECT_EQ(w.status("PUT", "/._a", {}, "y"), 423);
  // It goes and comes with its collection.
  EXPECT_EQ(w.status("MOVE", "/d", {{"Destination", "/e"}}), 201);
  EXPECT_EQ(w.get("/e/Thumbs.db"), "x");
  EXPECT_EQ(w.status("DELETE", "/e"), 204);
  EXPECT_EQ(w.status("GET", "/e/Thumbs.db"), 404);
}

TEST(Junk, DiscardedLeavesNothingBehind) {
  World w(with(dav::JunkFiles::discard));
  w.mkcol("/d");
  w.put("/a");
  const std::string before = w.dump();
  const std::string patch =
      set_properties("<x:a>1</x:a><Z:Win32FileAttributes>2</Z:Win32FileAttributes>");
  for (const char* target : {"/._a", "/.DS_Store", "/d/Thumbs.db", "/d/desktop.ini"}) {
    SCOPED_TRACE(target);
    for (const char* method : {"GET", "HEAD", "PROPFIND"})
      EXPECT_EQ(w.status(method, target, {{"Depth", "0"}}), 404) << method;
    const Answer put = w.send("PUT", target, {{"X-OC-Mtime", "1700000000"}}, "dropped");
    EXPECT_EQ(put.status, 201);
    EXPECT_TRUE(put.has("ETag") && put.has("Last-Modified"));
    EXPECT_EQ(put.header("X-OC-Mtime"), "accepted");
    const auto patched = single(w.send("PROPPATCH", target, {}, patch));
    ASSERT_EQ(patched.propstats.size(), 1U);
    EXPECT_EQ(patched.propstats[0].code(), 200);
    EXPECT_EQ(w.status("MOVE", target, {{"Destination", "/d/._b"}}), 201);
    EXPECT_EQ(w.status("COPY", target, {{"Destination", "/d/._b"}}), 201);
    EXPECT_EQ(w.status("DELETE", target), 204);
    EXPECT_EQ(w.status("GET", target), 404);
    EXPECT_EQ(w.dump(), before);
    EXPECT_EQ(w.store.contents.uploads(), 0U);
  }
}

TEST(Junk, DiscardedWorksUnderItsLock) {  // Explorer and Finder lock first
  World w(with(dav::JunkFiles::discard));
  const std::string before = w.dump();
  for (const char* target : {"/desktop.ini", "/._f.bin"}) {
    EXPECT_EQ(w.status("PUT", target), 201);
    const Answer lock = w.send("LOCK", target, {{"Depth", "0"}}, lockinfo());
    EXPECT_EQ(lock.status, 201);
    const Headers held = with_token(lock.lock_token());
    EXPECT_EQ(w.status("PUT", target, {}, "without the token"), 423);
    EXPECT_EQ(single(w.send("PROPPATCH", target, held,
                            set_properties("<Z:Win32FileAttributes>2</Z:Win32FileAttributes>")))
                  .propstats.at(0)
                  .code(),
              200);
    const Answer head = w.send("HEAD", target);
    EXPECT_EQ(head.status, 200);
    EXPECT_EQ(head.length, 0U);
    const Answer put =
        w.send("PUT", target, held + Headers{{"If-Match", head.header("ETag")}}, "dropped");
    EXPECT_EQ(put.status, 204);
    EXPECT_EQ(put.header("ETag"), head.header("ETag"));
    EXPECT_EQ(w.get(target), "");
    EXPECT_EQ(w.status("LOCK", target, held), 200);
    EXPECT_THAT(listed(w), ElementsAre("/"));
    EXPECT_EQ(w.status("UNLOCK", target, {{"Lock-Token", "<" + lock.lock_token() + ">"}}), 204);
    EXPECT_EQ(w.status("HEAD", target), 404);
  }
  // The collection is as it was but for the date: members came and went.
  EXPECT_EQ(w.dump().size(), before.size());
}

TEST(Junk, DiscardingUnlocksOnlyItsOwn) {
  World w(with(dav::JunkFiles::discard));
  const std::string one = w.lock("/._a", "0", "shared");
  const std::string two = w.lock("/._a", "0", "shared");
  EXPECT_EQ(w.status("UNLOCK", "/._a", {{"Lock-Token", "<" + one + ">"}}), 204);
  EXPECT_EQ(w.status("HEAD", "/._a"), 200);  // the other lock still needs it
  EXPECT_EQ(w.status("UNLOCK", "/._a", {{"Lock-Token", "<" + two + ">"}}), 204);
  EXPECT_EQ(w.status("HEAD", "/._a"), 404);
  // A lock on a file that holds something, or on its collection, takes nothing along.
  w.put("/real", "data");
  ASSERT_EQ(w.status("MOVE", "/real", {{"Destination", "/._real"}}), 201);
  const std::string real = w.lock("/._real");
  EXPECT_EQ(w.status("UNLOCK", "/._real", {{"Lock-Token", "<" + real + ">"}}), 204);
  EXPECT_EQ(w.get("/._real"), "data");
}

TEST(Junk, DiscardingNeverLosesContent) {
  World w(with(dav::JunkFiles::discard));
  w.put("/real", "data");
  // A file with another name that becomes junk keeps its content, and takes new content.
  EXPECT_EQ(w.status("COPY", "/real", {{"Destination", "/._copy"}}), 201);
  EXPECT_EQ(w.status("MOVE", "/real", {{"Destination", "/._real"}}), 201);
  EXPECT_EQ(w.get("/._copy"), "data");
  EXPECT_EQ(w.get("/._real"), "data");
  EXPECT_EQ(w.status("PUT", "/._real", {}, "new"), 204);
  EXPECT_EQ(w.get("/._real"), "new");
  EXPECT_EQ(w.status("MOVE", "/._real", {{"Destination", "/real"}}), 201);
  EXPECT_EQ(w.get("/real"), "new");
  // What was never stored cannot take a real name.
  EXPECT_EQ(w.status("PUT", "/._gone", {}, "dropped"), 201);
  EXPECT_EQ(w.status("MOVE", "/._gone", {{"Destination", "/real"}}), 404);
  EXPECT_EQ(w.get("/real"), "new");
}

TEST(Junk, DiscardingStillSaysNo) {
  World w(with(dav::JunkFiles::discard));
  w.put("/file");
  EXPECT_EQ(w.status("PUT", "/none/._a", {}, "x"), 409);
  EXPECT_EQ(w.status("LOCK", "/none/._a", {}, lockinfo()), 409);
  EXPECT_EQ(w.status("PROPPATCH", "/none/._a", {}, set_properties("<x:a>1</x:a>")), 404);
  EXPECT_EQ(w.status("DELETE", "/none/._a"), 404);
  EXPECT_EQ(w.status("PUT", "/file/._a", {}, "x"), 409);
  EXPECT_EQ(w.status("PUT", "/._a", {{"If-Match", "*"}}, "x"), 412);
  EXPECT_EQ(w.status("PUT", "/._a", {{"Content-Range", "bytes 0-0/1"}}, "x"), 400);
  StringBody cut("0123456789");
  cut.ends(http::Body::State::truncated, 5);
  EXPECT_EQ(w.dav.send("PUT", "/._a", {}, cut).status, 400);
  EXPECT_EQ(w.status("MKCOL", "/._a"), 201);  // a collection is no junk
  EXPECT_EQ(w.status("PUT", "/._a/b", {}, "x"), 201);
  EXPECT_EQ(w.status("DELETE", "/._a"), 204);
  const std::string token = w.lock("/");
  EXPECT_EQ(w.status("PUT", "/._a", {}, "x"), 423);
}

TEST(Junk, A404CostsOneLookUp) {  // clients trap 15: hundreds of these for every folder
  for (const auto policy : {dav::JunkFiles::store, dav::JunkFiles::hide, dav::JunkFiles::discard}) {
    MemoryStore store;
    FaultPlan plan;
    FaultyNamespace names(store.names, plan);
    const dav::Engine engine(names, store.contents, with(policy));
    DavClient dav(engine);
    for (const char* method : {"GET", "HEAD", "PROPFIND"}) {
      const std::uint64_t before = plan.steps();
      EXPECT_EQ(dav.send(method, "/._a", {{"Depth", "0"}}).status, 404);
      EXPECT_EQ(plan.steps() - before, 2U) << method;  // a snapshot and its one question
    }
  }
}

}  // namespace
}  // namespace holdfast::test
