// Settings as users meet them: what the program says of wrong ones, where each comes from, what
// SIGHUP changes, what its pages say. Every test starts the real binary.
#include <csignal>
#include <fstream>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <string>
#include <thread>
#include <unistd.h>
#include <utility>
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

class Settings : public testing::Test {
 protected:
  Outcome holdfast(std::vector<std::string> arguments,
                   std::vector<std::pair<std::string, std::string>> environment = {}) {
    arguments.insert(arguments.begin(), holdfast_binary());
    return run({.arguments = std::move(arguments),
                .environment = std::move(environment),
                .timeout = std::chrono::seconds(60)});
  }
  void write(const std::string& text) { std::ofstream(file_) << text; }

  TemporaryFolder folder_;
  std::string file_ = folder_ / "holdfast.conf";
  std::string data_ = folder_ / "data";
};

TEST_F(Settings, ShowSaysWhereEachComesFrom) {
  write("# a file\nlisten = 127.0.0.1:4711\nqueue = 7\n");
  const Outcome shown =
      holdfast({"config", "show", "--config", file_, "--data", data_}, {{"HOLDFAST_QUEUE", "8"}});
  EXPECT_EQ(shown.exit_code, 0);
  for (const std::string& line :
       {"\nlisten +127.0.0.1:4711 +" + file_ + ":2\n", "\ndata +" + data_ + " +--data\n",
        std::string("\nqueue +8 +HOLDFAST_QUEUE\n"), std::string("\nworkers +24 +default\n"),
        std::string("\npublic-url +\\(none\\) +default\n")})
    EXPECT_THAT(shown.output, testing::ContainsRegex(line));
}

TEST_F(Settings, CheckSaysAllThatIsWrong) {
  write("lissten = 127.0.0.1:1\nqueue = many\nnonsense\n");
  const Outcome wrong = holdfast({"config", "check", "--config", file_, "--idle-timeout", "1y"},
                                 {{"HOLDFAST_WORKRES", "3"}});
  EXPECT_EQ(wrong.exit_code, 2);
  EXPECT_EQ(wrong.output,
            "holdfast: The environment variable HOLDFAST_WORKRES is no setting, and it is ignored; "
            "the nearest is HOLDFAST_WORKERS.\n"
            "holdfast: " +
                file_ +
                ":3: a line is \"name = value\", not \"nonsense\".\n"
                "holdfast: " +
                file_ +
                ":1: \"lissten\" is no setting; the nearest is listen.\n"
                "holdfast: --idle-timeout: a time is needed, like 90 (seconds), 90s, 30m, 12h, 90d "
                "or 2w, not \"1y\".\n"
                "holdfast: " +
                file_ + ":2: queue: a whole number is needed, not \"many\".\n");
  write("queue = 7\n");
  const Outcome right = holdfast({"config", "check", "--config", file_});
  EXPECT_EQ(right.exit_code, 0);
  EXPECT_EQ(right.output, "The settings are right.\n");
  const Outcome together = holdfast({"config", "check", "--tls-key", "/k"});
  EXPECT_EQ(together.exit_code, 2);
  EXPECT_THAT(together.output, HasSubstr("--tls-cert is missing"));
}

TEST_F(Settings, SighupTakesWhatCanChangeAndNamesTheRest) {
  write("lock-timeout-max = 100\nqueue = 10\n");
  ServerProcess server(data_, {"--config", file_});
  server.start();
  HttpClient client(server.port());
  const auto granted = [&] {
    const Reply reply =
        client.request("LOCK", "/f", {{"Timeout", "Second-5000"}, {"Depth", "0"}},
                       "<D:lockinfo xmlns:D=\"DAV:\"><D:lockscope><D:exclusive/></D:lockscope>"
                       "<D:locktype><D:write/></D:locktype></D:lockinfo>");
    const std::string token(reply.field("Lock-Token"));
    client.request("UNLOCK", "/f", {{"Lock-Token", token}});
    return reply.body;
  };
  const auto says = [&](const std::string& text) {
    for (int i = 0; i < 1000 && server.output().find(text) == std::string::npos; ++i)
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    EXPECT_THAT(server.output(), HasSubstr(text));
  };
  EXPECT_THAT(granted(), HasSubstr("Second-100<"));

  write("lock-timeout-max = 5m\nqueue = 11\n");
  ASSERT_EQ(::kill(server.pid(), SIGHUP), 0);
  says("The setting lock-timeout-max was \"100\"; it is \"300\" in " + file_ + ":1.");
  says("A restart is needed for queue, which stays \"10\"; it is \"11\" in " + file_ + ":2.");
  // The line comes before the new engine does.
  for (int i = 0; i < 1000 && granted().find("Second-300<") == std::string::npos; ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  EXPECT_THAT(granted(), HasSubstr("Second-300<"));

  write("lock-timeout-max = 7\nqueu = 11\n");
  ASSERT_EQ(::kill(server.pid(), SIGHUP), 0);
  says("The settings stay as they were: " + file_ +
       ":2: \"queu\" is no setting; the nearest is queue.");
  EXPECT_THAT(granted(), HasSubstr("Second-300<"));
  EXPECT_EQ(server.stop(), 0);
}

TEST_F(Settings, NamesAndValuesAreJudgedBeforeAPasswordIsAskedFor) {
  // Whoever is asked gives no password, and would be told so.
  const auto refused = [&](std::vector<std::string> arguments) {
    arguments.insert(arguments.end(), {"--data", data_});
    const Outcome outcome = holdfast(arguments);
    EXPECT_EQ(outcome.exit_code, 2);
    EXPECT_THAT(outcome.output, StartsWith("holdfast: "));
    return outcome.output;
  };
  EXPECT_THAT(refused({"user", "add", "a:b"}), HasSubstr("no colon"));
  EXPECT_THAT(refused({"user", "add", "ann", "--home", "x"}), HasSubstr("slash"));
  EXPECT_THAT(refused({"user", "add", "ann", "--quota-bytes", "5MB"}), HasSubstr("5MB"));
  EXPECT_FALSE(std::filesystem::exists(data_));
  EXPECT_EQ(holdfast({"user", "add", "ann", "--no-password", "--data", data_}).exit_code, 0);
  EXPECT_THAT(refused({"user", "add", "ann"}), HasSubstr("exists already"));
  EXPECT_THAT(refused({"user", "passwd", "eve"}), HasSubstr("There is no account \"eve\""));
  EXPECT_THAT(refused({"user", "passwd", "ann"}), HasSubstr("No password was given"));
}

TEST_F(Settings, TheCertificateIsPrintedWithoutItsKey) {
  const Outcome none = holdfast({"certificate", "--data", data_});
  EXPECT_EQ(none.exit_code, 2);
  EXPECT_THAT(none.output, StartsWith("holdfast: There is no certificate: "));
  ServerProcess server(data_, {"--tls-self-signed"});
  server.start();
  const Outcome printed = holdfast({"certificate", "--data", data_});
  EXPECT_EQ(printed.exit_code, 0);
  EXPECT_THAT(printed.output,
              testing::MatchesRegex("SHA-1   ([0-9A-F]{2}:){19}[0-9A-F]{2}\nSHA-256 "
                                    "([0-9A-F]{2}:){31}[0-9A-F]{2}\n-----BEGIN "
                                    "CERTIFICATE-----\n(.|\n)*-----END CERTIFICATE-----\n"));
  EXPECT_THAT(printed.output, Not(HasSubstr("PRIVATE")));
  const std::string sha256 = printed.output.substr(printed.output.find("SHA-256"), 8 + 95);
  EXPECT_THAT(server.banner(), HasSubstr(sha256));
  EXPECT_THAT(server.banner(), HasSubstr("--webdav-vendor owncloud --ca-cert CERT.pem"));
  const std::string pem = folder_ / "CERT.pem";
  std::ofstream(pem) << printed.output;
  if (program_exists("curl")) {
    EXPECT_EQ(
        run({.arguments = {"curl", "-sS", "--fail", "--cacert", pem, server.url()}}).exit_code, 0);
  }
  EXPECT_EQ(server.stop(), 0);
}

// A server on another loopback address, open to anonymous writers, answers to the URL it prints.
TEST_F(Settings, TheUrlOfTheBannerIsAnsweredWhateverTheAddressIs) {
  if (!program_exists("curl")) GTEST_SKIP() << "curl is not installed";
  const Child server = start(
      {.arguments = {holdfast_binary(), "serve", "--data", data_, "--listen", "127.0.0.2:0"}});
  ::close(server.input_fd);
  std::string printed;
  while (printed.find("Windows") == std::string::npos) {
    char bytes[4096];
    const ssize_t count = ::read(server.output_fd, bytes, sizeof bytes);
    if (count <= 0) break;
    printed.append(bytes, static_cast<std::size_t>(count));
  }
  const std::size_t begin = printed.find("http://127.0.0.2:");
  EXPECT_NE(begin, std::string::npos) << printed;
  const std::string url =
      printed.substr(std::min(begin, printed.size()), printed.find('/', begin + 8) + 1 - begin);
  const auto status = [&](const std::string& host) {
    return run({.arguments = {"curl", "-q", "-s", "--noproxy", "*", "--max-time", "20", "-o",
                              "/dev/null", "-w", "%{http_code}", "-T", file_, "-H", host,
                              url + "f"}})
        .output;
  };
  write("text");
  EXPECT_EQ(status("X-Nothing: 1"), "201") << printed;
  EXPECT_EQ(status("Host: evil.example"), "421");
  EXPECT_EQ(status("Host: 127.0.0.3"), "421");
  ::kill(server.pid, SIGTERM);
  EXPECT_EQ(wait_for(server.pid), 0);
  ::close(server.output_fd);
}

// What the banner offers keeps the dates of files; without the vendor rclone would lose them.
TEST_F(Settings, RcloneKeepsDatesWithTheOptionsOfTheBanner) {
  if (!program_exists("rclone")) GTEST_SKIP() << "rclone is not installed";
  ServerProcess server(data_, {"--tls-self-signed"});
  server.start();
  const std::string pem = folder_ / "CERT.pem";
  std::ofstream(pem) << holdfast({"certificate", "--data", data_}).output;
  const std::string local = folder_ / "old.txt";
  std::ofstream(local) << "x";
  ASSERT_EQ(run({.arguments = {"touch", "-d", "2001-02-03T04:05:06Z", local}}).exit_code, 0);
  const auto rclone = [&](std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "rclone");
    arguments.insert(arguments.end(), {"--webdav-url", server.url(), "--webdav-vendor", "owncloud",
                                       "--ca-cert", pem});
    return run({.arguments = arguments,
                .environment = {{"RCLONE_CONFIG", folder_ / "rclone.conf"}, {"TZ", "UTC"}}});
  };
  const Outcome copied = rclone({"copyto", local, ":webdav:old.txt"});
  ASSERT_EQ(copied.exit_code, 0) << copied.output;
  EXPECT_THAT(rclone({"lsl", ":webdav:"}).output, HasSubstr("2001-02-03 04:05:06"));
  EXPECT_EQ(server.stop(), 0);
}

TEST_F(Settings, ThePagesAreWrittenFromTheOptions) {
  const Outcome man = holdfast({"generate", "man"});
  EXPECT_EQ(man.exit_code, 0);
  for (const char* text : {"\\-\\-lock\\-timeout\\-max", "holdfast user token add", ".SH SETTINGS",
                           "holdfast config show"})
    EXPECT_THAT(man.output,
                HasSubstr(std::string(text).starts_with("holdfast") ? "SS " + std::string(text)
                                                                    : std::string(text)));
  const std::string page = folder_ / "holdfast.1";
  std::ofstream(page) << man.output;
  if (program_exists("groff")) {
    EXPECT_EQ(run({.arguments = {"groff", "-man", "-ww", "-z", page}}).output, "");
  }

  const std::string script = folder_ / "holdfast.bash";
  std::ofstream(script) << holdfast({"generate", "bash"}).output;
  const auto completed = [&](const std::string& words) {
    return run({.arguments = {"bash", "-c",
                              ". \"$1\"; COMP_WORDS=(" + words +
                                  "); COMP_CWORD=$((${#COMP_WORDS[@]}-1)); _holdfast; "
                                  "echo \"${COMPREPLY[*]}\"",
                              "bash", script}})
        .output;
  };
  EXPECT_EQ(completed("holdfast se"), "serve\n");
  EXPECT_EQ(completed("holdfast user token ''"), "add list remove --help\n");
  EXPECT_EQ(completed("holdfast serve --durability ''"), "full relaxed\n");
  EXPECT_EQ(completed("holdfast serve --lock-t"), "--lock-timeout-max\n");
  EXPECT_EQ(completed("holdfast user grant --data /dev/shm --listen"), "\n");
  for (const char* shell : {"zsh", "fish"}) {
    const std::string file = folder_ / shell;
    const Outcome written = holdfast({"generate", shell});
    EXPECT_EQ(written.exit_code, 0);
    EXPECT_THAT(written.output, HasSubstr("lock-timeout-max"));
    std::ofstream(file) << written.output;
    if (!program_exists(shell)) continue;
    const Outcome checked = run({.arguments = {shell, "-n", file}});
    EXPECT_EQ(checked.exit_code, 0) << checked.output;
  }
}

}  // namespace
}  // namespace holdfast::test
