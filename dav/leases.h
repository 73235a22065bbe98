// Keeps locks alive during the requests that submit their tokens
// (docs/conformance.md#when-a-lock-ends). A lock that would run out while the body of such a
// request arrives is refreshed in time. A lock that has run out lives again when its creator
// submits its token, as long as what it covers did not change. For one request; one thread.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <vector>

#include "dav/call.h"
#include "dav/conditions.h"
#include "storage/namespace.h"

namespace holdfast::dav {

// For this many seconds after it ran out, a lock's creator can unlock it or make it live again.
inline constexpr std::int64_t kLateLockS = 600;

// Makes a lock live again when the request submits its token, it ran out at most kLateLockS seconds
// ago, no other lock conflicts with it and it has not ended for good. Locks are searched on what is
// `resolved`, on its parents, and on resources below that tags of If name. Returns true when a lock
// lives again: the caller must then resolve its paths once more. Costs no lookup when all tokens
// belong to live locks there.
[[nodiscard]] bool revive_named_locks(const Call& call, const Conditions& conditions,
                                      storage::Transaction& tx,
                                      std::initializer_list<const storage::Resolution*> resolved);

// The locks on a request's target whose tokens it submits, while its body arrives.
class HeldLocks {
 public:
  // Makes locks live again that can, and reads when the others run out. Writes only when a
  // submitted token belongs to no live lock.
  HeldLocks(Call& call, const Conditions& conditions);
  // Call before each wait for the client. Reads the clock, and refreshes the locks that would run
  // out.
  void keep();
  // Refreshes the locks that `keep` refreshed with their own timeouts. Call in the transaction that
  // carries out the request.
  void give_back(storage::Transaction& tx) const;

 private:
  struct Held {
    storage::Lock lock;  // as it was granted
    storage::Millis expires = 0;
    bool stretched = false;
  };
  void look(const storage::Resolution& target);
  void stretch();

  Call& call_;
  const Conditions& conditions_;
  std::vector<Held> held_;
  storage::Millis due_ = 0;  // lease time at which keep() must refresh
};

}  // namespace holdfast::dav
