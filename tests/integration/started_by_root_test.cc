// The program started by root on a data folder of another user (docs/robustness.md O2): it works
// with that user's rights, in whatever it does there.
#include <algorithm>
#include <arpa/inet.h>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <gmock/gmock.h>
#include <grp.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <pwd.h>
#include <set>
#include <sstream>
#include <string>
#include <sys/socket.h>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>
#include <vector>

#include "tests/support/certificate.h"
#include "tests/support/http_client.h"
#include "tests/support/process.h"
#include "tests/support/raw_http.h"
#include "tests/support/server_process.h"
#include "tests/support/temporary_folder.h"

namespace holdfast::test {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::Not;
using Ids = std::multiset<unsigned long>;

constexpr uid_t kNobody = 65534;

struct User {
  uid_t id = kNobody;
  gid_t folder_group = 65534;
  gid_t group = 65534;  // that it gets
};

Ids groups_of(const User& user) {
  const passwd* const entry = ::getpwuid(user.id);
  if (entry == nullptr) return {user.group};
  int count = 100;
  std::vector<gid_t> all(static_cast<std::size_t>(count));
  EXPECT_GE(::getgrouplist(entry->pw_name, user.group, all.data(), &count), 0);
  return {all.begin(), all.begin() + count};
}

// A line of /proc/PID/status.
Ids ids(const fs::path& status, const std::string& name) {
  std::ifstream in(status);
  for (std::string line; std::getline(in, line);) {
    if (!line.starts_with(name + ":")) continue;
    std::istringstream rest(line.substr(name.size() + 1));
    return {std::istream_iterator<unsigned long>(rest), {}};
  }
  ADD_FAILURE() << status << " has no " << name;
  return {};
}

// Every thread has them: real, effective, saved and of files.
void expect_rights(pid_t pid, const User& user) {
  std::size_t threads = 0;
  for (const auto& thread : fs::directory_iterator("/proc/" + std::to_string(pid) + "/task")) {
    const fs::path status = thread.path() / "status";
    EXPECT_EQ(ids(status, "Uid"), (Ids{user.id, user.id, user.id, user.id}));
    EXPECT_EQ(ids(status, "Gid"), (Ids{user.group, user.group, user.group, user.group}));
    EXPECT_EQ(ids(status, "Groups"), groups_of(user));
    ++threads;
  }
  EXPECT_GE(threads, 3U);
}

// How many files and folders there are; all of them belong to the user.
std::size_t expect_owned(const fs::path& folder, const User& user) {
  std::size_t count = 0;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    struct stat status {};
    EXPECT_EQ(::lstat(entry.path().c_str(), &status), 0) << entry.path();
    EXPECT_EQ(status.st_uid, user.id) << entry.path();
    EXPECT_EQ(status.st_gid, user.group) << entry.path();
    ++count;
  }
  return count;
}

void make_folder(const fs::path& path, const User& user) {
  fs::create_directory(path);
  ASSERT_EQ(::chown(path.c_str(), user.id, user.folder_group), 0);
}

Outcome holdfast(std::vector<std::string> arguments, const fs::path& data,
                 const std::vector<std::string>& by = {}) {
  arguments.insert(arguments.begin(), holdfast_binary());
  arguments.insert(arguments.begin(), by.begin(), by.end());
  arguments.insert(arguments.end(), {"--data", data});
  return run(
      {.arguments = arguments, .input = "secret words\n", .timeout = std::chrono::seconds(60)});
}

void expect_done(const std::vector<std::string>& arguments, const fs::path& data) {
  const Outcome outcome = holdfast(arguments, data);
  EXPECT_EQ(outcome.exit_code, 0) << arguments[0] << ": " << outcome.output;
}

void expect_refused(const Outcome& outcome, const std::string& saying) {
  EXPECT_EQ(outcome.exit_code, 2) << outcome.output;
  EXPECT_THAT(outcome.output, testing::MatchesRegex("holdfast: [^\n]*[.]\n"));
  EXPECT_THAT(outcome.output, HasSubstr(saying));
}

// PUT in both sizes, and a LOCK; its token.
std::string fill(const ServerProcess& server) {
  HttpClient client(server);
  EXPECT_EQ(client.request("PUT", "/small", {}, "text").status, 201);
  EXPECT_EQ(client.request("PUT", "/large", {}, std::string(300'000, 'x')).status, 201);
  const Reply lock = client.request("LOCK", "/small", {},
                                    "<D:lockinfo xmlns:D='DAV:'><D:lockscope><D:exclusive/>"
                                    "</D:lockscope><D:locktype><D:write/></D:locktype>"
                                    "</D:lockinfo>");
  EXPECT_EQ(lock.status, 200);
  const std::string token(lock.field("Lock-Token"));
  return token.size() > 2 ? token.substr(1, token.size() - 2) : "";
}

constexpr const char* kRootOnly = "only root can become another user";

TEST(Operations, O2_RootWorksAsTheUserWhoseFolderItIs) {
  if (::geteuid() != 0) GTEST_SKIP() << kRootOnly;
  // Known to the system; known, with root's group left on the folder; not known.
  for (const User& user : {User{}, User{kNobody, 0, 65534}, User{123'456, 123'457, 123'457}}) {
    const TemporaryFolder folder;
    ASSERT_EQ(::chmod(folder.path().c_str(), 0711), 0);
    const fs::path data = folder / "data";
    const fs::path backup = folder / "backup";
    const fs::path restored = folder / "restored";
    for (const fs::path& each : {data, backup, restored}) make_folder(each, user);

    ServerProcess server(data, {"--access-log", data / "access.json"});
    server.start();
    expect_rights(server.pid(), user);
    const std::string token = fill(server);
    expect_done({"lock", "list"}, data);
    expect_done({"check", "--hashes"}, data);
    expect_done({"backup", backup}, data);
    expect_done({"user", "add", "anna"}, data);
    expect_owned(data, user);
    EXPECT_EQ(server.stop(), 0) << server.output();
    EXPECT_THAT(server.output(), HasSubstr("has the rights of "));
    EXPECT_THAT(server.output(), Not(HasSubstr("runs as root")));

    expect_done({"user", "add", "bert"}, data);
    expect_done({"check", "--repair"}, data);
    expect_done({"lock", "break", token}, data);
    expect_done({"backup", backup}, data);
    expect_done({"restore", backup}, restored);
    EXPECT_GE(expect_owned(data, user), 22U);
    EXPECT_GE(expect_owned(backup, user), 4U);
    EXPECT_GE(expect_owned(restored, user), 20U);

    server.start();
    expect_rights(server.pid(), user);
    EXPECT_EQ(HttpClient(server).request("GET", "/small").status, 401);
    EXPECT_EQ(server.stop(), 0) << server.output();
    expect_owned(data, user);
  }
}

// A command may make the store, in a folder that was made for it.
TEST(Operations, O2_TheFirstCommandMakesTheStoreForItsUser) {
  if (::geteuid() != 0) GTEST_SKIP() << kRootOnly;
  const TemporaryFolder folder;
  ASSERT_EQ(::chmod(folder.path().c_str(), 0711), 0);
  const User user;
  make_folder(folder / "data", user);
  expect_done({"user", "add", "anna"}, folder / "data");
  EXPECT_GE(expect_owned(folder / "data", user), 20U);
}

// What systemd makes of StateDirectory with DynamicUser: nobody but root may pass the folder above.
TEST(Operations, O2_TheUserNeedNotPassTheFoldersAbove) {
  if (::geteuid() != 0) GTEST_SKIP() << kRootOnly;
  if (run({.arguments = {"unshare", "--mount", "true"}}).exit_code != 0)
    GTEST_SKIP() << "no mount namespace can be had";
  const TemporaryFolder folder;  // 0700
  const User user;
  const TemporaryFolder elsewhere;
  ASSERT_EQ(::chmod(elsewhere.path().c_str(), 0711), 0);
  make_folder(elsewhere / "backup", user);
  fs::create_directory(folder / "private");
  ASSERT_EQ(::chmod((folder / "private").c_str(), 0700), 0);
  const fs::path real = folder / "private" / "data";
  make_folder(real, user);
  const fs::path data = elsewhere / "data";
  fs::create_directory_symlink(real, data);
  std::ofstream(folder / "of-root") << "stays";

  expect_done({"user", "add", "anna"}, data);
  ServerProcess server(data, {"--anonymous", "write"});
  server.start();
  expect_rights(server.pid(), user);
  fill(server);
  expect_done({"user", "add", "bert"}, data);
  expect_done({"backup", elsewhere / "backup"}, data);
  EXPECT_EQ(server.stop(), 0) << server.output();
  expect_done({"check", "--hashes"}, data);
  // By a path from the closed folder, which the user may not pass either.
  const Outcome relative = run({.arguments = {holdfast_binary(), "check", "--data", "./data"},
                                .folder = folder / "private"});
  EXPECT_EQ(relative.exit_code, 0) << relative.output;
  EXPECT_GE(expect_owned(real, user), 21U);
  EXPECT_GE(expect_owned(elsewhere / "backup", user), 4U);

  // Nothing of it is seen outside.
  std::ostringstream mounts;
  mounts << std::ifstream("/proc/self/mounts").rdbuf();
  EXPECT_THAT(mounts.str(), Not(HasSubstr(folder.path().string())));
  EXPECT_TRUE(fs::exists(folder / "of-root"));

  expect_refused(holdfast({"check"}, data, {"setpriv", "--bounding-set", "-sys_admin"}),
                 "who may not pass " + folder.path().string());
}

TEST(Operations, O2_RightsThatCannotBeTakenAreAnEnd) {
  if (::geteuid() != 0) GTEST_SKIP() << kRootOnly;
  const TemporaryFolder folder;
  ASSERT_EQ(::chmod(folder.path().c_str(), 0711), 0);
  const fs::path data = folder / "data";
  make_folder(data, {});
  make_folder(folder / "backup", {});
  for (const char* capability : {"-setuid", "-setgid"})
    for (const std::vector<std::string>& arguments :
         std::vector<std::vector<std::string>>{{"serve", "--listen", "127.0.0.1:0"},
                                               {"user", "add", "anna"},
                                               {"check"},
                                               {"lock", "list"},
                                               {"backup", folder / "backup"},
                                               {"restore", folder / "backup"}}) {
      expect_refused(holdfast(arguments, data, {"setpriv", "--bounding-set", capability}),
                     "rights cannot be taken: Operation not permitted");
      ASSERT_TRUE(fs::is_empty(data));
      ASSERT_TRUE(fs::is_empty(folder / "backup"));
    }
}

// A free port that is root's.
std::uint16_t port_of_root() {
  for (int i = 0; i < 400; ++i) {
    const auto port = static_cast<std::uint16_t>(600 + (::getpid() + i) % 400);
    const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const bool is_free =
        ::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
    ::close(fd);
    if (is_free) return port;
  }
  throw std::runtime_error("no free port");
}

TEST(Operations, O2_WhatOnlyRootMayOpenIsOpenedBefore) {
  if (::geteuid() != 0) GTEST_SKIP() << kRootOnly;
  const TemporaryFolder folder;
  ASSERT_EQ(::chmod(folder.path().c_str(), 0711), 0);
  const fs::path data = folder / "data";
  const User user;
  make_folder(data, user);
  const std::string certificate = folder / "cert.pem";
  const std::string key = folder / "key.pem";
  make_certificate(certificate, key);
  ASSERT_EQ(::chmod(key.c_str(), 0600), 0);
  const std::uint16_t port = port_of_root();
  // The pipe on standard output is root's: by its name nobody else can open it.
  ServerProcess server(data, {"--listen", "127.0.0.1:" + std::to_string(port), "--admin-listen",
                              "127.0.0.1:0", "--http-redirect", "127.0.0.1:0", "--tls-cert",
                              certificate, "--tls-key", key, "--access-log", "/dev/stdout"});
  server.start();
  expect_rights(server.pid(), user);
  EXPECT_EQ(server.port(), port);
  EXPECT_EQ(HttpClient(server).request("PUT", "/f", {}, "text").status, 201);

  const auto said = [&](const std::string& words) {
    for (int i = 0; i < 600 && server.output().find(words) == std::string::npos; ++i)
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
    EXPECT_THAT(server.output(), HasSubstr(words));
  };
  said("\"method\":\"PUT\"");
  // Another key, which the server may not read: the old one stays.
  make_certificate(certificate, key);
  ASSERT_EQ(::chmod(key.c_str(), 0600), 0);
  ASSERT_EQ(::kill(server.pid(), SIGHUP), 0);
  said("The TLS certificate stays as it was: The key file " + key + " cannot be read");
  EXPECT_EQ(HttpClient(server).request("GET", "/f").body, "text");
  EXPECT_EQ(server.stop(), 0) << server.output();
  expect_owned(data, user);
}

// Where the folder's user could have put a link, root opens nothing.
TEST(Operations, O2_NoLinkLeadsRootsAccessLogAstray) {
  if (::geteuid() != 0) GTEST_SKIP() << kRootOnly;
  const TemporaryFolder folder;
  ASSERT_EQ(::chmod(folder.path().c_str(), 0711), 0);
  const fs::path data = folder / "data";
  make_folder(data, {});
  std::ofstream(folder / "of-root") << "stays";
  ASSERT_EQ(::chmod((folder / "of-root").c_str(), 0600), 0);
  fs::create_symlink(folder / "of-root", data / "access.json");
  expect_refused(
      holdfast({"serve", "--listen", "127.0.0.1:0", "--access-log", data / "access.json"}, data),
      "The access log " + (data / "access.json").string() + " cannot be opened");
  EXPECT_EQ(fs::file_size(folder / "of-root"), 5U);
}

TEST(Operations, O2_InRootsOwnFolderRootStaysAndSaysSo) {
  if (::geteuid() != 0) GTEST_SKIP() << kRootOnly;
  const TemporaryFolder folder;
  const User root{0, 0, 0};
  fs::create_directory(folder / "empty");
  for (const char* name : {"empty", "missing"}) {
    ServerProcess server(folder / name);
    server.start();
    for (const char* line : {"Uid", "Gid"})
      EXPECT_EQ(ids("/proc/" + std::to_string(server.pid()) + "/status", line), (Ids{0, 0, 0, 0}));
    fill(server);
    EXPECT_EQ(server.stop(), 0) << server.output();
    const std::string output = server.output();
    const std::size_t first = output.find("The server runs as root");
    EXPECT_NE(first, std::string::npos) << output;
    EXPECT_EQ(output.find("runs as root", first + 20), std::string::npos) << output;
    expect_done({"user", "add", "anna"}, folder / name);
    expect_owned(folder / name, root);
  }
}

}  // namespace
}  // namespace holdfast::test
