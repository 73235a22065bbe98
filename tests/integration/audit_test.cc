// The audit log of the real program: what is in it after requests and commands, and what
// `holdfast log` prints of it.
#include <csignal>
#include <fstream>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <string>
#include <thread>
#include <unistd.h>
#include <vector>

#include "server/json/object.h"
#include "tests/support/basic.h"
#include "tests/support/http_client.h"
#include "tests/support/process.h"
#include "tests/support/server_process.h"
#include "tests/support/temporary_folder.h"

namespace holdfast::test {
namespace {

using server::json::Object;
using server::json::text_of;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

class Audit : public testing::Test {
 protected:
  Outcome holdfast(std::vector<std::string> arguments, const std::string& input = {}) {
    arguments.insert(arguments.begin(), holdfast_binary());
    arguments.insert(arguments.end(), {"--data", data_, "--audit-log", log_});
    Command command;
    command.arguments = std::move(arguments);
    command.input = input;
    return run(command);
  }
  std::string done(std::vector<std::string> arguments, const std::string& input = {}) {
    const Outcome outcome = holdfast(std::move(arguments), input);
    EXPECT_EQ(outcome.exit_code, 0) << outcome.output;
    return outcome.output;
  }
  [[nodiscard]] std::string text() const {
    std::ifstream in(log_, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  [[nodiscard]] std::vector<Object> objects() const {
    std::ifstream in(log_);
    std::vector<Object> out;
    for (std::string line; std::getline(in, line);) {
      auto object = server::json::parse_object(line);
      EXPECT_TRUE(object) << line;
      if (object) out.push_back(*std::move(object));
    }
    return out;
  }
  // "METHOD PATH DESTINATION SUBJECT" of each line, without those of start and stop.
  [[nodiscard]] std::vector<std::string> changes() const {
    std::vector<std::string> out;
    for (const Object& line : objects()) {
      if (text_of(line, "over") == "server" && text_of(line, "method") != "setting") continue;
      std::string change(text_of(line, "method"));
      for (const char* name : {"path", "destination", "subject"})
        if (!text_of(line, name).empty()) change.append(" ").append(text_of(line, name));
      out.push_back(std::move(change));
    }
    return out;
  }

  TemporaryFolder folder_;
  std::string data_ = folder_ / "data";
  std::string log_ = folder_ / "audit.log";
  ServerProcess server_{data_, {"--audit-log", log_, "--prefix", "/dav", "--anonymous", "read"}};
};

TEST_F(Audit, EveryChangeIsALineAndNothingElseIs) {
  server_.start();
  done({"user", "add", "ann", "--home", "/"}, "secret of ann\n");
  const std::string token = done({"user", "token", "add", "ann", "--label", "phone"});
  const std::string secret = token.substr(token.find("holdfast_"), 61);
  const std::string id = secret.substr(9, 8);
  HttpClient client(server_.port());
  const auto ask = [&](const char* method, const std::string& path, Fields fields = {},
                       const std::string& body = {}) {
    fields.emplace_back("Authorization", basic("ann", "secret of ann"));
    return client.request(method, path, fields, body);
  };
  EXPECT_EQ(ask("MKCOL", "/dav/a%20b").status, 201);
  EXPECT_EQ(ask("PUT", "/dav/a%20b/f", {}, "12345").status, 201);
  EXPECT_EQ(client.request("PUT", "/dav/g", {{"Authorization", "Bearer " + secret}}, "1").status,
            201);
  const std::string host = "http://user:pass@127.0.0.1:" + std::to_string(server_.port());
  EXPECT_EQ(ask("COPY", "/dav/g", {{"Destination", host + "/dav/h"}}).status, 201);
  EXPECT_EQ(ask("MOVE", "/dav/h", {{"Destination", "/dav/a%20b/h"}}).status, 201);
  const auto patch = [](const char* name) {
    return std::string("<D:propertyupdate xmlns:D=\"DAV:\"><D:set><D:prop><") + name + ">x</" +
           name + "></D:prop></D:set></D:propertyupdate>";
  };
  EXPECT_EQ(ask("PROPPATCH", "/dav/g", {}, patch("color")).status, 207);
  const Reply lock = ask("LOCK", "/dav/g", {},
                         "<D:lockinfo xmlns:D=\"DAV:\"><D:lockscope><D:exclusive/></D:lockscope>"
                         "<D:locktype><D:write/></D:locktype></D:lockinfo>");
  EXPECT_EQ(lock.status, 200);
  const std::string lock_token(lock.field("Lock-Token"));
  EXPECT_EQ(ask("LOCK", "/dav/g", {{"If", "(" + lock_token + ")"}}).status, 200);
  EXPECT_EQ(ask("UNLOCK", "/dav/g", {{"Lock-Token", lock_token}}).status, 204);
  EXPECT_EQ(ask("DELETE", "/dav/g").status, 204);
  // None of these changes anything.
  EXPECT_EQ(ask("GET", "/dav/a%20b/f").status, 200);
  EXPECT_EQ(ask("PROPFIND", "/dav/", {{"Depth", "1"}}).status, 207);
  EXPECT_EQ(ask("PROPPATCH", "/dav/a%20b/f", {}, patch("D:getetag")).status, 207);
  EXPECT_EQ(ask("PUT", "/dav/a%20b/f", {{"If-None-Match", "*"}}, "x").status, 412);
  EXPECT_EQ(ask("DELETE", "/dav/none").status, 404);
  EXPECT_EQ(client.request("PUT", "/dav/x", {}, "x").status, 401);
  done({"user", "list"});
  done({"lock", "list"});
  EXPECT_EQ(holdfast({"user", "remove", "eve"}).exit_code, 2);

  EXPECT_THAT(changes(),
              ElementsAre("user add ann", "user token add ann", "MKCOL /a%20b", "PUT /a%20b/f",
                          "PUT /g", "COPY /g /h", "MOVE /h /a%20b/h", "PROPPATCH /g", "LOCK /g",
                          "LOCK /g", "UNLOCK /g", "DELETE /g"));
  const std::vector<Object> lines = objects();
  const Object& start = lines.front();
  EXPECT_EQ(text_of(start, "method"), "start");
  const Object& command = lines[1];
  EXPECT_EQ(text_of(command, "over"), "command");
  EXPECT_EQ(text_of(command, "from"), "uid " + std::to_string(::geteuid()));
  EXPECT_EQ(text_of(command, "detail"), "home=/");
  const Object& put = lines[4];
  EXPECT_EQ(text_of(put, "over"), "dav");
  EXPECT_EQ(text_of(put, "from"), "127.0.0.1");
  EXPECT_EQ(text_of(put, "account"), "ann");
  EXPECT_EQ(text_of(put, "token"), "");
  EXPECT_EQ(std::get<std::uint64_t>(put.at("status")), 201U);
  EXPECT_EQ(std::get<std::uint64_t>(put.at("bytes")), 5U);
  EXPECT_EQ(text_of(lines[5], "token"), id);
  for (const char* never : {"secret of ann", "pass@", "argon2"})
    EXPECT_THAT(text(), Not(HasSubstr(never)));
  EXPECT_THAT(text(), Not(HasSubstr(secret.substr(18, 20))));
  EXPECT_EQ(server_.stop(), 0);
  EXPECT_EQ(text_of(objects().back(), "method"), "stop");
}

TEST_F(Audit, CommandsWithoutAServerWriteItThemselves) {
  done({"user", "add", "ann"}, "a long secret\n");
  done({"user", "grant", "ann", "/x y", "read"});
  done({"user", "passwd", "ann"}, "another secret\n");
  done({"group", "add", "team"});
  done({"group", "join", "team", "ann"});
  done({"group", "grant", "team", "/t", "write"});
  done({"user", "suspend", "ann"});
  done({"user", "rename", "ann", "zoe"});
  done({"user", "show", "zoe"});
  done({"check", "--repair"});
  EXPECT_EQ(holdfast({"lock", "break", "/x"}).exit_code, 1);
  EXPECT_THAT(changes(), ElementsAre("user add ann", "user grant /x%20y ann", "user passwd ann",
                                     "group add team", "group join ann", "group grant /t team",
                                     "user suspend ann", "user rename ann", "check --repair"));
  // A log that cannot be opened refuses the command, and nothing is changed.
  Command command;
  command.arguments = {holdfast_binary(), "user",   "remove", "zoe",
                       "--yes",           "--data", data_,    "--audit-log",
                       folder_ / "no/log"};
  EXPECT_EQ(run(command).exit_code, 2);
  EXPECT_THAT(done({"user", "list"}), HasSubstr("zoe"));
}

TEST_F(Audit, ChangedSettingsAreLines) {
  const std::string config = folder_ / "holdfast.conf";
  std::ofstream(config) << "audit-log = " << log_ << "\nlock-timeout-max = 60\n";
  ServerProcess server(data_, {"--config", config});
  server.start();
  std::ofstream(config) << "audit-log = " << log_ << "\nlock-timeout-max = 90\n";
  ::kill(server.pid(), SIGHUP);
  for (int i = 0; i < 500 && changes().empty(); ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  EXPECT_THAT(changes(), ElementsAre("setting lock-timeout-max"));
  EXPECT_THAT(text(), AllOf(HasSubstr("60"), HasSubstr("90")));
}

TEST_F(Audit, LogPrintsWhatIsAskedForAlsoFromOlderFiles) {
  std::ofstream(log_ + ".1")
      << R"({"time":"2001-01-01T00:00:00.000Z","over":"dav","from":"192.0.2.1","account":"ann",)"
      << R"("token":"abcd1234","method":"MOVE","path":"/a/x","destination":"/b/x","status":201})"
      << "\n";
  std::ofstream(log_)
      << R"({"time":"2001-01-02T00:00:00.000Z","over":"command","from":"uid 0",)"
      << R"("method":"user grant","path":"/b","subject":"bob","detail":"right=read"})"
      << "\n"
      << "half a li\n"
      << R"({"time":"2999-01-01T00:00:00.000Z","over":"dav","from":"192.0.2.2","account":"bob",)"
      << R"("method":"PUT","path":"/ab/\u001b[2J","status":201,"bytes":3})"
      << "\n";
  const std::string all = done({"log"});
  EXPECT_THAT(all, HasSubstr("2001-01-01T00:00:00.000Z  ann (abcd1234)    192.0.2.1        "
                             "MOVE          201     /a/x -> /b/x\n"));
  EXPECT_THAT(all, HasSubstr("user grant    -       bob /b right=read\n"));
  EXPECT_THAT(all, AllOf(HasSubstr("\\u001b[2J"), HasSubstr("1 line"), Not(HasSubstr("\x1b"))));
  EXPECT_LT(all.find("2001-01-01"), all.find("2001-01-02"));
  EXPECT_THAT(done({"log", "--since", "30d"}), AllOf(HasSubstr("PUT"), Not(HasSubstr("MOVE"))));
  EXPECT_THAT(done({"log", "--account", "bob"}),
              AllOf(HasSubstr("PUT"), HasSubstr("user grant"), Not(HasSubstr("MOVE"))));
  EXPECT_THAT(done({"log", "--path", "/b"}),
              AllOf(HasSubstr("MOVE"), HasSubstr("user grant"), Not(HasSubstr("PUT"))));
  EXPECT_THAT(done({"log", "--json", "--path", "/a"}), HasSubstr("\n{\"time\":\"2001-01-01"));
  EXPECT_THAT(done({"log", "--path", "/c"}), HasSubstr("cannot be read"));
  for (const std::vector<std::string>& bad :
       {std::vector<std::string>{"log", "--since", "yesterday"}, {"log", "--path", "x"}}) {
    const Outcome outcome = holdfast(bad);
    EXPECT_EQ(outcome.exit_code, 2) << outcome.output;
    EXPECT_THAT(outcome.output, testing::MatchesRegex("holdfast: [^\n]*[.]\n"));
  }
  Command none;
  none.arguments = {holdfast_binary(), "log", "--data", data_};
  EXPECT_EQ(run(none).exit_code, 2);
}

TEST_F(Audit, IsRotatedWhileTheServerRuns) {
  ServerProcess server(data_,
                       {"--audit-log", log_, "--audit-log-size", "4KiB", "--audit-log-files", "3"});
  server.start();
  HttpClient client(server.port());
  for (int i = 0; i < 200; ++i)
    ASSERT_EQ(client.request("PUT", "/f" + std::to_string(i), {}, "x").status, 201);
  EXPECT_TRUE(std::filesystem::exists(log_ + ".3"));
  EXPECT_FALSE(std::filesystem::exists(log_ + ".4"));
  EXPECT_LE(std::filesystem::file_size(log_ + ".1"), 4096U);
  EXPECT_THAT(done({"log", "--path", "/f199"}), HasSubstr("/f199"));
}

}  // namespace
}  // namespace holdfast::test
