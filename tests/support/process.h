// Runs programs for tests: one that ends by itself, with its output captured, or one that runs
// during the test. A child is killed when the thread that started it ends, so that no test leaves a
// process behind. Any thread.
#pragma once

#include <chrono>
#include <filesystem>
#include <string>
#include <sys/types.h>
#include <utility>
#include <vector>

namespace holdfast::test {

struct Command {
  std::vector<std::string> arguments{};  // the program first; searched for in PATH
  std::vector<std::pair<std::string, std::string>> environment{};  // added to the test's
  std::filesystem::path folder{};                                  // working folder; the test's
                                                                   // when empty
  std::string input{};                                             // its standard input
  std::chrono::seconds timeout{120};                               // then it is killed
};

struct Outcome {
  int exit_code = -1;  // 128 + signal when a signal ended it
  bool timed_out = false;
  std::string output;  // standard output and error, in the order of writing
};

// Runs `command` to its end. Throws std::runtime_error when it cannot be started.
[[nodiscard]] Outcome run(const Command& command);

// Returns true when PATH or a system folder has `program`.
[[nodiscard]] bool program_exists(const std::string& program);

// A child started with its standard output and error on `output_fd`.
struct Child {
  pid_t pid = -1;
  int output_fd = -1;  // the reader's end, owned by the caller
  int input_fd = -1;   // the writer's end, owned by the caller
};
[[nodiscard]] Child start(const Command& command);

// Waits for `pid`; returns what Outcome::exit_code has.
[[nodiscard]] int wait_for(pid_t pid);

}  // namespace holdfast::test
