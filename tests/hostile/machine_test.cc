// A machine that refuses: no descriptors, no threads, a read-only disk, a locked database,
// interrupted calls, signals, a full log (docs/robustness.md E3 to E6, E11). What is in hand goes
// on, the rest is refused, and everything is as before when the machine is.
#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <gtest/gtest.h>
#include <iostream>
#include <memory>
#include <sqlite3.h>
#include <sstream>
#include <stdexcept>
#include <string>
#include <sys/resource.h>
#include <sys/time.h>
#include <thread>
#include <unistd.h>
#include <vector>

#include "tests/support/faults.h"
#include "tests/support/http_client.h"
#include "tests/support/process.h"
#include "tests/support/raw_http.h"
#include "tests/support/server_process.h"
#include "tests/support/temporary_folder.h"

namespace holdfast::test {
namespace {

using namespace std::chrono_literals;

const std::string kSmall = "small";
const std::string kLarge(300'000, 'L');
const std::string kOther(310'000, 'O');

std::string get(const std::string& path) {
  return "GET " + path + " HTTP/1.1\r\nHost: localhost\r\n\r\n";
}

// Processor time that the process has used.
std::chrono::milliseconds cpu_time(pid_t pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
  std::string text;
  std::getline(file, text);
  std::istringstream fields(text.substr(text.rfind(')') + 2));
  std::string skipped;
  for (int i = 0; i < 11; ++i) fields >> skipped;
  long user = 0;
  long system = 0;
  fields >> user >> system;
  return std::chrono::milliseconds((user + system) * 1000 / sysconf(_SC_CLK_TCK));
}

// Another soft limit for a running process, until the end of the object.
class Limited {
 public:
  Limited(pid_t pid, __rlimit_resource resource, rlim_t soft) : pid_(pid), resource_(resource) {
    if (prlimit(pid, resource, nullptr, &before_) != 0) throw std::runtime_error("prlimit");
    const rlimit less{.rlim_cur = soft, .rlim_max = before_.rlim_max};
    if (prlimit(pid, resource, &less, nullptr) != 0) throw std::runtime_error("prlimit");
  }
  ~Limited() { lift(); }
  Limited(const Limited&) = delete;
  Limited& operator=(const Limited&) = delete;
  void lift() { prlimit(pid_, resource_, &before_, nullptr); }

 private:
  pid_t pid_;
  __rlimit_resource resource_;
  rlimit before_{};
};

class Machine : public testing::Test {
 protected:
  void start(std::vector<std::string> arguments = {}) {
    // What is removed must be gone: the trash would keep what a test damaged.
    arguments.insert(arguments.end(), {"--trash-keep", "0", "--versions", "off"});
    server_ = std::make_unique<ServerProcess>(data_, arguments);
    server_->set_environment(environment_);
    server_->start();
    HttpClient client(server_->port());
    ASSERT_EQ(client.request("PUT", "/small", {}, kSmall).status, 201);
    ASSERT_EQ(client.request("PUT", "/large", {}, kLarge).status, 201);
  }
  void TearDown() override {
    if (HasFailure() && server_) std::cerr << server_->output();
  }
  void expect_as_before() {
    HttpClient client(server_->port());
    EXPECT_EQ(client.request("GET", "/small").body, kSmall);
    EXPECT_TRUE(client.request("GET", "/large").body == kLarge);
    EXPECT_EQ(client.request("PUT", "/new", {}, kLarge).status, 201);
    EXPECT_EQ(client.request("DELETE", "/new").status, 204);
    EXPECT_EQ(server_->stop(), 0) << server_->output();
    const Outcome check =
        run({.arguments = {holdfast_binary(), "check", "--hashes", "--data", data_}});
    EXPECT_EQ(check.exit_code, 0) << check.output;
  }
  [[nodiscard]] int health() const {
    const std::string banner = server_->banner();
    const std::size_t end = banner.find("/metrics");
    const auto port = std::stoi(banner.substr(banner.rfind(':', end) + 1));
    return HttpClient(static_cast<std::uint16_t>(port)).request("GET", "/healthz").status;
  }

  TemporaryFolder folder_{TemporaryFolder::in_memory()};
  std::filesystem::path data_ = folder_ / "data";
  Faults::Environment environment_;
  std::unique_ptr<ServerProcess> server_;
};

// What is written into files without a name is gone with the process: nobody is told 201 for it.
TEST_F(Machine, EndsWhenItsFilesAreGone) {
  namespace fs = std::filesystem;
  struct Row {
    const char* what;
    std::function<void()> act;
  };
  const Row rows[] = {
      {"the data folder", [this] { fs::remove_all(data_); }},
      {"the data folder", [this] { fs::rename(data_, folder_ / "moved"); }},
      {"meta.db in the data folder", [this] { fs::remove(data_ / "meta.db"); }},
      {"meta.db-wal in the data folder", [this] { fs::remove(data_ / "meta.db-wal"); }},
      {"blobs in the data folder", [this] { fs::remove_all(data_ / "blobs"); }},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.what);
    start();
    row.act();
    EXPECT_EQ(server_->wait_for_end(), 1);
    const std::string told = std::string(
                                 "The store refuses further writes, the server stops: "
                                 "somebody has removed or replaced ") +
                             row.what + " while it was in use";
    const std::size_t found = server_->output().find(told);
    ASSERT_NE(found, std::string::npos) << server_->output();
    EXPECT_EQ(server_->output().find(told, found + 1), std::string::npos) << "once";
    EXPECT_EQ(server_->output().find("Upkeep:", found), std::string::npos) << server_->output();
    fs::remove_all(data_);
    fs::remove_all(folder_ / "moved");
  }
}

TEST_F(Machine, WithoutDescriptorsServesWhoIsThereAndLetsOthersWait) {
  start();
  HttpClient before(server_->port());
  ASSERT_EQ(before.request("GET", "/small").body, kSmall);
  ASSERT_EQ(before.request("GET", "/large").body, kLarge);
  // The sanitizer needs descriptors when it meets a type of object for the first time, so that all
  // of what follows is done once before.
  for (int i = 0; i < 2; ++i) {
    ASSERT_EQ(before.request("PUT", "/small", {}, kSmall).status, 204);
    ASSERT_EQ(before.request("PUT", "/large", {}, kLarge).status, 204);
    ASSERT_EQ(before.request("PROPFIND", "/", {{"Depth", "1"}}).status, 207);
  }
  ASSERT_EQ(before.request("PUT", "/broken", {}, kOther).status, 201);
  for (const auto& entry : std::filesystem::recursive_directory_iterator(data_ / "blobs"))
    if (entry.is_regular_file() && entry.file_size() == kOther.size())
      std::filesystem::remove(entry.path());
  ASSERT_EQ(before.request("GET", "/broken").status, 500);
  ASSERT_EQ(before.request("DELETE", "/broken").status, 204);
  {
    Limited none(server_->pid(), RLIMIT_NOFILE, 3);
    std::vector<std::unique_ptr<tests::RawClient>> waiting;
    for (int i = 0; i < 20; ++i) {
      waiting.push_back(std::make_unique<tests::RawClient>(server_->port()));
      waiting.back()->send(get("/small"));
    }
    const auto used = cpu_time(server_->pid());
    std::this_thread::sleep_for(1s);
    EXPECT_LT(cpu_time(server_->pid()) - used, 300ms) << "it spins";
    for (int i = 0; i < 10; ++i) {
      EXPECT_EQ(before.request("GET", "/small").body, kSmall);
      EXPECT_EQ(before.request("PUT", "/small", {}, kSmall).status, 204);
      EXPECT_EQ(before.request("PROPFIND", "/", {{"Depth", "1"}}).status, 207);
      EXPECT_EQ(before.request("GET", "/large").status, 503) << "no descriptor for its file";
      EXPECT_EQ(before.request("PUT", "/large", {}, kOther).status, 503);
    }
    none.lift();
    for (auto& client : waiting) {
      const auto answer = client->receive();
      ASSERT_TRUE(answer.has_value()) << client->error;
      EXPECT_EQ(answer->body, kSmall);
    }
  }
  expect_as_before();
}

// RLIMIT_NPROC does not bind root, so the server runs as a user that nobody else is.
TEST_F(Machine, WithoutNewThreadsServesWithThoseThereAre) {
  // Where programs may be run from, unlike a file system in memory on some machines.
  const TemporaryFolder folder;
  data_ = folder / "data";
  const std::filesystem::path program = folder / "holdfast";
  std::filesystem::copy_file(holdfast_binary(), program);
  std::filesystem::create_directory(data_);
  std::vector<std::string> arguments = {program,       "serve",  "--listen",
                                        "127.0.0.1:0", "--data", data_};
  if (geteuid() != 0) GTEST_SKIP() << "only root can be a user that nobody else is";
  const auto user = static_cast<uid_t>(200'000 + getpid() % 100'000);
  for (const auto& path : {folder.path(), data_, program})
    ASSERT_EQ(chown(path.c_str(), user, user), 0);
  const std::string id = std::to_string(user);
  // The five threads of a server at rest, and three more.
  arguments.insert(arguments.begin(), {"setpriv", "--reuid=" + id, "--regid=" + id,
                                       "--clear-groups", "prlimit", "--nproc=8"});
  const Child child = test::start({.arguments = arguments});
  close(child.input_fd);
  std::string output;
  char byte = 0;
  while (output.find("Mount it") == std::string::npos && ::read(child.output_fd, &byte, 1) == 1)
    output += byte;
  std::jthread drain([fd = child.output_fd] {
    std::array<char, 4096> buffer{};
    while (::read(fd, buffer.data(), buffer.size()) > 0) {
    }
    ::close(fd);
  });
  // Ends it whatever happens here: it has outlived the signal that start() arranges for children,
  // because another user runs it.
  struct Guard {
    pid_t pid;
    ~Guard() {
      if (pid <= 0) return;
      ::kill(pid, SIGKILL);
      static_cast<void>(wait_for(pid));
    }
  } guard{child.pid};
  const std::string_view kUrl = "http://127.0.0.1:";
  ASSERT_NE(output.find(kUrl), output.npos) << output;
  const auto port =
      static_cast<std::uint16_t>(std::stoi(output.substr(output.find(kUrl) + kUrl.size())));
  {
    HttpClient client(port);
    EXPECT_EQ(client.request("PUT", "/small", {}, kSmall).status, 201);
    // More uploads at once than there can be workers: those without one wait for one.
    constexpr int kUploads = 6;
    std::vector<std::unique_ptr<tests::RawClient>> uploads;
    for (int i = 0; i < kUploads; ++i) {
      uploads.push_back(std::make_unique<tests::RawClient>(port));
      uploads.back()->send("PUT /slow" + std::to_string(i) +
                           " HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\n12345");
    }
    int served = 0;
    std::vector<std::unique_ptr<tests::RawClient>> clients;
    for (int i = 0; i < 20; ++i) {
      clients.push_back(std::make_unique<tests::RawClient>(port));
      clients.back()->send(get("/small"));
    }
    for (auto& upload : uploads) {
      upload->send("67890");
      const auto stored = upload->receive();
      ASSERT_TRUE(stored.has_value()) << upload->error;
      EXPECT_EQ(stored->status, 201);
    }
    for (auto& each : clients) {
      const auto answer = each->receive();
      ASSERT_TRUE(answer.has_value()) << each->error;
      if (answer->status == 200) ++served;
      EXPECT_TRUE(answer->status == 200 || answer->status == 503) << answer->status;
    }
    EXPECT_GT(served, 0);
    EXPECT_EQ(client.request("GET", "/slow0").body, "1234567890");
  }
  ::kill(child.pid, SIGTERM);
  EXPECT_EQ(wait_for(child.pid), 0);
  guard.pid = -1;
}

TEST_F(Machine, OnADiskThatTurnedReadOnlyReadsGoOn) {
  Faults faults(folder_ / "control", data_);
  environment_ = faults.environment();
  start({"--admin-listen", "127.0.0.1:0"});
  EXPECT_EQ(health(), 200);
  constexpr std::uint32_t kChanges = bit(CallKind::create) | bit(CallKind::write) |
                                     bit(CallKind::truncate) | bit(CallKind::allocate) |
                                     bit(CallKind::rename) | bit(CallKind::link) |
                                     bit(CallKind::unlink) | bit(CallKind::make_folder);
  faults.arm({.action = FaultAction::fail, .kinds = kChanges, .error = EROFS, .persistent = true});
  HttpClient client(server_->port());
  for (int i = 0; i < 3; ++i) {
    for (const char* path : {"/small", "/new"})
      for (const std::string& body : {kSmall, kOther})
        EXPECT_EQ(client.request("PUT", path, {}, body).status, 503) << path << i;
    EXPECT_EQ(client.request("DELETE", "/small").status, 503);
    EXPECT_EQ(client.request("MKCOL", "/c").status, 503);
    EXPECT_EQ(client.request("MOVE", "/small", {{"Destination", "/moved"}}).status, 503);
    EXPECT_EQ(client.request("GET", "/small").body, kSmall);
    EXPECT_TRUE(client.request("GET", "/large").body == kLarge);
    EXPECT_EQ(client.request("PROPFIND", "/", {{"Depth", "1"}}).status, 207);
    EXPECT_EQ(health(), 503);
    ASSERT_EQ(::kill(server_->pid(), 0), 0);
  }
  EXPECT_TRUE(faults.fired());
  faults.disarm();
  EXPECT_EQ(health(), 200);
  expect_as_before();
}

// Every write of a request in turn is interrupted, at its start or in its middle.
TEST_F(Machine, InterruptedWritesAreFinished) {
  Faults faults(folder_ / "control", data_);
  environment_ = faults.environment();
  start();
  HttpClient client(server_->port());
  for (const FaultAction action : {FaultAction::fail, FaultAction::fail_short}) {
    for (const std::string& body : {kSmall, kLarge}) {
      std::uint64_t at = 1;
      for (;; ++at) {
        faults.arm({.action = action, .at = at, .kinds = bit(CallKind::write), .error = EINTR});
        const Reply reply = client.request("PUT", "/f", {}, body);
        EXPECT_TRUE(reply.success()) << reply.status << " at " << faults.place();
        EXPECT_TRUE(client.request("GET", "/f").body == body);
        const bool fired = faults.fired();
        faults.disarm();
        if (!fired || at > 200) break;
      }
      EXPECT_GT(at, 1U) << "nothing was interrupted";
      EXPECT_LT(at, 200U);
    }
  }
  expect_as_before();
}

// Another program that opens the database, against all advice: it gets nothing of it as long as the
// server runs, and changes nothing. One that has it open keeps the server from starting.
TEST_F(Machine, AForeignProgramCannotOpenTheDatabase) {
  start();
  sqlite3* other = nullptr;
  ASSERT_EQ(sqlite3_open((data_ / "meta.db").c_str(), &other), SQLITE_OK);
  const auto does = [&](const char* sql) {
    return sqlite3_exec(other, sql, nullptr, nullptr, nullptr);
  };
  HttpClient client(server_->port());
  for (int i = 0; i < 3; ++i) {
    for (const char* act :
         {"SELECT count(*) FROM node", "BEGIN IMMEDIATE", "UPDATE meta SET resources = 0",
          "PRAGMA wal_checkpoint(TRUNCATE)", "PRAGMA journal_mode = DELETE", "VACUUM"})
      EXPECT_EQ(does(act), SQLITE_BUSY) << act;
    EXPECT_EQ(client.request("PUT", "/small", {}, kOther.substr(0, 60'000)).status, 204);
    EXPECT_EQ(client.request("PUT", "/small", {}, kSmall).status, 204);
    EXPECT_EQ(client.request("GET", "/small").body, kSmall);
    EXPECT_EQ(client.request("PROPFIND", "/", {{"Depth", "1"}}).status, 207);
  }
  EXPECT_EQ(server_->stop(), 0) << server_->output();
  EXPECT_EQ(does("BEGIN IMMEDIATE"), SQLITE_OK) << "given back";
  EXPECT_THROW(server_->start(), std::runtime_error);
  EXPECT_EQ(does("ROLLBACK"), SQLITE_OK);
  sqlite3_close(other);
  server_->start();
  expect_as_before();
}

TEST_F(Machine, SignalsAndAFullLogDoNotDisturb) {
  start({"--access-log", "/dev/full"});
  std::atomic<bool> done = false;
  std::thread storm([&] {
    while (!done)
      for (const int signal : {SIGHUP, SIGPIPE, SIGCHLD, SIGWINCH, SIGURG, SIGCONT}) {
        ::kill(server_->pid(), signal);
        std::this_thread::sleep_for(100us);
      }
  });
  HttpClient client(server_->port());
  for (int i = 0; i < 30; ++i) {
    const std::string path = "/s" + std::to_string(i);
    EXPECT_EQ(client.request("PUT", path, {}, i % 2 == 0 ? kLarge : kSmall).status, 201);
    EXPECT_TRUE(client.request("GET", path).body == (i % 2 == 0 ? kLarge : kSmall));
    // A client that goes away in the middle of an answer (SIGPIPE).
    tests::RawClient rude(server_->port(), 4096);
    rude.send(get("/large"));
    rude.reset();
  }
  done = true;
  storm.join();
  expect_as_before();
}

}  // namespace
}  // namespace holdfast::test
