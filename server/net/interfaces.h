// The addresses of this machine. Any thread.
#pragma once

#include <string>
#include <vector>

#include "server/net/address.h"

namespace holdfast::server::net {

// Returns the numeric hosts by which clients reach a listener on `address`: the address itself; for
// a wildcard, all current addresses of the network interfaces, IPv4 first, without loopback and
// link-local ones, which other machines cannot use.
[[nodiscard]] std::vector<std::string> hosts_of(const Address& address);

// Returns true for 0.0.0.0 and ::.
[[nodiscard]] bool is_wildcard(const Address& address);

}  // namespace holdfast::server::net
