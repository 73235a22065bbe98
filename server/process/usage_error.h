// The error for a command or setting that cannot be carried out as given.
#pragma once

#include <stdexcept>
#include <string_view>

namespace holdfast::server::process {

// The program's exit status for a UsageError.
inline constexpr int kUsageExit = 2;

// `what()` is one sentence for stderr, in which control characters have become '?'.
class UsageError : public std::runtime_error {
 public:
  explicit UsageError(std::string_view sentence);
};

}  // namespace holdfast::server::process
