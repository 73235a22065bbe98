#include "tests/support/mount.h"

#include <array>
#include <chrono>
#include <cstdlib>
#include <fcntl.h>
#include <fstream>
#include <sched.h>
#include <signal.h>
#include <stdexcept>
#include <sys/mount.h>
#include <sys/wait.h>
#include <thread>
#include <tuple>
#include <unistd.h>
#include <utility>

namespace holdfast::test {
namespace {

using namespace std::chrono_literals;

bool is_mounted(const std::filesystem::path& point) {
  std::ifstream mounts("/proc/self/mounts");
  for (std::string line; std::getline(mounts, line);) {
    if (line.find(" " + point.string() + " ") != std::string::npos) return true;
  }
  return false;
}

std::string drain(int fd) {
  std::string output;
  std::array<char, 4096> buffer{};
  fcntl(fd, F_SETFL, O_NONBLOCK);
  for (;;) {
    const auto got = read(fd, buffer.data(), buffer.size());
    if (got <= 0) return output;
    output.append(buffer.data(), static_cast<std::size_t>(got));
  }
}

}  // namespace

std::string why_no_fuse() {
  if (!program_exists("fusermount3")) return "fusermount3 is not installed";
  const int fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);
  if (fd < 0) return "/dev/fuse cannot be opened";
  close(fd);
  return "";
}

std::size_t wanted_mount_files(std::size_t usual) {
  const char* wanted = std::getenv("HOLDFAST_MOUNT_FILES");
  return wanted == nullptr ? usual : std::stoul(wanted);
}

namespace {

int others = -1;

}  // namespace

bool keep_mounts_to_ourselves() {
  static const bool done = [] {
    if (geteuid() != 0) return false;
    others = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC);
    return others >= 0 && unshare(CLONE_NEWNS) == 0 &&
           ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0;
  }();
  return done;
}

int mounts_of_others() { return others; }

Mount::Mount(std::filesystem::path point,
             const std::function<Command(const std::filesystem::path&)>& command)
    : point_(std::move(point)) {
  keep_mounts_to_ourselves();
  std::filesystem::create_directories(point_);
  child_ = start(command(point_));
  close(child_.input_fd);
  std::string output;
  for (int tries = 0; tries < 600; ++tries) {
    if (is_mounted(point_)) return;
    output += drain(child_.output_fd);
    if (int status = 0; waitpid(child_.pid, &status, WNOHANG) == child_.pid) {
      child_.pid = -1;
      // A command that ended with success has left a daemon that mounts.
      if (status != 0) break;
    }
    std::this_thread::sleep_for(50ms);
  }
  end_child();
  close(child_.output_fd);
  throw std::runtime_error("not mounted: " + output);
}

Mount::~Mount() {
  // umount.davfs waits until its daemon has sent everything; a busy mount is tried again.
  for (int tries = 0; tries < 20 && is_mounted(point_); ++tries) {
    std::ignore = run({.arguments = {geteuid() == 0 ? "umount" : "fusermount3",
                                     geteuid() == 0 ? "-v" : "-u", point_},
                       .timeout = std::chrono::seconds(300)});
    if (is_mounted(point_)) std::this_thread::sleep_for(250ms);
  }
  if (is_mounted(point_)) {
    std::ignore = run({.arguments = {"umount", "-l", point_}});
    if (child_.pid > 0) ::kill(child_.pid, SIGKILL);
  }
  // After the unmount, a foreground command ends by itself; one that does not is killed.
  for (int tries = 0; tries < 200 && child_.pid > 0; ++tries) {
    int status = 0;
    if (waitpid(child_.pid, &status, WNOHANG) == child_.pid) child_.pid = -1;
    std::this_thread::sleep_for(50ms);
  }
  end_child();
  close(child_.output_fd);
}

void Mount::end_child() {
  if (child_.pid <= 0) return;
  ::kill(child_.pid, SIGKILL);
  std::ignore = wait_for(child_.pid);
  child_.pid = -1;
}

}  // namespace holdfast::test
