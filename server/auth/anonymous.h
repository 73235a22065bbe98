// What clients that have not signed in may do. Pure functions; any thread.
#pragma once

#include <optional>
#include <string_view>

#include "server/net/address.h"

namespace holdfast::server::auth {

enum class Anonymous { off, read, write };

// Returns "off", "read" or "write".
[[nodiscard]] std::string_view to_string(Anonymous anonymous);

// What decides about anonymous clients while there are no accounts.
struct Reach {
  const net::Address& listen;
  bool is_named = false;      // --public-url or --trusted-proxies say that others come here
  bool has_accounts = false;  // now
  bool had_accounts = false;  // at some time
};
// Returns what anonymous clients may do while there are no accounts: `set` if given. Without it,
// they may write when nobody but this machine's own programs can come: `listen` is a loopback
// address, the server is not named to others, and it never had an account. Else they may do
// nothing. Throws UsageError when others can come, there are no accounts, and nothing is set,
// because nobody could do anything then; on a loopback address accounts may be added later.
[[nodiscard]] Anonymous anonymous_without_accounts(std::optional<Anonymous> set,
                                                   const Reach& reach);

}  // namespace holdfast::server::auth
