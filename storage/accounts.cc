#include "storage/accounts.h"

#include <algorithm>
#include <utf8proc.h>

#include "storage/name_key.h"

namespace holdfast::storage {

bool account_name_allowed(std::string_view name) {
  constexpr std::size_t kMostBytes = 64;
  if (name.empty() || name.size() > kMostBytes) return false;
  for (std::size_t at = 0; at < name.size();) {
    utf8proc_int32_t point = 0;
    const auto used = utf8proc_iterate(reinterpret_cast<const utf8proc_uint8_t*>(name.data()) + at,
                                       static_cast<utf8proc_ssize_t>(name.size() - at), &point);
    if (used <= 0 || point == ':' || utf8proc_category(point) == UTF8PROC_CATEGORY_CC) return false;
    at += static_cast<std::size_t>(used);
  }
  return NameKey(name).is_name();
}

const Account* Accounts::find(std::string_view name) const {
  const auto found =
      std::lower_bound(accounts.begin(), accounts.end(), name,
                       [](const Account& a, std::string_view wanted) { return a.name < wanted; });
  return found != accounts.end() && found->name == name ? &*found : nullptr;
}

const Account* Accounts::find(AccountId id) const {
  for (const Account& account : accounts)
    if (account.id == id) return &account;
  return nullptr;
}

const DeviceToken* Accounts::find_token(std::string_view id) const {
  const auto found =
      std::lower_bound(tokens.begin(), tokens.end(), id,
                       [](const DeviceToken& a, std::string_view wanted) { return a.id < wanted; });
  return found != tokens.end() && found->id == id ? &*found : nullptr;
}

}  // namespace holdfast::storage
