#include "server/net/interfaces.h"

#include <algorithm>
#include <cstring>
#include <ifaddrs.h>
#include <memory>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/socket.h>

namespace holdfast::server::net {
namespace {

bool is_link_local(const IpAddress& address) {
  const IpAddress::Bytes& bytes = address.bytes();
  if (address.is_v4()) return bytes[kV4Offset] == 169 && bytes[kV4Offset + 1] == 254;
  return bytes[0] == 0xfe && (bytes[1] & 0xc0) == 0x80;
}

}  // namespace

bool is_wildcard(const Address& address) {
  return address.host == "0.0.0.0" || address.host == "::";
}

std::vector<std::string> hosts_of(const Address& address) {
  if (!is_wildcard(address)) return {address.numeric_host()};
  ifaddrs* first = nullptr;
  if (::getifaddrs(&first) != 0) return {};
  const std::unique_ptr<ifaddrs, decltype(&::freeifaddrs)> all(first, &::freeifaddrs);
  std::vector<std::string> hosts;
  for (const int family : {AF_INET, AF_INET6})
    for (const ifaddrs* each = first; each != nullptr; each = each->ifa_next) {
      if (each->ifa_addr == nullptr || each->ifa_addr->sa_family != family ||
          (each->ifa_flags & IFF_UP) == 0 || (family == AF_INET6 && address.host != "::"))
        continue;
      sockaddr_storage storage{};
      std::memcpy(&storage, each->ifa_addr,
                  family == AF_INET ? sizeof(sockaddr_in) : sizeof(sockaddr_in6));
      const IpAddress ip = IpAddress::of(storage);
      if (ip.is_loopback() || is_link_local(ip)) continue;
      const std::string host = ip.text();
      if (std::find(hosts.begin(), hosts.end(), host) == hosts.end()) hosts.push_back(host);
    }
  return hosts;
}

}  // namespace holdfast::server::net
