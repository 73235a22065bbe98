// Clients that sync and transfer, and those that keep a single file, on the wire: rclone, Joplin,
// Nextcloud's plain requests, Cyberduck, WinSCP, the KeePass family, Zotero, LibreOffice, DAVx5,
// the npm client. Steps, fields and bodies in the order in which their sources have them. R and a
// number is a row of docs/clients.md.
#include <cstdio>

#include "tests/replay/replay.h"

namespace holdfast::test {
namespace {

using testing::HasSubstr;
using testing::MatchesRegex;
using testing::StartsWith;

const std::string kHelloSha1 = "aaf4c61ddcc5e8a2dabede0f3b482cd9aea9434d";

TEST_P(WireReplay, RcloneSyncsWithChecksums) {
  Wire w = client(
      "User-Agent: rclone/v1.65\r\nReferer: http://127.0.0.1/dav/b/\r\n"
      "Accept-Encoding: gzip\r\n",
      Signing::beforehand);
  ASSERT_EQ(w.ask("MKCOL /dav/b", "Content-Length: 0\r\n").status, 201);
  const std::string body =
      "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<d:propfind  xmlns:d=\"DAV:\" "
      "xmlns:oc=\"http://owncloud.org/ns\" xmlns:nc=\"http://nextcloud.org/ns\">\n <d:prop>\n"
      "  <d:displayname />\n  <d:getlastmodified />\n  <d:getcontentlength />\n"
      "  <d:resourcetype />\n  <d:getcontenttype />\n  <oc:checksums />\n  <oc:permissions />\n"
      " </d:prop>\n</d:propfind>\n";
  EXPECT_EQ(w.ask("PROPFIND /dav/b", "Depth: 0\r\n", body).entries.at(0).href, "/dav/b/");  // 1
  EXPECT_EQ(w.ask("PROPFIND /dav/b/", "Depth: 1\r\n", body).entries.size(), 1U);            // 2
  EXPECT_EQ(w.ask("MKCOL /dav/b/", "Content-Length: 0\r\n").status, 405);                   // 3
  EXPECT_EQ(w.ask("MKCOL /dav/b/x/y/", "Content-Length: 0\r\n").status, 409);               // 4
  EXPECT_EQ(w.ask("MKCOL /dav/b/x/", "Content-Length: 0\r\n").status, 201);
  EXPECT_EQ(w.ask("MKCOL /dav/b/x/y/", "Content-Length: 0\r\n").status, 201);
  const std::string file = " /dav/b/x/y/f";
  const std::string mtime = "X-Oc-Mtime: 1700000000\r\n";
  EXPECT_EQ(w.ask("PUT" + file,  // 5
                  mtime + "Oc-Checksum: SHA1:" + std::string(40, '0') + "\r\n", "hello")
                .status,
            400);
  EXPECT_EQ(w.ask("PROPFIND" + file, "Depth: 0\r\n", body).status, 404);
  EXPECT_EQ(w.ask("DELETE" + file).status, 404);  // what rclone does after a refused PUT
  const auto put = w.ask("PUT" + file, mtime + "Oc-Checksum: SHA1:" + kHelloSha1 + "\r\n", "hello");
  EXPECT_EQ(put.status, 201);
  EXPECT_EQ(put.field("x-oc-mtime"), "accepted");
  const auto stat = w.ask("PROPFIND" + file, "Depth: 0\r\n", body).entries.at(0);  // 6
  EXPECT_EQ(stat.text("getlastmodified"), "Tue, 14 Nov 2023 22:13:20 GMT");
  // It splits at spaces and takes what begins with its names, in lower case.
  EXPECT_THAT(stat.text("checksums"), StartsWith("SHA1:" + kHelloSha1 + " "));
  EXPECT_EQ(stat.find("checksums")->children, std::vector<std::string>{"checksum"});
  const auto patched = w.ask(
      "PROPPATCH" + file, {},  // 8
      "<?xml version=\"1.0\" encoding=\"utf-8\" ?>\n<D:propertyupdate xmlns:D=\"DAV:\">\n"
      " <D:set>\n  <D:prop>\n   <lastmodified xmlns=\"DAV:\">1700000001</lastmodified>\n"
      "   <oc:checksums xmlns:oc=\"http://owncloud.org/ns\">\n    <oc:checksum>SHA1:" +
          kHelloSha1 +
          "</oc:checksum>\n   </oc:checksums>\n  </D:prop>\n </D:set>\n</D:propertyupdate>\n");
  ASSERT_EQ(patched.entries.size(), 1U);
  EXPECT_EQ(patched.entries[0].common_status(), 200);
  EXPECT_EQ(w.ask("HEAD" + file).field("last-modified"), "Tue, 14 Nov 2023 22:13:21 GMT");
  for (const std::string method : {"COPY", "MOVE"}) {  // 9
    const auto answer = w.ask(method + file, mtime + "Destination: " + w.url("/dav/b/" + method) +
                                                 "\r\nOverwrite: T\r\nContent-Length: 0\r\n");
    EXPECT_EQ(answer.status, 201) << method;
    EXPECT_EQ(answer.field("x-oc-mtime"), "accepted");
    EXPECT_EQ(
        w.ask("PROPFIND /dav/b/" + method, "Depth: 0\r\n", body).entries.at(0).text("checksums"),
        stat.text("checksums"));
  }
  const auto range = w.ask("GET /dav/b/COPY", "Range: bytes=1-3\r\nDepth: 0\r\n");  // 10
  EXPECT_EQ(range.status, 206);
  EXPECT_EQ(range.field("content-range"), "bytes 1-3/5");
  EXPECT_EQ(w.ask("PROPFIND /dav/b/x/y/", "Depth: 1\r\n", body).entries.size(), 1U);  // 11
  EXPECT_EQ(w.ask("DELETE /dav/b/x/y/").status, 204);
  Wire other = this->other();  // 12
  EXPECT_EQ(other.ask("LOCK /dav/b/COPY", "Depth: 0\r\n", exclusive_lock("other")).status, 200);
  EXPECT_EQ(w.ask("PUT /dav/b/COPY", mtime, "new").status, 423);
  EXPECT_EQ(w.ask("DELETE /dav/b/COPY").status, 423);
  EXPECT_EQ(w.ask("GET /dav/b/COPY").body, "hello");
}

TEST_P(WireReplay, JoplinSyncs) {
  Wire w = client("User-Agent: Joplin/1.0\r\nCache-Control: no-store\r\n", Signing::beforehand);
  int counter = 0;
  const auto ask = [&](const std::string& method, const std::string& path, std::string lines = {},
                       const std::string& body = {}) {
    if (method != "GET" && method != "HEAD")
      lines += "If-None-Match: JoplinIgnore-" + std::to_string(++counter) + "\r\n";
    if (body.empty() && method != "GET") lines += "Content-Length: 0\r\n";
    return w.ask(method + " /dav/joplin/" + path, lines, body);
  };
  EXPECT_EQ(ask("MKCOL", "").status, 201);
  EXPECT_EQ(ask("GET", "info.json").status, 404);          // 1
  EXPECT_EQ(ask("GET", ".sync/version.txt").status, 404);  // 2
  for (const int expected : {201, 405})                    // 3
    for (const char* folder : {"locks/", "temp/", ".resource/", ".sync/", ".lock/"})
      EXPECT_EQ(ask("MKCOL", folder).status, expected) << folder;
  for (const int expected : {201, 204})  // 4
    EXPECT_EQ(ask("PUT", ".sync/version.txt", "Content-Type: text/plain\r\n", "2").status,
              expected);
  EXPECT_EQ(ask("PUT", "info.json", "Content-Type: text/plain\r\n", "{}").status, 201);  // 5
  EXPECT_EQ(ask("PUT", "locks/1_1_abc.json", {}, "{}").status, 201);                     // 6
  const std::string body =
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?><d:propfind xmlns:d=\"DAV:\"><d:prop "
      "xmlns:oc=\"http://owncloud.org/ns\"><d:getlastmodified/><d:resourcetype/></d:prop></"
      "d:propfind>";
  const std::string depth = "Depth: 1\r\nContent-Type: text/xml\r\n";
  EXPECT_EQ(ask("PROPFIND", "locks/", depth, body).entries.at(1).href,
            "/dav/joplin/locks/1_1_abc.json");
  EXPECT_EQ(ask("DELETE", "locks/1_1_abc.json").status, 204);
  for (int i = 0; i < 20; ++i)
    EXPECT_EQ(ask("PUT", std::to_string(i) + "0123456789abcdef.md", {}, "note").status, 201);
  const auto listed = ask("PROPFIND", "", depth, body);  // 7
  EXPECT_EQ(listed.entries.size(), 1U + 5 + 1 + 20);
  for (const Entry& each : listed.entries) EXPECT_NE(each.text("getlastmodified"), "(none)");
  EXPECT_EQ(ask("GET", "00123456789abcdef.md").body, "note");  // 8
  EXPECT_EQ(ask("MOVE", "00123456789abcdef.md",                // base URL and raw path
                "Destination: " + w.url("/dav/joplin/temp/\xC3\xA9 x.md") + "\r\nOverwrite: T\r\n")
                .status,
            201);
  EXPECT_EQ(ask("DELETE", "gone.md").status, 404);
  const auto missing = ask("PROPFIND", "missing.md", "Depth: 0\r\n", body);  // 9
  EXPECT_EQ(missing.status, 404);
  EXPECT_THAT(missing.body, HasSubstr("<s:message>"));  // R28
}

TEST_P(WireReplay, NextcloudDesktopsPlainRequests) {  // of its discovery and its uploads
  Wire w = client(
      "User-Agent: Mozilla/5.0 (Linux) mirall/3.7.3 (Nextcloud)\r\nAccept: */*\r\n"
      "X-Request-ID: 5c3e\r\n",
      Signing::beforehand);
  const std::string put =
      "Content-Type: application/octet-stream\r\nX-OC-Mtime: 1700000000\r\n"
      "OC-Total-Length: 5\r\nOC-Chunk-Size: 10485760\r\nOC-Checksum: SHA1:" +
      kHelloSha1 + "\r\n";
  const auto created = w.ask("PUT /dav/f", put, "hello");  // 4
  EXPECT_EQ(created.status, 201);
  EXPECT_EQ(created.field("x-oc-mtime"), "accepted");
  // It keeps what stands between the quotes and sends it back in quotes of its own.
  EXPECT_THAT(created.field("etag"), MatchesRegex("\"[A-Za-z0-9._-]+\""));
  const auto again =
      w.ask("PUT /dav/f", put + "If-Match: " + created.field("etag") + "\r\n", "hello");
  EXPECT_EQ(again.status, 204);
  EXPECT_NE(again.field("etag"), created.field("etag"));
  EXPECT_EQ(
      w.ask("PUT /dav/f", put + "If-Match: " + created.field("etag") + "\r\n", "hello").status,
      412);  // 7: it discovers anew
  const auto get = w.ask("GET /dav/f", "Accept-Encoding: gzip, deflate\r\n");  // 6
  EXPECT_EQ(get.field("etag"), again.field("etag"));
  EXPECT_EQ(get.field("oc-checksum"), "SHA1:" + kHelloSha1);
  EXPECT_EQ(get.field("content-length"), "5");
  const auto part = w.ask("GET /dav/f", "Range: bytes=2-\r\n");
  EXPECT_EQ(part.status, 206);
  EXPECT_EQ(part.field("etag"), again.field("etag"));
  EXPECT_EQ(part.body, "llo");
  EXPECT_EQ(w.ask("MOVE /dav/f", "Destination: /dav/g\r\n").status, 201);
  Wire other = this->other();
  const auto lock = other.ask("LOCK /dav/g", "Depth: 0\r\n", exclusive_lock("other"));
  EXPECT_EQ(w.ask("PUT /dav/g", put, "hello").status, 423);  // 7: it comes back soon
  EXPECT_EQ(other.ask("UNLOCK /dav/g", "Lock-Token: <" + lock.lock_token() + ">\r\n").status, 204);
  EXPECT_EQ(w.ask("DELETE /dav/g").status, 204);
}

TEST_P(WireReplay, CyberduckTransfers) {  // DAVWriteFeature, DAVTimestampFeature, sardine
  Wire w = client(
      "User-Agent: Cyberduck/8.7.0 (Mac OS X/13.5) (aarch64)\r\n"
      "Accept-Encoding: gzip\r\n");
  const std::string allprop =
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?><D:propfind xmlns:D=\"DAV:\"><D:allprop/>"
      "</D:propfind>";
  EXPECT_EQ(
      w.ask("PROPFIND /dav/", "Depth: 1\r\nContent-Type: text/xml; charset=utf-8\r\n", allprop)
          .entries.size(),
      1U);
  const auto put =
      w.ask("PUT /dav/f.txt", "Expect: 100-continue\r\nContent-Type: text/plain\r\n", "0123456789");
  EXPECT_EQ(put.status, 201);
  EXPECT_THAT(put.field("etag"), StartsWith("\""));
  const auto patched = w.ask(
      "PROPPATCH /dav/f.txt", "Content-Type: text/xml; charset=utf-8\r\n",
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?><D:propertyupdate xmlns:D=\"DAV:\"><D:set><D:prop>"
      "<S:lastmodified xmlns:S=\"SAR:\">Tue, 14 Nov 2023 22:13:20 UTC</S:lastmodified>"
      "<S:lastmodified_server xmlns:S=\"SAR:\">Wed, 15 Nov 2023 00:00:00 UTC"
      "</S:lastmodified_server></D:prop></D:set></D:propertyupdate>");
  EXPECT_EQ(patched.entries.at(0).common_status(), 200);
  const auto found = w.ask("PROPFIND /dav/f.txt", "Depth: 0\r\n",
                           "<D:propfind xmlns:D=\"DAV:\" xmlns:S=\"SAR:\"><D:prop><S:lastmodified/>"
                           "<S:lastmodified_server/><D:getetag/></D:prop></D:propfind>");
  EXPECT_EQ(found.entries.at(0).text("lastmodified"), "Tue, 14 Nov 2023 22:13:20 UTC");
  EXPECT_EQ(found.entries.at(0).text("getetag"), put.field("etag"));
  // Resuming an upload: refused, so that no fragment stands for the whole.
  EXPECT_EQ(w.ask("PUT /dav/f.txt", "Content-Range: bytes 5-9/10\r\n", "56789").status, 400);
  EXPECT_EQ(w.ask("GET /dav/f.txt").body, "0123456789");
  EXPECT_EQ(w.ask("GET /dav/f.txt", "Range: bytes=5-\r\n").body, "56789");
  EXPECT_EQ(w.ask("HEAD /dav/f.txt").field("accept-ranges"), "bytes");
  EXPECT_EQ(w.ask("COPY /dav/f.txt", "Destination: " + w.url("/dav/g.txt") + "\r\nOverwrite: T\r\n")
                .status,
            201);
  EXPECT_EQ(w.ask("MOVE /dav/g.txt", "Destination: " + w.url("/dav/f.txt") + "\r\nOverwrite: T\r\n")
                .status,
            204);
  EXPECT_EQ(w.ask("MKCOL /dav/d/").status, 201);
  EXPECT_EQ(w.ask("DELETE /dav/d/").status, 204);
}

TEST_P(WireReplay, WinScpTransfers) {  // WebDAVFileSystem.cpp on neon
  Wire w = client("User-Agent: WinSCP/6.1.1 neon/0.32.5\r\nConnection: TE\r\nTE: trailers\r\n");
  EXPECT_FALSE(w.ask("OPTIONS /dav/").field("dav").empty());
  EXPECT_EQ(w.ask("PUT /dav/f.txt", "Content-Type: text/plain\r\n", "text").status, 201);
  const auto dated = w.ask("PROPPATCH /dav/f.txt", {},
                           kXml +
                               "<D:propertyupdate xmlns:D=\"DAV:\"><D:set><D:prop>"
                               "<getlastmodified xmlns=\"DAV:\">Tue, 04 Nov 2023 02:03:04 GMT"
                               "</getlastmodified></D:prop></D:set></D:propertyupdate>");
  EXPECT_EQ(dated.entries.at(0).common_status(), 200);
  const auto listed = w.ask("PROPFIND /dav/", "Depth: 1\r\n",
                            kXml + "<propfind xmlns=\"DAV:\"><allprop/></propfind>");
  ASSERT_EQ(listed.entries.size(), 2U);
  EXPECT_EQ(listed.entries[1].text("displayname"), "f.txt");
  // It looks for this text in the flattened value, and reads dates with scanf.
  EXPECT_THAT(listed.entries[0].find("resourcetype")->children.at(0), "collection");
  EXPECT_EQ(listed.entries[0].find("resourcetype")->xmlns, "DAV:");
  char week[4], month[4];
  int day = 0, year = 0, hour = 0, minute = 0, second = 0;
  ASSERT_EQ(std::sscanf(listed.entries[1].text("getlastmodified").c_str(),
                        "%3s, %02d %3s %4d %02d:%02d:%02d GMT", week, &day, month, &year, &hour,
                        &minute, &second),
            7);
  EXPECT_EQ(day * 100 + hour, 402);
  const auto lock = w.ask("LOCK /dav/f.txt", "Depth: infinity\r\nTimeout: Infinite\r\n",
                          kXml +
                              "\n<lockinfo xmlns='DAV:'>\n <lockscope><exclusive/></lockscope>\n"
                              "<locktype><write/></locktype><owner>me</owner>\n</lockinfo>\n");
  EXPECT_EQ(lock.status, 200);
  // Later it finds the token where it needs it.
  const auto own = w.ask("PROPFIND /dav/f.txt", "Depth: 0\r\n", ask_for("lockdiscovery"));
  EXPECT_EQ(own.last_token_in_body(), lock.lock_token());
  EXPECT_EQ(w.ask("UNLOCK /dav/f.txt", "Lock-Token: <" + own.last_token_in_body() + ">\r\n").status,
            204);
  EXPECT_EQ(w.ask("MOVE /dav/f.txt", "Destination: " + w.url("/dav/g.txt") + "\r\nOverwrite: F\r\n")
                .status,
            201);
  EXPECT_EQ(w.ask("GET /dav/g.txt").body, "text");
  EXPECT_EQ(w.ask("DELETE /dav/g.txt").status, 204);
}

TEST_P(WireReplay, TheKeePassFamilySaves) {
  Wire w = client("", Signing::each_time);
  const auto get = [&] { return w.ask("GET /dav/db.kdbx").body; };
  const std::string to = "Destination: " + w.url("/dav/db.kdbx") + "\r\n";
  ASSERT_EQ(w.ask("PUT /dav/db.kdbx", {}, "0").status, 201);
  // Keepass2Android: a temporary file, the old one deleted beforehand, MOVE.
  EXPECT_EQ(w.ask("PUT /dav/db.tmp.1a2b3c4d.kdbx", {}, "1").status, 201);
  EXPECT_EQ(w.ask("PROPFIND /dav/db.kdbx", "Depth: 0\r\n").status, 207);
  EXPECT_EQ(w.ask("DELETE /dav/db.kdbx").status, 204);
  EXPECT_EQ(w.ask("MOVE /dav/db.tmp.1a2b3c4d.kdbx", to + "Overwrite: T\r\n").status, 201);
  EXPECT_EQ(get(), "1");
  // KeeWeb: HEAD for the version it knows, PUT beside it, HEAD again, MOVE over it.
  const std::string version = w.ask("HEAD /dav/db.kdbx").field("last-modified");
  EXPECT_FALSE(version.empty());
  EXPECT_EQ(w.ask("PUT /dav/db.kdbx.1700000000000.tmp", {}, "2").status, 201);
  EXPECT_EQ(w.ask("HEAD /dav/db.kdbx").field("last-modified"), version);
  EXPECT_EQ(w.ask("MOVE /dav/db.kdbx.1700000000000.tmp", to + "Overwrite: T\r\n").status, 204);
  EXPECT_EQ(get(), "2");
  EXPECT_FALSE(w.ask("HEAD /dav/db.kdbx").field("last-modified").empty());
  // KeePass with file transactions: PUT beside it, MOVE over it without Overwrite.
  EXPECT_EQ(w.ask("PUT /dav/db.kdbx.tmp", "Content-Type: application/octet-stream\r\n", "3").status,
            201);
  EXPECT_EQ(w.ask("MOVE /dav/db.kdbx.tmp", to).status, 204);
  EXPECT_EQ(get(), "3");
  // Without: over it, in place, whatever was there.
  EXPECT_EQ(w.ask("PUT /dav/db.kdbx", {}, "4").status, 204);
  EXPECT_EQ(get(), "4");
  // .NET sends every request, its file too, without a password first.
  if (accounts()) {
    EXPECT_EQ(w.challenges(), 17);
  }
}

TEST_P(WireReplay, ZoteroVerifiesTheServer) {
  Wire w = client("User-Agent: Mozilla/5.0 (X11) Zotero/6.0\r\n");
  ASSERT_EQ(w.ask("MKCOL /dav/zotero/").status, 201);
  EXPECT_FALSE(w.ask("OPTIONS /dav/zotero/").field("dav").empty());
  EXPECT_EQ(w.ask("PROPFIND /dav/zotero/", "Depth: 0\r\nContent-Type: text/xml; charset=utf-8\r\n",
                  "<propfind xmlns='DAV:'><prop><getcontentlength/></prop></propfind>")
                .status,
            207);
  EXPECT_EQ(w.ask("GET /dav/zotero/nonexistent.prop").status, 404);
  EXPECT_EQ(w.ask("PUT /dav/zotero/zotero-test-file.prop", {}, " ").status, 201);
  EXPECT_EQ(w.ask("GET /dav/zotero/zotero-test-file.prop").body, " ");
  EXPECT_EQ(w.ask("DELETE /dav/zotero/zotero-test-file.prop").status, 204);
}

TEST_P(WireReplay, LibreOfficeEdits) {
  Wire w = client("User-Agent: LibreOffice 7.4.7.2 curl/7.88.1\r\nAccept: */*\r\n");
  ASSERT_EQ(w.ask("PUT /dav/d.odt", {}, "old").status, 201);
  const auto options = w.ask("OPTIONS /dav/d.odt");
  EXPECT_THAT(options.field("allow"), HasSubstr("LOCK"));
  EXPECT_THAT(options.field("dav"), HasSubstr("2"));
  EXPECT_EQ(w.ask("PROPFIND /dav/d.odt", "Depth: 0\r\nContent-Type: application/xml\r\n",
                  ask_for("resourcetype getcontentlength getlastmodified lockdiscovery "
                          "supportedlock"))
                .status,
            207);
  const auto lock =
      w.ask("LOCK /dav/d.odt", "Depth: 0\r\nTimeout: Second-180\r\n", exclusive_lock("Ann Author"));
  EXPECT_EQ(lock.status, 200);
  EXPECT_EQ(lock.owner(), "Ann Author");
  EXPECT_EQ(w.ask("GET /dav/d.odt").body, "old");
  const std::string held = token_line(lock.lock_token());
  EXPECT_EQ(w.ask("LOCK /dav/d.odt", held + "Timeout: Second-180\r\n").status, 200);
  EXPECT_EQ(w.ask("PUT /dav/d.odt", held + "Expect: 100-continue\r\n", "new").status, 204);
  // With a token of a lock that is gone: 412, then it looks for its own lock.
  EXPECT_EQ(
      w.ask("PUT /dav/d.odt", token_line("urn:uuid:00000000-0000-4000-8000-000000000000"), "late")
          .status,
      412);
  const auto own = w.ask("PROPFIND /dav/d.odt", "Depth: 0\r\n", ask_for("lockdiscovery"));
  EXPECT_EQ(own.last_token_in_body(), lock.lock_token());
  EXPECT_EQ(w.ask("UNLOCK /dav/d.odt", "Lock-Token: <" + lock.lock_token() + ">\r\n").status, 204);
}

TEST_P(WireReplay, Davx5ReadsPages) {
  Wire w = client(
      "User-Agent: DAVx5/4.3.8 (okhttp/4.11.0) Android/13\r\n"
      "Accept-Encoding: gzip\r\n",
      Signing::beforehand);
  const std::string content(5'000'000, 'p');
  ASSERT_EQ(w.ask_chunked("PUT /dav/v.mp4", "If-None-Match: *\r\n", content, 1 << 20).status, 201);
  const auto head = w.ask("HEAD /dav/v.mp4");
  EXPECT_EQ(head.field("content-length"), "5000000");
  EXPECT_EQ(head.field("accept-ranges"), "bytes");
  EXPECT_THAT(head.field("etag"), StartsWith("\""));
  const std::string match = "If-Match: " + head.field("etag") + "\r\n";
  std::size_t read = 0;
  for (std::size_t at = 0; at < content.size(); at += 2 << 20) {
    const auto page = w.ask("GET /dav/v.mp4", match + "Range: bytes=" + std::to_string(at) + "-" +
                                                  std::to_string(at + (2 << 20) - 1) + "\r\n");
    EXPECT_EQ(page.status, 206);
    read += page.body.size();
  }
  EXPECT_EQ(read, content.size());
  EXPECT_EQ(w.ask("PUT /dav/v.mp4", {}, "changed").status, 204);
  EXPECT_EQ(w.ask("GET /dav/v.mp4", match + "Range: bytes=0-1\r\n").status, 412);
  EXPECT_EQ(w.ask("PUT /dav/v.mp4", "If-None-Match: *\r\n", "x").status, 412);
}

TEST_P(WireReplay, NpmClientLocks) {
  Wire w = client("Accept: */*\r\nAccept-Encoding: gzip,deflate\r\n", Signing::beforehand);
  ASSERT_EQ(w.ask("PUT /dav/f", {}, "x").status, 201);
  const auto lock = w.ask("LOCK /dav/f",
                          "Accept: text/plain,application/xml\r\n"
                          "Timeout: Infinite, Second-4100000000\r\n",
                          "<?xml version=\"1.0\"?><a:lockinfo xmlns:a=\"DAV:\"><a:lockscope>"
                          "<a:exclusive/></a:lockscope><a:locktype><a:write/></a:locktype><a:owner>"
                          "<a:href>x</a:href></a:owner></a:lockinfo>");
  EXPECT_EQ(lock.status, 200);
  EXPECT_THAT(lock.body, HasSubstr("<D:timeout>Second-3600</D:timeout>"));
  EXPECT_EQ(w.ask("UNLOCK /dav/f", "Lock-Token: " + lock.lock_token() + "\r\n").status, 204);
  EXPECT_EQ(w.ask("PUT /dav/f", "If-None-Match: *\r\n", "y").status, 412);  // overwrite: false
  // Only an Apache with the property-set URI gets fragments from it.
  const auto options = w.ask("OPTIONS /dav/f");
  EXPECT_THAT(options.field("server"), testing::Not(HasSubstr("Apache")));
  EXPECT_THAT(options.field("dav"), HasSubstr("sabredav-partialupdate"));
}

}  // namespace
}  // namespace holdfast::test
