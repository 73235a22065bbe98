#include "server/loop/admission.h"

#include <arpa/inet.h>
#include <array>
#include <cstring>
#include <netinet/in.h>

namespace holdfast::server {
namespace {

Client describe_v4(const in_addr& address) {
  std::array<char, INET_ADDRSTRLEN> text{};
  ::inet_ntop(AF_INET, &address, text.data(), text.size());
  const std::uint32_t number = ntohl(address.s_addr);
  const bool loopback = number >> 24 == 127;
  // Apart from IPv6 networks, none of which begins with 32 ones.
  return {text.data(), loopback, loopback ? 0 : std::uint64_t{0xffffffff} << 32 | number};
}

}  // namespace

Client describe(const sockaddr_storage& address) {
  if (address.ss_family == AF_INET) {
    sockaddr_in v4{};
    std::memcpy(&v4, &address, sizeof v4);
    return describe_v4(v4.sin_addr);
  }
  sockaddr_in6 v6{};
  std::memcpy(&v6, &address, sizeof v6);
  if (IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr)) {
    in_addr v4{};
    std::memcpy(&v4, v6.sin6_addr.s6_addr + 12, sizeof v4);
    return describe_v4(v4);
  }
  std::array<char, INET6_ADDRSTRLEN> text{};
  ::inet_ntop(AF_INET6, &v6.sin6_addr, text.data(), text.size());
  if (IN6_IS_ADDR_LOOPBACK(&v6.sin6_addr)) return {text.data(), true, 0};
  ClientKey key = 0;
  std::memcpy(&key, v6.sin6_addr.s6_addr, sizeof key);
  return {text.data(), false, key};
}

bool Admission::admit(ClientKey key) {
  if (total_ >= limits_.connections) return false;
  if (key != 0) {
    std::size_t& count = clients_[key];
    if (count >= limits_.connections_per_client) return false;
    ++count;
  }
  ++total_;
  return true;
}

void Admission::leave(ClientKey key) {
  --total_;
  const auto entry = clients_.find(key);
  if (entry != clients_.end() && --entry->second == 0) clients_.erase(entry);
}

}  // namespace holdfast::server
