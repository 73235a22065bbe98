#include "server/process/drop_root.h"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <grp.h>
#include <pwd.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>

#include "server/process/usage_error.h"

namespace holdfast::server::process {
namespace {

namespace fs = std::filesystem;

// Returns the last folder on the way to `real` that this process may not traverse; empty when it
// may traverse all.
fs::path closed_above(const fs::path& real) {
  fs::path here;
  for (const fs::path& part : real) {
    const fs::path next = here / part;
    struct stat status {};
    if (::stat(next.c_str(), &status) != 0) return here;
    here = next;
  }
  return {};
}

// Mounts a folder over `closed`, for this process alone, that contains only the way to `real`.
// Returns false when that is not possible.
bool open_the_way(const fs::path& closed, const fs::path& real) {
  std::error_code error;
  const fs::path here = fs::current_path(error);
  // The descriptor must belong to the new mount namespace.
  if (::unshare(CLONE_NEWNS) != 0 ||
      ::mount(nullptr, "/", nullptr, MS_REC | MS_SLAVE, nullptr) != 0)
    return false;
  const int folder = ::open(real.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (folder < 0) return false;
  const std::string from = "/proc/self/fd/" + std::to_string(folder);
  const mode_t mask = ::umask(022);
  const bool done =
      ::mount("tmpfs", closed.c_str(), "tmpfs", MS_NOSUID | MS_NODEV, "mode=0755") == 0 &&
      (fs::create_directories(real, error), !error) &&
      ::mount(from.c_str(), real.c_str(), nullptr, MS_BIND | MS_REC, nullptr) == 0;
  ::umask(mask);
  ::close(folder);
  // Relative paths must work; where the new namespace lacks the working directory, the old one
  // stays.
  fs::current_path(here, error);
  return done;
}

// Returns true when the process has exactly the owner's rights and cannot become root again.
bool holds(const Owner& owner) {
  uid_t users[3] = {};
  gid_t groups[3] = {};
  if (::getresuid(&users[0], &users[1], &users[2]) != 0 ||
      ::getresgid(&groups[0], &groups[1], &groups[2]) != 0)
    return false;
  for (const uid_t user : users)
    if (user != owner.user) return false;
  for (const gid_t group : groups)
    if (group != owner.group) return false;
  return ::setuid(0) != 0 && ::seteuid(0) != 0 && ::setresuid(0, 0, 0) != 0;
}

bool take_groups(const Owner& owner) {
  const bool done = owner.known ? ::initgroups(owner.name.c_str(), owner.group) == 0
                                : ::setgroups(1, &owner.group) == 0;
  return done && ::setresgid(owner.group, owner.group, owner.group) == 0;
}

}  // namespace

std::optional<Owner> other_owner(const std::string& folder) {
  struct stat status {};
  if (::geteuid() != 0 || ::stat(folder.c_str(), &status) != 0 || status.st_uid == 0)
    return std::nullopt;
  Owner owner{.user = status.st_uid,
              .group = status.st_gid,
              .name = "user " + std::to_string(status.st_uid),
              .known = false};
  if (const passwd* const entry = ::getpwuid(status.st_uid); entry != nullptr) {
    owner.name = entry->pw_name;
    owner.known = true;
    if (owner.group == 0) owner.group = entry->pw_gid;
  }
  return owner;
}

void become(const Owner& owner, const std::string& folder) {
  const std::string whose = "The data folder " + folder + " belongs to " + owner.name + ", ";
  const auto refuse = [&whose] {
    throw UsageError(whose + "whose rights cannot be taken: " + std::strerror(errno) + ".");
  };
  std::error_code error;
  const fs::path real = fs::canonical(folder, error);
  if (error) throw UsageError(whose + "and cannot be found: " + error.message() + ".");
  if (!take_groups(owner) || ::seteuid(owner.user) != 0) refuse();
  const fs::path closed = closed_above(real);
  if (::seteuid(0) != 0) refuse();
  if (!closed.empty() && !open_the_way(closed, real))
    throw UsageError(whose + "who may not pass " + closed.string() + ".");
  if (::setresuid(owner.user, owner.user, owner.user) != 0) refuse();
  if (!holds(owner)) throw UsageError(whose + "and root's rights cannot be given up.");
  // A relative path may begin in a folder that the owner may not traverse.
  struct stat status {};
  if (::stat(folder.c_str(), &status) != 0)
    throw UsageError(whose + "who cannot reach it: " + std::strerror(errno) + ".");
}

void work_as_owner(const std::string& folder) {
  if (const std::optional<Owner> owner = other_owner(folder)) become(*owner, folder);
}

std::string place_of_root(const std::string& path) {
  std::error_code error;
  const fs::path whole = fs::absolute(path, error);
  const fs::path above = fs::canonical(whole.parent_path(), error);
  if (error) return {};
  for (fs::path folder = above;; folder = folder.parent_path()) {
    struct stat status {};
    if (::stat(folder.c_str(), &status) != 0 || status.st_uid != 0 ||
        (status.st_mode & (S_IWGRP | S_IWOTH)) != 0)
      return {};
    if (folder == folder.root_path()) return above / whole.filename();
  }
}

}  // namespace holdfast::server::process
