// IP addresses, and the "ADDR:PORT" of a listener: parsed here and nowhere else. Pure functions;
// any thread.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <sys/socket.h>

namespace holdfast::server::net {

// A numeric IPv4 or IPv6 address. The IPv4 addresses that IPv6 wraps (::ffff:a.b.c.d) are IPv4
// addresses here.
class IpAddress {
 public:
  using Bytes = std::array<std::uint8_t, 16>;

  // Nullopt for anything but four decimal numbers or the forms of RFC 4291 §2.2: no name, no
  // brackets, no port, no zone.
  [[nodiscard]] static std::optional<IpAddress> parse(std::string_view text);
  // `address` is of the family AF_INET or AF_INET6.
  [[nodiscard]] static IpAddress of(const sockaddr_storage& address);

  [[nodiscard]] bool is_v4() const;
  // In 127.0.0.0/8, or ::1.
  [[nodiscard]] bool is_loopback() const;
  // In network order; an IPv4 address as ::ffff:a.b.c.d.
  [[nodiscard]] const Bytes& bytes() const { return bytes_; }
  // Without brackets, an IPv4 address with dots (RFC 5952 §4).
  [[nodiscard]] std::string text() const;

 private:
  Bytes bytes_{};
};

// Where an IPv4 address begins in its bytes.
inline constexpr std::size_t kV4Offset = 12;

// Whom a connection counts against: an IPv4 address, or the /64 network of an IPv6 address, which
// one client has to itself. 0: nobody (loopback, and trusted proxies).
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

  // "127.0.0.1:8080", "localhost:8080", "[::1]:8080". Nullopt for anything else: other names are
  // looked up by nobody, because which address a server listens on must not depend on an answer
  // from the network.
  [[nodiscard]] static std::optional<Address> parse(std::string_view text);
  // "127.0.0.1:8080", "[::1]:8080": as parse() reads it.
  [[nodiscard]] std::string text() const;
  // The host as a number.
  [[nodiscard]] std::string numeric_host() const {
    return host == "localhost" ? "127.0.0.1" : host;
  }
};

}  // namespace holdfast::server::net
