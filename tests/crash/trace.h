// The calls that the interposer recorded, in the order in which they took effect.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "tests/support/fault_control.h"

namespace holdfast::test {

struct TracedCall {
  CallKind kind = CallKind::write;
  int error = 0;            // errno; 0: it succeeded
  int thread = 0;           // who called
  int descriptor = -1;      // of an answer: which connection
  std::string path;         // relative to the data folder; "." is the folder itself
  std::string target;       // of a rename or link
  std::int64_t offset = 0;  // of a write; the new size of a truncate; the end of what is allocated
  std::string data;         // written or sent
};

using Trace = std::vector<TracedCall>;

// Throws std::runtime_error when the file is none of the interposer's. A last record that was cut
// off by a kill is left out.
[[nodiscard]] Trace read_trace(const std::filesystem::path& file);

// The status of a final answer that begins with this call; 0 when it is none.
[[nodiscard]] int answered(const TracedCall& call);

// As one line, for messages.
[[nodiscard]] std::string describe(const TracedCall& call);

}  // namespace holdfast::test
