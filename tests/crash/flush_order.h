// In which order things must reach the disk (docs/robustness.md K5), checked on a trace.
#pragma once

#include <string>
#include <vector>

#include "tests/crash/trace.h"

namespace holdfast::test {

// What an answer promises.
enum class Promise {
  flushed,   // G1: on stable storage
  deferred,  // LOCK, UNLOCK of what is mapped: committed, flushed with the next flushed request
  nothing,   // a refusal or a read
};

// Checks a trace of one client's requests, sent one after another, in `full` durability, and
// returns what is wrong with it, one line each. `promises` has the promise of each final answer in
// the trace, in order. The rules:
//   1. A content file is whole on disk before it gets its name in blobs/.
//   2. That name is on disk (the folder flushed) before the log is flushed with a commit after it.
//   3. The log is flushed after its last write, before an answer that promises it; and every such
//      answer has a commit of its own.
//   4. Pages go into the database only when the log that has them is on disk.
//   5. The log begins again, or is emptied, only when the database is on disk.
//   6. A content file is removed only when the commit that dropped it is on disk.
[[nodiscard]] std::vector<std::string> order_violations(const Trace& trace,
                                                        const std::vector<Promise>& promises);

// The same for `relaxed` durability (G11): rules 4 and 5, and
//   7. A content file is removed, and so what it could fall back to is gone, only when every
//   content
//      file named before and the log are on disk.
//   8. An answer that promises something has a commit of its own, in the system's hands.
//   9. Pages go into the database only when every content file named before is on disk, and a
//   barrier
//      has noted that the log is.
[[nodiscard]] std::vector<std::string> relaxed_order_violations(
    const Trace& trace, const std::vector<Promise>& promises);

}  // namespace holdfast::test
