#include "server/app/systemd.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "server/loop/admission.h"
#include "server/process/usage_error.h"
#include "text/ascii.h"

namespace holdfast::server::app {
namespace {

constexpr int kFirstDescriptor = 3;
// More than any service manager passes on, and few enough that nothing overflows.
constexpr unsigned kMostDescriptors = 1000;

int option_of(int descriptor, int option) {
  int value = 0;
  socklen_t size = sizeof value;
  return ::getsockopt(descriptor, SOL_SOCKET, option, &value, &size) == 0 ? value : -1;
}

// Returns the address of a listening TCP socket; nullopt when the descriptor is none.
std::optional<net::Address> address_of(int descriptor) {
  if (option_of(descriptor, SO_TYPE) != SOCK_STREAM || option_of(descriptor, SO_ACCEPTCONN) != 1)
    return std::nullopt;
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  if (::getsockname(descriptor, reinterpret_cast<sockaddr*>(&address), &size) != 0)
    return std::nullopt;
  if (address.ss_family != AF_INET && address.ss_family != AF_INET6) return std::nullopt;
  std::array<unsigned char, 2> port{};  // at the same place in IPv4 and IPv6 addresses
  static_assert(offsetof(sockaddr_in, sin_port) == offsetof(sockaddr_in6, sin6_port));
  std::memcpy(port.data(),
              reinterpret_cast<const char*>(&address) + offsetof(sockaddr_in, sin_port), 2);
  const net::IpAddress ip = net::IpAddress::of(address);
  return net::Address{.host = ip.text(),
                      .port = static_cast<std::uint16_t>(port[0] * 256 + port[1]),
                      .loopback = ip.is_loopback()};
}

// Removes the next name from the list. There may be fewer names than descriptors.
std::string_view take_name(std::string_view& names) {
  const std::size_t end = std::min(names.find(':'), names.size());
  const std::string_view name = names.substr(0, end);
  names.remove_prefix(std::min(end + 1, names.size()));
  return name;
}

}  // namespace

InheritedSockets inherited_sockets(const process::Environment& environment) {
  InheritedSockets sockets;
  if (environment("LISTEN_PID") != std::to_string(::getpid())) return sockets;
  const std::string text = environment("LISTEN_FDS").value_or("0");
  const auto count = text::parse_number<unsigned>(text);
  if (!count || *count > kMostDescriptors)
    throw process::UsageError("LISTEN_FDS is \"" + text + "\", which is no number of sockets.");
  const std::string all_names = environment("LISTEN_FDNAMES").value_or("");
  std::string_view names = all_names;
  for (int descriptor = kFirstDescriptor; descriptor < kFirstDescriptor + static_cast<int>(*count);
       ++descriptor) {
    const std::string name(take_name(names));
    const std::string which = "Descriptor " + std::to_string(descriptor) +
                              (name.empty() ? "" : " (" + name + ")") + " from LISTEN_FDS ";
    const std::optional<net::Address> address = address_of(descriptor);
    if (!address) throw process::UsageError(which + "is no TCP socket that listens.");
    std::optional<InheritedSocket>& place = name == "http-redirect"  ? sockets.redirect
                                            : name == "admin-listen" ? sockets.admin
                                                                     : sockets.own;
    if (place)
      throw process::UsageError(which + "is one too many: " + place->address.text() +
                                " is there already for the same purpose.");
    ::fcntl(descriptor, F_SETFD, FD_CLOEXEC);
    place = InheritedSocket{descriptor, *address};
  }
  return sockets;
}

void notify_manager(const process::Environment& environment, std::string_view message) noexcept
    try {
  const std::string path = environment("NOTIFY_SOCKET").value_or("");
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() < 2 || path.size() >= sizeof address.sun_path) return;
  std::memcpy(address.sun_path, path.data(), path.size());
  if (path.front() == '@') address.sun_path[0] = '\0';  // an abstract socket
  const int fd = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return;
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size());
  (void)::sendto(fd, message.data(), message.size(), MSG_NOSIGNAL | MSG_DONTWAIT,
                 reinterpret_cast<const sockaddr*>(&address), size);
  ::close(fd);
} catch (...) {
  // Without memory for the path, no message is sent.
}

}  // namespace holdfast::server::app
