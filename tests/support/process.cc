#include "tests/support/process.h"

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sstream>
#include <stdexcept>
#include <string_view>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

extern char** environ;

namespace holdfast::test {
namespace {

[[noreturn]] void fail(const std::string& what) {
  throw std::runtime_error(what + ": " + std::strerror(errno));
}

// The program warns of variables that begin like its settings, so the variables of the tests are
// removed for it.
std::vector<std::string> merged_environment(
    const std::vector<std::pair<std::string, std::string>>& added, bool for_holdfast) {
  std::vector<std::string> all;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text(*entry);
    const auto name = text.substr(0, text.find('='));
    bool replaced = for_holdfast && name.starts_with("HOLDFAST_");
    for (const auto& [key, value] : added) replaced = replaced || name == key;
    if (!replaced) all.emplace_back(text);
  }
  for (const auto& [key, value] : added) all.push_back(key + "=" + value);
  return all;
}

std::vector<char*> pointers(std::vector<std::string>& strings) {
  std::vector<char*> result;
  for (auto& text : strings) result.push_back(text.data());
  result.push_back(nullptr);
  return result;
}

std::vector<std::string> search_path() {
  const char* path = std::getenv("PATH");
  std::istringstream folders(std::string(path != nullptr ? path : "") + ":/usr/sbin:/sbin");
  std::vector<std::string> result;
  for (std::string folder; std::getline(folders, folder, ':');) {
    if (!folder.empty()) result.push_back(folder);
  }
  return result;
}

std::string find_program(const std::string& program) {
  if (program.find('/') != std::string::npos) {
    return access(program.c_str(), X_OK) == 0 ? program : "";
  }
  for (const auto& folder : search_path()) {
    const auto candidate = folder + "/" + program;
    if (access(candidate.c_str(), X_OK) == 0) return candidate;
  }
  return "";
}

}  // namespace

bool program_exists(const std::string& program) { return !find_program(program).empty(); }

Child start(const Command& command) {
  // All allocations happen before fork: the child may only call async-signal-safe functions.
  const auto program = find_program(command.arguments.at(0));
  if (program.empty()) throw std::runtime_error("no such program: " + command.arguments[0]);
  auto argument_strings = command.arguments;
  auto arguments = pointers(argument_strings);
  auto environment_strings = merged_environment(
      command.environment, std::filesystem::path(program).filename() == "holdfast");
  auto environment = pointers(environment_strings);
  const auto folder = command.folder.string();

  std::array<int, 2> output{};
  std::array<int, 2> input{};
  if (pipe2(output.data(), O_CLOEXEC) != 0) fail("pipe");
  if (pipe2(input.data(), O_CLOEXEC) != 0) fail("pipe");
  const pid_t parent = getpid();
  const pid_t pid = fork();
  if (pid < 0) fail("fork");
  if (pid == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(127);
    setpgid(0, 0);
    dup2(input[0], 0);
    dup2(output[1], 1);
    dup2(output[1], 2);
    if (!folder.empty() && chdir(folder.c_str()) != 0) _exit(126);
    execve(program.c_str(), arguments.data(), environment.data());
    _exit(127);
  }
  close(output[1]);
  close(input[0]);
  return {pid, output[0], input[1]};
}

int wait_for(pid_t pid) {
  int status = 0;
  while (waitpid(pid, &status, 0) < 0) {
    if (errno != EINTR) fail("waitpid");
  }
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

Outcome run(const Command& command) {
  const auto child = start(command);
  signal(SIGPIPE, SIG_IGN);
  fcntl(child.input_fd, F_SETFL, O_NONBLOCK);
  Outcome outcome;
  const auto deadline = std::chrono::steady_clock::now() + command.timeout;
  std::string_view unsent = command.input;
  int input_fd = child.input_fd;
  std::array<char, 65536> buffer{};
  for (;;) {
    if (input_fd >= 0 && unsent.empty()) {
      close(input_fd);
      input_fd = -1;
    }
    std::array<pollfd, 2> waiting{pollfd{child.output_fd, POLLIN, 0}, pollfd{input_fd, POLLOUT, 0}};
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        deadline - std::chrono::steady_clock::now());
    const int ready =
        left.count() <= 0 ? 0 : poll(waiting.data(), 2, static_cast<int>(left.count()));
    if (ready < 0 && errno == EINTR) continue;
    if (ready <= 0) {
      outcome.timed_out = true;
      kill(-child.pid, SIGKILL);
      kill(child.pid, SIGKILL);
      break;
    }
    if (waiting[1].revents != 0) {
      const auto sent = write(input_fd, unsent.data(), unsent.size());
      // A program that does not read its input is not an error.
      unsent = sent < 0 ? std::string_view{} : unsent.substr(static_cast<std::size_t>(sent));
    }
    if (waiting[0].revents != 0) {
      const auto got = read(child.output_fd, buffer.data(), buffer.size());
      if (got <= 0) break;
      outcome.output.append(buffer.data(), static_cast<std::size_t>(got));
    }
  }
  if (input_fd >= 0) close(input_fd);
  close(child.output_fd);
  outcome.exit_code = wait_for(child.pid);
  return outcome;
}

}  // namespace holdfast::test
