#include "server/auth/hash_slots.h"

namespace holdfast::server::auth {

HashSlots::Place HashSlots::enter() {
  std::unique_lock lock(mutex_);
  if (inside_ >= bounds_.at_once) {
    if (waiting_ >= bounds_.waiting) return Place(nullptr);
    ++waiting_;
    const bool free =
        left_.wait_for(lock, bounds_.patience, [this] { return inside_ < bounds_.at_once; });
    --waiting_;
    if (!free) return Place(nullptr);
  }
  ++inside_;
  return Place(this);
}

HashSlots::Place::~Place() {
  if (owner_ == nullptr) return;
  {
    const std::scoped_lock lock(owner_->mutex_);
    --owner_->inside_;
  }
  owner_->left_.notify_one();
}

}  // namespace holdfast::server::auth
