// Clients that scripts/clients brings along: GNOME's gvfs on a session bus of its own, Python's
// webdavclient3, the npm package webdav, LibreOffice without a screen. What each does stands in the
// script beside this file. The clients of every scripts/test are in tests/integration.
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <gmock/gmock.h>
#include <string>
#include <sys/stat.h>

#include "tests/support/build_paths.h"
#include "tests/support/http_client.h"
#include "tests/support/process.h"
#include "tests/support/server_process.h"
#include "tests/support/temporary_folder.h"

namespace holdfast::test {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

class OtherClients : public ::testing::Test {
 protected:
  void SetUp() override {
    server_.start();
    fs::create_directory(folder_ / "home");
    chmod((folder_ / "home").c_str(), 0700);
    std::ofstream(folder_ / "text") << "some text";
  }
  void TearDown() override {
    if (server_.running()) {
      EXPECT_EQ(server_.stop(), 0) << server_.output();
    }
  }

  // Runs a script with a program that learns nothing of the user's own settings.
  void run_script(std::vector<std::string> arguments, const std::string& script) {
    fs::copy(source_folder() / "tests/real_clients" / script, folder_ / script);
    arguments.push_back(folder_ / script);
    std::vector<std::pair<std::string, std::string>> environment = {
        {"GVFS_DISABLE_FUSE", "1"}, {"no_proxy", "*"}, {"URL", server_.url()}};
    for (const char* folder : {"HOME", "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME", "XDG_DATA_HOME"})
      environment.emplace_back(folder, (folder_ / "home").string());
    const auto outcome = run({.arguments = std::move(arguments),
                              .environment = std::move(environment),
                              .folder = folder_.path(),
                              .timeout = std::chrono::seconds(400)});
    EXPECT_EQ(outcome.exit_code, 0) << outcome.output;
    EXPECT_THAT(outcome.output, HasSubstr("all done"));
    output_ = outcome.output;
  }

  Reply ask(const std::string& method, const std::string& path) {
    return HttpClient(server_.port()).request(method, path);
  }

  TemporaryFolder folder_;
  ServerProcess server_{folder_ / "data", {"--access-log", "off"}};
  std::string output_;
};

TEST_F(OtherClients, GvfsMountsCopiesAndSaves) {
  if (!program_exists("gio") || !fs::exists("/usr/libexec/gvfsd-dav"))
    GTEST_SKIP() << "gvfs is not installed";
  if (!program_exists("dbus-run-session")) GTEST_SKIP() << "there is no session bus to be had";
  run_script({"dbus-run-session", "--", "bash"}, "gvfs.sh");
  EXPECT_EQ(ask("GET", "/d/c%20%C3%A4%25.txt").body, "changed");
  EXPECT_EQ(ask("HEAD", "/gone.txt").status, 404);
}

TEST_F(OtherClients, PythonWebdavclient3) {
  if (!fs::exists("/usr/lib/python3/dist-packages/webdav3"))
    GTEST_SKIP() << "python3-webdavclient is not installed";
  run_script({"/usr/bin/python3"}, "webdavclient3.py");
  EXPECT_EQ(ask("GET", "/d/a.txt").body, "some text");
}

TEST_F(OtherClients, NodeWebdav) {
  const char* modules = std::getenv("HOLDFAST_NODE_MODULES");  // where scripts/clients put them
  if (!program_exists("node")) GTEST_SKIP() << "node is not installed";
  if (modules == nullptr || !fs::exists(fs::path(modules) / "webdav"))
    GTEST_SKIP() << "the npm package webdav is not installed";
  fs::create_directory_symlink(modules, folder_ / "node_modules");
  run_script({"node"}, "webdav.mjs");
  EXPECT_EQ(ask("GET", "/d/a.txt").body, "some text");
}

TEST_F(OtherClients, LibreOfficeOpensAndSaves) {
  if (!program_exists("soffice")) GTEST_SKIP() << "LibreOffice is not installed";
  if (!fs::exists("/usr/lib/python3/dist-packages/uno.py"))
    GTEST_SKIP() << "python3-uno is not installed";
  run_script({"/usr/bin/python3"}, "libreoffice.py");
  EXPECT_THAT(output_, HasSubstr("\nlocked: 423"));
  EXPECT_THAT(output_, HasSubstr("unlocked: 204"));
}

}  // namespace
}  // namespace holdfast::test
