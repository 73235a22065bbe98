// What people do with their own account over HTTP, against the real program.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <string>
#include <vector>

#include "server/json/object.h"
#include "tests/support/basic.h"
#include "tests/support/http_client.h"
#include "tests/support/lock_info.h"
#include "tests/support/process.h"
#include "tests/support/server_process.h"
#include "tests/support/temporary_folder.h"

namespace holdfast::test {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

class OwnAccount : public testing::Test {
 protected:
  OwnAccount() {
    EXPECT_EQ(command({"user", "add", "ann", "--quota-bytes", "1MiB"}, "first secret\n"), 0);
    EXPECT_EQ(command({"user", "add", "bob"}, "bobs secret\n"), 0);
    EXPECT_EQ(command({"group", "add", "team"}), 0);
    EXPECT_EQ(command({"group", "join", "team", "ann"}), 0);
    EXPECT_EQ(command({"group", "grant", "team", "/shared", "read"}), 0);
    server_.start();
  }
  int command(std::vector<std::string> arguments, const std::string& input = {}) {
    arguments.insert(arguments.begin(), holdfast_binary());
    arguments.insert(arguments.end(), {"--data", data_});
    Command command;
    command.arguments = std::move(arguments);
    command.input = input;
    return run(command).exit_code;
  }
  Reply ask(const std::string& authorization, const char* method, const std::string& query,
            const std::string& body = {}, Fields fields = {}) {
    HttpClient client(server_.port());
    if (!authorization.empty()) fields.emplace_back("Authorization", authorization);
    if (!body.empty()) fields.emplace_back("Content-Type", "application/json");
    return client.request(method, "/dav/" + query, fields, body);
  }
  int sign_in(const std::string& name, const std::string& password) {
    HttpClient client(server_.port());
    return client
        .request("PROPFIND", "/dav/", {{"Depth", "0"}, {"Authorization", basic(name, password)}})
        .status;
  }
  // A token of ann's: its id and its secret.
  std::pair<std::string, std::string> new_token(const std::string& body) {
    const Reply reply = ask(ann_, "POST", "?account=tokens", body);
    EXPECT_EQ(reply.status, 201) << reply.body;
    const auto object = server::json::parse_object(reply.body);
    if (!object) return {};
    return {std::string(server::json::text_of(*object, "id")),
            std::string(server::json::text_of(*object, "secret"))};
  }

  TemporaryFolder folder_;
  std::string data_ = folder_ / "data";
  ServerProcess server_{data_, {"--prefix", "/dav"}};
  const std::string ann_ = basic("ann", "first secret");
};

TEST_F(OwnAccount, ShowsItself) {
  const Reply reply = ask(ann_, "GET", "?account");
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.field("Content-Type"), "application/json");
  EXPECT_EQ(reply.field("Cache-Control"), "no-store");
  EXPECT_THAT(reply.body, HasSubstr("{\"name\":\"ann\",\"home\":\"/ann\",\"groups\":[\"team\"],"
                                    "\"rights\":[{\"path\":\"/ann\",\"right\":\"write\"},"
                                    "{\"path\":\"/shared\",\"right\":\"read\"}],\"used_bytes\":0,"
                                    "\"quota_bytes\":1048576,"));
  EXPECT_THAT(reply.body, AllOf(Not(HasSubstr("argon2")), Not(HasSubstr("bob"))));
  EXPECT_EQ(ask(ann_, "HEAD", "?account").status, 200);
  EXPECT_EQ(ask("", "GET", "?account").status, 401);
  EXPECT_EQ(ask(basic("ann", "wrong"), "GET", "?account").status, 401);
  EXPECT_EQ(ask(ann_, "PUT", "?account", "{}").status, 405);
  EXPECT_EQ(ask(ann_, "GET", "?account=password").status, 405);
  EXPECT_EQ(ask(ann_, "POST", "?account=nothing", "{}").status, 400);
  EXPECT_EQ(ask(ann_, "GET", "?accounts").status, 200) << "another query is none of ours";
  EXPECT_THAT(ask(ann_, "GET", "?accounts").body, Not(HasSubstr("rights")));
  EXPECT_EQ(ask(ann_, "GET", "ann/?account").status, 200) << "nor is it below the root";
  EXPECT_THAT(ask(ann_, "GET", "ann/?account").body, Not(HasSubstr("rights")));
}

TEST_F(OwnAccount, GetsBackWhatItRemoved) {
  const auto send = [&](const std::string& who, const char* method, const std::string& path,
                        const std::string& body = {}, Fields fields = {}) {
    HttpClient client(server_.port());
    fields.emplace_back("Authorization", who);
    return client.request(method, "/dav" + path, fields, body).status;
  };
  const std::string bob = basic("bob", "bobs secret");
  EXPECT_EQ(send(ann_, "MKCOL", "/ann/d"), 201);
  EXPECT_EQ(send(ann_, "PUT", "/ann/d/f", "text"), 201);
  EXPECT_EQ(ask(ann_, "GET", "?account=trash").body, "{\"trash\":[]}\n");
  EXPECT_EQ(send(ann_, "DELETE", "/ann/d/f"), 204);
  const std::string list = ask(ann_, "GET", "?account=trash").body;
  EXPECT_THAT(list, AllOf(HasSubstr("\"path\":\"/ann/d/f\""), HasSubstr("\"bytes\":4")));
  EXPECT_EQ(ask(ann_, "HEAD", "?account=trash").status, 200);
  EXPECT_EQ(ask(bob, "GET", "?account=trash").body, "{\"trash\":[]}\n") << "it is ann's";
  const std::string id =
      list.substr(list.find("\"id\":") + 5, list.find(',') - list.find("\"id\":") - 5);
  const auto restore = [&](const std::string& who, const std::string& more = {}) {
    return ask(who, "POST", "?account=trash", "{\"restore\":" + id + more + "}").status;
  };
  EXPECT_EQ(restore(bob), 404);
  EXPECT_EQ(ask(ann_, "PUT", "?account=trash", "{}").status, 405);
  for (const char* bad : {"{}", "{\"restore\":\"1\"}", "{\"restore\":-1}",
                          "{\"restore\":1,\"x\":1}", "{\"restore\":99999999999999999999}"})
    EXPECT_EQ(ask(ann_, "POST", "?account=trash", bad).status, 400) << bad;
  EXPECT_EQ(ask(ann_, "POST", "?account=trash", "{\"restore\":999999}").status, 404);
  EXPECT_EQ(restore(ann_, ",\"path\":\"/bob/f\""), 403);
  EXPECT_EQ(restore(ann_, ",\"path\":\"/ann/none/f\""), 409);
  EXPECT_EQ(restore(ann_, ",\"path\":\"/ann/d\""), 409);
  // A device token restores nothing.
  const std::string token = basic("ann", new_token("{\"label\":\"phone\"}").second);
  EXPECT_EQ(restore(token), 403);
  // Nor does anybody into what another has locked.
  HttpClient client(server_.port());
  const Reply lock =
      client.request("LOCK", "/dav/ann/d", {{"Authorization", ann_}},
                     "<D:lockinfo xmlns:D=\"DAV:\"><D:lockscope><D:exclusive/></D:lockscope>"
                     "<D:locktype><D:write/></D:locktype></D:lockinfo>");
  EXPECT_EQ(lock.status, 200);
  EXPECT_EQ(restore(ann_), 423);
  EXPECT_EQ(
      send(ann_, "UNLOCK", "/ann/d", "", {{"Lock-Token", std::string(lock.field("Lock-Token"))}}),
      204);
  EXPECT_EQ(restore(ann_), 200);
  EXPECT_EQ(send(ann_, "GET", "/ann/d/f"), 200);
  EXPECT_EQ(restore(ann_), 404);
}

TEST_F(OwnAccount, RestoresVersionsAndUndoes) {
  EXPECT_EQ(command({"user", "grant", "bob", "/ann", "write"}), 0);
  EXPECT_EQ(command({"user", "grant", "ann", "/ann/secret", "none"}), 0);
  const std::string bob = basic("bob", "bobs secret");
  const auto send = [&](const std::string& who, const char* method, const std::string& path,
                        const std::string& body = {}, Fields fields = {}) {
    HttpClient client(server_.port());
    fields.emplace_back("Authorization", who);
    return client.request(method, "/dav" + path, fields, body);
  };
  const auto post = [&](const std::string& who, const char* what, const std::string& body) {
    return ask(who, "POST", std::string("?account=") + what, body);
  };
  // Versions.
  EXPECT_EQ(send(ann_, "PUT", "/ann/f", "ann's").status, 201);
  EXPECT_EQ(send(bob, "PUT", "/ann/f", "bob's").status, 204);
  const std::string list = send(ann_, "GET", "/ann/f?history").body;
  const std::size_t at = list.find("\"id\":") + 5;
  const std::string id = list.substr(at, list.find(',', at) - at);
  const std::string restore = "{\"restore\":" + id + ",\"path\":\"/ann/f\"}";
  for (const char* bad : {"{}", "{\"restore\":\"1\"}", "{\"restore\":1,\"x\":1}"})
    EXPECT_EQ(post(ann_, "versions", bad).status, 400) << bad;
  EXPECT_EQ(ask(ann_, "GET", "?account=versions").status, 405);
  EXPECT_EQ(post(ann_, "versions", "{\"restore\":1,\"path\":\"/ann/f\"}").status, 404);
  EXPECT_EQ(post(ann_, "versions", "{\"restore\":1,\"path\":\"/ann/none\"}").status, 404);
  EXPECT_EQ(post(ann_, "versions", "{\"restore\":1,\"path\":\"/shared/f\"}").status, 403);
  const Reply lock = send(bob, "LOCK", "/ann/f", lock_info());
  EXPECT_EQ(lock.status, 200);
  EXPECT_EQ(post(ann_, "versions", restore).status, 423);
  // Undo.
  const std::string before = std::string(server::json::text_of(
      *server::json::parse_object(ask(ann_, "GET", "?account=history").body), "now"));
  const std::string undo = "{\"undo\":\"/ann\",\"at\":\"" + before + "\"}";
  EXPECT_EQ(post(ann_, "history", undo).status, 423);
  EXPECT_EQ(
      send(bob, "UNLOCK", "/ann/f", "", {{"Lock-Token", std::string(lock.field("Lock-Token"))}})
          .status,
      204);
  EXPECT_EQ(send(ann_, "GET", "/ann/f").body, "bob's");
  EXPECT_EQ(post(ann_, "versions", restore).status, 200);
  EXPECT_EQ(send(ann_, "GET", "/ann/f").body, "ann's");
  EXPECT_EQ(send(ann_, "MKCOL", "/ann/d").status, 201);
  EXPECT_EQ(send(bob, "DELETE", "/ann/f").status, 204);
  for (const char* bad :
       {"{}", "{\"at\":\"1-1\"}", "{\"undo\":\"/ann\"}", "{\"undo\":\"/ann\",\"at\":\"soon\"}",
        "{\"undo\":\"ann\",\"at\":\"1-1\"}", "{\"undo\":\"/ann\",\"at\":\"1-1\",\"x\":1}"})
    EXPECT_EQ(post(ann_, "history", bad).status, 400) << bad;
  for (const char* early : {"999999999-1", "2999-01-01T00:00:00Z", "1999-01-01T00:00:00Z"})
    EXPECT_EQ(
        post(ann_, "history", std::string("{\"undo\":\"/ann\",\"at\":\"") + early + "\"}").status,
        409)
        << early;
  EXPECT_EQ(post(ann_, "history", "{\"undo\":\"/bob\",\"at\":\"" + before + "\"}").status, 403);
  EXPECT_EQ(post(ann_, "history", "{\"undo\":\"/ann/n\",\"at\":\"" + before + "\"}").status, 404);
  const std::string token = basic("ann", new_token("{\"label\":\"phone\"}").second);
  EXPECT_EQ(post(token, "history", undo).status, 403);
  EXPECT_EQ(post(token, "versions", restore).status, 403);
  const Reply done = post(ann_, "history", undo);
  EXPECT_EQ(done.status, 200);
  EXPECT_THAT(done.body, AllOf(HasSubstr("\"restored\":1"), HasSubstr("\"removed\":1")));
  EXPECT_EQ(send(ann_, "GET", "/ann/f").status, 200);
  EXPECT_EQ(send(ann_, "GET", "/ann/d").status, 404);
  // What somebody else moved to where the caller may not read does not come back as a copy.
  const std::string then = std::string(server::json::text_of(
      *server::json::parse_object(ask(ann_, "GET", "?account=history").body), "now"));
  EXPECT_EQ(send(bob, "MOVE", "/ann/f", "", {{"Destination", "/dav/bob/f"}}).status, 201);
  const Reply left = post(ann_, "history", "{\"undo\":\"/ann\",\"at\":\"" + then + "\"}");
  EXPECT_EQ(left.status, 200);
  EXPECT_THAT(left.body, HasSubstr("\"copied\":0"));
  EXPECT_EQ(send(ann_, "GET", "/ann/f").status, 404);
  // A part of the tree that the caller may not write keeps the whole from being undone.
  EXPECT_EQ(send(bob, "MKCOL", "/ann/secret").status, 201);
  EXPECT_EQ(post(ann_, "history", undo).status, 403);
}

TEST_F(OwnAccount, ANewPasswordNeedsTheOldOne) {
  const auto change = [&](const std::string& body) {
    return ask(ann_, "POST", "?account=password", body).status;
  };
  EXPECT_EQ(change("{\"old\":\"wrong\",\"new\":\"second secret\"}"), 403);
  EXPECT_EQ(change("{\"old\":\"bobs secret\",\"new\":\"second secret\"}"), 403);
  for (const char* bad :
       {"{\"old\":\"first secret\"}", "{\"new\":\"x\"}", "{", "[]",
        "{\"old\":\"first secret\",\"new\":\"\"}", "{\"old\":\"first secret\",\"new\":7}",
        "{\"old\":\"first secret\",\"new\":\"a long one\\u0007\"}",
        "{\"old\":\"first secret\",\"new\":\"7 chars\"}",
        "{\"old\":\"first secret\",\"new\":\"second secret\",\"name\":\"bob\"}"})
    EXPECT_EQ(change(bad), 400) << bad;
  EXPECT_EQ(change("{\"old\":\"first secret\",\"new\":\"" + std::string(20'000, 'x') + "\"}"), 413);
  EXPECT_EQ(sign_in("ann", "first secret"), 207);
  EXPECT_EQ(change("{\"old\":\"first secret\",\"new\":\"second secret\"}"), 204);
  EXPECT_EQ(sign_in("ann", "first secret"), 401);
  EXPECT_EQ(sign_in("ann", "second secret"), 207);
  EXPECT_EQ(sign_in("bob", "bobs secret"), 207);
  ASSERT_EQ(server_.stop(), 0);
  server_.start();
  EXPECT_EQ(sign_in("ann", "second secret"), 207);
}

TEST_F(OwnAccount, WrongOldPasswordsAreHeldUp) {
  int held_up = 0;
  for (int i = 0; i < 12 && held_up == 0; ++i) {
    const Reply reply =
        ask(ann_, "POST", "?account=password",
            "{\"old\":\"guess " + std::to_string(i) + "\",\"new\":\"second secret\"}");
    if (reply.status == 429) ++held_up;
    EXPECT_THAT(reply.status, testing::AnyOf(403, 429));
    if (reply.status == 429) {
      EXPECT_FALSE(reply.field("Retry-After").empty());
    }
  }
  EXPECT_EQ(held_up, 1);
}

TEST_F(OwnAccount, TokensAreMadeNarrowedAndRemoved) {
  const auto [id, secret] = new_token("{\"label\":\"phone\"}");
  const auto [narrow_id, narrow] = new_token(
      "{\"label\":\"tv\",\"read_only\":true,\"path\":\"/ann/a%20b\",\"expires_in\":3600}");
  EXPECT_EQ(sign_in("ann", secret), 207);
  EXPECT_EQ(ask("Bearer " + narrow, "PUT", "ann/f", "{}").status, 403);
  const Reply shown = ask(ann_, "GET", "?account");
  EXPECT_THAT(shown.body, AllOf(HasSubstr("\"id\":\"" + id + "\",\"label\":\"phone\""),
                                HasSubstr("\"read_only\":true,\"path\":\"/ann/a%20b\""),
                                Not(HasSubstr(secret)), Not(HasSubstr(narrow))));
  for (const char* bad :
       {"{}", "{\"label\":\"\"}", "{\"label\":\"x\",\"path\":\"x\"}", "{\"label\":\"a\\n\"}",
        "{\"label\":\"x\",\"path\":\"/../x\"}", "{\"label\":\"x\",\"expires_in\":0}",
        "{\"label\":\"x\",\"expires_in\":\"90d\"}", "{\"label\":\"x\",\"read_only\":\"no\"}",
        "{\"label\":\"x\",\"readonly\":true}", "{\"remove\":\"x\",\"label\":\"y\"}"})
    EXPECT_EQ(ask(ann_, "POST", "?account=tokens", bad).status, 400) << bad;

  // A token makes no other, removes none and changes no password.
  for (const std::string& with : {"Bearer " + secret, basic("ann", secret)}) {
    EXPECT_EQ(ask(with, "POST", "?account=tokens", "{\"label\":\"x\"}").status, 403);
    EXPECT_EQ(ask(with, "POST", "?account=tokens", "{\"remove\":\"" + id + "\"}").status, 403);
    EXPECT_EQ(
        ask(with, "POST", "?account=password", "{\"old\":\"first secret\",\"new\":\"x\"}").status,
        403);
    EXPECT_THAT(ask(with, "GET", "?account").body,
                AllOf(HasSubstr("\"token\":\"" + id + "\""), Not(HasSubstr(narrow_id))));
  }
  const std::string remove = "{\"remove\":\"" + id + "\"}";
  EXPECT_EQ(ask(basic("bob", "bobs secret"), "POST", "?account=tokens", remove).status, 404);
  EXPECT_EQ(sign_in("ann", secret), 207);
  EXPECT_EQ(ask(ann_, "POST", "?account=tokens", remove).status, 204);
  EXPECT_EQ(ask(ann_, "POST", "?account=tokens", remove).status, 404);
  EXPECT_EQ(sign_in("ann", secret), 401);
}

TEST_F(OwnAccount, PagesOfOtherOriginsCanDoNothing) {
  HttpClient client(server_.port());
  const auto post = [&](const char* type, Fields fields) {
    fields.emplace_back("Authorization", ann_);
    if (type != nullptr) fields.emplace_back("Content-Type", type);
    return client.request("POST", "/dav/?account=tokens", fields, "{\"label\":\"x\"}").status;
  };
  for (const char* form : {"text/plain", "application/x-www-form-urlencoded",
                           "multipart/form-data; boundary=x", "application/jsonx"})
    EXPECT_EQ(post(form, {}), 415) << form;
  EXPECT_EQ(post(nullptr, {}), 415);
  EXPECT_EQ(post("application/json; charset=utf-8", {}), 201);
  EXPECT_EQ(
      post("application/json", {{"Origin", "http://127.0.0.1:" + std::to_string(server_.port())}}),
      201);
}

TEST_F(OwnAccount, AtMostAHundredTokens) {
  for (int i = 0; i < 100; ++i)
    ASSERT_EQ(ask(ann_, "POST", "?account=tokens", "{\"label\":\"x\"}").status, 201) << i;
  EXPECT_EQ(ask(ann_, "POST", "?account=tokens", "{\"label\":\"x\"}").status, 403);
}

}  // namespace
}  // namespace holdfast::test
