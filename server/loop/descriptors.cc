#include "server/loop/descriptors.h"

#include <algorithm>
#include <sys/resource.h>

namespace holdfast::server::loop {
namespace {

// Descriptors that are not connections: those of the store, the log and the listeners.
constexpr std::uint64_t kOwnDescriptors = 128;
// Connections whose last response was sent and that wait for the client to close.
constexpr std::uint64_t kClosingConnections = 1024;
// The limit when the system reports none: POSIX systems allow at least this many by default.
constexpr std::uint64_t kUnknownLimit = 1024;

}  // namespace

std::uint64_t raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return kUnknownLimit;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
  ::getrlimit(RLIMIT_NOFILE, &limit);
  return limit.rlim_cur;
}

http1::Limits fitted_to(http1::Limits limits, std::uint64_t descriptors) {
  const std::uint64_t usable =
      descriptors > 2 * kOwnDescriptors ? descriptors - kOwnDescriptors : descriptors / 2;
  const std::uint64_t most_workers = std::max<std::uint64_t>(usable / 8, 1);
  limits.workers = std::min<std::uint64_t>(limits.workers, most_workers);
  const std::uint64_t others =
      std::min(kClosingConnections, usable / 4) + 2 * limits.workers + usable / 4;
  const std::uint64_t most_connections = usable > others ? usable - others : 1;
  limits.connections = std::min<std::uint64_t>(limits.connections, most_connections);
  return limits;
}

}  // namespace holdfast::server::loop
