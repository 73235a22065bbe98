#include "tests/crash/world.h"

#include <chrono>
#include <cstdlib>
#include <stdexcept>
#include <string_view>
#include <thread>
#include <utility>

namespace holdfast::test {

bool long_version() {
  const char* value = std::getenv("HOLDFAST_CRASH_LONG");
  return value != nullptr && std::string_view(value) == "1";
}

namespace {

std::vector<std::string> with_durability(std::vector<std::string> options,
                                         const std::string& durability) {
  options.insert(options.end(), {"--durability", durability});
  return options;
}

}  // namespace

CrashWorld::CrashWorld(const std::string& durability, std::vector<std::string> options)
    : server(folder / "data", with_durability(std::move(options), durability)) {}

void CrashWorld::start(const std::filesystem::path& trace) { start_in(faults.environment(trace)); }

void CrashWorld::start_for_memory() { start_in(faults.memory_environment()); }

void CrashWorld::start_in(const Faults::Environment& environment) {
  server.set_environment(environment);
  server.start();
  if (ledger) return;
  auto made = std::make_unique<WriteLedger>(server.port(), "/ledger", 1);
  made->create_root();
  ledger = std::move(made);
}

void CrashWorld::start_plainly() {
  server.set_environment({});
  server.start();
}

bool CrashWorld::starts_with_kill(const Fault& fault) {
  faults.arm(fault);
  bool started = true;
  try {
    start();
  } catch (const std::runtime_error&) {
    started = false;
  }
  faults.disarm();
  if (!faults.fired()) {
    EXPECT_TRUE(started) << "the start failed by itself";
    return true;
  }
  server.kill();  // it may have met the fault after it said that it serves
  return false;
}

std::string CrashWorld::restart_and_verify() {
  const int code = server.wait_for_end();
  if (code != 128 + 9) {
    return "ended with " + std::to_string(code) + " instead of by SIGKILL\n" + server.output();
  }
  faults.disarm();
  start();
  return ledger->verify();
}

std::string CrashWorld::check() const {
  // The start's sweep runs beside requests: until it is over there may be files that nothing names.
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  for (;;) {
    const auto outcome = run({.arguments = {holdfast_binary(), "check", "--data", server.data()}});
    const bool swept = outcome.output.find("belong to no resource") == std::string::npos;
    if (outcome.exit_code == 0 && swept) return "";
    if (swept || !server.running() || std::chrono::steady_clock::now() > deadline) {
      return outcome.output;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
}

void copy_folder(const std::filesystem::path& from, const std::filesystem::path& to) {
  std::filesystem::remove_all(to);
  const auto outcome = run({.arguments = {"cp", "-a", from, to}});
  ASSERT_EQ(outcome.exit_code, 0) << outcome.output;
}

}  // namespace holdfast::test
