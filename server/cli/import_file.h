// Reads the file of `holdfast user import` (docs/operations.md#many-accounts-at-once).
#pragma once

#include <cstddef>
#include <string>

#include "server/auth/secrets.h"

namespace holdfast::server::cli {

// Reads accounts from a file, hashes their passwords, and returns one line for each, in the form of
// a request to add it, with the value "line" besides: its place in the file. `digest` says which
// other secrets are kept; a password has at least `password_min` code points. Throws UsageError
// with one sentence that names the line.
[[nodiscard]] std::string read_import(const std::string& file, const auth::DigestAlgorithms& digest,
                                      std::size_t password_min);

}  // namespace holdfast::server::cli
