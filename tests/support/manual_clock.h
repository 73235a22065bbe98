// Clocks that stand still until a test sets them. Any thread may read while one thread sets.
//
//   ManualClock clock;
//   clock.advance(61'000);        // both clocks, in milliseconds
//   clock.set_wall(0);            // the wall clock jumps; leases do not notice
#pragma once

#include <atomic>

#include "storage/clock.h"

namespace holdfast::test {

class ManualClock final : public storage::Clock {
 public:
  // 2026-01-02T03:04:05Z: a time with distinct digits, so that mixed-up fields show.
  static constexpr storage::Millis kStart = 1'767'323'045'000;

  explicit ManualClock(storage::Millis start = kStart) : wall_(start), lease_(start) {}

  [[nodiscard]] storage::Millis wall() const override { return wall_.load(); }
  [[nodiscard]] storage::Millis lease() const override { return lease_.load(); }

  void set(storage::Millis now) {
    wall_ = now;
    lease_ = now;
  }
  void set_wall(storage::Millis now) { wall_ = now; }
  void advance(storage::Millis by) {
    wall_ += by;
    lease_ += by;
  }

 private:
  std::atomic<storage::Millis> wall_;
  std::atomic<storage::Millis> lease_;
};

}  // namespace holdfast::test
