// How many connections there are, and how many each client has.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <sys/socket.h>
#include <unordered_map>

#include "server/http1/limits.h"

namespace holdfast::server {

// Whom a connection counts against: an IPv4 address, or the /64 network of an IPv6 address, which
// one client has to itself. 0: nobody (loopback, and trusted proxies).
using ClientKey = std::uint64_t;

struct Client {
  std::string address;  // numeric
  bool loopback = false;
  ClientKey key = 0;
};
[[nodiscard]] Client describe(const sockaddr_storage& address);

// Guarded by its owner.
class Admission {
 public:
  explicit Admission(const Limits& limits) : limits_(limits) {}

  // Counts a new connection, unless there are too many of all or of this client.
  [[nodiscard]] bool admit(ClientKey key);
  void leave(ClientKey key);
  // Over three quarters of all connections are in use.
  [[nodiscard]] bool crowded() const { return total_ > limits_.connections / 4 * 3; }
  [[nodiscard]] std::size_t total() const { return total_; }

 private:
  const Limits& limits_;
  std::size_t total_ = 0;
  std::unordered_map<ClientKey, std::size_t> clients_;
};

}  // namespace holdfast::server
