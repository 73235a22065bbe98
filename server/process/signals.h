// The signals that stop the program, and the threads that receive them.
#pragma once

#include <atomic>
#include <csignal>
#include <cstdint>
#include <thread>

namespace holdfast::server::process {

// Returns SIGTERM and SIGINT.
[[nodiscard]] sigset_t stop_signals();

// Blocks the stop signals and SIGHUP, and ignores SIGPIPE. Every thread that is started later
// inherits that, so only sigwait() sees these signals. Call it from the main thread before any
// other thread exists.
void block_stop_signals();

// Blocks all signals in the calling thread except those of faults and of profilers.
void block_all_signals();

// Ends the process with exit status 1 when a second stop signal comes, or when `seconds` have
// passed. The destructor cancels that.
class ForcedExit {
 public:
  // Throws std::system_error when the system gives no thread.
  explicit ForcedExit(std::int64_t seconds);
  ~ForcedExit();
  ForcedExit(const ForcedExit&) = delete;
  ForcedExit& operator=(const ForcedExit&) = delete;

 private:
  std::atomic<bool> done_ = false;
  std::thread thread_;
};

}  // namespace holdfast::server::process
