// A server with faults at hand and one client with its ledger, for the crash tests.
#pragma once

#include <filesystem>
#include <gtest/gtest.h>
#include <memory>
#include <string>
#include <vector>

#include "tests/support/faults.h"
#include "tests/support/process.h"
#include "tests/support/server_process.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/write_ledger.h"

namespace holdfast::test {

// scripts/crash asks for the long versions; scripts/test runs short ones.
[[nodiscard]] bool long_version();

// A killed process loses nothing that it gave to the system, so the data may lie in memory.
class CrashWorld {
 public:
  explicit CrashWorld(const std::string& durability, std::vector<std::string> options = {});

  // Starts the server with faults in reach, and with `trace` records its calls.
  void start(const std::filesystem::path& trace = {});
  // Starts it with memory faults in reach.
  void start_for_memory();
  // Starts it as any user does, without the interposer.
  void start_plainly();
  // Starts it with a fault that kills. True when the start ended before the fault was met.
  [[nodiscard]] bool starts_with_kill(const Fault& fault);
  // After a fault that kills: waits for the end, starts again, compares with the ledger. Returns
  // what is wrong.
  std::string restart_and_verify();
  // `holdfast check` beside the running server, or on a folder without one; empty when sound.
  [[nodiscard]] std::string check() const;

  TemporaryFolder folder{TemporaryFolder::in_memory()};
  Faults faults{folder / "control", folder / "data"};
  ServerProcess server;
  std::unique_ptr<WriteLedger> ledger;  // there after the first start

 private:
  void start_in(const Faults::Environment& environment);
};

// Makes `to` what the data folder `from` is, which nobody changes.
void copy_folder(const std::filesystem::path& from, const std::filesystem::path& to);

}  // namespace holdfast::test
