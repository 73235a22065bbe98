// REPORT DAV:sync-collection (RFC 6578): what it refuses, and what it shows.
#include <gmock/gmock.h>

#include "tests/dav/world.h"

namespace holdfast::test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

std::string sync_body(std::string_view token, std::string_view level = "infinite",
                      std::string_view more = {}) {
  std::string body = "<D:sync-collection xmlns:D=\"DAV:\"><D:sync-token>";
  body.append(token).append("</D:sync-token><D:sync-level>").append(level);
  body.append("</D:sync-level>").append(more);
  return body.append("<D:prop><D:getetag/></D:prop></D:sync-collection>");
}

struct Synced {
  std::string token;
  std::vector<std::string> shown, gone;  // hrefs
  std::vector<std::string> cut;          // with 507
};

Synced synced(const Answer& answer) {
  Synced result;
  EXPECT_EQ(answer.status, 207) << answer.body << answer.log_detail;
  if (answer.status != 207) return result;
  const dav::xml::Document document = dav::xml::Document::parse(answer.body);
  for (const dav::xml::Element& element : document.root().children()) {
    if (element.is_dav("sync-token")) {
      result.token = element.text();
      continue;
    }
    const std::string href = element.child_dav("href").value().text();
    const auto status = element.child_dav("status");
    if (!status) {
      result.shown.push_back(href);
    } else if (status->text() == "HTTP/1.1 404 Not Found") {
      result.gone.push_back(href);
    } else {
      EXPECT_EQ(status->text(), "HTTP/1.1 507 Insufficient Storage");
      EXPECT_TRUE(element.child_dav("error")
                      .value()
                      .child_dav("number-of-matches-within-limits")
                      .has_value());
      result.cut.push_back(href);
    }
  }
  return result;
}

struct SyncWorld : World {
  SyncWorld() : World(with_deep_listings()) {
    mkcol("/c");
    mkcol("/c/d");
    put("/c/f");
    put("/c/d/g");
  }
  static dav::Options with_deep_listings() {
    dav::Options options;
    options.propfind_infinity_limit = 1000;
    return options;
  }
  Synced sync(std::string_view token, std::string_view level = "infinite",
              std::string_view more = {}, std::string_view at = "/c/") {
    return synced(send("REPORT", at, {}, sync_body(token, level, more)));
  }
};

struct BadReport {
  const char* what;
  const char* target;
  Headers headers;
  std::string body;
  int status;
  const char* condition;  // in the body of the refusal; empty: any
};

TEST(Report, RefusesWhatItCannotAnswer) {
  SyncWorld w;
  const std::string token = w.sync("").token;
  const std::string other = w.sync("", "1", "", "/").token;
  const std::vector<BadReport> bad = {
      {"RFC 3253 §3.6: a report that is unknown",
       "/c/",
       {},
       "<D:x xmlns:D=\"DAV:\"/>",
       403,
       "supported-report"},
      {"RFC 6578 §3.2: Depth", "/c/", {{"Depth", "1"}}, sync_body(""), 400, ""},
      {"no body", "/c/", {}, "", 400, ""},
      {"no XML", "/c/", {}, "x", 400, ""},
      {"a file", "/c/f", {}, sync_body(""), 403, "supported-report"},
      {"nothing", "/none/", {}, sync_body(""), 404, ""},
      {"§6.3: the level", "/c/", {}, sync_body("", "2"), 400, ""},
      {"§6.3: no level",
       "/c/",
       {},
       "<D:sync-collection xmlns:D=\"DAV:\"><D:sync-token/><D:prop/></D:sync-collection>",
       400,
       ""},
      {"no properties",
       "/c/",
       {},
       "<D:sync-collection xmlns:D=\"DAV:\"><D:sync-token/><D:sync-level>1</D:sync-level>"
       "</D:sync-collection>",
       400,
       ""},
      {"RFC 5323 §5.17: a limit of nothing",
       "/c/",
       {},
       sync_body("", "1", "<D:limit><D:nresults>0</D:nresults></D:limit>"),
       400,
       ""},
      {"§3.2: no token of ours", "/c/", {}, sync_body("urn:x"), 403, "valid-sync-token"},
      {"the token of another collection", "/c/", {}, sync_body(other), 403, "valid-sync-token"},
      {"a token from the future", "/c/", {}, sync_body(token + "0"), 403, "valid-sync-token"},
      {"another spelling",
       "/c/",
       {},
       sync_body(token.substr(0, token.rfind('.') + 1) + "0" + token.substr(token.rfind('.') + 1)),
       403,
       "valid-sync-token"},
      {"§3.6: a first answer above the limit",
       "/c/",
       {},
       sync_body("", "1", "<D:limit><D:nresults>1</D:nresults></D:limit>"),
       507,
       "number-of-matches-within-limits"},
  };
  for (const BadReport& report : bad) {
    SCOPED_TRACE(report.what);
    const Answer answer = w.send("REPORT", report.target, report.headers, report.body);
    EXPECT_EQ(answer.status, report.status) << answer.body;
    EXPECT_NE(answer.body.find(report.condition), std::string::npos) << answer.body;
  }
}

TEST(Report, TellsWhatHasChanged) {
  SyncWorld w;
  const Synced first = w.sync("");
  EXPECT_THAT(first.shown, UnorderedElementsAre("/c/f", "/c/d/", "/c/d/g"));
  const Synced near = w.sync("", "1");
  EXPECT_THAT(near.shown, UnorderedElementsAre("/c/f", "/c/d/"));
  const Synced none = w.sync(first.token);
  EXPECT_THAT(none.shown, IsEmpty());
  EXPECT_EQ(none.token, first.token);

  w.put("/c/d/g", "other");
  w.put("/elsewhere");
  const Synced edited = w.sync(first.token);
  EXPECT_THAT(edited.shown, ElementsAre("/c/d/g"));
  EXPECT_THAT(w.sync(first.token, "1").shown, IsEmpty()) << "it is no member";

  // A member that moved is a removal and an addition; a tree comes with all that it has.
  ASSERT_EQ(w.status("MOVE", "/c/d/", {{"Destination", "/c/e/"}}), 201);
  const Synced moved = w.sync(edited.token);
  EXPECT_THAT(moved.gone, ElementsAre("/c/d/"));
  EXPECT_THAT(moved.shown, UnorderedElementsAre("/c/e/", "/c/e/g"));

  ASSERT_EQ(w.status("DELETE", "/c/f"), 204);
  w.put("/c/f", "again");
  EXPECT_THAT(w.sync(moved.token).gone, IsEmpty()) << "RFC 6578 §3.5.2: it was mapped again";
  EXPECT_THAT(w.sync(moved.token).shown, ElementsAre("/c/f"));
}

// The old members must be told of before the new ones.
TEST(Report, ARemovedCollectionIsToldBeforeItsNameIsUsedAgain) {
  SyncWorld w;
  const std::string token = w.sync("").token;
  ASSERT_EQ(w.status("DELETE", "/c/d/"), 204);
  w.mkcol("/c/d");
  w.put("/c/d/h");
  const Synced gone = w.sync(token);
  EXPECT_THAT(gone.gone, ElementsAre("/c/d/"));
  EXPECT_THAT(gone.shown, IsEmpty());
  EXPECT_THAT(gone.cut, ElementsAre("/c/"));
  const Synced rest = w.sync(gone.token);
  EXPECT_THAT(rest.shown, UnorderedElementsAre("/c/d/", "/c/d/h"));
  EXPECT_THAT(rest.cut, IsEmpty());
}

TEST(Report, GoesOnAfterALimit) {
  SyncWorld w;
  std::string token = w.sync("").token;
  for (const char* made : {"/c/1", "/c/2", "/c/3"}) w.put(made);
  std::vector<std::string> all;
  for (int pages = 1;; ++pages) {
    const Synced page = w.sync(token, "1", "<D:limit><D:nresults>1</D:nresults></D:limit>");
    EXPECT_EQ(page.shown.size(), 1U);
    all.insert(all.end(), page.shown.begin(), page.shown.end());
    token = page.token;
    if (page.cut.empty()) {
      EXPECT_EQ(pages, 3);
      break;
    }
    ASSERT_LT(pages, 10);
  }
  EXPECT_THAT(all, ElementsAre("/c/1", "/c/2", "/c/3"));
}

TEST(Report, SaysNothingOfWhatTheCallerMayNotRead) {
  SyncWorld w;
  const std::string all = w.sync("").token;
  auto caller = std::make_shared<dav::Caller>(*dav::anonymous_caller(storage::Right::write));
  caller->grants.push_back({.path = storage::Path({"c", "d"}), .right = storage::Right::none});
  w.dav.as(caller);
  EXPECT_EQ(w.status("REPORT", "/c/", {}, sync_body(all)), 403) << "other rights, another token";
  const Synced first = w.sync("");
  EXPECT_THAT(first.shown, ElementsAre("/c/f"));
  EXPECT_EQ(w.status("REPORT", "/c/d/", {}, sync_body("")), 403);
  w.dav.as(dav::anonymous_caller(storage::Right::write));
  w.put("/c/d/g", "other");
  w.put("/c/d/h");
  ASSERT_EQ(w.status("DELETE", "/c/d/g"), 204);
  w.dav.as(caller);
  const Synced later = w.sync(first.token);
  EXPECT_THAT(later.shown, IsEmpty());
  EXPECT_THAT(later.gone, IsEmpty());
}

TEST(Report, TheTokenIsAPropertyOfCollections) {
  SyncWorld w;
  const std::string ask =
      "<D:propfind xmlns:D=\"DAV:\"><D:prop><D:sync-token/><D:supported-report-set/></D:prop>"
      "</D:propfind>";
  const MultistatusResponse shown = single(w.send("PROPFIND", "/c/", {{"Depth", "0"}}, ask));
  EXPECT_EQ(shown.text("sync-token"), w.sync("").token);
  EXPECT_NE(shown.find("supported-report-set")->xml.find("sync-collection"), std::string::npos);
  const MultistatusResponse file = single(w.send("PROPFIND", "/c/f", {{"Depth", "0"}}, ask));
  EXPECT_EQ(file.code("sync-token"), 404);
}

}  // namespace
}  // namespace holdfast::test
