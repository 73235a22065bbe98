// The variables that the process was started with.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace holdfast::server::process {

// Looks up an environment variable; nullopt when it is not set.
using Environment = std::function<std::optional<std::string>(const std::string& name)>;

// The process's own environment. Call the result before other threads may change it.
[[nodiscard]] Environment process_environment();

// The names of all variables that it has.
[[nodiscard]] std::vector<std::string> variable_names();

}  // namespace holdfast::server::process
