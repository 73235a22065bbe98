#include "dav/xml/parse_slots.h"

#include "dav/error.h"

namespace holdfast::dav::xml {

ParseSlots::ParseSlots(std::size_t slots, std::chrono::seconds longest_wait)
    : longest_wait_(longest_wait), free_(slots) {}

ParseSlots::Slot ParseSlots::take() {
  std::unique_lock lock(mutex_);
  if (!freed_.wait_until(lock, fiber::Clock::now() + longest_wait_, [this] { return free_ > 0; })) {
    Error error(503, "too many XML bodies are being parsed");
    error.fields = "Retry-After: 5\r\n";
    throw error;
  }
  --free_;
  return Slot(*this);
}

void ParseSlots::give_back() {
  const std::scoped_lock lock(mutex_);
  ++free_;
  freed_.notify_one();
}

}  // namespace holdfast::dav::xml
