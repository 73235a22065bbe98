// The limit of open files of the process, and the limits of connections that follow from it. Main
// thread.
#pragma once

#include <cstdint>

#include "server/http1/limits.h"

namespace holdfast::server::loop {

// Raises the soft limit of open files to the hard one and returns it.
[[nodiscard]] std::uint64_t raise_descriptor_limit();

// Returns the limits that `descriptors` open files allow: each connection needs one, each worker
// two, and a request in progress perhaps one (the content that is sent or received, or the overflow
// file of a response), for which a quarter is kept.
[[nodiscard]] http1::Limits fitted_to(http1::Limits limits, std::uint64_t descriptors);

}  // namespace holdfast::server::loop
