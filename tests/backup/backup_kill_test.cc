// A backup or a restore that is killed, or whose disk fails or is full, at any of the calls by
// which it changes its folder leaves the earlier result or the new one, whole (docs/robustness.md
// K7). Some of these calls here, every one at full scale.
#include <cerrno>
#include <cstring>
#include <set>

#include "tests/backup/commands.h"
#include "tests/support/faults.h"
#include "tests/support/scale.h"

namespace holdfast::test {
namespace {

using testing::AnyOf;
using testing::HasSubstr;

// The folders of an empty store are made one like the other.
constexpr std::uint32_t kCalls = kEveryCall & ~bit(CallKind::make_folder);

class BrokenOff : public testing::Test {
 protected:
  void SetUp() override {
    // Versions would be more contents than the numbers below.
    ServerProcess server(data_, {"--trash-keep", "0", "--versions", "off"});
    server.start();
    HttpClient client(server.port());
    for (const char* name : {"/kept", "/gone"})
      ASSERT_EQ(client.request("PUT", name, {}, body_of(name, kLarge)).status, 201);
    ASSERT_EQ(holdfast({"backup", earlier_, "--data", data_}).exit_code, 0);
    ASSERT_EQ(client.request("DELETE", "/gone").status, 204);
    for (const char* name : {"/new", "/more"})
      ASSERT_EQ(client.request("PUT", name, {}, body_of(name, kLarge + 1)).status, 201);
    ASSERT_EQ(client.request("PUT", "/small", {}, body_of("/small", kSmall)).status, 201);
    ASSERT_EQ(server.stop(), 0);
  }

  static Outcome run_with(Faults& faults, const Fault& fault, std::vector<std::string> arguments) {
    faults.arm(fault);
    arguments.insert(arguments.begin(), holdfast_binary());
    Outcome outcome = run({.arguments = std::move(arguments), .environment = faults.environment()});
    faults.disarm();
    return outcome;
  }

  // The faults to try on what makes `count` calls: kills, torn writes, a full and a failing disk,
  // in turn at `some` of the calls, evenly, and at the last ones, where the new result takes the
  // place of the old one.
  static std::vector<Fault> faults_for(std::uint64_t count, std::uint64_t some) {
    const std::vector<Fault> kinds{{.action = FaultAction::kill},
                                   {.action = FaultAction::tear},
                                   {.action = FaultAction::fail, .error = ENOSPC},
                                   {.action = FaultAction::fail, .error = EIO}};
    std::vector<Fault> chosen;
    std::size_t turn = 0;
    for (std::uint64_t at = 1; at <= count; ++at) {
      if (!full_scale() && at * some / count == (at - 1) * some / count && at + 4 < count) continue;
      for (std::size_t kind = 0; kind < kinds.size(); ++kind) {
        if (!full_scale() && kind != turn % kinds.size()) continue;
        chosen.push_back(kinds[kind]);
        chosen.back().at = at;
        chosen.back().kinds = kCalls;
      }
      ++turn;
    }
    return chosen;
  }
  static std::uint64_t calls_of(const Faults& faults, const Outcome& outcome) {
    EXPECT_EQ(outcome.exit_code, 0) << outcome.output;
    EXPECT_GT(faults.counted(), 20U) << "the calls were not seen";
    return faults.counted();
  }
  static void expect_met(const Fault& fault, const Faults& faults, const Outcome& outcome) {
    EXPECT_TRUE(faults.fired());
    if (fault.action == FaultAction::fail) {
      EXPECT_LE(outcome.exit_code, 2) << outcome.output;
    } else {
      EXPECT_EQ(outcome.exit_code, 128 + SIGKILL) << outcome.output;
    }
  }
  static std::string text(const Fault& fault, std::uint64_t count) {
    const char* what = fault.action == FaultAction::kill   ? "kill"
                       : fault.action == FaultAction::tear ? "tear"
                                                           : ::strerror(fault.error);
    return std::string(what) + " at call " + std::to_string(fault.at) + " of " +
           std::to_string(count);
  }

  static void copy_folder(const fs::path& from, const fs::path& to) {
    fs::remove_all(to);
    fs::copy(from, to, fs::copy_options::recursive);
  }

  static constexpr const char* kEarlier = "Restored 2 contents, 2 content files of 200000 bytes";
  static constexpr const char* kLater = "Restored 4 contents, 3 content files of 300002 bytes";

  TemporaryFolder folder_{TemporaryFolder::in_memory()};
  const fs::path data_ = folder_ / "data";
  const fs::path earlier_ = folder_ / "earlier";
  const fs::path backup_ = folder_ / "backup";
  const fs::path target_ = folder_ / "target";
};

TEST_F(BrokenOff, ABackupLeavesTheEarlierOneOrTheNewOneAndTheNextRunCompletesIt) {
  Faults faults(folder_ / "control", backup_);
  const std::vector<std::string> command{"backup", backup_, "--data", data_};
  copy_folder(earlier_, backup_);
  const std::uint64_t count =
      calls_of(faults, run_with(faults, {.action = FaultAction::none, .kinds = kCalls}, command));
  std::set<std::string> found;
  int turn = 0;
  for (const Fault& fault : faults_for(count, 12)) {
    SCOPED_TRACE(text(fault, count));
    copy_folder(earlier_, backup_);
    const Outcome outcome = run_with(faults, fault, command);
    expect_met(fault, faults, outcome);
    fs::remove_all(target_);
    const Outcome restored = holdfast({"restore", backup_, "--data", target_});
    EXPECT_EQ(restored.exit_code, 0) << restored.output;
    EXPECT_THAT(restored.output, AnyOf(HasSubstr(kEarlier), HasSubstr(kLater)));
    for (const char* one : {kEarlier, kLater})
      if (restored.output.find(one) != std::string::npos) found.insert(one);
    if (outcome.exit_code == 0) {
      EXPECT_THAT(restored.output, HasSubstr(kLater));
    }
    if (++turn % 4 != 0) continue;
    ASSERT_EQ(holdfast(command).exit_code, 0);
    EXPECT_EQ(count_files(backup_ / "content"), 3U);
    fs::remove_all(target_);
    EXPECT_THAT(holdfast({"restore", backup_, "--data", target_}).output, HasSubstr(kLater));
  }
  EXPECT_EQ(found.size(), 2U) << "one of the two results was never found";
  const Outcome check = holdfast({"check", "--hashes", "--data", data_});
  EXPECT_EQ(check.exit_code, 0) << check.output;
}

TEST_F(BrokenOff, ARestoreLeavesNoStoreOrAWholeOneAndTheNextRunStartsAnew) {
  ASSERT_EQ(holdfast({"backup", backup_, "--data", data_}).exit_code, 0);
  Faults faults(folder_ / "control", target_);
  const std::vector<std::string> command{"restore", backup_, "--data", target_};
  const std::uint64_t count =
      calls_of(faults, run_with(faults, {.action = FaultAction::none, .kinds = kCalls}, command));
  std::set<bool> found;
  for (const Fault& fault : faults_for(count, 8)) {
    SCOPED_TRACE(text(fault, count));
    fs::remove_all(target_);
    const Outcome outcome = run_with(faults, fault, command);
    expect_met(fault, faults, outcome);
    const bool there = fs::exists(target_ / "meta.db");
    found.insert(there);
    if (there) {
      const Outcome check = holdfast({"check", "--hashes", "--data", target_});
      EXPECT_EQ(check.exit_code, 0) << check.output;
      EXPECT_EQ(holdfast(command).exit_code, 2);
      continue;
    }
    if (fault.action == FaultAction::fail) {
      EXPECT_GT(outcome.exit_code, 0);
      // Where no data folder can be made it ends before there is anything to clean up.
      EXPECT_EQ(fs::exists(target_), outcome.exit_code == 2) << outcome.output;
      EXPECT_LE(count_files(target_), outcome.exit_code == 2 ? 1U : 0U) << "more than LOCK";
    } else if (fs::exists(target_ / "meta.db.restoring")) {
      const Outcome refused = holdfast({"check", "--data", target_});
      EXPECT_EQ(refused.exit_code, 2);
      EXPECT_THAT(refused.output, HasSubstr("was cut short; run it again."));
    }
    const Outcome again = holdfast(command);
    EXPECT_EQ(again.exit_code, 0) << again.output;
    EXPECT_EQ(count_files(target_ / "blobs"), 3U);
  }
  EXPECT_EQ(found.size(), 2U) << "one of the two results was never found";
}

}  // namespace
}  // namespace holdfast::test
