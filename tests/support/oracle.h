// What must hold of a server whatever was done to it (docs/robustness.md#framing-and-connections):
// the same process, descriptors, threads' work and memory back to what they were, tmp/ empty, 20
// sentinel resources unchanged, and a canary on a connection of its own answered.
//
//   ServerProcess server(folder / "data", {}, Oracle::environment());
//   server.start();
//   Oracle oracle(server);
//   ... attack, and close the attack's connections ...
//   EXPECT_EQ(oracle.check(), "");          // after each attack
//   EXPECT_EQ(oracle.finish(), "");         // at the end: stops the server
//
// Memory is judged under AddressSanitizer too: environment() makes it give freed memory back at
// once instead of keeping 256 MiB of it, so that growth is what the program holds. Not under
// ThreadSanitizer, which keeps histories of threads and memory that are gone.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/support/server_process.h"

namespace holdfast::test {

// Asks what any client may ask: PUT, GET and PROPFIND on a new connection. One thread at a time.
class Canary {
 public:
  // `server` outlives it.
  explicit Canary(const ServerProcess& server) : server_(server) {}

  struct Song {
    std::string wrong;  // empty when all three were answered rightly
    std::chrono::microseconds slowest{0};
  };
  Song sing();

 private:
  const ServerProcess& server_;
  int verse_ = 0;
};

// `server` runs, nobody has a connection to it, and it outlives the oracle. One thread at a time.
class Oracle {
 public:
  static constexpr std::size_t kSentinels = 20;
  static constexpr std::chrono::milliseconds kCanaryLimit{500};

  // For the server's process.
  [[nodiscard]] static std::vector<std::pair<std::string, std::string>> environment();

  // Takes the baseline and creates the sentinels below /sentinels. Throws std::runtime_error when
  // that fails. Descriptors, tmp/ and memory may take `settle` to return to the baseline.
  explicit Oracle(ServerProcess& server,
                  std::chrono::milliseconds settle = std::chrono::seconds(5));

  // What is wrong, one line each; empty when all holds. Connections of the test's own count as
  // leaked: close them.
  [[nodiscard]] std::string check();

  // Makes the memory of now the baseline if the server runs under AddressSanitizer: what an attack
  // took once it may take again, and no more.
  void accept_memory();

  // As check, then stops the server: what it printed up to its end, its exit code.
  [[nodiscard]] std::string finish();

  // The part of check that holds during an attack as well: the process, and the canary within
  // kCanaryLimit. A slower canary is judged beside a control, a second server that nobody attacks:
  // what slows down both is the machine.
  [[nodiscard]] std::string canary();

  // "/sentinels/07". All are files but the last two: a file under an exclusive write lock, and a
  // collection.
  [[nodiscard]] static std::string sentinel(std::size_t number);
  static constexpr std::size_t kLockedSentinel = kSentinels - 2;
  [[nodiscard]] const std::string& lock_token() const { return lock_token_; }

  // Of the server's process, now.
  [[nodiscard]] std::size_t threads() const;
  // True when there are no more than `count` within 30 s: workers without work leave after three.
  [[nodiscard]] bool threads_fall_to(std::size_t count) const;
  [[nodiscard]] std::size_t resident_bytes() const;

 private:
  using Descriptors = std::map<std::string, std::size_t>;  // how many by what they refer to
  [[nodiscard]] Descriptors descriptors() const;
  [[nodiscard]] std::vector<std::string> sentinels() const;
  [[nodiscard]] std::string process() const;
  [[nodiscard]] std::string output();
  [[nodiscard]] std::string unsettled() const;

  ServerProcess& server_;
  const pid_t pid_;
  const std::chrono::milliseconds settle_;
  Descriptors descriptors_;
  std::string lock_token_;
  std::vector<std::string> sentinels_;
  const bool judges_memory_;
  std::size_t resident_bytes_ = 0;
  Canary canary_;
  std::uint64_t read_output_ = 0;
};

}  // namespace holdfast::test
