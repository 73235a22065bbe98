// Power cuts on real file systems: the program works on a disk that logs every write and flush; for
// moments of that the disk is rebuilt with what was flushed and more or less of the rest, mounted,
// and the program is started on it. It must have one moment of the past: in full durability with
// all that was acknowledged, in relaxed durability not older than some seconds.
#include "tests/crash/power_cut.h"

#include <algorithm>
#include <chrono>
#include <gtest/gtest.h>
#include <iostream>
#include <memory>
#include <string>
#include <thread>
#include <tuple>
#include <vector>

#include "tests/crash/power_cut_model.h"
#include "tests/crash/power_cut_scenarios.h"
#include "tests/crash/world.h"
#include "tests/support/server_process.h"

namespace holdfast::test {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

// Longer than relaxed durability takes to flush.
constexpr auto kUntilFlushed = 6'500ms;
// Upkeep comes about once in it.
constexpr auto kUpkeep = 2'500ms;

std::string parameter_name(
    const testing::TestParamInfo<std::tuple<FileSystem, std::string>>& test) {
  return name_of(std::get<0>(test.param)) + "_" + std::get<1>(test.param);
}

// A store on a disk of such a kind, that one client works on.
class Store {
 public:
  Store(FileSystem kind, std::string durability) : durability_(std::move(durability)), disk_(kind) {
    disk_.begin();
    server_ =
        std::make_unique<ServerProcess>(disk_.point() / "data", power_cut_options(durability_));
  }

  void start() {
    server_->start();
    client_ =
        std::make_unique<PastClient>(past_, server_->port(), [this] { return disk_.records(); });
  }
  void kill() { server_->kill(); }
  void end() {
    if (server_->running()) server_->kill();
    disk_.end();
  }

  [[nodiscard]] PastClient& client() { return *client_; }
  [[nodiscard]] Past& past() { return past_; }
  [[nodiscard]] RecordedDisk& disk() { return disk_; }
  [[nodiscard]] StoreJudge judge() { return {disk_, past_, durability_}; }
  [[nodiscard]] const std::string& durability() const { return durability_; }

  // Judges states and says what it found.
  void expect_clean(const std::vector<Cut>& cuts, const std::string& what) {
    StoreJudge judge = this->judge();
    Tally tally;
    for (const Cut& cut : cuts) judge.judge(cut, tally);
    report(tally, what);
  }
  void report(const Tally& tally, const std::string& what) const {
    std::string words;
    for (const std::string& each : tally.words) words += each + "\n";
    EXPECT_TRUE(tally.clean()) << words;
    std::cout << "power cuts, " << name_of(disk_.kind()) << ", " << durability_ << ", " << what
              << ": " << tally.text() << "\n"
              << "disks " << tally.states << ", of " << disk_.log().summary() << "\n";
  }

 private:
  std::string durability_;
  Past past_;
  RecordedDisk disk_;
  std::unique_ptr<ServerProcess> server_;
  std::unique_ptr<PastClient> client_;
};

class PowerCut : public testing::TestWithParam<std::tuple<FileSystem, std::string>> {
 protected:
  void SetUp() override {
    if (const auto reason = why_no_power_cut(kind()); !reason.empty()) GTEST_SKIP() << reason;
  }
  [[nodiscard]] static FileSystem kind() { return std::get<0>(GetParam()); }
  [[nodiscard]] static std::string durability() { return std::get<1>(GetParam()); }
  [[nodiscard]] static bool relaxed() { return durability() == "relaxed"; }

  // Files that have been on the disk for long, then the scenarios, then upkeep.
  static void run_scenarios(const std::vector<Scenario>& scenarios, std::size_t states,
                            unsigned seed, const std::string& what) {
    Store store(kind(), durability());
    store.start();
    for (std::size_t number = 0; number < scenarios.size(); ++number)
      prepare(store.client(), collection_of(scenarios[number], number));
    if (relaxed()) std::this_thread::sleep_for(kUntilFlushed);
    const std::size_t from = store.disk().records();
    for (std::size_t number = 0; number < scenarios.size(); ++number)
      run(store.client(), scenarios[number], collection_of(scenarios[number], number));
    std::this_thread::sleep_for(kUpkeep);
    store.end();
    store.expect_clean(store.disk().random_cuts(states, from, seed), what);
  }
};

TEST_P(PowerCut, LeavesOneMomentOfEveryRelease) {
  std::vector<Scenario> scenarios = scenarios_of(1);
  std::vector<Scenario> pairs = scenarios_of(2);
  std::mt19937 random(7);
  if (!long_version()) {
    // Two that are known for what they found, and some more.
    std::shuffle(pairs.begin(), pairs.end(), random);
    pairs.resize(10);
    pairs.insert(pairs.begin(), {2, 2});
    pairs.insert(pairs.begin(), {0, 5});
  }
  scenarios.insert(scenarios.end(), pairs.begin(), pairs.end());
  run_scenarios(scenarios, long_version() ? 60 : 6, 1, "pairs");
  if (!long_version()) return;
  std::vector<Scenario> triples = scenarios_of(3);
  std::shuffle(triples.begin(), triples.end(), random);
  constexpr std::size_t kAtOnce = 250;
  for (std::size_t at = 0; at < triples.size(); at += kAtOnce) {
    const auto first = triples.begin() + static_cast<std::ptrdiff_t>(at);
    run_scenarios({first, first + kAtOnce}, 15, 2 + static_cast<unsigned>(at / kAtOnce), "triples");
  }
}

INSTANTIATE_TEST_SUITE_P(Each, PowerCut,
                         testing::Combine(testing::ValuesIn(kFileSystems),
                                          testing::Values("full", "relaxed")),
                         parameter_name);

}  // namespace
}  // namespace holdfast::test
