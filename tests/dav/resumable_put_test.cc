// Resumable uploads of the IETF's draft (dav/resumable_put.h).
#include <gtest/gtest.h>
#include <string>

#include "tests/dav/staging_world.h"

namespace holdfast::test {
namespace {

struct ResumableWorld : StagingWorld {
  std::string begin(std::string_view body, Headers headers = {}) {
    headers.emplace_back("Upload-Complete", "?0");
    const Answer answer = dav.send("PUT", "/f", headers, body);
    EXPECT_EQ(answer.status, 201) << answer.log_detail;
    EXPECT_EQ(answer.header("Upload-Offset"), std::to_string(body.size()));
    EXPECT_EQ(answer.header("Upload-Complete"), "?0");
    return answer.header("Location");
  }
  Answer patch(std::string_view url, std::size_t offset, const char* complete,
               std::string_view body, Headers headers = {}) {
    headers.emplace_back("Content-Type", "application/partial-upload");
    headers.emplace_back("Upload-Offset", std::to_string(offset));
    headers.emplace_back("Upload-Complete", complete);
    return dav.send("PATCH", url, headers, body);
  }
};

TEST(ResumablePut, StoresAFileInPieces) {
  ResumableWorld w;
  const std::string url =
      w.begin("he", {{"X-OC-Mtime", "1000000000"}, {"Upload-Draft-Interop-Version", "6"}});
  EXPECT_EQ(w.get("/f"), "404");
  Answer answer = w.patch(url, 2, "?0", "ll");
  EXPECT_EQ(answer.status, 204) << answer.log_detail;
  EXPECT_EQ(answer.header("Upload-Offset"), "4");
  answer = w.dav.send("HEAD", url, {{"Upload-Draft-Interop-Version", "6"}});
  EXPECT_EQ(answer.status, 204);
  EXPECT_EQ(answer.header("Upload-Offset"), "4");
  EXPECT_EQ(answer.header("Upload-Complete"), "?0");
  EXPECT_EQ(answer.header("Upload-Limit"), "max-size=68719476736, max-age=86400");
  EXPECT_EQ(answer.header("Upload-Draft-Interop-Version"), "6");
  EXPECT_EQ(answer.header("Cache-Control"), "no-store");
  answer = w.patch(url, 4, "?1", "o");
  EXPECT_EQ(answer.status, 201) << answer.log_detail;
  EXPECT_EQ(w.get("/f"), "hello");
  const Answer head = w.dav.send("HEAD", "/f");
  EXPECT_EQ(head.header("ETag"), answer.header("ETag"));
  EXPECT_EQ(head.header("Last-Modified"), "Sun, 09 Sep 2001 01:46:40 GMT");
  answer = w.dav.send("HEAD", url);
  EXPECT_EQ(answer.header("Upload-Complete"), "?1");
  EXPECT_EQ(answer.header("Upload-Offset"), "5");
  EXPECT_EQ(w.patch(w.begin(""), 0, "?1", "over").status, 204);
  EXPECT_EQ(w.get("/f"), "over");
  // The whole at once is a PUT.
  EXPECT_EQ(w.dav.send("PUT", "/g", {{"Upload-Complete", "?1"}}, "x").status, 201);
  EXPECT_EQ(w.get("/g"), "x");
  EXPECT_TRUE(w.staging.list().empty());
}

TEST(ResumablePut, RefusalsLoseNothing) {
  ResumableWorld w;
  const std::string url = w.begin("01234");
  EXPECT_EQ(w.patch(url, 4, "?0", "x").status, 409);
  EXPECT_EQ(w.patch(url, 4, "?0", "x").header("Upload-Offset"), "5");
  EXPECT_EQ(w.patch(url, 6, "?1", "x").status, 409);
  EXPECT_EQ(w.patch(url, 5, "1", "x").status, 400);
  EXPECT_EQ(w.patch(url, 5, "?1", "x", {{"Upload-Length", "7"}}).status, 400);
  EXPECT_EQ(w.patch(url, 5, "?0", "xyz", {{"Upload-Length", "7"}}).status, 413);
  EXPECT_EQ(w.patch(url, 5, "?0", "x", {{"Upload-Length", "4"}}).status, 400);
  EXPECT_EQ(
      w.dav.send("PATCH", url, {{"Upload-Offset", "5"}, {"Upload-Complete", "?1"}}, "x").status,
      415);
  EXPECT_EQ(w.dav.send("GET", url).status, 405);
  const Answer locked = w.dav.send("LOCK", "/f", {}, lockinfo());
  EXPECT_EQ(w.patch(url, 5, "?1", "5").status, 423);
  EXPECT_EQ(w.dav.send("HEAD", url).header("Upload-Offset"), "5");
  EXPECT_EQ(w.patch(url, 5, "?1", "5", with_token(locked.lock_token())).status, 204);
  EXPECT_EQ(w.get("/f"), "012345");
  // What is refused at its beginning is no upload.
  EXPECT_EQ(w.dav.send("PUT", "/no/f", {{"Upload-Complete", "?0"}}, "x").status, 409);
  EXPECT_EQ(w.dav.send("PUT", "/f/", {{"Upload-Complete", "?0"}}, "x").status, 409);
  EXPECT_EQ(w.dav.send("PUT", "/h", {{"Upload-Complete", "?0"}, {"OC-Chunked", "1"}}, "x").status,
            501);
  const std::string other = w.begin("x", with_token(locked.lock_token()));
  w.dav.as("bob");
  EXPECT_EQ(w.dav.send("HEAD", other).status, 404);
  EXPECT_EQ(w.dav.send("DELETE", other).status, 404);
  w.dav.as(dav::anonymous_caller(storage::Right::write));
  EXPECT_EQ(w.dav.send("DELETE", other).status, 204);
  EXPECT_EQ(w.dav.send("HEAD", other).status, 412) << "no upload of this kind is known any more";
  EXPECT_TRUE(w.staging.list().empty());
}

}  // namespace
}  // namespace holdfast::test
