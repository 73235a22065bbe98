// What clients that have not signed in may do. Pure functions; any thread.
#pragma once

#include <optional>
#include <string_view>

#include "server/net/address.h"

namespace holdfast::server::auth {

enum class Anonymous { off, read, write };

// Returns "off", "read" or "write".
[[nodiscard]] std::string_view to_string(Anonymous anonymous);

// Returns what anonymous clients may do while there are no accounts: `set` if given, else `write`
// when `listen` is a loopback address. On any other address without a setting, returns `off` when
// there are accounts now (the last one may be removed later), and throws UsageError when there are
// none.
[[nodiscard]] Anonymous anonymous_without_accounts(std::optional<Anonymous> set,
                                                   const net::Address& listen, bool has_accounts);

}  // namespace holdfast::server::auth
