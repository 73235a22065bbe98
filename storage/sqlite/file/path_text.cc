#include "storage/sqlite/file/path_text.h"

#include <algorithm>
#include <vector>

namespace holdfast::storage::sqlite {

std::string text_of(const Path& path) {
  std::string text;
  for (const std::string& segment : path.segments()) text.append("/").append(segment);
  return text.empty() ? "/" : text;
}

Path path_of(std::string_view text) {
  std::vector<std::string> segments;
  while (!text.empty()) {
    const std::string_view segment = text.substr(0, text.find('/'));
    if (!segment.empty()) segments.emplace_back(segment);
    text.remove_prefix(std::min(text.size(), segment.size() + 1));
  }
  return Path(std::move(segments));
}

}  // namespace holdfast::storage::sqlite
