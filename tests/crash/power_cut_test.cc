// Power cuts on real file systems: the program works on a disk that logs every write and flush; for
// moments of that the disk is rebuilt with what was flushed and more or less of the rest, mounted,
// and the program is started on it. It must have one moment of the past: in full durability with
// all that was acknowledged, in relaxed durability not older than some seconds.
#include "tests/crash/power_cut.h"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <exception>
#include <filesystem>
#include <functional>
#include <gtest/gtest.h>
#include <iostream>
#include <iterator>
#include <memory>
#include <random>
#include <string>
#include <system_error>
#include <thread>
#include <tuple>
#include <vector>

#include "storage/sqlite/file/migrate.h"
#include "storage/sqlite/file/schema.h"
#include "tests/crash/power_cut_model.h"
#include "tests/crash/power_cut_scenarios.h"
#include "tests/crash/world.h"
#include "tests/support/first_schema.h"
#include "tests/support/memory_store.h"
#include "tests/support/process.h"
#include "tests/support/server_process.h"

namespace holdfast::test {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

// Longer than relaxed durability takes to flush.
constexpr auto kUntilFlushed = 6'500ms;
// Upkeep comes about once in it.
constexpr auto kUpkeep = 2'500ms;
// Upkeep comes about twice in it.
constexpr auto kStretch = 4'500ms;

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

  [[nodiscard]] std::uint16_t port() const { return server_->port(); }
  [[nodiscard]] PastClient& client() { return *client_; }
  [[nodiscard]] Past& past() { return past_; }
  [[nodiscard]] RecordedDisk& disk() { return disk_; }
  [[nodiscard]] StoreJudge judge() { return {disk_, past_, durability_}; }
  [[nodiscard]] const std::string& durability() const { return durability_; }

 private:
  std::string durability_;
  Past past_;
  RecordedDisk disk_;
  std::unique_ptr<ServerProcess> server_;
  std::unique_ptr<PastClient> client_;
};

// Says what was found, and at the end in how many states.
class Reported {
 protected:
  void report(const RecordedDisk& disk, const Tally& tally, const std::string& what) {
    std::string words;
    for (const std::string& each : tally.words) words += each + "\n";
    EXPECT_TRUE(tally.clean()) << words;
    std::cout << "power cuts, " << name_of(disk.kind()) << ", " << what << ": " << tally.text()
              << " (" << disk.log().summary() << ")\n";
    disks_ += tally.states;
  }
  void judge(Store& store, const std::vector<Cut>& cuts, const std::string& what) {
    StoreJudge judge = store.judge();
    Tally tally;
    for (const Cut& cut : cuts) judge.judge(cut, tally);
    report(store.disk(), tally, store.durability() + ", " + what);
  }
  void say_disks() const { std::cout << "disks " << disks_ << ", rebuilt and started\n"; }

 private:
  int disks_ = 0;
};

class PowerCut : public testing::TestWithParam<std::tuple<FileSystem, std::string>>,
                 protected Reported {
 protected:
  void TearDown() override { say_disks(); }
  void SetUp() override {
    if (const auto reason = why_no_power_cut(kind()); !reason.empty()) GTEST_SKIP() << reason;
  }
  [[nodiscard]] static FileSystem kind() { return std::get<0>(GetParam()); }
  [[nodiscard]] static std::string durability() { return std::get<1>(GetParam()); }
  [[nodiscard]] static bool relaxed() { return durability() == "relaxed"; }

  // Files that have been on the disk for long, then the scenarios, then upkeep.
  void run_scenarios(const std::vector<Scenario>& scenarios, std::size_t states, unsigned seed,
                     const std::string& what) {
    Store store(kind(), durability());
    store.start();
    constexpr int kOthers = 16;
    int others = 0;
    store.client().make_collection("/others");
    for (std::size_t number = 0; number < scenarios.size(); ++number)
      prepare(store.client(), collection_of(scenarios[number], number));
    if (relaxed()) std::this_thread::sleep_for(kUntilFlushed);
    const std::size_t from = store.disk().records();
    const auto begin = Past::Clock::now();
    // What upkeep does on a slow disk takes long, so that much happens beside it.
    if (relaxed()) store.disk().device().delay_flushes(6ms);
    for (std::size_t number = 0; number < scenarios.size(); ++number) {
      run(store.client(), scenarios[number], collection_of(scenarios[number], number));
      // In relaxed durability they are beside upkeep, which others give much to flush.
      while (relaxed() && Past::Clock::now() < begin + kStretch * (number + 1) / scenarios.size()) {
        store.client().put("/others/" + std::to_string(++others % kOthers), 66'000);
        std::this_thread::sleep_for(2ms);
      }
    }
    std::this_thread::sleep_for(relaxed() ? kUpkeep / 2 : kUpkeep);
    store.disk().device().delay_flushes(0ms);
    store.end();
    judge(store, store.disk().random_cuts(states, from, seed), what);
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
  run_scenarios(scenarios, long_version() ? 40 : 6, 1, "pairs");
  if (!long_version()) return;
  // Each file system has its quarter of those, in both durabilities.
  std::vector<Scenario> triples = scenarios_of(3);
  std::shuffle(triples.begin(), triples.end(), random);
  const auto quarter = static_cast<std::ptrdiff_t>(triples.size() / std::size(kFileSystems));
  const auto first = triples.begin() + quarter * static_cast<std::ptrdiff_t>(kind());
  run_scenarios({first, first + quarter}, 25, 2, "triples");
}

// Acts at random while upkeep collects, a kill, the sweep of the start after it, and more acts.
TEST_P(PowerCut, LeavesOneMomentOfAMixture) {
  Store store(kind(), durability());
  store.start();
  const auto mix = [&](std::size_t collection, std::chrono::milliseconds time) {
    Mixture mixture(store.client(), "/mixture" + std::to_string(collection),
                    static_cast<unsigned>(collection));
    if (!store.past().has("/mixture" + std::to_string(collection))) mixture.prepare();
    const auto until = Past::Clock::now() + time;
    while (Past::Clock::now() < until) {
      mixture.act();
      std::this_thread::sleep_for(relaxed() ? 4ms : 1ms);
    }
  };
  mix(1, long_version() ? 7'000ms : 1'500ms);
  const std::size_t from = long_version() ? store.disk().records() : 0;
  mix(2, long_version() ? 4'000ms : 500ms);
  store.kill();
  store.start();
  mix(1, long_version() ? 1'000ms : 300ms);
  mix(3, long_version() ? 4'000ms : 500ms);
  store.end();
  judge(store, store.disk().random_cuts(long_version() ? 30 : 4, from, 100), "mixture");
}

// Some clients replace files that have been on a slow disk for long; others act over trees, which
// flushes what is in their way while upkeep flushes too.
TEST_P(PowerCut, LeavesWholeContentBesideTreesAndUpkeep) {
  Store store(kind(), durability());
  store.start();
  constexpr int kWriters = 4;  // half of them on trees
  constexpr int kFiles = 64;
  const auto records = [&store] { return store.disk().records(); };
  std::vector<std::unique_ptr<Past>> pasts;
  std::vector<std::unique_ptr<PastClient>> clients;
  for (int number = 0; number < kWriters; ++number) {
    const std::string top = "/client" + std::to_string(number);
    pasts.push_back(std::make_unique<Past>(top));
    clients.push_back(std::make_unique<PastClient>(*pasts.back(), store.port(), records));
    PastClient& client = *clients.back();
    client.make_collection(top);
    client.make_collection(top + "/d");
    for (int file = 0; file < kFiles; ++file) client.put(top + "/" + std::to_string(file), 66'000);
  }
  if (relaxed()) std::this_thread::sleep_for(kUntilFlushed);

  const auto act = [&](int number, int round) {
    PastClient& client = *clients[static_cast<std::size_t>(number)];
    const std::string top = "/client" + std::to_string(number);
    if (number % 2 == 0) {
      client.put(top + "/" + std::to_string(round % kFiles), 67'000);
      std::this_thread::sleep_for(3ms);
      return;
    }
    client.make_collection(top + "/n");
    client.put(top + "/n/f", 66'000);
    if (round % 2 == 0) {
      client.move(top + "/n", top + "/d");
    } else {
      client.copy(top + "/n", top + "/d");
      client.remove(top + "/n");
    }
  };
  const std::size_t from = store.disk().records();
  store.disk().device().delay_flushes(relaxed() ? 5ms : 1ms);
  // Pauses at all phases of upkeep.
  for (int cycle = 0; cycle < (long_version() ? 3 : 1); ++cycle) {
    const auto until = Past::Clock::now() + 1'300ms;
    std::vector<std::thread> threads;
    for (int number = 0; number < kWriters; ++number) {
      threads.emplace_back([&act, number, until, cycle] {
        try {
          for (int round = 0; Past::Clock::now() < until; ++round) act(number, cycle * 16 + round);
        } catch (const std::exception& error) {
          ADD_FAILURE() << error.what();
        }
      });
    }
    for (auto& thread : threads) thread.join();
    std::this_thread::sleep_for(500ms);
  }
  store.disk().device().delay_flushes(0ms);
  store.end();
  StoreJudge judge(store.disk(), *pasts.front(), durability());
  for (std::size_t number = 1; number < pasts.size(); ++number) judge.also(*pasts[number]);
  Tally tally;
  for (const Cut& cut : store.disk().random_cuts(long_version() ? 12 : 3, from, 600))
    judge.judge(cut, tally);
  report(store.disk(), tally, durability() + ", trees beside upkeep");
}

TEST_P(PowerCut, LeavesAStoreThatStartsFromTheFirstMomentOn) {
  for (unsigned run = 0; run < (long_version() ? 3U : 1U); ++run) {
    Store store(kind(), durability());
    store.start();
    store.client().put("/large", 100'000);
    store.client().put("/small", 1'000);
    if (run > 0) std::this_thread::sleep_for(kUpkeep * run);
    store.end();
    judge(store, store.disk().random_cuts(long_version() ? 16 : 5, 0, 200 + run), "first start");
  }
}

// Every file system in both durabilities, or in one.
std::vector<std::tuple<FileSystem, std::string>> disks() {
  if (!long_version()) {
    return {{FileSystem::ext4, "relaxed"},
            {FileSystem::ext4_without_journal, "full"},
            {FileSystem::xfs, "full"},
            {FileSystem::btrfs, "relaxed"}};
  }
  std::vector<std::tuple<FileSystem, std::string>> all;
  for (const FileSystem kind : kFileSystems)
    for (const char* durability : {"full", "relaxed"}) all.emplace_back(kind, durability);
  return all;
}

std::vector<FileSystem> kinds() {
  if (!long_version()) return {FileSystem::ext4, FileSystem::btrfs};
  return {std::begin(kFileSystems), std::end(kFileSystems)};
}

INSTANTIATE_TEST_SUITE_P(Each, PowerCut, testing::ValuesIn(disks()), parameter_name);

class PowerCutIn : public testing::TestWithParam<FileSystem>, protected Reported {
 protected:
  void TearDown() override { say_disks(); }
  void SetUp() override {
    if (const auto reason = why_no_power_cut(GetParam()); !reason.empty()) GTEST_SKIP() << reason;
  }

  // A program that has run to its end.
  static Outcome holdfast(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), holdfast_binary());
    return run({.arguments = std::move(arguments)});
  }
  // One that must succeed.
  static void expect_done(const std::vector<std::string>& arguments) {
    const Outcome outcome = holdfast(arguments);
    EXPECT_EQ(outcome.exit_code, 0) << outcome.output;
  }
  // Serves `data` for some work, and stops.
  void work_on(const fs::path& data, const std::function<void(PastClient&)>& work) {
    ServerProcess server(data, power_cut_options("full"));
    server.start();
    PastClient client(past_, server.port(), [] { return 0; });
    work(client);
    EXPECT_EQ(server.stop(), 0);
  }
  static void upload(PastClient& client) {
    client.make_collection("/tree");
    client.make_collection("/tree/sub");
    for (int number = 0; number < 6; ++number) {
      client.put("/tree/large" + std::to_string(number), 70'000);
      client.put("/tree/sub/small" + std::to_string(number), 3'000);
    }
    client.copy("/tree", "/copy");
  }
  static void change(PastClient& client) {
    client.remove("/copy");
    for (int number = 0; number < 3; ++number) {
      client.put("/tree/large" + std::to_string(number), 80'000);
      client.put("/tree/new" + std::to_string(number), 90'000);
    }
    client.remove("/tree/large5");
  }
  Past past_;
  TemporaryFolder folder_{TemporaryFolder::in_memory()};
};

TEST_P(PowerCutIn, AMigrationLosesNothing) {
  const int newest = storage::sqlite::kSchemaVersion;
  for (int from = 1; from < (long_version() ? newest : 2); ++from) {
    past_ = Past();
    RecordedDisk disk(GetParam());
    disk.prepare([&](const fs::path& point) {
      work_on(point / "data", upload);
      const fs::path database = point / "data" / "meta.db";
      make_first_schema(database);
      for (int version = 1; version < from; ++version) {
        storage::sqlite::Connection writer(database.string(),
                                           storage::sqlite::Connection::Mode::write);
        storage::sqlite::configure(writer, storage::sqlite::Connection::Mode::write, 1 << 20);
        const auto& step = storage::sqlite::migrations()[static_cast<std::size_t>(version) - 1];
        MemoryContentStore content;
        storage::sqlite::migrate(writer, database.string(), {&step, 1}, content);
      }
      std::error_code ignored;
      fs::remove(database.string() + ".schema-1", ignored);
    });
    disk.begin();
    ServerProcess server(disk.point() / "data", power_cut_options("full"));
    server.start();
    server.kill();
    disk.end();
    StoreJudge judge(disk, past_, "full");
    judge.check_every(2);
    Tally tally;
    for (const Cut& cut : disk.random_cuts(long_version() ? 10 : 4, 0, 300))
      judge.judge(cut, tally);
    report(disk, tally, "migration from schema " + std::to_string(from));
  }
}

TEST_P(PowerCutIn, ABackupIsTheEarlierOrTheNewOne) {
  const fs::path data = folder_ / "data";
  RecordedDisk disk(GetParam());
  disk.begin();
  const std::string backup = disk.point() / "backup";
  work_on(data, upload);
  expect_done({"backup", backup, "--data", data});
  const std::size_t earlier = past_.requests();
  const std::size_t first_done = disk.records();
  work_on(data, change);
  expect_done({"backup", backup, "--data", data});
  const std::size_t second_done = disk.records();
  disk.end();

  StoreJudge judge(disk, past_, "full");
  Tally tally;
  for (const Cut& cut : disk.random_cuts(long_version() ? 40 : 4, 0, 400)) {
    const auto mounted = disk.after(cut);
    if (disk.repair_took_bytes()) {
      ++tally.states;
      ++tally.taken;
      continue;
    }
    const std::string kept = mounted->point() / "backup";
    const fs::path restored = folder_ / "restored";
    const auto restore = [&] {
      fs::remove_all(restored);
      return holdfast({"restore", kept, "--data", restored});
    };
    const Outcome outcome = restore();
    if (outcome.exit_code == 0) {
      judge.judge_store(restored, cut.at >= second_done ? past_.requests() : earlier,
                        past_.requests(), cut, tally);
    } else {
      ++tally.states;
      if (cut.at >= first_done) {
        ++tally.lost;
        tally.say(cut, "restore: " + outcome.output);
      }
    }
    // The next backup is whole, whatever it found.
    if (tally.states % 3 != 0) continue;
    expect_done({"backup", kept, "--data", data});
    const Outcome again = restore();
    EXPECT_EQ(again.exit_code, 0) << again.output;
    judge.judge_store(restored, past_.requests(), past_.requests(), cut, tally);
  }
  report(disk, tally, "backup");
}

TEST_P(PowerCutIn, ARestoreIsWholeOrIsMadeAgain) {
  const std::string backup = folder_ / "backup";
  work_on(folder_ / "data", upload);
  expect_done({"backup", backup, "--data", folder_ / "data"});
  RecordedDisk disk(GetParam());
  disk.begin();
  expect_done({"restore", backup, "--data", disk.point() / "data"});
  const std::size_t done = disk.records();
  disk.end();

  StoreJudge judge(disk, past_, "full");
  judge.check_every(2);
  Tally tally;
  const std::size_t all = past_.requests();
  for (const Cut& cut : disk.random_cuts(long_version() ? 40 : 5, 0, 500)) {
    const auto mounted = disk.after(cut);
    if (disk.repair_took_bytes()) {
      ++tally.states;
      ++tally.taken;
      continue;
    }
    const fs::path data = mounted->point() / "data";
    const bool whole = fs::exists(data / "meta.db");
    if (!whole && cut.at < done) {
      // What is there of it is no store.
      if (fs::exists(data / "meta.db.restoring")) {
        EXPECT_NE(holdfast({"check", "--data", data}).exit_code, 0) << cut.text();
      }
      expect_done({"restore", backup, "--data", data});
    }
    judge.judge_store(data, all, all, cut, tally);
  }
  report(disk, tally, "restore");
}

// A client of its own on a store, with a file that is on the disk.
struct OtherClient {
  static constexpr bool kWithoutFile = false;

  OtherClient(Store& store, const std::string& name, bool with_file = true)
      : top("/" + name),
        past(top),
        client(past, store.port(), [&store] { return store.disk().records(); }) {
    if (!with_file) return;
    client.make_collection(top);
    client.put(top + "/f", 66'000);
  }
  void put() { client.put(top + "/f", 70'000); }
  void move_tree() { client.move(top + "/n", top + "/d"); }

  std::string top;
  Past past;
  PastClient client;
};

// Upkeep has looked what there is to flush, and its flush takes long. Meanwhile a tree is moved
// over another, which flushes and forgets all of that, and others upload: what upkeep then forgets
// must not be theirs.
TEST_P(PowerCutIn, HeldUpkeepForgetsNothingNew) {
  Store store(GetParam(), "relaxed");
  store.start();
  std::vector<std::unique_ptr<OtherClient>> all;
  const auto make = [&](const std::string& name) -> OtherClient& {
    all.push_back(std::make_unique<OtherClient>(store, name));
    return *all.back();
  };
  std::vector<OtherClient*> before, between, after;
  for (int number = 0; number < 10; ++number)
    before.push_back(&make("before" + std::to_string(number)));
  for (int number = 0; number < 2; ++number)
    between.push_back(&make("between" + std::to_string(number)));
  for (int number = 0; number < 4; ++number)
    after.push_back(&make("after" + std::to_string(number)));
  OtherClient& first = make("first");
  OtherClient& second = make("second");
  for (OtherClient* each : {&first, &second}) {
    each->client.make_collection(each->top + "/n");
    each->client.make_collection(each->top + "/d");
  }
  // Until upkeep has just been there.
  std::this_thread::sleep_for(kUntilFlushed);
  make("last");
  BlockDevice& device = store.disk().device();
  const std::uint64_t quiet = device.records();
  all.back()->put();
  for (int tries = 0; tries < 400 && device.records() == quiet; ++tries)
    std::this_thread::sleep_for(10ms);
  std::this_thread::sleep_for(300ms);
  for (OtherClient* each : {&first, &second}) each->client.put(each->top + "/n/f", 66'000);

  std::vector<std::thread> threads;
  const auto start = [&threads](auto work) {
    threads.emplace_back([work] {
      try {
        work();
      } catch (const std::exception& error) {
        ADD_FAILURE() << error.what();
      }
    });
  };
  const auto wait = [](auto time) { std::this_thread::sleep_for(time); };
  device.hold_flushes(true);
  std::thread moves_first([&] { first.move_tree(); });
  wait(100ms);
  for (OtherClient* each : before) start([each] { each->put(); });
  wait(2'300ms);  // upkeep waits behind them
  std::thread moves_second([&] { second.move_tree(); });
  wait(100ms);
  device.hold_flushes(false);
  moves_first.join();
  device.hold_flushes(true);  // the second's flush
  wait(50ms);
  for (OtherClient* each : between) start([each] { each->put(); });
  wait(100ms);
  device.hold_flushes(false);
  moves_second.join();
  device.hold_flushes(true);  // upkeep's
  wait(50ms);
  for (OtherClient* each : after) start([each] { each->put(); });
  wait(200ms);
  const std::size_t from = device.records();
  device.hold_flushes(false);
  for (std::thread& thread : threads) thread.join();
  wait(300ms);
  store.end();

  StoreJudge judge(store.disk(), all.front()->past, "relaxed");
  for (const auto& each : all) judge.also(each->past);
  Tally tally;
  std::vector<Cut> cuts = store.disk().random_cuts(long_version() ? 20 : 6, from, 700);
  cuts.push_back({store.disk().size(), Unflushed::none, 1});
  for (const Cut& cut : cuts) judge.judge(cut, tally);
  report(store.disk(), tally, "relaxed, held upkeep");
}

// Upkeep's flush takes long, and everything that lets content go happens beside it. Then upkeep
// flushes the log, which names content that nobody has flushed: what was there before must be.
TEST_P(PowerCutIn, HeldUpkeepKeepsWhatIsReplacedMeanwhile) {
  // Those that flush what is in their way would wait for upkeep, and all others for them.
  const auto flushes = [](const Scenario& scenario) {
    return std::any_of(scenario.begin(), scenario.end(), [](std::size_t act) {
      const std::string& name = releasing_acts()[act].name;
      return name == "away" || name == "movetree" || name == "copytree";
    });
  };
  std::vector<Scenario> scenarios = scenarios_of(1);
  const std::vector<Scenario> pairs = scenarios_of(2);
  scenarios.insert(scenarios.end(), pairs.begin(), pairs.end());
  std::erase_if(scenarios, flushes);

  Store store(GetParam(), "relaxed");
  store.start();
  std::vector<std::unique_ptr<OtherClient>> all;
  for (std::size_t number = 0; number < scenarios.size(); ++number) {
    const std::string top = collection_of(scenarios[number], number);
    all.push_back(std::make_unique<OtherClient>(store, top.substr(1), OtherClient::kWithoutFile));
    prepare(all.back()->client, top);
  }
  OtherClient last(store, "last");
  std::this_thread::sleep_for(kUntilFlushed);

  BlockDevice& device = store.disk().device();
  last.put();
  device.hold_flushes(true);
  std::this_thread::sleep_for(kUpkeep);
  const std::size_t from = device.records();
  std::vector<std::thread> threads;
  for (std::size_t number = 0; number < scenarios.size(); ++number) {
    threads.emplace_back([&scenarios, &all, number] {
      try {
        run(all[number]->client, scenarios[number], all[number]->top);
      } catch (const std::exception& error) {
        ADD_FAILURE() << error.what();
      }
    });
  }
  std::this_thread::sleep_for(1s);
  device.hold_flushes(false);
  std::this_thread::sleep_for(300ms);
  for (std::thread& thread : threads) thread.join();
  store.end();

  StoreJudge judge(store.disk(), last.past, "relaxed");
  for (const auto& each : all) judge.also(each->past);
  Tally tally;
  for (const Cut& cut : store.disk().random_cuts(long_version() ? 20 : 4, from, 800))
    judge.judge(cut, tally);
  report(store.disk(), tally, "relaxed, replaced beside held upkeep");
}

// That these tests see a loss at all: what relaxed durability may lose would be a loss in full.
TEST_P(PowerCutIn, ALossIsSeen) {
  Store store(GetParam(), "relaxed");
  store.start();
  store.client().put("/old", 70'000);
  std::this_thread::sleep_for(kUpkeep);
  store.client().put("/new", 70'000);
  store.client().remove("/old");
  store.end();
  StoreJudge judge = store.judge();
  judge.judge_as("full");
  Tally tally;
  judge.judge({store.disk().size(), Unflushed::none, 1}, tally);
  EXPECT_FALSE(tally.clean());
}

INSTANTIATE_TEST_SUITE_P(Each, PowerCutIn, testing::ValuesIn(kinds()),
                         [](const auto& test) { return name_of(test.param); });

}  // namespace
}  // namespace holdfast::test
