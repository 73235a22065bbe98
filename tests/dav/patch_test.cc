// PATCH of a part of a file (dav/methods/patch.cc).
#include <functional>
#include <gtest/gtest.h>
#include <random>
#include <string>
#include <utility>

#include "tests/dav/world.h"

namespace holdfast::test {
namespace {

Headers patch_headers(const std::string& range) {
  return {{"Content-Type", "application/x-sabredav-partialupdate"}, {"X-Update-Range", range}};
}

TEST(Patch, WritesWhereItsRangeSays) {
  World w;
  struct Row {
    std::string range, body, result;
  };
  for (const Row& row :
       {Row{"bytes=0-1", "ab", "ab23456789"}, Row{"bytes=3-3", "x", "012x456789"},
        Row{"bytes=8-", "abcd", "01234567abcd"}, Row{"bytes=10-", "abcd", "0123456789abcd"},
        Row{"bytes=10-11", "ab", "0123456789ab"}, Row{"bytes=9-12", "abcd", "012345678abcd"},
        Row{"bytes=-3", "abc", "0123456abc"}, Row{"bytes=-3", "a", "0123456a89"},
        Row{"bytes=-10", "abcdefghijk", "abcdefghijk"}, Row{"append", "abc", "0123456789abc"},
        Row{"bytes=-0", "abc", "0123456789abc"}}) {
    w.put("/f", "0123456789");
    const std::string before = w.etag("/f");
    const Answer answer = w.send("PATCH", "/f", patch_headers(row.range), row.body);
    EXPECT_EQ(answer.status, 204) << row.range << answer.log_detail;
    EXPECT_EQ(w.get("/f"), row.result) << row.range;
    EXPECT_EQ(answer.header("ETag"), w.etag("/f"));
    EXPECT_NE(answer.header("ETag"), before);
  }
}

TEST(Patch, RefusalsChangeNothing) {
  World w;
  w.put("/f", "0123456789");
  w.mkcol("/c");
  const std::string token = w.lock("/f");
  const Headers held = with_token(token);
  struct Row {
    const char* target;
    Headers headers;
    std::string body;
    int status;
  };
  const Row rows[] = {
      {"/f", held, "x", 415},
      {"/f", held + Headers{{"Content-Type", "text/plain"}, {"X-Update-Range", "append"}}, "x",
       415},
      {"/f", held + Headers{{"Content-Type", "application/x-sabredav-partialupdate"}}, "x", 400},
      {"/f", held + patch_headers(""), "x", 400},
      {"/f", held + patch_headers("bytes"), "x", 400},
      {"/f", held + patch_headers("bytes=-"), "x", 400},
      {"/f", held + patch_headers("bytes=2-1"), "x", 400},
      {"/f", held + patch_headers("bytes=0-0,2-2"), "xx", 400},
      {"/f", held + patch_headers("bytes=a-b"), "x", 400},
      {"/f", held + patch_headers("bytes=99999999999999999999-"), "x", 400},
      {"/f", held + patch_headers("items=0-0"), "x", 400},
      {"/f", held + patch_headers("append") + patch_headers("append"), "x", 400},
      {"/f", held + patch_headers("append"), "", 400},
      {"/f", held + patch_headers("bytes=11-"), "x", 416},
      {"/f", held + patch_headers("bytes=-11"), "x", 416},
      {"/f", held + patch_headers("bytes=0-1"), "x", 416},
      {"/f", held + patch_headers("bytes=0-18446744073709551615"), "x", 416},
      {"/f", patch_headers("append"), "x", 423},
      {"/f", held + patch_headers("append") + Headers{{"If-Match", "\"x\""}}, "x", 412},
      {"/none", patch_headers("append"), "x", 404},
      {"/f/", held + patch_headers("append"), "x", 404},
      {"/c", patch_headers("append"), "x", 405},
      {"/", patch_headers("append"), "x", 405},
  };
  const std::string before = w.dump();
  for (const Row& row : rows) {
    const Answer answer = w.send("PATCH", row.target, row.headers, row.body);
    EXPECT_EQ(answer.status, row.status) << row.target << answer.log_detail;
    EXPECT_EQ(w.dump(), before) << answer.log_detail;
  }
  StringBody chunked("x");
  chunked.chunked();
  EXPECT_EQ(w.dav.send("PATCH", "/f", held + patch_headers("append"), chunked).status, 411);
  StringBody broken("xyz");
  broken.ends(http::Body::State::truncated, 2);
  EXPECT_EQ(w.dav.send("PATCH", "/f", held + patch_headers("append"), broken).status, 400);
  EXPECT_EQ(w.dump(), before);
  EXPECT_EQ(w.status("PATCH", "/f", held + patch_headers("append"), "x"), 204);
}

// Small and large contents, all ranges: as a string that is changed in place.
TEST(Patch, EqualsAStringThatIsChanged) {
  World w;
  std::mt19937 random(1);
  std::string model(storage::kInlineLimitBytes - 10, 'a');
  w.put("/f", model);
  for (int step = 0; step < 60; ++step) {
    const std::size_t offset = random() % (model.size() + 1);
    const std::string body(1 + random() % 30'000, static_cast<char>('a' + step % 26));
    EXPECT_EQ(w.status("PATCH", "/f", patch_headers("bytes=" + std::to_string(offset) + "-"), body),
              204);
    model.replace(offset, body.size(), body);
    ASSERT_TRUE(w.get("/f") == model) << step;
  }
}

// A body during which somebody else writes.
class MeddlingBody final : public http::Body {
 public:
  explicit MeddlingBody(std::function<void()> meddle) : meddle_(std::move(meddle)) {}
  [[nodiscard]] std::optional<std::uint64_t> length() const override { return 3; }
  Piece read() override {
    if (!meddle_) return {};
    std::exchange(meddle_, nullptr)();
    return {State::more, std::string_view("new")};
  }

 private:
  std::function<void()> meddle_;
};

TEST(Patch, IsOfTheContentThatWasThereWhenItCame) {
  World w;
  w.put("/f", "0123456789");
  MeddlingBody body([&] { w.put("/f", "something else"); });
  EXPECT_EQ(w.dav.send("PATCH", "/f", patch_headers("append"), body).status, 409);
  EXPECT_EQ(w.get("/f"), "something else");
  MeddlingBody gone([&] { EXPECT_EQ(w.status("DELETE", "/f"), 204); });
  EXPECT_EQ(w.dav.send("PATCH", "/f", patch_headers("append"), gone).status, 409);
  EXPECT_EQ(w.status("GET", "/f"), 404);
}

TEST(Patch, SpreadsNoDamage) {
  World w;
  w.put("/f", std::string(storage::kInlineLimitBytes + 10, 'x'));
  const auto snapshot = w.store.names.snapshot();
  const storage::Resource file = *snapshot->resolve(storage::Path({"f"})).resource;
  const std::string blob = snapshot->content(file).blob;
  w.store.contents.damage(blob, std::string(file.size, 'y'));
  const std::string before = w.dump();
  EXPECT_EQ(w.status("PATCH", "/f", patch_headers("append"), "z"), 500);
  EXPECT_EQ(w.dump(), before);
}

}  // namespace
}  // namespace holdfast::test
