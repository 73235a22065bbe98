// A disk that is full, fails or turns read-only, on each file system that this machine has: reading
// and removing go on, nothing acknowledged is lost, the server starts and ends as it should, and
// `check` and `backup` work (docs/robustness.md E1, G10).
#include <atomic>
#include <chrono>
#include <csignal>
#include <fstream>
#include <gtest/gtest.h>
#include <map>
#include <memory>
#include <string>
#include <sys/mount.h>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>
#include <vector>

#include "tests/support/block_device.h"
#include "tests/support/file_system.h"
#include "tests/support/http_client.h"
#include "tests/support/process.h"
#include "tests/support/server_process.h"
#include "tests/support/temporary_folder.h"

namespace holdfast::test {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

const std::vector<std::string> kArguments = {"--free-space-floor", "0", "--access-log", "off"};

std::vector<std::string> arguments(const std::string& durability) {
  std::vector<std::string> all = kArguments;
  all.insert(all.end(), {"--durability", durability});
  return all;
}

// What a client has been told is stored.
class Stored {
 public:
  explicit Stored(const ServerProcess& server) : server_(&server) {}

  void plant() {
    HttpClient client(server_->port());
    ASSERT_EQ(client.request("MKCOL", "/c").status, 201);
    for (int i = 0; i < 24; ++i) {
      const std::string path = "/c/" + std::to_string(i);
      const std::size_t size = i % 3 == 0 ? 200'000 + static_cast<std::size_t>(i) : 20'000;
      files_[path] = std::string(size, static_cast<char>('a' + i));
      ASSERT_EQ(client.request("PUT", path, {}, files_[path]).status, 201) << path;
    }
  }
  // The status; success enters the books, and so does nothing else.
  int put(HttpClient& client, const std::string& path, const std::string& body) {
    const int status = client.request("PUT", path, {}, body).status;
    if (status == 201 || status == 204) files_[path] = body;
    return status;
  }
  int remove_one(HttpClient& client) {
    if (files_.empty()) return 204;
    const auto first = files_.begin();
    const int status = client.request("DELETE", first->first).status;
    if (status == 204) files_.erase(first);
    return status;
  }
  void expect_readable() const {
    HttpClient client(server_->port());
    for (const auto& [path, body] : files_) {
      const Reply reply = client.request("GET", path);
      EXPECT_EQ(reply.status, 200) << path;
      EXPECT_TRUE(reply.body == body) << path;
    }
    const Reply listing = client.request("PROPFIND", "/c", {{"Depth", "1"}});
    EXPECT_EQ(listing.status, 207);
    std::size_t members = 0;
    for (std::size_t at = 0; (at = listing.body.find("<D:response>", at)) != std::string::npos;
         ++at)
      ++members;
    EXPECT_EQ(members, files_.size() + 1);
  }
  [[nodiscard]] std::size_t count() const { return files_.size(); }

 private:
  const ServerProcess* server_;
  std::map<std::string, std::string> files_;
};

// `check` and `backup` beside the running server, or without one.
void expect_tools_work(const fs::path& data, const fs::path& backup) {
  Outcome outcome = run({.arguments = {holdfast_binary(), "check", "--hashes", "--data", data}});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.output;
  outcome = run({.arguments = {holdfast_binary(), "backup", backup, "--data", data}});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.output;
}

class Disks : public testing::TestWithParam<std::tuple<FileSystem, const char*>> {
 protected:
  void SetUp() override {
    if (const std::string reason = why_no_disk_image(kind()); !reason.empty())
      GTEST_SKIP() << reason;
  }
  static FileSystem kind() { return std::get<0>(GetParam()); }
  static std::string durability() { return std::get<1>(GetParam()); }

  TemporaryFolder folder_;
};
INSTANTIATE_TEST_SUITE_P(, Disks,
                         testing::Combine(testing::ValuesIn(kFileSystems),
                                          testing::Values("full", "relaxed")),
                         [](const auto& disk) {
                           return name_of(std::get<0>(disk.param)) + "_" + std::get<1>(disk.param);
                         });

// Another program takes every byte, again and again: also what a removal gave back.
TEST_P(Disks, FilledByAnotherProgramStillReadAndRemove) {
  DiskImage disk({.kind = kind()});
  ServerProcess server(disk.point() / "data", arguments(durability()));
  server.start();
  Stored stored(server);
  stored.plant();
  for (int round = 0; round < 3; ++round) {
    SCOPED_TRACE(round);
    disk.fill();
    stored.expect_readable();
    {
      HttpClient client(server.port());
      EXPECT_EQ(stored.put(client, "/c/new", std::string(3'000'000, 'n')), 507);
      for (int i = 0; i < 3; ++i) {
        EXPECT_EQ(stored.remove_one(client), 204);
        disk.fill();
      }
    }
    stored.expect_readable();
    // A full xfs has no room for the control socket either: a server that was started on one cannot
    // be reached by commands.
    const bool reachable = server.output().find("no command reaches") == std::string::npos;
    EXPECT_TRUE(reachable || kind() == FileSystem::xfs);
    if (reachable) expect_tools_work(disk.point() / "data", folder_ / "backup");
    if (round == 0) {
      server.kill();
    } else {
      EXPECT_EQ(server.stop(), 0) << server.output();
    }
    disk.fill();
    expect_tools_work(disk.point() / "data", folder_ / "backup");
    server.start();
    stored.expect_readable();
    HttpClient client(server.port());
    EXPECT_EQ(stored.remove_one(client), 204);
  }
  disk.clear();
  HttpClient client(server.port());
  int status = 0;
  for (int tries = 0; tries < 200 && status != 201; ++tries) {
    status = stored.put(client, "/c/after", std::string(2'000'000, 'a'));
    if (status != 201) std::this_thread::sleep_for(50ms);
  }
  EXPECT_EQ(status, 201) << "with space everything goes on";
  stored.expect_readable();
  EXPECT_EQ(server.stop(), 0) << server.output();
}

// The store's own files fill it, and removing them makes room.
TEST_P(Disks, FilledByTheStoreCanBeEmptied) {
  DiskImage disk({.kind = kind()});
  disk.fill(24 << 20);
  ServerProcess server(disk.point() / "data", arguments(durability()));
  server.start();
  Stored stored(server);
  stored.plant();
  HttpClient client(server.port());
  int status = 201;
  for (int i = 0; i < 4000 && status == 201; ++i)
    status = stored.put(client, "/c/f" + std::to_string(i),
                        std::string(i % 4 == 0 ? 300'000 : 50'000, 'f'));
  EXPECT_EQ(status, 507);
  const std::size_t full = stored.count();
  while (stored.count() > 5) ASSERT_EQ(stored.remove_one(client), 204) << stored.count();
  stored.expect_readable();
  std::size_t again = 0;
  for (int tries = 0; tries < 400 && again < full / 2; ++tries) {
    status = stored.put(client, "/c/g" + std::to_string(again), std::string(50'000, 'g'));
    if (status == 201) ++again;
    if (status == 507) std::this_thread::sleep_for(50ms);
  }
  EXPECT_GE(again, full / 2) << "of " << full;
  stored.expect_readable();
  expect_tools_work(disk.point() / "data", folder_ / "backup");
  EXPECT_EQ(server.stop(), 0) << server.output();
}

// Another program fills the disk and frees it at any moment while clients write, and the server is
// killed in between.
TEST_P(Disks, FilledAtAnyMomentLosesNothingAcknowledged) {
  DiskImage disk({.kind = kind()});
  disk.fill(16 << 20);
  ServerProcess server(disk.point() / "data", arguments(durability()));
  for (int round = 0; round < 2; ++round) {
    SCOPED_TRACE(round);
    server.start();
    const std::string root = "/r" + std::to_string(round);
    ASSERT_EQ(HttpClient(server.port()).request("MKCOL", root).status, 201);
    std::atomic<bool> done = false;
    std::thread filler([&] {
      const fs::path file = disk.point() / "other";
      while (!done) {
        std::ofstream out(file, std::ios::binary | std::ios::trunc);
        const std::string block(64 * 1024, 'o');
        for (int i = 0; i < 400 && !done && out; ++i) out.write(block.data(), 64 * 1024).flush();
        out.close();
        std::this_thread::sleep_for(20ms);
        std::error_code ignored;
        fs::remove(file, ignored);
      }
    });
    std::map<std::string, std::string> stored;
    int refused = 0;
    {
      HttpClient client(server.port());
      for (int i = 0; i < 250; ++i) {
        const std::string path = root + "/" + std::to_string(i % 40);
        if (i % 5 == 4 && stored.contains(path)) {
          const int status = client.request("DELETE", path).status;
          EXPECT_EQ(status, 204);
          if (status == 204) stored.erase(path);
          continue;
        }
        const std::string body(i % 3 == 0 ? 250'000 : 9'000, static_cast<char>('a' + i % 26));
        const int status = client.request("PUT", path, {}, body).status;
        EXPECT_TRUE(status == 201 || status == 204 || status == 507) << status;
        if (status == 507) ++refused;
        if (status < 300) stored[path] = body;
      }
    }
    server.kill();
    done = true;
    filler.join();
    server.start();
    HttpClient client(server.port());
    for (const auto& [path, body] : stored)
      EXPECT_TRUE(client.request("GET", path).body == body) << path;
    for (int i = 0; i < 40; ++i)
      if (const std::string path = root + "/" + std::to_string(i); !stored.contains(path)) {
        EXPECT_EQ(client.request("GET", path).status, 404) << path;
      }
    expect_tools_work(disk.point() / "data", folder_ / ("backup" + std::to_string(round)));
    EXPECT_EQ(client.request("DELETE", root).status, 204);
    EXPECT_EQ(server.stop(), 0) << server.output();
  }
}

// A store on a disk that is mounted read-only, after an orderly end and after a kill.
TEST_P(Disks, AReadOnlyDiskIsServedCheckedAndBackedUp) {
  DiskImage disk({.kind = kind()});
  const fs::path data = disk.point() / "data";
  ServerProcess server(data, arguments(durability()));
  server.start();
  Stored stored(server);
  stored.plant();
  for (const bool killed : {true, false}) {
    SCOPED_TRACE(killed);
    if (killed) {
      server.kill();
    } else {
      EXPECT_EQ(server.stop(), 0) << server.output();
    }
    disk.remount_read_only(true);
    expect_tools_work(data, folder_ / "backup");
    server.start();
    stored.expect_readable();
    HttpClient client(server.port());
    for (const char* method : {"PUT", "DELETE", "MKCOL", "LOCK", "UNLOCK", "PROPPATCH"}) {
      const int status = client.request(method, "/c/1").status;
      EXPECT_TRUE(status >= 400 && status <= 503) << method << ' ' << status;
    }
    EXPECT_EQ(client.request("PUT", "/new", {}, "x").status, 503);
    EXPECT_EQ(client.request("DELETE", "/c/1").status, 503);
    EXPECT_NE(server.output().find("read-only"), std::string::npos) << server.output();
    expect_tools_work(data, folder_ / "backup");  // beside the server
    EXPECT_EQ(server.stop(), 0) << server.output();
    disk.remount_read_only(false);
    server.start();
    stored.expect_readable();
    HttpClient again(server.port());
    EXPECT_EQ(stored.put(again, "/c/more", std::string(100'000, 'm')), killed ? 201 : 204);
  }
  EXPECT_EQ(server.stop(), 0) << server.output();
}

class OneDisk : public testing::Test {
 protected:
  static bool lacks(FileSystem kind) {
    reason_ = why_no_disk_image(kind);
    return !reason_.empty();
  }
  static inline std::string reason_;
  TemporaryFolder folder_;
};

// Locks are removed, by their owner and by the administrator, and accounts are kept, on a disk that
// another program has filled to its last byte.
TEST_F(OneDisk, FilledByAnotherProgramIsAdministered) {
  for (const FileSystem kind : kFileSystems) {
    if (lacks(kind)) GTEST_SKIP() << reason_;
    SCOPED_TRACE(name_of(kind));
    DiskImage disk({.kind = kind});
    const fs::path data = disk.point() / "data";
    std::vector<std::string> options = arguments("full");
    options.insert(options.end(), {"--anonymous", "write"});
    ServerProcess server(data, options);
    server.start();
    const auto command = [&](std::vector<std::string> words, const std::string& input = "") {
      words.insert(words.begin(), holdfast_binary());
      words.insert(words.end(), {"--data", data});
      const Outcome outcome = run({.arguments = words, .input = input});
      EXPECT_EQ(outcome.exit_code, 0) << words[2] << ": " << outcome.output;
    };
    Stored stored(server);
    stored.plant();
    command({"user", "add", "before"}, "a long password\n");
    std::vector<std::string> tokens;
    {
      HttpClient client(server.port());
      for (const char* path : {"/c/0", "/c/1", "/c/2"}) {
        const Reply lock =
            client.request("LOCK", path, {{"Timeout", "Second-3600"}},
                           "<D:lockinfo xmlns:D='DAV:'><D:lockscope><D:exclusive/></D:lockscope>"
                           "<D:locktype><D:write/></D:locktype></D:lockinfo>");
        ASSERT_EQ(lock.status, 200);
        tokens.emplace_back(lock.field("Lock-Token"));
      }
    }
    disk.fill();
    stored.expect_readable();
    HttpClient client(server.port());
    EXPECT_EQ(client.request("UNLOCK", "/c/0", {{"Lock-Token", tokens[0]}}).status, 204);
    // With a server first, then without one. A full xfs or btrfs may have no room for a socket.
    for (const bool running : {true, false}) {
      SCOPED_TRACE(running);
      if (!running) {
        EXPECT_EQ(server.stop(), 0) << server.output();
      }
      disk.fill();
      command({"lock", "break", running ? "/c/1" : "/c/2"});
      command({"user", "passwd", "before"}, "another password\n");
      command({"user", "add", running ? "during" : "later"}, "a long password\n");
      command({"user", "grant", "before", "/c", "read"});
      command({"user", "remove", running ? "during" : "later"});
    }
    server.start();
    HttpClient again(server.port());
    for (const char* path : {"/c/0", "/c/1", "/c/2"})
      EXPECT_EQ(again.request("DELETE", path).status, 204) << path << " has no lock any more";
    disk.clear();
    EXPECT_EQ(server.stop(), 0) << server.output();
    command({"check", "--hashes"});
  }
}

// As ext4 does when it finds an error: reading goes on, also of what came before, and the server
// stays.
TEST_F(OneDisk, ThatTurnsReadOnlyIsReadOn) {
  if (lacks(FileSystem::ext4)) GTEST_SKIP() << reason_;
  for (const char* durability : {"full", "relaxed"}) {
    SCOPED_TRACE(durability);
    DiskImage disk({.kind = FileSystem::ext4, .mount = "errors=remount-ro"});
    struct stat of {};
    ASSERT_EQ(::stat(disk.point().c_str(), &of), 0);
    const fs::path trigger =
        fs::path("/sys/fs/ext4") / disk.device().filename() / "trigger_fs_error";
    if (::access(trigger.c_str(), W_OK) != 0) GTEST_SKIP() << "no " << trigger;
    ServerProcess server(disk.point() / "data", arguments(durability));
    server.start();
    Stored stored(server);
    stored.plant();
    std::ofstream(trigger) << "a test" << std::flush;
    HttpClient client(server.port());
    // Longer than a round of upkeep, which moves the log.
    for (int i = 0; i < 30; ++i) {
      EXPECT_EQ(
          client.request("PUT", "/new", {}, i % 2 == 0 ? "x" : std::string(100'000, 'x')).status,
          503);
      EXPECT_EQ(client.request("DELETE", "/c/1").status, 503);
      ASSERT_EQ(::kill(server.pid(), 0), 0) << server.output();
      std::this_thread::sleep_for(200ms);
    }
    stored.expect_readable();
    server.stop();
    disk.unmount();
    disk.mount();
    server.start();
    if (std::string(durability) == "full") stored.expect_readable();
    expect_tools_work(disk.point() / "data", folder_ / durability);
    EXPECT_EQ(server.stop(), 0) << server.output();
  }
}

TEST_F(OneDisk, WithoutAFreeInodeRefusesWhatNeedsOne) {
  if (lacks(FileSystem::ext4)) GTEST_SKIP() << reason_;
  DiskImage disk({.kind = FileSystem::ext4, .mebibytes = 64, .mkfs = {"-N", "128"}});
  ServerProcess server(disk.point() / "data", arguments("full"));
  server.start();
  Stored stored(server);
  stored.plant();
  int made = 0;
  for (; made < 1000; ++made)
    if (!std::ofstream(disk.point() / ("other" + std::to_string(made)))) break;
  ASSERT_LT(made, 1000);
  HttpClient client(server.port());
  EXPECT_EQ(stored.put(client, "/c/large", std::string(200'000, 'l')), 507);
  EXPECT_EQ(stored.put(client, "/c/small", "small"), 201) << "it needs none";
  for (int i = 0; i < 4; ++i) EXPECT_EQ(stored.remove_one(client), 204);
  stored.expect_readable();
  expect_tools_work(disk.point() / "data", folder_ / "backup");
  EXPECT_EQ(server.stop(), 0) << server.output();
  server.start();
  stored.expect_readable();
  for (int i = 0; i < made; ++i) fs::remove(disk.point() / ("other" + std::to_string(i)));
  HttpClient again(server.port());
  EXPECT_EQ(stored.put(again, "/c/large", std::string(200'000, 'l')), 201);
  EXPECT_EQ(server.stop(), 0) << server.output();
}

// A disk that loses what is written to it: the server ends, and the next start has all that was
// acknowledged before.
TEST_F(OneDisk, ThatFailsToWriteEndsTheServerAndLosesNothing) {
  if (lacks(FileSystem::ext4)) GTEST_SKIP() << reason_;
  if (const std::string reason = why_no_block_device(); !reason.empty()) GTEST_SKIP() << reason;
  for (const FileSystem kind : kFileSystems) {
    SCOPED_TRACE(name_of(kind));
    const TemporaryFolder images(folder_for_images());
    make_file_system(images / "image", kind, least_mebibytes(kind));
    BlockDevice device(images / "image", images / "log", images / "device");
    ServerProcess server(images / "disk" / "data", arguments("full"));
    Stored stored(server);
    {
      const MountedImage mounted(device.path(), kind, images / "disk");
      server.start();
      stored.plant();
      device.fail_writes(true);
      device.fail_flushes(true);
      HttpClient client(server.port());
      for (int i = 0; i < 50; ++i) {
        int status = 0;
        try {
          status = client.request("PUT", "/new", {}, std::string(100'000, 'x')).status;
        } catch (const std::runtime_error&) {
          // It has ended.
        }
        EXPECT_TRUE(status == 0 || status >= 500) << status;
        if (status == 0) break;
        std::this_thread::sleep_for(20ms);
      }
      // It ends by itself, or reads on where the disk has turned read-only.
      server.stop();
      device.fail_writes(false);
      device.fail_flushes(false);
    }
    const MountedImage mounted(device.path(), kind, images / "disk");
    server.start();
    stored.expect_readable();
    HttpClient client(server.port());
    EXPECT_EQ(stored.put(client, "/c/after", std::string(100'000, 'a')), 201);
    expect_tools_work(server.data(), images / "backup");
    EXPECT_EQ(server.stop(), 0) << server.output();
  }
}

// The data folder on an overlay, as containers have it.
TEST_F(OneDisk, UnderAnOverlayThatIsFull) {
  if (lacks(FileSystem::ext4)) GTEST_SKIP() << reason_;
  DiskImage disk({.kind = FileSystem::ext4});
  for (const char* part : {"lower", "upper", "work", "merged"})
    fs::create_directory(disk.point() / part);
  const std::string base = disk.point().string();
  const std::string options =
      "lowerdir=" + base + "/lower,upperdir=" + base + "/upper,workdir=" + base + "/work";
  const std::string merged = base + "/merged";
  if (::mount("overlay", merged.c_str(), "overlay", 0, options.c_str()) != 0)
    GTEST_SKIP() << "no overlay";
  {
    ServerProcess server(fs::path(merged) / "data", arguments("full"));
    server.start();
    Stored stored(server);
    stored.plant();
    disk.fill();
    HttpClient client(server.port());
    EXPECT_EQ(stored.put(client, "/c/large", std::string(3'000'000, 'l')), 507);
    for (int i = 0; i < 6; ++i) {
      EXPECT_EQ(stored.remove_one(client), 204);
      disk.fill();
    }
    stored.expect_readable();
    server.kill();
    server.start();
    stored.expect_readable();
    HttpClient again(server.port());
    EXPECT_EQ(stored.remove_one(again), 204);
    expect_tools_work(server.data(), folder_ / "backup");
    EXPECT_EQ(server.stop(), 0) << server.output();
  }
  ::umount2(merged.c_str(), MNT_DETACH);
}

}  // namespace
}  // namespace holdfast::test
