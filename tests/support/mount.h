// A FUSE file system that a test mounts in its own folder and that is unmounted whatever happens.
#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <string>

#include "tests/support/process.h"

namespace holdfast::test {

// Why this machine cannot mount; empty when it can.
[[nodiscard]] std::string why_no_fuse();

// How many files a mount test copies: the environment's HOLDFAST_MOUNT_FILES, else `usual`.
[[nodiscard]] std::size_t wanted_mount_files(std::size_t usual);

// As root, moves this process into a mount namespace of its own: whatever ends it, no mount is left
// behind. False when that is not possible. Call before any thread is started.
bool keep_mounts_to_ourselves();

// The mount namespace that this process was in before, as a descriptor; -1 when it is in it still.
// A process that serves a mount goes there: were it the last in ours, the kernel would unmount in
// its end, and wait for what it does not serve any more.
[[nodiscard]] int mounts_of_others();

class Mount {
 public:
  // Creates `point`, starts the command for it and waits until it is mounted. The command may stay
  // in the foreground or leave a daemon behind that ends with the mount. Throws std::runtime_error
  // with what it printed when it does not come up.
  Mount(std::filesystem::path point,
        const std::function<Command(const std::filesystem::path&)>& command);

  // Unmounts, waiting until what was written has been sent.
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
