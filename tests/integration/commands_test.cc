// The program as its users run it: commands, exit codes, signals, the control socket, the admin
// listener. Every test starts the real binary.
#include <csignal>
#include <fstream>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/http_client.h"
#include "tests/support/process.h"
#include "tests/support/server_process.h"
#include "tests/support/temporary_folder.h"

namespace holdfast::test {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

Outcome holdfast(std::vector<std::string> arguments,
                 std::vector<std::pair<std::string, std::string>> environment = {}) {
  arguments.insert(arguments.begin(), holdfast_binary());
  Command command;
  command.arguments = std::move(arguments);
  command.environment = std::move(environment);
  command.timeout = std::chrono::seconds(60);
  Outcome outcome = run(command);
  EXPECT_FALSE(outcome.timed_out) << outcome.output;
  return outcome;
}

// "holdfast: " and one sentence on one line.
void expect_usage_error(const Outcome& outcome) {
  EXPECT_EQ(outcome.exit_code, 2) << outcome.output;
  EXPECT_THAT(outcome.output, StartsWith("holdfast: "));
  EXPECT_EQ(std::count(outcome.output.begin(), outcome.output.end(), '\n'), 1) << outcome.output;
  EXPECT_TRUE(outcome.output.ends_with(".\n")) << outcome.output;
}

std::string read_file(const std::filesystem::path& path) {
  std::ostringstream out;
  out << std::ifstream(path, std::ios::binary).rdbuf();
  return out.str();
}

constexpr std::string_view kLockBody =
    "<?xml version=\"1.0\"?><D:lockinfo xmlns:D=\"DAV:\"><D:lockscope><D:exclusive/></D:lockscope>"
    "<D:locktype><D:write/></D:locktype><D:owner>Ann</D:owner></D:lockinfo>";

// Locks `target` and returns the token.
std::string lock(HttpClient& client, std::string_view target) {
  const Reply reply = client.request("LOCK", target, {{"Depth", "0"}}, kLockBody);
  EXPECT_TRUE(reply.success()) << reply.status;
  const std::string_view token = reply.field("Lock-Token");
  return token.size() > 2 ? std::string(token.substr(1, token.size() - 2)) : std::string();
}

// The port in the first "http://127.0.0.1:PORT/metrics" of the banner.
std::uint16_t admin_port(const ServerProcess& server) {
  const std::string banner = server.banner();
  const std::size_t end = banner.find("/metrics");
  if (end == std::string::npos) throw std::runtime_error("no admin URL in " + banner);
  return static_cast<std::uint16_t>(std::stoi(banner.substr(banner.rfind(':', end) + 1)));
}

// Waits until `count` connections are open and one of them has a worker.
void wait_until_one_is_worked_on(const ServerProcess& server, int count) {
  HttpClient admin(admin_port(server));
  const std::string open = "holdfast_connections_open " + std::to_string(count) + "\n";
  const std::string parked = "holdfast_connections_parked " + std::to_string(count - 1) + "\n";
  for (int i = 0; i < 1000; ++i) {
    const std::string text = admin.request("GET", "/metrics").body;
    if (text.find(open) != std::string::npos && text.find(parked) != std::string::npos) return;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  FAIL() << "not reached: " << open << parked;
}

class Program : public testing::Test {
 protected:
  TemporaryFolder folder_;
  std::filesystem::path data_ = folder_ / "data";
};

TEST_F(Program, PrintsItsVersionAndHelp) {
  EXPECT_THAT(holdfast({"version"}).output, testing::MatchesRegex("holdfast [0-9.]+\n"));
  EXPECT_EQ(holdfast({"version"}).exit_code, 0);
  for (const auto& arguments : std::vector<std::vector<std::string>>{{"--help"},
                                                                     {"serve", "--help"},
                                                                     {"lock", "--help"},
                                                                     {"lock", "break", "--help"},
                                                                     {"backup", "--help"},
                                                                     {"restore", "--help"},
                                                                     {"check", "--help"}}) {
    const Outcome outcome = holdfast(arguments);
    EXPECT_EQ(outcome.exit_code, 0);
    EXPECT_THAT(outcome.output, HasSubstr("holdfast"));
  }
}

TEST_F(Program, EndsWithTwoAndOneSentenceWhenAskedForTheImpossible) {
  const std::string data = data_;
  const std::string bad_file = folder_ / "bad.conf";
  std::ofstream(bad_file) << "lissten = 127.0.0.1:0\n";
  for (const auto& arguments : std::vector<std::vector<std::string>>{
           {},
           {"sing"},
           {"serve", "--bogus"},
           {"serve", "--durability", "half", "--data", data},
           {"serve", "--listen", "0.0.0.0:0", "--data", data},
           {"serve", "--config", bad_file, "--data", data},
           {"serve", "--config", bad_file + "x", "--data", data},
           {"serve", "--listen", "127.0.0.1:0", "--data", bad_file},
           {"serve", "--access-log", bad_file + "/log", "--data", data},
           {"lock", "list", "--data", data},
           {"lock", "break", "/a", "--data", data},
           {"check", "--data", data},
           {"check", "--repair", "--data", data},
       }) {
    SCOPED_TRACE(testing::PrintToString(arguments));
    expect_usage_error(holdfast(arguments));
  }
  expect_usage_error(holdfast({"serve", "--data", data}, {{"HOLDFAST_QUEUE", "many"}}));
  EXPECT_FALSE(std::filesystem::exists(data_)) << "nothing of this may make a data folder";
}

TEST_F(Program, RefusesAFolderOfAnotherProgramAndLeavesItAlone) {
  std::filesystem::create_directory(data_);
  std::ofstream(data_ / "meta.db") << "These are somebody's notes, not a database of ours.\n";
  const std::string before = read_file(data_ / "meta.db");
  expect_usage_error(holdfast({"serve", "--listen", "127.0.0.1:0", "--data", data_}));
  EXPECT_EQ(read_file(data_ / "meta.db"), before);
}

TEST_F(Program, RefusesADatabaseOfANewerVersionAndLeavesItAlone) {
  ServerProcess server(data_);
  server.start();
  ASSERT_EQ(server.stop(), 0);
  {
    // SQLite keeps user_version at byte 60 of the file.
    std::fstream file(data_ / "meta.db", std::ios::binary | std::ios::in | std::ios::out);
    file.seekp(60);
    file.write("\x00\x00\x7f\xff", 4);
  }
  const std::string before = read_file(data_ / "meta.db");
  expect_usage_error(holdfast({"serve", "--listen", "127.0.0.1:0", "--data", data_}));
  expect_usage_error(holdfast({"check", "--data", data_}));
  EXPECT_EQ(read_file(data_ / "meta.db"), before);
}

TEST_F(Program, TheBannerSaysWhatIsServedAndHowToMountIt) {
  ServerProcess server(data_, {"--durability", "relaxed", "--prefix", "/dav", "--public-url",
                               "https://files.example", "--anonymous", "write"});
  server.start();
  const std::string banner = server.banner();
  for (const std::string& text :
       {server.url() + "dav/", data_.string(), std::string("relaxed"), std::string("write"),
        std::string("mount -t davfs https://files.example/dav/"),
        std::string("gio mount davs://files.example/dav/"),
        std::string("mount_webdav https://files.example/dav/"),
        std::string("net use H: https://files.example/dav/")})
    EXPECT_THAT(banner, HasSubstr(text));
  EXPECT_EQ(server.stop(), 0);
}

TEST_F(Program, ASecondServerOnTheSameDataIsRefused) {
  ServerProcess server(data_);
  server.start();
  expect_usage_error(holdfast({"serve", "--listen", "127.0.0.1:0", "--data", data_}));
  HttpClient client(server.port());
  EXPECT_EQ(client.request("PUT", "/a", {}, "x").status, 201);
  EXPECT_EQ(holdfast({"lock", "list", "--data", data_}).exit_code, 0);
  EXPECT_EQ(server.stop(), 0);
}

TEST_F(Program, EndsWithOneWhenTheAddressIsTaken) {
  ServerProcess server(data_);
  server.start();
  const Outcome outcome =
      holdfast({"serve", "--listen", "127.0.0.1:" + std::to_string(server.port()), "--data",
                folder_ / "other"});
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_THAT(outcome.output, StartsWith("holdfast: "));
}

TEST_F(Program, ListsAndBreaksLocksWithAndWithoutAServer) {
  ServerProcess server(data_);
  server.start();
  HttpClient client(server.port());
  ASSERT_EQ(client.request("PUT", "/a%20b", {}, "x").status, 201);
  EXPECT_EQ(holdfast({"lock", "list", "--data", data_}).output, "0 locks.\n");

  const std::string first = lock(client, "/a%20b");
  const std::string second = lock(client, "/c");
  Outcome listed = holdfast({"lock", "list", "--data", data_});
  EXPECT_EQ(listed.exit_code, 0);
  for (const std::string& text : {first, second, std::string("/a%20b"), std::string("exclusive"),
                                  std::string("Ann"), std::string("2 locks.\n")})
    EXPECT_THAT(listed.output, HasSubstr(text));

  EXPECT_EQ(client.request("PUT", "/a%20b", {}, "y").status, 423);
  EXPECT_EQ(holdfast({"lock", "break", first, "--data", data_}).exit_code, 0);
  EXPECT_EQ(client.request("PUT", "/a%20b", {}, "y").status, 204);
  const Outcome again = holdfast({"lock", "break", first, "--data", data_});
  EXPECT_EQ(again.exit_code, 1);
  EXPECT_THAT(again.output, HasSubstr("No lock"));

  server.kill();  // leaves its control socket behind
  EXPECT_THAT(holdfast({"lock", "list", "--data", data_}).output, HasSubstr(second));
  EXPECT_EQ(holdfast({"lock", "break", "/c", "--data", data_}).exit_code, 0);
  EXPECT_EQ(holdfast({"lock", "list", "--data", data_}).output, "0 locks.\n");
}

TEST_F(Program, TheTokenOfABrokenLockIsNoLongerEnough) {
  ServerProcess server(data_);
  server.start();
  HttpClient client(server.port());
  const std::string token = lock(client, "/a");
  ASSERT_EQ(holdfast({"lock", "break", "/a", "--data", data_}).exit_code, 0);
  EXPECT_EQ(client.request("PUT", "/a", {{"If", "(<" + token + ">)"}}, "x").status, 412);
}

TEST_F(Program, SigtermLetsRequestsInFlightFinish) {
  ServerProcess server(data_, {"--admin-listen", "127.0.0.1:0"});
  server.start();
  HttpClient idle(server.port());
  ASSERT_EQ(idle.request("OPTIONS", "/").status, 200);
  HttpClient upload(server.port());
  upload.send("PUT /slow HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\n12345");
  wait_until_one_is_worked_on(server, 2);
  int exit_code = -1;
  std::thread stopper([&] { exit_code = server.stop(); });
  EXPECT_TRUE(idle.closed_by_server());
  upload.send("67890");
  EXPECT_EQ(upload.read_reply().status, 201);
  stopper.join();
  EXPECT_EQ(exit_code, 0);

  server.start();
  EXPECT_EQ(HttpClient(server.port()).request("GET", "/slow").body, "1234567890");
  EXPECT_EQ(server.stop(), 0);
}

TEST_F(Program, SigtermDoesNotWaitLongerThanItsGrace) {
  ServerProcess server(data_, {"--shutdown-grace", "1", "--admin-listen", "127.0.0.1:0"});
  server.start();
  HttpClient upload(server.port());
  upload.send("PUT /never HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\n12345");
  wait_until_one_is_worked_on(server, 1);
  const auto start = std::chrono::steady_clock::now();
  EXPECT_EQ(server.stop(), 0);
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(10));
  server.start();
  EXPECT_EQ(HttpClient(server.port()).request("GET", "/never").status, 404);
}

// docs/robustness.md O2
TEST_F(Program, GetsNoNewPrivileges) {
  ServerProcess server(data_);
  server.start();
  EXPECT_THAT(read_file("/proc/" + std::to_string(server.pid()) + "/status"),
              HasSubstr("\nNoNewPrivs:\t1\n"));
}

TEST_F(Program, SigintEndsItAsWell) {
  Command command;
  command.arguments = {holdfast_binary(), "serve", "--listen", "127.0.0.1:0", "--data", data_};
  const Child child = start(command);
  std::string output;
  char byte = 0;
  while (output.find("Mount it") == std::string::npos && ::read(child.output_fd, &byte, 1) == 1)
    output += byte;
  ::kill(child.pid, SIGINT);
  EXPECT_EQ(wait_for(child.pid), 0) << output;
  ::close(child.output_fd);
  ::close(child.input_fd);
}

TEST_F(Program, ClosedStandardStreamsDoNotEndInTheData) {
  Command command;
  command.arguments = {"sh", "-c",
                       "exec \"$0\" serve --listen 127.0.0.1:0 --data \"$1\" <&- >&- 2>&-",
                       holdfast_binary(), data_};
  const Child child = start(command);
  const auto ready = [this] { return holdfast({"lock", "list", "--data", data_}).exit_code == 0; };
  for (int i = 0; i < 200 && !std::filesystem::exists(data_ / "control.sock"); ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  EXPECT_TRUE(ready());
  ::kill(child.pid, SIGTERM);
  EXPECT_EQ(wait_for(child.pid), 0);
  ::close(child.output_fd);
  ::close(child.input_fd);
  for (const auto& entry : std::filesystem::recursive_directory_iterator(data_))
    if (entry.is_regular_file()) {
      EXPECT_THAT(read_file(entry), Not(HasSubstr("Mount it"))) << entry;
    }
  EXPECT_EQ(holdfast({"check", "--data", data_}).exit_code, 0);
}

TEST_F(Program, ChecksTheStoreWithAndWithoutAServer) {
  ServerProcess server(data_, {"--trash-keep", "0", "--versions", "off"});
  server.start();
  HttpClient client(server.port());
  const std::string large(100'000, 'x');
  ASSERT_EQ(client.request("PUT", "/large", {}, large).status, 201);
  ASSERT_EQ(client.request("PUT", "/small", {}, "x").status, 201);
  EXPECT_THAT(holdfast({"check", "--data", data_}).output,
              HasSubstr("3 resources, 2 contents, 1 content file of 100000 bytes: sound.\n"));
  EXPECT_EQ(holdfast({"check", "--hashes", "--data", data_}).exit_code, 0);
  const Outcome refused = holdfast({"check", "--repair", "--data", data_});
  EXPECT_EQ(refused.exit_code, 2);
  EXPECT_THAT(refused.output, HasSubstr("Stop the server first"));
  ASSERT_EQ(server.stop(), 0);
  EXPECT_EQ(holdfast({"check", "--data", data_}).exit_code, 0);

  // Damage: one byte of a content file, and a file that belongs to nothing.
  std::filesystem::path blob;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(data_ / "blobs"))
    if (entry.is_regular_file()) blob = entry;
  ASSERT_FALSE(blob.empty());
  {
    std::fstream file(blob, std::ios::binary | std::ios::in | std::ios::out);
    file.seekp(50'000);
    file.write("y", 1);
  }
  EXPECT_EQ(holdfast({"check", "--data", data_}).exit_code, 0) << "sizes are right";
  const Outcome hashes = holdfast({"check", "--hashes", "--data", data_});
  EXPECT_EQ(hashes.exit_code, 1);
  EXPECT_THAT(hashes.output, HasSubstr("SHA-256"));
  EXPECT_THAT(hashes.output, HasSubstr("1 problem.\n"));

  std::filesystem::remove(blob);
  const Outcome missing = holdfast({"check", "--data", data_});
  EXPECT_EQ(missing.exit_code, 1);
  EXPECT_THAT(missing.output, HasSubstr("is missing"));
  EXPECT_EQ(holdfast({"check", "--repair", "--data", data_}).exit_code, 1);
  server.start();
  EXPECT_EQ(holdfast({"check", "--data", data_}).exit_code, 1);
  HttpClient after(server.port());
  EXPECT_EQ(after.request("GET", "/large").status, 500);
  EXPECT_EQ(after.request("DELETE", "/large").status, 204);
  EXPECT_EQ(holdfast({"check", "--data", data_}).exit_code, 0);
}

TEST_F(Program, AnonymousClientsDoWhatTheOptionSays) {
  {
    ServerProcess server(data_);
    server.start();
    HttpClient client(server.port());
    EXPECT_EQ(client.request("PUT", "/a", {}, "x").status, 201);
    EXPECT_EQ(client.request("PUT", "/a", {{"Origin", "http://evil.example"}}, "y").status, 403);
    EXPECT_EQ(client.request("PUT", "/a", {{"Origin", "null"}}, "y").status, 403);
    client.send("GET /a HTTP/1.1\r\nHost: rebound.example\r\n\r\n");
    EXPECT_EQ(client.read_reply().status, 421);
    EXPECT_EQ(HttpClient(server.port()).request("GET", "/a").body, "x");
    EXPECT_EQ(server.stop(), 0);
  }
  {
    ServerProcess server(data_, {"--anonymous", "read"});
    server.start();
    HttpClient client(server.port());
    EXPECT_EQ(client.request("GET", "/a").body, "x");
    EXPECT_EQ(client.request("PUT", "/a", {}, "y").status, 403);
    EXPECT_EQ(server.stop(), 0);
  }
  ServerProcess server(data_, {"--anonymous", "off"});
  server.start();
  HttpClient client(server.port());
  EXPECT_EQ(client.request("GET", "/a").status, 403);
  EXPECT_EQ(client.request("DELETE", "/a").status, 403);
  EXPECT_EQ(client.request("OPTIONS", "/").status, 200);
}

TEST_F(Program, TheAdminListenerTellsHealthAndMetricsAndTheTreeDoesNot) {
  ServerProcess server(data_, {"--admin-listen", "127.0.0.1:0"});
  server.start();
  HttpClient client(server.port());
  EXPECT_EQ(client.request("GET", "/healthz").status, 404);
  EXPECT_EQ(client.request("PUT", "/metrics", {}, "mine").status, 201);
  EXPECT_EQ(client.request("PUT", "/healthz", {}, "mine").status, 201);
  lock(client, "/healthz");
  EXPECT_EQ(client.request("PUT", "/healthz", {}, "x").status, 423);

  HttpClient admin(admin_port(server));
  EXPECT_EQ(admin.request("GET", "/healthz").body, "ok\n");
  EXPECT_EQ(admin.request("PUT", "/metrics", {}, "x").status, 405);
  EXPECT_EQ(admin.request("GET", "/").status, 404);
  const Reply metrics = admin.request("GET", "/metrics");
  EXPECT_THAT(std::string(metrics.field("Content-Type")), StartsWith("text/plain; version=0.0.4"));
  for (const char* line :
       {"holdfast_requests_total{method=\"PUT\",status=\"201\"} 2\n",
        "holdfast_requests_total{method=\"GET\",status=\"404\"} 1\n",
        "holdfast_refused_requests_total{condition=\"lock-token-submitted\"} 1\n",
        "holdfast_refused_requests_total{condition=\"quota-not-exceeded\"} 0\n",
        "holdfast_connections_open 1\n", "holdfast_locks 1\n", "holdfast_resources 3\n",
        "holdfast_stored_bytes 8\n", "holdfast_received_bytes_total "})
    EXPECT_THAT(metrics.body, HasSubstr(line));
  EXPECT_EQ(server.stop(), 0);
}

TEST_F(Program, WritesOneLogLinePerRequestAndOpensTheLogAnewOnSighup) {
  const std::filesystem::path log = folder_ / "access.json";
  ServerProcess server(data_, {"--access-log", log});
  server.start();
  HttpClient client(server.port());
  EXPECT_EQ(
      client.request("PUT", "/%22quoted%22?token=secret", {{"Authorization", "Basic QQ=="}}, "xy")
          .status,
      201);
  for (int i = 0; i < 500 && read_file(log).empty(); ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  std::filesystem::rename(log, folder_ / "access.json.1");
  ::kill(server.pid(), SIGHUP);
  // The signal is taken up in its own time: whichever file the lines go to, none is lost.
  for (int i = 0; i < 500 && !std::filesystem::exists(log); ++i) {
    EXPECT_EQ(client.request("GET", "/missing").status, 404);
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  EXPECT_EQ(server.stop(), 0);

  const std::string old = read_file(folder_ / "access.json.1");
  EXPECT_THAT(old, testing::MatchesRegex(
                       "\\{\"time\":\"[^\"]*Z\",\"method\":\"PUT\",\"path\":\"/%22quoted%22\","
                       "\"status\":201,\"bytes\":0,\"received\":2,\"microseconds\":[0-9]+,"
                       "\"user\":\"\",\"client\":\"127.0.0.1\"\\}\n(.|\n)*"));
  EXPECT_THAT(old, Not(HasSubstr("secret")));
  EXPECT_THAT(old, Not(HasSubstr("QQ==")));
  EXPECT_THAT(read_file(log), HasSubstr("\"path\":\"/missing\",\"status\":404"));
}

TEST_F(Program, TakesItsSettingsFromTheConfigFileAndTheEnvironment) {
  const std::string file = folder_ / "holdfast.conf";
  std::ofstream(file) << "data = " << data_.string()
                      << "\nanonymous = read\nconflict_status = 409\naccess-log = off\n";
  ServerProcess server(data_, {"--config", file});
  server.start();
  EXPECT_THAT(server.banner(), HasSubstr("read: everybody"));
  HttpClient client(server.port());
  EXPECT_EQ(client.request("PUT", "/a", {}, "x").status, 403);
  EXPECT_EQ(holdfast({"lock", "list", "--config", file}).output, "0 locks.\n");
  EXPECT_EQ(holdfast({"lock", "list"}, {{"HOLDFAST_DATA", data_}}).output, "0 locks.\n");
  EXPECT_EQ(server.stop(), 0);
}

}  // namespace
}  // namespace holdfast::test
