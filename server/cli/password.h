// Reads what the user types: a new password, from a terminal twice and without showing it, else one
// line of standard input; and the answer to a question, from a terminal only. A password is never
// an argument, which every process could see.
#pragma once

#include <cstddef>
#include <string>

namespace holdfast::server::cli {

// Returns the password in NFC. Throws UsageError with one sentence when there is none, when the two
// differ, when it has fewer than `least` code points, or when no client could send it (RFC 7617
// §2).
[[nodiscard]] std::string read_new_password(const std::string& account, std::size_t least);

// Asks on the terminal whether to go on after this sentence, which has no final period. Returns
// true for "y" and "yes". Throws UsageError with one sentence that names --yes when standard input
// is no terminal.
[[nodiscard]] bool ask_to_go_on(const std::string& sentence);

}  // namespace holdfast::server::cli
