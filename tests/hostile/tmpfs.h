// A small disk of a test's own: a tmpfs of so many bytes in a mount namespace of this process, so
// that nothing is left behind whatever ends it. And another program that fills the disk to its last
// byte.
#pragma once

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <sched.h>
#include <stdexcept>
#include <string>
#include <sys/mount.h>
#include <unistd.h>

namespace holdfast::test {

// Why this machine gives no mount namespace; empty when it does. Call before any thread is started.
inline std::string why_no_tmpfs() {
  static const std::string reason = []() -> std::string {
    const uid_t user = geteuid();
    const gid_t group = getegid();
    const bool root = user == 0;
    if (unshare(root ? CLONE_NEWNS : CLONE_NEWNS | CLONE_NEWUSER) != 0)
      return std::string("no mount namespace: ") + std::strerror(errno);
    if (!root) {
      std::ofstream("/proc/self/setgroups") << "deny";
      std::ofstream("/proc/self/uid_map") << "0 " << user << " 1";
      std::ofstream("/proc/self/gid_map") << "0 " << group << " 1";
    }
    if (mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0)
      return std::string("mounts cannot be kept private: ") + std::strerror(errno);
    return {};
  }();
  return reason;
}

class Tmpfs {
 public:
  Tmpfs(std::filesystem::path point, std::size_t bytes) : point_(std::move(point)) {
    if (const std::string reason = why_no_tmpfs(); !reason.empty())
      throw std::runtime_error(reason);
    std::filesystem::create_directories(point_);
    const std::string options = "size=" + std::to_string(bytes);
    if (mount("tmpfs", point_.c_str(), "tmpfs", 0, options.c_str()) != 0)
      throw std::runtime_error(std::string("mount: ") + std::strerror(errno));
  }
  ~Tmpfs() { umount2(point_.c_str(), MNT_DETACH); }
  Tmpfs(const Tmpfs&) = delete;
  Tmpfs& operator=(const Tmpfs&) = delete;

  [[nodiscard]] const std::filesystem::path& point() const { return point_; }
  [[nodiscard]] std::uintmax_t available() const {
    return std::filesystem::space(point_).available;
  }

  // Takes all that is free.
  void fill() {
    const int fd = ::open((point_ / "filler").c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
    const std::string bytes(1 << 16, 'f');
    for (std::size_t size = bytes.size(); size > 0;)
      if (::write(fd, bytes.data(), size) <= 0) size /= 2;
    ::close(fd);
    if (available() != 0) throw std::runtime_error("the disk is not full");
  }
  // Gives it back.
  void clear() { std::filesystem::remove(point_ / "filler"); }

 private:
  std::filesystem::path point_;
};

}  // namespace holdfast::test
