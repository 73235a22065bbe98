// The addresses of this machine. Any thread.
#pragma once

#include <string>
#include <vector>

#include "server/net/address.h"

namespace holdfast::server::net {

// The numeric hosts by which clients reach a listener on `address`: the address itself; for a
// wildcard all that the network interfaces have now, IPv4 first, without loopback and link-local
// ones, which other machines cannot use as they are.
[[nodiscard]] std::vector<std::string> hosts_of(const Address& address);

// 0.0.0.0 or ::.
[[nodiscard]] bool is_wildcard(const Address& address);

}  // namespace holdfast::server::net
