// docs/robustness.md C1, G4 to G8: what concurrent clients saw of the real server is linearizable,
// also over a kill and over a pause, in both durability modes.
//
// HOLDFAST_LINEAR_MINUTES makes all series together go on for that long instead of a fixed number
// of histories (scripts/linear); HOLDFAST_LINEAR_SEED chooses others.
#include <array>
#include <chrono>
#include <cstdlib>
#include <gtest/gtest.h>
#include <iostream>
#include <string>

#include "tests/concurrency/arena.h"
#include "tests/concurrency/linearizability.h"
#include "tests/support/temporary_folder.h"

namespace holdfast::test {
namespace {

struct Series {
  const char* name;
  const char* durability;
  Nemesis nemesis;
  int histories;  // where no time is given
};

constexpr std::array kSeries = {Series{"full", "full", Nemesis::none, 600},
                                Series{"relaxed", "relaxed", Nemesis::none, 600},
                                Series{"full_killed", "full", Nemesis::kill, 50},
                                Series{"relaxed_killed", "relaxed", Nemesis::kill, 50},
                                Series{"full_paused", "full", Nemesis::pause, 25}};

void PrintTo(const Series& series, std::ostream* out) { *out << series.name; }

class Histories : public testing::TestWithParam<Series> {};

std::chrono::duration<double, std::ratio<60>> minutes() {
  const char* text = std::getenv("HOLDFAST_LINEAR_MINUTES");
  return std::chrono::duration<double, std::ratio<60>>(text == nullptr ? 0 : std::atof(text));
}

unsigned seed() {
  const char* text = std::getenv("HOLDFAST_LINEAR_SEED");
  return text == nullptr ? 1 : static_cast<unsigned>(std::atoi(text));
}

// Pairs of operations of which each began before the other had ended.
std::size_t overlaps(const History& history) {
  std::size_t count = 0;
  for (const Operation& a : history)
    for (const Operation& b : history)
      if (a.id < b.id && a.client != b.client && a.invoked < b.returned && b.invoked < a.returned)
        ++count;
  return count;
}

TEST_P(Histories, AreLinearizable) {
  const Series& series = GetParam();
  // Flushes are not what is looked at here: a killed process leaves what it has written.
  const TemporaryFolder folder(TemporaryFolder::in_memory());
  Arena arena(folder / "data", series.durability, seed());
  const auto begin = std::chrono::steady_clock::now();
  const auto enough = [&](int histories) {
    if (minutes().count() <= 0) return histories >= series.histories;
    return std::chrono::steady_clock::now() - begin >= minutes() / kSeries.size();
  };
  int histories = 0;
  std::size_t operations = 0;
  std::size_t changes = 0;
  std::size_t overlapping = 0;
  std::size_t states = 0;
  for (; !enough(histories); ++histories) {
    const History history = arena.history(series.nemesis);
    const Verdict verdict = check(history);
    ASSERT_TRUE(verdict.linearizable) << "history " << histories << " of seed " << seed() << "\n"
                                      << explain(minimise(history)) << "The whole history:\n"
                                      << print(history);
    operations += history.size();
    for (const Operation& operation : history) changes += operation.changed() ? 1 : 0;
    overlapping += overlaps(history);
    states += verdict.states;
  }
  EXPECT_EQ(arena.stop(), 0);
  EXPECT_EQ(arena.check_store(), "");
  EXPECT_TRUE(arena.reused_tags().empty()) << arena.reused_tags().front();
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
  std::cout << series.name << ": " << histories << " histories, " << operations << " operations ("
            << changes << " changed something, " << arena.unanswered() << " without an answer), "
            << overlapping << " overlapping pairs, " << states << " states, all linearizable, in "
            << static_cast<int>(took.count()) << " s\n";
  EXPECT_GT(changes, operations / 8) << "too little happens: the test shows nothing";
  EXPECT_GT(overlapping, operations / 4) << "the clients hardly meet: the test shows nothing";
  if (series.nemesis != Nemesis::none) {
    EXPECT_GT(arena.unanswered(), histories / 4) << "it disturbs too little";
  }
}

INSTANTIATE_TEST_SUITE_P(All, Histories, testing::ValuesIn(kSeries),
                         [](const auto& test) { return std::string(test.param.name); });

}  // namespace
}  // namespace holdfast::test
