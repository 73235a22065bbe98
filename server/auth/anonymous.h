// What clients may do that have not signed in.
#pragma once

#include <optional>
#include <string_view>

#include "server/net/address.h"

namespace holdfast::server::auth {

enum class Anonymous { off, read, write };

// "off", "read" or "write".
[[nodiscard]] std::string_view to_string(Anonymous anonymous);

// What anonymous clients may do while there are no accounts: as `set`; else write when `listen` is
// a loopback address. Throws UsageError on any other address without an
// explicit setting, unless `has_accounts`: should the last of them go, it is off.
[[nodiscard]] Anonymous anonymous_without_accounts(std::optional<Anonymous> set,
                                                   const net::Address& listen, bool has_accounts);

}  // namespace holdfast::server::auth
