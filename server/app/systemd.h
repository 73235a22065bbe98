// What a service manager and its service say to each other: listening sockets that were opened
// before the start (sd_listen_fds(3)), and that the service is ready (sd_notify(3)). Both protocols
// are a few environment variables. Main thread.
#pragma once

#include <optional>
#include <string_view>

#include "server/net/address.h"
#include "server/process/environment.h"

namespace holdfast::server::app {

// A socket of ours by inheritance, which listens.
struct InheritedSocket {
  int descriptor = -1;
  net::Address address;
};

struct InheritedSockets {
  std::optional<InheritedSocket> own;
  std::optional<InheritedSocket> admin;     // by the name "admin-listen" in LISTEN_FDNAMES
  std::optional<InheritedSocket> redirect;  // by the name "http-redirect"
};

// The sockets that LISTEN_FDS announces to this process; none when LISTEN_PID is another's. They
// are closed on exec from now on. Throws UsageError for what is no listening TCP socket, and for
// two with one purpose.
[[nodiscard]] InheritedSockets inherited_sockets(const process::Environment& environment);

// Sends one message ("READY=1") to NOTIFY_SOCKET, when there is one. Does not wait; nobody hears of
// failures.
void notify_manager(const process::Environment& environment, std::string_view message) noexcept;

}  // namespace holdfast::server::app
