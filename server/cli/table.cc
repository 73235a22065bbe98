#include "server/cli/table.h"

#include <algorithm>

#include "text/utf8.h"

namespace holdfast::server::cli {

std::string text_of(const Table& table) {
  std::vector<std::size_t> widths;
  for (const auto& row : table)
    for (std::size_t i = 0; i < row.size(); ++i) {
      if (i == widths.size()) widths.push_back(0);
      widths[i] = std::max(widths[i], text::count_code_points(row[i]));
    }
  std::string text;
  for (const auto& row : table) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      text += row[i];
      if (i + 1 < row.size()) text.append(widths[i] - text::count_code_points(row[i]) + 2, ' ');
    }
    text += '\n';
  }
  return text;
}

std::string counted(std::uint64_t count, const char* one, const char* many) {
  return std::to_string(count) + " " + (count == 1 ? one : many);
}

}  // namespace holdfast::server::cli
