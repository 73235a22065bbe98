#include "server/auth/anonymous.h"

#include "server/process/usage_error.h"

namespace holdfast::server::auth {

std::string_view to_string(Anonymous anonymous) {
  switch (anonymous) {
    case Anonymous::off:
      return "off";
    case Anonymous::read:
      return "read";
    case Anonymous::write:
      return "write";
  }
  return "off";
}

Anonymous anonymous_without_accounts(std::optional<Anonymous> set, const Reach& reach) {
  if (set) return *set;
  if (reach.listen.loopback)
    return reach.is_named || reach.had_accounts ? Anonymous::off : Anonymous::write;
  if (reach.has_accounts) return Anonymous::off;
  throw process::UsageError(
      "There are no accounts, and " + reach.listen.text() +
      " can be reached from other machines: add accounts with holdfast user add, say "
      "what everybody may do with --anonymous off, read or write, or listen on "
      "127.0.0.1.");
}

}  // namespace holdfast::server::auth
