// rclone: a real tree goes up, the server is killed at once, and nothing is missing. The same
// through a mounted drive.
#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "http/date.h"
#include "tests/real_clients/signed_in.h"
#include "tests/support/mount.h"
#include "tests/support/process.h"
#include "tests/support/sample_tree.h"
#include "tests/support/scale.h"
#include "tests/support/server_process.h"
#include "tests/support/temporary_folder.h"
#include "text/ascii.h"
#include "text/percent.h"

namespace holdfast::test {
namespace {

constexpr std::chrono::seconds kPatience{550};
const std::size_t kFiles = at_scale(10'000, 2'000);
// One rclone sends at most a hundred WebDAV requests a second, so several work side by side.
constexpr std::size_t kParts = 8;
// A mount is one client with the same pace. HOLDFAST_MOUNT_FILES asks for more.
constexpr std::size_t kMountFiles = 400;

class Rclone : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!program_exists("rclone")) GTEST_SKIP() << "rclone is not installed";
    server_.start();
    ASSERT_NE(server_.banner().find("full"), std::string::npos) << server_.banner();
  }

  Command rclone(std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(), "rclone");
    return {.arguments = std::move(arguments),
            // Nothing of the user's own rclone configuration may reach the test.
            .environment = {{"RCLONE_CONFIG", (folder_ / "rclone.conf").string()},
                            {"RCLONE_CACHE_DIR", (folder_ / "cache").string()},
                            {"RCLONE_WEBDAV_URL", server_.url()},
                            {"RCLONE_WEBDAV_VENDOR", "other"},
                            {"no_proxy", "*"}},
            .timeout = kPatience};
  }

  void kill_and_restart() {
    server_.kill();
    server_.start();
  }

  // Calls `work` with the name of every part of the tree, all at once.
  static void for_every_part(const std::function<void(const std::string&)>& work) {
    std::vector<std::thread> threads;
    for (std::size_t number = 0; number < kParts; ++number) {
      threads.emplace_back([&work, part = "part-" + std::to_string(number)] { work(part); });
    }
    for (auto& thread : threads) thread.join();
  }

  // The store agrees with itself, first asked beside the running server, then without it.
  void check_store() {
    for (const bool running : {true, false}) {
      if (!running) {
        ASSERT_EQ(server_.stop(), 0) << server_.output();
      }
      const auto check = run({.arguments = {holdfast_binary(), "check", "--data", server_.data()}});
      EXPECT_EQ(check.exit_code, 0) << check.output;
    }
  }

  TemporaryFolder folder_;
  std::filesystem::path tree_ = folder_ / "tree";
  ServerProcess server_{folder_ / "data", {"--durability", "full"}};
};

TEST_F(Rclone, WhatItCopiedSurvivesAKill) {
  ASSERT_GE(make_sample_tree(tree_, kFiles, kParts), kFiles);
  for_every_part([this](const std::string& part) {
    const auto copy =
        run(rclone({"copy", "--transfers", "4", "--retries", "1", "--create-empty-src-dirs",
                    tree_ / part, ":webdav:tree/" + part}));
    EXPECT_EQ(copy.exit_code, 0) << copy.output;
  });
  server_.kill();
  server_.start();
  for_every_part([this](const std::string& part) {
    const auto check = run(
        rclone({"check", "--download", "--checkers", "4", tree_ / part, ":webdav:tree/" + part}));
    EXPECT_EQ(check.exit_code, 0) << check.output;
    EXPECT_NE(check.output.find(" 0 differences found"), std::string::npos) << check.output;
  });
  check_store();
}

// Somebody rewrites and renames every file, removes a part of them and leaves a note. One command
// brings everything back, and a second one what it has undone.
TEST_F(Rclone, WhatRansomwareDidIsUndoneAsOneAct) {
  ASSERT_GE(make_sample_tree(tree_, kFiles, kParts), kFiles);
  for_every_part([this](const std::string& part) {
    const auto copy =
        run(rclone({"copy", "--transfers", "4", "--retries", "1", "--create-empty-src-dirs",
                    tree_ / part, ":webdav:tree/" + part}));
    EXPECT_EQ(copy.exit_code, 0) << copy.output;
  });
  // What the same user stores twice in one minute is one version.
  using Clock = std::chrono::system_clock;
  const auto uploaded = Clock::now();
  std::this_thread::sleep_for(std::chrono::seconds(61));
  const std::string before = http::format_rfc3339(
      std::chrono::duration_cast<std::chrono::seconds>(Clock::now().time_since_epoch()).count());
  std::this_thread::sleep_for(std::chrono::seconds(2));

  const auto encoded = [this](const std::filesystem::path& file) {
    std::string target = "/tree/";
    text::append_encoded(target, std::filesystem::relative(file, tree_).string(),
                         text::ByteSet::alphanumeric_and("/-_."));
    return target;
  };
  const auto attacked = Clock::now();
  for_every_part([&](const std::string& part) {
    HttpClient client(server_.port());
    const auto expect = [&](int status, std::string_view method, const std::string& target,
                            const Fields& fields = {}, std::string_view body = {}) {
      EXPECT_EQ(client.request(method, target, fields, body).status, status)
          << method << " " << target;
    };
    if (part == "part-0") return expect(204, "DELETE", "/tree/part-0/");
    for (const auto& entry : std::filesystem::recursive_directory_iterator(tree_ / part)) {
      if (!entry.is_regular_file()) continue;
      const std::string target = encoded(entry.path());
      expect(204, "PUT", target, {}, "encrypted " + target);
      expect(201, "MOVE", target, {{"Destination", target + ".locked"}});
    }
    expect(201, "PUT", "/tree/" + part + "/READ_ME.txt", {}, "pay");
  });
  const auto took = [](Clock::time_point from) {
    return std::to_string(
        std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - from).count());
  };
  RecordProperty("attack_ms", took(attacked));
  RecordProperty("since_upload_ms", took(uploaded));

  const auto undo = [this](const std::string& at) {
    const auto outcome = run({.arguments = {holdfast_binary(), "history", "undo", "/tree", "--at",
                                            at, "--data", server_.data()},
                              .timeout = kPatience});
    EXPECT_EQ(outcome.exit_code, 0) << outcome.output;
    return outcome.output;
  };
  const auto undone = Clock::now();
  const std::string said = undo(before);
  RecordProperty("undo_ms", took(undone));
  const auto check_original = [&] {
    for_every_part([this](const std::string& part) {
      const auto check = run(
          rclone({"check", "--download", "--checkers", "4", tree_ / part, ":webdav:tree/" + part}));
      EXPECT_EQ(check.exit_code, 0) << check.output;
      EXPECT_NE(check.output.find(" 0 differences found"), std::string::npos) << check.output;
    });
  };
  check_original();
  // Back to what ransomware left, and forth again.
  const std::string marker = "--at ";
  const std::string attack =
      said.substr(said.rfind(marker) + marker.size(),
                  said.find_last_not_of('\n') - said.rfind(marker) - marker.size() + 1);
  undo(attack);
  HttpClient client(server_.port());
  EXPECT_EQ(client.request("GET", "/tree/part-0/").status, 404);
  EXPECT_EQ(client.request("GET", "/tree/part-1/READ_ME.txt").body, "pay");
  undo(before);
  check_original();
  check_store();
}

TEST_F(Rclone, SyncsOnceWithDatesAndChecksums) {  // --webdav-vendor owncloud
  ASSERT_GE(make_sample_tree(tree_, 60), 60U);
  std::filesystem::last_write_time(
      *std::filesystem::directory_iterator(tree_),
      std::filesystem::file_time_type::clock::now() - std::chrono::hours(24 * 365));
  const auto owncloud = [this](std::vector<std::string> arguments) {
    arguments.insert(arguments.end(), {"--webdav-vendor", "owncloud", "--retries", "1"});
    return run(rclone(std::move(arguments)));
  };
  auto done = owncloud({"copy", tree_, ":webdav:tree"});
  EXPECT_EQ(done.exit_code, 0) << done.output;
  // By SHA-1, which the server kept because rclone announced it: nothing is read again.
  done = owncloud({"check", tree_, ":webdav:tree"});
  EXPECT_EQ(done.exit_code, 0) << done.output;
  EXPECT_NE(done.output.find(" 0 differences found"), std::string::npos) << done.output;
  EXPECT_EQ(done.output.find("hashes could not be checked"), std::string::npos) << done.output;
  // By date and by checksum alike nothing is left to do.
  for (const char* by : {"--update", "--checksum"}) {
    done = owncloud({"sync", "-v", by, tree_, ":webdav:tree"});
    EXPECT_EQ(done.exit_code, 0) << done.output;
    EXPECT_EQ(done.output.find("Copied"), std::string::npos) << by << done.output;
    EXPECT_EQ(done.output.find("Updated modification time"), std::string::npos) << done.output;
  }
  const auto names = [](const Outcome& outcome) {
    std::vector<std::string> lines;
    std::istringstream text(outcome.output);
    // Notices carry the time of day.
    for (std::string line; std::getline(text, line);)
      if (line.find(" NOTICE: ") == std::string::npos) lines.push_back(line);
    std::sort(lines.begin(), lines.end());
    return lines;
  };
  EXPECT_EQ(names(run(rclone({"lsf", "-R", "--files-only", "--format", "pt", tree_}))),
            names(owncloud({"lsf", "-R", "--files-only", "--format", "pt", ":webdav:tree"})));
  // What has gone here goes there.
  std::filesystem::remove_all(*std::filesystem::directory_iterator(tree_));
  done = owncloud({"sync", tree_, ":webdav:tree"});
  EXPECT_EQ(done.exit_code, 0) << done.output;
  done = owncloud({"check", tree_, ":webdav:tree"});
  EXPECT_EQ(done.exit_code, 0) << done.output;
  check_store();
}

TEST_F(Rclone, WhatAMountTookSurvivesAKill) {
  if (const auto reason = why_no_fuse(); !reason.empty()) GTEST_SKIP() << reason;
  const std::size_t files = wanted_mount_files(kMountFiles);
  ASSERT_GE(make_sample_tree(tree_, files), files);
  const auto mount_command = [this](const std::filesystem::path& point) {
    return rclone(
        {"mount", "--vfs-cache-mode", "off", "--dir-cache-time", "1s", ":webdav:", point});
  };
  {
    Mount mount(folder_ / "mount", mount_command);
    const auto copy =
        run({.arguments = {"cp", "-r", tree_, mount.point() / "tree"}, .timeout = kPatience});
    EXPECT_EQ(copy.exit_code, 0) << copy.output;
  }
  kill_and_restart();
  {
    Mount mount(folder_ / "mount", mount_command);
    const auto diff =
        run({.arguments = {"diff", "-r", tree_, mount.point() / "tree"}, .timeout = kPatience});
    EXPECT_EQ(diff.exit_code, 0) << diff.output;
  }
  check_store();
}

// With the options that the server prints. rclone sends a file some seconds after it was closed. It
// fails itself when cp -p sets permissions, which a WebDAV server does not have.
TEST_F(Rclone, AMountKeepsTheDatesThatCpKeeps) {
  if (const auto reason = why_no_fuse(); !reason.empty()) GTEST_SKIP() << reason;
  const std::string local = folder_ / "old.txt";
  std::ofstream(local) << "text";
  ASSERT_EQ(run({.arguments = {"touch", "-d", "2001-02-03T04:05:06Z", local}}).exit_code, 0);
  Mount mount(folder_ / "mount", [this](const std::filesystem::path& point) {
    return rclone(
        {"mount", "--vfs-cache-mode", "writes", "--webdav-vendor", "owncloud", ":webdav:", point});
  });
  const auto copy =
      run({.arguments = {"cp", "--preserve=timestamps", local, mount.point() / "new.txt"}});
  EXPECT_EQ(copy.exit_code, 0) << copy.output;
  Reply there;
  for (int i = 0; i < 300 && there.status != 200; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    there = HttpClient(server_.port()).request("GET", "/new.txt");
  }
  EXPECT_EQ(there.body, "text");
  EXPECT_EQ(there.field("Last-Modified"), "Sat, 03 Feb 2001 04:05:06 GMT");
}

// rclone then sends a Destination with the name and the password in it.
class RcloneWithCredentialsInItsUrl : public SignedIn {
 protected:
  void SetUp() override {
    if (!program_exists("rclone")) GTEST_SKIP() << "rclone is not installed";
    start_with_account();
  }

  Outcome rclone(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {"rclone", "--retries", "1"});
    return run({.arguments = std::move(arguments),
                .environment = {{"RCLONE_CONFIG", (folder_ / "rclone.conf").string()},
                                {"RCLONE_CACHE_DIR", (folder_ / "cache").string()},
                                {"no_proxy", "*"}},
                .folder = folder_.path()});
  }
  void done(std::vector<std::string> arguments) {
    const auto outcome = rclone(std::move(arguments));
    EXPECT_EQ(outcome.exit_code, 0) << outcome.output;
  }
  std::string there(const std::string& path, const std::string& password = kPasswordInUrl) {
    return ":webdav,vendor=owncloud,url='" + url_with_credentials(password) + "':" + path;
  }
};

TEST_F(RcloneWithCredentialsInItsUrl, CopiesAndMovesFiles) {
  const std::string content = bytes(2 << 20);
  write(folder_ / "a.txt", content);
  done({"copyto", "a.txt", there("d/x.txt")});
  done({"moveto", there("d/x.txt"), there("d/y ä%.txt")});
  done({"copyto", there("d/y ä%.txt"), there("e/z.txt")});
  EXPECT_TRUE(stored("/d/y%20%C3%A4%25.txt") == content);
  EXPECT_TRUE(stored("/e/z.txt") == content);
  EXPECT_EQ(status_of("/d/x.txt"), 404);
  // Over what is there.
  write(folder_ / "b.txt", "other");
  done({"copyto", "b.txt", there("b.txt")});
  done({"moveto", there("b.txt"), there("e/z.txt")});
  EXPECT_EQ(stored("/e/z.txt"), "other");
  done({"copyto", there("e/z.txt"), "back.txt"});
  EXPECT_EQ(read(folder_ / "back.txt"), "other");
}

TEST_F(RcloneWithCredentialsInItsUrl, MovesAndSyncsTrees) {
  ASSERT_GE(make_sample_tree(folder_ / "tree", 40), 40U);
  done({"copy", "tree", there("tree")});
  done({"moveto", there("tree"), there("moved/tree")});
  EXPECT_EQ(status_of("/tree/"), 404);
  done({"check", "--download", "tree", there("moved/tree")});
  done({"sync", there("moved/tree"), there("copied")});
  done({"check", "--download", "tree", there("copied")});
  done({"purge", there("moved")});
  EXPECT_EQ(status_of("/moved/"), 404);
}

TEST_F(RcloneWithCredentialsInItsUrl, IsRefusedWithAWrongPassword) {
  write(folder_ / "a.txt", "mine");
  const auto refused = rclone({"copyto", "a.txt", there("a.txt", "wrong")});
  EXPECT_NE(refused.exit_code, 0);
  EXPECT_NE(refused.output.find("401"), std::string::npos) << refused.output;
  EXPECT_EQ(status_of("/a.txt"), 404);
}

}  // namespace
}  // namespace holdfast::test
