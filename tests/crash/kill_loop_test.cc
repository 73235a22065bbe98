// The first promise (docs/robustness.md K1): what was acknowledged is there after SIGKILL at any
// moment, and nothing is half done.
#include <chrono>
#include <filesystem>
#include <gtest/gtest.h>
#include <iostream>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "tests/crash/world.h"
#include "tests/support/staged_files.h"

namespace holdfast::test {
namespace {

constexpr unsigned kClients = 8;

struct Loop {
  std::string durability;
  int rounds;
};
void PrintTo(const Loop& loop, std::ostream* out) { *out << loop.durability; }

std::vector<Loop> loops() {
  if (long_version()) return {{"full", 1000}, {"relaxed", 1000}};
  return {{"full", 40}, {"relaxed", 15}};
}

class Kill : public testing::TestWithParam<Loop> {};
INSTANTIATE_TEST_SUITE_P(, Kill, testing::ValuesIn(loops()),
                         [](const auto& loop) { return loop.param.durability; });

TEST_P(Kill, AcknowledgedWritesSurviveAndNothingIsHalfDone) {
  const int rounds = GetParam().rounds;
  CrashWorld world(GetParam().durability);
  world.start_plainly();
  ASSERT_NE(world.server.banner().find(GetParam().durability), std::string::npos);

  std::vector<std::unique_ptr<WriteLedger>> clients;
  for (unsigned number = 0; number < kClients; ++number) {
    clients.push_back(std::make_unique<WriteLedger>(
        world.server.port(), "/client-" + std::to_string(number), number + 1));
    clients.back()->create_root();
  }

  using Clock = std::chrono::steady_clock;
  Clock::duration slowest_start{};
  std::mt19937 random(20'221);
  for (int round = 0; round < rounds; ++round) {
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
        std::chrono::microseconds(std::uniform_int_distribution<int>(2'000, 200'000)(random)));
    world.server.kill();
    for (auto& thread : threads) thread.join();
    const auto before = Clock::now();
    world.start_plainly();
    slowest_start = std::max(slowest_start, Clock::now() - before);
    for (auto& client : clients) {
      ASSERT_EQ(client->verify(), "") << "round " << round;
    }
    if (round % 10 == 9) {
      ASSERT_EQ(world.check(), "") << "round " << round;
    }
    if (HasFailure()) return;
  }
  ASSERT_EQ(world.check(), "");
  ASSERT_EQ(world.server.stop(), 0) << world.server.output();
  EXPECT_EQ(world.check(), "");
  EXPECT_TRUE(staged_files(world.server.data()).empty());

  int acknowledged = 0;
  int done = 0;
  int undone = 0;
  for (const auto& client : clients) {
    acknowledged += client->acknowledged();
    done += client->found_done();
    undone += client->found_undone();
  }
  const auto slowest_ms =
      std::chrono::duration_cast<std::chrono::milliseconds>(slowest_start).count();
  std::cout << "kills " << rounds << ", " << acknowledged
            << " acknowledged writes present, of the unanswered " << done << " done, " << undone
            << " undone, slowest start " << slowest_ms << " ms\n";
  EXPECT_GT(acknowledged, rounds * 5) << "too few writes: the test shows nothing";
  if (long_version()) {
    EXPECT_LT(slowest_ms, 2'000);
  }
}

}  // namespace
}  // namespace holdfast::test
