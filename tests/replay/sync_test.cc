// What sync clients and single-purpose clients send, step by step: rclone, Joplin, Keepass2Android,
// Zotero, LibreOffice, DAVx5, the npm client (docs/robustness.md L8).
#include <gmock/gmock.h>

#include "tests/dav/world.h"
#include "tests/replay/under_dav.h"

namespace holdfast::test {
namespace {

using testing::HasSubstr;

TEST(Replay, RcloneSyncsWithChecksums) {
  World w(under_dav());
  w.mkcol("/dav/b");
  const std::string body =
      "<?xml version=\"1.0\"?>\n<d:propfind  xmlns:d=\"DAV:\" xmlns:oc=\"http://owncloud.org/ns\" "
      "xmlns:nc=\"http://nextcloud.org/ns\">\n <d:prop>\n  <d:displayname />\n"
      "  <d:getlastmodified />\n  <d:getcontentlength />\n  <d:resourcetype />\n"
      "  <oc:checksums />\n  <oc:permissions />\n </d:prop>\n</d:propfind>\n";
  const auto root = single(w.send("PROPFIND", "/dav/b", {{"Depth", "0"}}, body));  // 1
  EXPECT_EQ(root.find("resourcetype")->children.at(0), "collection");
  EXPECT_EQ(root.text("permissions", kOwnCloud), "GDNVCK");
  EXPECT_EQ(multistatus(w.send("PROPFIND", "/dav/b/", {{"Depth", "1"}}, body)).size(), 1U);  // 2
  EXPECT_EQ(w.status("MKCOL", "/dav/b/"), 405);                                              // 3
  EXPECT_EQ(w.status("MKCOL", "/dav/b/x/y/"), 409);                                          // 4
  EXPECT_EQ(w.status("MKCOL", "/dav/b/x/"), 201);
  EXPECT_EQ(w.status("MKCOL", "/dav/b/x/y/"), 201);

  const std::string file = "/dav/b/x/y/f";
  const Headers mtime = {{"X-OC-Mtime", "1700000000"}};
  const std::string sha1 = "aaf4c61ddcc5e8a2dabede0f3b482cd9aea9434d";
  EXPECT_EQ(w.status("PUT", file, mtime + Headers{{"OC-Checksum", "SHA1:" + std::string(40, '0')}},
                     "hello"),
            400);  // 5
  EXPECT_EQ(w.status("PROPFIND", file, {{"Depth", "0"}}, body), 404);
  const Answer put = w.send("PUT", file, mtime + Headers{{"OC-Checksum", "SHA1:" + sha1}}, "hello");
  EXPECT_EQ(put.status, 201);
  EXPECT_EQ(put.header("X-OC-Mtime"), "accepted");
  const auto stat = single(w.send("PROPFIND", file, {{"Depth", "0"}}, body));  // 6
  EXPECT_EQ(stat.href, file);
  EXPECT_EQ(stat.text("getlastmodified"), "Tue, 14 Nov 2023 22:13:20 GMT");
  EXPECT_EQ(stat.text("getcontentlength"), "5");
  const Shown* checksums = stat.find("checksums", kOwnCloud);
  ASSERT_NE(checksums, nullptr);
  EXPECT_THAT(dav::xml::Document::parse(checksums->xml).root().children().at(0).text(),
              HasSubstr("SHA1:" + sha1 + " "));

  const auto patched = single(w.send(  // 8
      "PROPPATCH", file, {},
      "<?xml version=\"1.0\" encoding=\"utf-8\" ?><D:propertyupdate "
      "xmlns:D=\"DAV:\"><D:set><D:prop>"
      "<lastmodified "
      "xmlns=\"DAV:\">1700000001</lastmodified></D:prop></D:set></D:propertyupdate>"));
  EXPECT_EQ(patched.propstats.at(0).code(), 200);
  for (const char* method : {"COPY", "MOVE"}) {  // 9
    const Answer answer = w.send(
        method, file,
        mtime + Headers{{"Destination", "http://localhost:8080/dav/b/" + std::string(method)},
                        {"Overwrite", "T"}});
    EXPECT_EQ(answer.status, 201) << method;
    EXPECT_EQ(answer.header("X-OC-Mtime"), "accepted");
  }
  const Answer range =
      w.send("GET", "/dav/b/COPY", {{"Range", "bytes=1-3"}, {"Depth", "0"}});  // 10
  EXPECT_EQ(range.status, 206);
  EXPECT_EQ(range.header("Content-Range"), "bytes 1-3/5");
  EXPECT_EQ(multistatus(w.send("PROPFIND", "/dav/b/x/y/", {{"Depth", "1"}}, body)).size(),
            1U);  // 11
  EXPECT_EQ(w.status("DELETE", "/dav/b/x/y/"), 204);

  w.lock("/dav/b/COPY");  // 12: after a refused PUT it deletes
  EXPECT_EQ(w.status("PUT", "/dav/b/COPY", mtime, "new"), 423);
  EXPECT_EQ(w.status("DELETE", "/dav/b/COPY"), 423);
  EXPECT_EQ(w.get("/dav/b/COPY"), "hello");
}

TEST(Replay, JoplinSyncs) {
  World w(under_dav());
  w.mkcol("/dav/joplin");
  int counter = 0;
  const auto send = [&](const std::string& method, const std::string& path, Headers headers = {},
                        const std::string& body = "") {
    headers.emplace_back("Cache-Control", "no-store");
    if (method != "GET" && method != "HEAD")
      headers.emplace_back("If-None-Match", "JoplinIgnore-" + std::to_string(++counter));
    return w.send(method, "/dav/joplin/" + path, headers, body);
  };
  EXPECT_EQ(send("GET", "info.json").status, 404);          // 1
  EXPECT_EQ(send("GET", ".sync/version.txt").status, 404);  // 2
  for (const int expected : {201, 405})                     // 3
    for (const char* folder : {"locks/", "temp/", ".resource/", ".sync/", ".lock/"})
      EXPECT_EQ(send("MKCOL", folder).status, expected) << folder;
  for (const int expected : {201, 204})  // 4
    EXPECT_EQ(send("PUT", ".sync/version.txt", {{"Content-Type", "text/plain"}}, "2").status,
              expected);
  EXPECT_EQ(send("PUT", "info.json", {}, "{}").status, 201);           // 5
  EXPECT_EQ(send("PUT", "locks/1_1_abc.json", {}, "{}").status, 201);  // 6
  const std::string body =
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?><d:propfind xmlns:d=\"DAV:\"><d:prop "
      "xmlns:oc=\"http://owncloud.org/ns\"><d:getlastmodified/><d:resourcetype/></d:prop></"
      "d:propfind>";
  const Headers depth = {{"Depth", "1"}, {"Content-Type", "text/xml"}};
  EXPECT_EQ(multistatus(send("PROPFIND", "locks/", depth, body)).at(1).href,
            "/dav/joplin/locks/1_1_abc.json");
  EXPECT_EQ(send("DELETE", "locks/1_1_abc.json").status, 204);
  for (int i = 0; i < 50; ++i)
    EXPECT_EQ(send("PUT", std::to_string(i) + "0123456789abcdef.md", {}, "note").status, 201);
  const auto listed = multistatus(send("PROPFIND", "", depth, body));  // 7
  EXPECT_EQ(listed.size(), 1U + 5 + 1 + 50);
  for (const auto& each : listed) EXPECT_NE(each.text("getlastmodified"), "(none)") << each.href;
  EXPECT_EQ(send("GET", "00123456789abcdef.md").body, "note");  // 8
  EXPECT_EQ(send("MOVE", "00123456789abcdef.md",
                 {{"Destination", "http://localhost:8080/dav/joplin/temp/\xC3\xA9 x.md"},
                  {"Overwrite", "T"}})
                .status,
            201);
  EXPECT_EQ(send("DELETE", "gone.md").status, 404);
  EXPECT_EQ(send("PROPFIND", "missing.md", {{"Depth", "0"}}, body).status, 404);  // 9
}

TEST(Replay, Keepass2AndroidSaves) {
  World w(under_dav());
  w.put("/dav/db.kdbx", "old");
  EXPECT_EQ(w.status("PUT", "/dav/db.tmp.1a2b3c4d.kdbx", {}, "new"), 201);
  EXPECT_EQ(w.status("PROPFIND", "/dav/db.kdbx", {{"Depth", "0"}}), 207);
  EXPECT_EQ(w.status("DELETE", "/dav/db.kdbx"), 204);
  EXPECT_EQ(w.status("MOVE", "/dav/db.tmp.1a2b3c4d.kdbx",
                     {{"Destination", "http://localhost:8080/dav/db.kdbx"}, {"Overwrite", "T"}}),
            201);
  EXPECT_EQ(w.get("/dav/db.kdbx"), "new");
}

TEST(Replay, ZoteroVerifiesTheServer) {
  World w(under_dav());
  w.mkcol("/dav/zotero");
  EXPECT_TRUE(w.send("OPTIONS", "/dav/zotero/").has("DAV"));
  EXPECT_EQ(w.status("PROPFIND", "/dav/zotero/", {{"Depth", "0"}}, propfind("getcontentlength")),
            207);
  EXPECT_EQ(w.status("GET", "/dav/zotero/nonexistent.prop"), 404);
  EXPECT_EQ(w.status("PUT", "/dav/zotero/zotero-test-file.prop", {}, " "), 201);
  EXPECT_EQ(w.get("/dav/zotero/zotero-test-file.prop"), " ");
  EXPECT_EQ(w.status("DELETE", "/dav/zotero/zotero-test-file.prop"), 204);
}

TEST(Replay, LibreOfficeEdits) {
  World w(under_dav());
  const std::string file = "/dav/d.odt";
  w.put(file, "old");
  EXPECT_EQ(w.status("OPTIONS", file), 200);
  const Answer lock = w.send("LOCK", file, {{"Depth", "0"}, {"Timeout", "Second-180"}},
                             lockinfo("exclusive", "Ann Author"));
  EXPECT_EQ(lock.status, 200);
  EXPECT_EQ(granted(lock).at(0).timeout, "Second-180");
  EXPECT_EQ(w.get(file), "old");
  const Headers held = with_token(lock.lock_token());
  EXPECT_EQ(w.status("LOCK", file, held + Headers{{"Timeout", "Second-180"}}), 200);
  EXPECT_EQ(w.status("PUT", file, held, "new"), 204);
  w.store.clock.advance(181'000);
  // Nobody did anything to the document since: the lock that ran out lives again.
  EXPECT_EQ(w.status("PUT", file, held, "late"), 204);
  EXPECT_EQ(w.locks_of(file).size(), 1U);
  w.store.clock.advance(181'000);
  EXPECT_EQ(w.status("PUT", file, {}, "another's"), 204);
  EXPECT_EQ(w.status("PUT", file, held, "late"), 412);  // then it looks whether its lock is there
  EXPECT_TRUE(w.locks_of(file).empty());
  const std::string again = w.lock(file, "0");
  EXPECT_EQ(w.status("PUT", file, with_token(again), "late"), 204);
  EXPECT_EQ(w.status("UNLOCK", file, {{"Lock-Token", "<" + again + ">"}}), 204);
}

TEST(Replay, Davx5ReadsPages) {
  World w(under_dav());
  const std::string content(5'000'000, 'p');
  w.put("/dav/v.mp4", content);
  const Answer head = w.send("HEAD", "/dav/v.mp4");
  EXPECT_EQ(head.length, content.size());
  EXPECT_EQ(head.header("Accept-Ranges"), "bytes");
  const Headers match = {{"If-Match", head.header("ETag")}};
  std::size_t read = 0;
  for (std::size_t offset = 0; offset < content.size(); offset += 2 << 20) {
    const std::string range =
        "bytes=" + std::to_string(offset) + "-" + std::to_string(offset + (2 << 20) - 1);
    const Answer page = w.send("GET", "/dav/v.mp4", match + Headers{{"Range", range}});
    EXPECT_EQ(page.status, 206);
    read += page.body.size();
  }
  EXPECT_EQ(read, content.size());
  w.put("/dav/v.mp4", "changed");
  EXPECT_EQ(w.status("GET", "/dav/v.mp4", match + Headers{{"Range", "bytes=0-1"}}), 412);
}

TEST(Replay, NpmClientLocks) {
  World w(under_dav());
  w.put("/dav/f");
  const Answer lock =
      w.send("LOCK", "/dav/f", {{"Timeout", "Infinite, Second-4100000000"}},
             "<?xml version=\"1.0\" encoding=\"utf-8\"?><a:lockinfo xmlns:a=\"DAV:\">"
             "<a:lockscope><a:exclusive/></a:lockscope><a:locktype><a:write/>"
             "</a:locktype><a:owner><a:href>x</a:href></a:owner></a:lockinfo>");
  EXPECT_EQ(lock.status, 200);
  EXPECT_EQ(granted(lock).size(), 1U);
  EXPECT_EQ(granted(lock)[0].timeout, "Second-3600");
  EXPECT_EQ(w.status("UNLOCK", "/dav/f", {{"Lock-Token", lock.lock_token()}}), 204);
  w.put("/dav/g");
  EXPECT_EQ(w.status("PUT", "/dav/g", {{"If-None-Match", "*"}}, "x"), 412);  // overwrite: false
}

}  // namespace
}  // namespace holdfast::test
