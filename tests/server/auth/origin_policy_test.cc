#include "server/auth/origin_policy.h"

#include <gtest/gtest.h>
#include <string>
#include <vector>

#include "server/config/config.h"

namespace holdfast::server {
namespace {

struct OriginCase {
  auth::Anonymous anonymous;
  const char* public_url;
  const char* method;
  const char* host;    // nullptr: no field
  const char* origin;  // nullptr: no field
  int status;          // 0: passes
  const char* target = "/f";
  const char* forwarded_host = "";  // as a trusted proxy said it
  const char* scheme = "http";
  const char* authorization = nullptr;  // nullptr: no field
  bool has_accounts = true;
};

int judge(const OriginCase& row) {
  http::NoBody body;
  http::Request request;
  request.method = row.method;
  request.target = row.target;
  request.body = &body;
  request.scheme = row.scheme;
  request.forwarded_host = row.forwarded_host;
  if (row.host != nullptr) request.fields.add("Host", row.host);
  if (row.origin != nullptr) request.fields.add("Origin", row.origin);
  if (row.authorization != nullptr) request.fields.add("Authorization", row.authorization);
  const auto refusal = auth::OriginPolicy(config::parse_public_urls(row.public_url))
                           .judge(request, row.anonymous, row.has_accounts);
  if (!refusal) return 0;
  EXPECT_FALSE(refusal->detail.empty());
  return refusal->status;
}

void expect_all(const std::vector<OriginCase>& rows) {
  for (const OriginCase& row : rows)
    EXPECT_EQ(judge(row), row.status)
        << to_string(row.anonymous) << " " << row.method << " " << row.target
        << " Host: " << (row.host != nullptr ? row.host : "(none)")
        << " Origin: " << (row.origin != nullptr ? row.origin : "(none)")
        << " public-url: " << row.public_url << " forwarded: " << row.scheme << "://"
        << row.forwarded_host;
}

constexpr auto kOff = auth::Anonymous::off;
constexpr auto kRead = auth::Anonymous::read;
constexpr auto kWrite = auth::Anonymous::write;

TEST(OriginPolicy, ServesOnlyItsOwnHostsWhileAnonymousMayWrite) {
  expect_all({
      {kWrite, "", "PUT", nullptr, nullptr, 421},
      {kWrite, "", "DELETE", nullptr, nullptr, 421},
      {kWrite, "", "GET", nullptr, nullptr, 421, "http://evil.example/f"},
      {kWrite, "", "GET", nullptr, nullptr, 421, "/f", "evil.example"},
      {kWrite, "", "GET", nullptr, "http://evil.example", 421},
      {kWrite, "", "GET", "", nullptr, 421},
      {kWrite, "", "GET", "evil.example", nullptr, 421},
      {kWrite, "", "PUT", "evil.example", nullptr, 421},
      {kWrite, "", "BREW", "evil.example", nullptr, 421},
      {kWrite, "", "GET", "localhost.evil.example", nullptr, 421},
      {kWrite, "", "GET", "evil.example:8080", nullptr, 421},
      {kWrite, "", "GET", "127.0.0.1.evil.example", nullptr, 421},
      {kWrite, "", "GET", "127.0.0.2", nullptr, 421},
      {kWrite, "", "GET", "localhost:80:80", nullptr, 421},
      {kWrite, "", "GET", "localhost:x", nullptr, 421},
      {kWrite, "", "GET", "user@localhost", nullptr, 421},
      {kWrite, "", "GET", "[::1]x", nullptr, 421},
      {kWrite, "", "GET", "[::1", nullptr, 421},
      {kWrite, "", "GET", "::1", nullptr, 421},
      {kWrite, "https://dav.example", "GET", "dav.example:80", nullptr, 421},
      {kWrite, "https://dav.example:8443", "GET", "dav.example", nullptr, 421},
      {kWrite, "", "GET", "localhost", nullptr, 421, "http://evil.example/f"},
      {kWrite, "", "GET", "evil.example", nullptr, 421, "http://localhost/f"},

      {kWrite, "", "GET", "localhost", nullptr, 0},
      {kWrite, "", "GET", "LocalHost:8080", nullptr, 0},
      {kWrite, "", "GET", "127.0.0.1:8080", nullptr, 0},
      {kWrite, "", "PUT", "127.0.0.1:1", nullptr, 0},
      {kWrite, "", "PUT", "[::1]:8080", nullptr, 0},
      {kWrite, "", "PUT", "[::1]", nullptr, 0},
      {kWrite, "https://dav.example", "PUT", "dav.example", nullptr, 0},
      {kWrite, "https://dav.example", "PUT", "DAV.example:443", nullptr, 0},
      {kWrite, "https://dav.example:8443", "PUT", "dav.example:8443", nullptr, 0},
      {kWrite, "https://dav.example", "PUT", "localhost", nullptr, 0},
      {kWrite, "", "GET", "localhost", nullptr, 0, "http://localhost/f"},
      {kWrite, "", "OPTIONS", "localhost", nullptr, 0, "*"},

      // Each of several.
      {kWrite, "https://a.example,http://b.example:81", "PUT", "b.example", nullptr, 421},
      {kWrite, "https://a.example,http://b.example:81", "PUT", "a.example:81", nullptr, 421},
      {kWrite, "https://a.example,http://b.example:81", "PUT", "a.example", nullptr, 0},
      {kWrite, "https://a.example,http://b.example:81", "PUT", "b.example:81", nullptr, 0},

      // What a trusted proxy says takes the place of the Host, which names what the proxy calls us.
      {kWrite, "https://a.example", "PUT", "localhost:8080", nullptr, 421, "/f", "evil.example"},
      {kWrite, "https://a.example", "PUT", "a.example", nullptr, 421, "/f", "a.example:444"},
      {kWrite, "https://a.example", "PUT", "backend", nullptr, 421, "http://backend/f",
       "e.example"},
      {kWrite, "https://a.example", "PUT", "backend:8080", nullptr, 0, "/f", "A.example:443"},
      {kWrite, "https://a.example", "PUT", "backend", nullptr, 0, "http://backend/f", "a.example"},

      // A health check over HTTP/1.0 may name no host; a browser always does.
      {kWrite, "", "GET", nullptr, nullptr, 0},
      {kWrite, "", "GET", nullptr, nullptr, 0, "/"},
      {kWrite, "", "HEAD", nullptr, nullptr, 0},
      {kWrite, "", "OPTIONS", nullptr, nullptr, 0},
      {kWrite, "", "OPTIONS", nullptr, nullptr, 0, "*"},

      {kOff, "", "GET", "any.example", nullptr, 0},
      {kOff, "", "PUT", "any.example", nullptr, 0},
  });
}

// A page whose name was rebound to this server's address reads what everybody may read, unless its
// name is looked at. Credentials that count come from no such page.
TEST(OriginPolicy, ServesOnlyItsOwnHostsWhileAnonymousMayRead) {
  constexpr const char* kBasic = "Basic YTpi";
  expect_all({
      {kRead, "", "GET", "evil.example", nullptr, 421},
      {kRead, "", "PROPFIND", "evil.example", nullptr, 421},
      {kRead, "", "PUT", "evil.example", nullptr, 421},
      {kRead, "https://a.example", "GET", "evil.example", nullptr, 421},
      {kRead, "", "GET", "localhost", nullptr, 421, "http://evil.example/f"},
      {kRead, "", "GET", "evil.example", nullptr, 421, "/f", "", "http", "Basic"},
      {kRead, "", "GET", "evil.example", nullptr, 421, "/f", "", "http", kBasic, false},
      {kRead, "", "GET", "evil.example", nullptr, 0, "/f", "", "http", kBasic},
      {kRead, "", "GET", "localhost:8080", nullptr, 0},
      {kRead, "", "GET", "[::1]", nullptr, 0},
      {kRead, "https://a.example", "GET", "a.example", nullptr, 0},
      {kRead, "", "GET", nullptr, nullptr, 0},
      // While they may write, whatever is shown.
      {kWrite, "", "GET", "evil.example", nullptr, 421, "/f", "", "http", kBasic},
  });
}

TEST(OriginPolicy, KnowsHostsThatNoOtherPageCanHave) {
  const auth::OriginPolicy policy(
      config::parse_public_urls("https://dav.example,http://b.example:81"));
  for (const char* safe :
       {"localhost", "LOCALHOST:9090", "127.0.0.1", "127.0.0.1:9090", "[::1]:9", "192.0.2.7:9090",
        "[2001:db8::1]", "nas", "holdfast:9090", "dav.example", "DAV.example:9090", "b.example"})
    EXPECT_TRUE(policy.is_safe_host(safe)) << safe;
  for (const char* other :
       {"", ":80", "evil.example", "evil.example:9090", "nas.", "127.1.evil.example", "127.0.0.1.",
        "dav.example.", "x.dav.example", "a@nas", "nas,evil.example"})
    EXPECT_FALSE(policy.is_safe_host(other)) << other;
}

TEST(OriginPolicy, RefusesWritesFromForeignOrigins) {
  expect_all({
      {kWrite, "", "PUT", "localhost:8080", "null", 403},
      {kWrite, "", "PUT", "localhost:8080", "", 403},
      {kWrite, "", "PUT", "localhost:8080", "https://evil.example", 403},
      {kWrite, "", "PUT", "localhost:8080", "http://localhost:3000", 403},
      {kWrite, "", "PUT", "localhost:8080", "http://localhost", 403},
      {kWrite, "", "PUT", "localhost:8080", "http://127.0.0.1:8080", 403},
      {kWrite, "", "PUT", "localhost:8080", "file://localhost:8080", 403},
      {kWrite, "", "PUT", "localhost:8080", "localhost:8080", 403},
      {kWrite, "", "PUT", "localhost:8080", "http://localhost:8080.evil.example", 403},
      {kWrite, "", "PUT", "localhost:8080", "http://localhost:8080 http://evil.example", 403},
      {kWrite, "", "DELETE", "localhost:8080", "https://evil.example", 403},
      {kWrite, "", "MKCOL", "localhost:8080", "https://evil.example", 403},
      {kWrite, "", "COPY", "localhost:8080", "https://evil.example", 403},
      {kWrite, "", "MOVE", "localhost:8080", "https://evil.example", 403},
      {kWrite, "", "PROPPATCH", "localhost:8080", "https://evil.example", 403},
      {kWrite, "", "LOCK", "localhost:8080", "https://evil.example", 403},
      {kWrite, "", "UNLOCK", "localhost:8080", "https://evil.example", 403},
      {kWrite, "https://dav.example", "PUT", "localhost:80", "http://dav.example", 403},
      {kRead, "", "PUT", "localhost:8080", "https://evil.example", 403},
      {kOff, "", "PUT", "localhost:8080", "https://evil.example", 403},

      {kWrite, "", "PUT", "localhost:8080", "http://localhost:8080", 0},
      {kWrite, "", "PUT", "localhost", "http://LOCALHOST:80", 0},
      {kWrite, "https://dav.example", "PUT", "dav.example", "https://dav.example", 0},
      {kWrite, "https://dav.example", "PUT", "localhost:8080", "https://dav.example", 0},
      {kOff, "http://a.example,https://b.example", "PUT", "x", "https://a.example", 403},
      {kOff, "http://a.example,https://b.example", "PUT", "x", "http://a.example", 0},
      {kOff, "http://a.example,https://b.example", "PUT", "x", "https://b.example", 0},
      // Behind a trusted proxy the page's host is the one that the proxy was asked for.
      {kOff, "", "PUT", "backend:8080", "http://backend:8080", 403, "/f", "dav.example", "https"},
      {kOff, "", "PUT", "backend:8080", "https://evil.example", 403, "/f", "dav.example", "https"},
      {kOff, "", "PUT", "backend:8080", "https://dav.example", 0, "/f", "dav.example", "https"},
      {kOff, "", "PUT", "backend:8080", "http://dav.example", 0, "/f", "dav.example", "http"},
      // A page without TLS is another origin for what is known to have come over it.
      {kOff, "", "PUT", "backend:8080", "http://dav.example", 403, "/f", "dav.example", "https"},
      {kOff, "", "PUT", "dav.example", "http://dav.example", 403, "/f", "", "https"},
      {kOff, "", "PUT", "dav.example", "https://dav.example", 0, "/f", "", "https"},
      {kOff, "", "PUT", "dav.example", "https://dav.example", 0, "/f", "", "http"},

      {kWrite, "", "GET", "localhost:8080", "https://evil.example", 0},
      {kWrite, "", "PROPFIND", "localhost:8080", "https://evil.example", 0},
      {kWrite, "", "OPTIONS", "localhost:8080", "https://evil.example", 0},
  });
}

TEST(OriginPolicy, ASecondOriginDoesNotHideTheFirst) {
  http::NoBody body;
  http::Request request;
  request.method = "PUT";
  request.target = "/f";
  request.body = &body;
  request.fields.add("Host", "localhost");
  request.fields.add("Origin", "http://localhost");
  request.fields.add("origin", "http://evil.example");
  EXPECT_TRUE(auth::OriginPolicy({}).judge(request, kWrite, true).has_value());
}

// With accounts, what shows who asks is judged by that; what a browser adds by itself is not shown
// by the page.
TEST(OriginPolicy, LetsAProgramWriteThatSignsInByItself) {
  struct Row {
    auth::Anonymous anonymous;
    const char* method;
    const char* origin;
    const char* authorization;  // nullptr: no field
    int status;                 // 0: passes
  };
  const Row rows[] = {
      {kOff, "PUT", "null", "Basic YTpi", 0},
      {kOff, "PUT", "file://", "Basic YTpi", 0},
      {kOff, "PUT", "app://obsidian.md", "Basic YTpi", 0},
      {kOff, "PUT", "capacitor://localhost", "Basic YTpi", 0},
      {kOff, "PUT", "chrome-extension://fnaicdffflnofjppbagibeoednhnbjhg", "Basic YTpi", 0},
      {kOff, "MKCOL", "moz-extension://4e2a9f1c", "Bearer token", 0},
      {kOff, "MOVE", "https://other.example", "Basic YTpi", 0},
      {kRead, "DELETE", "null", "Basic YTpi", 0},
      {kOff, "PUT", "null", nullptr, 403},
      {kOff, "PUT", "null", "", 403},
      {kOff, "PUT", "null", "Basic", 403},
      {kOff, "PUT", "null", "Bearer", 403},
      {kOff, "PUT", "null", "Negotiate YTpi", 403},
      {kOff, "PUT", "https://evil.example", "Basic !", 403},
      {kRead, "PUT", "https://evil.example", nullptr, 403},
      {kWrite, "PUT", "null", "Basic YTpi", 403},
      {kWrite, "PUT", "https://evil.example", "Basic YTpi", 403},
      {kWrite, "LOCK", "chrome-extension://x", "Bearer token", 403},
  };
  for (const Row& row : rows) {
    http::NoBody body;
    http::Request request;
    request.method = row.method;
    request.target = "/f";
    request.body = &body;
    request.fields.add("Host", "localhost");
    request.fields.add("Origin", row.origin);
    if (row.authorization != nullptr) request.fields.add("Authorization", row.authorization);
    const auto denial = auth::OriginPolicy({}).judge(request, row.anonymous, true);
    EXPECT_EQ(denial ? denial->status : 0, row.status)
        << row.origin << " " << (row.authorization != nullptr ? row.authorization : "(none)");
  }
}

// The addresses that the server listens on are its own, in every spelling of the number; names that
// look like them are not.
TEST(OriginPolicy, ItsOwnAddressesAreItsHosts) {
  const auth::OriginPolicy policy({}, {"192.168.1.5", "fd00::5", "127.0.0.2"});
  const struct {
    const char* host;
    bool own;
  } rows[] = {
      {"192.168.1.5", true},      {"192.168.1.5:8443", true},
      {"[fd00::5]", true},        {"[fd00::5]:8443", true},
      {"[FD00:0:0::0005]", true}, {"127.0.0.2:1", true},
      {"192.168.1.6", false},     {"192.168.1.5.evil.test", false},
      {"192.168.1.50", false},    {"192.168.001.5", false},
      {"[fd00::6]", false},       {"fd00::5", false},
      {"[::192.168.1.5]", false}, {"3232235781", false},
  };
  for (const auto& row : rows) {
    http::NoBody body;
    http::Request request;
    request.method = "PUT";
    request.target = "/f";
    request.body = &body;
    request.fields.add("Host", row.host);
    EXPECT_EQ(policy.judge(request, kWrite, true).has_value(), !row.own) << row.host;
  }
}

// The rows have the Origin as it is sent. Only the exact text of an origin of --cors-origins
// counts.
TEST(OriginPolicy, SharesAnswersWithTheOriginsOfTheSettingAlone) {
  const auth::OriginPolicy policy({}, {}, {"https://app.example", "moz-extension://0a1b"});
  const struct {
    const char* origin;
    bool shared;
  } rows[] = {
      {"https://app.example", true},
      {"moz-extension://0a1b", true},
      {"http://app.example", false},
      {"https://app.example:443", false},
      {"https://app.example.evil", false},
      {"https://sub.app.example", false},
      {"https://APP.example", false},
      {"moz-extension://0a1c", false},
      {"null", false},
      {"", false},
      {"https://app.example, null", false},
      {"*", false},
  };
  for (const auto& row : rows) {
    SCOPED_TRACE(row.origin);
    http::NoBody body;
    http::Request request;
    request.method = "PUT";
    request.target = "/f";
    request.body = &body;
    request.fields.add("Host", "dav.example.org");
    request.fields.add("Origin", row.origin);
    EXPECT_EQ(policy.judge(request, kOff, true).has_value(), !row.shared);
    http::Response response;
    policy.share(request, response);
    EXPECT_EQ(response.find("Vary"), "Origin");
    EXPECT_EQ(response.find("Access-Control-Allow-Origin").has_value(), row.shared);
    if (row.shared) {
      EXPECT_EQ(response.find("Access-Control-Allow-Origin"), row.origin);
    }
    EXPECT_FALSE(response.find("Access-Control-Allow-Credentials"));

    EXPECT_FALSE(policy.preflight(request)) << "a PUT is none";
    request.method = "OPTIONS";
    EXPECT_FALSE(policy.preflight(request)) << "OPTIONS alone is none";
    request.fields.add("Access-Control-Request-Method", "PROPFIND");
    request.fields.add("Access-Control-Request-Headers", "authorization,depth");
    const auto preflight = policy.preflight(request);
    ASSERT_EQ(preflight.has_value(), row.shared);
    if (!preflight) continue;
    EXPECT_EQ(preflight->status, 204);
    EXPECT_EQ(preflight->find("Access-Control-Allow-Headers"), "authorization,depth");
    EXPECT_NE(preflight->find("Access-Control-Allow-Methods")->find("PROPFIND"), std::string::npos);
  }
}

TEST(OriginPolicy, WithoutTheSettingNothingIsShared) {
  const auth::OriginPolicy policy({});
  http::NoBody body;
  http::Request request;
  request.method = "OPTIONS";
  request.target = "/f";
  request.body = &body;
  request.fields.add("Host", "dav.example.org");
  request.fields.add("Origin", "https://app.example");
  request.fields.add("Access-Control-Request-Method", "PUT");
  EXPECT_FALSE(policy.preflight(request));
  http::Response response;
  policy.share(request, response);
  EXPECT_EQ(response.fields, "");
}

}  // namespace
}  // namespace holdfast::server
