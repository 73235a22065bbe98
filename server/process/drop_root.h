// Whoever starts a command as root on a data folder of another user works with that user's rights,
// so that everything it makes there can be opened by the service, and whatever the folder's user
// has put there reaches nothing more than that user may. Main thread, before any other exists.
//
//   if (const auto owner = other_owner(config.data)) become(*owner, config.data);
#pragma once

#include <optional>
#include <string>
#include <sys/types.h>

namespace holdfast::server::process {

struct Owner {
  uid_t user = 0;
  gid_t group = 0;     // the folder's; where that is root's, the user's own
  std::string name;    // by which people know the user
  bool known = false;  // has an entry in the system's list of users, which may name more groups
};

// The user whose rights this process is to take before it opens anything in `folder`. None when it
// does not run as root, and for a folder that is root's or not there.
[[nodiscard]] std::optional<Owner> other_owner(const std::string& folder);

// Takes the owner's rights, for good. Where the owner may not pass the folders above (as below
// systemd's /var/lib/private), `folder` alone is shown there to this process, in a mount namespace
// of its own. Throws UsageError with one sentence when that is not possible; nothing but this
// process has changed then, and the process must end.
void become(const Owner& owner, const std::string& folder);

// Both of it, for a command that needs nothing as root.
void work_as_owner(const std::string& folder);

// The same file by a path on which nobody but root can put anything else, so that root may open it;
// empty when there is none.
[[nodiscard]] std::string place_of_root(const std::string& path);

}  // namespace holdfast::server::process
