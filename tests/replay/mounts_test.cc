// Clients that make a network drive, on the wire: Windows Explorer, Word, Finder, davfs2, gvfs,
// KIO. Steps, fields and bodies in the order in which their sources and traces have them. R and a
// number is a row of docs/clients.md.
#include <algorithm>

#include "tests/replay/replay.h"

namespace holdfast::test {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

TEST_P(WireReplay, WindowsExplorerDragsAFileIn) {
  Wire w = client(
      "User-Agent: Microsoft-WebDAV-MiniRedir/10.0.19045\r\ntranslate: f\r\n"
      "Connection: Keep-Alive\r\n",
      Signing::each_time);
  const std::string zero = "Depth: 0\r\nContent-Length: 0\r\n";
  const std::string one = "Depth: 1\r\nContent-Length: 0\r\n";
  const auto options = w.ask("OPTIONS /");  // 1
  EXPECT_EQ(options.status, 200);
  EXPECT_THAT(options.field("dav"), StartsWith("1, 2"));
  EXPECT_EQ(options.field("ms-author-via"), "DAV");
  EXPECT_EQ(options.field("content-length"), "0");
  EXPECT_EQ(w.ask("PROPFIND /", zero).entries.at(0).href, "/");             // 2
  EXPECT_EQ(w.ask("PROPFIND /dav", zero).entries.at(0).href, "/dav/");      // 3: in place
  EXPECT_EQ(w.ask("PROPFIND /dav", one).entries.size(), 1U);                // 4
  EXPECT_EQ(w.ask("PROPFIND /dav/a.txt", zero).status, 404);                // 5
  EXPECT_EQ(w.ask("PUT /dav/a.txt", "Content-Length: 0\r\n").status, 201);  // 6
  const auto lock = w.ask("LOCK /dav/a.txt",                                // 7: no Depth
                          "Timeout: Second-3600\r\nContent-Type: text/xml; charset=\"utf-8\"\r\n",
                          exclusive_lock("<D:href>HOST\\user</D:href>"));
  EXPECT_EQ(lock.status, 200);
  const std::string held = token_line(lock.lock_token());
  const std::string date = "Tue, 14 Nov 2023 22:13:20 GMT";
  const auto patch = [&](const std::string& properties) {
    const auto answer =
        w.ask("PROPPATCH /dav/a.txt", held + "Content-Type: text/xml; charset=\"utf-8\"\r\n",
              win32(properties));
    ASSERT_EQ(answer.status, 207);
    EXPECT_EQ(answer.entries.at(0).common_status(), 200);
  };
  patch("<Z:Win32CreationTime>" + date + "</Z:Win32CreationTime><Z:Win32LastAccessTime>" + date +
        "</Z:Win32LastAccessTime><Z:Win32LastModifiedTime>" + date +
        "</Z:Win32LastModifiedTime><Z:Win32FileAttributes>00000020</Z:Win32FileAttributes>");  // 8
  const auto head = w.ask("HEAD /dav/a.txt");                                                  // 9
  EXPECT_EQ(head.status, 200);
  EXPECT_EQ(head.field("content-length"), "0");
  EXPECT_EQ(w.ask("PUT /dav/a.txt", held, "eighteen bytes....").status, 204);  // 10
  const std::string later = "Tue, 14 Nov 2023 22:13:30 GMT";
  patch("<Z:Win32LastModifiedTime>" + later +
        "</Z:Win32LastModifiedTime><Z:Win32FileAttributes>00000020</Z:Win32FileAttributes>");  // 11
  EXPECT_EQ(w.ask("UNLOCK /dav/a.txt",  // 12: without brackets
                  "Lock-Token: " + lock.lock_token() + "\r\nContent-Length: 0\r\n")
                .status,
            204);
  const auto listed = w.ask("PROPFIND /dav", one);  // 13
  ASSERT_EQ(listed.entries.size(), 2U);
  EXPECT_EQ(listed.entries[1].text("getcontentlength"), "18");
  EXPECT_EQ(listed.entries[1].text("getlastmodified"), later);
  for (const char* junk : {"PROPFIND /dav/desktop.ini", "PROPFIND /dav/Thumbs.db"}) {
    const auto missing = w.ask(junk, zero);
    EXPECT_EQ(missing.status, 404);
    EXPECT_EQ(missing.field("cache-control"), "no-store");  // R25: it remembers 404s
  }
  EXPECT_EQ(w.ask("PUT /dav/b.txt", {}, "b").status, 201);
  const std::string to_b = "Destination: " + w.url("/dav/b.txt") + "\r\nContent-Length: 0\r\n";
  EXPECT_EQ(w.ask("MOVE /dav/a.txt", to_b + "Overwrite: F\r\n").status, 412);
  EXPECT_EQ(w.ask("MOVE /dav/a.txt", to_b + "Overwrite: T\r\n").status, 204);
  EXPECT_EQ(w.ask("DELETE /dav/b.txt", "Content-Length: 0\r\n").status, 204);
  // All but OPTIONS were asked twice, bodies included, on the one connection (R4, R5, R7).
  if (accounts()) {
    EXPECT_EQ(w.challenges(), 18);
  }
}

TEST_P(WireReplay, WordOpensSavesAndCloses) {
  Wire bob = other("User-Agent: Microsoft Office Word 2014\r\n");
  Wire w = client("User-Agent: Microsoft Office Word 2014\r\nX-FORMS_BASED_AUTH_ACCEPTED: f\r\n",
                  Signing::once_asked, "Authorization: Bearer\r\n");
  ASSERT_EQ(bob.ask("PUT /dav/d.docx", {}, "old").status, 201);
  const auto options = w.ask("OPTIONS /dav/");  // 1: a Bearer with nothing, then the password (R6)
  EXPECT_EQ(options.status, 200);
  EXPECT_EQ(options.field("ms-author-via"), "DAV");
  EXPECT_EQ(w.challenges(), accounts() ? 1 : 0);
  const auto head = w.ask("HEAD /dav/d.docx");  // 2
  EXPECT_EQ(head.field("content-length"), "3");
  EXPECT_THAT(head.field("etag"), StartsWith("\""));
  EXPECT_FALSE(head.field("last-modified").empty());
  const auto found =
      w.ask("PROPFIND /dav/d.docx", "Depth: 0\r\nBrief: t\r\nContent-Type: text/xml\r\n",  // 3
            ask_for("resourcetype getetag getcontentlength creationdate getlastmodified "
                    "lockdiscovery supportedlock"));
  EXPECT_EQ(found.entries.at(0).common_status(), 200);
  const std::string lock_fields =
      "Timeout: Second-3600\r\nContent-Type: text/xml\r\nX-Office-Major-Version: 16\r\n";
  const auto lock = w.ask("LOCK /dav/d.docx", lock_fields,  // 4
                          exclusive_lock("<D:href>PC/user</D:href>"));
  EXPECT_EQ(lock.status, 200);
  const std::string token = lock.lock_token();
  const auto get = w.ask("GET /dav/d.docx", "Depth: 0\r\ntranslate: f\r\n");  // 5
  EXPECT_EQ(get.status, 200);
  EXPECT_EQ(get.body, "old");
  EXPECT_EQ(get.field("cache-control"), "no-cache");  // R49
  for (int i = 0; i < 2; ++i) {
    const auto refresh =
        w.ask("LOCK /dav/d.docx", token_line(token) + "Content-Length: 0\r\n");  // 6
    EXPECT_EQ(refresh.status, 200);
    EXPECT_EQ(refresh.last_token_in_body(), token);
  }
  const auto combined =
      w.ask("PUT /dav/d.docx",  // 7: the token in Lock-Token
            "Lock-Token: <" + token + ">\r\nX-MSDAVEXT-Lock-Timeout: Second-3600\r\n", "new");
  EXPECT_EQ(combined.status, 204);
  EXPECT_THAT(combined.field("etag"), StartsWith("\""));
  EXPECT_EQ(w.ask("PUT /dav/d.docx", token_line(token), "newer").status, 204);  // 7b
  const std::string date = "Tue, 14 Nov 2023 22:13:20 GMT";
  const std::string dates = win32("<Z:Win32LastModifiedTime>" + date +
                                  "</Z:Win32LastModifiedTime><Z:Win32FileAttributes>00000020"
                                  "</Z:Win32FileAttributes>");
  if (accounts()) {
    // 8: the account that holds the lock needs no token for these (R72), nobody else may.
    EXPECT_EQ(bob.ask("PROPPATCH /dav/d.docx", {}, dates).status, 423);
    const auto dated = w.ask("PROPPATCH /dav/d.docx", {}, dates);
    ASSERT_EQ(dated.status, 207);
    EXPECT_EQ(dated.entries.at(0).common_status(), 200);
    EXPECT_EQ(w.ask("HEAD /dav/d.docx").field("last-modified"), date);
    EXPECT_EQ(w.ask("PUT /dav/d.docx", {}, "no token").status, 423);  // R73
    // A stolen token is worth nothing.
    EXPECT_NE(bob.ask("PUT /dav/d.docx", token_line(token), "stolen").status, 204);
    EXPECT_NE(bob.ask("UNLOCK /dav/d.docx", "Lock-Token: <" + token + ">\r\n").status, 204);
    EXPECT_EQ(
        bob.ask("PROPFIND /dav/d.docx", "Depth: 0\r\n", ask_for("lockdiscovery")).body.find(token),
        std::string::npos);
  }
  EXPECT_EQ(w.ask("HEAD /dav/d.docx").field("content-length"), "5");  // 9

  // A second person meanwhile.
  const auto refused =
      bob.ask("LOCK /dav/d.docx", lock_fields, exclusive_lock("<D:href>PC2/bob</D:href>"));
  EXPECT_EQ(refused.status, 423);
  EXPECT_EQ(refused.reason, "Locked");
  EXPECT_THAT(refused.body, HasSubstr("<D:no-conflicting-lock>"));
  EXPECT_EQ(refused.field("x-msdavext_error"),
            std::string("589838; The%20file%20is%20locked%20by%20") +
                (accounts() ? "alice" : "PC%2Fuser"));
  EXPECT_EQ(bob.ask("PUT /dav/d.docx", {}, "mine").status, 423);
  EXPECT_EQ(bob.ask("GET /dav/d.docx").body, "newer");
  EXPECT_THAT(bob.ask("PROPFIND /dav/d.docx", "Depth: 0\r\n", ask_for("lockdiscovery")).body,
              HasSubstr("PC/user"));
  EXPECT_EQ(w.ask("UNLOCK /dav/d.docx", "Lock-Token: <" + token + ">\r\n").status, 204);  // 10
}

TEST_P(WireReplay, FinderMountsAndCopiesIn) {
  Wire w = client("User-Agent: WebDAVFS/3.0.0 (03008000) Darwin/23.0.0 (arm64)\r\nAccept: */*\r\n");
  const std::string zero = "Depth: 0\r\nContent-Type: text/xml\r\n";
  const std::string four = ask_for("getlastmodified getcontentlength creationdate resourcetype");
  EXPECT_THAT(w.ask("OPTIONS /dav/").field("dav"), HasSubstr("2"));   // 1
  EXPECT_EQ(w.ask("PROPFIND /dav/", zero, four).entries.size(), 1U);  // 2
  const auto quota = w.ask("PROPFIND /dav/", zero,                    // 3
                           ask_for("quota-available-bytes quota-used-bytes quota quotaused"));
  EXPECT_GT(std::stoull(quota.entries.at(0).text("quota-available-bytes")), 0U);
  EXPECT_EQ(quota.entries.at(0).text("quota-used-bytes"), "0");
  const auto listed =
      w.ask("PROPFIND /dav/", "Depth: 1\r\nContent-Type: text/xml\r\n",  // 4
            kXml +
                "<D:propfind xmlns:D=\"DAV:\"><D:prop xmlns:A=\"http://www.apple.com/"
                "webdav_fs/props/\"><D:getlastmodified/><D:getcontentlength/>"
                "<D:creationdate/><D:resourcetype/><A:appledoubleheader/></D:prop>"
                "</D:propfind>");
  ASSERT_EQ(listed.entries.size(), 1U);
  const auto& asked = listed.entries[0].properties;
  const auto apple = std::find_if(asked.begin(), asked.end(), [](const Property& each) {
    return each.name == "appledoubleheader";
  });
  ASSERT_NE(apple, asked.end());
  EXPECT_EQ(apple->status, 404);  // R46
  EXPECT_EQ(apple->xmlns, "http://www.apple.com/webdav_fs/props/");
  for (const char* junk : {"PROPFIND /dav/._.", "PROPFIND /dav/.hidden", "PROPFIND /dav/.DS_Store"})
    EXPECT_EQ(w.ask(junk, zero, four).status, 404);  // 5

  for (const std::string target : {"/dav/f.bin", "/dav/._f.bin"}) {  // 6 to 13
    EXPECT_EQ(w.ask("PROPFIND " + target, zero, four).status, 404);
    const auto created = w.ask("PUT " + target, "Content-Length: 0\r\n");
    EXPECT_EQ(created.status, 201);
    EXPECT_FALSE(created.field("date").empty());
    const auto lock = w.ask("LOCK " + target,
                            "Depth: 0\r\nTimeout: Second-600\r\n"
                            "Content-Type: text/xml; charset=\"utf-8\"\r\n",
                            exclusive_lock("<D:href>http://www.apple.com/webdav_fs/</D:href>"));
    EXPECT_EQ(lock.status, 200);
    const std::string token = lock.last_token_in_body();
    EXPECT_EQ(token, lock.lock_token());
    const std::string held = token_line(token);
    const auto small = w.ask("PUT " + target, held, "small");  // 9a
    EXPECT_EQ(small.status, 204);
    EXPECT_THAT(small.field("etag"), StartsWith("\""));
    EXPECT_FALSE(small.field("last-modified").empty());
    const std::string large(200'000, 'L');
    const std::string expected = held + "X-Expected-Entity-Length: 200000\r\n";
    EXPECT_EQ(w.ask_chunked("PUT " + target, expected, large, 65'536).status, 204);  // 9b
    {
      Wire gone = client("", Signing::beforehand);
      gone.abandon("PUT " + target, expected, large.substr(0, 100'000));
    }
    EXPECT_TRUE(w.ask("GET " + target).body == large);
    const auto refresh = w.ask("LOCK " + target,  // 11: text/xml, and nothing in it
                               held +
                                   "Timeout: Second-600\r\nContent-Type: text/xml\r\n"
                                   "Content-Length: 0\r\n");
    EXPECT_EQ(refresh.status, 200);
    EXPECT_EQ(refresh.last_token_in_body(), token);
    EXPECT_EQ(w.ask("UNLOCK " + target, "Lock-Token: <" + token + ">\r\n").status, 204);  // 12
  }
  const auto part = w.ask("GET /dav/f.bin", "Range: bytes=65536-131071\r\n");  // 14
  EXPECT_EQ(part.status, 206);
  EXPECT_EQ(part.body.size(), 65'536U);
  EXPECT_EQ(part.field("content-range"), "bytes 65536-131071/200000");

  EXPECT_EQ(w.ask("MKCOL /dav/.sb-xyz").status, 201);  // 15: no slash
  EXPECT_EQ(w.ask("PUT /dav/.sb-xyz/f.bin", {}, "safe").status, 201);
  const auto temporary = w.ask("LOCK /dav/.sb-xyz/f.bin", "Depth: 0\r\nTimeout: Second-600\r\n",
                               exclusive_lock("<D:href>http://www.apple.com/webdav_fs/</D:href>"));
  EXPECT_EQ(
      w.ask("MOVE /dav/.sb-xyz/f.bin",  // no Overwrite
            token_line(temporary.lock_token()) + "Destination: " + w.url("/dav/f.bin") + "\r\n")
          .status,
      204);
  EXPECT_EQ(w.ask("GET /dav/f.bin").body, "safe");
  EXPECT_EQ(w.ask("PROPFIND /dav/.sb-xyz/", "Depth: 1\r\n", ask_for("resourcetype"))  // 16
                .entries.size(),
            1U);
  EXPECT_EQ(w.ask("DELETE /dav/.sb-xyz/").status, 204);
  // 17, and a folder with a locked file in it: no 207 that names a child.
  Wire other = this->other();
  EXPECT_EQ(other.ask("MKCOL /dav/box").status, 201);
  EXPECT_EQ(other.ask("LOCK /dav/box/x", "Depth: 0\r\n", exclusive_lock("other")).status, 201);
  EXPECT_EQ(w.ask("LOCK /dav/box/x", "Depth: 0\r\n", exclusive_lock("me")).status, 423);
  EXPECT_EQ(w.ask("DELETE /dav/box").status, 423);
  EXPECT_EQ(w.ask("LOCK /dav/box", "Depth: infinity\r\n", exclusive_lock("me")).status, 423);
  EXPECT_EQ(w.ask("PROPFIND /dav/box/", "Depth: 1\r\n", four).entries.size(), 2U);
  // Names: NFD reaches what others made as NFC.
  EXPECT_EQ(other.ask("PUT /dav/%C3%84.txt", {}, "umlaut").status, 201);
  EXPECT_EQ(w.ask("GET /dav/A%CC%88.txt").body, "umlaut");
}

TEST_P(WireReplay, Davfs2CreatesWritesAndRenames) {
  Wire w = client("User-Agent: davfs2/1.7.0 neon/0.32.5\r\nConnection: TE\r\nTE: trailers\r\n");
  EXPECT_THAT(w.ask("OPTIONS /dav/").field("dav"), StartsWith("1, 2"));               // 1
  EXPECT_EQ(w.ask("PROPFIND /dav/", "Depth: 1\r\nContent-Type: application/xml\r\n",  // 2
                  kXml + "\r\n<propfind xmlns=\"DAV:\"><prop>\r\n<resourcetype xmlns=\"DAV:\"/>\r\n"
                         "<getcontentlength xmlns=\"DAV:\"/>\r\n<getetag xmlns=\"DAV:\"/>\r\n"
                         "<getlastmodified xmlns=\"DAV:\"/>\r\n<executable "
                         "xmlns=\"http://apache.org/dav/props/\"/>\r\n</prop></propfind>\r\n")
                .entries.size(),
            1U);
  EXPECT_EQ(w.ask("PROPFIND /dav/", "Depth: 0\r\n",  // 3
                  ask_for("quota-available-bytes quota-used-bytes"))
                .entries.at(0)
                .common_status(),
            200);
  const std::string info =
      "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<lockinfo xmlns='DAV:'>\n "
      "<lockscope><exclusive/></lockscope>\n<locktype><write/></locktype><owner>alice</owner>\n"
      "</lockinfo>\n";
  const std::string locking =
      "Content-Type: application/xml\r\nDepth: 0\r\nTimeout: Second-1800\r\n";
  const auto lock = w.ask("LOCK /dav/n.txt", "If-None-Match: *\r\n" + locking, info);  // 4
  EXPECT_EQ(lock.status, 201);
  EXPECT_EQ(lock.owner(), "alice");
  EXPECT_EQ(w.ask("LOCK /dav/n.txt", "If-None-Match: *\r\n" + locking, info).status, 412);
  const auto tagged = [&](const char* path, const std::string& token) {
    return "If: <" + w.url(path) + "> (<" + token + ">)\r\n";
  };
  const auto head = w.ask("HEAD /dav/n.txt");  // 5
  EXPECT_EQ(head.field("content-length"), "0");
  const auto put = w.ask(
      "PUT /dav/n.txt",  // 6
      "If-Match: " + head.field("etag") + "\r\n" + tagged("/dav/n.txt", lock.lock_token()), "1");
  EXPECT_EQ(put.status, 204);
  EXPECT_EQ(w.ask("UNLOCK /dav/n.txt", "Lock-Token: <" + lock.lock_token() + ">\r\n").status,
            204);                                             // 7
  const auto edit = w.ask("LOCK /dav/n.txt", locking, info);  // 8
  EXPECT_EQ(edit.status, 200);
  EXPECT_EQ(
      w.ask("GET /dav/n.txt", "If-None-Match: " + put.field("etag") +
                                  "\r\nIf-Modified-Since: " + put.field("last-modified") + "\r\n")
          .status,
      304);
  const std::string editing = tagged("/dav/n.txt", edit.lock_token());
  EXPECT_EQ(
      w.ask("PUT /dav/n.txt", "If-Match: " + put.field("etag") + "\r\n" + editing, "2").status,
      204);
  EXPECT_EQ(w.ask("MOVE /dav/n.txt",  // 9
                  "Destination: " + w.url("/dav/m.txt") + "\r\nOverwrite: T\r\n" + editing)
                .status,
            201);
  EXPECT_EQ(w.ask("LOCK /dav/m.txt", locking, info).status, 200);
  EXPECT_EQ(w.ask("PUT /dav/m.txt", {}, "3").status, 423);  // 10: after a crash
  const auto discovery = w.ask("PROPFIND /dav/m.txt", "Depth: 0\r\n", ask_for("lockdiscovery"));
  EXPECT_EQ(discovery.owner(), "alice");
  const std::string own = discovery.last_token_in_body();
  EXPECT_EQ(w.ask("LOCK /dav/m.txt", token_line(own) + "Timeout: Second-1800\r\n").status, 200);
  EXPECT_EQ(w.ask("PUT /dav/m.txt", tagged("/dav/m.txt", own), "3").status, 204);
  EXPECT_EQ(w.ask("PROPPATCH /dav/m.txt", tagged("/dav/m.txt", own),  // 11
                  kXml + "<propertyupdate xmlns=\"DAV:\"><set><prop><executable "
                         "xmlns=\"http://apache.org/dav/props/\">T</executable></prop></set>"
                         "</propertyupdate>")
                .entries.at(0)
                .common_status(),
            200);
  const auto executable = w.ask("PROPFIND /dav/m.txt", "Depth: 0\r\n",
                                kXml +
                                    "<propfind xmlns=\"DAV:\"><prop><executable "
                                    "xmlns=\"http://apache.org/dav/props/\"/></prop></propfind>");
  EXPECT_EQ(executable.entries.at(0).text("executable"), "T");  // R45
}

TEST_P(WireReplay, GvfsAndNautilus) {
  Wire w = client(
      "User-Agent: gvfs/1.50.3\r\nAccept-Language: en-us, en;q=0.9\r\n"
      "Accept-Encoding: gzip, deflate\r\nConnection: Keep-Alive\r\n");
  const std::string type = "Content-Type: application/xml\r\n";
  ASSERT_EQ(w.ask("MKCOL /dav/team").status, 201);
  for (const std::string target : {"/dav/team", "/dav/", "/"}) {  // 1
    EXPECT_FALSE(w.ask("OPTIONS " + target).field("dav").empty());
    EXPECT_EQ(
        w.ask("PROPFIND " + target, "Depth: 1\r\n" + type, ask_for("resourcetype getcontentlength"))
            .status,
        207);
  }
  EXPECT_EQ(w.ask("PROPFIND /dav/team/", "Depth: 1\r\n" + type,  // 2
                  ask_for("creationdate displayname getcontentlength getcontenttype getetag "
                          "getlastmodified resourcetype"))
                .entries.at(0)
                .text("displayname"),
            "team");
  EXPECT_EQ(w.ask("PROPFIND /dav/team/", "Depth: 0\r\n" + type,  // 3
                  ask_for("quota-available-bytes quota-used-bytes"))
                .entries.at(0)
                .common_status(),
            200);
  EXPECT_EQ(w.ask("PROPFIND /dav/team/x", "Depth: 0\r\n" + type, ask_for("resourcetype")).status,
            404);  // 4
  EXPECT_EQ(w.ask("PUT /dav/team/x", "Overwrite: F\r\n", "copied in").status, 201);
  const std::string tag = w.ask("PROPFIND /dav/team/x", "Depth: 0\r\n" + type, ask_for("getetag"))
                              .entries.at(0)
                              .text("getetag");
  const auto get = w.ask("GET /dav/team/x");
  EXPECT_EQ(get.field("etag"), tag);
  EXPECT_TRUE(get.field("content-encoding").empty());  // R39
  EXPECT_EQ(get.field("content-length"), "9");
  EXPECT_EQ(w.ask("HEAD /dav/team/x", "If-Match: " + tag + "\r\n").status, 200);  // 5
  EXPECT_EQ(w.ask("PUT /dav/team/x", "If-Match: " + tag + "\r\n", "2").status, 204);
  EXPECT_EQ(w.ask("HEAD /dav/team/x", "If-Match: " + tag + "\r\n").status, 412);
  EXPECT_EQ(w.ask("PUT /dav/team/x", "If-Match: " + tag + "\r\n", "3").status, 412);
  const std::string rename = "Destination: " + w.url("/dav/team/y") + "\r\nOverwrite: F\r\n";
  EXPECT_EQ(w.ask("MOVE /dav/team/x", rename).status, 201);  // 6
  EXPECT_EQ(w.ask("PUT /dav/team/x", {}, "4").status, 201);
  EXPECT_EQ(w.ask("MOVE /dav/team/x", rename).status, 412);
  EXPECT_EQ(w.ask("MKCOL /dav/team/d/").status, 201);  // 7
  EXPECT_EQ(w.ask("MKCOL /dav/team/d/").status, 405);
  EXPECT_EQ(w.ask("PROPFIND /dav/team/d/", "Depth: 1\r\n" + type, ask_for("resourcetype"))  // 8
                .entries.size(),
            1U);
  EXPECT_EQ(w.ask("DELETE /dav/team/d/").status, 204);
  Wire other = this->other();
  EXPECT_EQ(other.ask("LOCK /dav/team/x", "Depth: 0\r\n", exclusive_lock("other")).status, 200);
  const auto locked = w.ask("PUT /dav/team/x", {}, "5");
  EXPECT_EQ(locked.status, 423);
  EXPECT_EQ(locked.reason, "Locked");  // what the user gets to read
}

TEST_P(WireReplay, KioAndDolphin) {  // kio/http.cpp: davStatList, davSetRequest, httpPut
  Wire w = client(
      "User-Agent: Mozilla/5.0 (X11; Linux x86_64) KIO/5.103\r\nAccept-Encoding: gzip, deflate\r\n"
      "Cache-Control: no-cache\r\n");
  const std::string type = "Content-Type: text/xml; charset=utf-8\r\n";
  const std::string all =
      "<?xml version=\"1.0\" encoding=\"utf-8\" ?><D:propfind xmlns:D=\"DAV:\"><D:prop>"
      "<D:creationdate/><D:getcontentlength/><D:displayname/><D:source/><D:getcontentlanguage/>"
      "<D:getcontenttype/><D:getlastmodified/><D:getetag/><D:supportedlock/><D:lockdiscovery/>"
      "<D:resourcetype/></D:prop></D:propfind>";
  const auto root = w.ask("PROPFIND /dav", "Depth: 0\r\n" + type, all);
  EXPECT_EQ(root.entries.at(0).href, "/dav/");
  EXPECT_EQ(root.entries.at(0).text("getcontentlength"), "(none)");
  EXPECT_EQ(w.ask("MKCOL /dav/new", "Depth: 0\r\n" + type).status, 201);  // R21: a type, no body
  EXPECT_EQ(w.ask("MKCOL /dav/new", "Depth: 0\r\n" + type).status, 405);
  EXPECT_EQ(w.ask("MKCOL /dav/a/b", "Depth: 0\r\n" + type).status, 409);
  EXPECT_EQ(w.ask("PROPFIND /dav/new/f", "Depth: 0\r\n" + type, all).status, 404);
  EXPECT_EQ(w.ask("PUT /dav/new/f", "Overwrite: F\r\n", "text").status, 201);
  const auto listed = w.ask("PROPFIND /dav/new/", "Depth: 1\r\n" + type, all);
  ASSERT_EQ(listed.entries.size(), 2U);
  EXPECT_EQ(listed.entries[1].text("getcontentlength"), "4");
  EXPECT_EQ(listed.entries[1].text("displayname"), "f");
  EXPECT_EQ(w.ask("COPY /dav/new/f",
                  "Destination: " + w.url("/dav/new/g") + "\r\nOverwrite: F\r\nDepth: infinity\r\n")
                .status,
            201);
  EXPECT_EQ(w.ask("COPY /dav/new/f",
                  "Destination: " + w.url("/dav/new/g") + "\r\nOverwrite: F\r\nDepth: infinity\r\n")
                .status,
            412);
  EXPECT_EQ(w.ask("MOVE /dav/new/g",
                  "Destination: " + w.url("/dav/new/h") + "\r\nOverwrite: T\r\nDepth: infinity\r\n")
                .status,
            201);
  const auto part = w.ask("GET /dav/new/h", "Range: bytes=1-\r\n");
  EXPECT_EQ(part.status, 206);
  EXPECT_EQ(part.body, "ext");
  EXPECT_EQ(w.ask("PROPFIND /dav/new", "Depth: 0\r\n" + type,
                  ask_for("quota-available-bytes quota-used-bytes"))
                .entries.at(0)
                .common_status(),
            200);
  EXPECT_EQ(w.ask("DELETE /dav/new").status, 204);  // only 200 and 204 are success
}

INSTANTIATE_TEST_SUITE_P(In, WireReplay, testing::Values(Access::open, Access::tls, Access::digest),
                         testing::PrintToStringParamName());

}  // namespace
}  // namespace holdfast::test
