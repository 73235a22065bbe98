// Sessions of browsers (docs/operations.md#sessions) against the real program: signing in on the page
// and out again, and what pages of others can do with the cookie, which is nothing.
#include <fstream>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <iterator>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "tests/support/basic.h"
#include "tests/support/http_client.h"
#include "tests/support/lock_info.h"
#include "tests/support/process.h"
#include "tests/support/server_process.h"
#include "tests/support/temporary_folder.h"
#include "text/percent.h"

namespace holdfast::test {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::MatchesRegex;
using testing::Not;

class BrowserSessions : public testing::Test {
 protected:
  explicit BrowserSessions(std::vector<std::string> more = {"--sync-keep", "86400"})
      : more_(std::move(more)) {
    EXPECT_EQ(command({"user", "add", "ann", "--home", "/"}, "first secret\n"), 0);
    EXPECT_EQ(command({"user", "add", "bob"}, "bobs secret\n"), 0);
    server_.emplace(data_, more_);
    server_->start();
    own_ = "http://127.0.0.1:" + std::to_string(server_->port());
  }
  int command(std::vector<std::string> arguments, const std::string& input = {},
              std::string* output = nullptr) {
    arguments.insert(arguments.begin(), holdfast_binary());
    arguments.insert(arguments.end(), {"--data", data_});
    Command command;
    command.arguments = std::move(arguments);
    command.input = input;
    const auto result = run(command);
    if (output != nullptr) *output = result.output;
    return result.exit_code;
  }
  Reply send(const std::string& method, const std::string& target, const Fields& fields = {},
             const std::string& body = {}) {
    return HttpClient(server_->port()).request(method, target, fields, body);
  }
  // Sends the form of the page, as the page does.
  Reply post(const std::string& name, const std::string& password, const std::string& to = "/",
             Fields fields = {}) {
    static constexpr auto kPlain = text::ByteSet::alphanumeric_and("-._~");
    std::string form = "to=";
    text::append_encoded(form, to, kPlain);
    form += "&name=";
    text::append_encoded(form, name, kPlain);
    form += "&password=";
    text::append_encoded(form, password, kPlain);
    fields.emplace_back("Origin", own_);
    fields.emplace_back("Content-Type", "application/x-www-form-urlencoded");
    return send("POST", "/?session", fields, form);
  }
  static std::string cookie_of(const Reply& reply) {
    const std::string_view field = reply.field("Set-Cookie");
    return std::string(field.substr(0, field.find(';')));
  }
  // The cookie of a new session of ann's.
  std::string sign_in(Fields fields = {}) {
    return cookie_of(post("ann", "first secret", "/", std::move(fields)));
  }
  int status_with(const std::string& cookie) {
    return send("GET", "/?account", {{"Cookie", cookie}}).status;
  }

  TemporaryFolder folder_;
  std::string data_ = folder_ / "data";
  std::vector<std::string> more_;
  std::optional<ServerProcess> server_;
  std::string own_;
};

const Fields kNavigation = {{"Accept", "text/html,application/xhtml+xml,*/*;q=0.8"},
                            {"Sec-Fetch-Mode", "navigate"}};

// Who sees the page and who the challenge.
TEST_F(BrowserSessions, OnlyBrowsersThatOpenAnAddressSeeThePage) {
  struct Row {
    const char* what;
    const char* method;
    Fields fields;
    bool page;
  };
  const std::string html = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
  const std::string firefox = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Firefox/140.0";
  const Row rows[] = {
      {"a browser", "GET", kNavigation, true},
      {"a browser over plain HTTP", "GET", {{"Accept", html}, {"User-Agent", firefox}}, true},
      {"a picture in a page", "GET", {{"Accept", html}, {"Sec-Fetch-Mode", "no-cors"}}, false},
      {"a frame that takes no HTML", "GET", {{"Accept", "*/*"}, {"Sec-Fetch-Mode", "navigate"}},
       false},
      {"nothing said", "GET", {}, false},
      {"curl", "GET", {{"Accept", "*/*"}, {"User-Agent", "curl/8.0"}}, false},
      {"a browser by name alone", "GET", {{"User-Agent", firefox}}, false},
      {"HTML alone", "GET", {{"Accept", html}}, false},
      {"KIO",
       "GET",
       {{"Accept", "text/html, text/*;q=0.9, image/jpeg;q=0.9, */*;q=0.8"},
        {"User-Agent", "Mozilla/5.0 (X11; Linux x86_64) KHTML/5.103 (like Gecko) Konqueror/5"}},
       false},
      {"Office", "GET", {{"User-Agent", "Microsoft Office Word 2014"}, {"Accept", "*/*"}}, false},
      {"Finder", "PROPFIND", {{"Depth", "0"}, {"User-Agent", "WebDAVFS/3.0.0 Darwin"}}, false},
      {"Windows", "OPTIONS", {{"User-Agent", "Microsoft-WebDAV-MiniRedir/10.0"}}, false},
      {"HEAD of a browser", "HEAD", {{"Accept", html}, {"User-Agent", firefox}}, false},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.what);
    const Reply reply = send(row.method, "/a%20b/?sort=size", row.fields);
    if (std::string(row.method) == "OPTIONS") continue;  // needs no account
    EXPECT_EQ(reply.status, 401);
    EXPECT_EQ(reply.body.find("action=\"/?session\"") != std::string::npos, row.page);
    EXPECT_EQ(reply.field("WWW-Authenticate"),
              row.page ? "" : "Basic realm=\"Holdfast\", charset=\"UTF-8\"");
    if (!row.page) continue;
    EXPECT_THAT(reply.body, HasSubstr("name=\"to\" value=\"/a%20b/?sort=size\""));
    EXPECT_EQ(reply.field("Cache-Control"), "no-store");
    EXPECT_THAT(std::string(reply.field("Content-Security-Policy")),
                AllOf(HasSubstr("default-src 'none'"), HasSubstr("form-action 'self'"),
                      HasSubstr("frame-ancestors 'none'"), Not(HasSubstr("script-src"))));
    EXPECT_EQ(reply.field("Refresh"), "");
  }
  // What the page itself loads makes no browser ask by itself.
  const Reply own = send("GET", "/?account", {{"Sec-Fetch-Site", "same-origin"},
                                              {"Sec-Fetch-Mode", "cors"}});
  EXPECT_EQ(own.status, 401);
  EXPECT_EQ(own.field("WWW-Authenticate"), "");
  // A browser that follows a link of another site keeps the cookie back, and asks once more.
  Fields linked = kNavigation;
  linked.emplace_back("Sec-Fetch-Site", "cross-site");
  EXPECT_EQ(send("GET", "/", linked).field("Refresh"), "0");
  linked.back().second = "same-origin";
  EXPECT_EQ(send("GET", "/", linked).field("Refresh"), "");
}

TEST_F(BrowserSessions, SigningInMakesACookieAndSigningOutEndsIt) {
  EXPECT_EQ(send("GET", "/?session").status, 200);
  const Reply in = post("ann", "first secret", "/a%20b/?sort=size");
  EXPECT_EQ(in.status, 303);
  EXPECT_EQ(in.field("Location"), "/a%20b/?sort=size");
  EXPECT_EQ(in.field("Cache-Control"), "no-store");
  EXPECT_THAT(std::string(in.field("Set-Cookie")),
              MatchesRegex("holdfast-session=[A-Za-z0-9_-]{43}; Path=/; HttpOnly; SameSite=Strict"));
  const std::string cookie = cookie_of(in);
  const Reply account = send("GET", "/?account", {{"Cookie", "a=b; " + cookie + "; c=d"}});
  EXPECT_EQ(account.status, 200);
  EXPECT_THAT(account.body, HasSubstr("\"name\":\"ann\""));
  const Reply page = send("GET", "/", {{"Cookie", cookie}, {"Accept", "text/html"}});
  EXPECT_THAT(page.body, AllOf(HasSubstr("data-account=\"ann\""), HasSubstr("?session=end")));
  EXPECT_EQ(send("PUT", "/f", {{"Cookie", cookie}, {"Origin", own_}}, "text").status, 201);
  for (const std::string& broken :
       {cookie + "x", cookie.substr(0, cookie.size() - 1), "x" + cookie,
        "__Host-" + cookie, std::string("holdfast-session="), std::string("holdfast-session"),
        std::string(";;=;"), "holdfast-session =" + cookie.substr(17)})
    EXPECT_EQ(status_with(broken), 401) << broken;

  EXPECT_EQ(send("GET", "/?session=end", {{"Cookie", cookie}}).status, 405)
      << "a link signs nobody out";
  EXPECT_EQ(status_with(cookie), 200);
  EXPECT_EQ(send("POST", "/?session=end", {{"Cookie", cookie}}).status, 403);
  EXPECT_EQ(status_with(cookie), 200);
  const Reply out = send("POST", "/?session=end", {{"Cookie", cookie}, {"Origin", own_}});
  EXPECT_EQ(out.status, 303);
  EXPECT_EQ(out.field("Location"), "/");
  EXPECT_THAT(std::string(out.field("Set-Cookie")),
              AllOf(HasSubstr("holdfast-session=; Path=/"), HasSubstr("Max-Age=0")));
  EXPECT_EQ(status_with(cookie), 401);
  EXPECT_EQ(send("POST", "/?session=end", {{"Cookie", cookie}, {"Origin", own_}}).status, 303);
}

TEST_F(BrowserSessions, NobodyIsLedElsewhere) {
  for (const std::string hostile :
       {"https://evil.example/", "//evil.example/", "///evil.example", "/\\evil.example", "\\\\evil",
        "/\t/evil.example", "\t//evil.example", "/\n/evil", "javascript:alert(1)", "evil", "",
        "/a\\b", "http:evil.example", " //evil.example", "/\xE2\x80\xAE", "/a\"b"}) {
    const Reply reply = post("ann", "first secret", hostile);
    // Control characters are in no form of ours.
    if (reply.status == 400) continue;
    EXPECT_EQ(reply.status, 303) << hostile;
    EXPECT_EQ(reply.field("Location"), "/") << hostile;
  }
  for (const std::string target : {"//evil.example/", "//evil.example", "/%5C%5Cevil"}) {
    const Reply asked = send("GET", target, kNavigation);
    EXPECT_THAT(asked.body, Not(HasSubstr("value=\"//"))) << target;
    const Reply shown = send("GET", "/?session=" + target);
    EXPECT_THAT(shown.body, Not(HasSubstr("value=\"//"))) << target;
  }
}

TEST_F(BrowserSessions, WhatIsNotTheFormOfThePageIsRefused) {
  const auto form = [&](const Fields& fields, const std::string& body) {
    return send("POST", "/?session", fields, body).status;
  };
  const std::string right = "name=ann&password=first+secret&to=%2F";
  const std::pair<std::string, std::string> type = {"Content-Type",
                                                    "application/x-www-form-urlencoded"};
  const std::pair<std::string, std::string> origin = {"Origin", own_};
  EXPECT_EQ(form({type, origin}, right), 303);
  EXPECT_EQ(form({type, {"Sec-Fetch-Site", "same-origin"}}, right), 303);
  // A page of another site must not sign its visitors in to an account of its own.
  EXPECT_EQ(form({type}, right), 403);
  EXPECT_EQ(form({type, {"Origin", "https://evil.example"}}, right), 403);
  EXPECT_EQ(form({type, {"Origin", "null"}}, right), 403);
  EXPECT_EQ(form({type, origin, {"Sec-Fetch-Site", "cross-site"}}, right), 403);
  EXPECT_EQ(form({origin}, right), 415);
  EXPECT_EQ(form({origin, {"Content-Type", "application/json"}}, "{}"), 415);
  EXPECT_EQ(form({type, origin}, std::string(20'000, 'x')), 413);
  EXPECT_EQ(form({type, origin}, "name=ann&password=%FF"), 400);
  EXPECT_EQ(form({type, origin}, "name=ann&password=a%00b"), 400);
  EXPECT_EQ(form({type, origin}, "name=ann%3Afirst&password=secret"), 401);
  EXPECT_EQ(form({type, origin}, ""), 401);
  EXPECT_EQ(send("PUT", "/?session", {origin}, "x").status, 405);
  EXPECT_EQ(send("DELETE", "/?session", {origin}).status, 405);
  EXPECT_EQ(send("GET", "/ann/?session").status, 401) << "it is at the root alone";
}

TEST_F(BrowserSessions, GuessingIsHeldUpAsWithBasic) {
  const Reply wrong = post("ann", "wrong", "/x/");
  EXPECT_EQ(wrong.status, 401);
  EXPECT_EQ(wrong.field("WWW-Authenticate"), "");
  EXPECT_EQ(wrong.field("Set-Cookie"), "");
  EXPECT_THAT(wrong.body, AllOf(HasSubstr("role=\"alert\""), HasSubstr("value=\"ann\""),
                                HasSubstr("value=\"/x/\""), Not(HasSubstr("wrong\""))));
  EXPECT_THAT(post("nobody", "wrong").body, HasSubstr("role=\"alert\""));
  EXPECT_THAT(post("<b>", "wrong").body, Not(HasSubstr("<b>")));
  int status = 0;
  for (int i = 0; i < 40 && status != 429; ++i) status = post("ann", "no " + std::to_string(i)).status;
  EXPECT_EQ(status, 429);
  const Reply held = post("ann", "first secret");
  EXPECT_EQ(held.status, 429) << "the right password waits as well";
  EXPECT_NE(held.field("Retry-After"), "");
  EXPECT_EQ(send("GET", "/", {{"Authorization", basic("ann", "another")}}).status, 429)
      << "and so does Basic";
  EXPECT_THAT(server_->output(), HasSubstr("Sign-in refused for 127.0.0.1: wrong password"));
}

TEST_F(BrowserSessions, EndWithThePasswordTheAccountAndASuspension) {
  const std::string cookie = sign_in();
  const std::string bobs = cookie_of(post("bob", "bobs secret"));
  EXPECT_EQ(server_->stop(), 0);
  server_->start();
  EXPECT_EQ(status_with(cookie), 200) << "it outlives a restart";

  EXPECT_EQ(command({"user", "passwd", "ann"}, "second secret\n"), 0);
  EXPECT_EQ(status_with(cookie), 401);
  EXPECT_EQ(status_with(bobs), 200);
  EXPECT_EQ(post("ann", "first secret").status, 401);

  const std::string again = cookie_of(post("ann", "second secret"));
  EXPECT_EQ(status_with(again), 200);
  // By the account itself.
  EXPECT_EQ(send("POST", "/?account=password",
                 {{"Cookie", again}, {"Origin", own_}, {"Content-Type", "application/json"}},
                 R"({"old":"second secret","new":"third secret"})")
                .status,
            204);
  EXPECT_EQ(status_with(again), 401);

  EXPECT_EQ(command({"user", "suspend", "bob"}), 0);
  EXPECT_EQ(status_with(bobs), 401);
  EXPECT_EQ(post("bob", "bobs secret").status, 401);
  EXPECT_EQ(command({"user", "resume", "bob"}), 0);
  EXPECT_EQ(status_with(bobs), 401) << "it does not come back";
  const std::string last = cookie_of(post("bob", "bobs secret"));
  EXPECT_EQ(status_with(last), 200);
  EXPECT_EQ(command({"user", "remove", "bob", "--yes"}), 0);
  EXPECT_EQ(status_with(last), 401);
}

TEST_F(BrowserSessions, TheStoreHasNoSecret) {
  const std::string cookie = sign_in();
  const std::string secret = cookie.substr(cookie.find('=') + 1);
  ASSERT_EQ(secret.size(), 43U);
  EXPECT_EQ(server_->stop(), 0);
  for (const char* name : {"meta.db", "meta.db-wal"}) {
    std::ifstream file(data_ + "/" + name, std::ios::binary);
    const std::string bytes{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
    EXPECT_EQ(bytes.find(secret), std::string::npos) << name;
  }
  EXPECT_EQ(server_->output().find(secret), std::string::npos);
}

TEST_F(BrowserSessions, ADeviceTokenOpensNone) {
  std::string output;
  ASSERT_EQ(command({"user", "token", "add", "ann", "--label", "phone", "--read-only"}, {}, &output),
            0);
  const std::size_t at = output.find("holdfast_");
  ASSERT_NE(at, std::string::npos) << output;
  const std::string token = output.substr(at, output.find('\n', at) - at);
  EXPECT_EQ(send("GET", "/", {{"Authorization", basic("ann", token)}}).status, 200);
  const Reply reply = post("ann", token);
  EXPECT_EQ(reply.status, 401);
  EXPECT_EQ(reply.field("Set-Cookie"), "");
}

// The rule: what has Authorization is a program, and no page of another site can make it. A cookie
// is sent by the browser itself; so only GET, HEAD and OPTIONS work when the browser does not say
// that the page is ours. And no page of another origin may write without Authorization.
TEST_F(BrowserSessions, APageOfAnotherSiteCanDoNothingWithTheCookie) {
  const std::string cookie = sign_in();
  EXPECT_EQ(send("PUT", "/f", {{"Authorization", basic("ann", "first secret")}}, "text").status,
            201);
  struct Method {
    const char* name;
    bool safe;    // also for pages of others: they cannot read what comes
    bool writes;  // judged by Origin also without credentials
    const char* target;
    Fields fields;
    std::string body;
  };
  const std::string update =
      "<D:propertyupdate xmlns:D=\"DAV:\"><D:set><D:prop><x xmlns=\"urn:x\"/></D:prop></D:set>"
      "</D:propertyupdate>";
  const std::string sync =
      "<D:sync-collection xmlns:D=\"DAV:\"><D:sync-token/><D:sync-level>1</D:sync-level><D:prop/>"
      "</D:sync-collection>";
  const Method methods[] = {
      {"GET", true, false, "/f", {}, ""},
      {"HEAD", true, false, "/f", {}, ""},
      {"OPTIONS", true, false, "/f", {}, ""},
      {"PROPFIND", false, false, "/", {{"Depth", "0"}}, ""},
      {"REPORT", false, false, "/", {{"Depth", "0"}}, sync},
      {"PUT", false, true, "/f", {}, "more"},
      {"DELETE", false, true, "/gone", {}, ""},
      {"MKCOL", false, true, "/f", {}, ""},
      {"COPY", false, true, "/f", {{"Destination", "/copy"}}, ""},
      {"MOVE", false, true, "/gone", {{"Destination", "/moved"}}, ""},
      {"PROPPATCH", false, true, "/f", {}, update},
      {"LOCK", false, true, "/f", {{"If-Match", "\"none\""}}, ""},
      {"UNLOCK", false, true, "/f", {{"Lock-Token", "<urn:none>"}}, ""},
      {"PATCH", false, true, "/f", {}, ""},
      {"POST", false, false, "/f", {}, ""},
      {"BREW", false, false, "/f", {}, ""},
  };
  const std::map<std::string, std::string> origins = {
      {"none", ""}, {"same", own_}, {"other", "https://evil.example"}, {"null", "null"}};
  const std::string sites[] = {"", "none", "same-origin", "same-site", "cross-site"};
  int asked = 0;
  for (const Method& method : methods)
    for (const auto& [origin, origin_value] : origins)
      for (const std::string& site : sites)
        for (const std::string credentials : {"none", "cookie", "Basic"}) {
          SCOPED_TRACE(testing::Message() << method.name << " Origin " << origin << " Site "
                                          << site << " by " << credentials);
          Fields fields = method.fields;
          if (!origin_value.empty()) fields.emplace_back("Origin", origin_value);
          if (!site.empty()) fields.emplace_back("Sec-Fetch-Site", site);
          Fields plain = method.fields;
          plain.emplace_back("Authorization", basic("ann", "first secret"));
          if (credentials == "cookie") fields.emplace_back("Cookie", cookie);
          if (credentials == "Basic") fields.emplace_back("Authorization", plain.back().second);
          const int status = send(method.name, method.target, fields, method.body).status;
          ++asked;

          const bool foreign = origin == "other" || origin == "null";
          const bool says_ours = (origin == "same" || site == "same-origin") && !foreign &&
                                 (site.empty() || site == "same-origin");
          if (credentials == "Basic") {
            EXPECT_NE(status, 401);
            EXPECT_NE(status, 403);
          } else if (method.writes && foreign) {
            EXPECT_EQ(status, 403);
          } else if (credentials == "none") {
            // The engine refuses what it does not know, and OPTIONS needs no account.
            const std::string name = method.name;
            const bool needs_account = name != "OPTIONS" && name != "POST" && name != "BREW";
            EXPECT_EQ(status == 401, needs_account) << status;
          } else if (method.safe || says_ours) {
            EXPECT_NE(status, 401);
            EXPECT_NE(status, 403);
          } else {
            EXPECT_EQ(status, 403);
          }
        }
  EXPECT_EQ(asked, 16 * 4 * 5 * 3);
  // Nothing that answers a page of another site lets it read the answer.
  const Reply read = send("GET", "/?account", {{"Cookie", cookie}, {"Origin", "https://evil.example"}});
  EXPECT_EQ(read.field("Access-Control-Allow-Origin"), "");
}

class SessionsWithoutPage : public BrowserSessions {
 protected:
  SessionsWithoutPage() : BrowserSessions({"--page", "off"}) {}
};

TEST_F(SessionsWithoutPage, AreNotThere) {
  const Reply reply = send("GET", "/", kNavigation);
  EXPECT_EQ(reply.status, 401);
  EXPECT_NE(reply.field("WWW-Authenticate"), "");
  EXPECT_THAT(reply.body, Not(HasSubstr("<form")));
  EXPECT_EQ(post("ann", "first secret").field("Set-Cookie"), "");
}

// Behind a proxy that says https, the cookie is one that only https can set and send.
class SessionsBehindProxy : public BrowserSessions {
 protected:
  SessionsBehindProxy() : BrowserSessions({"--trusted-proxies", "127.0.0.1", "--prefix", "/dav"}) {}
};

TEST_F(SessionsBehindProxy, HaveASecureCookieOverTls) {
  const Fields proxied = {{"X-Forwarded-For", "192.0.2.7"},
                          {"X-Forwarded-Proto", "https"},
                          {"X-Forwarded-Host", "files.example.org"},
                          {"Content-Type", "application/x-www-form-urlencoded"}};
  Fields own = proxied;
  own.emplace_back("Origin", "https://files.example.org");
  const std::string form = "name=ann&password=first+secret&to=";
  const Reply in = send("POST", "/dav/?session", own, form + "%2Fdav%2Fa");
  EXPECT_EQ(in.status, 303);
  EXPECT_EQ(in.field("Location"), "/dav/a");
  EXPECT_EQ(send("POST", "/dav/?session", own, form + "%2Fother").field("Location"), "/dav/");
  EXPECT_THAT(std::string(in.field("Set-Cookie")),
              MatchesRegex("__Host-holdfast-session=[A-Za-z0-9_-]{43}; Path=/; HttpOnly; "
                           "SameSite=Strict; Secure"));
  const auto status = [&](const std::string& cookie, Fields fields) {
    fields.emplace_back("Cookie", cookie);
    return send("GET", "/dav/?account", fields).status;
  };
  const std::string cookie = cookie_of(in);
  EXPECT_EQ(status(cookie, proxied), 200);
  EXPECT_EQ(status(cookie, {}), 401) << "not over plain HTTP";
  EXPECT_EQ(status(cookie.substr(std::string("__Host-").size()), proxied), 401)
      << "nor one that plain HTTP could have set";
  // A page without TLS is not ours.
  Fields plain = proxied;
  plain.emplace_back("Origin", "http://files.example.org");
  EXPECT_EQ(send("POST", "/dav/?session", plain, form).status, 403);
}

}  // namespace
}  // namespace holdfast::test
