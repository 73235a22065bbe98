// Real clients over https, signed in to an account, with a certificate that nobody signed but that
// they are told to trust: each by its own means, cadaver by the system's list.
#include <filesystem>
#include <fstream>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <string>
#include <sys/stat.h>
#include <unistd.h>
#include <vector>

#include "tests/support/certificate.h"
#include "tests/support/http_client.h"
#include "tests/support/mount.h"
#include "tests/support/process.h"
#include "tests/support/server_process.h"
#include "tests/support/temporary_folder.h"

namespace holdfast::test {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::Not;

class OverTls : public ::testing::Test {
 protected:
  void SetUp() override {
    make_certificate(certificate_, folder_ / "key.pem", {"-days", "2"});
    ASSERT_EQ(run({.arguments = {holdfast_binary(), "user", "add", "anna", "--home", "/", "--data",
                                 server_.data()},
                   .input = "secret words\n"})
                  .exit_code,
              0);
    server_.start();
    url_ = "https://localhost:" + std::to_string(server_.port()) + "/";
    write(folder_ / "local.txt", "content");
  }
  void TearDown() override {
    if (server_.running()) {
      EXPECT_EQ(server_.stop(), 0) << server_.output();
    }
  }

  static void write(const fs::path& file, const std::string& text) {
    std::ofstream stream(file, std::ios::binary);
    stream << text;
    stream.close();
    EXPECT_TRUE(stream.good()) << file;
  }
  static std::string read(const fs::path& file) {
    std::ifstream stream(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(stream), {}};
  }

  // What is stored, and that only the account gets it.
  std::string stored(const std::string& path) {
    HttpClient client(server_);
    EXPECT_EQ(client.request("GET", path).status, 401);
    return client.request("GET", path, {{"Authorization", "Basic YW5uYTpzZWNyZXQgd29yZHM="}}).body;
  }

  TemporaryFolder folder_;
  const std::string certificate_ = folder_ / "cert.pem";
  ServerProcess server_{
      folder_ / "data",
      {"--tls-cert", certificate_, "--tls-key", folder_ / "key.pem", "--access-log", "off"}};
  std::string url_;
};

TEST_F(OverTls, CurlSavesAndReads) {
  if (!program_exists("curl")) GTEST_SKIP() << "curl is not installed";
  const auto curl = [&](std::vector<std::string> more) {
    std::vector<std::string> all = {"curl", "-q", "-sS", "--noproxy",    "*",
                                    "-m",   "60", "-w",  " %{http_code}"};
    all.insert(all.end(), more.begin(), more.end());
    return run({.arguments = all, .folder = folder_.path()}).output;
  };
  EXPECT_THAT(curl({"-T", "local.txt", "-u", "anna:secret words", url_}), HasSubstr("certificate"));
  const std::string trusting = certificate_;
  EXPECT_THAT(curl({"--cacert", trusting, "-T", "local.txt", url_}), HasSubstr(" 401"));
  EXPECT_THAT(curl({"--cacert", trusting, "-u", "anna:wrong", "-T", "local.txt", url_}),
              HasSubstr(" 401"));
  EXPECT_EQ(curl({"--cacert", trusting, "-u", "anna:secret words", "-T", "local.txt", url_}),
            " 201");
  // It looks for a scheme first, with a request that shows nothing.
  EXPECT_EQ(curl({"--cacert", trusting, "--anyauth", "-u", "anna:secret words", "-T", "local.txt",
                  "-H", "Expect:", url_}),
            " 204");
  EXPECT_EQ(
      curl({"--cacert", trusting, "--tlsv1.3", "-u", "anna:secret words", url_ + "local.txt"}),
      "content 200");
  EXPECT_EQ(curl({"--cacert", trusting, "--tls-max", "1.2", "-u", "anna:secret words",
                  url_ + "local.txt"}),
            "content 200");
  EXPECT_EQ(stored("/local.txt"), "content");
}

TEST_F(OverTls, RcloneCopiesAndChecks) {
  if (!program_exists("rclone")) GTEST_SKIP() << "rclone is not installed";
  const std::string obscured = run({.arguments = {"rclone", "obscure", "secret words"}}).output;
  fs::create_directories(folder_ / "tree/a b");
  for (int i = 0; i < 20; ++i)
    write(folder_ / "tree/a b" / ("f" + std::to_string(i)), std::string(i * 7919U, 'r'));
  const auto rclone = [&](std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "rclone");
    arguments.insert(arguments.end(), {"--ca-cert", certificate_, "--retries", "1"});
    return run({.arguments = arguments,
                .environment = {{"RCLONE_CONFIG", folder_ / "rclone.conf"},
                                {"RCLONE_CACHE_DIR", folder_ / "cache"},
                                {"RCLONE_WEBDAV_URL", url_},
                                {"RCLONE_WEBDAV_VENDOR", "owncloud"},
                                {"RCLONE_WEBDAV_USER", "anna"},
                                {"RCLONE_WEBDAV_PASS", obscured.substr(0, obscured.find('\n'))},
                                {"no_proxy", "*"}}});
  };
  const auto copied = rclone({"copy", folder_ / "tree", ":webdav:tree"});
  EXPECT_EQ(copied.exit_code, 0) << copied.output;
  const auto checked = rclone({"check", "--one-way", folder_ / "tree", ":webdav:tree"});
  EXPECT_EQ(checked.exit_code, 0) << checked.output;
  EXPECT_THAT(checked.output, HasSubstr("20 matching files"));
  EXPECT_EQ(stored("/tree/a%20b/f3"), std::string(3 * 7919, 'r'));
}

TEST_F(OverTls, LftpMirrorsBothWays) {
  if (!program_exists("lftp")) GTEST_SKIP() << "lftp is not installed";
  fs::create_directories(folder_ / "tree/a b");
  for (int i = 0; i < 20; ++i)
    write(folder_ / "tree/a b" / ("f" + std::to_string(i)), std::string(i * 7919U, 'l'));
  const auto lftp = [&](const std::string& settings) {
    return run({.arguments = {"lftp", "--norc", "-c",
                              "set net:max-retries 1; set net:reconnect-interval-base 1; "
                              "set cmd:fail-exit yes; " +
                                  settings + "open -u 'anna,secret words' " + url_ +
                                  "; mirror --no-perms -R tree tree; mirror --no-perms tree back"},
                .environment = {{"HOME", folder_.path().string()},
                                {"LFTP_HOME", folder_.path().string()},
                                {"no_proxy", "*"}},
                .folder = folder_.path()});
  };
  EXPECT_THAT(lftp("").output, HasSubstr("Certificate verification"));
  const auto mirrored = lftp("set ssl:ca-file " + certificate_ + "; ");
  EXPECT_EQ(mirrored.exit_code, 0) << mirrored.output;
  for (int i = 0; i < 20; ++i)
    EXPECT_EQ(read(folder_ / "back/a b" / ("f" + std::to_string(i))), std::string(i * 7919U, 'l'));
  EXPECT_EQ(stored("/tree/a%20b/f3"), std::string(3 * 7919, 'l'));
}

TEST_F(OverTls, GitPushesAndClones) {
  if (!program_exists("git")) GTEST_SKIP() << "git is not installed";
  const auto git = [&](std::vector<std::string> arguments, const std::string& certificate) {
    arguments.insert(arguments.begin(), "git");
    Command command{.arguments = std::move(arguments),
                    .environment = {{"HOME", folder_.path().string()},
                                    {"GIT_CONFIG_NOSYSTEM", "1"},
                                    {"GIT_TERMINAL_PROMPT", "0"},
                                    {"no_proxy", "*"}},
                    .folder = folder_.path()};
    for (const char* role : {"AUTHOR", "COMMITTER"}) {
      command.environment.emplace_back("GIT_" + std::string(role) + "_NAME", "Anna");
      command.environment.emplace_back("GIT_" + std::string(role) + "_EMAIL", "anna@example.org");
    }
    if (!certificate.empty()) command.environment.emplace_back("GIT_SSL_CAINFO", certificate);
    return run(command);
  };
  ASSERT_EQ(git({"init", "-q", "-b", "main", "work"}, "").exit_code, 0);
  write(folder_ / "work/text", "content");
  ASSERT_EQ(git({"-C", "work", "add", "."}, "").exit_code, 0);
  ASSERT_EQ(git({"-C", "work", "commit", "-qm", "one"}, "").exit_code, 0);
  HttpClient client(server_);
  const Fields anna = {{"Authorization", "Basic YW5uYTpzZWNyZXQgd29yZHM="}};
  const auto put = [&](const std::string& path, const std::string& body) {
    EXPECT_EQ(client.request("PUT", path, anna, body).status, 201) << path;
  };
  // The least that a repository is made of.
  for (const char* folder : {"/r.git", "/r.git/info", "/r.git/objects", "/r.git/objects/info",
                             "/r.git/objects/pack", "/r.git/refs", "/r.git/refs/heads"})
    EXPECT_EQ(client.request("MKCOL", folder, anna).status, 201) << folder;
  put("/r.git/HEAD", "ref: refs/heads/main\n");
  put("/r.git/info/refs", "");
  put("/r.git/objects/info/packs", "\n");

  const std::string url =
      "https://anna:secret%20words@localhost:" + std::to_string(server_.port()) + "/r.git";
  const std::vector<std::string> push = {"-C", "work", "push", url, "main"};
  EXPECT_THAT(git(push, "").output, HasSubstr("certificate"));
  const auto pushed = git(push, certificate_);
  EXPECT_EQ(pushed.exit_code, 0) << pushed.output;
  const auto cloned = git({"clone", "-q", url, "clone"}, certificate_);
  EXPECT_EQ(cloned.exit_code, 0) << cloned.output;
  EXPECT_EQ(read(folder_ / "clone/text"), "content");
}

TEST_F(OverTls, CadaverLocksAndSaves) {
  if (!program_exists("cadaver")) GTEST_SKIP() << "cadaver is not installed";
  if (const auto reason = why_no_trust(); !reason.empty()) GTEST_SKIP() << reason;
  write(folder_ / ".netrc", "machine localhost login anna password \"secret words\"\n");
  chmod((folder_ / ".netrc").c_str(), 0600);
  const Command command{.arguments = {"cadaver", url_},
                        .environment = {{"HOME", folder_.path().string()}, {"TERM", "dumb"}},
                        .folder = folder_.path(),
                        .input =
                            "mkcol folder\nput local.txt folder/a.txt\nlock folder/a.txt\n"
                            "put local.txt folder/a.txt\nunlock folder/a.txt\n"
                            "move folder/a.txt b.txt\nget b.txt back.txt\nquit\n"};
  // Whom it does not trust it tells nothing.
  EXPECT_THAT(run(command).output, HasSubstr("issuer is not trusted"));
  const auto session = run(trusting(certificate_, folder_.path(), command));
  EXPECT_EQ(session.exit_code, 0) << session.output;
  EXPECT_THAT(session.output, Not(HasSubstr("failed")));
  EXPECT_EQ(read(folder_ / "back.txt"), "content") << session.output;
  EXPECT_EQ(stored("/b.txt"), "content");
}

TEST_F(OverTls, Davfs2MountsAndEdits) {
  if (!program_exists("mount.davfs")) GTEST_SKIP() << "davfs2 is not installed";
  if (geteuid() != 0) GTEST_SKIP() << "mounting with davfs2 needs root";
  if (!fs::exists("/etc/mtab")) GTEST_SKIP() << "mount.davfs needs /etc/mtab";
  if (const auto reason = why_no_fuse(); !reason.empty()) GTEST_SKIP() << reason;
  chmod(folder_.path().c_str(), 0755);
  fs::create_directory(folder_ / "cache");
  chmod((folder_ / "cache").c_str(), 0777);
  write(folder_ / "secrets", url_ + " anna \"secret words\"\n");
  write(folder_ / "davfs2.conf", "use_locks 1\ndelay_upload 0\nsecrets " +
                                     (folder_ / "secrets").string() + "\ntrust_server_cert " +
                                     certificate_ + "\ncache_dir " + (folder_ / "cache").string() +
                                     "\n");
  for (const char* file : {"secrets", "davfs2.conf"}) chmod((folder_ / file).c_str(), 0600);
  {
    Mount mount(folder_ / "mount", [&](const fs::path& point) {
      return Command{.arguments = {"mount.davfs", url_, point, "-o",
                                   "conf=" + (folder_ / "davfs2.conf").string()}};
    });
    write(mount.point() / "note.txt", "first");
    std::ofstream(mount.point() / "note.txt", std::ios::app) << ", second";
    EXPECT_EQ(read(mount.point() / "note.txt"), "first, second");
    fs::create_directory(mount.point() / "folder");
    fs::rename(mount.point() / "note.txt", mount.point() / "folder/note.txt");
  }
  EXPECT_EQ(stored("/folder/note.txt"), "first, second");
}

}  // namespace
}  // namespace holdfast::test
