// How many files the process may have open, and what that allows the loops.
#pragma once

#include <cstdint>

#include "server/http1/limits.h"

namespace holdfast::server::loop {

// Raises the soft limit of open files to the hard one and returns it.
[[nodiscard]] std::uint64_t raise_descriptor_limit();

// The limits that `descriptors` open files allow: each connection needs one, each worker two
// more (content, the file of an answer that overflows).
[[nodiscard]] http1::Limits fitted_to(http1::Limits limits, std::uint64_t descriptors);

}  // namespace holdfast::server::loop
