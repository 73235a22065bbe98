#include "server/process/environment.h"

#include <cstdlib>

namespace holdfast::server::process {

Environment process_environment() {
  return [](const std::string& name) -> std::optional<std::string> {
    const char* value = std::getenv(name.c_str());
    if (value == nullptr) return std::nullopt;
    return value;
  };
}

}  // namespace holdfast::server::process
