// Links to collections (docs/operations.md#links) against the real program: what people without an
// account get by them, and that it is nothing but the collection.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <optional>
#include <string>
#include <vector>

#include "server/auth/secrets.h"
#include "server/json/object.h"
#include "tests/support/basic.h"
#include "tests/support/http_client.h"
#include "tests/support/process.h"
#include "tests/support/server_process.h"
#include "tests/support/temporary_folder.h"

namespace holdfast::test {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

class SharedLinks : public testing::Test {
 protected:
  SharedLinks() {
    EXPECT_EQ(command({"user", "add", "ann", "--home", "/private people"}, "first secret\n"), 0);
    EXPECT_EQ(command({"user", "add", "bob"}, "bobs secret\n"), 0);
    server_.emplace(data_, std::vector<std::string>{"--access-log", log_});
    server_->start();
    for (const char* path : {"/private%20people", "/private%20people/p", "/private%20people/p/sub"})
      send("MKCOL", path, ann());
    EXPECT_EQ(send("PUT", "/private%20people/p/f", ann(), "text").status, 201);
    EXPECT_EQ(send("PUT", "/private%20people/p/sub/g", ann(), "more").status, 201);
    EXPECT_EQ(send("PUT", "/private%20people/secret", ann(), "none of yours").status, 201);
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
  static Fields ann() { return {{"Authorization", basic("ann", "first secret")}}; }
  // Makes a link by the account's own JSON. Returns its URL and sets its id.
  std::string share(const std::string& more = {}, std::string* id = nullptr) {
    Fields fields = ann();
    fields.emplace_back("Content-Type", "application/json");
    const Reply reply = send("POST", "/?account=shares", fields,
                             "{\"path\":\"/private%20people/p\"" + more + "}");
    EXPECT_EQ(reply.status, 201) << reply.body;
    const auto object = server::json::parse_object(reply.body);
    if (!object) return {};
    if (id != nullptr) *id = server::json::text_of(*object, "id");
    return std::string(server::json::text_of(*object, "url"));
  }
  int status(const std::string& target) { return send("GET", target).status; }

  TemporaryFolder folder_;
  std::string data_ = folder_ / "data";
  std::string log_ = folder_ / "access.log";
  std::optional<ServerProcess> server_;
};

TEST_F(SharedLinks, ShowTheirCollectionAndNothingAboveIt) {
  const std::string url = share();
  ASSERT_THAT(url, testing::MatchesRegex("/holdfast_[a-z0-9]{8}_[A-Za-z0-9_-]{43}/"));
  const Reply page = send("GET", url, {{"Accept", "text/html"}});
  EXPECT_EQ(page.status, 200);
  EXPECT_THAT(page.body, AllOf(HasSubstr(">f<"), HasSubstr(">sub<"), HasSubstr("data-link")));
  EXPECT_THAT(page.body, AllOf(Not(HasSubstr("private")), Not(HasSubstr("ann")),
                               Not(HasSubstr("data-write")), Not(HasSubstr("secret\""))));
  const Reply file = send("GET", url + "f");
  EXPECT_EQ(file.body, "text");
  EXPECT_EQ(file.field("Referrer-Policy"), "same-origin") << "the URL is the secret";
  EXPECT_EQ(file.field("X-Robots-Tag"), "noindex, nofollow");
  EXPECT_EQ(send("GET", url + "sub/g").body, "more");
  const Reply listing = send("PROPFIND", url, {{"Depth", "infinity"}});
  EXPECT_EQ(listing.status, 207);
  EXPECT_THAT(listing.body, AllOf(HasSubstr("<D:href>" + url + "f</D:href>"),
                                  HasSubstr("<D:href>" + url + "sub/</D:href>"),
                                  Not(HasSubstr("private")), Not(HasSubstr("ann"))));
  const Reply owner = send(
      "PROPFIND", url + "f", {{"Depth", "0"}},
      "<D:propfind xmlns:D=\"DAV:\"><D:prop><D:owner/><D:current-user-principal/><D:lockdiscovery/>"
      "<D:current-user-privilege-set/></D:prop></D:propfind>");
  EXPECT_THAT(owner.body, AllOf(HasSubstr("unauthenticated"), Not(HasSubstr("ann"))));

  // Everything else of the server is as it was.
  for (const char* outside : {"../secret", "..%2Fsecret", "%2e%2e/secret", "sub/../../secret"})
    EXPECT_NE(status(url + outside), 200) << outside;
  EXPECT_EQ(status(url + "private%20people/"), 404);
  EXPECT_EQ(status("/private%20people/p/f"), 401);
  EXPECT_EQ(status("/"), 401);
  EXPECT_NE(status(url + "?account"), 401);
  EXPECT_THAT(send("GET", url + "?account").body, Not(HasSubstr("quota")));
  EXPECT_EQ(send("OPTIONS", url).status, 200);
  EXPECT_EQ(send("HEAD", url + "f").status, 200);
}

TEST_F(SharedLinks, ChangeNothing) {
  const std::string url = share();
  for (const auto& [method, target, fields] : std::vector<std::tuple<std::string, std::string, Fields>>{
           {"PUT", "f", {}},
           {"PUT", "new", {}},
           {"MKCOL", "new", {}},
           {"DELETE", "f", {}},
           {"DELETE", "", {}},
           {"PROPPATCH", "f", {}},
           {"LOCK", "f", {}},
           {"LOCK", "new", {}},
           {"COPY", "f", {{"Destination", url + "copy"}}},
           {"MOVE", "f", {{"Destination", url + "moved"}}},
           {"PATCH", "f", {{"X-Update-Range", "append"}}},
           {"POST", "new?upload", {{"Tus-Resumable", "1.0.0"}, {"Upload-Length", "3"}}}}) {
    const int got = send(method, url + target, fields, method == "LOCK" ? "" : "x").status;
    EXPECT_GE(got, 400) << method << " " << target;
    EXPECT_LT(got, 500) << method << " " << target;
  }
  EXPECT_EQ(send("COPY", url + "f", {{"Destination", "/private%20people/copy"}}).status, 502);
  EXPECT_EQ(send("GET", "/private%20people/p/f", ann()).body, "text");
  EXPECT_EQ(send("GET", "/private%20people/p/new", ann()).status, 404);
  // The account's own credentials are not looked at below a link.
  EXPECT_EQ(send("PUT", url + "f", ann(), "x").status, 403);
}

TEST_F(SharedLinks, EndWhenTheyAreRemovedExpireOrLoseTheirCollection) {
  std::string id;
  const std::string url = share(",\"label\":\"for Bob\"", &id);
  const std::string other = share();
  EXPECT_EQ(status(url), 200);
  Fields fields = ann();
  fields.emplace_back("Content-Type", "application/json");
  const Reply list = send("GET", "/?account=shares", ann());
  EXPECT_THAT(list.body, AllOf(HasSubstr("\"label\":\"for Bob\""), HasSubstr("\"uses\":1"),
                               HasSubstr("\"ended\":false"), Not(HasSubstr(url.substr(18)))));
  Fields bob = {{"Authorization", basic("bob", "bobs secret")},
                {"Content-Type", "application/json"}};
  EXPECT_EQ(send("GET", "/?account=shares", bob).body, "{\"shares\":[]}\n");
  EXPECT_EQ(send("POST", "/?account=shares", bob, "{\"remove\":\"" + id + "\"}").status, 404);
  EXPECT_EQ(send("POST", "/?account=shares", bob, R"({"path":"/private%20people/p"})").status, 403);
  EXPECT_EQ(send("POST", "/?account=shares", fields, R"({"path":"/"})").status, 403);
  EXPECT_EQ(send("POST", "/?account=shares", fields, R"({"path":"/private%20people/p/f"})").status,
            404);
  EXPECT_EQ(send("POST", "/?account=shares", fields, "{\"remove\":\"" + id + "\"}").status, 204);
  EXPECT_EQ(status(url), 404);
  EXPECT_EQ(status(url + "f"), 404);
  EXPECT_EQ(status(other), 200);
  EXPECT_EQ(status(other.substr(0, other.size() - 2) + "/"), 401) << "no link looks like this";
  std::string wrong = other;
  wrong[wrong.size() - 2] = wrong[wrong.size() - 2] == 'A' ? 'B' : 'A';
  EXPECT_EQ(status(wrong), 404);

  // Another collection at the same path is not what was shared.
  EXPECT_EQ(send("MOVE", "/private%20people/p", {ann()[0], {"Destination", "/private%20people/q"}})
                .status,
            201);
  EXPECT_EQ(status(other), 404);
  EXPECT_EQ(send("MKCOL", "/private%20people/p", ann()).status, 201);
  EXPECT_EQ(send("PUT", "/private%20people/p/f", ann(), "another").status, 201);
  EXPECT_EQ(status(other + "f"), 404);
  EXPECT_EQ(send("DELETE", "/private%20people/p", ann()).status, 204);
  EXPECT_EQ(send("MOVE", "/private%20people/q", {ann()[0], {"Destination", "/private%20people/p"}})
                .status,
            201);
  EXPECT_EQ(status(other), 200);

  EXPECT_EQ(command({"user", "suspend", "ann"}), 0);
  EXPECT_EQ(status(other), 404);
  EXPECT_EQ(command({"user", "resume", "ann"}), 0);
  EXPECT_EQ(status(other), 200);
  EXPECT_EQ(command({"user", "remove", "ann", "--yes"}), 0);
  EXPECT_EQ(status(other), 404);
}

TEST_F(SharedLinks, MayNeedAPasswordThatIsHeldUp) {
  const std::string url = share(",\"password\":\"eight and more\"");
  EXPECT_EQ(status(url), 401);
  EXPECT_EQ(send("GET", url + "f", {{"Authorization", basic("x", "eight and more")}}).body, "text");
  EXPECT_EQ(send("GET", url + "f", ann()).status, 401);
  const Fields browser = {{"Accept", "text/html,application/xhtml+xml"},
                          {"Sec-Fetch-Mode", "navigate"}};
  const Reply asked = send("GET", url + "sub/", browser);
  EXPECT_EQ(asked.status, 401);
  EXPECT_EQ(asked.field("WWW-Authenticate"), "");
  EXPECT_THAT(asked.body, AllOf(HasSubstr("action=\"" + url + "?open\""),
                                HasSubstr("value=\"" + url + "sub/\""),
                                Not(HasSubstr("private")), Not(HasSubstr(">sub<"))));
  const auto post = [&](const std::string& password, const std::string& to) {
    return send("POST", url + "?open", {{"Content-Type", "application/x-www-form-urlencoded"}},
                "password=" + password + "&to=" + to);
  };
  EXPECT_EQ(post("wrong", url).status, 401);
  const Reply in = post("eight+and+more", url + "sub/");
  EXPECT_EQ(in.status, 303);
  EXPECT_EQ(in.field("Location"), url + "sub/");
  EXPECT_EQ(post("eight+and+more", "//evil.example/").field("Location"), url);
  EXPECT_EQ(post("eight+and+more", "/private%20people/").field("Location"), url);
  const std::string cookie(in.field("Set-Cookie").substr(0, in.field("Set-Cookie").find(';')));
  EXPECT_THAT(std::string(in.field("Set-Cookie")),
              AllOf(HasSubstr("Path=" + url), HasSubstr("HttpOnly"), HasSubstr("SameSite=Lax")));
  EXPECT_EQ(send("GET", url + "f", {{"Cookie", cookie}}).body, "text");
  EXPECT_EQ(send("GET", url + "f", {{"Cookie", cookie + "0"}}).status, 401);
  // Who knows the link alone cannot make the cookie.
  const std::string secret = url.substr(1, url.size() - 2);
  for (const std::string& guess : {server::auth::sha256_hex(secret),
                                   server::auth::sha256_hex(secret + ":"), std::string()})
    EXPECT_EQ(
        send("GET", url + "f", {{"Cookie", cookie.substr(0, cookie.find('=') + 1) + guess}}).status,
        401);
  const std::string other = share(",\"password\":\"eight and more\"");
  EXPECT_EQ(send("GET", other + "f", {{"Cookie", cookie}}).status, 401) << "it is of its link";

  int last = 0;
  for (int i = 0; i < 40 && last != 429; ++i) last = post("no" + std::to_string(i), url).status;
  EXPECT_EQ(last, 429);
  EXPECT_EQ(post("another+one", url).status, 429);
  EXPECT_EQ(send("GET", url + "f", {{"Cookie", cookie}}).status, 200) << "who is in stays";
}

TEST_F(SharedLinks, AreMadeByCommandsAndNamedInTheLog) {
  std::string output;
  ASSERT_EQ(command({"share", "add", "ann", "/private%20people/p", "--label", "x", "--expires", "1h"},
                    {}, &output),
            0)
      << output;
  const std::string url = output.substr(output.find("/holdfast_"));
  const std::string path = url.substr(0, url.find('\n'));
  EXPECT_EQ(status(path), 200);
  const std::string id = path.substr(10, 8);
  EXPECT_EQ(command({"share", "list", "--json"}, {}, &output), 0);
  EXPECT_THAT(output, AllOf(HasSubstr("\"id\":\"" + id + "\""), HasSubstr("\"account\":\"ann\""),
                            Not(HasSubstr(path))));
  EXPECT_EQ(command({"share", "list", "bob"}, {}, &output), 0);
  EXPECT_THAT(output, HasSubstr("0 links."));
  EXPECT_NE(command({"share", "add", "ann", "/nowhere"}), 0);
  EXPECT_NE(command({"share", "add", "ann", "/"}), 0);
  EXPECT_EQ(command({"share", "remove", id}), 0);
  EXPECT_NE(command({"share", "remove", id}), 0);
  EXPECT_EQ(status(path), 404);
  EXPECT_EQ(server_->stop(), 0);
  std::string text;
  {
    Command cat;
    cat.arguments = {"/bin/cat", log_, data_ + "/meta.db"};
    text = run(cat).output;
  }
  EXPECT_THAT(text, HasSubstr("\"user\":\"link:" + id + "\""));
  EXPECT_EQ(text.find(path.substr(19, 43)), std::string::npos) << "a secret is in a file";
}

}  // namespace
}  // namespace holdfast::test
