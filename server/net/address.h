// IP addresses, and the "ADDR:PORT" of a listener: only this module parses them. Pure functions;
// any thread.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <sys/socket.h>

namespace holdfast::server::net {

// A numeric IPv4 or IPv6 address. IPv4-mapped IPv6 addresses (::ffff:a.b.c.d) are IPv4 addresses
// here.
class IpAddress {
 public:
  using Bytes = std::array<std::uint8_t, 16>;

  // Returns nullopt for anything but four decimal numbers or the forms of RFC 4291 §2.2: no name,
  // no brackets, no port, no zone.
  [[nodiscard]] static std::optional<IpAddress> parse(std::string_view text);
  // `address` is of the family AF_INET or AF_INET6.
  [[nodiscard]] static IpAddress of(const sockaddr_storage& address);

  [[nodiscard]] bool is_v4() const;
  // Returns true for an address in 127.0.0.0/8, and for ::1.
  [[nodiscard]] bool is_loopback() const;
  // Returns the bytes in network order; an IPv4 address as ::ffff:a.b.c.d.
  [[nodiscard]] const Bytes& bytes() const { return bytes_; }
  // Returns the text without brackets (RFC 5952 §4); an IPv4 address with dots.
  [[nodiscard]] std::string text() const;

 private:
  Bytes bytes_{};
};

// The index at which an IPv4 address begins in its bytes.
inline constexpr std::size_t kV4Offset = 12;

// The client for which a connection is counted: an IPv4 address, or the /64 network of an IPv6
// address, which usually belongs to one client. 0 means that it is not counted (loopback and
// trusted proxies).
using ClientKey = std::uint64_t;

struct Client {
  std::string address;  // numeric
  bool loopback = false;
  ClientKey key = 0;
};
// `address` is of the family AF_INET or AF_INET6.
[[nodiscard]] Client describe(const sockaddr_storage& address);

// An address to listen on.
struct Address {
  std::string host;  // numeric or "localhost", without brackets
  std::uint16_t port = 0;
  bool loopback = false;

  // Parses "127.0.0.1:8080", "localhost:8080" or "[::1]:8080". Returns nullopt for anything else:
  // other names are not resolved, because the address on which a server listens must not depend on
  // the network.
  [[nodiscard]] static std::optional<Address> parse(std::string_view text);
  // Returns a text that parse() reads, such as "127.0.0.1:8080" or "[::1]:8080".
  [[nodiscard]] std::string text() const;
  // Returns the host as a numeric address.
  [[nodiscard]] std::string numeric_host() const {
    return host == "localhost" ? "127.0.0.1" : host;
  }
};

}  // namespace holdfast::server::net
