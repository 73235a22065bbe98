// One of each kind of write, for tests that cut each short.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include "tests/support/write_ledger.h"

namespace holdfast::test {

inline constexpr std::size_t kInline = 5'000;
inline constexpr std::size_t kFile = 300'000;  // more than one write to its file

struct Act {
  std::string name;
  std::function<void(WriteLedger&)> prepare;  // from a cleared ledger
  std::function<int(WriteLedger&)> run;       // the status, 0 without an answer
};

[[nodiscard]] std::vector<Act> acts();
[[nodiscard]] Act act(const std::string& name);

// Removes what acts leave.
void clear(WriteLedger& ledger);

}  // namespace holdfast::test
