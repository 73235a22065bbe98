// Paths as the database has them. No segment has a slash. Pure functions; any thread.
#pragma once

#include <string>
#include <string_view>

#include "storage/model.h"

namespace holdfast::storage::sqlite {

// Returns "/" for the root, "/a/b" for others.
[[nodiscard]] std::string text_of(const Path& path);
[[nodiscard]] Path path_of(std::string_view text);

}  // namespace holdfast::storage::sqlite
