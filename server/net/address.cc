#include "server/net/address.h"

#include <algorithm>
#include <arpa/inet.h>
#include <cstring>
#include <netinet/in.h>

#include "Poco/Net/IPAddress.h"
#include "text/ascii.h"

namespace holdfast::server::net {
namespace {

constexpr IpAddress::Bytes kMapped = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
constexpr IpAddress::Bytes kLoopback = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};

}  // namespace

std::optional<IpAddress> IpAddress::parse(std::string_view text) {
  // Poco's parser is not used because it is lenient: it accepts "127.1", octal numbers and zones.
  const std::string terminated(text);
  IpAddress out;
  if (::inet_pton(AF_INET6, terminated.c_str(), out.bytes_.data()) == 1) return out;
  out.bytes_ = kMapped;
  if (::inet_pton(AF_INET, terminated.c_str(), out.bytes_.data() + kV4Offset) == 1) return out;
  return std::nullopt;
}

IpAddress IpAddress::of(const sockaddr_storage& address) {
  IpAddress out;
  if (address.ss_family == AF_INET) {
    sockaddr_in v4{};
    std::memcpy(&v4, &address, sizeof v4);
    out.bytes_ = kMapped;
    std::memcpy(out.bytes_.data() + kV4Offset, &v4.sin_addr, sizeof v4.sin_addr);
  } else {
    sockaddr_in6 v6{};
    std::memcpy(&v6, &address, sizeof v6);
    std::memcpy(out.bytes_.data(), &v6.sin6_addr, out.bytes_.size());
  }
  return out;
}

bool IpAddress::is_v4() const {
  return std::equal(kMapped.begin(), kMapped.begin() + kV4Offset, bytes_.begin());
}

bool IpAddress::is_loopback() const {
  return is_v4() ? bytes_[kV4Offset] == 127 : bytes_ == kLoopback;
}

std::string IpAddress::text() const {
  std::array<char, INET6_ADDRSTRLEN> buffer{};
  if (is_v4()) {
    ::inet_ntop(AF_INET, bytes_.data() + kV4Offset, buffer.data(), buffer.size());
  } else {
    ::inet_ntop(AF_INET6, bytes_.data(), buffer.data(), buffer.size());
  }
  return buffer.data();
}

Client describe(const sockaddr_storage& address) {
  const IpAddress ip = IpAddress::of(address);
  Client client{.address = ip.text(), .loopback = ip.is_loopback()};
  if (client.loopback) return client;
  if (ip.is_v4()) {
    std::uint32_t number = 0;
    for (std::size_t i = kV4Offset; i < ip.bytes().size(); ++i)
      number = number << 8 | ip.bytes()[i];
    // The key differs from those of IPv6 networks, none of which begins with 32 ones.
    client.key = std::uint64_t{0xffffffff} << 32 | number;
  } else {
    std::memcpy(&client.key, ip.bytes().data(), sizeof client.key);
  }
  return client;
}

std::optional<Address> Address::parse(std::string_view text) {
  constexpr std::size_t kPortDigits = 5;
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  std::string_view host = text.substr(0, colon);
  const std::string_view digits = text.substr(colon + 1);
  const auto port = text::parse_number<std::uint16_t>(digits);
  const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
  if (bracketed) host = host.substr(1, host.size() - 2);
  if (!port || digits.size() > kPortDigits ||
      bracketed != (host.find(':') != std::string_view::npos))
    return std::nullopt;

  Address address{.host = std::string(host), .port = *port};
  if (host == "::") return address;  // Poco does not parse it
  Poco::Net::IPAddress ip;
  if (!Poco::Net::IPAddress::tryParse(address.numeric_host(), ip)) return std::nullopt;
  address.loopback = ip.isLoopback();
  return address;
}

std::string Address::text() const {
  const bool v6 = host.find(':') != std::string::npos;
  return (v6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

}  // namespace holdfast::server::net
