// Limits how many threads verify passwords at once: each needs 19 MiB and about 20 ms of a
// processor, and an attacker who guesses must not take all processors (docs/robustness.md S5). A
// few more threads may wait for a short time. Any thread.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <mutex>

namespace holdfast::server::auth {

class HashSlots {
 public:
  struct Bounds {
    std::size_t at_once = 2;
    std::size_t waiting = 64;
    std::chrono::milliseconds patience{5000};
  };
  explicit HashSlots(Bounds bounds) : bounds_(bounds) {}

  // A place among the threads that verify; converts to false when there was none.
  class Place {
   public:
    ~Place();
    Place(const Place&) = delete;
    Place& operator=(const Place&) = delete;
    explicit operator bool() const { return owner_ != nullptr; }

   private:
    friend class HashSlots;
    explicit Place(HashSlots* owner) : owner_(owner) {}
    HashSlots* owner_;
  };
  // Waits for a place, unless too many threads wait already.
  [[nodiscard]] Place enter();

 private:
  const Bounds bounds_;
  std::mutex mutex_;  // guards what follows
  std::condition_variable left_;
  std::size_t inside_ = 0;
  std::size_t waiting_ = 0;
};

}  // namespace holdfast::server::auth
