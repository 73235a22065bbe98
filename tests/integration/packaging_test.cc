// What packaging/ offers, as far as it can be tried without installing it.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "tests/support/build_paths.h"
#include "tests/support/http_client.h"
#include "tests/support/process.h"
#include "tests/support/server_process.h"
#include "tests/support/temporary_folder.h"

namespace holdfast::test {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::IsSupersetOf;
using Words = std::set<std::string>;

std::string contents(const std::filesystem::path& path) {
  std::ostringstream out;
  out << std::ifstream(path).rdbuf();
  EXPECT_FALSE(out.str().empty()) << path;
  return out.str();
}

std::filesystem::path packaging() { return source_folder() / "packaging"; }

Words words(const std::string& text) {
  std::istringstream in(text);
  Words out;
  for (std::string word; in >> word;) out.insert(word);
  return out;
}

// The units as they are installed, but for the program's place.
class Units : public testing::Test {
 protected:
  void SetUp() override {
    if (!program_exists("systemd-analyze")) GTEST_SKIP() << "systemd is not installed";
    for (const auto& file : std::filesystem::directory_iterator(packaging())) {
      const std::string name = file.path().filename();
      if (!name.ends_with(".service") && !name.ends_with(".socket")) continue;
      paths_.push_back(folder_ / name);
      std::ofstream(paths_.back()) << std::regex_replace(
          contents(file), std::regex("/usr/local/bin/holdfast"), std::string(holdfast_binary()));
    }
    ASSERT_EQ(paths_.size(), 3U);
  }
  // "verify" of all units together.
  [[nodiscard]] Outcome verified() const {
    std::vector<std::string> arguments = {"systemd-analyze", "verify", "--man=no"};
    arguments.insert(arguments.end(), paths_.begin(), paths_.end());
    return run({.arguments = arguments});
  }

  TemporaryFolder folder_;
  std::vector<std::string> paths_;
};

TEST_F(Units, AreAllThatSystemdUnderstands) {
  const Outcome outcome = verified();
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_EQ(outcome.output, "");
  // It says what it does not understand, and yet ends with 0.
  std::ofstream(paths_.front(), std::ios::app) << "\n[Install]\nAlsso=x\n";
  EXPECT_THAT(verified().output, HasSubstr("Alsso"));
}

TEST_F(Units, LetTheServiceDoLittleElse) {
  const Outcome outcome =
      run({.arguments = {"systemd-analyze", "security", "--offline=true", "--no-pager",
                         "--threshold=20", folder_ / "holdfast.service"}});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.output;
  const std::string unit = contents(packaging() / "holdfast.service");
  for (const char* line :
       {// docs/robustness.md O2
        "DynamicUser=yes", "StateDirectory=holdfast", "NoNewPrivileges=yes", "ProtectSystem=strict",
        "ReadWritePaths=/var/lib/holdfast", "MemoryDenyWriteExecute=yes",
        "RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX", "SystemCallFilter=@system-service",
        "LimitNOFILE=65536", "LimitCORE=0", "ProcSubset=pid", "MemoryMax=2G", "TasksMax=256",
        "Type=notify", "RestartPreventExitStatus=2"})
    EXPECT_THAT(unit, HasSubstr("\n" + std::string(line) + "\n"));
}

// The service's own command, on the example settings.
TEST(ExampleSettings, AreTakenByTheServiceAndEveryOneOfThemCanBeSwitchedOn) {
  const TemporaryFolder folder;
  std::string settings = contents(packaging() / "holdfast.conf");
  const std::string start = contents(packaging() / "holdfast.service");
  EXPECT_THAT(start, HasSubstr("\nExecStart=/usr/local/bin/holdfast serve --config "
                               "/etc/holdfast/holdfast.conf --data /var/lib/holdfast\n"));
  const auto serve = [&](const char* name, const std::string& text) {
    // On a free port: the option wins over the file.
    std::ofstream(folder / name) << text;
    ServerProcess server(folder / "data", {"--config", folder / name});
    server.start();
    EXPECT_EQ(HttpClient(server).request("OPTIONS", "/").status, 200);
    EXPECT_EQ(server.stop(), 0);
    return server.banner();
  };
  EXPECT_THAT(serve("holdfast.conf", settings), HasSubstr("anonymous   write"));
  // "#name = value" is an offer; a sentence begins with "# ".
  static const std::regex kOffer("\n#([a-z-]+ = )");
  const auto offers = std::distance(std::sregex_iterator(settings.begin(), settings.end(), kOffer),
                                    std::sregex_iterator());
  EXPECT_GE(offers, 4);
  settings = std::regex_replace(settings, kOffer, "\n$1");
  settings =
      std::regex_replace(settings, std::regex("admin-listen = .*"), "admin-listen = 127.0.0.1:0");
  EXPECT_THAT(serve("all.conf", settings), HasSubstr("/dav/"));
}

// One instruction a line, as Docker reads it.
std::vector<std::string> instructions() {
  std::vector<std::string> out;
  std::string line;
  std::istringstream in(
      std::regex_replace(contents(packaging() / "Dockerfile"), std::regex("\\\\\n"), " "));
  while (std::getline(in, line))
    if (!line.empty() && !line.starts_with('#')) out.push_back(line);
  return out;
}

// The packages of its nth apt-get install.
Words installed(int nth) {
  static const std::regex kInstall("apt-get install -y --no-install-recommends ([^&]*)&&");
  for (const std::string& each : instructions())
    if (std::smatch found; std::regex_search(each, found, kInstall) && nth-- == 0)
      return words(found.str(1));
  return {};
}

std::string variable_of_scripts(const std::string& name) {
  std::smatch found;
  const std::string text = contents(source_folder() / "scripts/lib.sh");
  EXPECT_TRUE(std::regex_search(text, found, std::regex("\n" + name + "=\\(([^)]*)\\)")));
  return found.str(1);
}

// There is no container engine here: what it does is done without one.
TEST(Dockerfile, BuildsTheProgramOfWhatItCopies) {
  EXPECT_EQ(installed(0), words(variable_of_scripts("build_packages")));
  const TemporaryFolder folder;
  std::string build;
  for (const std::string& each : instructions()) {
    const Words parts = words(each);
    EXPECT_FALSE(each.starts_with("ADD")) << each;
    if (each.starts_with("COPY") && each.find("--from") == std::string::npos) {
      std::istringstream in(each.substr(4));
      std::vector<std::string> paths;
      for (std::string path; in >> path;) paths.push_back(path);
      const std::string to = paths.back();
      paths.pop_back();
      for (const std::string& path : paths) {
        ASSERT_TRUE(std::filesystem::exists(source_folder() / path)) << each;
        const std::filesystem::path target = folder / to;
        std::filesystem::copy(
            source_folder() / path,
            std::filesystem::is_directory(source_folder() / path) ? target : target / path,
            std::filesystem::copy_options::recursive);
      }
    }
    if (each.starts_with("RUN cmake")) build = each.substr(4, each.find("&& strip") - 4);
  }
  build.erase(build.find_last_not_of(' ') + 1);
  ASSERT_EQ(build, "cmake --preset release && cmake --build --preset release --target holdfast");
  // Up to what each compiler would be called with, for each file by itself.
  const Outcome outcome = run({.arguments = {"sh", "-c",
                                             "cmake --preset release -D HOLDFAST_UNITY=OFF && "
                                             "ninja -C build/release -t commands holdfast"},
                               .folder = folder / "",
                               .timeout = std::chrono::seconds(300)});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.output;
  for (const char* part : {"/server/main.cc", "/server/auth/gate.cc", "/dav/methods/put.cc",
                           "/storage/files/content_store.cc", "/storage/sqlite/file/schema.cc"})
    EXPECT_THAT(outcome.output, HasSubstr(std::string(folder / "") + &part[1]));
}

TEST(Dockerfile, InstallsTheLibrariesThatTheProgramNeeds) {
  const Words listed = installed(1);
  ASSERT_GE(listed.size(), 5U);
  if (!program_exists("dpkg-query")) GTEST_SKIP() << "this is no Debian";
  // With what these bring along.
  Words there = listed;
  for (const std::string& package : listed) {
    const Outcome outcome = run({.arguments = {"dpkg-query", "-W", "-f", "${Depends}", package}});
    EXPECT_EQ(outcome.exit_code, 0) << outcome.output;
    const Words more =
        words(std::regex_replace(outcome.output, std::regex("\\([^)]*\\)|[,|]"), " "));
    there.insert(more.begin(), more.end());
  }
  const Outcome libraries = run({.arguments = {"ldd", holdfast_binary()}});
  static const std::regex kLibrary("=> (/[^ ]*)");
  int found = 0;
  for (std::sregex_iterator it(libraries.output.begin(), libraries.output.end(), kLibrary), end;
       it != end; ++it) {
    const std::string path = std::filesystem::canonical(it->str(1));
    // Those of sanitizers are not in a release.
    if (path.find("san.so") != std::string::npos) continue;
    const Outcome owner = run({.arguments = {"dpkg-query", "-S", path}});
    if (owner.exit_code != 0) continue;
    const std::string package = owner.output.substr(0, owner.output.find(':'));
    ++found;
    // What libraries of libraries need, their own packages see to.
    if (run({.arguments = {"sh", "-c", "readelf -d \"$1\" | grep NEEDED | grep -qF \"[$2]\"", "sh",
                           holdfast_binary(), std::filesystem::path(it->str(1)).filename()}})
            .exit_code != 0)
      continue;
    EXPECT_TRUE(there.contains(package)) << path << " of " << package;
  }
  EXPECT_GE(found, 8);
}

TEST(Dockerfile, RunsTheProgramAsItsUserOnItsVolume) {
  const std::string text = contents(packaging() / "Dockerfile");
  for (const char* line : {"USER 1000:1000", "VOLUME /data", "EXPOSE 8080", "STOPSIGNAL SIGTERM",
                           "ENV HOLDFAST_DATA=/data HOLDFAST_LISTEN=0.0.0.0:8080",
                           "ENTRYPOINT [\"holdfast\"]", "CMD [\"serve\"]"})
    EXPECT_THAT(text, HasSubstr("\n" + std::string(line) + "\n"));
  // With that environment, and nothing else, it asks who may come in.
  const TemporaryFolder folder;
  const Outcome outcome =
      run({.arguments = {holdfast_binary(), "serve"},
           .environment = {{"HOLDFAST_DATA", folder / "data"}, {"HOLDFAST_LISTEN", "0.0.0.0:0"}}});
  EXPECT_EQ(outcome.exit_code, 2);
  EXPECT_THAT(outcome.output, HasSubstr("There are no accounts"));
}

}  // namespace
}  // namespace holdfast::test
