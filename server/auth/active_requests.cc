#include "server/auth/active_requests.h"

namespace holdfast::server::auth {

std::shared_ptr<const void> ActiveRequests::enter(storage::AccountId account) {
  {
    const std::scoped_lock lock(mutex_);
    std::size_t& count = counts_[account];
    if (count >= most_) return nullptr;
    ++count;
  }
  // When there is no memory for this, the deleter runs at once.
  return {this, [this, account](const void*) { leave(account); }};
}

void ActiveRequests::leave(storage::AccountId account) {
  const std::scoped_lock lock(mutex_);
  const auto entry = counts_.find(account);
  if (--entry->second == 0) counts_.erase(entry);
}

}  // namespace holdfast::server::auth
