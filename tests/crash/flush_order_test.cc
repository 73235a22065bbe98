// The fsync discipline (docs/robustness.md K5): the checker on traces made up here, bad ones first,
// then on what the real program does.
#include "tests/crash/flush_order.h"

#include <gmock/gmock.h>

#include "tests/crash/world.h"

namespace holdfast::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

TracedCall made(CallKind kind, std::string path, std::string target = "", std::int64_t at = 0) {
  TracedCall call;
  call.kind = kind;
  call.path = std::move(path);
  call.target = std::move(target);
  call.offset = at;
  return call;
}
const std::string kStaged = "tmp/aa0";
const std::string kBlob = "blobs/aa/aa0";
TracedCall create(const std::string& path) { return made(CallKind::create, path); }
TracedCall write(const std::string& path, std::int64_t at = 32) {
  return made(CallKind::write, path, "", at);
}
TracedCall sync(const std::string& path) { return made(CallKind::sync, path); }
TracedCall unlink(const std::string& path) { return made(CallKind::unlink, path); }
TracedCall place() { return made(CallKind::rename, kStaged, kBlob); }
TracedCall answer() {
  TracedCall call = made(CallKind::answer, "");
  call.data = "HTTP/1.1 201 Created\r\n\r\n";
  return call;
}
const Trace kGood = {create(kStaged),  write(kStaged, 0),    sync(kStaged),       place(),
                     sync("blobs/aa"), write("meta.db-wal"), sync("meta.db-wal"), answer()};

Trace without(std::size_t number) {
  Trace trace = kGood;
  trace.erase(trace.begin() + static_cast<std::ptrdiff_t>(number));
  return trace;
}
Trace swapped(std::size_t one, std::size_t other) {
  Trace trace = kGood;
  std::swap(trace[one], trace[other]);
  return trace;
}
std::vector<std::string> wrong(const Trace& trace, Promise promise = Promise::flushed) {
  return order_violations(trace, {promise});
}

TEST(FlushOrder, AcceptsTheWritePath) {
  EXPECT_THAT(wrong(kGood), IsEmpty());
  Trace upkeep = kGood;
  upkeep.insert(upkeep.end(), {write("meta.db"), sync("meta.db"),
                               made(CallKind::truncate, "meta.db-wal"), unlink("blobs/bb/bb0")});
  upkeep[upkeep.size() - 2].offset = 0;
  std::swap(upkeep[upkeep.size() - 1], upkeep[upkeep.size() - 2]);
  EXPECT_THAT(wrong(upkeep), IsEmpty());
}

TEST(FlushOrder, RefusesWhatIsMissingOrLate) {
  EXPECT_THAT(wrong(without(2)), ElementsAre(HasSubstr("rule 1"))) << "file not flushed";
  EXPECT_THAT(wrong(swapped(1, 2)), ElementsAre(HasSubstr("rule 1"))) << "written after its flush";
  EXPECT_THAT(wrong(swapped(2, 3)), ElementsAre(HasSubstr("rule 1"))) << "flushed under its name";
  EXPECT_THAT(wrong(without(4)), ElementsAre(HasSubstr("rule 2"))) << "folder not flushed";
  EXPECT_THAT(wrong(swapped(3, 4)), ElementsAre(HasSubstr("rule 2"))) << "flushed before rename";
  EXPECT_THAT(wrong(swapped(4, 6)), ElementsAre(HasSubstr("rule 2"), HasSubstr("rule 3")));
  EXPECT_THAT(wrong(without(6)), ElementsAre(HasSubstr("rule 3"))) << "log not flushed";
  EXPECT_THAT(wrong(swapped(5, 6)), ElementsAre(HasSubstr("rule 3"))) << "log written after it";
  EXPECT_THAT(wrong(swapped(6, 7)), ElementsAre(HasSubstr("rule 3"))) << "answered before it";
  EXPECT_THAT(wrong(without(5)), ElementsAre(HasSubstr("without a commit")));
  Trace failed = kGood;
  failed[6].error = 5;
  EXPECT_THAT(wrong(failed), ElementsAre(HasSubstr("rule 3"))) << "a failed flush is none";
  EXPECT_THAT(order_violations(kGood, {}), ElementsAre(HasSubstr("1 answers in the trace")));
}

TEST(FlushOrder, ADeferredFlushIsOneRuleLess) {
  EXPECT_THAT(wrong(without(6), Promise::deferred), IsEmpty());
  EXPECT_THAT(wrong(without(5), Promise::deferred), ElementsAre(HasSubstr("without a commit")));
}

TEST(FlushOrder, RefusesAnEarlyCheckpointAndAnEarlyRemoval) {
  const std::vector<Promise> none;
  EXPECT_THAT(order_violations({write("meta.db-wal"), write("meta.db")}, none),
              ElementsAre(HasSubstr("rule 4")));
  EXPECT_THAT(order_violations({write("meta.db"), write("meta.db-wal", 0)}, none),
              ElementsAre(HasSubstr("rule 5")));
  EXPECT_THAT(order_violations({write("meta.db"), made(CallKind::truncate, "meta.db-wal")}, none),
              ElementsAre(HasSubstr("rule 5")));
  EXPECT_THAT(order_violations({write("meta.db-wal"), unlink(kBlob)}, none),
              ElementsAre(HasSubstr("rule 6")));
  EXPECT_THAT(relaxed_order_violations({write("meta.db-wal"), unlink(kBlob)}, none),
              ElementsAre(HasSubstr("rule 7")));
  EXPECT_THAT(relaxed_order_violations({create(kStaged), place(), unlink("blobs/bb/bb0")}, none),
              ElementsAre(HasSubstr("rule 7"), HasSubstr("rule 7")));
  const TracedCall log = made(CallKind::sync, "meta.db-wal");
  const TracedCall note = made(CallKind::sync, "meta.db.barrier");
  EXPECT_THAT(relaxed_order_violations({log, note, write("meta.db")}, none), IsEmpty());
  EXPECT_THAT(relaxed_order_violations({log, write("meta.db")}, none),
              ElementsAre(HasSubstr("rule 9: no barrier")));
  EXPECT_THAT(relaxed_order_violations({write("meta.db-wal"), note, log, write("meta.db")}, none),
              ElementsAre(HasSubstr("rule 9: no barrier")));
  EXPECT_THAT(
      relaxed_order_violations({log, note, write("meta.db-wal"), log, write("meta.db")}, none),
      ElementsAre(HasSubstr("rule 9: no barrier")));
  EXPECT_THAT(
      relaxed_order_violations(
          {create(kStaged), place(), write("meta.db-wal"), log, note, write("meta.db")}, none),
      ElementsAre(HasSubstr("rule 9: blobs/")));
  // No commit can name it yet.
  EXPECT_THAT(
      relaxed_order_violations({create(kStaged), place(), log, note, write("meta.db")}, none),
      IsEmpty());
}

TEST(FlushOrder, TakesRemovalsBesideTheYoungerWorkOfOthers) {
  const std::vector<Promise> none;
  const auto by = [](int thread, TracedCall call) {
    call.thread = thread;
    return call;
  };
  const TracedCall flush = made(CallKind::sync, "meta.db-wal");
  EXPECT_THAT(relaxed_order_violations({by(1, write("meta.db-wal")), by(2, flush),
                                        by(1, write("meta.db-wal")), by(2, unlink(kBlob))},
                                       none),
              IsEmpty());
  EXPECT_THAT(relaxed_order_violations({by(2, flush), by(1, write("meta.db-wal")),
                                        by(2, write("meta.db")), by(2, unlink(kBlob))},
                                       none),
              Contains(HasSubstr("rule 7")));
}

// One of each kind, over an existing file, new, from a tree.
std::vector<Promise> write_one_of_each(WriteLedger& ledger, int rounds) {
  std::vector<Promise> promises;
  const auto flushed = [&](int status) {
    EXPECT_GT(status, 200) << "act " << promises.size();
    promises.push_back(Promise::flushed);
  };
  const auto deferred = [&](int status) {
    EXPECT_GE(status, 200) << "act " << promises.size();
    promises.push_back(Promise::deferred);
  };
  for (int round = 0; round < rounds; ++round) {
    flushed(ledger.put("a", 5'000));
    flushed(ledger.put("a", 300'000));
    flushed(ledger.put("a", 100'000));
    flushed(ledger.put("b", 300'000));
    flushed(ledger.copy("a", "b"));
    flushed(ledger.move("a", "b"));
    flushed(ledger.make_collection("c"));
    flushed(ledger.put("c/a", 300'000));
    flushed(ledger.patch("c/a"));
    deferred(ledger.lock("c/a"));
    flushed(ledger.put("c/a", 70'000));
    deferred(ledger.unlock("c/a"));
    flushed(ledger.copy("c", "d"));
    flushed(ledger.lock("e"));
    flushed(ledger.remove("e"));
    flushed(ledger.remove("c"));
    flushed(ledger.move("d", "c"));
    flushed(ledger.remove("c"));
    flushed(ledger.remove("b"));
  }
  return promises;
}

// Runs the program from its first start to its orderly end; the calls of all of it.
Trace trace_of(const std::string& durability, std::vector<Promise>& promises, std::string& error) {
  CrashWorld world(durability);
  const auto file = world.folder / "trace";
  world.server.set_environment(world.faults.environment(file));
  world.server.start();
  world.ledger = std::make_unique<WriteLedger>(world.server.port(), "/ledger", 1);
  world.ledger->create_root();
  promises = write_one_of_each(*world.ledger, 3);
  promises.insert(promises.begin(), Promise::flushed);
  if (world.server.stop() != 0) error = world.server.output();
  return read_trace(file);
}

TEST(FlushOrder, TheProgramKeepsItInFullDurability) {
  std::vector<Promise> promises;
  std::string error;
  const Trace trace = trace_of("full", promises, error);
  EXPECT_EQ(error, "");
  EXPECT_THAT(order_violations(trace, promises), IsEmpty());
}

TEST(FlushOrder, TheProgramKeepsItInRelaxedDurability) {
  std::vector<Promise> promises;
  std::string error;
  const Trace trace = trace_of("relaxed", promises, error);
  EXPECT_EQ(error, "");
  EXPECT_THAT(relaxed_order_violations(trace, promises), IsEmpty());
  // That relaxed is not full, seen with the same eyes.
  EXPECT_THAT(order_violations(trace, promises), testing::Not(IsEmpty()));
}

}  // namespace
}  // namespace holdfast::test
