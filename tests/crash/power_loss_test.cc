// Power cuts (docs/robustness.md K4): the calls of a real run are recorded; for moments of it the
// disk is rebuilt with what was flushed and with more or less of the rest; the real program is
// started on that and must have everything that had been acknowledged by then.
#include <algorithm>
#include <functional>
#include <gmock/gmock.h>
#include <iostream>
#include <map>
#include <memory>
#include <set>
#include <thread>
#include <vector>

#include "tests/crash/disk.h"
#include "tests/crash/world.h"

namespace holdfast::test {
namespace {

TracedCall made(CallKind kind, std::string path, std::string data = "", std::int64_t at = 0) {
  TracedCall call;
  call.kind = kind;
  call.path = std::move(path);
  call.data = std::move(data);
  call.offset = at;
  return call;
}

TEST(PowerLoss, TheDiskKeepsWhatWasFlushedAndNothingElseForSure) {
  using Kind = Fate::Kind;
  Disk disk;
  disk.apply(made(CallKind::make_folder, "tmp"));
  disk.apply(made(CallKind::make_folder, "blobs"));
  disk.apply(made(CallKind::sync, "."));
  disk.apply(made(CallKind::create, "tmp/a"));
  disk.apply(made(CallKind::write, "tmp/a", std::string(1024, 'x')));
  const Disk::Image empty{{"tmp/", ""}, {"blobs/", ""}};
  EXPECT_EQ(disk.after_power_cut({Kind::dropped}), empty);
  EXPECT_EQ(disk.after_power_cut({Kind::data_only}), empty);
  EXPECT_EQ(disk.after_power_cut({Kind::names_only})["tmp/a"], "");
  EXPECT_EQ(disk.after_power_cut({Kind::zeros})["tmp/a"], std::string(1024, '\0'));
  EXPECT_EQ(disk.after_power_cut({Kind::last_torn})["tmp/a"], std::string(512, 'x'));
  EXPECT_EQ(disk.after_power_cut({Kind::kept})["tmp/a"], std::string(1024, 'x'));

  disk.apply(made(CallKind::sync, "tmp/a"));
  EXPECT_EQ(disk.after_power_cut({Kind::dropped}), empty) << "the file has no name yet";
  TracedCall rename = made(CallKind::rename, "tmp/a");
  rename.target = "blobs/a";
  disk.apply(rename);
  disk.apply(made(CallKind::sync, "blobs"));
  EXPECT_EQ(disk.after_power_cut({Kind::dropped})["blobs/a"], std::string(1024, 'x'));

  disk.apply(made(CallKind::write, "blobs/a", "y", 1));
  TracedCall failed = made(CallKind::sync, "blobs/a");
  failed.error = 5;
  disk.apply(failed);
  disk.apply(made(CallKind::sync, "blobs/a"));
  EXPECT_EQ(disk.after_power_cut({Kind::kept})["blobs/a"], std::string(1024, 'x'));
  disk.apply(made(CallKind::unlink, "blobs/a"));
  EXPECT_TRUE(disk.after_power_cut({Kind::dropped}).contains("blobs/a"));
  EXPECT_FALSE(disk.after_power_cut({Kind::kept}).contains("blobs/a"));
}

// A run of the program with some clients; then the disk of every moment of it.
class Recording {
 public:
  Recording(const std::string& durability, unsigned clients, int writes) : world_(durability) {
    const auto file = world_.folder / "trace";
    world_.server.set_environment(world_.faults.environment(file));
    world_.server.start();
    for (unsigned number = 0; number < clients; ++number) {
      auto& client = clients_.emplace_back(std::make_unique<WriteLedger>(
          world_.server.port(), "/client-" + std::to_string(number), number + 1));
      client->create_root();
      client->keep_history();
    }
    write(writes);
    // Long enough for an upkeep that checkpoints and removes files, however slow the machine.
    std::this_thread::sleep_for(std::chrono::milliseconds(5'000));
    write(writes);
    EXPECT_EQ(world_.server.stop(), 0) << world_.server.output();
    trace_ = read_trace(file);
    map_connections();
    world_.server.set_environment({});
  }

  [[nodiscard]] std::size_t calls() const { return trace_.size(); }

  // Cuts the power before call `cut` and starts the program on what is left. Returns what is wrong.
  // `as_full`: judged by the promises of full durability.
  std::string outcome(std::size_t cut, const Fate& fate, bool as_full) {
    advance(cut);
    const Disk::Image image = disk_.after_power_cut(fate);
    if (!seen_.insert({image_hash(image), acknowledged_}).second) return "";
    ++boots_;
    std::filesystem::remove_all(world_.server.data());
    make_folder(image, world_.server.data());
    world_.server.start();
    std::string wrong;
    for (std::size_t number = 0; number < clients_.size(); ++number) {
      const std::size_t answers = acknowledged_[number];
      if (answers == 0) continue;  // its collection need not be there
      // The first answer was that to the MKCOL of the collection, state 0.
      const std::size_t last = answers - 1;
      const std::size_t first =
          as_full ? clients_[number]->flushed_state(last) : settled_of(number);
      // In relaxed durability that answer may be among what is lost.
      if (!as_full && settled_[number] == 0 && !has_collection(number)) continue;
      wrong += clients_[number]->verify_between(first, last + 1);
    }
    if (boots_ % (long_version() ? 4 : 8) == 0) wrong += world_.check();
    world_.server.kill();
    return wrong;
  }

  [[nodiscard]] int boots() const { return boots_; }
  [[nodiscard]] std::string place(std::size_t cut) const {
    return "before call " + std::to_string(cut) + " of " + std::to_string(calls()) + ", " +
           (cut < calls() ? describe(trace_[cut]) : "the end") + "\n";
  }

 private:
  void write(int count) {
    std::vector<std::thread> threads;
    for (auto& client : clients_) {
      threads.emplace_back([&client, count] {
        try {
          EXPECT_TRUE(client->write_some(count));
        } catch (const std::exception& error) {
          ADD_FAILURE() << error.what();
        }
      });
    }
    for (auto& thread : threads) thread.join();
  }

  // Each client has one connection for all its requests, and they came one after another.
  void map_connections() {
    std::map<int, std::size_t> answers;
    for (const TracedCall& call : trace_) {
      if (answered(call) == 0) continue;
      if (!client_of_.contains(call.descriptor)) {
        const std::size_t number = client_of_.size();
        client_of_[call.descriptor] = number;
      }
      ++answers[call.descriptor];
    }
    ASSERT_EQ(client_of_.size(), clients_.size());
    for (const auto& [descriptor, number] : client_of_) {
      ASSERT_EQ(answers[descriptor], clients_[number]->states());
    }
  }

  void advance(std::size_t cut) {
    if (cut < at_) {
      disk_ = {};
      at_ = 0;
    }
    if (at_ == 0) {
      acknowledged_.assign(clients_.size(), 0);
      settled_ = flushed_ = acknowledged_;
    }
    for (; at_ < cut; ++at_) {
      const TracedCall& call = trace_[at_];
      disk_.apply(call);
      if (answered(call) != 0) ++acknowledged_[client_of_.at(call.descriptor)];
      // In relaxed durability an answer is safe once a barrier has noted that the log was flushed
      // after it.
      if (call.kind != CallKind::sync || call.error != 0) continue;
      if (call.path == "meta.db-wal") flushed_ = acknowledged_;
      if (call.path == "meta.db.barrier") settled_ = flushed_;
    }
  }
  [[nodiscard]] std::size_t settled_of(std::size_t client) const {
    return settled_[client] == 0 ? 0 : settled_[client] - 1;
  }

  [[nodiscard]] bool has_collection(std::size_t client) const {
    HttpClient http(world_.server.port());
    return http.request("HEAD", "/client-" + std::to_string(client) + "/").status != 404;
  }

  static std::size_t image_hash(const Disk::Image& image) {
    std::size_t hash = 0;
    for (const auto& [path, content] : image) {
      hash = hash * 31 + std::hash<std::string>()(path);
      hash = hash * 31 + std::hash<std::string>()(content);
    }
    return hash;
  }

  CrashWorld world_;
  std::vector<std::unique_ptr<WriteLedger>> clients_;
  Trace trace_;
  std::map<int, std::size_t> client_of_;  // by descriptor
  Disk disk_;
  std::size_t at_ = 0;
  std::vector<std::size_t> acknowledged_;  // answers by client
  std::vector<std::size_t> settled_;
  std::vector<std::size_t> flushed_;  // with the log
  std::set<std::pair<std::size_t, std::vector<std::size_t>>> seen_;
  int boots_ = 0;
};

std::vector<Fate> fates(std::size_t cut) {
  using Kind = Fate::Kind;
  const auto seed = static_cast<unsigned>(cut);
  const std::vector<Fate> all = {
      {Kind::dropped}, {Kind::random, seed}, {Kind::last_torn}, {Kind::names_only},
      {Kind::zeros},   {Kind::data_only},    {Kind::kept},      {Kind::random, seed + 1'000'000}};
  if (long_version()) return {all[cut % all.size()], all[(cut + 3) % all.size()]};
  return {all[cut % all.size()]};
}

void cut_everywhere(Recording& recording, std::size_t wanted_cuts, bool as_full) {
  // Short: not a divisor of the count of fates, so that every fate meets every kind of call.
  std::size_t step = long_version() ? 1 : std::max<std::size_t>(recording.calls() / wanted_cuts, 1);
  if (step % 2 == 0) ++step;
  for (std::size_t cut = 0; cut <= recording.calls(); cut += step) {
    for (const Fate& fate : fates(cut)) {
      ASSERT_EQ(recording.outcome(cut, fate, as_full), "")
          << recording.place(cut) << "fate " << static_cast<int>(fate.kind) << ", seed "
          << fate.seed;
    }
  }
  std::cout << "disks " << recording.boots() << ", of " << recording.calls() << " calls\n";
}

TEST(PowerLoss, AcknowledgedMeansOnDiskInFullDurability) {
  Recording recording("full", 3, 20);
  ASSERT_FALSE(HasFailure());
  cut_everywhere(recording, 60, true);
}

// Exactly one state since the last barrier, for each client.
TEST(PowerLoss, RelaxedDurabilityGoesBackToOneMomentSinceTheLastBarrier) {
  Recording recording("relaxed", 3, 20);
  ASSERT_FALSE(HasFailure());
  cut_everywhere(recording, 40, false);
}

// That these tests see a loss at all: what relaxed durability may lose would be a loss in full.
TEST(PowerLoss, ALossIsSeen) {
  Recording recording("relaxed", 1, 10);
  ASSERT_FALSE(HasFailure());
  bool seen = false;
  for (std::size_t cut = recording.calls(); cut-- > 0 && !seen;) {
    seen = !recording.outcome(cut, {Fate::Kind::dropped}, true).empty();
  }
  EXPECT_TRUE(seen);
}

}  // namespace
}  // namespace holdfast::test
