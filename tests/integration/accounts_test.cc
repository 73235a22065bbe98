// `holdfast user …` as its users run it: on a data folder, beside a running server, on a terminal.
#include <fstream>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <pty.h>
#include <string>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>
#include <vector>

#include "tests/support/http_client.h"
#include "tests/support/process.h"
#include "tests/support/server_process.h"
#include "tests/support/temporary_folder.h"

namespace holdfast::test {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::MatchesRegex;
using testing::Not;

// A program on a terminal of its own.
class OnATerminal {
 public:
  explicit OnATerminal(std::vector<std::string> arguments) {
    std::vector<char*> argv;
    for (std::string& argument : arguments) argv.push_back(argument.data());
    argv.push_back(nullptr);
    pid_ = ::forkpty(&fd_, nullptr, nullptr, nullptr);
    if (pid_ == 0) {
      ::alarm(60);  // it dies also when the test hangs
      ::execv(argv[0], argv.data());
      ::_exit(127);
    }
  }
  ~OnATerminal() {
    ::close(fd_);
    if (pid_ > 0) {
      ::kill(pid_, SIGKILL);
      ::waitpid(pid_, nullptr, 0);
    }
  }
  OnATerminal(const OnATerminal&) = delete;
  OnATerminal& operator=(const OnATerminal&) = delete;

  // Reads until `text` has come; what came before it stays in `output`.
  void expect(const std::string& text) {
    const std::size_t from = output.size();
    while (output.find(text, from) == std::string::npos)
      if (!read_some()) {
        ADD_FAILURE() << "no \"" << text << "\" in " << output;
        return;
      }
  }
  void type(const std::string& text) const {
    EXPECT_EQ(::write(fd_, text.data(), text.size()), static_cast<ssize_t>(text.size()));
  }
  [[nodiscard]] bool shows_what_is_typed() const {
    termios now{};
    ::tcgetattr(fd_, &now);
    return (now.c_lflag & ECHO) != 0;
  }
  int end() {
    while (read_some()) {
    }
    return wait_for(std::exchange(pid_, -1));
  }
  std::string output;

 private:
  bool read_some() {
    char bytes[512];
    pollfd ready{.fd = fd_, .events = POLLIN, .revents = 0};
    if (::poll(&ready, 1, 60'000) <= 0) return false;
    const ssize_t got = ::read(fd_, bytes, sizeof(bytes));  // EIO when the program has ended
    if (got > 0) output.append(bytes, static_cast<std::size_t>(got));
    return got > 0;
  }
  pid_t pid_ = -1;
  int fd_ = -1;
};

// A self-signed certificate, and the SHA-256 of its DER form.
constexpr std::string_view kPem =
    "-----BEGIN CERTIFICATE-----\n"
    "MIIBcjCCARmgAwIBAgIUC1RmMUy4NqahGX8ffyajS8g93cIwCgYIKoZIzj0EAwIw\n"
    "DjEMMAoGA1UEAwwDYW5uMCAXDTI2MTEyMjE4MTAzM1oYDzIxMjYxMDI5MTgxMDMz\n"
    "WjAOMQwwCgYDVQQDDANhbm4wWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAASC4+5h\n"
    "5deuvG43Wy5dLuxzYM+/uoE4gRS1w1nxZtug7tWgoVCVDArRxam55W8NMYUeHigS\n"
    "vFItfQBDFbMQ9hgzo1MwUTAdBgNVHQ4EFgQUsE2NuJ7dR3I7+SFBDNbsBIQYBMEw\n"
    "HwYDVR0jBBgwFoAUsE2NuJ7dR3I7+SFBDNbsBIQYBMEwDwYDVR0TAQH/BAUwAwEB\n"
    "/zAKBggqhkjOPQQDAgNHADBEAiBFqeZT02JGlzuFfLDDF0dKGnYlXaOkswsY7GIh\n"
    "XCu8/QIgGiFdC4QTZf07ap+BludP4/OFpqZez7U3wMdAMPZ0CQ8=\n"
    "-----END CERTIFICATE-----\n";
constexpr const char* kPemSha256 =
    "8243be2c67c2196b1327d03767651feb0340b3a6ff783ccd616d3c3f32742fc5";

class Accounts : public testing::Test {
 protected:
  Outcome holdfast(std::vector<std::string> arguments, const std::string& input = {}) {
    arguments.insert(arguments.begin(), holdfast_binary());
    arguments.insert(arguments.end(), {"--data", data_});
    Command command;
    command.arguments = std::move(arguments);
    command.input = input;
    Outcome outcome = run(command);
    EXPECT_FALSE(outcome.timed_out) << outcome.output;
    return outcome;
  }
  std::string user(std::vector<std::string> arguments, const std::string& input = {}) {
    arguments.insert(arguments.begin(), "user");
    const Outcome outcome = holdfast(std::move(arguments), input);
    EXPECT_EQ(outcome.exit_code, 0) << outcome.output;
    return outcome.output;
  }
  std::string refused(std::vector<std::string> arguments, const std::string& input = {}) {
    arguments.insert(arguments.begin(), "user");
    const Outcome outcome = holdfast(std::move(arguments), input);
    EXPECT_EQ(outcome.exit_code, 2) << outcome.output;
    EXPECT_THAT(outcome.output, MatchesRegex("holdfast: [^\n]*[.]\n"));
    return outcome.output;
  }
  void make_store() {
    server_.start();
    server_.stop();
  }
  std::string write_file(const std::string& name, std::string_view text) {
    const std::string path = folder_ / name;
    std::ofstream(path, std::ios::binary) << text;
    return path;
  }

  // Everything that the commands do, one after the other.
  void run_every_command() {
    EXPECT_THAT(user({"list"}), HasSubstr("0 accounts."));
    EXPECT_THAT(user({"add", "ann", "--quota-bytes", "1GiB"}, "first secret\nmore\n"),
                HasSubstr("/ann"));
    user({"add", "J\xC3\xB6rg", "--home", "/people/J\xC3\xB6rg", "--no-password"});
    EXPECT_THAT(refused({"add", "ann"}, "x\n"), HasSubstr("exists"));
    EXPECT_THAT(refused({"add", "eve"}, ""), HasSubstr("No password"));
    EXPECT_THAT(refused({"add", "eve"}, "\n"), HasSubstr("No password"));
    EXPECT_THAT(refused({"passwd", "eve"}, "x\n"), HasSubstr("no account"));
    user({"passwd", "ann"}, "second secret");
    user({"grant", "ann", "/Team Files", "read"});
    user({"grant", "ann", "/Team%20Files/private", "none"});
    user({"revoke", "ann", "/Team Files/private"});
    EXPECT_THAT(refused({"revoke", "ann", "/Team Files/private"}), HasSubstr("no grant"));
    EXPECT_THAT(refused({"grant", "ann", "Team", "read"}), HasSubstr("slash"));
    user({"quota", "ann", "--resources", "100"});
    user({"certificate", "ann", write_file("ann.pem", kPem)});
    EXPECT_THAT(refused({"certificate", "ann", write_file("no.pem", "nothing")}), HasSubstr("PEM"));
    EXPECT_THAT(refused({"certificate", "ann", folder_ / "nowhere"}), HasSubstr("cannot be read"));
    EXPECT_THAT(refused({"certificate", "ann"}), HasSubstr("--clear"));
    const std::string token =
        user({"token", "add", "ann", "--label", "phone", "--read-only", "--expires", "90d"});
    EXPECT_THAT(token, HasSubstr("\nholdfast_"));
    user({"token", "add", "J\xC3\xB6rg", "--label", "tv", "--path", "/people"});
    EXPECT_THAT(refused({"token", "add", "ann", "--label", "x", "--expires", "soon"}),
                HasSubstr("90d"));

    const std::string list = user({"list"});
    EXPECT_THAT(list, HasSubstr("password,certificate  1/100      0/1073741824  0        1       /ann"));
    EXPECT_THAT(list, HasSubstr("/Team%20Files=read\n"));
    EXPECT_THAT(list, HasSubstr("/people/J%C3%B6rg"));
    const std::string tokens = user({"token", "list", "ann"});
    EXPECT_THAT(tokens, HasSubstr("ann      read   /"));
    EXPECT_THAT(tokens, HasSubstr("1 token."));
    const std::string secret = token.substr(token.find("\nholdfast_") + 10);
    const std::string id = secret.substr(0, secret.find('_'));
    EXPECT_THAT(tokens, HasSubstr(id));
    for (const std::string& shown : {list, tokens})
      EXPECT_THAT(shown, Not(HasSubstr(secret.substr(id.size() + 1, 43))));
    user({"token", "remove", id});
    EXPECT_THAT(refused({"token", "remove", id}), HasSubstr("no token"));
    EXPECT_THAT(user({"token", "list"}), HasSubstr("1 token."));
    user({"remove", "ann"});
    EXPECT_THAT(refused({"remove", "ann"}), HasSubstr("no account"));
    EXPECT_THAT(user({"list"}), HasSubstr("1 account."));
  }

  TemporaryFolder folder_;
  std::filesystem::path data_ = folder_ / "data";
  ServerProcess server_{data_, {"--anonymous", "write"}};
};

TEST_F(Accounts, EveryCommandWorksOnADataFolder) {
  make_store();
  run_every_command();
  EXPECT_EQ(holdfast({"check"}).exit_code, 0);
}

TEST_F(Accounts, EveryCommandWorksBesideAServerWhichKnowsAtOnce) {
  server_.start();
  run_every_command();
  HttpClient client(server_.port());
  EXPECT_EQ(client.request("PROPFIND", "/ann", {{"Depth", "0"}}).status, 207)
      << "the home is there";
  EXPECT_EQ(server_.stop(), 0);
  EXPECT_THAT(user({"list"}), HasSubstr("1 account."));
  EXPECT_EQ(holdfast({"check"}).exit_code, 0);
}

// Each is one sentence and exit code 2, and at the end all is as it was; beside a server and
// without.
TEST_F(Accounts, WhatCannotBeDoneChangesNothing) {
  make_store();
  user({"add", "ann"}, "secret words\n");
  user({"add", "ben", "--no-password"});
  user({"grant", "ann", "/team", "read"});
  const std::string good = write_file("good.pem", kPem);
  user({"certificate", "ann", good});
  user({"token", "add", "ann", "--label", "phone"});
  std::filesystem::create_directory(folder_ / "folder");
  std::string cut(kPem);
  cut.erase(200, 1);
  struct Row {
    std::vector<std::string> arguments;
    std::string says;
    std::string input = "new secret\n";
  };
  const std::vector<Row> rows = {
      {{"add", "ann"}, "exists"},
      {{"add", "a:b"}, "A name has"},
      {{"add", ""}, "A name has"},
      {{"add", std::string(65, 'a')}, "A name has"},
      {{"add", "a\x01"}, "A name has"},
      {{"add", ".."}, "--home"},
      {{"add", "eve", "--home", "eve"}, "slash"},
      {{"add", "eve", "--home", "/a/../b"}, "no path"},
      {{"add", "eve", "--quota-bytes", "lots"}, "whole number"},
      {{"add", "eve"}, "No password", ""},
      {{"add", "eve"}, "password is UTF-8", "a\tb\n"},
      {{"passwd", "eve"}, "no account"},
      {{"passwd", "ann"}, "No password", "\n"},
      {{"remove", "eve"}, "no account"},
      {{"remove", "ANN"}, "no account"},
      {{"grant", "eve", "/x", "read"}, "no account"},
      {{"grant", "ann", "/x", "all"}, "read, write or none"},
      {{"grant", "ann", "x", "read"}, "slash"},
      {{"grant", "ann", "/ann", "read"}, "home"},
      {{"grant", "ann", "/x%2Fy", "read"}, "no path"},
      {{"revoke", "ann", "/elsewhere"}, "no grant"},
      {{"quota", "ann"}, "--bytes"},
      {{"quota", "ann", "--bytes", "-1"}, "whole number"},
      {{"quota", "eve", "--bytes", "1"}, "no account"},
      {{"certificate", "ann"}, "--clear"},
      {{"certificate", "eve", good}, "no account"},
      {{"certificate", "ben", good}, "\"ann\"'s"},
      {{"certificate", "ben", folder_ / "nowhere.pem"}, "cannot be read"},
      {{"certificate", "ben", folder_ / "folder"}, "cannot be read"},
      {{"certificate", "ben", write_file("empty.pem", "")}, "empty.pem cannot be read"},
      {{"certificate", "ben", write_file("cut.pem", cut)}, "PEM"},
      {{"certificate", "ben", write_file("key.pem", "-----BEGIN PRIVATE KEY-----\nAAAA\n")}, "PEM"},
      {{"token", "add", "eve", "--label", "x"}, "no account"},
      {{"token", "add", "ann", "--label", ""}, "label"},
      {{"token", "add", "ann", "--label", "x", "--path", "y"}, "slash"},
      {{"token", "add", "ann", "--label", "x", "--expires", "90"}, "90d"},
      {{"token", "remove", "nonesuch"}, "no token"},
      {{"token", "list", "eve"}, "no account"},
      {{"list", "--allow-network-data", "perhaps"}, "no|yes"},
      {{"list", "--config", folder_ / "nowhere.conf"}, "nowhere.conf"},
  };
  const auto all = [this] { return user({"list"}) + user({"token", "list"}); };
  const std::string before = all();
  for (const bool served : {false, true}) {
    if (served) server_.start();
    for (const Row& row : rows) {
      SCOPED_TRACE(testing::PrintToString(row.arguments) + (served ? " beside a server" : ""));
      EXPECT_THAT(refused(row.arguments, row.input), HasSubstr(row.says));
    }
    EXPECT_EQ(all(), before);
  }
  EXPECT_EQ(server_.stop(), 0);
  EXPECT_THAT(holdfast({"check"}).output, HasSubstr("3 resources"));
  // Where there is no store, and none is to be made.
  std::filesystem::remove_all(data_);
  for (const std::vector<std::string>& arguments : std::vector<std::vector<std::string>>{
           {"list"}, {"passwd", "ann"}, {"remove", "ann"}, {"token", "list"}}) {
    refused(arguments, "secret words\n");
    EXPECT_FALSE(std::filesystem::exists(data_)) << arguments.front();
  }
}

TEST_F(Accounts, ACertificateIsKeptAsItsFingerprint) {
  make_store();
  user({"add", "ann", "--no-password"});
  user({"add", "bob", "--no-password"});
  const std::string file = write_file("c.pem", kPem);
  user({"certificate", "ann", file});
  EXPECT_THAT(refused({"certificate", "bob", file}), HasSubstr("\"ann\"'s"));
  EXPECT_THAT(run({.arguments = {"grep", "-aq", kPemSha256, data_ / "meta.db"}}).exit_code, 0);
  user({"certificate", "ann", "--clear"});
  user({"certificate", "bob", file});
}

TEST_F(Accounts, APasswordIsNeverAnArgumentAndNeverStored) {
  make_store();
  EXPECT_EQ(holdfast({"user", "add", "ann", "open sesame"}).exit_code, 2);
  EXPECT_EQ(holdfast({"user", "add", "ann", "--password", "open sesame"}).exit_code, 2);
  user({"add", "ann"}, "open sesame\r\n");
  const auto finds = [&](const char* text) {
    return run({.arguments = {"grep", "-raq", "--", text, data_.string()}}).exit_code == 0;
  };
  EXPECT_FALSE(finds("open sesame"));
  EXPECT_TRUE(finds("argon2id.v=19.m=19456,t=2,p=1"));
  for (const std::string& bad :
       {std::string("a\tb"), std::string("a\0b", 3), std::string("\xFF"), std::string(1025, 'a')})
    EXPECT_THAT(refused({"passwd", "ann"}, bad + "\n"), HasSubstr("password is UTF-8"));
  user({"passwd", "ann"}, std::string(1024, 'a') + "\n");
}

TEST_F(Accounts, APasswordThatIsTooShortIsRefused) {  // NIST SP 800-63B
  make_store();
  EXPECT_THAT(refused({"add", "ann"}, "1234567\n"), HasSubstr("at least 8 characters"));
  EXPECT_THAT(user({"list"}), HasSubstr("0 accounts."));
  // Characters are counted, in NFC: fourteen bytes, and seven with accents beside their letters.
  const std::string seven = "\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4";
  EXPECT_THAT(refused({"add", "ann"}, seven + "\n"), HasSubstr("too short"));
  EXPECT_THAT(refused({"add", "ann"}, "a\xCC\x88 12345\n"), HasSubstr("too short"));
  user({"add", "ann"}, seven + "x\n");
  EXPECT_THAT(refused({"passwd", "ann"}, "short\n"), HasSubstr("too short"));
  user({"passwd", "ann", "--password-min", "5"}, "short\n");
  EXPECT_THAT(refused({"passwd", "ann", "--password-min", "16"}, "nearly long one\n"),
              HasSubstr("at least 16 characters"));
}

// What cannot be taken back lightly is asked about; without a terminal it needs --yes.
TEST_F(Accounts, QuestionsAreAskedOnATerminalAndElseNeedYes) {
  server_.start();
  HttpClient client(server_.port());
  EXPECT_EQ(client.request("MKCOL", "/shared").status, 201);
  EXPECT_EQ(client.request("PUT", "/shared/plan", {}, "x").status, 201);
  const auto on_terminal = [&](std::vector<std::string> arguments, const std::string& answer) {
    arguments.insert(arguments.begin(), {holdfast_binary(), "user"});
    arguments.insert(arguments.end(), {"--data", data_});
    OnATerminal terminal(arguments);
    terminal.expect("Go on? [y/N] ");
    terminal.type(answer + "\n");
    return terminal.end();
  };
  const std::vector<std::string> add = {"add", "shared", "--no-password"};
  EXPECT_THAT(refused(add), AllOf(HasSubstr("/shared"), HasSubstr("--yes")));
  // The question comes before the password.
  EXPECT_THAT(refused({"add", "shared"}, ""), HasSubstr("--yes"));
  EXPECT_EQ(on_terminal(add, "n"), 2);
  EXPECT_EQ(on_terminal(add, ""), 2);
  EXPECT_THAT(user({"list"}), HasSubstr("0 accounts."));
  EXPECT_EQ(on_terminal(add, "y"), 0);
  const std::vector<std::string> remove = {"remove", "shared"};
  EXPECT_THAT(refused(remove), AllOf(HasSubstr("the last one"), HasSubstr("--yes")));
  EXPECT_EQ(on_terminal(remove, "no"), 2);
  EXPECT_THAT(user({"list"}), HasSubstr("1 account."));
  EXPECT_EQ(on_terminal(remove, "YES"), 0);
  EXPECT_THAT(user({"list"}), HasSubstr("0 accounts."));
  user({"add", "shared", "--no-password", "--yes"});
  user({"remove", "shared", "--yes"});
}

TEST_F(Accounts, OnATerminalThePasswordIsAskedForTwiceAndNotShown) {
  make_store();
  const auto add = [&](const std::string& name) {
    return std::vector<std::string>{holdfast_binary(), "user", "add", name, "--data", data_};
  };
  {
    OnATerminal terminal(add("ann"));
    terminal.expect("Password of ann: ");
    EXPECT_FALSE(terminal.shows_what_is_typed());
    terminal.type("open sesame\n");
    terminal.expect("Again: ");
    terminal.type("open sesame\n");
    EXPECT_EQ(terminal.end(), 0) << terminal.output;
    EXPECT_THAT(terminal.output, HasSubstr("added"));
    EXPECT_THAT(terminal.output, Not(HasSubstr("sesame")));
  }
  {
    OnATerminal terminal(add("bob"));
    terminal.expect("Password of bob: ");
    terminal.type("open sesame\n");
    terminal.expect("Again: ");
    terminal.type("open sesam\n");
    terminal.expect("differ");
    EXPECT_TRUE(terminal.shows_what_is_typed());
    EXPECT_EQ(terminal.end(), 2);
  }
  {
    OnATerminal terminal(add("carl"));
    terminal.expect("Password of carl: ");
    terminal.type("open\x03");  // Ctrl-C
    EXPECT_EQ(terminal.end(), 128 + SIGINT);
  }
  EXPECT_THAT(user({"list"}), HasSubstr("1 account."));
}

TEST_F(Accounts, ABackupBringsThemBack) {
  make_store();
  user({"add", "ann", "--quota-resources", "5"}, "secret words\n");
  user({"grant", "ann", "/shared", "write"});
  user({"token", "add", "ann", "--label", "phone"});
  const std::string accounts = user({"list"});
  const std::string tokens = user({"token", "list"});
  ASSERT_EQ(holdfast({"backup", folder_ / "backup"}).exit_code, 0);
  user({"remove", "ann", "--yes"});
  std::filesystem::remove_all(data_);
  ASSERT_EQ(holdfast({"restore", folder_ / "backup"}).exit_code, 0);
  EXPECT_EQ(user({"list"}), accounts);
  EXPECT_EQ(user({"token", "list"}), tokens);
  EXPECT_EQ(holdfast({"check"}).exit_code, 0);
  EXPECT_THAT(user({"add", "bob", "--no-password"}), HasSubstr("added"));
}

}  // namespace
}  // namespace holdfast::test
