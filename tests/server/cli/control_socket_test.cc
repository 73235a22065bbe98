#include "server/cli/control_socket.h"

#include <atomic>
#include <chrono>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdexcept>
#include <string>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <thread>
#include <unistd.h>
#include <vector>

#include "server/cli/backup.h"
#include "server/cli/dispatch.h"
#include "tests/support/memory_store.h"
#include "tests/support/temporary_folder.h"

namespace holdfast::server {
namespace {

using testing::HasSubstr;

// A connection to the socket in `folder` that says whatever a test wants.
class ControlClient {
 public:
  explicit ControlClient(const test::TemporaryFolder& folder)
      : fd_(::socket(AF_UNIX, SOCK_STREAM, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const std::string path = folder / "control.sock";
    path.copy(address.sun_path, sizeof(address.sun_path) - 1);
    if (::connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0)
      throw std::runtime_error("cannot connect");
  }
  ~ControlClient() { ::close(fd_); }
  ControlClient(const ControlClient&) = delete;
  ControlClient& operator=(const ControlClient&) = delete;

  void send(std::string_view text) const {
    EXPECT_EQ(::send(fd_, text.data(), text.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(text.size()));
  }
  void finish() const { ::shutdown(fd_, SHUT_WR); }
  [[nodiscard]] std::string receive() const {
    std::string out;
    char bytes[4096];
    for (ssize_t got = 0; (got = ::recv(fd_, bytes, sizeof(bytes), 0)) > 0;)
      out.append(bytes, static_cast<std::size_t>(got));
    return out;
  }

 private:
  int fd_;
};

cli::ControlReply echo(std::string_view request, const cli::Asker&) {
  return {3, "<" + std::string(request) + ">"};
}

TEST(ControlSocket, AnswersOneRequestPerConnection) {
  const test::TemporaryFolder folder;
  const cli::ControlSocket control(folder.path(), echo);
  for (int i = 0; i < 20; ++i) {
    const auto reply = cli::ask_server(folder.path(), "hello " + std::to_string(i));
    ASSERT_TRUE(reply.has_value());
    EXPECT_EQ(reply->exit_code, 3);
    EXPECT_EQ(reply->text, "<hello " + std::to_string(i) + ">");
  }
  const ControlClient raw(folder);
  raw.send("a");
  raw.send("b\nrest");
  EXPECT_EQ(raw.receive(), "3 4\n<ab>");
}

TEST(ControlSocket, IsForItsOwnerOnlyAndVanishesWithTheServer) {
  const test::TemporaryFolder folder;
  const std::string path = folder / "control.sock";
  {
    const cli::ControlSocket control(folder.path(), echo);
    struct stat info {};
    ASSERT_EQ(::stat(path.c_str(), &info), 0);
    EXPECT_TRUE(S_ISSOCK(info.st_mode));
    EXPECT_EQ(info.st_mode & 0777, 0600U);
  }
  EXPECT_FALSE(std::filesystem::exists(path));
  EXPECT_EQ(cli::ask_server(folder.path(), "x"), std::nullopt);
}

TEST(ControlSocket, ReplacesWhatAKilledServerLeft) {
  const test::TemporaryFolder folder;
  const int left = ::socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string path = folder / "control.sock";
  path.copy(address.sun_path, sizeof(address.sun_path) - 1);
  ASSERT_EQ(::bind(left, reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
  ::close(left);
  EXPECT_EQ(cli::ask_server(folder.path(), "x"), std::nullopt);
  const cli::ControlSocket control(folder.path(), echo);
  EXPECT_TRUE(cli::ask_server(folder.path(), "x").has_value());
}

TEST(ControlSocket, WorksInAFolderWithALongName) {
  const test::TemporaryFolder folder;
  const std::filesystem::path deep = folder / std::string(200, 'd');
  std::filesystem::create_directory(deep);
  const cli::ControlSocket control(deep, echo);
  EXPECT_TRUE(cli::ask_server(deep, "x").has_value());
}

TEST(ControlSocket, NobodyAnswersWithoutAServer) {
  const test::TemporaryFolder folder;
  EXPECT_EQ(cli::ask_server(folder.path(), "x"), std::nullopt);
  EXPECT_EQ(cli::ask_server(folder / "missing", "x"), std::nullopt);
}

TEST(ControlSocket, BoundsWhatItReads) {
  const test::TemporaryFolder folder;
  std::atomic<int> asked = 0;
  const cli::ControlSocket control(folder.path(), [&](std::string_view, const cli::Asker&) {
    ++asked;
    return cli::ControlReply{};
  });
  const ControlClient endless(folder);
  endless.send(std::string(cli::ControlSocket::kRequestLimitBytes, 'x'));
  EXPECT_EQ(endless.receive(), "");
  const ControlClient cut(folder);
  cut.send("lock-list");
  cut.finish();
  EXPECT_EQ(cut.receive(), "");
  EXPECT_EQ(asked, 0);
}

TEST(ControlSocket, SilentConnectionsDoNotKeepOthersOutForEver) {
  const test::TemporaryFolder folder;
  const cli::ControlSocket control(folder.path(), echo);
  std::vector<std::unique_ptr<ControlClient>> silent;
  for (std::size_t i = 0; i < cli::ControlSocket::kConnectionLimit; ++i)
    silent.push_back(std::make_unique<ControlClient>(folder));
  const auto refused = cli::ask_server(folder.path(), "x");
  ASSERT_TRUE(refused.has_value());
  EXPECT_EQ(refused->exit_code, 1);
  silent.clear();
  for (int i = 0; i < 500; ++i) {
    if (cli::ask_server(folder.path(), "x")->exit_code == 3) return;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  ADD_FAILURE() << "connections that are gone still count";
}

TEST(ControlSocket, WhatAnAnswerThrowsIsAReply) {
  const test::TemporaryFolder folder;
  const cli::ControlSocket control(folder.path(),
                                   [](std::string_view, const cli::Asker&) -> cli::ControlReply {
                                     throw std::runtime_error("The disk is gone.");
                                   });
  const auto reply = cli::ask_server(folder.path(), "x");
  ASSERT_TRUE(reply.has_value());
  EXPECT_EQ(reply->exit_code, 1);
  EXPECT_EQ(reply->text, "The disk is gone.\n");
}

TEST(ControlSocket, StopsAnswersThatTakeLong) {
  const test::TemporaryFolder folder;
  std::atomic<bool> started = false;
  std::jthread client;
  {
    const cli::ControlSocket control(folder.path(), [&](std::string_view, const cli::Asker& asker) {
      started = true;
      while (!asker.stop.stop_requested()) std::this_thread::yield();
      return cli::ControlReply{1, "stopped"};
    });
    client = std::jthread([&] { EXPECT_ANY_THROW((void)cli::ask_server(folder.path(), "check")); });
    while (!started) std::this_thread::yield();
  }
}

// What is held for a command that hangs is held for the limit and no longer; one that says that it
// goes on keeps it.
TEST(ControlSocket, LetsGoOfWhatItHoldsForACommandThatHangs) {
  using State = cli::ServerHold::State;
  const test::TemporaryFolder folder;
  std::weak_ptr<int> held;
  auto control = std::make_unique<cli::ControlSocket>(
      folder.path(),
      [&held](std::string_view, const cli::Asker&) {
        const auto own = std::make_shared<int>(1);
        held = own;
        return cli::ControlReply{.exit_code = 0, .text = {}, .held = own};
      },
      std::chrono::milliseconds(1500));
  const auto wait_until = [](const auto& holds) {
    for (int i = 0; i < 1000 && !holds(); ++i)
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    return holds();
  };
  {
    auto going_on = cli::ask_server_to_hold(folder.path(), "hold");
    ASSERT_TRUE(going_on.has_value());
    const auto start = std::chrono::steady_clock::now();
    while (std::chrono::steady_clock::now() - start < std::chrono::seconds(4)) {
      going_on->second.goes_on();
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
      ASSERT_EQ(going_on->second.state(), State::held);
      ASSERT_FALSE(held.expired());
    }
  }
  EXPECT_TRUE(wait_until([&] { return held.expired(); })) << "it closed the connection";
  const auto hanging = cli::ask_server_to_hold(folder.path(), "hold");
  ASSERT_TRUE(hanging.has_value());
  EXPECT_EQ(hanging->second.state(), State::held);
  EXPECT_TRUE(wait_until([&] { return held.expired(); }));
  EXPECT_TRUE(wait_until([&] { return hanging->second.state() == State::let_go; }));

  const auto left = cli::ask_server_to_hold(folder.path(), "hold");
  ASSERT_TRUE(left.has_value());
  control.reset();
  EXPECT_TRUE(wait_until([&] { return left->second.state() == State::ended; }));
}

TEST(ControlSocket, ABackupThatStoodStillSaysSo) {
  const test::TemporaryFolder folder;
  const cli::ControlSocket control(
      folder.path(),
      [](std::string_view request, const cli::Asker&) {
        EXPECT_EQ(request, cli::kHoldGarbage);
        return cli::ControlReply{.exit_code = 0, .text = {}, .held = std::make_shared<int>(1)};
      },
      std::chrono::milliseconds(200));
  cli::Invocation invocation;
  invocation.config.data = folder.path();
  const auto no_store = [](const config::Config&, cli::Opening,
                           const storage::OnFailure&) -> cli::Store {
    throw std::runtime_error("a store of its own");
  };
  for (const bool finds_nothing : {false, true}) {
    const auto standing_still = [&](const config::Config&, const std::string&,
                                    const storage::OnBackupProgress& progress) {
      progress({});
      std::this_thread::sleep_for(std::chrono::seconds(1));
      if (finds_nothing) throw std::runtime_error("a content file is missing");
      progress({});
      return storage::BackupReport();
    };
    try {
      (void)cli::back_up(invocation, no_store, standing_still);
      ADD_FAILURE() << "a backup without its files";
    } catch (const std::runtime_error& error) {
      EXPECT_THAT(error.what(), HasSubstr("stood still"));
    }
  }
}

// The commands on a store in memory.
class Commands : public testing::Test {
 protected:
  Commands() {
    names_ = std::make_unique<test::MemoryNamespace>(clock_);
    names_->write(storage::Flush::required, [](storage::Transaction& tx) {
      const auto root = tx.resolve(storage::Path());
      tx.make_collection(*root.resource, "a b", storage::kNobody);
    });
  }

  std::string lock(const storage::Path& path, std::string token, std::string owner,
                   storage::LockScope scope = storage::LockScope::exclusive) {
    names_->write(storage::Flush::required, [&](storage::Transaction& tx) {
      storage::Lock lock;
      lock.token = token;
      lock.root_id = tx.resolve(path).resource->id;
      lock.scope = scope;
      lock.infinite = true;
      lock.owner = owner;
      lock.timeout_s = 3600;
      tx.add_lock(lock);
    });
    return token;
  }

  cli::ControlReply ask(std::string_view request) {
    if (store_.names == nullptr) store_.names = std::move(names_);
    return cli::answer_control(store_, request, {});
  }

  const storage::Path folder_ = storage::Path().child("a b");
  test::ManualClock clock_;
  std::unique_ptr<test::MemoryNamespace> names_;
  cli::Store store_;
};

TEST_F(Commands, ListLocksShowsEveryFieldOnOneLine) {
  lock(folder_, "urn:uuid:1", "<D:href xmlns:D=\"DAV:\">ann &lt;a@b&gt;\n\x1b[1m</D:href>");
  clock_.advance(61'000);
  const cli::ControlReply reply = ask("lock-list");
  EXPECT_EQ(reply.exit_code, 0);
  EXPECT_THAT(reply.text, HasSubstr("urn:uuid:1 "));
  EXPECT_THAT(reply.text, HasSubstr(" exclusive "));
  EXPECT_THAT(reply.text, HasSubstr(" infinity "));
  EXPECT_THAT(reply.text, HasSubstr(" 1m 01s "));
  EXPECT_THAT(reply.text, HasSubstr(" 58m 59s "));
  EXPECT_THAT(reply.text, HasSubstr(" /a%20b "));
  EXPECT_THAT(reply.text, HasSubstr(" ann <a@b> \\u001b[1m\n"));
  EXPECT_THAT(reply.text, HasSubstr("1 lock.\n"));
}

TEST_F(Commands, ListLocksSaysWhenThereIsNone) { EXPECT_EQ(ask("lock-list").text, "0 locks.\n"); }

TEST_F(Commands, BreakLockTakesATokenOrAPath) {
  lock(storage::Path(), "urn:uuid:0", "", storage::LockScope::shared);
  lock(folder_, "urn:uuid:1", "", storage::LockScope::shared);
  lock(folder_, "urn:uuid:2", "", storage::LockScope::shared);
  lock(folder_, "urn:uuid:3", "", storage::LockScope::shared);
  EXPECT_EQ(ask("lock-break urn:uuid:9").exit_code, 1);
  EXPECT_EQ(ask("lock-break /nothing").exit_code, 1);
  EXPECT_EQ(ask("lock-break /../x").exit_code, 1);
  EXPECT_EQ(ask("lock-break ").exit_code, 1);
  EXPECT_EQ(ask("lock-break urn:uuid:1").text, "1 lock removed.\n");
  EXPECT_EQ(ask("lock-break /a%20b").text, "2 locks removed.\n");
  EXPECT_EQ(ask("lock-break /a b").exit_code, 1);
  EXPECT_THAT(ask("lock-list").text, HasSubstr("urn:uuid:0"));
}

TEST_F(Commands, UnknownRequestsAndRepairsAreRefused) {
  for (const char* request : {"", "lock", "lock-break", "check ", "LOCK-LIST"})
    EXPECT_EQ(ask(request).exit_code, 1) << request;
  EXPECT_EQ(ask("check-repair").exit_code, process::kUsageExit);
}

}  // namespace
}  // namespace holdfast::server
