#include "tests/support/server_process.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <signal.h>
#include <stdexcept>
#include <string_view>
#include <sys/wait.h>
#include <tuple>
#include <unistd.h>
#include <utility>

#include "tests/support/build_paths.h"
#include "tests/support/process.h"

namespace holdfast::test {
namespace {

constexpr std::size_t kKeptOutput = 1 << 20;
constexpr std::string_view kUrl = "://127.0.0.1:";

// Returns the port in the first complete line with the server's URL; 0 when there is none yet.
std::uint16_t port_in(const std::string& output) {
  const auto at = output.find(kUrl);
  if (at == std::string::npos || output.find('\n', at) == std::string::npos) return 0;
  std::uint16_t port = 0;
  const char* first = output.data() + at + kUrl.size();
  std::from_chars(first, output.data() + output.size(), port);
  return port;
}

}  // namespace

std::filesystem::path holdfast_binary() {
  const char* other = std::getenv("HOLDFAST_BINARY");
  return other != nullptr && *other != '\0' ? other : binary_folder() / "holdfast";
}

ServerProcess::ServerProcess(std::filesystem::path data, std::vector<std::string> arguments,
                             std::vector<std::pair<std::string, std::string>> environment)
    : data_(std::move(data)),
      arguments_(std::move(arguments)),
      environment_(std::move(environment)) {}

ServerProcess::~ServerProcess() {
  if (running()) kill();
}

std::string ServerProcess::url() const {
  return std::string(tls_ ? "https" : "http").append(kUrl) + std::to_string(port_) + "/";
}

void ServerProcess::start() {
  if (running()) throw std::logic_error("the server runs already");
  Command command;
  command.arguments = {holdfast_binary(), "serve", "--data", data_};
  if (std::find(arguments_.begin(), arguments_.end(), "--listen") == arguments_.end())
    command.arguments.insert(command.arguments.end(),
                             {"--listen", "127.0.0.1:" + std::to_string(port_)});
  command.arguments.insert(command.arguments.end(), arguments_.begin(), arguments_.end());
  command.environment = environment_;
  ended_ = false;
  output_.clear();
  dropped_ = 0;
  banner_.clear();
  const auto child = test::start(command);
  close(child.input_fd);
  pid_ = child.pid;
  reader_ = std::thread(&ServerProcess::read_output, this, child.output_fd);

  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, std::chrono::seconds(60),
                    [this] { return ended_ || port_in(output_) != 0; });
  const std::uint16_t port = port_in(output_);
  banner_ = output_;
  if (port != 0) {
    port_ = port;
    tls_ = output_.find(kUrl) == output_.find("https://") + std::string_view("https").size();
    return;
  }
  lock.unlock();
  kill();
  throw std::runtime_error("holdfast serve did not start. It printed:\n" + output());
}

void ServerProcess::read_output(int fd) {
  std::array<char, 65536> buffer{};
  for (;;) {
    const auto got = read(fd, buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    const std::lock_guard lock(mutex_);
    output_.append(buffer.data(), static_cast<std::size_t>(got));
    if (output_.size() > 2 * kKeptOutput) {
      dropped_ += output_.size() - kKeptOutput;
      output_.erase(0, output_.size() - kKeptOutput);
    }
    changed_.notify_all();
  }
  close(fd);
  const std::lock_guard lock(mutex_);
  ended_ = true;
  changed_.notify_all();
}

int ServerProcess::stop(std::chrono::seconds patience) {
  if (!running()) throw std::logic_error("the server does not run");
  ::kill(pid_, SIGTERM);
  return wait_for_end(patience);
}

int ServerProcess::wait_for_end(std::chrono::seconds patience) {
  if (!running()) throw std::logic_error("the server does not run");
  {
    // The end of the process closes the pipe from which the reader reads.
    std::unique_lock lock(mutex_);
    if (!changed_.wait_for(lock, patience, [this] { return ended_; })) ::kill(pid_, SIGKILL);
  }
  const int code = wait_for(pid_);
  finish();
  return code;
}

void ServerProcess::set_environment(std::vector<std::pair<std::string, std::string>> added) {
  environment_ = std::move(added);
}

void ServerProcess::kill() {
  if (!running()) return;
  ::kill(pid_, SIGKILL);
  std::ignore = wait_for(pid_);
  finish();
}

void ServerProcess::finish() {
  reader_.join();
  pid_ = -1;
}

std::string ServerProcess::output() const {
  const std::lock_guard lock(mutex_);
  return output_;
}

std::string ServerProcess::output_since(std::uint64_t& position) const {
  const std::lock_guard lock(mutex_);
  const std::uint64_t start = position < dropped_ ? 0 : position - dropped_;
  position = dropped_ + output_.size();
  return output_.substr(std::min<std::size_t>(start, output_.size()));
}

std::string ServerProcess::banner() const {
  const std::lock_guard lock(mutex_);
  return banner_;
}

}  // namespace holdfast::test
