// Text for people: tables and counts. Pure functions; any thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace holdfast::server::cli {

// Rows of cells in UTF-8; the first row is the heading.
using Table = std::vector<std::vector<std::string>>;

// Returns one line for each row, with two spaces between columns.
[[nodiscard]] std::string text_of(const Table& table);

// Returns "1 account" or "3 accounts".
[[nodiscard]] std::string counted(std::uint64_t count, const char* one, const char* many);

}  // namespace holdfast::server::cli
