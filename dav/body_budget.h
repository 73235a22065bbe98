// Limits the memory of the bodies that handlers gather before they parse them. A body that arrives
// slowly is kept in memory all that time, and there may be as many as connections. The first bytes
// of each are free, so that the budget is never in the way of usual requests. Any thread.
#pragma once

#include <atomic>
#include <cstdint>

#include "dav/error.h"

namespace holdfast::dav {

class BodyBudget {
 public:
  static constexpr std::int64_t kBytes = std::int64_t{128} << 20;  // for all bodies together
  static constexpr std::int64_t kFreeBytes = 4096;                 // of each body

  // What one body takes. It must not outlive the budget.
  class Share {
   public:
    explicit Share(BodyBudget& budget) : budget_(budget) {}
    ~Share() { budget_.taken_ -= held_; }
    Share(const Share&) = delete;
    Share& operator=(const Share&) = delete;

    // Call before the body grows by `bytes`. Throws Error 503 with Retry-After when the budget is
    // used up.
    void grow(std::uint64_t bytes) {
      size_ += static_cast<std::int64_t>(bytes);
      const std::int64_t more = size_ - kFreeBytes - held_;
      if (more <= 0) return;
      held_ += more;
      if (budget_.taken_.fetch_add(more) + more <= kBytes) return;
      Error error(503, "too many bodies arrive slowly");
      error.fields = "Retry-After: 5\r\n";
      throw error;
    }

   private:
    BodyBudget& budget_;
    std::int64_t size_ = 0;
    std::int64_t held_ = 0;
  };

 private:
  std::atomic<std::int64_t> taken_{0};
};

}  // namespace holdfast::dav
