// What the interposer (tests/support/interposer.cc) shares with the test that controls it: a page
// of memory, mapped by both from one file, and the form of the records in a trace.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>

namespace holdfast::test {

// Environment variables of the program under test.
inline constexpr const char* kControlVariable = "HOLDFAST_FAULT_CONTROL";
inline constexpr const char* kFolderVariable = "HOLDFAST_FAULT_FOLDER";
inline constexpr const char* kTraceVariable = "HOLDFAST_FAULT_TRACE";  // none: no trace

// The calls that can change what is below the data folder, and the one that sends a response.
enum class CallKind : std::uint32_t {
  create,    // open or openat that made a file
  write,     // write, pwrite, writev, pwritev
  truncate,  // truncate, ftruncate
  allocate,  // fallocate
  sync,      // fsync, fdatasync of a file or folder
  sync_all,  // syncfs
  rename,
  link,
  unlink,  // also of a folder
  make_folder,
  map,     // a writable shared mapping
  answer,  // send, sendto, sendmsg on an internet socket
  memory,  // malloc, operator new and the like, in a program started for memory faults
};
constexpr std::uint32_t bit(CallKind kind) { return 1U << static_cast<std::uint32_t>(kind); }
inline constexpr std::uint32_t kEveryCall = bit(CallKind::memory) - 1;

enum class FaultAction : std::uint32_t {
  none,
  kill,        // SIGKILL instead of the call
  tear,        // SIGKILL when a write has written half; for other calls as `kill`
  fail,        // the call does nothing and fails with `error`
  fail_short,  // a write writes half, the next call fails with `error`; others fail at once
};

// When all is zero, nothing is counted and nothing fails.
struct FaultControl {
  std::atomic<std::uint32_t> armed;
  std::atomic<std::uint32_t> judging;  // calls that are being counted now
  std::uint32_t kinds;                 // which calls count, one bit for each
  FaultAction action;                  // at the `at`th of them, the first is 1
  std::uint32_t persistent;            // not 0: with `action` fail, all later calls fail as well
  std::uint32_t repeated;              // not 0: the fault happens at each `at`th call
  std::uint64_t at;
  std::uint64_t least;        // allocations of fewer bytes do not count
  std::uint64_t room;         // writes that end at or before this offset do not count
  std::array<char, 64> only;  // empty, or what the paths of calls that count begin with
  // Seconds by which the program's wall clock is ahead of the machine's, armed or not.
  std::atomic<std::int64_t> wall_offset_s;
  std::int32_t error;  // errno
  std::atomic<std::uint64_t> counted;
  std::atomic<std::uint64_t> fired;
  std::array<char, 512> last;  // the call at which the first fault happened, as text
};
static_assert(std::atomic<std::uint64_t>::is_always_lock_free);

// Returns true when the fault happens at the `number`th call.
inline bool is_met(const FaultControl& control, std::uint64_t number) {
  if (control.repeated != 0) return number % control.at == 0;
  return number == control.at || (control.persistent != 0 && number > control.at);
}

// One call in a trace; the two paths (relative to the data folder, the second only of rename and
// link) and the bytes written, or sent, follow it.
struct TraceHeader {
  std::uint32_t kind;
  std::int32_t descriptor;
  std::int32_t error;   // errno; 0: the call succeeded
  std::int32_t thread;  // the calling thread, as gettid returns it
  std::uint32_t path_size;
  std::uint32_t path2_size;
  std::uint32_t data_size;
  std::int64_t offset;  // of a write; the new size of a truncate; the end of what is allocated
};

}  // namespace holdfast::test
