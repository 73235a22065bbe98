// What requests keep of the past, and how it gives way to them before anybody sees 507. Over the
// real store, with the upkeep that a server has.
#include <atomic>
#include <filesystem>
#include <gmock/gmock.h>
#include <thread>

#include "storage/maintenance.h"
#include "tests/dav/world.h"
#include "tests/storage/sqlite_store.h"
#include "tests/support/lock_info.h"

namespace holdfast::test {
namespace {

using storage::Kept;
using storage::TrashEntry;
using storage::Version;

constexpr storage::Millis kMinute = 60'000;

class KeepsThePast : public storage::SqliteStore {
 protected:
  void SetUp() override {
    open(storage::Durability::relaxed);
    maintenance_ = std::make_unique<storage::Maintenance>(
        *names_, *content_,
        storage::Maintenance::Options{
            .durability = storage::Durability::relaxed,
            .retention = {.trash_s = 3600, .versions = true},
            .on_problem = [this](const std::string& problem) { told_.push_back(problem); },
            .start_thread = false});
    space_ = std::make_shared<storage::SpaceLedger>(
        storage::SpaceLedger::Limits{}, [this] { return available_.load(); },
        [] { return std::uint64_t{1} << 40; });
    space_->set_make_room([this](const storage::Shortage& shortage) {
      ++asked_;
      const std::size_t before = files();
      const bool made = maintenance_->make_room(shortage);
      available_ += (before - files()) * 100'000;
      return made;
    });
    dav::Options options;
    options.free_space_floor_bytes = 1000;
    engine_ = std::make_unique<dav::Engine>(*names_, *content_, options, space_);
  }
  void TearDown() override {
    engine_.reset();
    maintenance_.reset();
  }

  std::shared_ptr<dav::Caller> add(std::string name, std::optional<std::uint64_t> bytes,
                                   std::optional<std::uint64_t> resources = {}) {
    auto caller = std::make_shared<dav::Caller>(*dav::anonymous_caller(storage::Right::write));
    caller->name = std::move(name);
    caller->quota_bytes = bytes;
    caller->quota_resources = resources;
    names_->write(storage::Flush::required, [&](storage::Transaction& tx) {
      storage::Account account;
      account.name = caller->name;
      account.quota_bytes = bytes;
      account.quota_resources = resources;
      caller->account = tx.put_account(account);
    });
    return caller;
  }
  int send(const std::shared_ptr<dav::Caller>& caller, std::string_view method,
           std::string_view target, const Headers& headers = {}, std::string_view body = {}) {
    DavClient client(*engine_);
    client.as(caller);
    return client.send(method, target, headers, body).status;
  }
  int put(const std::shared_ptr<dav::Caller>& caller, std::string_view target, std::size_t size) {
    return send(caller, "PUT", target, {}, std::string(size, 'x'));
  }
  [[nodiscard]] std::uint64_t used(const dav::Caller& caller) const {
    return names_->snapshot()->usage_of(caller.account).bytes;
  }
  [[nodiscard]] Kept kept(const dav::Caller& caller) const {
    return names_->snapshot()->kept_of(caller.account);
  }
  [[nodiscard]] std::vector<TrashEntry> trash() const {
    std::vector<TrashEntry> all;
    names_->snapshot()->trash(0, [&](const TrashEntry& entry) {
      all.push_back(entry);
      return true;
    });
    return all;
  }

  std::atomic<std::uint64_t> available_ = std::uint64_t{1} << 40;
  std::atomic<int> asked_ = 0;
  std::vector<std::string> told_;
  std::unique_ptr<storage::Maintenance> maintenance_;
  std::shared_ptr<storage::SpaceLedger> space_;
  std::unique_ptr<dav::Engine> engine_;
};

TEST_F(KeepsThePast, WithWhoDidIt) {
  const auto ann = add("ann", {});
  const auto bob = add("bob", {});
  EXPECT_EQ(put(ann, "/f", 5), 201);
  clock_.advance(kMinute);
  EXPECT_EQ(put(bob, "/f", 3), 204);
  EXPECT_EQ(put(ann, "/g", 1), 201);
  EXPECT_EQ(send(bob, "DELETE", "/g"), 204);
  const auto now = names_->snapshot();
  const std::vector<Version> versions = now->versions(*now->resolve(path("f")).resource);
  ASSERT_EQ(versions.size(), 1U);
  EXPECT_EQ(versions[0].author, ann->account);
  ASSERT_EQ(trash().size(), 1U);
  EXPECT_EQ(trash()[0].remover, bob->account);
  EXPECT_EQ(trash()[0].root.owner, ann->account);
}

TEST_F(KeepsThePast, AndShowsItToWhoMayWrite) {
  const auto ann = add("ann", {});
  const auto get = [&](const std::shared_ptr<dav::Caller>& caller, std::string_view target,
                       const Headers& headers = {}) {
    DavClient client(*engine_);
    client.as(caller);
    return client.send("GET", target, headers);
  };
  EXPECT_EQ(send(ann, "PUT", "/a%20b", {}, "one"), 201);
  EXPECT_EQ(get(ann, "/a%20b?history").body, "{\"href\":\"/a%20b\",\"versions\":[]}\n");
  const std::string etag = get(ann, "/a%20b").header("ETag");
  clock_.advance(kMinute);
  EXPECT_EQ(send(ann, "PUT", "/a%20b", {}, "second"), 204);
  const auto versions = names_->snapshot()->versions(*resolve("a b").resource);
  ASSERT_EQ(versions.size(), 1U);
  const std::string id = std::to_string(versions[0].id);
  const Answer list = get(ann, "/a%20b?history");
  EXPECT_EQ(list.status, 200);
  EXPECT_EQ(list.header("Content-Type"), "application/json");
  EXPECT_EQ(list.body,
            "{\"href\":\"/a%20b\",\"versions\":[{\"id\":" + id +
                ",\"href\":\"/a%20b?history=" + id +
                "\",\"stored\":\"2023-11-14T22:13:20Z\",\"modified\":\"2023-11-14T22:13:20Z\","
                "\"replaced\":\"2023-11-14T22:14:20Z\",\"by\":\"ann\",\"size\":3,"
                "\"etag\":\"\\" +
                etag.substr(0, etag.size() - 1) + "\\\"\"}]}\n");
  // Neither conditions nor ranges concern it.
  const Answer old = get(ann, "/a%20b?history=" + id,
                         {{"If-None-Match", etag}, {"Range", "bytes=0-0"}, {"If-Match", "\"x\""}});
  EXPECT_EQ(old.status, 200);
  EXPECT_EQ(old.body, "one");
  EXPECT_EQ(old.header("ETag"), etag);
  EXPECT_EQ(get(ann, "/a%20b").body, "second");
  for (const char* none : {"/a%20b?history=1", "/a%20b?history=", "/a%20b?history=x",
                           "/a%20b?history=99999999999999999999", "/none?history"})
    EXPECT_EQ(get(ann, none).status, 404) << none;
  for (const char* other : {"/a%20b?historic", "/a%20b?x=history", "/a%20b?", "/a%20b?history&x"})
    EXPECT_EQ(get(ann, other).body, "second") << other;

  // Who may only read the file, and who may do so no more.
  auto reader = std::make_shared<dav::Caller>(*ann);
  reader->most = storage::Right::read;
  EXPECT_EQ(get(reader, "/a%20b").status, 200);
  EXPECT_EQ(get(reader, "/a%20b?history").status, 403);
  EXPECT_EQ(get(reader, "/a%20b?history=" + id).status, 403);
}

// RFC 3253 §3.6, §3.7.
TEST_F(KeepsThePast, AndReportsTheVersionTree) {
  const auto ann = add("ann", {});
  const auto bob = add("bob", {});
  const auto ask = [&](const std::shared_ptr<dav::Caller>& caller, std::string_view method,
                       std::string_view target, std::string_view body,
                       const Headers& headers = {}) {
    DavClient client(*engine_);
    client.as(caller);
    return client.send(method, target, headers, body);
  };
  const std::string asked =
      "<D:version-tree xmlns:D=\"DAV:\"><D:prop><D:version-name/><D:getcontentlength/>"
      "<D:creator-displayname/><D:predecessor-set/><D:successor-set/><D:getetag/>"
      "<D:lockdiscovery/></D:prop></D:version-tree>";
  EXPECT_EQ(send(ann, "PUT", "/a%20b", {}, "one"), 201);
  const auto alone = multistatus(ask(ann, "REPORT", "/a%20b", asked));
  ASSERT_EQ(alone.size(), 1U);
  EXPECT_EQ(alone[0].href, "/a%20b");
  EXPECT_EQ(alone[0].text("version-name"), "current");
  EXPECT_EQ(alone[0].text("predecessor-set"), "");
  clock_.advance(kMinute);
  EXPECT_EQ(send(bob, "PUT", "/a%20b", {}, "second"), 204);
  clock_.advance(kMinute);
  EXPECT_EQ(send(ann, "PUT", "/a%20b", {}, "the third"), 204);
  const auto versions = names_->snapshot()->versions(*resolve("a b").resource);
  ASSERT_EQ(versions.size(), 2U);
  const std::string newer = "/a%20b?history=" + std::to_string(versions[0].id);
  const std::string older = "/a%20b?history=" + std::to_string(versions[1].id);
  const auto tree = multistatus(ask(ann, "REPORT", "/a%20b", asked));
  ASSERT_EQ(tree.size(), 3U);
  const struct {
    std::string href, name, length, creator, predecessor, successor;
  } rows[] = {
      {"/a%20b", "current", "9", "", newer, ""},
      {newer, std::to_string(versions[0].id), "6", "bob", older, "/a%20b"},
      {older, std::to_string(versions[1].id), "3", "ann", "", newer},
  };
  for (std::size_t i = 0; i < 3; ++i) {
    SCOPED_TRACE(i);
    EXPECT_EQ(tree[i].href, rows[i].href);
    EXPECT_EQ(tree[i].text("version-name"), rows[i].name);
    EXPECT_EQ(tree[i].text("getcontentlength"), rows[i].length);
    EXPECT_EQ(tree[i].text("creator-displayname"), rows[i].creator);
    EXPECT_THAT(tree[i].find("predecessor-set")->xml, testing::HasSubstr(rows[i].predecessor));
    EXPECT_THAT(tree[i].find("successor-set")->xml, testing::HasSubstr(rows[i].successor));
    EXPECT_FALSE(tree[i].find("lockdiscovery") != nullptr) << "a version has no locks";
    // The URL is the version's: it has its content, and its properties.
    EXPECT_EQ(std::to_string(ask(ann, "GET", tree[i].href, "").body.size()), rows[i].length);
    const auto one = multistatus(ask(ann, "PROPFIND", tree[i].href,
                                     "<D:propfind xmlns:D=\"DAV:\"><D:prop>"
                                     "<D:getcontentlength/></D:prop></D:propfind>",
                                     {{"Depth", "0"}}));
    ASSERT_EQ(one.size(), 1U);
    EXPECT_EQ(one[0].href, rows[i].href);
    EXPECT_EQ(one[0].text("getcontentlength"), rows[i].length);
  }
  EXPECT_EQ(ask(ann, "PROPFIND", "/a%20b?history=1", "", {{"Depth", "0"}}).status, 404);

  // Refusals.
  EXPECT_EQ(send(ann, "MKCOL", "/d"), 201);
  const struct {
    std::string target, body;
    int status;
  } bad[] = {
      {"/a%20b", "", 400},
      {"/a%20b", "<version-tree/>", 403},  // of no namespace
      {"/a%20b", "<D:expand-property xmlns:D=\"DAV:\"/>", 403},
      {"/a%20b", "<D:version-tree xmlns:D=\"DAV:\">", 400},
      {"/d/", asked, 403},
      {"/none", asked, 404},
      {"/a%20b/", asked, 404},
  };
  for (const auto& row : bad) {
    const Answer answer = ask(ann, "REPORT", row.target, row.body);
    EXPECT_EQ(answer.status, row.status) << row.target << row.body;
    EXPECT_EQ(answer.body.find("<D:supported-report>") != std::string::npos, row.status == 403);
  }
  EXPECT_EQ(ask(ann, "REPORT", "/a%20b", asked, {{"If-Match", "\"x\""}}).status, 412);

  // Who may only read the file does not see what it was.
  auto reader = std::make_shared<dav::Caller>(*ann);
  reader->most = storage::Right::read;
  for (const char* method : {"REPORT", "PROPFIND"}) {
    const Answer answer = ask(reader, method, method[0] == 'R' ? "/a%20b" : older,
                              method[0] == 'R' ? asked : "", {{"Depth", "0"}});
    EXPECT_EQ(answer.status, 403) << method;
    EXPECT_EQ(answer.body.find("second"), std::string::npos);
  }
}

TEST_F(KeepsThePast, AndRestoresAVersionByCopy) {
  const auto ann = add("ann", {});
  const auto bob = add("bob", {});
  EXPECT_EQ(send(ann, "PUT", "/f", {}, "one"), 201);
  clock_.advance(kMinute);
  EXPECT_EQ(send(ann, "PUT", "/f", {}, "second"), 204);
  EXPECT_EQ(send(ann, "PUT", "/other", {}, "other"), 201);
  EXPECT_EQ(send(ann, "MKCOL", "/d"), 201);
  const auto get = [&](const char* target) {
    DavClient client(*engine_);
    client.as(ann);
    return client.send("GET", target, {}, "").body;
  };
  const std::string version =
      "/f?history=" + std::to_string(names_->snapshot()->versions(*resolve("f").resource).at(0).id);
  const auto copy = [&](const std::shared_ptr<dav::Caller>& caller, const char* to,
                        const Headers& more = {}) {
    Headers headers = more;
    headers.emplace_back("Destination", to);
    return send(caller, "COPY", version, headers);
  };
  // What changes nothing.
  EXPECT_EQ(copy(ann, "/f", {{"Overwrite", "F"}}), 412);
  EXPECT_EQ(copy(ann, "/none/f"), 409);
  EXPECT_EQ(copy(ann, "/f", {{"If-Match", "\"x\""}}), 412);
  EXPECT_EQ(copy(ann, "/"), 403);
  EXPECT_EQ(send(ann, "COPY", "/f?history=1", {{"Destination", "/g"}}), 404);
  EXPECT_EQ(send(ann, "COPY", "/d?history=1", {{"Destination", "/g"}}), 404);
  auto reader = std::make_shared<dav::Caller>(*bob);
  reader->most = storage::Right::read;
  EXPECT_EQ(copy(reader, "/g"), 403);
  EXPECT_EQ(get("/f"), "second");
  // To another place, over another file, and back to its own.
  EXPECT_EQ(copy(ann, "/g"), 201);
  EXPECT_EQ(get("/g"), "one");
  EXPECT_EQ(copy(ann, "/other"), 204);
  EXPECT_EQ(get("/other"), "one");
  EXPECT_EQ(copy(ann, "/f"), 204);
  EXPECT_EQ(get("/f"), "one");
  const auto versions = names_->snapshot()->versions(*resolve("f").resource);
  ASSERT_EQ(versions.size(), 2U) << "what was replaced is a version as well";
  EXPECT_EQ(versions[0].file.size, 6U);
  // A locked file needs the token.
  EXPECT_EQ(send(bob, "LOCK", "/f", {}, lock_info()), 200);
  EXPECT_EQ(copy(ann, "/f"), 423);
  EXPECT_EQ(copy(ann, "/d"), 204) << "a collection is replaced as by any COPY";
  EXPECT_EQ(get("/d"), "one");
  // No other method does anything to a version, or to its file.
  for (const char* method : {"PUT", "DELETE", "MOVE", "PROPPATCH", "LOCK", "UNLOCK", "MKCOL"})
    for (const std::string& target : {version, std::string("/f?history")})
      EXPECT_EQ(send(ann, method, target, {{"Destination", "/x"}}, ""), 405) << method << target;
  EXPECT_EQ(send(ann, "COPY", "/f?history", {{"Destination", "/x"}}), 405);
  expect_sound();
}

// Every method that adds: what is kept goes, and nothing that is mapped.
TEST_F(KeepsThePast, AndGivesWayToEveryMethodBeforeAQuotaRefuses) {
  struct Row {
    const char* what;
    const char* method;
    Headers headers;
    std::string body;
  };
  const Row rows[] = {
      {"PUT, arrived", "PUT", {}, std::string(60, 'y')},
      {"PUT, still to come", "PUT", {{"X-Expected-Entity-Length", "60"}}, std::string(60, 'y')},
      {"COPY", "COPY", {{"Destination", "/copy"}}, ""},
      {"PROPPATCH", "PROPPATCH", {}, set_properties("<x:p>" + std::string(30, 'z') + "</x:p>")},
  };
  int number = 0;
  for (const Row& row : rows) {
    SCOPED_TRACE(row.what);
    const auto ann = add("ann" + std::to_string(++number), 200);
    const std::string top = "/" + std::to_string(number);
    EXPECT_EQ(put(ann, top, 60), 201);
    EXPECT_EQ(put(ann, top + "old", 120), 201);
    EXPECT_EQ(send(ann, "DELETE", top + "old"), 204);
    EXPECT_EQ(used(*ann), 180U);
    EXPECT_EQ(kept(*ann), (Kept{120, 0}));
    const std::string target = row.body.size() == 60 ? top + "new" : top;
    Headers headers = row.headers;
    for (auto& [name, value] : headers)
      if (name == "Destination") value += std::to_string(number);
    const int status = send(ann, row.method, target, headers, row.body);
    EXPECT_TRUE(status == 201 || status == 207) << status;
    EXPECT_EQ(kept(*ann), Kept{});
    EXPECT_GT(used(*ann), 60U);
    EXPECT_LE(used(*ann), 200U);
  }
  EXPECT_EQ(told_.size(), std::size(rows)) << "they were to be kept for an hour";
  expect_sound();
}

TEST_F(KeepsThePast, AndResourcesGiveWayToo) {
  const auto ann = add("ann", {}, 2);
  EXPECT_EQ(send(ann, "MKCOL", "/d"), 201);
  EXPECT_EQ(put(ann, "/d/f", 1), 201);
  EXPECT_EQ(put(ann, "/g", 1), 507);
  EXPECT_EQ(send(ann, "DELETE", "/d"), 204);
  EXPECT_EQ(put(ann, "/g", 1), 201);
  EXPECT_EQ(put(ann, "/h", 1), 201);
  EXPECT_EQ(put(ann, "/i", 1), 507);
  EXPECT_TRUE(trash().empty());
  expect_sound();
}

// The content that this very write replaces gives way last.
TEST_F(KeepsThePast, AndAFileThatFillsTheQuotaCanBeReplaced) {
  const auto ann = add("ann", 100);
  EXPECT_EQ(put(ann, "/f", 100), 201);
  for (int i = 0; i < 3; ++i) {
    clock_.advance(kMinute);
    EXPECT_EQ(put(ann, "/f", 100), 204);
    EXPECT_EQ(kept(*ann), Kept{});
    EXPECT_EQ(used(*ann), 100U);
  }
  clock_.advance(kMinute);
  EXPECT_EQ(put(ann, "/f", 40), 204);
  EXPECT_EQ(kept(*ann), Kept{}) << "100 and 40 are too many";
  clock_.advance(kMinute);
  EXPECT_EQ(put(ann, "/f", 60), 204);
  EXPECT_EQ(kept(*ann), (Kept{0, 40}));
  EXPECT_EQ(put(ann, "/g", 41), 507);
  EXPECT_EQ(put(ann, "/g", 40), 201);
  expect_sound();
}

TEST_F(KeepsThePast, ButNobodyElsesGivesWayToAQuota) {
  const auto ann = add("ann", 100);
  const auto bob = add("bob", 100);
  EXPECT_EQ(put(bob, "/b", 100), 201);
  EXPECT_EQ(send(bob, "DELETE", "/b"), 204);
  EXPECT_EQ(put(ann, "/a", 101), 507);
  EXPECT_EQ(trash().size(), 1U);
  EXPECT_EQ(put(ann, "/a", 100), 201);
  EXPECT_EQ(trash().size(), 1U);
  EXPECT_EQ(put(bob, "/b", 100), 201);
  EXPECT_TRUE(trash().empty());
}

TEST_F(KeepsThePast, AndGivesWayOnAFullDisk) {
  const auto ann = add("ann", {});
  for (const char* name : {"/a", "/b", "/c"}) {
    EXPECT_EQ(put(ann, name, 100'000), 201);
    EXPECT_EQ(send(ann, "DELETE", name), 204);
    clock_.advance(1);
  }
  EXPECT_EQ(files(), 3U);
  available_ = 1000;
  EXPECT_EQ(put(ann, "/small", 1), 201);
  EXPECT_EQ(trash().size(), 2U);
  EXPECT_EQ(put(ann, "/large", 250'000), 201);
  EXPECT_TRUE(trash().empty());
  EXPECT_EQ(files(), 1U);
  available_ = 1000;
  EXPECT_EQ(put(ann, "/small", 2), 507) << "nothing is left to give way";
  expect_sound();
}

// A large tree on its way out does not make others wait for long.
TEST_F(KeepsThePast, AndIsPurgedWhileOthersWrite) {
  const auto ann = add("ann", {});
  names_->write(storage::Flush::required, [&](storage::Transaction& tx) {
    const storage::Resource top = tx.make_collection(*tx.resolve({}).resource, "d", ann->account);
    for (int i = 0; i < 3000; ++i)
      tx.put(top, std::to_string(i), inline_content("x"), std::nullopt, ann->account);
  });
  EXPECT_EQ(send(ann, "DELETE", "/d"), 204);
  names_->write(storage::Flush::required,
                [&](storage::Transaction& tx) { tx.purge_trash(trash().front().id); });
  std::thread purge([this] {
    while (names_->purge(100) == 100) {
    }
  });
  int stored = 0;
  for (int i = 0; i < 100; ++i)
    if (put(ann, "/" + std::to_string(i), 1) == 201) ++stored;
  purge.join();
  EXPECT_EQ(stored, 100);
  EXPECT_EQ(used(*ann), 100U);
  expect_sound();
}

}  // namespace
}  // namespace holdfast::test
