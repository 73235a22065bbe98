// The listing in JSON (docs/clients.md#the-listing-in-json).
#include <gmock/gmock.h>

#include "http/date.h"
#include "tests/dav/world.h"

namespace holdfast::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

Answer list(World& world, const std::string& target, std::string_view method = "GET") {
  return world.send(method, target, {{"Accept", "application/json, text/plain, */*"}});
}

// The values of all members called `key`, in their order, as they are written.
std::vector<std::string> all(const Answer& answer, const std::string& key) {
  std::vector<std::string> found;
  const std::string mark = "\"" + key + "\":\"";
  for (std::size_t at = answer.body.find(mark); at != std::string::npos;
       at = answer.body.find(mark, at)) {
    at += mark.size();
    found.push_back(answer.body.substr(at, answer.body.find('"', at) - at));
  }
  return found;
}

std::string next(const Answer& answer) {
  const auto found = all(answer, "next");
  return found.empty() ? std::string() : found.front();
}

TEST(JsonListing, SaysWhatAMemberIs) {
  World w;
  w.mkcol("/c");
  w.put("/c/a.txt", "abc");
  w.mkcol("/c/sub");
  const Answer answer = list(w, "/c/");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.header("Content-Type"), "application/json");
  EXPECT_EQ(answer.header("Vary"), "Accept, Accept-Language");
  EXPECT_EQ(answer.header("Cache-Control"), "no-store");
  const std::string tag = w.etag("/c/a.txt");
  const std::string date = http::format_rfc3339(ManualClock::kStart / 1000);
  EXPECT_EQ(answer.body,
            "{\"href\":\"/c/\",\"members\":["
            "{\"name\":\"a.txt\",\"href\":\"/c/a.txt\",\"kind\":\"file\",\"created\":\"" +
                date + "\",\"modified\":\"" + date +
                "\",\"size\":3,"
                "\"type\":\"text/plain; charset=utf-8\",\"etag\":\"\\\"" +
                tag.substr(1, tag.size() - 2) +
                "\\\"\"},"
                "{\"name\":\"sub\",\"href\":\"/c/sub/\",\"kind\":\"collection\",\"created\":\"" +
                date + "\",\"modified\":\"" + date + "\"}]}\n");
  EXPECT_EQ(list(w, "/c/sub/").body, "{\"href\":\"/c/sub/\",\"members\":[]}\n");
  EXPECT_EQ(list(w, "/c/", "HEAD").body, "");
  EXPECT_EQ(list(w, "/c/", "HEAD").header("Content-Type"), "application/json");
  EXPECT_EQ(list(w, "/c/a.txt").body, "abc") << "a file is its content";
  EXPECT_THAT(w.send("GET", "/c/").body, HasSubstr("<html")) << "without the wish: the page";
  EXPECT_EQ(w.send("GET", "/c/").header("Vary"), "Accept, Accept-Language");
}

TEST(JsonListing, EscapesNames) {
  World w;
  for (const char* name : {"a%22b", "%3Cscript%3E", "%C3%A4%20%26=+", "back%5Cslash"})
    w.put("/" + std::string(name));
  const Answer answer = list(w, "/");
  EXPECT_THAT(answer.body, HasSubstr(R"("name":"a\"b","href":"/a%22b")"));
  EXPECT_THAT(answer.body, HasSubstr(R"("name":"back\\slash","href":"/back%5Cslash")"));
  EXPECT_THAT(answer.body, HasSubstr("\"name\":\"\xC3\xA4 &=+\""));
}

TEST(JsonListing, ComesInPagesByAPositionThatStands) {
  World w;
  for (const char* name : {"a", "b", "c&d=e", "f%20g", "h"}) w.put("/" + std::string(name));
  Answer answer = list(w, "/?limit=2");
  EXPECT_THAT(all(answer, "name"), ElementsAre("a", "b"));
  EXPECT_EQ(next(answer), "/?after=b&limit=2");
  // Members come and go: a page begins behind the name all the same.
  w.send("DELETE", "/b");
  w.put("/aa");
  w.put("/bb");
  answer = list(w, next(answer));
  EXPECT_THAT(all(answer, "name"), ElementsAre("bb", "c&d=e"));
  EXPECT_EQ(next(answer), "/?after=c%26d%3De&limit=2");
  answer = list(w, next(answer));
  EXPECT_THAT(all(answer, "name"), ElementsAre("f g", "h"));
  EXPECT_EQ(next(answer), "") << "the last page, though it is full";
  EXPECT_THAT(all(list(w, "/?after=h"), "name"), IsEmpty());
  EXPECT_THAT(all(list(w, "/?after=f%20g&other=1"), "name"), ElementsAre("h"));
  EXPECT_THAT(all(list(w, "/?"), "name"), testing::SizeIs(6));
}

TEST(JsonListing, RefusesAQueryThatItCannotRead) {
  World w;
  w.put("/a");
  for (const char* query :
       {"limit=0", "limit=1001", "limit=-1", "limit=", "limit=x", "limit=1&limit=1",
        "after=a&after=a", "after=%zz", "after=%ff", "limit=99999999999999999999"}) {
    const Answer answer = list(w, "/?" + std::string(query));
    EXPECT_EQ(answer.status, 400) << query;
    EXPECT_THAT(answer.body, HasSubstr("\"detail\":\"")) << query;
  }
  for (const char* query :
       {"limit=1", "limit=1000", "after=", "after=a", "x=y", "limits=x", "&&", "=1"})
    EXPECT_EQ(list(w, "/?" + std::string(query)).status, 200) << query;
}

TEST(JsonListing, ShowsLocksAndNeverAToken) {
  World w;
  w.mkcol("/c");
  w.put("/c/f");
  const std::string token = w.lock("/c/f");
  const Answer answer = list(w, "/c/");
  EXPECT_THAT(answer.body, HasSubstr("\"locks\":[{\"scope\":\"exclusive\",\"depth\":\"infinity\""));
  EXPECT_THAT(answer.body, HasSubstr("\"expires\":\""));
  EXPECT_THAT(answer.body, Not(HasSubstr(token)));
}

TEST(JsonListing, ShowsEveryoneWhatTheyMaySee) {
  World w;
  for (const char* made : {"/open", "/way", "/way/open", "/secret"}) w.mkcol(made);
  w.put("/open/f");
  const auto ann = std::make_shared<dav::Caller>();
  ann->name = "ann";
  ann->grants = {{{}, storage::Right::none},
                 {storage::Path({"open"}), storage::Right::read},
                 {storage::Path({"way", "open"}), storage::Right::read}};
  DavClient client(w.engine);
  client.as(ann);
  const Answer answer = client.send("GET", "/", {{"Accept", "application/json"}});
  EXPECT_THAT(all(answer, "name"), ElementsAre("open", "way"));
  EXPECT_THAT(all(answer, "modified"), testing::SizeIs(1)) << "of the way only that it exists";
  EXPECT_EQ(client.send("GET", "/secret/", {{"Accept", "application/json"}}).status, 403);
}

}  // namespace
}  // namespace holdfast::test
