// What desktop clients send, step by step, with answers read as they read them: Windows Explorer,
// Word, Finder, davfs2, gvfs (docs/robustness.md L8). The steps come from the clients' sources and
// traces.
#include <gmock/gmock.h>

#include "dav/headers.h"
#include "tests/dav/world.h"
#include "tests/replay/under_dav.h"

namespace holdfast::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

const std::string kXmlType = "text/xml; charset=\"utf-8\"";

std::string lockinfo_href(const std::string& owner) {
  return lockinfo("exclusive", "<D:href>" + owner + "</D:href>");
}

// The answer to a PUT of `bytes` with chunked coding.
Answer put_chunked(World& w, const std::string& target, const Headers& headers, std::string bytes) {
  StringBody body(std::move(bytes));
  body.chunked();
  return w.dav.send("PUT", target, headers, body);
}

TEST(Replay, WindowsExplorerDragsAFileIn) {
  World w(under_dav());
  const Headers every = {{"User-Agent", "Microsoft-WebDAV-MiniRedir/10.0.19045"},
                         {"translate", "f"}};
  const Headers zero = every + Headers{{"Depth", "0"}, {"Content-Length", "0"}};
  const Headers one = every + Headers{{"Depth", "1"}, {"Content-Length", "0"}};

  const Answer options = w.send("OPTIONS", "/", every);  // 1
  EXPECT_EQ(options.status, 200);
  EXPECT_THAT(options.header("DAV"), StartsWith("1, 2"));
  EXPECT_EQ(options.header("MS-Author-Via"), "DAV");
  EXPECT_EQ(hrefs(w.send("PROPFIND", "/", zero)).at(0), "/");                  // 2
  EXPECT_THAT(hrefs(w.send("PROPFIND", "/dav", zero)), ElementsAre("/dav/"));  // 3
  EXPECT_THAT(hrefs(w.send("PROPFIND", "/dav", one)), ElementsAre("/dav/"));   // 4
  EXPECT_EQ(w.status("PROPFIND", "/dav/a.txt", zero), 404);                    // 5
  EXPECT_EQ(w.status("PUT", "/dav/a.txt", every), 201);                        // 6
  const Answer lock = w.send(                                                  // 7
      "LOCK", "/dav/a.txt", every + Headers{{"Timeout", "Second-3600"}, {"Content-Type", kXmlType}},
      lockinfo_href("HOST\\user"));
  EXPECT_EQ(lock.status, 200);
  const Headers with_lock = every + with_token(lock.lock_token());
  const std::string date = "Tue, 14 Nov 2023 22:13:20 GMT";
  const std::string later = "Tue, 14 Nov 2023 22:13:30 GMT";
  const auto win32 = [](const std::string& name, const std::string& value) {
    return "<Z:Win32" + name + ">" + value + "</Z:Win32" + name + ">";
  };
  const auto first = single(w.send(  // 8
      "PROPPATCH", "/dav/a.txt", with_lock,
      set_properties(win32("CreationTime", date) + win32("LastAccessTime", date) +
                     win32("LastModifiedTime", date) + win32("FileAttributes", "00000020"))));
  ASSERT_EQ(first.propstats.size(), 1U);
  EXPECT_EQ(first.propstats[0].status, "HTTP/1.1 200 OK");
  const Answer head = w.send("HEAD", "/dav/a.txt", every);  // 9
  EXPECT_EQ(head.status, 200);
  EXPECT_EQ(head.length, 0U);
  EXPECT_EQ(w.status("PUT", "/dav/a.txt", with_lock, "eighteen bytes...."), 204);  // 10
  const auto second = single(w.send(                                               // 11
      "PROPPATCH", "/dav/a.txt", with_lock,
      set_properties(win32("LastModifiedTime", later) + win32("FileAttributes", "00000020"))));
  ASSERT_EQ(second.propstats.size(), 1U);
  EXPECT_EQ(second.propstats[0].code(), 200);
  EXPECT_EQ(w.status("UNLOCK", "/dav/a.txt", every + Headers{{"Lock-Token", lock.lock_token()}}),
            204);                                                    // 12, without brackets
  const auto listed = multistatus(w.send("PROPFIND", "/dav", one));  // 13
  ASSERT_EQ(listed.size(), 2U);
  EXPECT_EQ(listed[1].href, "/dav/a.txt");
  EXPECT_EQ(listed[1].text("getcontentlength"), "18");
  EXPECT_EQ(listed[1].text("getlastmodified"), later);
  for (const char* junk : {"/dav/desktop.ini", "/dav/Thumbs.db"})
    EXPECT_EQ(w.status("PROPFIND", junk, zero), 404);
  w.put("/dav/b.txt");
  const Headers to_b = every + Headers{{"Destination", "http://localhost:8080/dav/b.txt"}};
  EXPECT_EQ(w.status("MOVE", "/dav/a.txt", to_b + Headers{{"Overwrite", "F"}}), 412);
  EXPECT_EQ(w.status("MOVE", "/dav/a.txt", to_b + Headers{{"Overwrite", "T"}}), 204);
  EXPECT_EQ(w.status("DELETE", "/dav/b.txt", every), 204);
}

TEST(Replay, WordOpensSavesAndCloses) {
  World w(under_dav());
  w.put("/dav/d.docx", "old");
  w.store.clock.advance(60'000);
  const std::string me = "ann";
  const auto send = [&](const char* method, const Headers& headers, const std::string& body = "") {
    return w.send_as(me, method, "/dav/d.docx", headers, body);
  };
  EXPECT_EQ(w.send_as(me, "OPTIONS", "/dav/").header("MS-Author-Via"), "DAV");  // 1
  const Answer head = send("HEAD", {});                                         // 2
  EXPECT_EQ(head.length, 3U);
  EXPECT_TRUE(head.has("ETag") && head.has("Last-Modified"));
  const auto found = single(send("PROPFIND", {{"Depth", "0"}, {"Brief", "t"}},  // 3
                                 propfind("resourcetype getetag getcontentlength creationdate "
                                          "getlastmodified lockdiscovery supportedlock")));
  EXPECT_EQ(found.propstats.size(), 1U);
  const Answer lock = send("LOCK", {{"Timeout", "Second-3600"}}, lockinfo_href("PC/user"));  // 4
  EXPECT_EQ(lock.status, 200);
  EXPECT_EQ(granted(lock).size(), 1U);
  const std::string token = lock.lock_token();
  EXPECT_EQ(send("GET", {{"Depth", "0"}, {"translate", "f"}}).body, "old");  // 5
  for (int i = 0; i < 3; ++i) {                                              // 6
    w.store.clock.advance(1'000'000);
    const Answer refresh = send("LOCK", with_token(token));
    EXPECT_EQ(refresh.status, 200);
    EXPECT_EQ(granted(refresh).at(0).timeout, "Second-3600");
  }
  const Answer combined = send("PUT", {{"Lock-Token", "<" + token + ">"}}, "new");  // 7
  EXPECT_EQ(combined.status, 204);
  EXPECT_TRUE(combined.has("ETag"));
  EXPECT_EQ(send("PUT", with_token(token), "newer").status, 204);  // 7b
  const auto patched = single(send(                                // 8: no token
      "PROPPATCH", {},
      set_properties("<Z:Win32LastModifiedTime>Tue, 14 Nov 2023 22:13:20 GMT"
                     "</Z:Win32LastModifiedTime><Z:Win32FileAttributes>00000020"
                     "</Z:Win32FileAttributes>")));
  EXPECT_EQ(patched.propstats.at(0).code(), 200);
  EXPECT_EQ(send("HEAD", {}).length, 5U);  // 9

  // A second person meanwhile.
  const Answer refused = w.send_as("bob", "LOCK", "/dav/d.docx", {}, lockinfo_href("PC2/bob"));
  EXPECT_EQ(refused.status, 423);
  EXPECT_EQ(refusal(refused).precondition, "no-conflicting-lock");
  EXPECT_EQ(w.send_as("bob", "PUT", "/dav/d.docx", {}, "mine").status, 423);
  EXPECT_EQ(w.send_as("bob", "GET", "/dav/d.docx").body, "newer");
  EXPECT_THAT(
      w.send_as("bob", "PROPFIND", "/dav/d.docx", {{"Depth", "0"}}, propfind("lockdiscovery")).body,
      HasSubstr("PC/user"));
  EXPECT_EQ(send("UNLOCK", {{"Lock-Token", "<" + token + ">"}}).status, 204);  // 10
}

TEST(Replay, WordSavesThroughAMappedDrive) {
  World w(under_dav());
  w.put("/dav/d.docx", "old");
  EXPECT_EQ(w.status("PUT", "/dav/~$d.docx", {}, "owner"), 201);
  EXPECT_EQ(w.status("PUT", "/dav/xxxx.tmp", {}, "new"), 201);
  EXPECT_EQ(w.status("MOVE", "/dav/d.docx", {{"Destination", "/dav/yyyy.tmp"}, {"Overwrite", "F"}}),
            201);
  EXPECT_EQ(w.status("MOVE", "/dav/xxxx.tmp", {{"Destination", "/dav/d.docx"}, {"Overwrite", "F"}}),
            201);
  EXPECT_EQ(w.status("DELETE", "/dav/yyyy.tmp"), 204);
  EXPECT_EQ(w.get("/dav/d.docx"), "new");
}

TEST(Replay, FinderMountsAndCopiesIn) {
  World w(under_dav());
  const Headers every = {{"User-Agent", "WebDAVFS/3.0.0 (03008000) Darwin/23.0.0 (arm64)"},
                         {"Accept", "*/*"}};
  const Headers zero = every + Headers{{"Depth", "0"}, {"Content-Type", "text/xml"}};
  EXPECT_THAT(w.send("OPTIONS", "/dav/", every).header("DAV"), HasSubstr("2"));  // 1
  const auto root = single(w.send(                                               // 2
      "PROPFIND", "/dav/", zero,
      propfind("getlastmodified getcontentlength creationdate resourcetype")));
  EXPECT_EQ(root.propstats.at(0).code(), 200);
  EXPECT_EQ(root.code("getcontentlength"), 404);
  const auto quota = single(w.send(  // 3
      "PROPFIND", "/dav/", zero,
      propfind("quota-available-bytes quota-used-bytes quota quotaused")));
  EXPECT_GT(std::stoull(quota.text("quota-available-bytes")), 0U);
  const Answer listing = w.send(  // 4
      "PROPFIND", "/dav/", every + Headers{{"Depth", "1"}},
      "<?xml version=\"1.0\" encoding=\"utf-8\"?><D:propfind xmlns:D=\"DAV:\"><D:prop "
      "xmlns:A=\"http://www.apple.com/webdav_fs/props/\"><D:getlastmodified/><D:getcontentlength/>"
      "<D:creationdate/><D:resourcetype/><A:appledoubleheader/></D:prop></D:propfind>");
  EXPECT_EQ(multistatus(listing).size(), 1U);
  for (const char* junk : {"/dav/._.", "/dav/.hidden", "/dav/.DS_Store"})  // 5
    EXPECT_EQ(w.status("PROPFIND", junk, zero), 404);

  for (const std::string target : {"/dav/f.bin", "/dav/._f.bin"}) {  // 6–13
    EXPECT_EQ(w.status("PROPFIND", target, zero), 404);
    EXPECT_EQ(w.status("PUT", target, every), 201);
    const Answer lock = w.send(
        "LOCK", target,
        every + Headers{{"Depth", "0"}, {"Timeout", "Second-600"}, {"Content-Type", kXmlType}},
        lockinfo_href("http://www.apple.com/webdav_fs/"));
    EXPECT_EQ(lock.status, 200);
    EXPECT_EQ(granted(lock).back().token, lock.lock_token());
    EXPECT_EQ(granted(lock).back().timeout, "Second-600");
    const Headers held = every + with_token(lock.lock_token());
    const Answer small = w.send("PUT", target, held, "small");  // 9a
    EXPECT_EQ(small.status, 204);
    EXPECT_TRUE(small.has("ETag") && small.has("Last-Modified"));
    w.store.clock.advance(2000);
    const std::string large(200'000, 'L');  // 9b
    const Headers expected = held + Headers{{"X-Expected-Entity-Length", "200000"}};
    EXPECT_EQ(put_chunked(w, target, expected, large).status, 204);
    StringBody cut(large);
    cut.chunked().ends(http::Body::State::truncated, 100'000);
    EXPECT_EQ(w.dav.send("PUT", target, expected, cut).status, 400);
    EXPECT_TRUE(w.get(target) == large);
    w.store.clock.advance(300'000);
    const Answer refresh = w.send(  // 11
        "LOCK", target, held + Headers{{"Timeout", "Second-600"}, {"Content-Type", "text/xml"}});
    EXPECT_EQ(refresh.status, 200);
    EXPECT_EQ(granted(refresh).back().timeout, "Second-600");
    EXPECT_EQ(
        w.status("UNLOCK", target, every + Headers{{"Lock-Token", "<" + lock.lock_token() + ">"}}),
        204);  // 12
  }

  const std::string date = w.send("HEAD", "/dav/f.bin").header("Last-Modified");  // 14
  EXPECT_EQ(w.status("GET", "/dav/f.bin", {{"If-Modified-Since", date}}), 304);
  const Answer part = w.send("GET", "/dav/f.bin", {{"Range", "bytes=65536-131071"}});
  EXPECT_EQ(part.status, 206);
  EXPECT_EQ(part.body.size(), 65'536U);
  EXPECT_EQ(w.status("GET", "/dav/f.bin", {{"If-Range", date}, {"Range", "bytes=5-"}}), 206);
  w.put("/dav/f.bin", "changed");
  EXPECT_EQ(w.send("GET", "/dav/f.bin", {{"If-Range", date}, {"Range", "bytes=5-"}}).body,
            "changed");

  EXPECT_EQ(w.status("MKCOL", "/dav/.sb-xyz", every), 201);  // 15
  w.put("/dav/.sb-xyz/f.bin", "safe");
  const std::string temp = w.lock("/dav/.sb-xyz/f.bin", "0");
  EXPECT_EQ(w.status("MOVE", "/dav/.sb-xyz/f.bin",
                     every + with_token(temp) +
                         Headers{{"Destination", "http://localhost:8080/dav/f.bin"}}),
            204);
  EXPECT_EQ(w.get("/dav/f.bin"), "safe");
  EXPECT_THAT(hrefs(w.send("PROPFIND", "/dav/.sb-xyz/", every + Headers{{"Depth", "1"}},  // 16
                           propfind("resourcetype"))),
              ElementsAre("/dav/.sb-xyz/"));
  EXPECT_EQ(w.status("DELETE", "/dav/.sb-xyz/", every), 204);
  EXPECT_EQ(w.send_as("bob", "LOCK", "/dav/f.bin", {{"Depth", "0"}}, lockinfo()).status,
            200);  // 17
  EXPECT_EQ(w.status("LOCK", "/dav/f.bin", every + Headers{{"Depth", "0"}}, lockinfo()), 423);
  EXPECT_THAT(
      hrefs(w.send("PROPFIND", "/dav/", every + Headers{{"Depth", "1"}}, propfind("resourcetype"))),
      ElementsAre("/dav/", "/dav/._f.bin", "/dav/f.bin"));
}

TEST(Replay, Davfs2CreatesWritesAndRenames) {
  World w(under_dav());
  const std::string url = "http://localhost:8080/dav/n.txt";
  EXPECT_EQ(w.status("OPTIONS", "/dav/"), 200);  // 1
  EXPECT_EQ(w.status("PROPFIND", "/dav/", {{"Depth", "1"}},
                     "<propfind xmlns=\"DAV:\"><prop><resourcetype/><getcontentlength/><getetag/>"
                     "<getlastmodified/><executable xmlns=\"http://apache.org/dav/props/\"/></prop>"
                     "</propfind>"),
            207);  // 2
  const std::string info =
      "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<lockinfo xmlns='DAV:'>\n "
      "<lockscope><exclusive/></lockscope>\n<locktype><write/></locktype><owner>alice</owner>\n"
      "</lockinfo>\n";
  const Headers fresh = {{"If-None-Match", "*"}, {"Depth", "0"}, {"Timeout", "Second-1800"}};
  const Answer lock = w.send("LOCK", "/dav/n.txt", fresh, info);  // 4
  EXPECT_EQ(lock.status, 201);
  EXPECT_EQ(granted(lock).at(0).owner_text, "alice");
  EXPECT_EQ(w.status("LOCK", "/dav/n.txt", fresh, info), 412);
  const Answer head = w.send("HEAD", "/dav/n.txt");  // 5
  EXPECT_EQ(head.length, 0U);
  const Headers held = with_token(url, lock.lock_token());
  const Answer put =
      w.send("PUT", "/dav/n.txt", held + Headers{{"If-Match", head.header("ETag")}}, "1");  // 6
  EXPECT_EQ(put.status, 204);
  EXPECT_EQ(w.status("UNLOCK", "/dav/n.txt", {{"Lock-Token", "<" + lock.lock_token() + ">"}}),
            204);  // 7
  w.store.clock.advance(2000);
  const Headers again = {{"Depth", "0"}, {"Timeout", "Second-1800"}};
  const Answer edit = w.send("LOCK", "/dav/n.txt", again, info);  // 8
  EXPECT_EQ(edit.status, 200);
  EXPECT_EQ(w.status("GET", "/dav/n.txt",
                     {{"If-None-Match", put.header("ETag")},
                      {"If-Modified-Since", put.header("Last-Modified")}}),
            304);
  const Headers editing = with_token(url, edit.lock_token());
  EXPECT_EQ(w.status("PUT", "/dav/n.txt", editing + Headers{{"If-Match", put.header("ETag")}}, "2"),
            204);
  EXPECT_EQ(w.status("MOVE", "/dav/n.txt",  // 9
                     editing + Headers{{"Destination", "http://localhost:8080/dav/m.txt"},
                                       {"Overwrite", "T"}}),
            201);
  EXPECT_EQ(w.status("LOCK", "/dav/m.txt", again, info), 200);
  // 10: after a crash it finds its own lock by the owner.
  EXPECT_EQ(w.status("PUT", "/dav/m.txt", {}, "3"), 423);
  const ActiveLock own = w.locks_of("/dav/m.txt").at(0);
  EXPECT_EQ(own.owner_text, "alice");
  EXPECT_EQ(w.status("LOCK", "/dav/m.txt", with_token(own.token)), 200);
  EXPECT_EQ(
      w.status("PUT", "/dav/m.txt", with_token("http://localhost:8080/dav/m.txt", own.token), "3"),
      204);
  EXPECT_EQ(single(w.send("PROPPATCH", "/dav/m.txt",  // 11
                          with_token("http://localhost:8080/dav/m.txt", own.token),
                          set_properties("<A:executable>T</A:executable>")))
                .code("executable", kApache),
            200);
}

TEST(Replay, GvfsAndNautilus) {
  World w(under_dav());
  w.mkcol("/dav/team");
  for (const char* target : {"/dav/team", "/dav/", "/"}) {  // 1: up to the first that is no DAV
    EXPECT_TRUE(w.send("OPTIONS", target).has("DAV")) << target;
    EXPECT_EQ(
        w.status("PROPFIND", target, {{"Depth", "1"}}, propfind("resourcetype getcontentlength")),
        207);
  }
  const auto found = multistatus(w.send(  // 2
      "PROPFIND", "/dav/team/", {{"Depth", "1"}},
      propfind("creationdate displayname getcontentlength getcontenttype getetag getlastmodified "
               "resourcetype")));
  EXPECT_EQ(found.at(0).href, "/dav/team/");
  EXPECT_EQ(found.at(0).text("displayname"), "team");
  EXPECT_EQ(found.at(0).find("resourcetype")->children.at(0), "collection");
  EXPECT_EQ(w.status("PROPFIND", "/dav/team/x", {{"Depth", "0"}}), 404);  // 4
  EXPECT_EQ(w.status("PUT", "/dav/team/x", {{"Overwrite", "F"}}, "1"), 201);
  const std::string tag = w.properties("/dav/team/x", "getetag").text("getetag");
  EXPECT_EQ(w.status("HEAD", "/dav/team/x", {{"If-Match", tag}}), 200);  // 5
  EXPECT_EQ(w.status("PUT", "/dav/team/x", {{"If-Match", tag}}, "2"), 204);
  EXPECT_EQ(w.status("HEAD", "/dav/team/x", {{"If-Match", tag}}), 412);
  EXPECT_EQ(w.status("PUT", "/dav/team/x", {{"If-Match", tag}}, "3"), 412);
  const Headers rename = {{"Destination", "http://localhost:8080/dav/team/y"}, {"Overwrite", "F"}};
  EXPECT_EQ(w.status("MOVE", "/dav/team/x", rename), 201);  // 6
  w.put("/dav/team/x");
  EXPECT_EQ(w.status("MOVE", "/dav/team/x", rename), 412);
  EXPECT_EQ(w.status("MKCOL", "/dav/team/d/"), 201);  // 7
  EXPECT_EQ(w.status("MKCOL", "/dav/team/d/"), 405);
  EXPECT_EQ(multistatus(w.send("PROPFIND", "/dav/team/d/", {{"Depth", "1"}})).size(), 1U);  // 8
  EXPECT_EQ(w.status("DELETE", "/dav/team/d/"), 204);
  w.lock("/dav/team/x");
  EXPECT_EQ(w.status("PUT", "/dav/team/x", {}, "4"), 423);
}

}  // namespace
}  // namespace holdfast::test
