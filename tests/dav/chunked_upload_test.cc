// The URLs of sync clients (dav/sync_client.h), and their uploads in parts (dav/chunked_upload.h).
#include <algorithm>
#include <gtest/gtest.h>
#include <random>
#include <string>
#include <vector>

#include "dav/sync_client.h"
#include "tests/dav/staging_world.h"

namespace holdfast::test {
namespace {

constexpr const char* kFiles = "/remote.php/dav/files/ann";
constexpr const char* kUploads = "/remote.php/dav/uploads/ann";

struct SyncWorld : StagingWorld {
  explicit SyncWorld(dav::Options options = {}) : StagingWorld(std::move(options)) {
    dav.sync_clients();
    dav.as("ann");
  }
  int status(std::string_view method, const std::string& target, const Headers& headers = {},
             std::string_view body = {}) {
    const Answer answer = dav.send(method, target, headers, body);
    last = answer;
    return answer.status;
  }
  Answer move(const std::string& id, const std::string& path, Headers headers = {}) {
    headers.emplace_back("Destination", kFiles + path);
    return dav.send("MOVE", kUploads + id + "/.file", headers);
  }
  MultistatusResponse oc(const std::string& target) {
    return single(dav.send("PROPFIND", target, {{"Depth", "0"}},
                           "<d:propfind xmlns:d='DAV:' xmlns:o='http://owncloud.org/ns'><d:prop>"
                           "<d:getetag/><o:id/><o:fileid/><o:permissions/><o:size/>"
                           "</d:prop></d:propfind>"));
  }
  Answer last;
};

TEST(SyncClient, HasOtherUrlsForTheSameResources) {
  SyncWorld w;
  const std::string files = kFiles;
  EXPECT_EQ(w.status("MKCOL", files + "/dir"), 201);
  EXPECT_EQ(w.last.header("OC-FileId"), w.oc("/dir").text("id", kOwnCloud));
  EXPECT_EQ(w.status("PUT", files + "/dir/a%20b", {{"X-OC-Mtime", "1000000000"}}, "text"), 201);
  EXPECT_EQ(w.last.header("X-OC-Mtime"), "accepted");
  EXPECT_EQ(w.last.header("OC-ETag"), w.last.header("ETag"));
  EXPECT_EQ(w.last.header("OC-FileId"), w.oc("/dir/a%20b").text("id", kOwnCloud));
  EXPECT_EQ(w.get("/dir/a%20b"), "text");
  EXPECT_EQ(w.get("/remote.php/webdav/dir/a%20b"), "text");
  const auto listed = hrefs(w.dav.send("PROPFIND", files + "/dir/", {{"Depth", "1"}}));
  EXPECT_EQ(listed, (std::vector<std::string>{files + "/dir/", files + "/dir/a%20b"}));
  // A lock taken at one URL holds at the other.
  const Answer locked = w.dav.send("LOCK", "/remote.php/webdav/dir/a%20b", {}, lockinfo());
  EXPECT_EQ(locked.status, 200);
  EXPECT_EQ(granted(locked).at(0).root, "/remote.php/webdav/dir/a%20b");
  EXPECT_EQ(w.status("PUT", files + "/dir/a%20b", {}, "x"), 423);
  EXPECT_EQ(
      w.status("PUT", files + "/dir/a%20b",
               with_token("http://localhost:8080" + files + "/dir/a%20b", locked.lock_token()),
               "y"),
      204);
  EXPECT_EQ(w.status("DELETE", "/dir/a%20b", with_token(locked.lock_token())), 204);

  EXPECT_EQ(w.status("PUT", files + "/f", {}, "f"), 201);
  const std::string id = w.last.header("OC-FileId");
  EXPECT_EQ(w.status("MOVE", files + "/f", {{"Destination", files + "/dir/f"}}), 201);
  EXPECT_EQ(w.last.header("OC-FileId"), id);
  EXPECT_NE(w.last.header("ETag"), "");
  EXPECT_EQ(w.status("COPY", files + "/dir/f", {{"Destination", files + "/g"}}), 201);
  EXPECT_NE(w.last.header("OC-FileId"), id);
  // A Destination in the tree's own URLs names nothing below this prefix.
  EXPECT_EQ(w.status("MOVE", files + "/g", {{"Destination", "/h"}}), 502);
  // The URLs of another user, and others below /remote.php, are plain ones.
  EXPECT_EQ(w.status("PROPFIND", "/remote.php/dav/files/bob/", {{"Depth", "0"}}), 404);
  EXPECT_EQ(w.status("PROPFIND", "/remote.php/dav/trashbin/bob/", {{"Depth", "0"}}), 404);
  EXPECT_FALSE(w.dav.send("PUT", "/plain", {}, "x").has("OC-FileId"));
}

TEST(SyncClient, SeesIdsPermissionsAndTagsOfCollections) {
  SyncWorld w;
  const std::string files = kFiles;
  EXPECT_EQ(w.status("MKCOL", files + "/dir"), 201);
  EXPECT_EQ(w.status("PUT", files + "/dir/f", {}, "text"), 201);
  MultistatusResponse file = w.oc(files + "/dir/f");
  EXPECT_EQ(file.text("permissions", kOwnCloud), "GDNVW");
  EXPECT_EQ(file.text("size", kOwnCloud), "4");
  const std::string number = file.text("fileid", kOwnCloud);
  EXPECT_EQ(file.text("id", kOwnCloud), std::string(8 - number.size(), '0') + number + "holdfast");
  MultistatusResponse root = w.oc(files + "/");
  EXPECT_EQ(root.text("permissions", kOwnCloud), "GCK");
  MultistatusResponse dir = w.oc(files + "/dir/");
  EXPECT_EQ(dir.text("permissions", kOwnCloud), "GDNVCK");
  EXPECT_EQ(dir.text("size", kOwnCloud), "4");
  // The tag stays as long as nothing is written, and changes with anything below.
  EXPECT_EQ(w.oc(files + "/dir/").text("getetag"), dir.text("getetag"));
  EXPECT_EQ(w.status("PUT", "/dir/f", {}, "other"), 204);
  EXPECT_NE(w.oc(files + "/dir/").text("getetag"), dir.text("getetag"));
  EXPECT_NE(w.oc(files + "/").text("getetag"), root.text("getetag"));
  // A collection has none at its plain URL.
  EXPECT_EQ(w.oc("/dir/").code("getetag"), 404);
  EXPECT_EQ(w.oc("/dir/f").code("getetag"), 200);

  dav::Caller reader = *dav::anonymous_caller(storage::Right::read);
  reader.name = "ann";
  w.dav.as(std::make_shared<const dav::Caller>(reader));
  EXPECT_EQ(w.oc(files + "/dir/f").text("permissions", kOwnCloud), "G");
}

TEST(Chunks, BecomeAFileInTheOrderOfTheirNumbers) {
  for (unsigned seed = 0; seed < 20; ++seed) {
    SCOPED_TRACE(seed);
    SyncWorld w;
    std::mt19937 random(seed);
    const bool offsets = seed % 2 == 0;  // as ownCloud's client names parts
    std::string whole;
    std::vector<std::pair<std::string, std::string>> parts;
    for (unsigned i = 0; i < 1 + seed; ++i) {
      const std::string bytes(1 + random() % 30'000, static_cast<char>('a' + i));
      std::string name = std::to_string(offsets ? whole.size() : i);
      name.insert(0, 16 - name.size(), '0');
      parts.emplace_back(name, bytes);
      whole += bytes;
    }
    if (seed > 4) std::shuffle(parts.begin(), parts.end(), random);
    const std::string upload = std::string(kUploads) + "/1234";
    EXPECT_EQ(w.status("MKCOL", upload), 201);
    for (const auto& [name, bytes] : parts) {
      if (random() % 4 == 0) {
        StringBody body(bytes);
        body.ends(http::Body::State::truncated, bytes.size() / 2);
        EXPECT_EQ(w.dav.send("PUT", upload + "/" + name, {}, body).status, 400);
      }
      EXPECT_EQ(w.status("PUT", upload + "/" + name, {}, bytes), 201);
    }
    // To go on after a break, clients ask for the parts and their sizes.
    const auto listed = multistatus(w.dav.send("PROPFIND", upload, {{"Depth", "1"}},
                                               propfind("getcontentlength resourcetype")));
    ASSERT_EQ(listed.size(), parts.size() + 1);
    std::sort(parts.begin(), parts.end());
    EXPECT_EQ(listed[0].href, upload + "/");
    EXPECT_EQ(listed[0].find("resourcetype")->children, std::vector<std::string>{"collection"});
    for (std::size_t i = 0; i < parts.size(); ++i) {
      EXPECT_EQ(listed[i + 1].href, upload + "/" + parts[i].first);
      EXPECT_EQ(listed[i + 1].text("getcontentlength"), std::to_string(parts[i].second.size()));
    }
    const Answer answer =
        w.move("/1234", "/f",
               {{"X-OC-Mtime", "1000000000"}, {"OC-Total-Length", std::to_string(whole.size())}});
    EXPECT_EQ(answer.status, 201) << answer.log_detail;
    EXPECT_EQ(answer.header("X-OC-Mtime"), "accepted");
    EXPECT_EQ(answer.header("OC-FileId"), w.oc("/f").text("id", kOwnCloud));
    EXPECT_EQ(answer.header("ETag"), w.dav.send("HEAD", "/f").header("ETag"));
    EXPECT_TRUE(w.get("/f") == whole);
    EXPECT_TRUE(w.staging.list().empty());
  }
}

TEST(Chunks, RefuseWhatIsNone) {
  SyncWorld w;
  const std::string uploads = kUploads;
  const std::string upload = uploads + "/up";
  EXPECT_EQ(w.status("MKCOL", upload), 201);
  EXPECT_EQ(w.move("/up", "/f").status, 400) << "nothing has arrived";
  EXPECT_EQ(w.status("PUT", upload + "/1", {}, "one"), 201);
  EXPECT_EQ(w.status("PUT", "/dir", {}, "in the way"), 201);
  struct Row {
    const char* what;
    std::string method, target;
    Headers headers;
    std::string body;
    int status;
  };
  const std::string files = kFiles;
  const Row rows[] = {
      {"twice", "MKCOL", upload, {}, "", 405},
      {"no id", "MKCOL", uploads, {}, "", 405},
      {"a part", "MKCOL", upload + "/2", {}, "", 405},
      {"a long id", "MKCOL", uploads + "/" + std::string(129, 'x'), {}, "", 400},
      {"a body", "MKCOL", uploads + "/other", {}, "x", 415},
      {"an id with a slash", "MKCOL", uploads + "/a%2Fb", {}, "", 400},
      {"another user's", "MKCOL", "/remote.php/dav/uploads/bob/up", {}, "", 409},
      {"no upload", "PUT", uploads + "/none/1", {}, "x", 404},
      {"no number", "PUT", upload + "/x", {}, "x", 400},
      {"a sign", "PUT", upload + "/-1", {}, "x", 400},
      {"a huge number", "PUT", upload + "/99999999999999999999", {}, "x", 400},
      {"half a range", "PUT", upload + "/1-", {}, "x", 400},
      {"the whole", "PUT", upload + "/.file", {}, "x", 405},
      {"the upload", "PUT", upload, {}, "x", 405},
      {"GET", "GET", upload + "/1", {}, "", 405},
      {"LOCK", "LOCK", upload, {}, lockinfo(), 405},
      {"removing a part", "DELETE", upload + "/1", {}, "", 405},
      {"removing none", "DELETE", uploads + "/none", {}, "", 404},
      {"no destination", "MOVE", upload + "/.file", {}, "", 400},
      {"a part", "MOVE", upload + "/1", {{"Destination", files + "/f"}}, "", 405},
      {"the tree's own URL", "MOVE", upload + "/.file", {{"Destination", "/f"}}, "", 502},
      {"another length",
       "MOVE",
       upload + "/.file",
       {{"Destination", files + "/f"}, {"OC-Total-Length", "4"}},
       "",
       400},
      {"another checksum",
       "MOVE",
       upload + "/.file",
       {{"Destination", files + "/f"},
        {"OC-Checksum", "SHA1:0000000000000000000000000000000000000000"}},
       "",
       400},
      {"no parent", "MOVE", upload + "/.file", {{"Destination", files + "/no/f"}}, "", 409},
      {"below a file", "MOVE", upload + "/.file", {{"Destination", files + "/dir/f"}}, "", 409},
      {"a collection", "MOVE", upload + "/.file", {{"Destination", files + "/"}}, "", 409},
      {"a condition",
       "MOVE",
       upload + "/.file",
       {{"Destination", files + "/f"}, {"If", "<" + files + "/f> ([\"x\"])"}},
       "",
       412},
      {"no overwriting",
       "MOVE",
       upload + "/.file",
       {{"Destination", files + "/dir"}, {"Overwrite", "F"}},
       "",
       412},
  };
  for (const Row& row : rows) {
    EXPECT_EQ(w.status(row.method, row.target, row.headers, row.body), row.status)
        << row.what << ": " << w.last.log_detail;
    ASSERT_EQ(w.staging.list().size(), 1U) << row.what;
    EXPECT_EQ(w.staging.list()[0].parts.size(), 1U) << row.what;
  }
  StringBody chunked("x");
  chunked.chunked();
  EXPECT_EQ(w.dav.send("PUT", upload + "/2", {}, chunked).status, 411);
  EXPECT_EQ(w.get("/f"), "404");
  // All that was refused can be tried again.
  EXPECT_EQ(w.move("/up", "/f", {{"OC-Checksum", "SHA1:fe05bcdcdc4928012781a5f1a2a77cbb5398e106"}})
                .status,
            201);
  EXPECT_EQ(w.get("/f"), "one");
  EXPECT_EQ(w.move("/up", "/f").status, 404);
}

TEST(Chunks, ReplaceAFileByItsTag) {
  SyncWorld w;
  const std::string files = kFiles;
  EXPECT_EQ(w.status("PUT", files + "/f", {}, "old"), 201);
  const std::string etag = w.last.header("ETag");
  EXPECT_EQ(w.status("MKCOL", std::string(kUploads) + "/u"), 201);
  EXPECT_EQ(w.status("PUT", std::string(kUploads) + "/u/000000000-000000002", {}, "new"), 201);
  const Headers condition = {{"If", "<" + files + "/f> ([" + etag + "])"}};
  EXPECT_EQ(w.status("PUT", files + "/f", {}, "newer"), 204);
  EXPECT_EQ(w.move("/u", "/f", condition).status, 412);
  EXPECT_EQ(w.get("/f"), "newer");
  const std::string now = w.dav.send("HEAD", "/f").header("ETag");
  const Answer locked = w.dav.send("LOCK", files + "/f", {}, lockinfo());
  EXPECT_EQ(w.move("/u", "/f").status, 423);
  EXPECT_EQ(w.move("/u", "/f",
                   {{"If", "<" + files + "/f> (<" + locked.lock_token() + "> [" + now + "])"}})
                .status,
            204);
  EXPECT_EQ(w.get("/f"), "new");
}

TEST(Chunks, BelongToTheirAccount) {
  SyncWorld w;
  EXPECT_EQ(w.status("MKCOL", std::string(kUploads) + "/u"), 201);
  EXPECT_EQ(w.status("PUT", std::string(kUploads) + "/u/1", {}, "x"), 201);
  w.dav.as("bob");
  EXPECT_EQ(w.status("DELETE", std::string(kUploads) + "/u"), 404);
  EXPECT_EQ(w.status("PUT", "/remote.php/dav/uploads/bob/u/1", {}, "x"), 404);
  EXPECT_EQ(w.status("MKCOL", "/remote.php/dav/uploads/bob/u"), 201);
  EXPECT_EQ(w.status("DELETE", "/remote.php/dav/uploads/bob/u"), 204);
  w.dav.as("ann");
  EXPECT_EQ(w.move("/u", "/f").status, 201);
}

}  // namespace
}  // namespace holdfast::test
