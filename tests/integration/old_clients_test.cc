// What clients send that is not quite as the standards have it, and what its hostile twins get:
// byte for byte, to the real program.
#include <gtest/gtest.h>
#include <string>

#include "tests/support/raw_http.h"
#include "tests/support/server_process.h"
#include "tests/support/temporary_folder.h"

namespace holdfast::test {
namespace {

class OldClients : public testing::Test {
 protected:
  void SetUp() override {
    server_.start();
    for (const char* head : {"MKCOL /c", "MKCOL /d"}) EXPECT_EQ(ask(head).status, 201) << head;
    EXPECT_EQ(ask("PUT /f", "Content-Length: 4\r\n", "text").status, 201);
  }
  void TearDown() override { EXPECT_EQ(server_.stop(), 0) << server_.output(); }

  tests::RawResponse raw(const std::string& bytes) {
    const auto answer = tests::ask(server_.port(), bytes);
    EXPECT_TRUE(answer) << bytes;
    return answer.value_or(tests::RawResponse{});
  }
  tests::RawResponse ask(const std::string& what, const std::string& fields = {},
                         const std::string& body = {}) {
    std::string bytes = what;
    bytes.append(" HTTP/1.1\r\nHost: localhost:").append(std::to_string(server_.port()));
    return raw(bytes.append("\r\n").append(fields).append("\r\n").append(body));
  }

  TemporaryFolder folder_;
  ServerProcess server_{folder_ / "data", {}};
};

TEST_F(OldClients, HealthChecksOverHttp10NameNoHost) {  // RFC 9112 §3.2
  const struct {
    const char* bytes;
    int status;
  } rows[] = {
      {"OPTIONS / HTTP/1.0\r\n\r\n", 200},
      {"OPTIONS * HTTP/1.0\r\n\r\n", 200},
      {"GET / HTTP/1.0\r\n\r\n", 200},
      {"GET /f HTTP/1.0\r\n\r\n", 200},
      {"GET /none HTTP/1.0\r\n\r\n", 404},
      {"GET /f HTTP/1.0\r\nHost: evil.example\r\n\r\n", 421},
      {"GET http://evil.example/f HTTP/1.0\r\n\r\n", 421},
      {"GET /f HTTP/1.0\r\nHost:\r\n\r\n", 400},
      {"GET /f HTTP/1.1\r\n\r\n", 400},
      {"DELETE /f HTTP/1.0\r\n\r\n", 421},
      {"PUT /new HTTP/1.0\r\nContent-Length: 1\r\n\r\nx", 421},
      {"MKCOL /new HTTP/1.0\r\n\r\n", 421},
  };
  for (const auto& row : rows) EXPECT_EQ(raw(row.bytes).status, row.status) << row.bytes;
}

TEST_F(OldClients, RawUtf8InTheRequestTarget) {
  const struct {
    const char* target;
    int status;  // of a PUT
    const char* encoded;
  } rows[] = {
      {"/\xC3\xA9", 201, "/%C3%A9"},
      {"/\xE2\x82\xAC uro", 400, ""},
      {"/\xE2\x82\xACuro", 201, "/%E2%82%ACuro"},
      {"/c/\xF0\x9F\x98\x80.txt", 201, "/c/%F0%9F%98%80.txt"},
      {"/a\xC3\xA9%20b", 201, "/a%C3%A9%20b"},
      {"/\xE9", 400, ""},
      {"/\xC3", 400, ""},
      {"/\xC0\xAE\xC0\xAE/f", 400, ""},
      {"/\xED\xA0\x80", 400, ""},
      {"/\xFF", 400, ""},
  };
  for (const auto& row : rows) {
    const auto answer = ask(std::string("PUT ") + row.target, "Content-Length: 1\r\n", "x");
    EXPECT_EQ(answer.status, row.status) << row.target;
    if (row.status == 201) {
      EXPECT_EQ(ask(std::string("GET ") + row.encoded).body, "x") << row.target;
    }
  }
}

TEST_F(OldClients, CollectionsWithoutTheirFinalSlash) {
  for (const auto& [target, location] :
       {std::pair("/c", "/c/"), std::pair("//c", "/c/"), std::pair("///c?q=1", "/c/?q=1"),
        std::pair("/%63", "/%63/")}) {
    const auto answer = ask(std::string("GET ") + target);
    EXPECT_EQ(answer.status, 301) << target;
    EXPECT_EQ(answer.field("location"), location);
    EXPECT_EQ(answer.field("dav"), "1, 2, 3, sabredav-partialupdate");
    EXPECT_EQ(answer.field("content-length"), "0");
  }
  EXPECT_EQ(ask("PROPFIND /c", "Depth: 0\r\n").status, 207);
  EXPECT_EQ(ask("GET /c/").status, 200);
}

TEST_F(OldClients, NoAnswerMayBeEmbeddedElsewhere) {
  for (const auto& [what, status] :
       {std::pair("GET /f", 200), std::pair("HEAD /none", 404), std::pair("GET /c", 301),
        std::pair("OPTIONS *", 200), std::pair("POST /f", 405), std::pair("GET /%zz", 400),
        std::pair("PROPFIND /", 207)}) {
    tests::RawClient client(server_.port());
    client.send(std::string(what) + " HTTP/1.1\r\nHost: localhost\r\nDepth: 0\r\n\r\n");
    const auto answer = client.receive(std::string_view(what).starts_with("HEAD"));
    ASSERT_TRUE(answer) << what;
    EXPECT_EQ(answer->status, status) << what;
    EXPECT_EQ(answer->fields.count("cross-origin-resource-policy"), 1U) << what;
    EXPECT_EQ(answer->field("cross-origin-resource-policy"), "same-origin") << what;
  }
  for (const char* bytes : {"GET /f HTTP/1.1\r\n\r\n", "GET /f HTTP/3.0\r\n\r\n", "\x16\x03\r\n"})
    EXPECT_EQ(raw(bytes).field("cross-origin-resource-policy"), "same-origin") << bytes;
}

TEST_F(OldClients, FieldsInSeveralLinesAndBodiesThatMeanNothing) {
  const std::string lockinfo =
      "<D:lockinfo xmlns:D=\"DAV:\"><D:lockscope><D:exclusive/></D:lockscope>"
      "<D:locktype><D:write/></D:locktype></D:lockinfo>";
  const auto locked =
      ask("LOCK /f",
          "Timeout: Infinite\r\nTimeout: Second-7\r\nDepth: 0\r\nDepth: 0\r\nContent-Length: " +
              std::to_string(lockinfo.size()) + "\r\n",
          lockinfo);
  EXPECT_EQ(locked.status, 200);
  const std::string token = locked.field("lock-token");
  EXPECT_EQ(ask("LOCK /f", "If: ([\"old\"])\r\nIf: (" + token +
                               ")\r\nTimeout: Second-5\r\nTimeout: Second-6\r\n")
                .status,
            200);
  EXPECT_EQ(ask("DELETE /f", "If: (" + token + ")\r\nDepth: 0\r\nDepth: infinity\r\n").status, 400);
  EXPECT_EQ(ask("DELETE /f", "If: (" + token + ")\r\nContent-Length: 1\r\n", "x").status, 415);
  EXPECT_EQ(ask("DELETE /f", "If: (" + token + ")\r\nTransfer-Encoding: chunked\r\n",
                "1\r\nx\r\n0\r\n\r\n")
                .status,
            415);
  EXPECT_EQ(
      ask("DELETE /f", "If: (" + token + ")\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n").status,
      204);
}

}  // namespace
}  // namespace holdfast::test
