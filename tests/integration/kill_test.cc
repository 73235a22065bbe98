// The first promise: what was acknowledged is there after a crash, and nothing is half done.
#include <chrono>
#include <gtest/gtest.h>
#include <iostream>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/process.h"
#include "tests/support/server_process.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/write_ledger.h"

namespace holdfast::test {
namespace {

constexpr int kRounds = 50;
constexpr unsigned kClients = 4;

TEST(Kill, AcknowledgedWritesSurviveAndNothingIsHalfDone) {
  TemporaryFolder folder;
  ServerProcess server(folder / "data", {"--durability", "full"});
  server.start();
  ASSERT_NE(server.banner().find("full"), std::string::npos) << server.banner();

  std::vector<std::unique_ptr<WriteLedger>> clients;
  for (unsigned number = 0; number < kClients; ++number) {
    clients.push_back(std::make_unique<WriteLedger>(
        server.port(), "/client-" + std::to_string(number), number + 1));
    clients.back()->create_root();
  }

  std::mt19937 random(20'221);
  for (int round = 0; round < kRounds; ++round) {
    std::vector<std::thread> threads;
    for (auto& client : clients) {
      threads.emplace_back([&client] {
        try {
          client->write_until_killed();
        } catch (const std::exception& error) {
          ADD_FAILURE() << error.what();
        }
      });
    }
    // The moment of the kill is what this test varies: it waits for no event.
    std::this_thread::sleep_for(
        std::chrono::microseconds(std::uniform_int_distribution<int>(5'000, 300'000)(random)));
    server.kill();
    for (auto& thread : threads) thread.join();
    server.start();
    for (auto& client : clients) {
      ASSERT_EQ(client->verify(), "") << "round " << round;
    }
    if (round % 10 == 9) {
      const auto check = run({.arguments = {holdfast_binary(), "check", "--data", server.data()}});
      ASSERT_EQ(check.exit_code, 0) << "round " << round << "\n" << check.output;
    }
    if (HasFailure()) return;
  }
  ASSERT_EQ(server.stop(), 0) << server.output();
  const auto check = run({.arguments = {holdfast_binary(), "check", "--data", server.data()}});
  EXPECT_EQ(check.exit_code, 0) << check.output;

  int acknowledged = 0;
  int done = 0;
  int undone = 0;
  for (const auto& client : clients) {
    acknowledged += client->acknowledged();
    done += client->found_done();
    undone += client->found_undone();
  }
  std::cout << acknowledged << " acknowledged writes present; of the unanswered " << done
            << " done, " << undone << " undone\n";
  EXPECT_GT(acknowledged, kRounds * 10) << "too few writes: the test shows nothing";
}

}  // namespace
}  // namespace holdfast::test
