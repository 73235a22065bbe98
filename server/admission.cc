#include "server/admission.h"

namespace holdfast::server {
bool Admission::admit(net::ClientKey key) {
  if (total_ >= limits_.connections) return false;
  if (key != 0) {
    std::size_t& count = clients_[key];
    if (count >= limits_.connections_per_client) return false;
    ++count;
  }
  ++total_;
  return true;
}

void Admission::leave(net::ClientKey key) {
  --total_;
  const auto entry = clients_.find(key);
  if (entry != clients_.end() && --entry->second == 0) clients_.erase(entry);
}

std::shared_ptr<const void> ActiveRequests::enter(storage::AccountId account) {
  {
    const std::scoped_lock lock(mutex_);
    std::size_t& count = counts_[account];
    if (count >= most_) return nullptr;
    ++count;
  }
  // Should there be no memory for this, it leaves at once.
  return {this, [this, account](const void*) { leave(account); }};
}

void ActiveRequests::leave(storage::AccountId account) {
  const std::scoped_lock lock(mutex_);
  const auto entry = counts_.find(account);
  if (--entry->second == 0) counts_.erase(entry);
}

}  // namespace holdfast::server
