// SIGKILL at every call with which the program changes its data folder or answers (robustness K3):
// before the call, and in the middle of every write. What a killed process gave to the system is
// kept; for what a power cut takes, see power_loss_test.cc.
#include <functional>
#include <iostream>
#include <vector>

#include "tests/crash/world.h"

namespace holdfast::test {
namespace {

constexpr std::size_t kInline = 5'000;
constexpr std::size_t kFile = 300'000;  // more than one write to its file

struct Act {
  std::string name;
  std::function<void(WriteLedger&)> prepare;
  std::function<int(WriteLedger&)> run;
};

void make_tree(WriteLedger& ledger) {
  ledger.make_collection("tree");
  ledger.put("tree/small", kInline);
  ledger.put("tree/large", kFile);
  ledger.make_collection("tree/sub");
  ledger.put("tree/sub/small", kInline);
  ledger.patch("tree/sub");
}

std::vector<Act> acts() {
  using L = WriteLedger;
  const auto nothing = [](L&) {};
  const auto small = [](L& ledger) { ledger.put("a", kInline); };
  const auto large = [](L& ledger) { ledger.put("a", kFile); };
  const auto two = [](L& ledger) {
    ledger.put("a", kFile);
    ledger.put("b", kFile);
    ledger.patch("b");
  };
  return {
      {"PutNewInline", nothing, [](L& l) { return l.put("a", kInline); }},
      {"PutNewFile", nothing, [](L& l) { return l.put("a", kFile); }},
      {"PutOverInline", small, [](L& l) { return l.put("a", kInline); }},
      {"PutOverFile", large, [](L& l) { return l.put("a", kFile); }},
      {"MakeCollection", nothing, [](L& l) { return l.make_collection("a"); }},
      {"MoveOver", two, [](L& l) { return l.move("a", "b"); }},
      {"CopyOver", two, [](L& l) { return l.copy("a", "b"); }},
      {"MoveTree", make_tree, [](L& l) { return l.move("tree", "a"); }},
      {"CopyTree", make_tree, [](L& l) { return l.copy("tree", "a"); }},
      {"DeleteTree", make_tree, [](L& l) { return l.remove("tree"); }},
      {"Proppatch", large, [](L& l) { return l.patch("a"); }},
      {"LockMapped", small, [](L& l) { return l.lock("a"); }},
      {"LockUnmapped", nothing, [](L& l) { return l.lock("a"); }},
      {"Unlock",
       [](L& ledger) {
         ledger.put("a", kInline);
         ledger.lock("a");
       },
       [](L& l) { return l.unlock("a"); }},
  };
}

void clear(WriteLedger& ledger) {
  for (const char* name : {"a", "b", "tree"}) {
    if (ledger.has(name)) ledger.remove(name);
  }
}

struct Case {
  std::string durability;
  Act act;
};

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
