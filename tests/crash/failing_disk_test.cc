// A disk that reports errors (docs/robustness.md K6, G10) and one that fills up at any call.
#include <cerrno>
#include <gtest/gtest.h>
#include <iostream>

#include "tests/crash/acts.h"
#include "tests/crash/disk.h"
#include "tests/crash/world.h"

namespace holdfast::test {
namespace {

constexpr std::uint32_t kFlushes = bit(CallKind::sync) | bit(CallKind::sync_all);
constexpr std::uint32_t kAnswers = bit(CallKind::answer);
constexpr std::uint32_t kGrowth =
    bit(CallKind::create) | bit(CallKind::write) | bit(CallKind::allocate);

class FailingFlush : public testing::TestWithParam<const char*> {};
INSTANTIATE_TEST_SUITE_P(, FailingFlush,
                         testing::Values("PutNewInline", "PutOverFile", "MoveOver", "DeleteTree",
                                         "LockUnmapped"),
                         [](const auto& name) { return std::string(name.param); });

// At each flush of an act in turn: no success is answered, the program ends by itself with exit
// code 1, and what it had acknowledged is on the disk although all that the flush was for is lost.
TEST_P(FailingFlush, IsNotAnsweredWithSuccessAndEndsTheProgram) {
  const Act one = act(GetParam());
  int refusals = 0;
  std::uint64_t at = 1;
  for (;; ++at) {
    CrashWorld world("full");
    world.start(world.folder / "trace");
    one.prepare(*world.ledger);
    world.faults.arm({.action = FaultAction::fail, .at = at, .kinds = kFlushes, .error = EIO});
    const int status = one.run(*world.ledger);
    world.faults.disarm();
    if (!world.faults.fired()) {
      ASSERT_TRUE(status >= 200 && status < 300) << status;
      break;
    }
    const std::string where = "flush " + std::to_string(at) + ", " + world.faults.place();
    // Success is only told when the upkeep met the fault beside it; what follows then still holds.
    ASSERT_TRUE(status == 0 || status >= 500 || (status >= 200 && status < 300))
        << status << " at " << where;
    refusals += status >= 300 || status == 0 ? 1 : 0;
    ASSERT_EQ(world.server.wait_for_end(), 1) << where << "\n" << world.server.output();

    Disk disk;
    for (const TracedCall& call : read_trace(world.folder / "trace")) disk.apply(call);
    for (const Fate::Kind kind : {Fate::Kind::kept, Fate::Kind::dropped}) {
      std::filesystem::remove_all(world.server.data());
      make_folder(disk.after_power_cut({kind}), world.server.data());
      world.start_plainly();
      ASSERT_EQ(world.ledger->verify(), "") << where;
      ASSERT_EQ(world.check(), "") << where;
      world.server.kill();
      if (world.ledger->found_done() > 0) break;  // what is found counts as there from now on
    }
  }
  std::cout << "faults " << at - 1 << ", each flush of the act\n";
  EXPECT_GT(refusals, 0) << "no flush of the act failed";
}

struct Full {
  const char* name;
  FaultAction action;
  int error;
};
class FullDisk : public testing::TestWithParam<Full> {};
INSTANTIATE_TEST_SUITE_P(, FullDisk,
                         testing::Values(Full{"AtOnce", FaultAction::fail, ENOSPC},
                                         Full{"AfterAPart", FaultAction::fail_short, ENOSPC},
                                         Full{"OfItsQuota", FaultAction::fail, EDQUOT}),
                         [](const auto& full) { return std::string(full.param.name); });

// At each call of each act that takes space: 507, nothing changed, and when there is space again
// the same server does the same act. There is no history, which would give way instead.
TEST_P(FullDisk, RefusesTheActChangesNothingAndGoesOn) {
  CrashWorld world("full", {"--trash-keep", "0", "--versions", "off"});
  world.start();
  const pid_t pid = world.server.pid();
  int refusals = 0;
  for (const Act& one : acts()) {
    std::uint64_t at = 1;
    for (;; ++at) {
      clear(*world.ledger);
      one.prepare(*world.ledger);
      world.faults.arm(
          {.action = GetParam().action, .at = at, .kinds = kGrowth, .error = GetParam().error});
      const int status = one.run(*world.ledger);
      world.faults.disarm();
      const std::string where =
          one.name + ", call " + std::to_string(at) + ", " + world.faults.place();
      ASSERT_EQ(world.server.pid(), pid);
      if (status >= 200 && status < 300) {
        // Either the act takes no more calls, or the upkeep met the fault.
        if (!world.faults.fired()) break;
        continue;
      }
      ASSERT_TRUE(world.faults.fired()) << status;
      ASSERT_EQ(status, 507) << where << "\n" << world.server.output();
      world.ledger->refused();
      ++refusals;
      ASSERT_EQ(world.ledger->verify(), "") << where;
      const int again = one.run(*world.ledger);
      ASSERT_TRUE(again >= 200 && again < 300) << again << " again: " << where;
    }
    ASSERT_EQ(world.check(), "") << one.name;
  }
  EXPECT_EQ(world.server.stop(), 0) << world.server.output();
  std::cout << "faults " << refusals << ", each refused\n";
  EXPECT_GT(refusals, 12);
}

class FailingCalls : public testing::TestWithParam<const char*> {};
INSTANTIATE_TEST_SUITE_P(, FailingCalls, testing::Values("full", "relaxed"),
                         [](const auto& durability) { return std::string(durability.param); });

// Each call of each act fails once, each time with another error: the act is done, refused, or the
// server ends; and a start afterwards has all that was acknowledged, and the act wholly or not.
TEST_P(FailingCalls, LoseNothingWhateverTheError) {
  constexpr int kErrors[] = {EIO,    EROFS,  EACCES,  EPERM, EMFILE, ENFILE,
                             ENOMEM, EINTR,  EAGAIN,  EBUSY, EFBIG,  ENXIO,
                             ENODEV, EEXIST, ENOTDIR, ELOOP, EINVAL, EOVERFLOW};
  CrashWorld world(GetParam());
  world.start();
  int faults = 0;
  std::size_t next = 0;
  for (const Act& one : acts()) {
    for (std::uint64_t at = 1;; at += long_version() ? 1 : 3) {
      // Long: every error at every call.
      bool fired = false;
      for (std::size_t i = 0; i < (long_version() ? std::size(kErrors) : 1); ++i) {
        clear(*world.ledger);
        one.prepare(*world.ledger);
        const int error = kErrors[next++ % std::size(kErrors)];
        world.faults.arm({.action = FaultAction::fail,
                          .at = at,
                          .kinds = kEveryCall & ~kAnswers,
                          .error = error});
        const int status = one.run(*world.ledger);
        world.faults.disarm();
        fired = world.faults.fired();
        if (!fired) break;
        ++faults;
        const std::string where = one.name + ", errno " + std::to_string(error) + " at call " +
                                  std::to_string(at) + ", " + world.faults.place() + ", answer " +
                                  std::to_string(status);
        ASSERT_TRUE(status == 0 || status >= 500 || (status >= 200 && status < 300)) << where;
        world.server.kill();
        world.start();
        ASSERT_EQ(world.ledger->verify(), "") << where;
      }
      if (!fired) break;
    }
    ASSERT_EQ(world.check(), "") << one.name;
  }
  std::cout << "faults " << faults << ", of every kind\n";
  EXPECT_GT(faults, 15);
}

}  // namespace
}  // namespace holdfast::test
