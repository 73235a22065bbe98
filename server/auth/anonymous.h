// What clients may do that have not signed in.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace holdfast::server {

enum class Anonymous { off, read, write };

// "off", "read" or "write".
[[nodiscard]] std::string_view to_string(Anonymous anonymous);

// What anonymous clients may do while there are no accounts: as `set`; else write when `listen`,
// the address as the user gave it, is `loopback`. Throws UsageError on any other address without an
// explicit setting, unless `has_accounts`: should the last of them go, it is off.
[[nodiscard]] Anonymous anonymous_without_accounts(std::optional<Anonymous> set,
                                                   const std::string& listen, bool loopback,
                                                   bool has_accounts);

}  // namespace holdfast::server
