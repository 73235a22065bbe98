// tus 1.0 (dav/tus.h): the engine over names in memory and a staging area in files.
#include <gtest/gtest.h>
#include <string>

#include "tests/dav/staging_world.h"
#include "text/base64.h"

namespace holdfast::test {
namespace {

std::string tus_base64(std::string_view text) {
  return text::base64({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
}

// Requests of tus.
struct TusWorld : StagingWorld {
  using StagingWorld::StagingWorld;

  Answer send(std::string_view method, std::string_view target, Headers headers = {},
              std::string_view body = {}) {
    headers.emplace_back("Tus-Resumable", "1.0.0");
    return dav.send(method, target, headers, body);
  }
  // Begins an upload and returns its URL.
  std::string begin(std::string_view target, std::size_t length, Headers headers = {}) {
    headers.emplace_back("Upload-Length", std::to_string(length));
    const Answer answer = send("POST", target, headers);
    EXPECT_EQ(answer.status, 201) << answer.log_detail;
    EXPECT_EQ(answer.header("Upload-Offset"), "0");
    return answer.header("Location");
  }
  Answer patch(std::string_view url, std::size_t offset, std::string_view body,
               Headers headers = {}) {
    headers.emplace_back("Content-Type", "application/offset+octet-stream");
    headers.emplace_back("Upload-Offset", std::to_string(offset));
    return send("PATCH", url, headers, body);
  }
  std::string offset(std::string_view url) { return send("HEAD", url).header("Upload-Offset"); }
};

TEST(Tus, StoresAFileInPieces) {
  TusWorld w;
  EXPECT_EQ(w.dav.send("MKCOL", "/dir").status, 201);
  const std::string url =
      w.begin("/dir/a%20b.txt?upload", 11,
              {{"X-OC-Mtime", "1000000000"}, {"Upload-Metadata", "filename Zg==, x"}});
  EXPECT_TRUE(url.starts_with("/?upload=")) << url;
  EXPECT_EQ(w.get("/dir/a%20b.txt"), "404");
  Answer answer = w.patch(url, 0, "hello");
  EXPECT_EQ(answer.status, 204) << answer.log_detail;
  EXPECT_EQ(answer.header("Upload-Offset"), "5");
  EXPECT_EQ(answer.header("Tus-Resumable"), "1.0.0");
  EXPECT_EQ(answer.header("Upload-Expires"), "Sat, 03 Jan 2026 03:04:05 GMT");
  answer = w.send("HEAD", url);
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.header("Upload-Offset"), "5");
  EXPECT_EQ(answer.header("Upload-Length"), "11");
  EXPECT_EQ(answer.header("Cache-Control"), "no-store");
  EXPECT_EQ(answer.header("Upload-Metadata"), "filename Zg==, x");
  EXPECT_EQ(w.get("/dir/a%20b.txt"), "404");
  answer = w.patch(url, 5, " world");
  EXPECT_EQ(answer.status, 204) << answer.log_detail;
  EXPECT_EQ(answer.header("Upload-Offset"), "11");
  EXPECT_EQ(w.get("/dir/a%20b.txt"), "hello world");
  const Answer head = w.dav.send("HEAD", "/dir/a%20b.txt");
  EXPECT_EQ(head.header("ETag"), answer.header("ETag"));
  EXPECT_EQ(head.header("Last-Modified"), "Sun, 09 Sep 2001 01:46:40 GMT");
  // A client that did not hear of the end asks, and learns that all has arrived.
  EXPECT_EQ(w.offset(url), "11");
  EXPECT_EQ(w.patch(url, 11, "").status, 404);
  EXPECT_TRUE(w.staging.list().empty());
}

TEST(Tus, TakesTheNameFromTheMetadataInACollection) {
  TusWorld w;
  const std::string name = "filename " + tus_base64("ü ber.txt");
  const std::string url = w.begin("/?upload", 1, {{"Upload-Metadata", "k," + name}});
  EXPECT_EQ(w.patch(url, 0, "x").status, 204);
  EXPECT_EQ(w.get("/%C3%BC%20ber.txt"), "x");
  struct Row {
    std::string metadata;
    int status;
  };
  for (const Row& row :
       {Row{"", 400}, Row{"filename", 400}, Row{"filename " + tus_base64("a/b"), 400},
        Row{"filename " + tus_base64(".."), 400}, Row{"filename " + tus_base64("."), 400},
        Row{"filename " + tus_base64(std::string("a\0b", 3)), 400},
        Row{"filename " + tus_base64("\xff"), 400},
        Row{"filename " + tus_base64(std::string(256, 'x')), 400}, Row{"filename *", 400},
        Row{name + "," + name, 400}, Row{"filename " + tus_base64(std::string(5000, 'x')), 400},
        Row{"relativePath " + tus_base64("a"), 400}}) {
    EXPECT_EQ(
        w.send("POST", "/?upload", {{"Upload-Length", "1"}, {"Upload-Metadata", row.metadata}})
            .status,
        row.status)
        << row.metadata;
  }
  EXPECT_TRUE(w.staging.list().empty());
}

TEST(Tus, TakesTheFirstBytesWithTheCreation) {
  TusWorld w;
  Headers headers = {{"Upload-Length", "5"}, {"Content-Type", "application/offset+octet-stream"}};
  Answer answer = w.send("POST", "/f?upload", headers, "he");
  EXPECT_EQ(answer.status, 201) << answer.log_detail;
  EXPECT_EQ(answer.header("Upload-Offset"), "2");
  EXPECT_EQ(w.patch(answer.header("Location"), 2, "llo").status, 204);
  EXPECT_EQ(w.get("/f"), "hello");
  answer = w.send("POST", "/g?upload", headers, "hello");
  EXPECT_EQ(answer.status, 201);
  EXPECT_EQ(answer.header("Upload-Offset"), "5");
  EXPECT_EQ(w.get("/g"), "hello");
  answer = w.send("POST", "/empty?upload", {{"Upload-Length", "0"}});
  EXPECT_EQ(answer.status, 201);
  EXPECT_EQ(w.get("/empty"), "");
  EXPECT_EQ(w.send("POST", "/h?upload", {{"Upload-Length", "5"}}, "hello").status, 415);
  EXPECT_EQ(w.send("POST", "/h?upload", headers, "too long").status, 413);
  // The client of an upload that is refused after its creation knows no URL of it.
  EXPECT_TRUE(w.staging.list().empty());
}

TEST(Tus, LearnsTheLengthLater) {
  TusWorld w;
  Answer answer = w.send("POST", "/f?upload", {{"Upload-Defer-Length", "1"}});
  ASSERT_EQ(answer.status, 201);
  const std::string url = answer.header("Location");
  EXPECT_EQ(w.patch(url, 0, "hello").status, 204);
  answer = w.send("HEAD", url);
  EXPECT_EQ(answer.header("Upload-Defer-Length"), "1");
  EXPECT_FALSE(answer.has("Upload-Length"));
  EXPECT_EQ(w.patch(url, 5, "", {{"Upload-Length", "4"}}).status, 400);
  EXPECT_EQ(w.patch(url, 5, "!", {{"Upload-Length", "7"}}).status, 204);
  EXPECT_EQ(w.patch(url, 6, "!", {{"Upload-Length", "8"}}).status, 400);
  EXPECT_EQ(w.patch(url, 6, "!").status, 204);
  EXPECT_EQ(w.get("/f"), "hello!!");
}

TEST(Tus, RefusesWhatIsNone) {
  TusWorld w;
  const std::string url = w.begin("/f?upload", 10);
  EXPECT_EQ(w.patch(url, 0, "01234").status, 204);
  const Headers type = {{"Content-Type", "application/offset+octet-stream"}};
  struct Row {
    const char* what;
    std::string method, target;
    Headers headers;
    std::string body;
    int status;
  };
  const Row rows[] = {
      {"another offset", "PATCH", url, type + Headers{{"Upload-Offset", "4"}}, "x", 409},
      {"a later offset", "PATCH", url, type + Headers{{"Upload-Offset", "6"}}, "x", 409},
      {"no offset", "PATCH", url, type, "x", 400},
      {"a negative offset", "PATCH", url, type + Headers{{"Upload-Offset", "-1"}}, "x", 400},
      {"a huge offset", "PATCH", url, type + Headers{{"Upload-Offset", "99999999999999999999"}},
       "x", 400},
      {"two offsets", "PATCH", url, type + Headers{{"Upload-Offset", "5"}, {"Upload-Offset", "5"}},
       "x", 400},
      {"no type", "PATCH", url, {{"Upload-Offset", "5"}}, "x", 415},
      {"another type",
       "PATCH",
       url,
       {{"Upload-Offset", "5"}, {"Content-Type", "text/plain"}},
       "x",
       415},
      {"too long", "PATCH", url, type + Headers{{"Upload-Offset", "5"}}, "0123456789", 413},
      {"an id that is none", "PATCH", "/?upload=x", type + Headers{{"Upload-Offset", "0"}}, "x",
       404},
      {"a path as id", "HEAD", "/?upload=..%2F..", {}, "", 404},
      {"no id", "HEAD", "/?upload=", {}, "", 404},
      {"an id below the root", "HEAD", "/f" + url.substr(1), {}, "", 404},
      {"a method that is none", "GET", url, {}, "", 405},
      {"a method that is unknown", "BREW", url, {}, "", 501},
      {"no length", "POST", "/g?upload", {}, "", 400},
      {"both lengths",
       "POST",
       "/g?upload",
       {{"Upload-Length", "1"}, {"Upload-Defer-Length", "1"}},
       "",
       400},
      {"another deferral", "POST", "/g?upload", {{"Upload-Defer-Length", "2"}}, "", 400},
      {"a length that is none", "POST", "/g?upload", {{"Upload-Length", "1x"}}, "", 400},
      {"too large", "POST", "/g?upload", {{"Upload-Length", "99999999999999"}}, "", 413},
      {"no parent", "POST", "/no/g?upload", {{"Upload-Length", "1"}}, "", 409},
      {"creation at an id", "POST", url, {{"Upload-Length", "1"}}, "", 405},
      {"a condition",
       "POST",
       "/g?upload",
       {{"Upload-Length", "1"}, {"If-Match", "\"x\""}},
       "",
       412},
      {"a checksum of another kind", "PATCH", url,
       type + Headers{{"Upload-Offset", "5"}, {"Upload-Checksum", "crc32 AAAA"}}, "x", 400},
      {"a checksum that is none", "PATCH", url,
       type + Headers{{"Upload-Offset", "5"}, {"Upload-Checksum", "sha1 AAAA"}}, "x", 400},
  };
  for (const Row& row : rows) {
    const Answer answer = w.send(row.method, row.target, row.headers, row.body);
    EXPECT_EQ(answer.status, row.status) << row.what << ": " << answer.log_detail;
    EXPECT_EQ(w.offset(url), "5") << row.what;
    EXPECT_EQ(w.staging.list().size(), 1U) << row.what;
  }
  EXPECT_EQ(w.dav.send("HEAD", url).status, 412);
  EXPECT_EQ(w.dav.send("HEAD", url, {{"Tus-Resumable", "0.2.2"}}).header("Tus-Version"), "1.0.0");
  EXPECT_EQ(w.get("/f"), "404");
  EXPECT_EQ(w.patch(url, 5, "56789").status, 204);
  EXPECT_EQ(w.get("/f"), "0123456789");
}

TEST(Tus, VerifiesTheChecksumOfAPart) {
  TusWorld w;
  const std::string url = w.begin("/f?upload", 10);
  const auto with = [](const char* checksum) { return Headers{{"Upload-Checksum", checksum}}; };
  // SHA-1 of "hello".
  EXPECT_EQ(w.patch(url, 0, "hallo", with("sha1 qvTGHdzF6KLavt4PO0gs2a6pQ00=")).status, 460);
  EXPECT_EQ(w.offset(url), "0");
  EXPECT_EQ(w.patch(url, 0, "hello", with("sha1 qvTGHdzF6KLavt4PO0gs2a6pQ00=")).status, 204);
  EXPECT_EQ(w.offset(url), "5");
  // A part that breaks off is not kept, because its checksum is not known to fit.
  StringBody half("world");
  half.ends(http::Body::State::truncated, 3);
  EXPECT_EQ(w.dav
                .send("PATCH", url,
                      {{"Tus-Resumable", "1.0.0"},
                       {"Content-Type", "application/offset+octet-stream"},
                       {"Upload-Offset", "5"},
                       {"Upload-Checksum", "md5 fXkwN6B2ZfpcRCTeUbA7mw=="}},
                      half)
                .status,
            400);
  EXPECT_EQ(w.offset(url), "5");
  EXPECT_EQ(w.patch(url, 5, "world", with("md5 fXkwN6B2ZfpcRCTeUbA7mw==")).status, 460);
  EXPECT_EQ(w.patch(url, 5, "world", with("md5 fXkwN6B2YWsqpXoX6ZNL5Q==")).status, 460);
  EXPECT_EQ(
      w.patch(url, 5, "world", with("sha256 SG6kYiTRu0+2gPNPfJrZao8k7IikaWoLMQ1bEcjBp8c=")).status,
      460);
  EXPECT_EQ(w.patch(url, 5, "world").status, 204);
  EXPECT_EQ(w.get("/f"), "helloworld");
}

TEST(Tus, KeepsWhatArrivedOfABodyThatBreaksOff) {
  TusWorld w;
  const std::string bytes(300'000, 'b');
  const std::string url = w.begin("/f?upload", bytes.size());
  std::size_t at = 0;
  for (const std::size_t part : {std::size_t{1}, std::size_t{100'000}, std::size_t{100'000}}) {
    StringBody body(bytes.substr(at));
    body.ends(at == 0 ? http::Body::State::truncated : http::Body::State::timed_out, part);
    const Answer answer = w.dav.send("PATCH", url,
                                     {{"Tus-Resumable", "1.0.0"},
                                      {"Content-Type", "application/offset+octet-stream"},
                                      {"Upload-Offset", std::to_string(at)}},
                                     body);
    EXPECT_GE(answer.status, 400);
    at += part;
    EXPECT_EQ(w.offset(url), std::to_string(at));
  }
  EXPECT_EQ(w.patch(url, at, bytes.substr(at)).status, 204);
  EXPECT_TRUE(w.get("/f") == bytes);
}

// The file is stored by the rules of the moment in which the upload is whole. A refusal loses
// nothing: the last byte is asked for again.
TEST(Tus, IsJudgedLikeAPutWhenItIsWhole) {
  TusWorld w;
  const std::string url = w.begin("/f?upload", 5);
  EXPECT_EQ(w.patch(url, 0, "hell").status, 204);
  const Answer locked = w.dav.send("LOCK", "/f", {}, lockinfo());
  ASSERT_EQ(locked.status, 201);
  EXPECT_EQ(w.patch(url, 4, "o").status, 423);
  EXPECT_EQ(w.offset(url), "4");
  EXPECT_EQ(w.get("/f"), "");
  EXPECT_EQ(w.patch(url, 4, "o", {{"If-None-Match", "*"}}).status, 412);
  EXPECT_EQ(w.patch(url, 4, "o", with_token(locked.lock_token())).status, 204);
  EXPECT_EQ(w.get("/f"), "hello");

  const std::string over = w.begin("/f?upload", 2, with_token(locked.lock_token()));
  EXPECT_EQ(w.dav.send("UNLOCK", "/f", {{"Lock-Token", "<" + locked.lock_token() + ">"}}).status,
            204);
  EXPECT_EQ(w.dav.send("DELETE", "/f").status, 204);
  EXPECT_EQ(w.dav.send("MKCOL", "/f").status, 201);
  EXPECT_EQ(w.patch(over, 0, "hi").status, 405);
  EXPECT_EQ(w.dav.send("DELETE", "/f").status, 204);
  EXPECT_EQ(w.patch(over, 0, "hi").status, 204);
  EXPECT_EQ(w.get("/f"), "hi");
}

TEST(Tus, BelongsToTheAccountThatBeganIt) {
  TusWorld w;
  w.dav.as("ann");
  const std::string url = w.begin("/f?upload", 5);
  w.dav.as("bob");
  EXPECT_EQ(w.send("HEAD", url).status, 404);
  EXPECT_EQ(w.patch(url, 0, "hello").status, 404);
  EXPECT_EQ(w.send("DELETE", url).status, 404);
  w.dav.as(dav::anonymous_caller(storage::Right::read));
  EXPECT_EQ(w.send("HEAD", url).status, 404);
  const Answer refused = w.send("POST", "/g?upload", {{"Upload-Length", "1"}});
  EXPECT_EQ(refused.status, 403);
  EXPECT_TRUE(refused.lacks_right);
  w.dav.as("ann");
  EXPECT_EQ(w.offset(url), "0");
  EXPECT_EQ(w.send("DELETE", url).status, 204);
  EXPECT_EQ(w.send("HEAD", url).status, 404);
  EXPECT_EQ(w.send("DELETE", url).status, 404);
}

TEST(Tus, HasALimitOfUploads) {
  dav::Options options;
  options.uploads_per_account = 2;
  TusWorld w(options);
  const std::string first = w.begin("/f?upload", 5);
  w.begin("/f?upload", 5);
  EXPECT_EQ(w.send("POST", "/f?upload", {{"Upload-Length", "5"}}).status, 507);
  EXPECT_EQ(w.send("DELETE", first).status, 204);
  w.begin("/f?upload", 5);
}

TEST(Tus, SaysWhatItCan) {
  TusWorld w;
  const Answer answer = w.dav.send("OPTIONS", "/?upload");
  EXPECT_EQ(answer.status, 204);
  EXPECT_EQ(answer.header("Tus-Version"), "1.0.0");
  EXPECT_EQ(answer.header("Tus-Extension"),
            "creation,creation-with-upload,creation-defer-length,expiration,checksum,termination");
  EXPECT_EQ(answer.header("Tus-Checksum-Algorithm"), "sha1,md5,sha256");
  EXPECT_EQ(answer.header("Tus-Max-Size"), std::to_string(std::uint64_t{64} << 30));
  // The query means nothing to other methods.
  EXPECT_EQ(w.dav.send("PUT", "/f?upload", {}, "x").status, 201);
  EXPECT_EQ(w.dav.send("GET", "/f?upload").body, "x");
  EXPECT_EQ(w.dav.send("GET", "/f?uploads=1").body, "x");
  EXPECT_EQ(w.dav.send("DELETE", "/?upload=0").status, 412);
  World without;
  EXPECT_EQ(without.send("POST", "/f?upload", {{"Tus-Resumable", "1.0.0"}}).status, 501);
}

}  // namespace
}  // namespace holdfast::test
