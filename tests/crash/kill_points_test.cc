// SIGKILL at every call with which the program changes its data folder or answers
// (docs/robustness.md K3): before the call, and in the middle of every write. What a killed process
// gave to the system is kept; for what a power cut takes, see power_loss_test.cc.
#include <iostream>
#include <vector>

#include "tests/crash/acts.h"
#include "tests/crash/world.h"

namespace holdfast::test {
namespace {

struct Case {
  std::string durability;
  Act act;
};
void PrintTo(const Case& one, std::ostream* out) { *out << one.act.name << ' ' << one.durability; }

std::vector<Case> cases() {
  std::vector<Case> all;
  for (const Act& act : acts()) all.push_back({"full", act});
  for (const Act& act : acts()) {
    // The two modes differ in how files and commits are flushed, not in what is written.
    if (long_version() || act.name == "PutNewFile" || act.name == "MoveOver")
      all.push_back({"relaxed", act});
  }
  return all;
}

class KillPoints : public testing::TestWithParam<Case> {};
INSTANTIATE_TEST_SUITE_P(, KillPoints, testing::ValuesIn(cases()), [](const auto& one) {
  return one.param.act.name + "_" + one.param.durability;
});

TEST_P(KillPoints, TheActIsWhollyDoneOrNotAtAll) {
  const Act& act = GetParam().act;
  CrashWorld world(GetParam().durability);
  world.start();
  int kills = 0;
  // Returns false when the act ended before the fault was met.
  const auto cut_short_by = [&](const Fault& fault) {
    clear(*world.ledger);
    act.prepare(*world.ledger);
    world.faults.arm(fault);
    const int status = act.run(*world.ledger);
    world.faults.disarm();
    if (!world.faults.fired()) {
      EXPECT_TRUE(status >= 200 && status < 300) << status;
      return false;
    }
    ++kills;
    const std::string where = "killed at " + std::to_string(fault.at) + ", " + world.faults.place();
    EXPECT_EQ(world.restart_and_verify(), "") << where;
    if (long_version()) {
      EXPECT_EQ(world.check(), "") << where;
    }
    return !testing::Test::HasFailure();
  };
  for (std::uint64_t at = 1; cut_short_by({.at = at}); ++at) {
  }
  ASSERT_FALSE(HasFailure());
  for (std::uint64_t at = 1;
       cut_short_by({.action = FaultAction::tear, .at = at, .kinds = bit(CallKind::write)}); ++at) {
  }
  ASSERT_FALSE(HasFailure());

  // Before the first call it cannot have happened; when the answer is about to leave, it has.
  const int undone = world.ledger->found_undone();
  ASSERT_TRUE(cut_short_by({.at = 1, .kinds = bit(CallKind::write)}));
  EXPECT_EQ(world.ledger->found_undone(), undone + 1);
  const int done = world.ledger->found_done();
  ASSERT_TRUE(cut_short_by({.at = 1, .kinds = bit(CallKind::answer)}));
  EXPECT_EQ(world.ledger->found_done(), done + 1);

  ASSERT_EQ(world.check(), "");
  std::cout << "kills " << kills << ", found done " << world.ledger->found_done()
            << ", found undone " << world.ledger->found_undone() << "\n";
}

}  // namespace
}  // namespace holdfast::test
