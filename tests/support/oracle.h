// Checks what must be true of a server after any attack
// (docs/robustness.md#framing-and-connections): the process is the same, descriptors, threads and
// memory are back at their baseline, tmp/ is empty, 20 sentinel resources are unchanged, and a
// canary on a connection of its own is answered.
//
//   ServerProcess server(folder / "data", {}, Oracle::environment());
//   server.start();
//   Oracle oracle(server);
//   ... attack, and close the attack's connections ...
//   EXPECT_EQ(oracle.check(), "");          // after each attack
//   EXPECT_EQ(oracle.finish(), "");         // at the end: stops the server
//
// Memory is checked under AddressSanitizer too: environment() makes it return freed memory at once
// instead of keeping 256 MiB, so that growth is what the program holds. It is not checked under
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

// Sends what any client may send: PUT, GET and PROPFIND on a new connection. One thread at a time.
class Canary {
 public:
  // `server` must outlive the canary.
  explicit Canary(const ServerProcess& server) : server_(server) {}

  struct Song {
    std::string wrong;  // empty when all three were answered correctly
    std::chrono::microseconds slowest{0};
  };
  Song sing();

 private:
  const ServerProcess& server_;
  int verse_ = 0;
};

// `server` must run without any connection, and must outlive the oracle. One thread at a time.
class Oracle {
 public:
  static constexpr std::size_t kSentinels = 20;
  static constexpr std::chrono::milliseconds kCanaryLimit{500};

  // Returns the environment for the server's process.
  [[nodiscard]] static std::vector<std::pair<std::string, std::string>> environment();

  // Takes the baseline and creates the sentinels below /sentinels. Throws std::runtime_error when
  // that fails. Descriptors, tmp/ and memory may take `settle` to return to the baseline.
  explicit Oracle(ServerProcess& server,
                  std::chrono::milliseconds settle = std::chrono::seconds(5));

  // Returns what is wrong, one line each; empty when nothing is. The test's own connections count
  // as leaked: close them.
  [[nodiscard]] std::string check();

  // Makes the current memory the baseline if the server runs under AddressSanitizer: memory that an
  // attack needed once it may need again, and no more.
  void accept_memory();

  // Does what check does, then stops the server and checks its output and exit code.
  [[nodiscard]] std::string finish();

  // The part of check that must be true during an attack as well: the process is the same, and the
  // canary is answered within kCanaryLimit. A slower canary is compared with a control, a second
  // server that nobody attacks: if both are slow, the machine is.
  [[nodiscard]] std::string canary();

  // Returns a path such as "/sentinels/07". All are plain files except the last two: a file under
  // an exclusive write lock, and a collection.
  [[nodiscard]] static std::string sentinel(std::size_t number);
  static constexpr std::size_t kLockedSentinel = kSentinels - 2;
  [[nodiscard]] const std::string& lock_token() const { return lock_token_; }

  // Returns the current number of threads of the server's process.
  [[nodiscard]] std::size_t threads() const;
  // Returns true when there are at most `count` threads within 30 s: idle workers end after 3 s.
  [[nodiscard]] bool threads_fall_to(std::size_t count) const;
  [[nodiscard]] std::size_t resident_bytes() const;

 private:
  using Descriptors = std::map<std::string, std::size_t>;  // their number by what they refer to
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
