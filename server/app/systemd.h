// The protocols between a service manager and its service: listening sockets that were opened
// before the start (sd_listen_fds(3)), and the notice that the service is ready (sd_notify(3)).
// Both use environment variables. Main thread only.
#pragma once

#include <optional>
#include <string_view>

#include "server/net/address.h"
#include "server/process/environment.h"

namespace holdfast::server::app {

// An inherited socket, which listens.
struct InheritedSocket {
  int descriptor = -1;
  net::Address address;
};

struct InheritedSockets {
  std::optional<InheritedSocket> own;
  std::optional<InheritedSocket> admin;     // named "admin-listen" in LISTEN_FDNAMES
  std::optional<InheritedSocket> redirect;  // named "http-redirect"
};

// Returns the sockets that LISTEN_FDS passes to this process; none when LISTEN_PID is another
// process. Sets close-on-exec on them. Throws UsageError for a descriptor that is no listening TCP
// socket, and for two sockets with one purpose.
[[nodiscard]] InheritedSockets inherited_sockets(const process::Environment& environment);

// Sends one message ("READY=1") to NOTIFY_SOCKET, when it is set. Does not wait; failures are
// ignored.
void notify_manager(const process::Environment& environment, std::string_view message) noexcept;

}  // namespace holdfast::server::app
