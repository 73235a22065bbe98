#include "storage/model.h"

#include <ctime>

namespace holdfast::storage {

std::string_view Path::name() const {
  return segments_.empty() ? std::string_view() : std::string_view(segments_.back());
}

Path Path::parent() const {
  if (segments_.empty()) return {};
  return Path(std::vector<std::string>(segments_.begin(), segments_.end() - 1));
}

Path Path::child(std::string_view name) const {
  std::vector<std::string> segments;
  segments.reserve(segments_.size() + 1);
  segments = segments_;
  segments.emplace_back(name);
  return Path(std::move(segments));
}

std::size_t Path::bytes() const {
  std::size_t total = 0;
  for (const std::string& segment : segments_) total += 1 + segment.size();
  return total;
}

namespace {

Millis read_clock(clockid_t id) {
  timespec time{};
  clock_gettime(id, &time);
  return static_cast<Millis>(time.tv_sec) * 1000 + time.tv_nsec / 1'000'000;
}

}  // namespace

SystemClock::SystemClock() : offset_(read_clock(CLOCK_REALTIME) - read_clock(CLOCK_BOOTTIME)) {}

Millis SystemClock::wall() const { return read_clock(CLOCK_REALTIME); }

Millis SystemClock::lease() const { return read_clock(CLOCK_BOOTTIME) + offset_; }

}  // namespace holdfast::storage
