// Clients that scripts/clients brings along: GNOME's gvfs on a session bus of its own, Python's
// webdavclient3, the npm package webdav, TiddlyWiki's saver, duplicity, LibreOffice without a
// screen. What each does stands in the script beside this file. Each runs over http without
// accounts and over https, where the system's list of certificates has the server's for the client
// alone, with an account. The clients of every scripts/test are in tests/integration.
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <gmock/gmock.h>
#include <ostream>
#include <sstream>
#include <string>
#include <sys/stat.h>

#include "tests/support/build_paths.h"
#include "tests/support/certificate.h"
#include "tests/support/http_client.h"
#include "tests/support/process.h"
#include "tests/support/server_process.h"
#include "tests/support/temporary_folder.h"

namespace holdfast::test {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

enum class Gate { http, https };

void PrintTo(Gate door, std::ostream* out) { *out << (door == Gate::http ? "http" : "https"); }

class OtherClients : public ::testing::TestWithParam<Gate> {
 protected:
  void SetUp() override {
    if (https()) {
      if (const auto reason = why_no_trust(); !reason.empty()) GTEST_SKIP() << reason;
      make_certificate(certificate_, folder_ / "key.pem", {"-days", "2"});
    }
    fs::create_directory(folder_ / "home");
    chmod((folder_ / "home").c_str(), 0700);
    std::ofstream(folder_ / "text") << "some text";
  }
  void TearDown() override {
    if (server_.running()) {
      EXPECT_EQ(server_.stop(), 0) << server_.output();
    }
  }

  [[nodiscard]] static bool https() { return GetParam() == Gate::https; }

  // Over https with an account.
  void start() {
    if (https()) {
      ASSERT_EQ(run({.arguments = {holdfast_binary(), "user", "add", "anna", "--home", "/",
                                   "--data", server_.data()},
                     .input = "secret words\n"})
                    .exit_code,
                0);
      authorization_ = {{"Authorization", "Basic YW5uYTpzZWNyZXQgd29yZHM="}};
    }
    server_.start();
  }

  // Runs a script with a program that learns nothing of the user's own settings.
  void run_script(std::vector<std::string> arguments, const std::string& script) {
    fs::copy(source_folder() / "tests/real_clients" / script, folder_ / script);
    arguments.push_back(folder_ / script);
    const bool account = !authorization_.empty();
    Command command{.arguments = std::move(arguments),
                    .environment = {{"GVFS_DISABLE_FUSE", "1"},
                                    {"no_proxy", "*"},
                                    {"CLIENT", client_},
                                    {"ACCOUNT", account ? "anna" : ""},
                                    {"PASSWORD", account ? "secret words" : ""}},
                    .folder = folder_.path(),
                    .timeout = std::chrono::seconds(400)};
    for (const char* folder : {"HOME", "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME", "XDG_DATA_HOME"})
      command.environment.emplace_back(folder, (folder_ / "home").string());
    std::string url = server_.url();
    if (https()) {
      url = "https://localhost:" + std::to_string(server_.port()) + "/";
      command.environment.emplace_back("NODE_EXTRA_CA_CERTS", certificate_);
      command.environment.emplace_back("CERTIFICATE", certificate_);
      command = trusting(certificate_, folder_.path(), std::move(command));
    }
    command.environment.emplace_back("URL", url);
    const auto outcome = run(command);
    EXPECT_EQ(outcome.exit_code, 0) << outcome.output;
    EXPECT_THAT(outcome.output, HasSubstr("all done"));
    output_ = outcome.output;
  }

  Reply ask(const std::string& method, const std::string& path) {
    return HttpClient(server_).request(method, path, authorization_);
  }

  static std::vector<std::string> arguments(const std::string& certificate,
                                            const std::string& key) {
    std::vector<std::string> out = {"--access-log", "off", "--nextcloud", "yes"};
    if (https()) out.insert(out.end(), {"--tls-cert", certificate, "--tls-key", key});
    return out;
  }

  TemporaryFolder folder_;
  const std::string certificate_ = folder_ / "cert.pem";
  ServerProcess server_{folder_ / "data", arguments(certificate_, folder_ / "key.pem")};
  Fields authorization_;
  std::string client_;  // the program that a script shared by several runs
  std::string output_;
};

INSTANTIATE_TEST_SUITE_P(Over, OtherClients, testing::Values(Gate::http, Gate::https),
                         testing::PrintToStringParamName());

TEST_P(OtherClients, GvfsMountsCopiesAndSaves) {
  if (!program_exists("gio") || !fs::exists("/usr/libexec/gvfsd-dav"))
    GTEST_SKIP() << "gvfs is not installed";
  if (!program_exists("dbus-run-session")) GTEST_SKIP() << "there is no session bus to be had";
  start();
  run_script({"dbus-run-session", "--", "bash"}, "gvfs.sh");
  EXPECT_EQ(ask("GET", "/d/c%20%C3%A4%25.txt").body, "changed");
  EXPECT_EQ(ask("HEAD", "/gone.txt").status, 404);
}

TEST_P(OtherClients, PythonWebdavclient3) {
  if (!fs::exists("/usr/lib/python3/dist-packages/webdav3"))
    GTEST_SKIP() << "python3-webdavclient is not installed";
  start();
  run_script({"/usr/bin/python3"}, "webdavclient3.py");
  EXPECT_EQ(ask("GET", "/d/a.txt").body, "some text");
}

TEST_P(OtherClients, SyncClientsOfNextcloudAndOwnCloud) {
  bool any = false;
  for (const char* client : {"nextcloudcmd", "owncloudcmd"}) {
    if (!program_exists(client)) continue;
    any = true;
    SCOPED_TRACE(client);
    fs::remove_all(server_.data());
    start();
    for (const char* folder : {"A", "B", "home-A", "home-B", "sync_client.sh"})
      fs::remove_all(folder_ / folder);
    client_ = client;
    run_script({"bash"}, "sync_client.sh");
    EXPECT_EQ(server_.stop(), 0);
  }
  if (!any) GTEST_SKIP() << "neither nextcloud-desktop-cmd nor owncloud-client-cmd is installed";
}

// Why there is no npm package `name`; else empty, and `folder` has it.
std::string why_no_node(const std::string& name, const fs::path& folder) {
  const char* modules = std::getenv("HOLDFAST_NODE_MODULES");  // where scripts/clients put them
  if (!program_exists("node")) return "node is not installed";
  if (modules == nullptr || !fs::exists(fs::path(modules) / name))
    return "the npm package " + name + " is not installed";
  fs::create_directory_symlink(modules, folder / "node_modules");
  return "";
}

TEST_P(OtherClients, NodeWebdav) {
  if (const auto reason = why_no_node("webdav", folder_.path()); !reason.empty())
    GTEST_SKIP() << reason;
  start();
  run_script({"node"}, "webdav.mjs");
  EXPECT_EQ(ask("GET", "/d/a.txt").body, "some text");
}

// It looks for DAV in the answer to OPTIONS, and saves with If-Match.
TEST_P(OtherClients, TiddlyWikiSaves) {
  if (const auto reason = why_no_node("tiddlywiki", folder_.path()); !reason.empty())
    GTEST_SKIP() << reason;
  start();
  run_script({"node"}, "tiddlywiki.mjs");
}

// Extensions of a browser write with an Origin of their own. Over https with an account they sign
// in by themselves, over http everybody may write.
TEST_P(OtherClients, ChromiumExtensionWrites) {
  if (!program_exists("chromium")) GTEST_SKIP() << "chromium is not installed";
  if (!program_exists("node")) GTEST_SKIP() << "node is not installed";
  start();
  run_script({"node"}, "chromium.mjs");
  EXPECT_EQ(ask("HEAD", "/d/note.txt").status, https() ? 200 : 404);
}

TEST_P(OtherClients, DuplicityBacksUpAndRestores) {
  if (!program_exists("duplicity")) GTEST_SKIP() << "duplicity is not installed";
  start();
  run_script({"bash"}, "duplicity.sh");
  EXPECT_EQ(ask("HEAD", "/backups/one/").status, 200);
}

TEST_P(OtherClients, LibreOfficeOpensAndSaves) {
  if (!program_exists("soffice")) GTEST_SKIP() << "LibreOffice is not installed";
  if (!fs::exists("/usr/lib/python3/dist-packages/uno.py"))
    GTEST_SKIP() << "python3-uno is not installed";
  start();
  run_script({"/usr/bin/python3"}, "libreoffice.py");
  EXPECT_THAT(output_, HasSubstr("\nlocked: 423"));
  EXPECT_THAT(output_, HasSubstr("unlocked: 204"));
  // It is removed, and comes back from the trash with its versions.
  EXPECT_EQ(ask("DELETE", "/letter.odt").status, 204);
  const auto command = [&](std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), holdfast_binary());
    arguments.insert(arguments.end(), {"--data", server_.data()});
    return run({.arguments = std::move(arguments)}).output;
  };
  std::istringstream list(command({"trash", "list"}));
  std::string heading, id;
  std::getline(list, heading);
  list >> id;
  EXPECT_THAT(command({"trash", "restore", id}), HasSubstr("/letter.odt restored"));
  EXPECT_EQ(ask("HEAD", "/letter.odt").status, 200);
  EXPECT_THAT(command({"versions", "list", "/letter.odt"}), HasSubstr("version"));
}

}  // namespace
}  // namespace holdfast::test
