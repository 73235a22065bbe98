// A FUSE file system that a test mounts in its own folder. It is unmounted however the test ends.
// One thread.
#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <string>

#include "tests/support/process.h"

namespace holdfast::test {

// Returns why this machine cannot mount; empty when it can.
[[nodiscard]] std::string why_no_fuse();

// Returns how many files a mount test copies: the value of HOLDFAST_MOUNT_FILES, else `usual`.
[[nodiscard]] std::size_t wanted_mount_files(std::size_t usual);

// As root, moves this process into a mount namespace of its own, so that no mount is left behind
// however the process ends. Returns false when that is not possible. Call before any thread is
// started.
bool keep_mounts_to_ourselves();

// Returns the mount namespace in which this process was before, as a descriptor; -1 when it is
// still in it. A process that serves a mount must move there: if it were the last one in the new
// namespace, the kernel would unmount while the process ends, and wait for answers that it no
// longer gives.
[[nodiscard]] int mounts_of_others();

class Mount {
 public:
  // Creates `point`, starts the command for it and waits until it is mounted. The command may stay
  // in the foreground or leave a daemon behind that ends with the mount. Throws std::runtime_error
  // with the command's output when the mount does not appear.
  Mount(std::filesystem::path point,
        const std::function<Command(const std::filesystem::path&)>& command);

  // Unmounts, and waits until what was written has been sent.
  ~Mount();
  Mount(const Mount&) = delete;
  Mount& operator=(const Mount&) = delete;

  [[nodiscard]] const std::filesystem::path& point() const { return point_; }

 private:
  void end_child();

  std::filesystem::path point_;
  Child child_;  // pid -1 when it has ended
};

}  // namespace holdfast::test
