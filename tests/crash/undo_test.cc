// Undo and snapshots cut short (docs/storage.md#the-tree-as-it-was): SIGKILL at every call with
// which the server changes its data folder or answers, and in the middle of every write. The tree
// is as it was before or as it was at the instant, and a snapshot is there or not.
#include <iostream>
#include <vector>

#include "tests/crash/acts.h"
#include "tests/crash/world.h"

namespace holdfast::test {
namespace {

class CutShort : public testing::TestWithParam<const char*> {
 protected:
  Outcome command(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), holdfast_binary());
    arguments.insert(arguments.end(), {"--data", world_.server.data()});
    return run({.arguments = std::move(arguments)});
  }
  std::string now() {
    const std::string text = command({"history", "show", "--json"}).output;
    const std::size_t at = text.find("\"now\":\"") + 7;
    return text.substr(at, text.find('"', at) - at);
  }
  void clear_all() {
    clear(*world_.ledger);
    if (world_.ledger->has("c")) world_.ledger->remove("c");
  }

  CrashWorld world_{GetParam()};
};
INSTANTIATE_TEST_SUITE_P(, CutShort, testing::Values("full", "relaxed"),
                         [](const auto& one) { return std::string(one.param); });

// What is undone: a tree that was removed, a file that moved and another one in its place, and a
// new one.
TEST_P(CutShort, AnUndoIsWhollyDoneOrNotAtAll) {
  world_.start();
  WriteLedger& ledger = *world_.ledger;
  int kills = 0;
  int torn = 0;
  // Returns false when the undo ended before the fault was met.
  const auto cut_short_by = [&](const Fault& fault) {
    clear_all();
    ledger.make_collection("tree");
    for (const char* name : {"tree/one", "tree/two", "a"}) ledger.put(name, kInline);
    ledger.patch("tree/two");
    const std::string instant = now();
    ledger.mark();
    ledger.remove("tree");
    ledger.move("a", "b");
    ledger.put("a", kFile);
    ledger.put("c", kInline);
    world_.faults.arm(fault);
    const bool done = ledger.undo([&] {
      return command({"history", "undo", "/ledger", "--at", instant}).exit_code == 0;
    });
    world_.faults.disarm();
    if (!world_.faults.fired()) {
      EXPECT_TRUE(done);
      return false;
    }
    const std::string where = "fault at " + std::to_string(fault.at) + ", " + world_.faults.place();
    ++(fault.action == FaultAction::kill ? kills : torn);
    EXPECT_EQ(world_.restart_and_verify(), "") << where;
    EXPECT_EQ(world_.check(), "") << where;
    return !HasFailure();
  };
  for (std::uint64_t at = 1; cut_short_by({.at = at}); ++at) {
  }
  ASSERT_FALSE(HasFailure());
  for (std::uint64_t at = 1;
       cut_short_by({.action = FaultAction::tear, .at = at, .kinds = bit(CallKind::write)}); ++at) {
  }
  EXPECT_GE(kills, std::string(GetParam()) == "full" ? 2 : 1) << "a commit is a write and a flush";
  EXPECT_EQ(ledger.verify(), "");
  std::cout << "kills " << kills + torn << ", found done " << ledger.found_done()
            << ", found undone " << ledger.found_undone() << "\n";
}

TEST_P(CutShort, ASnapshotIsThereOrNot) {
  world_.start();
  world_.ledger->put("a", kFile);
  int kills = 0;
  const auto has = [&] {
    const Outcome list = command({"snapshot", "list"});
    EXPECT_EQ(list.exit_code, 0) << list.output;
    return list.output.find("1 snapshot.") != std::string::npos;
  };
  for (const bool adds : {true, false})
    for (std::uint64_t at = 1; !HasFailure(); ++at) {
      if (has() == adds) {
        EXPECT_EQ(command({"snapshot", adds ? "remove" : "add", "s"}).exit_code, 0);
      }
      world_.faults.arm({.at = at});
      const bool done = command({"snapshot", adds ? "add" : "remove", "s"}).exit_code == 0;
      world_.faults.disarm();
      if (!world_.faults.fired()) {
        EXPECT_TRUE(done);
        break;
      }
      ++kills;
      EXPECT_EQ(world_.restart_and_verify(), "") << at;
      if (done) {
        EXPECT_EQ(has(), adds) << "what was acknowledged is there";
      }
      EXPECT_EQ(world_.check(), "") << at;
    }
  EXPECT_GT(kills, 2);
  std::cout << "kills " << kills << "\n";
}

}  // namespace
}  // namespace holdfast::test
