// Waits until something at or below a collection changes, without a thread and without a snapshot.
// The store signals here after each commit; who waits looks at the store again. A signal may come
// for nothing, but never fails to come. Any thread or fiber may call.
//
// A commit marks those who wait and wakes a few of them; each of these wakes a few more. So a
// commit that many wait for costs its writer no more than to mark them.
#pragma once

#include <atomic>
#include <cstddef>
#include <list>
#include <map>
#include <mutex>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "fiber/wait.h"
#include "storage/model.h"

namespace holdfast::storage {

class ChangeWaits {
 public:
  // How many may wait at once: in all, of one account, and of anonymous clients together.
  struct Limits {
    std::size_t all = 8192;
    std::size_t of_one = 32;
    std::size_t of_anonymous = 512;
  };

  class Wait;
  using Waits = std::multimap<NodeId, Wait*>;

  // One that waits. It is used by one thread or fiber, and must not outlive its ChangeWaits.
  class Wait {
   public:
    // Counts as one wait of `account` (kNobody: all anonymous clients) from now on.
    Wait(ChangeWaits& waits, AccountId account);
    ~Wait();
    Wait(const Wait&) = delete;
    Wait& operator=(const Wait&) = delete;

    // Returns false when too many wait already, or no wait is taken any more (end()). Then do not
    // call the others.
    [[nodiscard]] bool admitted() const { return admitted_; }
    // Sets what to wait for: changes at or below the last of these collections, and that one of
    // them goes to another place or is removed. They lead from the root to it. Returns false when
    // they are the same as before. What happened before is not signalled, so look at the store
    // afterwards.
    bool watch(std::vector<NodeId> collections);
    // Forgets earlier signals. Call before looking at the store.
    void rearm();
    // Returns true when there was a signal since rearm(), false when `deadline` came first or
    // end() was called.
    [[nodiscard]] bool until(fiber::Clock::time_point deadline);

   private:
    friend class ChangeWaits;
    void forget();

    ChangeWaits& waits_;
    const AccountId account_;
    bool admitted_ = false;
    std::vector<NodeId> collections_;
    std::vector<Waits::iterator> places_;  // the first in `at_`, the others in `on_the_way_`
    bool signalled_ = false;
    std::list<Wait*> own_;  // this one, unless it is in `to_wake_`
    std::list<Wait*>::iterator self_;
    fiber::Condition awaited_;
  };

  ChangeWaits() = default;
  ChangeWaits(const ChangeWaits&) = delete;
  ChangeWaits& operator=(const ChangeWaits&) = delete;

  void limit(Limits limits);
  // Returns how many wait. The store may ask this first: without one, it has nothing to signal.
  [[nodiscard]] std::size_t count() const { return count_.load(std::memory_order_relaxed); }
  // Signals that something has changed at or below the first collections, all those above included,
  // and that the second ones are no longer where they were.
  void changed(const std::unordered_set<NodeId>& collections,
               const std::vector<NodeId>& left) noexcept;
  // Signals all: the rights or all tags have changed.
  void all_changed() noexcept;
  // Signals all, and takes no further wait. For the end of the server.
  void end() noexcept;

 private:
  // Call these with `mutex_` held.
  void signal(Wait& wait) noexcept;
  void signal_all() noexcept;
  void wake(std::size_t most) noexcept;

  std::mutex mutex_;  // guards what follows, and the waits' members
  Limits limits_;
  bool ended_ = false;
  std::unordered_map<AccountId, std::size_t> by_account_;
  Waits at_;          // by the collection that they watch
  Waits on_the_way_;  // by this one and those above but the root, which never leaves
  std::list<Wait*> to_wake_;
  std::atomic<std::size_t> count_{0};
};

}  // namespace holdfast::storage
