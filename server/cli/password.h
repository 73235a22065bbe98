// Reads a new password: from a terminal twice and without showing it, else one line of standard
// input. It is never an argument, which every process could see.
#pragma once

#include <string>

namespace holdfast::server::cli {

// Throws UsageError with one sentence when there is no password, when the two differ, or when no
// client could send it (RFC 7617 §2).
[[nodiscard]] std::string read_new_password(const std::string& account);

}  // namespace holdfast::server::cli
