// A command that root starts on a data folder of another user runs with that user's rights. So the
// service can open everything that the command makes there, and what the user has put there cannot
// make the command open files that the user may not open. Main thread, before any other thread
// exists.
//
//   if (const auto owner = other_owner(config.data)) become(*owner, config.data);
#pragma once

#include <optional>
#include <string>
#include <sys/types.h>

namespace holdfast::server::process {

struct Owner {
  uid_t user = 0;
  gid_t group = 0;     // the folder's group; if that is root's, the user's own
  std::string name;    // the user's name, for messages
  bool known = false;  // the user is in the system's user database, which may list more groups
};

// Returns the user whose rights this process must take before it opens anything in `folder`.
// Returns nullopt when the process does not run as root, and for a folder that is missing or owned
// by root.
[[nodiscard]] std::optional<Owner> other_owner(const std::string& folder);

// Takes the owner's rights, irrevocably. Where the owner may not traverse the folders above (as
// below systemd's /var/lib/private), this process gets a mount namespace in which only `folder` is
// visible there. Throws UsageError with one sentence when that is not possible; then only this
// process has changed, and it must end.
void become(const Owner& owner, const std::string& folder);

// Calls other_owner() and become(), for a command that needs nothing as root.
void work_as_owner(const std::string& folder);

// Returns a path of the same file on which only root can replace anything, so that root may open it
// safely; empty when there is none.
[[nodiscard]] std::string place_of_root(const std::string& path);

}  // namespace holdfast::server::process
