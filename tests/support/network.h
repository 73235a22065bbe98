// A network for one test: only a loopback device, with more addresses than loopback, and every port
// free.
#pragma once

#include <arpa/inet.h>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <string>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

namespace holdfast::test {

// Moves this thread, and what it starts from now on, into such a network, with 127.0.0.0/8 and all
// of 192.0.2.0/24. Returns why the machine does not allow that; empty on success.
inline std::string enter_network() {
  const uid_t user = ::geteuid();
  if (::unshare(user == 0 ? CLONE_NEWNET : CLONE_NEWNET | CLONE_NEWUSER) != 0)
    return std::string("no network of one's own: ") + std::strerror(errno);
  if (user != 0) std::ofstream("/proc/self/uid_map") << "0 " << user << " 1";
  const int fd = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  ifreq request{};
  std::strcpy(request.ifr_name, "lo");
  bool done = ::ioctl(fd, SIOCGIFFLAGS, &request) == 0;
  request.ifr_flags = static_cast<short>(request.ifr_flags | IFF_UP);
  done = done && ::ioctl(fd, SIOCSIFFLAGS, &request) == 0;
  // All addresses of a network on the loopback device belong to this machine.
  std::strcpy(request.ifr_name, "lo:1");
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(0xc0000201);
  std::memcpy(&request.ifr_addr, &address, sizeof address);
  done = done && ::ioctl(fd, SIOCSIFADDR, &request) == 0;
  const std::string why = done ? "" : std::string("no more addresses: ") + std::strerror(errno);
  ::close(fd);
  return why;
}

}  // namespace holdfast::test
