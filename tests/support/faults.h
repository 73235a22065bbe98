// Makes the system calls of the real program fail, or kills it at one of them. The program is
// started with the interposer (tests/support/interposer.cc) preloaded. This object controls the
// interposer, which intercepts the calls that change the data folder or answer a client.
//
//   Faults faults(folder / "control", folder / "data");
//   ServerProcess server(folder / "data");
//   server.set_environment(faults.environment());
//   server.start();
//   faults.arm({.action = FaultAction::kill, .at = 3});
//   client.request("PUT", ...);              // the third such call ends the program
//   EXPECT_EQ(server.wait_for_end(), 137);
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/fault_control.h"

namespace holdfast::test {

struct Fault {
  FaultAction action = FaultAction::kill;
  std::uint64_t at = 1;              // the first call is 1
  std::uint32_t kinds = kEveryCall;  // which calls count
  int error = 0;                     // errno, of `fail` and `fail_short`
  bool persistent = false;           // `fail` applies to all later calls as well
  bool repeated = false;             // `fail` at each `at`th call, not only the first
  std::uint64_t least_bytes = 0;     // of memory: smaller allocations do not count
  std::string only{};                // calls count on paths in the data folder that begin so
  std::uint64_t room = 0;            // writes that end at or before this offset do not count
};

// Used by one thread. The program reads what it writes, so it must outlive the program.
class Faults {
 public:
  // `control` is a file to be made; `data` is the watched folder, which need not exist.
  Faults(const std::filesystem::path& control, const std::filesystem::path& data);
  ~Faults();
  Faults(const Faults&) = delete;
  Faults& operator=(const Faults&) = delete;

  // Returns what the program needs in its environment. With `trace`, all watched calls and what
  // they wrote are appended to that file (tests/crash/trace.h reads it).
  using Environment = std::vector<std::pair<std::string, std::string>>;
  [[nodiscard]] Environment environment(const std::filesystem::path& trace = {}) const;

  // Returns the environment for memory faults: memory is refused (`kinds` has CallKind::memory,
  // `action` is fail), and no other call is watched. Works with and without a sanitizer's
  // allocator.
  [[nodiscard]] Environment memory_environment() const;

  // Counts calls from now on, also in a program started later.
  void arm(const Fault& fault);
  // Sets the program's wall clock ahead of the machine's by this offset, running or started later.
  void set_wall_offset(std::chrono::seconds offset) { control_->wall_offset_s = offset.count(); }
  // Ends counting: the result of fired() is final from now on.
  void disarm();

  // Returns the number of calls since arm().
  [[nodiscard]] std::uint64_t counted() const { return control_->counted; }
  // Returns true when the fault has happened.
  [[nodiscard]] bool fired() const { return control_->fired > 0; }
  // Returns the call at which it happened, as text.
  [[nodiscard]] std::string place() const { return control_->last.data(); }

 private:
  std::filesystem::path path_;
  std::filesystem::path data_;
  FaultControl* control_;
};

}  // namespace holdfast::test
