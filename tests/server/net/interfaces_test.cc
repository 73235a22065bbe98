#include "server/net/interfaces.h"

#include <gmock/gmock.h>
#include <string>

#include "server/config/config.h"

namespace holdfast::server {
namespace {

TEST(Interfaces, AWildcardHasNoAddressThatOtherMachinesCannotUse) {
  EXPECT_THAT(net::hosts_of(config::parse_address("127.0.0.2:80")),
              testing::ElementsAre("127.0.0.2"));
  EXPECT_THAT(net::hosts_of(config::parse_address("[::1]:80")), testing::ElementsAre("::1"));
  for (const char* wildcard : {"0.0.0.0:80", "[::]:80"})
    for (const std::string& host : net::hosts_of(config::parse_address(wildcard))) {
      const auto address = net::IpAddress::parse(host);
      ASSERT_TRUE(address) << host;
      EXPECT_FALSE(address->is_loopback()) << host;
      EXPECT_THAT(host, testing::Not(testing::AnyOf(testing::StartsWith("169.254."),
                                                    testing::StartsWith("fe80:"))));
    }
}

}  // namespace
}  // namespace holdfast::server
