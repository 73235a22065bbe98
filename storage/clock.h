// The time, injected so that tests can set it. Any thread may call any function here.
//
// There are two clocks. `wall` is the time that people and HTTP dates mean, and may jump. `lease`
// measures lock timeouts and never jumps while the process runs (docs/robustness.md E9). `lease`
// starts equal to `wall` and then follows CLOCK_BOOTTIME, so stored lease times keep their meaning
// across a restart.
#pragma once

#include <cstdint>

namespace holdfast::storage {

using Millis = std::int64_t;  // milliseconds since 1970-01-01T00:00:00Z

class Clock {
 public:
  virtual ~Clock() = default;
  [[nodiscard]] virtual Millis wall() const = 0;
  [[nodiscard]] virtual Millis lease() const = 0;
};

// The machine's clocks.
class SystemClock final : public Clock {
 public:
  SystemClock();
  [[nodiscard]] Millis wall() const override;
  [[nodiscard]] Millis lease() const override;

 private:
  Millis offset_;  // wall - boottime when this object was made
};

}  // namespace holdfast::storage
