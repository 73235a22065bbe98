#include "tests/crash/world.h"

#include <cstdlib>
#include <string_view>

namespace holdfast::test {

bool long_version() {
  const char* value = std::getenv("HOLDFAST_CRASH_LONG");
  return value != nullptr && std::string_view(value) == "1";
}

CrashWorld::CrashWorld(const std::string& durability)
    : server(folder / "data", {"--durability", durability}) {}

void CrashWorld::start() {
  server.set_environment(faults.environment());
  server.start();
  if (ledger) return;
  ledger = std::make_unique<WriteLedger>(server.port(), "/ledger", 1);
  ledger->create_root();
}

void CrashWorld::start_plainly() {
  server.set_environment({});
  server.start();
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
  const auto outcome = run({.arguments = {holdfast_binary(), "check", "--data", server.data()}});
  return outcome.exit_code == 0 ? "" : outcome.output;
}

}  // namespace holdfast::test
