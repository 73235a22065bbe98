// A davfs2 mount: the Linux network drive that locks what it writes.
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <string>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/support/mount.h"
#include "tests/support/process.h"
#include "tests/support/sample_tree.h"
#include "tests/support/server_process.h"
#include "tests/support/temporary_folder.h"

namespace holdfast::test {
namespace {

namespace fs = std::filesystem;

class Davfs2 : public ::testing::Test {
 protected:
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
                           << "cache_dir " << cache_.string() << "\n";
    chmod(config_.c_str(), 0600);
    server_.start();
    ASSERT_NE(server_.banner().find("full"), std::string::npos) << server_.banner();
  }

  Command mount_command(const fs::path& point) const {
    return {.arguments = {"mount.davfs", server_.url(), point, "-o", "conf=" + config_.string()}};
  }

  TemporaryFolder folder_;
  fs::path cache_ = folder_ / "cache";
  fs::path config_ = folder_ / "davfs2.conf";
  fs::path tree_ = folder_ / "tree";
  ServerProcess server_{folder_ / "data", {"--durability", "full"}};
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

}  // namespace
}  // namespace holdfast::test
