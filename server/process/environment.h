// The environment variables of the process.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace holdfast::server::process {

// Looks up an environment variable; nullopt when it is not set.
using Environment = std::function<std::optional<std::string>(const std::string& name)>;

// Returns a function that reads the process's own environment. Call it only while no thread changes
// the environment.
[[nodiscard]] Environment process_environment();

// Returns the names of all environment variables.
[[nodiscard]] std::vector<std::string> variable_names();

}  // namespace holdfast::server::process
