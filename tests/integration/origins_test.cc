// What other hosts and other web pages get of a server with accounts (docs/robustness.md S7, S10),
// with the real program.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <set>
#include <string>
#include <vector>

#include "tests/support/http_client.h"
#include "tests/support/process.h"
#include "tests/support/server_process.h"
#include "tests/support/temporary_folder.h"

namespace holdfast::test {
namespace {

using testing::HasSubstr;
using testing::Not;

const std::pair<std::string, std::string> kAlice = {"Authorization",
                                                    "Basic YWxpY2U6d29uZGVybGFuZA=="};

class Origins : public testing::Test {
 protected:
  explicit Origins(std::vector<std::string> more = {})
      : server_(folder_ / "data", [&] {
          more.insert(more.end(), {"--public-url", "https://dav.example.org", "--trusted-proxies",
                                   "127.0.0.1"});
          return more;
        }()) {}

  void SetUp() override {
    server_.start();
    ASSERT_EQ(run({.arguments = {holdfast_binary(), "user", "add", "alice", "--home", "/", "--data",
                                 server_.data()},
                   .input = "wonderland\n"})
                  .exit_code,
              0);
    EXPECT_EQ(ask("PUT", "/f", {}, "text").status, 201);
  }
  void TearDown() override { EXPECT_EQ(server_.stop(), 0) << server_.output(); }

  // Signed in.
  Reply ask(const std::string& method, const std::string& target, Fields fields = {},
            const std::string& body = {}) {
    fields.push_back(kAlice);
    return HttpClient(server_.port()).request(method, target, fields, body);
  }

  TemporaryFolder folder_;
  ServerProcess server_;
};

TEST_F(Origins, S10_ADestinationIsOursOrRefused) {
  const std::string port = std::to_string(server_.port());
  const std::string own = "127.0.0.1:" + port;
  struct Row {
    std::string destination;
    std::set<int> statuses;
  };
  const std::vector<Row> hostile = {
      {"http://evil.example/x", {502}},
      {"https://evil.example/x", {502}},
      {"http://127.0.0.1:80/x", {502}},
      {"http://127.0.0.1:1/x", {502}},
      {"http://127.0.0.2:" + port + "/x", {502}},
      {"http://[::1]:" + port + "/x", {502}},
      {"http://[::ffff:127.0.0.1]:" + port + "/x", {502}},
      {"http://2130706433:" + port + "/x", {502}},
      {"http://127.1:" + port + "/x", {502}},
      {"http://dav.example.org.evil.example/x", {502}},
      {"https://dav.example.org:444/x", {502}},
      {"http://d\xC3\xA4v.example.org/x", {400, 502}},
      {"http://xn--dv-via.example.org/x", {502}},
      {"ftp://" + own + "/x", {502}},
      {"file:///etc/x", {400, 502}},
      {"javascript:x", {400, 502}},
      {"http://alice@evil.example/x", {502}},
      {"http://alice:" + own + "@evil.example/x", {502}},
      {"http://alice@" + own + "@evil.example/x", {400}},
      {"http://" + own + "@evil.example/x", {502}},
      {"http://" + own + "/x?y", {400}},
      {"/x?y", {400}},
      {"http://evil.example\\@" + own + "/x", {400}},
      {"http://" + own + "\\@evil.example/x", {400}},
      {"http://" + own + "\t/x", {400}},
      {"http://" + own + " /x", {400}},
      {"http://\t" + own + "/x", {400}},
      {"http://" + own + "%2Fevil/x", {400, 502}},
      {"http://" + own + ":80/x", {400}},
      {"http:///x", {400}},
      {"http:/x", {400}},
      {"x", {400}},
      {"", {400}},
  };
  for (const std::string method : {"COPY", "MOVE"})
    for (const Row& row : hostile) {
      const int status = ask(method, "/f", {{"Destination", row.destination}}).status;
      EXPECT_TRUE(row.statuses.contains(status))
          << method << " " << row.destination << " " << status;
    }
  EXPECT_EQ(ask("GET", "/f").body, "text");
  const Reply listing = ask("PROPFIND", "/", {{"Depth", "infinity"}});
  EXPECT_THAT(listing.body, Not(HasSubstr("/x<")));

  // Ours, as the request names us, as the public URL does, and as a proxy says that it was asked.
  const Fields plain = {};
  const Fields proxied = {{"X-Forwarded-Host", "files.example.org"},
                          {"X-Forwarded-Proto", "https"}};
  for (const auto& [destination, fields] :
       std::vector<std::pair<std::string, Fields>>{{"/own", plain},
                                                   {"http://" + own + "/own", plain},
                                                   {"HTTP://" + own + "/own", plain},
                                                   {"http://127.0.0.1/own", plain},
                                                   {"http://alice:hunter2@" + own + "/own", plain},
                                                   {"https://dav.example.org/own", plain},
                                                   {"https://DAV.example.org:443/own", plain},
                                                   {"https://files.example.org/own", proxied},
                                                   {"http://files.example.org/own", proxied}}) {
    Fields all = fields;
    all.emplace_back("Destination", destination);
    EXPECT_EQ(ask("MOVE", "/f", all).status, 201) << destination;
    EXPECT_EQ(ask("MOVE", "/own", {{"Destination", "/f"}}).status, 201) << destination;
  }
}

// A client whose URL has the password in it puts it into its references as well.
TEST_F(Origins, UserInformationOfAReferenceIsNeitherShownNorLogged) {
  const std::string port = std::to_string(server_.port());
  for (const std::string& host : {"127.0.0.1:" + port, std::string("127.0.0.1"),
                                  std::string("evil.example"), std::string("a@evil.example")})
    for (const std::string path : {"/g", "/none/g", "/", "/f?x", "/%zz", "/%2e%2e/"})
      for (const std::string overwrite : {"T", "F"}) {
        const std::string url = "http://alice:hunter2@" + host + path;
        const Reply copied = ask("COPY", "/f", {{"Destination", url}, {"Overwrite", overwrite}});
        const Reply judged = ask("PUT", "/h", {{"If", "<" + url + "> (<urn:x:y>)"}}, "x");
        for (const Reply* reply : {&copied, &judged}) {
          EXPECT_THAT(reply->body, Not(HasSubstr("hunter2"))) << url;
          for (const auto& [name, value] : reply->fields)
            EXPECT_THAT(value, Not(HasSubstr("hunter2"))) << url << name;
        }
      }
  EXPECT_EQ(ask("GET", "/g").body, "text");
  EXPECT_EQ(server_.stop(), 0);
  EXPECT_THAT(server_.output(), Not(HasSubstr("hunter2")));
  server_.start();
  EXPECT_EQ(run({.arguments = {"grep", "-rq", "hunter2", server_.data()}}).exit_code, 1)
      << "no log has it";
}

TEST_F(Origins, S7_OtherWebPagesChangeNothingAndReadNothing) {
  // What a form, or a script without asking first, can send, with what the browser knows of alice.
  for (const char* type :
       {"application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/plain"})
    for (const std::string target : {"/f", "/", "/new"})
      EXPECT_EQ(
          ask("POST", target, {{"Content-Type", type}, {"Origin", "https://evil.example"}}, "a=b")
              .status,
          405)
          << type << target;
  for (const std::string origin : {"https://evil.example", "null", "http://localhost:3000"}) {
    for (const std::string method :
         {"PUT", "DELETE", "MKCOL", "COPY", "MOVE", "PROPPATCH", "LOCK", "UNLOCK"})
      EXPECT_EQ(
          HttpClient(server_.port())
              .request(
                  method, method == "MKCOL" ? "/c" : "/f",
                  {{"Origin", origin}, {"Destination", "/new"}, {"Lock-Token", "<urn:uuid:x>"}}, {})
              .status,
          403)
          << method << " from " << origin;
    for (const std::string method : {"GET", "OPTIONS", "PROPFIND"}) {
      const Reply reply =
          ask(method, "/f",
              {{"Origin", origin}, {"Depth", "0"}, {"Access-Control-Request-Method", "PUT"}});
      EXPECT_TRUE(reply.success()) << method;
      for (const auto& [name, value] : reply.fields)
        EXPECT_FALSE(name.starts_with("Access-Control")) << name << ": " << value;
    }
  }
  EXPECT_EQ(ask("GET", "/f").body, "text");
  EXPECT_EQ(ask("GET", "/new").status, 404);
}

// Extensions and apps have a page of their own and sign in by themselves. A browser that was told
// a password would ask first, in an OPTIONS that is told nothing (above), and then not write.
TEST_F(Origins, AProgramThatSignsInByItselfWritesFromWhereverItsPageIs) {
  const std::pair<std::string, std::string> wrong = {"Authorization", "Basic YWxpY2U6eA=="};
  for (const std::string origin :
       {"null", "file://", "app://obsidian.md", "capacitor://localhost", "http://localhost:3000",
        "moz-extension://4e2a9f1c", "chrome-extension://fnaicdffflnofjppbagibeoednhnbjhg"}) {
    EXPECT_EQ(ask("PUT", "/g", {{"Origin", origin}}, "x").status / 100, 2) << origin;
    EXPECT_EQ(ask("DELETE", "/g", {{"Origin", origin}}).status, 204) << origin;
    const auto put = [&](const Fields& fields) {
      return HttpClient(server_.port()).request("PUT", "/g", fields, "x").status;
    };
    EXPECT_EQ(put({{"Origin", origin}}), 403) << origin;
    EXPECT_EQ(put({{"Origin", origin}, {"Authorization", "Negotiate x"}}), 403) << origin;
    EXPECT_EQ(put({{"Origin", origin}, wrong}), 401) << origin;
  }
  EXPECT_EQ(ask("GET", "/g").status, 404);
}

class OpenToReaders : public Origins {
 protected:
  OpenToReaders() : Origins({"--anonymous", "read", "--hsts", "15552000"}) {}
};

// A page whose name was rebound to the server's address reads what everybody may read unless its
// name is looked at.
TEST_F(OpenToReaders, S7_AReboundNameReadsNothing) {
  HttpClient client(server_.port());
  const auto status = [&](const char* method, const char* host, Fields more = {}) {
    more.emplace_back("Host", host);
    return client.request(method, "/f", more).status;
  };
  for (const char* method : {"GET", "HEAD", "PROPFIND", "OPTIONS"})
    EXPECT_EQ(status(method, "evil.example"), 421) << method;
  EXPECT_EQ(status("GET", "evil.example", {{"Authorization", "Basic YTpi"}}), 401);
  EXPECT_EQ(status("GET", "evil.example", {kAlice}), 200) << "a program with credentials";
  EXPECT_EQ(status("GET", "localhost"), 200);
  EXPECT_EQ(status("GET", "dav.example.org"), 200);
}

TEST_F(OpenToReaders, S12_HstsIsForNamesOverTlsAlone) {
  HttpClient client(server_.port());
  const auto sent = [&](const char* host, const char* scheme, const char* method = "GET") {
    const Reply reply =
        client.request(method, "/f", {{"Host", host}, {"X-Forwarded-Proto", scheme}});
    return std::string(reply.field("Strict-Transport-Security"));
  };
  EXPECT_EQ(sent("dav.example.org", "https"), "max-age=15552000");
  EXPECT_EQ(sent("dav.example.org", "https", "DELETE"), "max-age=15552000") << "a refusal as well";
  EXPECT_EQ(sent("dav.example.org", "http"), "");
  EXPECT_EQ(sent("localhost", "https"), "");
  EXPECT_EQ(sent("127.0.0.1", "https"), "");
  EXPECT_EQ(sent("[::1]:443", "https"), "");
}

class SharedOrigins : public Origins {
 protected:
  SharedOrigins() : Origins({"--cors-origins", "https://app.example,app://obsidian.md"}) {}
};

// What a web app sends from its own page, and what a browser lets it read (Fetch §3.2, §4.8).
TEST_F(SharedOrigins, AWebAppOfTheSettingUsesTheServerFromItsOwnOrigin) {
  for (const char* origin : {"https://app.example", "app://obsidian.md"}) {
    HttpClient client(server_.port());
    const Reply preflight =
        client.request("OPTIONS", "/f",
                       {{"Origin", origin},
                        {"Access-Control-Request-Method", "PUT"},
                        {"Access-Control-Request-Headers", "authorization,if-match,overwrite"}});
    EXPECT_EQ(preflight.status, 204);
    EXPECT_EQ(preflight.field("Access-Control-Allow-Origin"), origin);
    EXPECT_THAT(preflight.field("Access-Control-Allow-Methods"), HasSubstr("PUT"));
    EXPECT_EQ(preflight.field("Access-Control-Allow-Headers"), "authorization,if-match,overwrite");

    const Reply unknown = client.request("PROPFIND", "/", {{"Origin", origin}, {"Depth", "0"}});
    EXPECT_EQ(unknown.status, 401);
    EXPECT_EQ(unknown.field("Access-Control-Allow-Origin"), origin) << "the app sees what is wrong";

    const Reply written = ask("PUT", "/f", {{"Origin", origin}}, origin);
    EXPECT_EQ(written.status, 204);
    EXPECT_EQ(written.field("Access-Control-Allow-Origin"), origin);
    EXPECT_THAT(written.field("Access-Control-Expose-Headers"), HasSubstr("ETag"));
    EXPECT_EQ(ask("GET", "/f").body, origin);
  }
  const Reply other = ask("GET", "/f", {{"Origin", "https://evil.example"}});
  EXPECT_EQ(other.field("Access-Control-Allow-Origin"), "");
  EXPECT_EQ(other.field("Vary"), "Origin");
  const Reply preflight =
      HttpClient(server_.port())
          .request("OPTIONS", "/f",
                   {{"Origin", "https://evil.example"}, {"Access-Control-Request-Method", "PUT"}});
  EXPECT_EQ(preflight.field("Access-Control-Allow-Origin"), "");
}

}  // namespace
}  // namespace holdfast::test
