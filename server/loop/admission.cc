#include "server/loop/admission.h"

namespace holdfast::server::loop {
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

}  // namespace holdfast::server::loop
