// The read-only tree of the past (dav/past.h), over the real store.
#include "http/date.h"
#include "tests/dav/world.h"
#include "tests/storage/sqlite_store.h"

namespace holdfast::test {
namespace {

class PastTree : public storage::SqliteStore {
 protected:
  void SetUp() override {
    open(storage::Durability::relaxed);
    names_->keep({.trash = true, .versions = true});
    dav::Options options;
    options.history_name = ".history";
    engine_ = std::make_unique<dav::Engine>(*names_, *content_, options, nullptr);
  }
  void TearDown() override { engine_.reset(); }

  Answer send(std::string_view method, std::string_view target, const Headers& headers = {},
              std::string_view body = {}) {
    DavClient client(*engine_);
    client.as(caller_);
    return client.send(method, target, headers, body);
  }
  int status(std::string_view method, std::string_view target, const Headers& headers = {},
             std::string_view body = {}) {
    return send(method, target, headers, body).status;
  }
  // The root of the past as of now. What follows is later.
  std::string remember() {
    std::string when = http::format_rfc3339(clock_.wall() / 1000);
    std::replace(when.begin() + 10, when.end(), ':', '-');
    clock_.advance(61'000);
    return "/.history/" + when;
  }
  std::vector<std::string> hrefs(std::string_view target, std::string_view depth) {
    std::vector<std::string> all;
    for (const auto& each : multistatus(send("PROPFIND", target, {{"Depth", std::string(depth)}})))
      all.push_back(each.href);
    return all;
  }
  static std::shared_ptr<const dav::Caller> with(std::vector<storage::Grant> grants) {
    auto caller = std::make_shared<dav::Caller>(*dav::anonymous_caller(storage::Right::none));
    caller->grants = std::move(grants);
    return caller;
  }

  std::shared_ptr<const dav::Caller> caller_ = dav::anonymous_caller(storage::Right::write);
  std::unique_ptr<dav::Engine> engine_;
};

using Hrefs = std::vector<std::string>;

TEST_F(PastTree, IsReadAsTheFilesAre) {
  EXPECT_EQ(status("MKCOL", "/d"), 201);
  EXPECT_EQ(status("PUT", "/d/a", {}, "one"), 201);
  EXPECT_EQ(status("PUT", "/d/b", {}, "two"), 201);
  EXPECT_EQ(status("MKCOL", "/d/e"), 201);
  const std::string then = remember();
  EXPECT_EQ(status("PUT", "/d/a", {}, "ONE"), 204);
  EXPECT_EQ(status("MOVE", "/d/b", {{"Destination", "/d/e/c"}}), 201);
  EXPECT_EQ(status("DELETE", "/d"), 204);
  remember();

  EXPECT_EQ(send("GET", then + "/d/a").body, "one");
  EXPECT_EQ(send("GET", then + "/d/b", {{"Range", "bytes=1-"}}).body, "wo");
  EXPECT_EQ(status("HEAD", then + "/d/b"), 200);
  EXPECT_EQ(status("GET", then + "/d/e/c"), 404);
  EXPECT_EQ(hrefs(then + "/d/", "1"),
            (Hrefs{then + "/d/", then + "/d/a", then + "/d/b", then + "/d/e/"}));
  EXPECT_EQ(hrefs(then + "/", "infinity").size(), 5U);
  EXPECT_EQ(hrefs(then + "/d/a", "0"), Hrefs{then + "/d/a"});
  EXPECT_EQ(status("GET", then + "/d"), 301);
  const Answer page = send("GET", then + "/d/", {{"Accept", "application/json"}});
  EXPECT_NE(page.body.find("\"href\":\"" + then + "/d/\""), std::string::npos) << page.body;
  EXPECT_EQ(status("GET", "/d/a"), 404);
  // Nobody finds it who does not look for it.
  EXPECT_EQ(hrefs("/", "1"), Hrefs{"/"});
  // A copy brings it back, as mounted drives do.
  EXPECT_EQ(status("PUT", "/a", {}, send("GET", then + "/d/a").body), 201);
}

TEST_F(PastTree, IsNeverWritten) {
  EXPECT_EQ(status("PUT", "/a", {}, "one"), 201);
  const std::string then = remember();
  const std::string in_it = then + "/a";
  for (const std::string& target :
       {in_it, then + "/new", then, std::string("/.history"), std::string("/.history/x")})
    for (const char* method : {"PUT", "DELETE", "MKCOL", "MOVE", "PROPPATCH", "LOCK", "UNLOCK"}) {
      const Answer answer = send(method, target, {{"Destination", "/b"}});
      EXPECT_EQ(answer.status, 403) << method << " " << target;
      EXPECT_NE(answer.body.find("This is the past"), std::string::npos) << answer.body;
    }
  for (const char* method : {"COPY", "MOVE"})
    for (const std::string& to : {std::string("/.history"), then + "/b"})
      EXPECT_EQ(status(method, "/a", {{"Destination", to}}), 403);
  EXPECT_EQ(send("OPTIONS", in_it).header("Allow"), "OPTIONS, GET, HEAD, COPY, PROPFIND");
  EXPECT_EQ(hrefs("/", "infinity"), (Hrefs{"/", "/a"}));
}

TEST_F(PastTree, IsCopiedBack) {
  EXPECT_EQ(status("MKCOL", "/d"), 201);
  EXPECT_EQ(status("MKCOL", "/d/e"), 201);
  EXPECT_EQ(status("PUT", "/d/a", {}, "one"), 201);
  EXPECT_EQ(status("PUT", "/d/e/b", {}, "two"), 201);
  const std::string then = remember();
  EXPECT_EQ(status("PUT", "/d/a", {}, "1"), 204);
  EXPECT_EQ(status("DELETE", "/d/e"), 204);
  remember();
  const auto copy = [&](const std::string& from, const std::string& to, const char* overwrite = "T",
                        const char* depth = "infinity") {
    return status("COPY", then + from,
                  {{"Destination", to}, {"Overwrite", overwrite}, {"Depth", depth}});
  };
  EXPECT_EQ(copy("/d/a", "/d/a", "F"), 412);
  EXPECT_EQ(copy("/d/a", "/d/a"), 204);
  EXPECT_EQ(send("GET", "/d/a").body, "one");
  EXPECT_EQ(copy("/d", "/back"), 201);
  EXPECT_EQ(hrefs("/back/", "infinity"), (Hrefs{"/back/", "/back/a", "/back/e/", "/back/e/b"}));
  EXPECT_EQ(send("GET", "/back/e/b").body, "two");
  EXPECT_EQ(copy("/d", "/back/e", "T", "0"), 204);
  EXPECT_EQ(hrefs("/back/e/", "1"), Hrefs{"/back/e/"});
  EXPECT_EQ(copy("/d/none", "/x"), 404);
  EXPECT_EQ(copy("/d/a", "/none/x"), 409);
  EXPECT_EQ(copy("/d/a", then + "/d/x"), 403);
  EXPECT_EQ(copy("/d", "/"), 403);
  caller_ = with({{.path = path("d"), .right = storage::Right::read},
                  {.path = path("mine"), .right = storage::Right::write}});
  EXPECT_EQ(copy("/d/a", "/mine"), 403);
  caller_ = with({{.path = path("d"), .right = storage::Right::write}});
  EXPECT_EQ(copy("/d/a", "/mine"), 403);
  EXPECT_EQ(copy("/d/a", "/d/mine"), 201);
  EXPECT_TRUE(names_->check(false).problems.empty());
}

TEST_F(PastTree, HasTimesAndSnapshots) {
  EXPECT_EQ(status("PUT", "/a", {}, "one"), 201);
  names_->write(storage::Flush::required, [&](storage::Transaction& tx) {
    storage::NamedSnapshot held;
    held.name = "first";
    held.root = tx.resolve({}).resource->id;
    tx.add_snapshot(held);
  });
  EXPECT_EQ(status("PUT", "/a", {}, "two"), 204);
  remember();
  EXPECT_EQ(hrefs("/.history/", "1"), (Hrefs{"/.history/", "/.history/first/"}));
  EXPECT_EQ(hrefs("/.history", "0"), Hrefs{"/.history/"});
  EXPECT_EQ(status("PROPFIND", "/.history/"), 403) << "Depth: infinity";
  EXPECT_EQ(send("GET", "/.history/first/a").body, "one");
  for (const char* when :
       {"none", "2023-11-14T22-13-19Z", "2033-11-14T22-13-20Z", "1700000000", "2023-11-14"})
    EXPECT_EQ(status("GET", std::string("/.history/") + when + "/a"), 404) << when;
  EXPECT_EQ(status("GET", "/.history/"), 404);
}

TEST_F(PastTree, ShowsWhatTheCallerMayWriteNow) {
  for (const char* collection : {"/mine", "/theirs", "/read"})
    EXPECT_EQ(status("MKCOL", collection), 201);
  for (const char* file : {"/mine/a", "/mine/moved", "/theirs/b", "/read/c"})
    EXPECT_EQ(status("PUT", file, {}, "text"), 201);
  const std::string then = remember();
  EXPECT_EQ(status("MOVE", "/mine/moved", {{"Destination", "/theirs/moved"}}), 201);
  remember();
  caller_ = with({{.path = path("mine"), .right = storage::Right::write},
                  {.path = path("read"), .right = storage::Right::read}});
  EXPECT_EQ(send("GET", then + "/mine/a").body, "text");
  EXPECT_EQ(status("GET", then + "/mine/moved"), 404) << "it is theirs now";
  EXPECT_EQ(status("GET", then + "/theirs/b"), 403);
  EXPECT_EQ(status("GET", then + "/read/c"), 403) << "a reader does not see what was before";
  EXPECT_EQ(hrefs(then + "/", "infinity"), (Hrefs{then + "/", then + "/mine/", then + "/mine/a"}));
  caller_ = with({{.path = path("read"), .right = storage::Right::read}});
  EXPECT_EQ(status("PROPFIND", then + "/", {{"Depth", "1"}}), 403);
}

TEST_F(PastTree, IsThereOnlyWhenItIsNamed) {
  engine_ = std::make_unique<dav::Engine>(*names_, *content_, dav::Options{}, nullptr);
  EXPECT_EQ(status("MKCOL", "/.history"), 201);
  const std::string then = remember();
  EXPECT_EQ(status("GET", then + "/"), 404);
  EXPECT_EQ(hrefs("/", "1"), (Hrefs{"/", "/.history/"}));
}

}  // namespace
}  // namespace holdfast::test
