#include "storage/accounts.h"

namespace holdfast::storage {

const Account* Accounts::find(std::string_view name) const {
  for (const Account& account : accounts)
    if (account.name == name) return &account;
  return nullptr;
}

const Account* Accounts::find(AccountId id) const {
  for (const Account& account : accounts)
    if (account.id == id) return &account;
  return nullptr;
}

}  // namespace holdfast::storage
