// Decides whose password is verified next. Each verification needs 19 MiB and about 20 ms of a
// processor, and an attacker who guesses must not take all processors, so few run at once; all
// others wait for their turn (docs/robustness.md S5). To wait is not to fail: who is patient gets
// in, however many people of one office sign in at the same time. Any thread.
//
// The order of turns: first who has signed in before, with this name from this network; then the
// networks with the fewest failures of late, each in turn; in a network, likewise the addresses;
// then who came first. So a flood waits behind everybody whom it does not come from. When too many
// wait, the last one in this order is turned away; of networks that failed as often, one of those
// that have the most waiters.
//
// A place is given by whoever leaves one.
#pragma once

#include <chrono>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <list>
#include <mutex>
#include <unordered_map>

#include "fiber/wait.h"
#include "server/auth/throttle.h"

namespace holdfast::server::auth {

class HashSlots {
 public:
  struct Bounds {
    std::size_t at_once = 2;
    std::size_t waiting = 1024;
    std::chrono::milliseconds patience{30'000};
  };
  explicit HashSlots(Bounds bounds) : bounds_(bounds) {}

  // Who asks for a place.
  struct Claim {
    Throttle::Source source;
    Throttle::Failures failures;  // when the claim is made
    bool known = false;           // has signed in before, with this name from this network
  };

  // A place among those that verify; converts to false when there was none.
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
  // Waits for a place. Returns none when too many wait that come first, or the patience ends.
  [[nodiscard]] Place enter(const Claim& claim);

  // Turns away all who wait, and whoever would have to wait from now on: the server is to end.
  void stop();

  // Returns how many wait.
  [[nodiscard]] std::size_t waiting() const;

 private:
  enum class State { waiting, given, turned_away };
  struct Waiter {
    const Claim& claim;
    State state = State::waiting;
    fiber::Condition decided;
  };
  using Waiters = std::list<Waiter*>;
  // The place in the order of turns; the lowest one is next.
  struct Rank {
    bool stranger;
    std::int64_t network_failures;
    std::uint64_t network_turn;  // the last turn that the network had; 0: none
    std::int64_t address_failures;
    std::uint64_t address_turn;
    friend auto operator<=>(const Rank&, const Rank&) = default;
  };

  // Call these with `mutex_` held.
  [[nodiscard]] Rank rank_of(const Claim& claim) const;
  [[nodiscard]] std::uint64_t turn_of(std::uint64_t key) const;
  void begin(const Claim& claim) noexcept;
  void decide(Waiters::iterator waiter, State state);
  [[nodiscard]] Waiters::iterator first();
  [[nodiscard]] Waiters::iterator last();
  void leave();

  const Bounds bounds_;
  mutable std::mutex mutex_;  // guards what follows
  std::size_t inside_ = 0;
  bool stopped_ = false;
  Waiters waiting_;  // in the order in which they came
  std::uint64_t turns_ = 0;
  // The last turns of networks and addresses, by their keys in Throttle::Source.
  std::unordered_map<std::uint64_t, std::uint64_t> last_turns_;
};

}  // namespace holdfast::server::auth
