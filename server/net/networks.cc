#include "server/net/networks.h"

#include <algorithm>

#include "server/net/address.h"
#include "text/ascii.h"

namespace holdfast::server::net {
namespace {

// The bits before an IPv4 address in its bytes.
constexpr unsigned kMappedBits = 8 * kV4Offset;

}  // namespace

std::optional<Networks> Networks::parse(std::string_view list) {
  Networks out;
  out.text_ = list;
  if (text::trimmed(list).empty()) return out;
  for (bool more = true; more;) {
    const std::size_t comma = list.find(',');
    const std::string_view item = text::trimmed(list.substr(0, comma));
    more = comma != std::string_view::npos;
    list.remove_prefix(more ? comma + 1 : list.size());
    const std::size_t slash = item.find('/');
    const std::optional<IpAddress> address = IpAddress::parse(item.substr(0, slash));
    if (!address) return std::nullopt;
    unsigned bits = address->is_v4() ? 32 : 128;
    if (slash != std::string_view::npos) {
      const unsigned most = bits;
      const auto wanted = text::parse_number<unsigned>(item.substr(slash + 1));
      if (!wanted || *wanted > most) return std::nullopt;
      bits = *wanted;
    }
    out.networks_.push_back({address->bytes(), address->is_v4() ? kMappedBits + bits : bits});
  }
  return out;
}

bool Networks::contains(std::string_view address) const {
  if (networks_.empty()) return false;
  const std::optional<IpAddress> numeric = IpAddress::parse(address);
  if (!numeric) return false;
  const auto within = [&](const Network& network) {
    for (unsigned bit = 0; bit < network.bits; bit += 8) {
      const unsigned rest = std::min(network.bits - bit, 8U);
      const auto mask = static_cast<std::uint8_t>(0xff << (8 - rest));
      if (((numeric->bytes()[bit / 8] ^ network.address[bit / 8]) & mask) != 0) return false;
    }
    return true;
  };
  return std::any_of(networks_.begin(), networks_.end(), within);
}

}  // namespace holdfast::server::net
