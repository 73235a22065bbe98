// The trash and the versions of files by the URLs of Nextcloud's clients (dav/nextcloud_past.h).
#include <gtest/gtest.h>
#include <string>
#include <vector>

#include "dav/sync_client.h"
#include "tests/dav/staging_world.h"

namespace holdfast::test {
namespace {

using storage::Right;

constexpr const char* kNextcloud = "http://nextcloud.org/ns";
const std::string kFilesOfAnn = "/remote.php/dav/files/ann";
const std::string kTrash = "/remote.php/dav/trashbin/ann/trash/";
const std::string kRestore = "/remote.php/dav/trashbin/ann/restore/";
const std::string kVersions = "/remote.php/dav/versions/ann/versions/";
const std::string kRestoreVersion = "/remote.php/dav/versions/ann/restore/target";

struct NextcloudPast : testing::Test {
  NextcloudPast() {
    w.dav.sync_clients();
    w.names.keep({.trash = true, .versions = true});
    ann = add("ann");
    bob = add("bob");
    w.dav.as(ann);
  }
  std::shared_ptr<dav::Caller> add(const std::string& name) {
    auto caller = std::make_shared<dav::Caller>(*dav::anonymous_caller(Right::write));
    caller->name = name;
    w.names.write(storage::Flush::required, [&](storage::Transaction& tx) {
      storage::Account account;
      account.name = name;
      caller->account = tx.put_account(account);
    });
    return caller;
  }
  Answer ask(std::string_view method, const std::string& target, const Headers& headers = {},
             std::string_view body = {}) {
    return w.dav.send(method, target, headers, body);
  }
  int status(std::string_view method, const std::string& target, const Headers& headers = {},
             std::string_view body = {}) {
    return ask(method, target, headers, body).status;
  }
  std::vector<MultistatusResponse> list(const std::string& target) {
    const Answer answer = ask(
        "PROPFIND", target, {{"Depth", "1"}},
        "<d:propfind xmlns:d='DAV:' xmlns:n='http://nextcloud.org/ns' "
        "xmlns:o='http://owncloud.org/ns'><d:prop><d:resourcetype/><d:getcontentlength/>"
        "<d:getetag/><d:creator-displayname/><n:trashbin-filename/><n:trashbin-original-location/>"
        "<n:trashbin-deletion-time/><o:size/><o:fileid/></d:prop></d:propfind>");
    EXPECT_EQ(answer.status, 207) << answer.body;
    return multistatus(answer);
  }
  std::vector<std::string> trashed() {
    std::vector<std::string> hrefs;
    for (const auto& response : list(kTrash))
      if (response.href != kTrash) hrefs.push_back(response.href);
    return hrefs;
  }
  std::string id_of(const std::string& path) {
    for (auto& response : list(path))
      if (response.href == path) return response.text("fileid", kOwnCloud);
    return {};
  }
  StagingWorld w;
  std::shared_ptr<dav::Caller> ann, bob;
};

TEST_F(NextcloudPast, WhatWasRemovedIsListedAndRestored) {
  EXPECT_EQ(status("MKCOL", "/dir"), 201);
  EXPECT_EQ(status("PUT", "/dir/a%20b.txt", {}, "text"), 201);
  EXPECT_EQ(status("DELETE", kFilesOfAnn + "/dir/a%20b.txt"), 204);
  EXPECT_EQ(status("DELETE", kFilesOfAnn + "/dir"), 204);
  auto listed = list(kTrash);
  ASSERT_EQ(listed.size(), 3U);
  EXPECT_EQ(listed[0].href, kTrash);
  EXPECT_EQ(listed[1].text("trashbin-filename", kNextcloud), "a b.txt");
  EXPECT_EQ(listed[1].text("trashbin-original-location", kNextcloud), "dir/a b.txt");
  EXPECT_EQ(listed[1].text("trashbin-deletion-time", kNextcloud),
            std::to_string(w.clock.wall() / 1000));
  EXPECT_EQ(listed[1].text("getcontentlength"), "4");
  EXPECT_EQ(listed[1].text("size", kOwnCloud), "4");
  EXPECT_EQ(listed[2].text("trashbin-filename", kNextcloud), "dir");
  EXPECT_EQ(listed[1].href.rfind(kTrash + "a%20b.txt.d", 0), 0U) << listed[1].href;
  EXPECT_EQ(listed[2].href.back(), '/');
  EXPECT_EQ(status("PROPFIND", listed[1].href, {{"Depth", "0"}}), 207);
  // Outside of the trash nothing has these properties.
  EXPECT_EQ(list("/").at(0).code("trashbin-filename", kNextcloud), 404);

  const Headers restore = {{"Destination", kRestore + "x"}};
  EXPECT_EQ(status("MOVE", listed[1].href, restore), 409) << "its collection is gone";
  EXPECT_EQ(status("MOVE", listed[2].href, restore), 201);
  const Answer back = ask("MOVE", listed[1].href, restore);
  EXPECT_EQ(back.status, 201);
  EXPECT_TRUE(back.has("OC-FileId"));
  EXPECT_EQ(ask("GET", "/dir/a%20b.txt").body, "text");
  EXPECT_EQ(trashed().size(), 0U);
  EXPECT_EQ(status("MOVE", listed[1].href, restore), 404);
}

TEST_F(NextcloudPast, WhatHasNoPlaceAnyMoreIsRestoredBesideIt) {
  EXPECT_EQ(status("PUT", "/f.txt", {}, "old"), 201);
  EXPECT_EQ(status("DELETE", "/f.txt"), 204);
  EXPECT_EQ(status("PUT", "/f.txt", {}, "new"), 201);
  EXPECT_EQ(status("MOVE", trashed().at(0), {{"Destination", kRestore + "f.txt"}}), 201);
  EXPECT_EQ(ask("GET", "/f.txt").body, "new");
  EXPECT_EQ(ask("GET", "/f%20(restored).txt").body, "old");
}

TEST_F(NextcloudPast, IsOnlyForWhoMayRestore) {
  EXPECT_EQ(status("PUT", "/f", {}, "ann"), 201);
  EXPECT_EQ(status("DELETE", "/f"), 204);
  const std::string entry = trashed().at(0);
  // The URLs of another user are no such URLs, and the own ones show nothing of others.
  EXPECT_EQ(status("PROPFIND", "/remote.php/dav/trashbin/bob/trash/", {{"Depth", "1"}}), 404);
  w.dav.as(bob);
  EXPECT_EQ(status("PROPFIND", kTrash, {{"Depth", "1"}}), 404);
  const std::string bobs = "/remote.php/dav/trashbin/bob/";
  const std::string same = bobs + entry.substr(entry.find("trash/"));
  EXPECT_EQ(list(bobs + "trash/").size(), 1U);
  EXPECT_EQ(status("MOVE", same, {{"Destination", bobs + "restore/f"}}), 404);
  EXPECT_EQ(status("DELETE", same), 404);
  EXPECT_EQ(status("DELETE", bobs + "trash"), 204);
  w.dav.as(ann);
  EXPECT_EQ(trashed().size(), 1U);
}

TEST_F(NextcloudPast, IsGivenUpByDelete) {
  for (const char* name : {"/a", "/b", "/c"}) {
    EXPECT_EQ(status("PUT", name, {}, "x"), 201);
    EXPECT_EQ(status("DELETE", name), 204);
  }
  EXPECT_EQ(status("DELETE", trashed().at(1)), 204);
  EXPECT_EQ(trashed().size(), 2U);
  EXPECT_EQ(status("DELETE", kTrash), 204);
  EXPECT_EQ(trashed().size(), 0U);
}

TEST_F(NextcloudPast, LocksAndHoldsCount) {
  EXPECT_EQ(status("PUT", "/f", {}, "x"), 201);
  w.names.write(storage::Flush::required, [](storage::Transaction& tx) {
    tx.add_snapshot(
        {.name = "held", .instant = {}, .root = 1, .path = {}, .created = 0, .creator = 0});
  });
  EXPECT_EQ(status("DELETE", "/f"), 204);
  EXPECT_EQ(status("DELETE", trashed().at(0)), 409) << "a snapshot holds it";
  EXPECT_EQ(trashed().size(), 1U);
  const Answer locked = ask("LOCK", "/", {{"Depth", "0"}}, lockinfo());
  EXPECT_EQ(locked.status, 200);
  const Headers restore = {{"Destination", kRestore + "f"}};
  EXPECT_EQ(status("MOVE", trashed().at(0), restore), 423);
  Headers with = with_token("http://localhost:8080" + kFilesOfAnn + "/", locked.lock_token());
  with.insert(with.end(), restore.begin(), restore.end());
  EXPECT_EQ(status("MOVE", trashed().at(0), with), 201);
}

TEST_F(NextcloudPast, RefusesWhatMakesNoSense) {
  EXPECT_EQ(status("PUT", "/f", {}, "x"), 201);
  EXPECT_EQ(status("DELETE", "/f"), 204);
  const std::string entry = trashed().at(0);
  struct Row {
    const char* method;
    std::string target;
    Headers headers;
    int status;
  };
  const Row rows[] = {
      {"MOVE", entry, {}, 400},
      {"MOVE", entry, {{"Destination", kFilesOfAnn + "/f"}}, 502},
      {"MOVE", entry, {{"Destination", kTrash + "f"}}, 403},
      {"MOVE", entry, {{"Destination", kRestore}}, 403},
      {"MOVE", kTrash, {{"Destination", kRestore + "f"}}, 405},
      {"MOVE", kTrash + "f.d999", {{"Destination", kRestore + "f"}}, 404},
      {"MOVE",
       kTrash + "g" + entry.substr(entry.rfind(".d")),
       {{"Destination", kRestore + "f"}},
       404},
      {"MOVE", kTrash + "f.d99999999999999999999", {{"Destination", kRestore + "f"}}, 404},
      {"DELETE", kTrash + "f.dx", {}, 404},
      {"DELETE", "/remote.php/dav/trashbin/ann", {}, 405},
      {"PUT", entry, {}, 405},
      {"MKCOL", kTrash + "x", {}, 405},
      {"LOCK", entry, {}, 405},
      {"PROPPATCH", entry, {}, 405},
      {"PROPFIND", kTrash, {{"Depth", "infinity"}}, 403},
      {"PROPFIND", entry + "/deeper", {{"Depth", "0"}}, 404},
      {"PROPFIND", "/remote.php/dav/trashbin/ann/", {{"Depth", "1"}}, 207},
      {"PROPFIND", kVersions, {{"Depth", "1"}}, 207},
      {"PROPFIND", kVersions + "999", {{"Depth", "1"}}, 404},
      {"PROPFIND", kVersions + "x", {{"Depth", "1"}}, 404},
      {"PROPFIND", kVersions + "1", {{"Depth", "1"}}, 404},
      {"DELETE", kVersions + "1/2", {}, 405},
  };
  for (const Row& row : rows)
    EXPECT_EQ(status(row.method, row.target, row.headers), row.status)
        << row.method << ' ' << row.target;
  EXPECT_EQ(trashed().size(), 1U);
}

TEST_F(NextcloudPast, VersionsAreListedReadAndRestored) {
  EXPECT_EQ(status("PUT", "/f.txt", {}, "one"), 201);
  w.clock.advance(3'600'000);
  EXPECT_EQ(status("PUT", "/f.txt", {}, "two!"), 204);
  w.clock.advance(3'600'000);
  EXPECT_EQ(status("PUT", "/f.txt", {}, "three"), 204);
  const std::string id = id_of("/f.txt");
  const std::string of_file = kVersions + id + "/";
  auto listed = list(kVersions + id);
  ASSERT_EQ(listed.size(), 3U);
  EXPECT_EQ(listed[0].href, of_file);
  EXPECT_EQ(listed[1].text("getcontentlength"), "4");
  EXPECT_EQ(listed[1].text("creator-displayname"), "ann");
  EXPECT_EQ(listed[2].text("getcontentlength"), "3");
  EXPECT_EQ(ask("GET", listed[2].href).body, "one");
  EXPECT_EQ(ask("GET", listed[1].href).body, "two!");
  EXPECT_EQ(status("HEAD", listed[1].href), 200);
  EXPECT_EQ(status("PROPFIND", listed[1].href, {{"Depth", "0"}}), 207);
  EXPECT_EQ(list(kVersions + std::string(8 - id.size(), '0') + id + "holdfast").size(), 3U);

  EXPECT_EQ(status("MOVE", listed[2].href, {{"Destination", kFilesOfAnn + "/f.txt"}}), 502);
  EXPECT_EQ(status("COPY", listed[2].href, {{"Destination", kVersions + "x"}}), 403);
  EXPECT_EQ(ask("GET", "/f.txt").body, "three");
  for (const char* method : {"MOVE", "COPY"}) {
    EXPECT_EQ(status(method, listed[2].href, {{"Destination", kRestoreVersion}}), 204) << method;
    EXPECT_EQ(ask("GET", "/f.txt").body, "one");
  }
  EXPECT_EQ(id_of("/f.txt"), id);
  const Answer locked = ask("LOCK", "/f.txt", {}, lockinfo());
  EXPECT_EQ(status("COPY", listed[1].href, {{"Destination", kRestoreVersion}}), 423);
  EXPECT_EQ(ask("GET", "/f.txt").body, "one");
  EXPECT_EQ(status("MOVE", kVersions + id + "/424242", {{"Destination", kRestoreVersion}}), 404);

  // Who may only read the file sees nothing of what it was.
  dav::Caller reader = *dav::anonymous_caller(Right::read);
  reader.name = "ann";
  w.dav.as(std::make_shared<const dav::Caller>(reader));
  EXPECT_EQ(status("PROPFIND", kVersions + id, {{"Depth", "1"}}), 403);
  EXPECT_EQ(status("GET", listed[2].href), 403);
}

}  // namespace
}  // namespace holdfast::test
