#include "storage/accounts.h"

#include <algorithm>

#include "storage/name_key.h"
#include "text/utf8.h"

namespace holdfast::storage {

bool account_name_allowed(std::string_view name) {
  constexpr std::size_t kMostBytes = 64;
  if (name.empty() || name.size() > kMostBytes) return false;
  for (std::string_view rest = name; !rest.empty();) {
    const text::CodePoint first = text::first_code_point(rest);
    if (first.length == 0 || first.value == ':' || text::is_control_character(first.value))
      return false;
    rest.remove_prefix(first.length);
  }
  return NameKey(name).is_name();
}

bool new_account_name_allowed(std::string_view name) {
  if (!account_name_allowed(name)) return false;
  bool space_allowed = false;
  while (!name.empty()) {
    const text::CodePoint first = text::first_code_point(name);
    const bool is_space = first.value == U' ';
    if (is_space ? !space_allowed : !text::is_name_character(first.value)) return false;
    space_allowed = !is_space;
    name.remove_prefix(first.length);
  }
  return space_allowed;
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
