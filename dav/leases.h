// Locks outlast the requests that name them (docs/conformance.md#when-a-lock-ends). One that runs
// out while the body of such a request is on its way is refreshed in time, and one that has run out
// lives again when its creator names it, as long as nothing was done to what it covers. For one
// request; one thread.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <vector>

#include "dav/call.h"
#include "dav/conditions.h"
#include "storage/namespace.h"

namespace holdfast::dav {

// So long after it ran out a lock is still known to its creator, to be unlocked or to live again.
inline constexpr std::int64_t kLateLockS = 600;

// Lets those locks live again whose tokens the request submits, which ran out at most kLateLockS
// ago, which no other lock conflicts with and which have not ended for good. They are looked for at
// what is `resolved`, its parents and the tags of If. True when one does: whatever was resolved
// before is to be resolved once more. Costs no look-up when all tokens are of live locks there.
[[nodiscard]] bool revive_named_locks(const Call& call, const Conditions& conditions,
                                      storage::Transaction& tx,
                                      std::initializer_list<const storage::Resolution*> resolved);

// The locks that a request names on its target, while its body is waited for.
class HeldLocks {
 public:
  // Revives what can live again, and looks at how long the others last. Writes only when one has
  // run out or is about to.
  HeldLocks(const Call& call, const Conditions& conditions);
  // Goes before each wait for the client. Reads the clock, and refreshes in time the locks that
  // would run out.
  void keep();
  // Gives the locks that were refreshed here their own timeouts again, from now on. Goes into the
  // transaction that acts.
  void give_back(storage::Transaction& tx) const;

 private:
  struct Held {
    storage::Lock lock;  // as it was granted
    storage::Millis expires = 0;
    bool stretched = false;
  };
  void look(const storage::Resolution& target);
  void stretch();

  const Call& call_;
  const Conditions& conditions_;
  std::vector<Held> held_;
  storage::Millis due_ = 0;  // when keep() has something to do
};

}  // namespace holdfast::dav
