#include "server/auth/known_clients.h"

namespace holdfast::server::auth {

bool KnownClients::has(std::uint64_t client) const {
  const std::scoped_lock lock(mutex_);
  return index_.contains(client);
}

void KnownClients::add(std::uint64_t client) {
  const std::scoped_lock lock(mutex_);
  if (const auto known = index_.find(client); known != index_.end()) {
    clients_.splice(clients_.begin(), clients_, known->second);
    return;
  }
  clients_.push_front(client);
  index_.emplace(client, clients_.begin());
  if (clients_.size() <= capacity_) return;
  index_.erase(clients_.back());
  clients_.pop_back();
}

}  // namespace holdfast::server::auth
