// SIGKILL at every call of a start, the first one and one that recovers, of an orderly end with its
// checkpoint, and of the upkeep (docs/robustness.md K3).
#include <filesystem>
#include <gtest/gtest.h>
#include <iostream>

#include "tests/crash/acts.h"
#include "tests/crash/world.h"
#include "tests/support/http_client.h"
#include "tests/support/staged_files.h"

namespace holdfast::test {
namespace {

class StartStop : public testing::TestWithParam<const char*> {};
INSTANTIATE_TEST_SUITE_P(, StartStop, testing::Values("full", "relaxed"),
                         [](const auto& durability) { return std::string(durability.param); });

TEST_P(StartStop, AKilledRecoveryIsDoneByTheNextStart) {
  CrashWorld world(GetParam());
  world.start();
  // Commits in the log, content to be removed, and an upload that was under way.
  for (const Act& one : acts()) {
    clear(*world.ledger);
    one.prepare(*world.ledger);
    ASSERT_GE(one.run(*world.ledger), 200);
  }
  world.ledger->put("c", kFile);
  world.ledger->put("c", kFile);
  world.faults.arm({.at = 2, .kinds = bit(CallKind::write)});
  ASSERT_EQ(world.ledger->put("c", kFile), 0);
  ASSERT_EQ(world.server.wait_for_end(), 137);
  world.faults.disarm();
  const auto kept = world.folder / "kept";
  ASSERT_FALSE(staged_files(world.server.data()).empty());
  copy_folder(world.server.data(), kept);

  std::uint64_t at = 1;
  for (;; ++at) {
    copy_folder(kept, world.server.data());
    const bool whole = world.starts_with_kill({.at = at});
    ASSERT_FALSE(HasFailure()) << world.faults.place();
    if (!whole) world.start();
    ASSERT_EQ(world.ledger->verify(), "")
        << "start killed at " << at << ", " << world.faults.place();
    ASSERT_TRUE(staged_files(world.server.data()).empty());
    ASSERT_EQ(world.check(), "") << world.faults.place();
    world.server.kill();
    if (whole) break;
  }
  std::cout << "kills " << at - 1 << ",\n";
  EXPECT_GT(at, 5U);
}

TEST_P(StartStop, AKilledFirstStartIsDoneByTheNext) {
  const std::uint64_t step = long_version() ? 1 : 7;
  int kills = 0;
  for (std::uint64_t at = 1;; at += step) {
    CrashWorld world(GetParam());
    if (world.starts_with_kill({.at = at})) break;
    ASSERT_FALSE(HasFailure());
    ++kills;
    // It may have come as far as the first collection.
    world.start_plainly();
    HttpClient client(world.server.port());
    ASSERT_TRUE(client.request("DELETE", "/ledger/").status != 0);
    world.server.kill();
    world.ledger.reset();
    world.start();
    ASSERT_EQ(world.ledger->put("a", kFile), 201) << world.faults.place();
    ASSERT_EQ(world.check(), "") << world.faults.place();
  }
  std::cout << "kills " << kills << ",\n";
  EXPECT_GT(kills, 3);
}

TEST_P(StartStop, AKilledEndLosesNothing) {
  CrashWorld world(GetParam());
  world.start();
  std::uint64_t at = 1;
  for (;; ++at) {
    clear(*world.ledger);
    act("MoveOver").prepare(*world.ledger);
    world.ledger->move("a", "b");
    world.ledger->lock("b");  // its flush is left to the end
    world.faults.arm({.at = at});
    const int code = world.server.stop();
    world.faults.disarm();
    ASSERT_EQ(code, world.faults.fired() ? 137 : 0) << world.server.output();
    world.start();
    ASSERT_EQ(world.ledger->verify(), "") << "killed at " << at << ", " << world.faults.place();
    ASSERT_EQ(world.check(), "") << world.faults.place();
    if (!world.faults.fired()) break;
  }
  std::cout << "kills " << at - 1 << ",\n";
  EXPECT_GT(at, 3U) << "an end that writes nothing makes no checkpoint";
}

TEST_P(StartStop, AKilledUpkeepLosesNothing) {
  CrashWorld world(GetParam());
  world.start();
  const std::uint64_t most = long_version() ? 20 : 7;
  int kills = 0;
  for (std::uint64_t at = 1; at <= most; at += long_version() ? 1 : 3) {
    clear(*world.ledger);
    act("MoveOver").prepare(*world.ledger);
    world.ledger->move("a", "b");
    // What is left to do is the upkeep's, within two of its rounds.
    world.faults.arm({.at = at});
    const int code = world.server.wait_for_end(std::chrono::seconds(10));
    world.faults.disarm();
    ASSERT_EQ(code, 137);
    kills += world.faults.fired() ? 1 : 0;
    world.start();
    ASSERT_EQ(world.ledger->verify(), "") << "killed at " << at << ", " << world.faults.place();
    ASSERT_EQ(world.check(), "") << world.faults.place();
  }
  std::cout << "kills " << kills << ",\n";
  EXPECT_GT(kills, 1);
}

}  // namespace
}  // namespace holdfast::test
