// A realistic tree of files: the documentation and header files of this machine, and made-up ones
// with difficult names and sizes. One thread at a time.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>

namespace holdfast::test {

// Fills the folders part-0, part-1 … of `folder`, which become about equally large, with at least
// `files` files in total, and returns how many there are. No two names in one folder are equal
// under Unicode normalisation.
std::size_t make_sample_tree(const std::filesystem::path& folder, std::size_t files,
                             std::size_t parts = 1);

// Returns the differences between `left` and `right`, one line each, without following symbolic
// links; empty when they have the same files with the same content. With `by_name` the folders of
// `right` are never listed: every file is opened by its name in `left`.
std::string tree_difference(const std::filesystem::path& left, const std::filesystem::path& right,
                            bool by_name = false);

}  // namespace holdfast::test
