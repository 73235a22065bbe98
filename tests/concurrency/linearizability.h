// Is a recorded history linearizable (Herlihy and Wing): is there one order of its operations that
// keeps to real time and in which the model gives every answer as recorded? Wing and Gong's search
// with Lowe's memory of what has been tried (set of operations done, state).
//
//   if (!check(history).linearizable) std::cout << explain(minimise(history));
#pragma once

#include <cstddef>
#include <string>

#include "tests/concurrency/history.h"

namespace holdfast::test {

struct Verdict {
  bool linearizable = false;
  std::size_t states = 0;  // pairs of set and state that were looked at
};

// At most 64 operations; throws std::invalid_argument for more, and std::runtime_error when the
// search has looked at `limit` states without an end. An unanswered operation may take effect at
// any time after its beginning, or never; one set aside, within its interval or never.
[[nodiscard]] Verdict check(const History& history, std::size_t limit = 5'000'000);

// The smallest part of a history that is not linearizable which dropping one operation after the
// other finds; the history itself when it is linearizable.
//
// Each step only takes knowledge away, so that what is left is never wrong for a reason that the
// history does not have: it is cut after the first answer that fits no order; what changed nothing
// is left out; what changed something is set aside, that is kept as "may have happened". The result
// still has the operations set aside and unanswered; explain() shows those that others speak of.
[[nodiscard]] History minimise(const History& history);

// For people: the operations of a minimised history that contradict each other.
[[nodiscard]] std::string explain(const History& minimal);

}  // namespace holdfast::test
