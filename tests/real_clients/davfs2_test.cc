// A davfs2 mount: the Linux network drive that locks what it writes.
#include <algorithm>
#include <chrono>
#include <ctime>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <functional>
#include <gmock/gmock.h>
#include <memory>
#include <string>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>
#include <utility>
#include <vector>

#include "tests/support/basic.h"
#include "tests/support/http_client.h"
#include "tests/support/mount.h"
#include "tests/support/multistatus.h"
#include "tests/support/process.h"
#include "tests/support/sample_tree.h"
#include "tests/support/scale.h"
#include "tests/support/server_process.h"
#include "tests/support/slow_line.h"
#include "tests/support/temporary_folder.h"

namespace holdfast::test {
namespace {

namespace fs = std::filesystem;

class Davfs2 : public ::testing::Test {
 protected:
  // `more` arguments of the server's, and lines of davfs2's settings.
  explicit Davfs2(const std::vector<std::string>& more = {}, std::string settings = "")
      : settings_(std::move(settings)), server_(folder_ / "data", with_durability(more)) {}

  void SetUp() override {
    if (!program_exists("mount.davfs")) GTEST_SKIP() << "davfs2 is not installed";
    if (geteuid() != 0) GTEST_SKIP() << "mounting with davfs2 needs root";
    if (!fs::exists("/etc/mtab")) GTEST_SKIP() << "mount.davfs needs /etc/mtab";
    if (const auto reason = why_no_fuse(); !reason.empty()) GTEST_SKIP() << reason;
    // The daemon runs as the user davfs2 and must reach its cache.
    chmod(folder_.path().c_str(), 0755);
    fs::create_directory(cache_);
    chmod(cache_.c_str(), 0777);
    std::ofstream(config_) << "ask_auth 0\n"
                           << "use_locks 1\n"
                           << "delay_upload 0\n"
                           << settings_ << "cache_dir " << cache_.string() << "\n";
    chmod(config_.c_str(), 0600);
    server_.start();
    ASSERT_NE(server_.banner().find("full"), std::string::npos) << server_.banner();
  }

  Command mount_command(const fs::path& point) const {
    return {.arguments = {"mount.davfs", server_.url(), point, "-o", "conf=" + config_.string()}};
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

  // davfs2 uploads after close() has returned, and unlocks when the upload was answered. One that
  // is cut off before its answer it sends again with the If-Match of before; the 412 makes it
  // forget the file, and then it may take another one for it.
  void wait_until_unlocked(const std::string& path) {
    HttpClient client(server_.port());
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    const auto locked = [&] {
      const auto answer = client.request("PROPFIND", path, {{"Depth", "0"}});
      EXPECT_EQ(answer.status, 207);
      return answer.body.find("activelock") != std::string::npos;
    };
    while (locked() && std::chrono::steady_clock::now() < end)
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    EXPECT_FALSE(locked()) << path;
  }

  TemporaryFolder folder_;
  fs::path cache_ = folder_ / "cache";
  fs::path config_ = folder_ / "davfs2.conf";
  fs::path tree_ = folder_ / "tree";
  std::string settings_;
  ServerProcess server_;

 private:
  static std::vector<std::string> with_durability(std::vector<std::string> arguments) {
    arguments.insert(arguments.end(), {"--durability", "full"});
    return arguments;
  }
};

TEST_F(Davfs2, WhatAMountTookSurvivesAKill) {
  const std::size_t files = wanted_mount_files(400);
  ASSERT_GE(make_sample_tree(tree_, files), files);
  const auto command = [this](const fs::path& point) { return mount_command(point); };
  {
    Mount mount(folder_ / "mount", command);
    const auto copy = run({.arguments = {"cp", "-r", tree_, mount.point() / "tree"},
                           .timeout = std::chrono::seconds(550)});
    EXPECT_EQ(copy.exit_code, 0) << copy.output;
  }
  server_.kill();
  server_.start();
  {
    // Compared name by name: on recent kernels readdir of Debian's davfs2 1.6.1 fails with EINVAL,
    // whatever the server.
    Mount mount(folder_ / "mount", command);
    EXPECT_EQ(tree_difference(tree_, mount.point() / "tree", true), "");
  }
  ASSERT_EQ(server_.stop(), 0) << server_.output();
  const auto check = run({.arguments = {holdfast_binary(), "check", "--data", server_.data()}});
  EXPECT_EQ(check.exit_code, 0) << check.output;
}

TEST_F(Davfs2, EditsInPlaceAndRenamesOver) {
  {
    // By name, not by address.
    Mount mount(folder_ / "mount", [this](const fs::path& point) {
      Command command = mount_command(point);
      command.arguments[1] = "http://localhost:" + std::to_string(server_.port()) + "/";
      return command;
    });
    const fs::path note = mount.point() / "note.txt";
    write(note, "0123456789");
    {
      std::fstream edited(note, std::ios::in | std::ios::out | std::ios::binary);
      edited.seekp(3);
      edited << "abc";
    }
    EXPECT_EQ(read(note), "012abc6789");
    write(mount.point() / "draft", "the new text");
    fs::rename(mount.point() / "draft", note);
    EXPECT_EQ(read(note), "the new text");
  }
  HttpClient client(server_.port());
  EXPECT_EQ(client.request("GET", "/note.txt").body, "the new text");
  EXPECT_EQ(client.request("HEAD", "/draft").status, 404);
  EXPECT_EQ(server_.stop(), 0) << server_.output();
}

TEST_F(Davfs2, TakesALargeFile) {
  const std::size_t megabytes = at_scale<std::size_t>(500, 20);
  const fs::path large = folder_ / "large";
  ASSERT_EQ(run({.arguments = {"dd", "if=/dev/urandom", "of=" + large.string(), "bs=1M",
                               "count=" + std::to_string(megabytes), "status=none"}})
                .exit_code,
            0);
  {
    Mount mount(folder_ / "mount", [this](const fs::path& point) { return mount_command(point); });
    const auto copy = run({.arguments = {"cp", large, mount.point() / "large"},
                           .timeout = std::chrono::seconds(550)});
    EXPECT_EQ(copy.exit_code, 0) << copy.output;
  }
  const auto sum = run({.arguments = {"sha256sum", large}});
  HttpClient client(server_.port());
  const Reply head = client.request("HEAD", "/large");
  EXPECT_EQ(head.field("Content-Length"), std::to_string(megabytes << 20));
  EXPECT_EQ(head.field("OC-Checksum"), "SHA256:" + sum.output.substr(0, 64));
  EXPECT_EQ(server_.stop(), 0) << server_.output();
}

TEST_F(Davfs2, TwoMountsContendForALock) {
  // davfs2 takes a lock with its own owner's name for one that a crash left it: two people have two
  // names, and caches of their own.
  const auto command_of = [this](const std::string& person) {
    const fs::path cache = folder_ / (person + "-cache");
    fs::create_directory(cache);
    chmod(cache.c_str(), 0777);
    const fs::path config = folder_ / (person + ".conf");
    std::ofstream(config) << "ask_auth 0\nuse_locks 1\ndelay_upload 0\nfile_refresh 0\n"
                          << "dir_refresh 1\nlock_owner " << person << "\ncache_dir "
                          << cache.string() << "\n";
    chmod(config.c_str(), 0600);
    return [this, config](const fs::path& point) {
      Command command = mount_command(point);
      command.arguments.back() = "conf=" + config.string();
      return command;
    };
  };
  const auto ann = command_of("ann");
  const auto bob = command_of("bob");
  {
    Mount one(folder_ / "one", ann);
    write(one.point() / "shared.txt", "first");
    Mount two(folder_ / "two", bob);
    const int writing =
        ::open((one.point() / "shared.txt").c_str(), O_WRONLY | O_TRUNC | O_CLOEXEC);
    ASSERT_GE(writing, 0);
    EXPECT_LT(::open((two.point() / "shared.txt").c_str(), O_WRONLY | O_CLOEXEC), 0);
    EXPECT_EQ(read(two.point() / "shared.txt"), "first");
    EXPECT_EQ(::write(writing, "of one", 6), 6);
    EXPECT_EQ(::close(writing), 0);
  }
  // Nothing is locked any more, and the second mount's turn has come.
  {
    Mount two(folder_ / "two", bob);
    EXPECT_EQ(read(two.point() / "shared.txt"), "of one");
    write(two.point() / "shared.txt", "of two");
  }
  HttpClient client(server_.port());
  EXPECT_EQ(client.request("GET", "/shared.txt").body, "of two");
  EXPECT_EQ(client.request("PUT", "/shared.txt", {}, "x").status, 204);  // no lock stays behind
  EXPECT_EQ(server_.stop(), 0) << server_.output();
}

TEST_F(Davfs2, TheServerRestartsUnderneath) {
  {
    Mount mount(folder_ / "mount", [this](const fs::path& point) { return mount_command(point); });
    write(mount.point() / "before.txt", "before");
    wait_until_unlocked("/before.txt");
    server_.kill();
    server_.start();
    EXPECT_EQ(read(mount.point() / "before.txt"), "before");
    write(mount.point() / "after.txt", "after");
    write(mount.point() / "before.txt", "edited");
  }
  HttpClient client(server_.port());
  EXPECT_EQ(client.request("GET", "/before.txt").body, "edited");
  EXPECT_EQ(client.request("GET", "/after.txt").body, "after");
  EXPECT_EQ(server_.stop(), 0) << server_.output();
}

TEST_F(Davfs2, EditsRenamesAndRemoves) {
  const auto command = [this](const fs::path& point) { return mount_command(point); };
  {
    Mount mount(folder_ / "mount", command);
    std::ofstream(mount.point() / "note.txt") << "first";
    std::ofstream(mount.point() / "note.txt", std::ios::app) << ", second";
    fs::create_directory(mount.point() / "folder");
    fs::rename(mount.point() / "note.txt", mount.point() / "folder" / "note.txt");
    std::ofstream(mount.point() / "gone.txt") << "gone";
    fs::remove(mount.point() / "gone.txt");
  }
  {
    Mount mount(folder_ / "mount", command);
    std::ifstream note(mount.point() / "folder" / "note.txt");
    EXPECT_EQ(std::string(std::istreambuf_iterator<char>(note), {}), "first, second");
    EXPECT_FALSE(fs::exists(mount.point() / "note.txt"));
    EXPECT_FALSE(fs::exists(mount.point() / "gone.txt"));
  }
  EXPECT_EQ(server_.stop(), 0) << server_.output();
}

// What a session on a mounted drive destroys comes back by the drive itself, by a command, and by a
// client that asks for versions.
class Davfs2WithThePast : public Davfs2 {
 protected:
  Davfs2WithThePast() : Davfs2({"--history-name", ".history", "--anonymous", "write"}) {}

  void SetUp() override {
    const auto added = run({.arguments = {holdfast_binary(), "user", "add", "ann", "--home", "/",
                                          "--data", folder_ / "data"},
                            .input = "a long secret\n"});
    ASSERT_EQ(added.exit_code, 0) << added.output;
    Davfs2::SetUp();
  }
  int ann(const char* method, const char* path, const char* body = "") {
    HttpClient client(server_.port());
    return client.request(method, path, {{"Authorization", basic("ann", "a long secret")}}, body)
        .status;
  }
  std::string command(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), holdfast_binary());
    arguments.insert(arguments.end(), {"--data", server_.data()});
    const auto outcome = run({.arguments = std::move(arguments)});
    EXPECT_EQ(outcome.exit_code, 0) << outcome.output;
    return outcome.output;
  }
};

TEST_F(Davfs2WithThePast, BringsEverythingBack) {
  // Another's: what one user stores twice in a minute is one version.
  EXPECT_EQ(ann("PUT", "/report.txt", "a year's work"), 201);
  EXPECT_EQ(ann("PUT", "/notes.txt", "notes"), 201);
  EXPECT_EQ(ann("MKCOL", "/photos"), 201);
  EXPECT_EQ(ann("PUT", "/photos/one.jpg", "one"), 201);
  EXPECT_EQ(ann("PUT", "/photos/two.jpg", "two"), 201);
  std::this_thread::sleep_for(std::chrono::milliseconds(1100));
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  gmtime_r(&now, &parts);
  char then[32];
  std::strftime(then, sizeof(then), "%Y-%m-%dT%H-%M-%SZ", &parts);
  std::string colons(then);
  std::replace(colons.begin() + 10, colons.end(), '-', ':');
  std::this_thread::sleep_for(std::chrono::milliseconds(1100));
  const auto drive = [this](const fs::path& point) { return mount_command(point); };
  {
    Mount mount(folder_ / "mount", drive);
    write(mount.point() / "report.txt", "nonsense");
    write(mount.point() / "draft", "another's notes");
    fs::rename(mount.point() / "draft", mount.point() / "notes.txt");
    // By name, because readdir may fail here whatever the server.
    for (const char* name : {"photos/one.jpg", "photos/two.jpg", "photos"})
      EXPECT_TRUE(fs::remove(mount.point() / name)) << name;
  }
  EXPECT_EQ(ann("HEAD", "/photos/"), 404);
  HttpClient client(server_.port());
  EXPECT_EQ(client.request("GET", "/report.txt").body, "nonsense");
  EXPECT_EQ(client.request("GET", "/notes.txt").body, "another's notes");

  // By the drive: the past is another one, from which files are copied.
  {
    Mount mount(folder_ / "mount", drive);
    Mount past(folder_ / "past", [&](const fs::path& point) {
      Command command = mount_command(point);
      command.arguments[1] += std::string(".history/") + then + "/";
      return command;
    });
    EXPECT_EQ(read(past.point() / "report.txt"), "a year's work");
    EXPECT_EQ(read(past.point() / "photos" / "one.jpg"), "one");
    EXPECT_EQ(read(past.point() / "notes.txt"), "notes");
    fs::copy_file(past.point() / "notes.txt", mount.point() / "notes.txt",
                  fs::copy_options::overwrite_existing);
  }
  EXPECT_EQ(client.request("GET", "/notes.txt").body, "notes");

  // By command: the photos, of which the drive removed one after the other.
  EXPECT_THAT(command({"history", "undo", "/photos", "--at", colons}),
              testing::HasSubstr("as it was then"));
  EXPECT_EQ(client.request("GET", "/photos/one.jpg").body, "one");
  EXPECT_EQ(client.request("GET", "/photos/two.jpg").body, "two");

  // By REPORT: the version of 13 bytes is what was there, and COPY restores it.
  const Reply report =
      client.request("REPORT", "/report.txt", {},
                     "<D:version-tree xmlns:D=\"DAV:\"><D:prop><D:getcontentlength/></D:prop>"
                     "</D:version-tree>");
  std::string version;
  for (const auto& response : parse_multistatus(report.body))
    if (response.properties.at(200).at("{DAV:}getcontentlength") == "13") version = response.href;
  ASSERT_NE(version, "") << report.body;
  EXPECT_EQ(client.request("COPY", version, {{"Destination", server_.url() + "report.txt"}}).status,
            204);
  EXPECT_EQ(client.request("GET", "/report.txt").body, "a year's work");
  EXPECT_EQ(server_.stop(), 0) << server_.output();
}

// Its line is so slow that a file takes twice as long as the lock that davfs2 asks for, and davfs2
// refreshes no lock while it sends.
class Davfs2OverASlowLine : public Davfs2 {
 protected:
  static constexpr std::size_t kPace = 200'000;  // bytes per second
  static constexpr std::chrono::seconds kLease{5};

  Davfs2OverASlowLine() : Davfs2OverASlowLine(std::make_unique<SlowLine>(kPace)) {}

  void SetUp() override {
    Davfs2::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    line_->lead_to(server_.port());
    content_.resize(kPace * 2 * static_cast<std::size_t>(kLease.count()));
    for (std::size_t i = 0; i < content_.size(); ++i)
      content_[i] = static_cast<char>(i * 2'654'435'761U >> 13);
  }

  std::function<Command(const fs::path&)> command() {
    return [this](const fs::path& point) {
      Command command = mount_command(point);
      command.arguments[1] = line_->url();
      return command;
    };
  }

  // What davfs2 could not send it puts there.
  static void expect_nothing_lost(const fs::path& point) {
    const auto left =
        run({.arguments = {"sh", "-c", "ls -A \"$1\" 2>/dev/null", "sh", point / "lost+found"}});
    EXPECT_EQ(left.output, "");
  }

  std::string content_;
  std::unique_ptr<SlowLine> line_;

 private:
  explicit Davfs2OverASlowLine(std::unique_ptr<SlowLine> line)
      : Davfs2({"--public-url", line->url(), "--anonymous", "write"},
               "lock_timeout " + std::to_string(kLease.count()) + "\nlock_refresh 2\n"),
        line_(std::move(line)) {}
};

TEST_F(Davfs2OverASlowLine, KeepsAFileThatTakesLongerThanItsLock) {
  HttpClient other(server_.port());
  {
    Mount mount(folder_ / "mount", command());
    const auto begin = std::chrono::steady_clock::now();
    write(mount.point() / "new.bin", content_);
    // The lease is over, the upload is not: nobody else may write.
    std::this_thread::sleep_until(begin + kLease + std::chrono::seconds(2));
    EXPECT_LT(line_->sent(), content_.size());
    EXPECT_EQ(other.request("PUT", "/new.bin", {}, "theirs").status, 423);
    wait_until_unlocked("/new.bin");
    EXPECT_GT(std::chrono::steady_clock::now() - begin, kLease * 3 / 2);
    EXPECT_TRUE(other.request("GET", "/new.bin").body == content_);
    // Over what is there, too.
    std::reverse(content_.begin(), content_.end());
    write(mount.point() / "new.bin", content_);
    wait_until_unlocked("/new.bin");
    expect_nothing_lost(mount.point());
  }
  EXPECT_TRUE(other.request("GET", "/new.bin").body == content_);
  EXPECT_EQ(other.request("PUT", "/new.bin", {}, "theirs").status, 204);
  EXPECT_EQ(server_.stop(), 0) << server_.output();
}

TEST_F(Davfs2OverASlowLine, SavesAFileThatWasOpenLongerThanItsLock) {
  HttpClient other(server_.port());
  {
    Mount mount(folder_ / "mount", command());
    write(mount.point() / "note.txt", "first");
    wait_until_unlocked("/note.txt");
    {
      std::ofstream note(mount.point() / "note.txt", std::ios::app);
      note << ", second" << std::flush;
      std::this_thread::sleep_for(kLease + std::chrono::seconds(2));
    }
    wait_until_unlocked("/note.txt");
    expect_nothing_lost(mount.point());
  }
  EXPECT_EQ(other.request("GET", "/note.txt").body, "first, second");
  EXPECT_EQ(server_.stop(), 0) << server_.output();
}

}  // namespace
}  // namespace holdfast::test
